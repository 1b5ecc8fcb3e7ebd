"""Small pictures of things, many of them by one question."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING, Final

from operations.finding.regrouped_rows import RegroupedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from maps.review.judging.verdict_book import Key
    from operations.finding.archive import Archive
    from operations.values import PartRecord

_OF_BEST: Final = "SELECT hit_id, jpeg FROM {chips} WHERE hit_id IN (SELECT unnest($hits))"
_OF_ANY: Final = """
SELECT track_id, arg_min(jpeg, c.hit_id) AS jpeg
FROM (SELECT track_id, unnest(hit_ids) AS hit_id FROM {tracks} WHERE track_id IN (SELECT unnest($things))) t
JOIN {chips} c ON c.hit_id = t.hit_id GROUP BY track_id"""


def pictures_of(archive: Archive, wanted: Mapping[Key, str]) -> dict[Key, str]:
    """Return things' pictures as base64: that of the best hit, else of another; those that were kept.

    Parameters
    ----------
    archive
        The operations.
    wanted
        The id of its best hit for each thing.

    Raises
    ------
    DamagedError
        When a part with pictures is missing or cannot be read.
    """
    found: dict[Key, bytes] = {}
    for (source, run_id), keys in itertools.groupby(sorted(wanted, key=_run), key=_run):
        found |= _of_run(archive, source, run_id, {key: wanted[key] for key in keys})
    return {key: base64.b64encode(found[key]).decode("ascii") for key in wanted if key in found}


def _run(key: Key) -> tuple[int, str]:
    return key.source, key.run_id


def _of_run(archive: Archive, source: int, run_id: str, wanted: Mapping[Key, str]) -> dict[Key, bytes]:
    chips, tracks = (_parts(archive, table, source, run_id) for table in ("chips", "tracks"))
    if not chips:
        return {}
    rows = archive.read(source, _OF_BEST, {"chips": chips}, hits=list(wanted.values()))
    best = dict(zip(rows["hit_id"].to_pylist(), rows["jpeg"].to_pylist(), strict=True))
    found = {key: best[hit] for key, hit in wanted.items() if hit in best}
    lacking = {key.thing_id: key for key in wanted if key not in found}
    if lacking and tracks:
        regrouped = RegroupedRows.of(archive, source, {run_id})
        asked, tables = _OF_ANY.replace("{tracks}", regrouped.tracks), {"chips": chips, "tracks": tracks}
        rows = archive.read(source, asked, tables, things=list(lacking), **regrouped.parameters)
        names: Iterable[str] = rows["track_id"].to_pylist()
        found |= {lacking[name]: jpeg for name, jpeg in zip(names, rows["jpeg"].to_pylist(), strict=True)}
    return found


def _parts(archive: Archive, table: str, source: int, run_id: str) -> list[PartRecord]:
    return [one.part for one in archive.parts(table) if one.source == source and one.part.run_id == run_id]
