"""Tracks of an operation that are likely one thing, across passes, sorties and aircraft: the program's own joins.

They are records like those of people (`operations.regrouping`), with their probabilities, in the name of who let the
program look. What a person joined or set apart is never touched, and what the program joined before is weighed anew.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import shapely

from detection.looked_again import Shown, looked_again
from detection.same_thing import chains, link
from detection.traces import Traces
from geo.geodesy import metres_per_degree
from operations import regrouping
from operations.case_file import Draft
from operations.log.leaves import LeafKind
from operations.values import RunKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from detection.same_thing import Links
    from operations.frames import Frames
    from operations.log.leaves import Leaf
    from operations.regrouping import Track
    from operations.store import OperationStore

JOINED_AT: Final = 0.9
"""Tracks are joined that are one thing with this probability or more, where nobody asked for another."""
ASKED: Final = "tracks are joined at"
"""Subject of the record of the probability that somebody asked for (`vedette join --at-least`); the newest holds."""
AREA_MIN_M2: Final = 10_000.0
"""A recording shows at least a hectare; also where its frames show no ground that is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """Tracks that are likely one thing, in order of time, how likely each next one and the one before are one."""

    tracks: tuple[Track, ...]
    probabilities: tuple[float, ...]
    gaps_s: tuple[float, ...]
    """From the end of each to the beginning of the next; below 0 where both were followed at once."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Said:
    """What the log says of joins, as far as it was read."""

    by_people: dict[str, tuple[Track, ...]] = dataclasses.field(default_factory=dict)
    """What people joined and nobody undid, by the record's subject."""
    by_program: dict[str, tuple[Track, ...]] = dataclasses.field(default_factory=dict)
    apart: set[frozenset[Track]] = dataclasses.field(default_factory=set)
    """Pairs that a person set apart."""
    split: dict[str, tuple[Track, ...]] = dataclasses.field(default_factory=dict)
    """The track that a person split, or none where it is whole again, by the record's subject."""
    at_least: float = JOINED_AT
    """Probability from which on tracks are joined unasked."""
    read: int = 0
    """How many records were read."""

    @classmethod
    def of(cls, store: OperationStore) -> Self:
        """Read the whole log: what was joined before it was set apart stands in earlier records."""
        said = cls()
        said.go_on(store)
        return said

    def go_on(self, store: OperationStore) -> None:
        """Read what was added since."""
        for leaf in store.leaves(self.read):
            self.read = leaf.seq + 1
            if leaf.kind is not LeafKind.NOTE:
                continue
            if leaf.subject.startswith(regrouping.JOINED):
                self._joined(leaf)
            elif leaf.subject.startswith(regrouping.SPLIT):
                self.split[leaf.subject] = tuple(regrouping.split_by(leaf))
            elif leaf.subject == ASKED:
                self.at_least = _probability(leaf.body.get("at_least"))

    def _joined(self, leaf: Leaf) -> None:
        before = (*self.by_people.pop(leaf.subject, ()), *self.by_program.pop(leaf.subject, ()))
        tracks, own = tuple(regrouping.tracks_of(leaf)), regrouping.PROBABILITIES in leaf.body
        if tracks:
            (self.by_program if own else self.by_people)[leaf.subject] = tracks
        elif not own:
            self.apart |= {frozenset((a, b)) for a in before for b in before if a != b}

    def free(self, pairs: Iterable[tuple[Track, Track]]) -> list[bool]:
        """Tell which pairs of tracks the program may join: those of which people have not spoken."""
        spoken = set(itertools.chain(*self.by_people.values(), *self.split.values()))
        return [
            one not in spoken and two not in spoken and frozenset((one, two)) not in self.apart for one, two in pairs
        ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """What is likely one thing, from which probability on, and what the log said when that was weighed."""

    things: tuple[Same, ...]
    at_least: float
    said: Said


def likely_same(store: OperationStore, at_least: float | None = None) -> Likely:
    """Weigh the tracks of an operation's recordings: which are one thing, each link with at least this probability.

    Without one it is what somebody asked for last (`vedette join --at-least`), else `JOINED_AT`.
    """
    said = Said.of(store)
    limit = said.at_least if at_least is None else at_least
    return Likely(things=tuple(_weighed(store, said, limit)), at_least=limit, said=said)


def _weighed(store: OperationStore, said: Said, at_least: float) -> Iterator[Same]:
    runs = [run for run in store.runs() if run.kind is RunKind.RECORD]
    parts = [(run.run_id, store.hits(runs=[run.run_id]), store.tracks(runs=[run.run_id])) for run in runs]
    frames = [store.frames(runs=[run.run_id]) for run in runs]
    area = np.array([seen_m2(some) for some in frames])
    names = [(run_id, name) for run_id, _, tracks in parts for name in tracks.track_id]
    if len(names) < 2:
        return
    traces = Traces.of([(hits, tracks) for _, hits, tracks in parts])
    again = looked_again([(tracks, _shown(some)) for (_, _, tracks), some in zip(parts, frames, strict=True)])
    links = _free(link(traces, area, again), names, said)
    pairs = zip(links.before.tolist(), links.after.tolist(), links.probability.tolist(), strict=True)
    chance = {frozenset((one, two)): told for one, two, told in pairs}
    for whole in chains(links, at_least):
        chain = whole[: regrouping.MOST_JOINED]
        steps = list(itertools.pairwise(chain))
        yield Same(
            tracks=tuple(names[row] for row in chain),
            probabilities=tuple(chance.get(frozenset(step), 0.0) for step in steps),
            gaps_s=tuple(float(traces.begin_ns[b] - traces.end_ns[a]) / 1e9 for a, b in steps),
        )


def record_same(store: OperationStore, likely: Likely) -> int:
    """Record what is new of it, and part what the program joined before and joins no more; returns how many records.

    What is read in later is joined at the same probability.
    """

    def drafts() -> list[Draft]:
        likely.said.go_on(store)
        before = likely.said.by_program
        things = [one for one in likely.things if all(likely.said.free(itertools.pairwise(one.tracks)))]
        made = [regrouping.joined_draft(one.tracks, one.probabilities) for one in things]
        subjects = {draft.subject for draft in made}
        fresh = [d for d, one in zip(made, things, strict=True) if before.get(d.subject) != one.tracks]
        gone = [regrouping.parted_draft(subject, by_program=True) for subject in before if subject not in subjects]
        asked = [] if likely.at_least == likely.said.at_least else [_asked_draft(likely.at_least)]
        return [*asked, *gone, *fresh]

    return len(store.append_all(drafts))


def join_same(store: OperationStore) -> Likely:
    """Join what is likely one thing, at the probability that somebody asked for last, else `JOINED_AT`."""
    likely = likely_same(store)
    record_same(store, likely)
    return likely


def _asked_draft(at_least: float) -> Draft:
    return Draft(kind=LeafKind.NOTE, subject=ASKED, body={"at_least": at_least})


def _probability(told: object) -> float:
    """Return a probability as a record tells it; `JOINED_AT` where it tells none."""
    return float(told) if isinstance(told, (int, float)) and 0.0 <= told <= 1.0 else JOINED_AT


def _free(links: Links, names: Sequence[Track], said: Said) -> Links:
    """Leave out pairs of which people have spoken."""
    pairs = zip(links.before.tolist(), links.after.tolist(), strict=True)
    kept = np.array(said.free((names[a], names[b]) for a, b in pairs), dtype=bool)
    return dataclasses.replace(
        links, before=links.before[kept], after=links.after[kept], probability=links.probability[kept]
    )


def _shown(frames: Frames) -> Shown:
    """Return what pictures showed, until when."""
    rows = frames.with_footprint
    return Shown(rings=tuple(frames.ring(int(row)) for row in rows), to_ns=frames.seen_to_ns[rows])


def seen_m2(frames: Frames) -> float:
    """Ground that frames show together, in square metres."""
    rings: list[NDArray[np.float64]] = [frames.ring(int(row)) for row in frames.with_footprint]
    if not rings:
        return AREA_MIN_M2
    north, east = (float(v) for v in metres_per_degree(float(rings[0][0, 1])))
    whole = shapely.union_all(
        [shapely.make_valid(shapely.Polygon(ring * (east, north))) for ring in rings if len(ring) > 2]
    )
    return max(float(whole.area), AREA_MIN_M2) if math.isfinite(whole.area) else AREA_MIN_M2
