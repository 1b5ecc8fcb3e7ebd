"""What people decided about things: the newest confirmed verdict on a track, or on a hit of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detection.labels import NONE, Labels
from operations.values import Decision

if TYPE_CHECKING:
    from operations.finding.archive import Archive
    from operations.finding.things import Things

_DECISIONS = tuple(str(decision) for decision in Decision)


def decisions(archive: Archive, things: Things) -> Labels:
    """Return the decision on each thing; nothing where nobody has decided, or only a proposal waits.

    Verdicts are taken in the order of the log, so a later one counts over an earlier one.
    """
    codes = np.full(len(things), NONE, np.int32)
    for source in range(len(archive.stores)):
        for verdict in archive.verdicts(source):
            if verdict.confirmed and (verdict.track_id or verdict.hit_ids):
                ids = frozenset((verdict.track_id, *verdict.hit_ids)) - {""}
                codes[_things_with(things, source, verdict.run_id, ids)] = _DECISIONS.index(verdict.decision)
    return Labels(names=_DECISIONS, codes=codes)


def _things_with(things: Things, source: int, run_id: str, ids: frozenset[str]) -> list[int]:
    """Return the rows of a run's things that have one of these ids, or a hit that has."""
    names = things.text["run_id"].names
    if run_id not in names:
        return []
    of_run = (things.text["run_id"].codes == names.index(run_id)) & (things.number["source"] == source)
    rows = np.flatnonzero(of_run)
    known = things.text["thing_id"]
    found = [row for row in rows.tolist() if known[row] in ids]
    of_thing, points = things.points_of(rows)
    wanted = np.array(sorted(ids), dtype="S")
    return [*found, *rows[of_thing[np.isin(things.point_hit_id[points], wanted)]].tolist()]
