"""What people said about things: the newest confirmed verdict or outcome on a track, or on a hit of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detection.labels import NONE, Labels
from operations.finding.hits_of_things import tracks_of_hits
from operations.values import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operations.finding.archive import Archive
    from operations.finding.things import Things
    from operations.values import PatrolOutcome, Verdict

_DECISIONS = tuple(str(decision) for decision in Decision)
_OUTCOMES = tuple(str(outcome) for outcome in Outcome)


def decisions(archive: Archive, things: Things) -> Labels:
    """Return the decision on each thing; nothing where nobody has decided, or only a proposal waits.

    Verdicts are taken in the order of the log, so a later one counts over an earlier one.
    """
    codes = np.full(len(things), NONE, np.int32)
    for source in range(len(archive.stores)):
        verdicts = archive.verdicts(source)
        for number, rows in _about(archive, things, source, verdicts):
            codes[rows] = _DECISIONS.index(verdicts[number].decision)
    return Labels(names=_DECISIONS, codes=codes)


def reported(archive: Archive, things: Things) -> Labels:
    """Return what a patrol found at each thing; nothing where none reported. A later report counts over an earlier."""
    codes = np.full(len(things), NONE, np.int32)
    for source in range(len(archive.stores)):
        outcomes = archive.outcomes(source)
        for number, rows in _about(archive, things, source, outcomes):
            codes[rows] = _OUTCOMES.index(outcomes[number].found)
    return Labels(names=_OUTCOMES, codes=codes)


def _about(
    archive: Archive, things: Things, source: int, said: Sequence[Verdict | PatrolOutcome]
) -> Iterator[tuple[int, list[int]]]:
    """Yield which things each of an operation's verdicts or outcomes is about; proposals are passed over."""
    hits = {(one.run_id, hit_id) for one in said if one.confirmed for hit_id in one.hit_ids}
    tracks = tracks_of_hits(archive, source, hits)
    for number, one in enumerate(said):
        ids = {one.track_id, *one.hit_ids} - {""}
        ids |= {track for hit_id in one.hit_ids for track in tracks.get((one.run_id, hit_id), ())}
        if one.confirmed and ids:
            yield number, _things_with(things, source, one.run_id, ids)


def _things_with(things: Things, source: int, run_id: str, ids: set[str]) -> list[int]:
    """Return the rows of a run's things that have one of these ids."""
    names = things.text["run_id"].names
    if run_id not in names:
        return []
    of_run = (things.text["run_id"].codes == names.index(run_id)) & (things.number["source"] == source)
    known = things.text["thing_id"]
    return [row for row in np.flatnonzero(of_run).tolist() if known[row] in ids]
