"""Which hits things are made of, read when they are asked for: there are too many to keep them all in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_hits import HIT_ID
from operations.finding.regrouped_rows import RegroupedRows

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from operations.finding.archive import Archive
    from operations.finding.things import Things
    from operations.values import PartRecord

_HITS: Final = (
    "SELECT run_id, track_id, hit_ids FROM {tracks} WHERE track_id IN (SELECT unnest($ids)) ORDER BY t_utc_ns[1]"
)
"""Several rows a track in a live run: each with what was followed further."""
_TRACKS: Final = """
SELECT run_id, track_id, hit_id FROM (SELECT run_id, track_id, unnest(hit_ids) AS hit_id FROM {tracks})
WHERE hit_id IN (SELECT unnest($ids))"""


def hit_ids_of(archive: Archive, things: Things) -> list[list[str]]:
    """Return by row the ids of a thing's hits in order of time.

    Raises
    ------
    DamagedError
        When a part with their tracks is missing or cannot be read.
    """
    run_ids, names = things.text["run_id"].texts().tolist(), things.ids["thing_id"].texts().tolist()
    single, sources = things.number["single"], things.number["source"]
    found: list[list[str]] = [[name] if alone else [] for name, alone in zip(names, single.tolist(), strict=True)]
    for source in np.unique(sources[~single]).tolist():
        rows = np.flatnonzero((sources == source) & ~single).tolist()
        parts = _parts(archive, source, {run_ids[row] for row in rows})
        regrouped = RegroupedRows.of(archive, source, {run_ids[row] for row in rows})
        asked = _HITS.replace("{tracks}", regrouped.tracks)
        wanted = sorted({names[row] for row in rows})
        table = archive.read(source, asked, {"tracks": parts}, ids=wanted, **regrouped.parameters)
        of_track: dict[tuple[str, str], list[str]] = {}
        for told in table.to_pylist():
            of_track.setdefault((told["run_id"], told["track_id"]), []).extend(told["hit_ids"])
        for row in rows:
            found[row] = of_track[run_ids[row], names[row]]
    return found


def belong_to(hits: GroundHits, things: Things, archive: Archive) -> NDArray[np.bool_]:
    """Tell which hits are of one of these things."""
    ids = [hit_id for listed in hit_ids_of(archive, things) for hit_id in listed]
    return np.isin(hits.hit_id, np.array(ids, dtype=HIT_ID))


def tracks_of_hits(
    archive: Archive, source: int, hits: Collection[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return the tracks of an operation that hits (run id, hit id) belong to; hits of no track are left out."""
    parts = _parts(archive, source, {run_id for run_id, _ in hits})
    found: dict[tuple[str, str], list[str]] = {}
    if parts:
        regrouped = RegroupedRows.of(archive, source, {run_id for run_id, _ in hits})
        asked, wanted = _TRACKS.replace("{tracks}", regrouped.tracks), sorted({hit_id for _, hit_id in hits})
        table = archive.read(source, asked, {"tracks": parts}, ids=wanted, **regrouped.parameters)
        for row in table.to_pylist():
            found.setdefault((row["run_id"], row["hit_id"]), []).append(row["track_id"])
    return found


def _parts(archive: Archive, source: int, runs: Collection[str]) -> list[PartRecord]:
    return [one.part for one in archive.parts("tracks") if one.source == source and one.part.run_id in runs]
