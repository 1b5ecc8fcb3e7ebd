"""What people said about things: their verdicts on a track or on hits of it together, and what a patrol found there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.labels import NONE, Labels
from operations.finding.hits_of_things import tracks_of_hits
from operations.standing import CONFLICT, Standing
from operations.values import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from operations.finding.archive import Archive
    from operations.finding.things import Things
    from operations.standing import Given
    from operations.values import PatrolOutcome, Verdict

DECISIONS: Final = (*map(str, Decision), CONFLICT)
"""What can stand about a thing somebody has decided about."""
_OUTCOMES = tuple(str(outcome) for outcome in Outcome)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What was decided, a row a thing."""

    decision: Labels
    """One of `DECISIONS`; nothing where nobody has decided, or only a proposal waits."""
    decided_by: Labels
    """Who decided what, as ``confirmed by ana, dismissed by ben``."""
    joined_with: Labels
    """Ids of the tracks that people took for the same thing, with commas between."""

    def take(self, rows: NDArray[np.int64]) -> Marks:
        """Return some rows."""
        columns = (self.decision, self.decided_by, self.joined_with)
        decision, decided_by, joined_with = (column.take(rows) for column in columns)
        return Marks(decision=decision, decided_by=decided_by, joined_with=joined_with)


def decisions(archive: Archive, things: Things) -> Marks:
    """Return what was decided about each thing: where two people decided differently, that, and not who came last."""
    codes = np.full(len(things), NONE, np.int32)
    told = np.full(len(things), NONE, np.int32)
    names: dict[str, int] = {}
    for source in range(len(archive.stores)):
        given = archive.given(source)
        for row, numbers in _about(archive, things, source, [one.verdict for one in given]).items():
            standing = Standing.of(given[number] for number in numbers)
            if standing.decision:
                codes[row] = DECISIONS.index(standing.decision)
                told[row] = names.setdefault(standing.told, len(names))
    return Marks(
        decision=Labels(names=DECISIONS, codes=codes), decided_by=Labels(names=tuple(names), codes=told),
        joined_with=_joined(archive, things),
    )  # fmt: skip


def _joined(archive: Archive, things: Things) -> Labels:
    """Return the ids of what each thing was joined with."""
    codes, names = np.full(len(things), NONE, np.int32), dict[str, int]()
    for source in range(len(archive.stores)):
        joins = archive.regrouping(source).joins
        named = things.ids["thing_id"].among({name for _, name in joins}) & (things.number["source"] == source)
        for row in np.flatnonzero(named).tolist() if joins else ():
            own = things.text["run_id"][row], things.ids["thing_id"][row]
            if own in joins:
                others = ", ".join(name for run_id, name in joins[own] if (run_id, name) != own)
                codes[row] = names.setdefault(others, len(names))
    return Labels(names=tuple(names), codes=codes)


def of_hits(archive: Archive, source: int, run_id: str) -> dict[str, str]:
    """Return what was decided about single hits of a run, by hit id: one of `DECISIONS`."""
    about: dict[str, list[Given]] = {}
    for one in archive.given(source):
        if one.counts and one.verdict.run_id == run_id:
            for hit_id in one.verdict.hit_ids:
                about.setdefault(hit_id, []).append(one)
    return {hit_id: decision for hit_id, given in about.items() if (decision := Standing.of(given).decision)}


def reported(archive: Archive, things: Things) -> Labels:
    """Return what a patrol found at each thing; nothing where none reported. A later report counts over an earlier."""
    codes = np.full(len(things), NONE, np.int32)
    for source in range(len(archive.stores)):
        outcomes = archive.outcomes(source)
        for row, numbers in _about(archive, things, source, outcomes).items():
            codes[row] = _OUTCOMES.index(outcomes[numbers[-1]].found)
    return Labels(names=_OUTCOMES, codes=codes)


def _about(
    archive: Archive, things: Things, source: int, said: Sequence[Verdict | PatrolOutcome]
) -> Mapping[int, list[int]]:
    """Return for rows of things which of an operation's verdicts or outcomes are about them; proposals are not."""
    hits = {(one.run_id, hit_id) for one in said if one.confirmed for hit_id in one.hit_ids}
    tracks = tracks_of_hits(archive, source, hits)
    about: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(said):
        ids = {one.track_id, *one.hit_ids} - {""}
        ids |= {track for hit_id in one.hit_ids for track in tracks.get((one.run_id, hit_id), ())}
        ids |= {piece.name for piece in archive.regrouping(source).pieces((one.run_id, one.track_id))}
        for name in ids if one.confirmed else ():
            about.setdefault((one.run_id, name), []).append(number)
    found: dict[int, list[int]] = {}
    named = things.ids["thing_id"].among({name for _, name in about}) & (things.number["source"] == source)
    for row in np.flatnonzero(named).tolist() if about else ():
        numbers = about.get((things.text["run_id"][row], things.ids["thing_id"][row]))
        if numbers is not None:
            found[row] = numbers
    return found
