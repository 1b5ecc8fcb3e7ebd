"""Every hit of the things that leave, as the detector drew it, with what a reader and a patrol said of its thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from operations.finding.hits_of_things import hit_ids_of
from operations.finding.verdict_marks import reported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.exports.handed import Handed

_QUERY: Final = """
SELECT hit_id, run_id, media_id, stream, frame_index, media_t_ns, class_name, score, score_raw,
    box_x0_px, box_y0_px, box_x1_px, box_y1_px
FROM {hits} WHERE run_id = $run AND hit_id IN (SELECT unnest($ids))
ORDER BY media_id, stream, frame_index, hit_id"""


def boxes_of(handed: Handed) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Yield operation, hit, and what was said of its thing: `thing_id`, `decision`, `decided_by`, `patrol_found`.

    Verdicts are not truth and outcomes are not verdicts: both are told, and whoever learns from them has to choose.
    """
    things = handed.things
    run_ids, hit_ids = things.text["run_id"].texts(), hit_ids_of(handed.archive, things)
    found_there = reported(handed.archive, things)
    for source in np.unique(things.number["source"]).tolist():
        of_source = things.number["source"] == source
        for run_id in np.unique(run_ids[of_source]).tolist():
            parts = [p.part for p in handed.archive.parts("hits") if p.key[0] == source and p.part.run_id == run_id]
            rows = np.flatnonzero(of_source & (run_ids == run_id)).tolist()
            of_hit = {hit_id: row for row in rows for hit_id in hit_ids[row]}
            found = handed.archive.read(source, _QUERY, {"hits": parts}, run=run_id, ids=list(of_hit))
            for hit in found.to_pylist():
                row = of_hit[hit["hit_id"]]
                told = handed.rows[row]
                said = {"thing_id": told["id"], **{name: told[name] for name in ("decision", "decided_by")}}
                yield source, hit, said | {"patrol_found": found_there[row] or None}
