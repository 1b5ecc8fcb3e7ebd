"""The small picture to judge a thing by: that of its best hit, or of another where that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from operations.finding.archive import Archive
    from operations.finding.things import Things

_QUERY: Final = "SELECT hit_id, jpeg FROM {chips} WHERE hit_id IN (SELECT unnest($ids))"


def best_chips(archive: Archive, things: Things) -> dict[int, bytes]:
    """Return JPEGs by row of `things`; rows without any picture are left out.

    Raises
    ------
    DamagedError
        When a part with their pictures is missing or cannot be read.
    """
    chips: dict[tuple[int, str, bytes], bytes] = {}
    run_ids, sources = things.text["run_id"].texts(), things.number["source"]
    of_thing = np.repeat(np.arange(len(things)), np.diff(things.offsets))
    for source in np.unique(sources).tolist():
        for run_id in np.unique(run_ids[sources == source]).tolist():
            parts = [one.part for one in archive.parts("chips") if one.key[0] == source and one.part.run_id == run_id]
            if not any(part.rows for part in parts):
                continue
            rows = (sources == source) & (run_ids == run_id)
            ids = np.unique(np.append(things.point_hit_id[rows[of_thing]], _best(things)[rows]))
            wanted = [name.decode() for name in ids.tolist()]
            table = archive.read(source, _QUERY, {"chips": parts}, ids=wanted)
            for name, jpeg in zip(table["hit_id"].to_pylist(), table["jpeg"].to_pylist(), strict=True):
                chips[source, run_id, name.encode()] = jpeg
    found: dict[int, bytes] = {}
    for row in range(len(things)):
        key = int(sources[row]), str(run_ids[row])
        hits = things.point_hit_id[things.offsets[row] : things.offsets[row + 1]].tolist()
        for name in (_best(things)[row], *hits):
            if (*key, bytes(name)) in chips:
                found[row] = chips[*key, bytes(name)]
                break
    return found


def _best(things: Things) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    return np.char.encode(things.text["best_hit_id"].texts(), "ascii")
