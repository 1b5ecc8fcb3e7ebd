"""Tracks of an operation that are likely one thing, across passes, sorties and aircraft: the program's own joins.

They are records like those of people (`operations.regrouping`), with their probabilities, in the name of who let the
program look. What a person joined or set apart is never touched, and what the program joined before is weighed anew.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from detection.same_thing import chains, link
from detection.traces import Traces
from geo.geodesy import metres_per_degree
from operations import regrouping
from operations.log.leaves import LeafKind
from operations.values import RunKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from detection.same_thing import Links
    from operations.case_file import Draft
    from operations.frames import Frames
    from operations.regrouping import Track
    from operations.store import OperationStore

JOINED_AT: Final = 0.9
"""Tracks are joined unasked that are one thing with this probability or more."""
ROUNDED: Final = 5e-4
"""Records hold probabilities to three digits."""
AREA_MIN_M2: Final = 10_000.0
"""A recording shows at least a hectare; also where its frames show no ground that is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """Tracks that are likely one thing, in order of time, and how likely each next one is the one before it."""

    tracks: tuple[Track, ...]
    probabilities: tuple[float, ...]
    gaps_s: tuple[float, ...]
    """From the end of each to the beginning of the next; below 0 where both were followed at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the log says of joins."""

    by_people: frozenset[Track]
    """Tracks that people joined."""
    apart: frozenset[frozenset[Track]]
    """Pairs that a person set apart."""
    by_program: dict[str, tuple[Track, ...]]
    """What the program joined and nobody undid, by the record's subject."""
    least: float
    """Lowest probability at which the program ever joined two, 1 where it joined none."""

    @classmethod
    def of(cls, store: OperationStore) -> Said:
        """Read the whole log: what was joined before it was set apart stands in earlier records."""
        by_people: dict[str, tuple[Track, ...]] = {}
        by_program: dict[str, tuple[Track, ...]] = {}
        apart: set[frozenset[Track]] = set()
        least = 1.0
        for leaf in store.leaves():
            if leaf.kind is not LeafKind.NOTE or not leaf.subject.startswith(regrouping.JOINED):
                continue
            before = (*by_people.pop(leaf.subject, ()), *by_program.pop(leaf.subject, ()))
            tracks, own = tuple(regrouping.tracks_of(leaf)), regrouping.PROBABILITIES in leaf.body
            if own:
                least = min([least, *_numbers(leaf.body[regrouping.PROBABILITIES])])
            if tracks:
                (by_program if own else by_people)[leaf.subject] = tracks
            elif not own:
                apart |= {frozenset((a, b)) for a in before for b in before if a != b}
        joined = frozenset(track for tracks in by_people.values() for track in tracks)
        return cls(by_people=joined, apart=frozenset(apart), by_program=by_program, least=least)


def likely_same(store: OperationStore, at_least: float) -> list[Same]:
    """Return the tracks of an operation's recordings that are one thing, each link with at least this probability."""
    runs = [run for run in store.runs() if run.kind is RunKind.RECORD]
    parts = [(run.run_id, store.hits(runs=[run.run_id]), store.tracks(runs=[run.run_id])) for run in runs]
    area = np.array([seen_m2(store.frames(runs=[run.run_id])) for run in runs])
    names = [(run_id, name) for run_id, _, tracks in parts for name in tracks.track_id]
    if len(names) < 2:
        return []
    traces = Traces.of([(hits, tracks) for _, hits, tracks in parts])
    said = Said.of(store)
    spoken = said.by_people | regrouping.Regrouping.of(store).cuts.keys()
    links = _free(link(traces, area), names, said.apart, spoken)
    chance = dict(
        zip(zip(links.before.tolist(), links.after.tolist(), strict=True), links.probability.tolist(), strict=True)
    )
    found = []
    for whole in chains(links, at_least):
        chain = whole[: regrouping.MOST_JOINED]
        pairs = list(zip(chain, chain[1:], strict=False))
        found.append(
            Same(
                tracks=tuple(names[row] for row in chain),
                probabilities=tuple(chance[pair] for pair in pairs),
                gaps_s=tuple(float(traces.begin_ns[b] - traces.end_ns[a]) / 1e9 for a, b in pairs),
            )
        )
    return found


def record_same(store: OperationStore, found: Sequence[Same]) -> int:
    """Record what is new of it, and part what the program joined before and joins no more; returns how many records."""

    def drafts() -> list[Draft]:
        before = Said.of(store).by_program
        made = [regrouping.joined_draft(one.tracks, one.probabilities) for one in found]
        subjects = {draft.subject for draft in made}
        fresh = [draft for draft, one in zip(made, found, strict=True) if before.get(draft.subject) != one.tracks]
        gone = [regrouping.parted_draft(subject, by_program=True) for subject in before if subject not in subjects]
        return [*gone, *fresh]

    return len(store.append_all(drafts))


def join_same(store: OperationStore) -> int:
    """Join what is likely one thing, and return how many things that is.

    Where the program has joined tracks of this operation before, all that is as likely as the least likely of those is
    joined again: somebody asked for it (`vedette join --at-least`). Else it is `JOINED_AT`.
    """
    least = Said.of(store).least
    found = likely_same(store, least - ROUNDED if least < 1.0 else JOINED_AT)
    record_same(store, found)
    return len(found)


def _numbers(given: object) -> list[float]:
    return [float(one) for one in given if isinstance(one, (int, float))] if isinstance(given, list) else []


def _free(
    links: Links, names: Sequence[Track], apart: Collection[frozenset[Track]], spoken: Collection[Track]
) -> Links:
    """Leave out pairs of which people have spoken."""
    kept = np.array(
        [
            names[a] not in spoken and names[b] not in spoken and frozenset((names[a], names[b])) not in apart
            for a, b in zip(links.before.tolist(), links.after.tolist(), strict=True)
        ],
        dtype=bool,
    )
    return dataclasses.replace(
        links, before=links.before[kept], after=links.after[kept], probability=links.probability[kept]
    )


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
