"""What people decided about things: the newest confirmed verdict on a track, or on a hit of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detection.labels import NONE, Labels
from operations.finding.hits_of_things import tracks_of_hits
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
        confirmed = [verdict for verdict in archive.verdicts(source) if verdict.confirmed]
        tracks = tracks_of_hits(archive, source, {(v.run_id, hit_id) for v in confirmed for hit_id in v.hit_ids})
        for verdict in confirmed:
            ids = {verdict.track_id, *verdict.hit_ids} - {""}
            ids |= {track for hit_id in verdict.hit_ids for track in tracks.get((verdict.run_id, hit_id), ())}
            if ids:
                codes[_things_with(things, source, verdict.run_id, ids)] = _DECISIONS.index(verdict.decision)
    return Labels(names=_DECISIONS, codes=codes)


def _things_with(things: Things, source: int, run_id: str, ids: set[str]) -> list[int]:
    """Return the rows of a run's things that have one of these ids."""
    names = things.text["run_id"].names
    if run_id not in names:
        return []
    of_run = (things.text["run_id"].codes == names.index(run_id)) & (things.number["source"] == source)
    known = things.text["thing_id"]
    return [row for row in np.flatnonzero(of_run).tolist() if known[row] in ids]
