"""Tracks joined over sorties (`vedette join`), against none joined and against every track known; IDF1 is trackeval's.

Simulated operations of two or three sorties over the same 2.4 km, the next one after 0, 30, 60, 120 or 240 s, over the
same worlds each time; and flights to and fro over 0.7 or 1.3 km, whose passes are one recording's. Nothing was
chosen on their worlds. How far probabilities of joins are from what comes true is told beside it.
"""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import numpy as np

from benchmarks import Row
from detection.event_scoring import things_of_tracks
from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.labels import NONE
from detection.looked_again import Shown, looked_again
from detection.pose_errors import settled
from detection.same_thing import chains, link
from detection.traces import Traces
from detection.track_scoring import associate
from detection.truth import FilmTruth
from geo.footprint import footprint
from operations.same_things import JOINED_AT
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import seen_patrol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from detection.ground_tracks import GroundTracks
    from detection.same_thing import Links
    from sitl.films.patrol_flight import SeenPatrol

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]

FIRST_WORLD, WORLDS = 140, 20
GAPS_S = (0.0, 30.0, 60.0, 120.0, 240.0)
LINE_M, DEEP_M = 2450.0, 110.0
TO_AND_FRO_M = (700.0, 1300.0)
TO_AND_FRO_WORLDS = range(160, 176)
LONG_STITCH_S = 180.0
FOOTPRINT_EVERY = 6
"""Of so many pictures one has an outline of what it shows, as recordings that are read in have one in four seconds."""
BINS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 1.0001)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sorties:
    """The recordings of one operation, followed, and what was there."""

    hits: list[GroundHits]
    tracks: list[GroundTracks]
    truth: list[FilmTruth]
    shown: list[Shown]

    @classmethod
    def flown(cls, world: int, gap_s: float) -> _Sorties:
        shapes = [
            PatrolShape(
                seconds=200.0, fps=Fraction(3, 2), line_m=LINE_M, groups_per_km=4.0, vehicles_per_km=2.0,
                start_s=number * gap_s, sortie=number,
            )
            for number in range(2 if gap_s == 0.0 else 3)
        ]  # fmt: skip
        return cls.over(world, shapes, TrackerSettings())

    @classmethod
    def over(cls, world: int, shapes: Sequence[PatrolShape], how: TrackerSettings) -> _Sorties:
        """Fly and follow."""
        hits, tracks, truth, shown = [], [], [], []
        for shape in shapes:
            seen = seen_patrol(world, shape)
            flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
            marked, found = track(flown.hits, how, flown.looks)
            hits.append(marked)
            tracks.append(found)
            truth.append(seen.truth)
            shown.append(_shown(seen))
        return cls(hits=hits, tracks=tracks, truth=truth, shown=shown)

    def idf1(self, whole: Sequence[Sequence[int]]) -> float:
        """Score all recordings as one film, one after another, with these tracks (counted over all) made one."""
        name = np.arange(sum(len(some) for some in self.tracks))
        for chain in whole:
            name[list(chain)] = chain[0]
        told, kept, first = [], [], 0
        for hits, tracks in zip(self.hits, self.tracks, strict=True):
            followed = np.flatnonzero(hits.track.codes != NONE)
            kept.append(hits.take(followed))
            told.append(name[first + hits.track.codes[followed]])
            first += len(tracks)
        shift = np.arange(len(self.hits)) * 10**13
        later = [dataclasses.replace(h, t_utc_ns=h.t_utc_ns + s) for h, s in zip(kept, shift.tolist(), strict=True)]
        return associate(GroundHits.concat(later), np.concatenate(told), _one_film(self.truth, shift.tolist())).idf1


def _one_film(truth: Sequence[FilmTruth], shift_ns: Sequence[int]) -> FilmTruth:
    """Put films one after another."""
    counts = np.cumsum([0, *(len(one.frame_t_utc_ns) for one in truth)])
    columns = {}
    for field in dataclasses.fields(FilmTruth):
        values = [getattr(one, field.name) for one in truth]
        if field.name == "frame_t_utc_ns":
            values = [value + shift for value, shift in zip(values, shift_ns, strict=True)]
        elif field.name == "thing_frame":
            values = [value + first for value, first in zip(values, counts.tolist(), strict=False)]
        columns[field.name] = np.concatenate(values) if isinstance(values[0], np.ndarray) else values[0]
    return FilmTruth(**columns)


def _shown(seen: SeenPatrol) -> Shown:
    """Outlines of some pictures, as the telemetry has them."""
    some = seen.taken[::FOOTPRINT_EVERY]
    rings = [footprint(pose=one.pose, camera=one.camera, terrain=seen.ground) for one in some]
    until = [one.pose.t_utc_ns for one in (*some[1:], seen.taken[-1])]
    kept = [(ring, t) for ring, t in zip(rings, until, strict=True) if ring is not None]
    return Shown(rings=tuple(ring for ring, _ in kept), to_ns=np.array([t for _, t in kept], dtype=np.int64))


def _linked(sorties: _Sorties, line_m: float) -> tuple[Links, Traces]:
    traces = Traces.of(list(zip(sorties.hits, sorties.tracks, strict=True)))
    looked = looked_again(list(zip(sorties.tracks, sorties.shown, strict=True)))
    return link(traces, np.full(len(sorties.hits), line_m * DEEP_M), looked), traces


def _things(sorties: _Sorties) -> IntArray:
    """Return what each track is of, by what most of its boxes lie on."""
    thing: list[int] = []
    for hits, tracks, truth in zip(sorties.hits, sorties.tracks, sorties.truth, strict=True):
        mine = things_of_tracks(hits, tracks, truth)
        thing += [mine.get(name, NONE) for name in tracks.track_id]
    return np.array(thing)


def _known(thing: IntArray) -> list[list[int]]:
    """Return all tracks of each thing."""
    return [np.flatnonzero(thing == one).tolist() for one in sorted(set(thing.tolist()) - {NONE})]


@dataclasses.dataclass(slots=True, kw_only=True)
class _Tally:
    """What was joined in some operations: scores, and probabilities of pairs with what is true of them."""

    none: list[float] = dataclasses.field(default_factory=list)
    ours: list[float] = dataclasses.field(default_factory=list)
    known: list[float] = dataclasses.field(default_factory=list)
    told: list[FloatArray] = dataclasses.field(default_factory=list)
    true: list[BoolArray] = dataclasses.field(default_factory=list)
    class_name: list[NDArray[np.str_]] = dataclasses.field(default_factory=list)
    """What the first of each pair is likeliest."""

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        """Put probabilities of several operations together."""
        some = list(parts)
        return cls(
            told=[mine for one in some for mine in one.told],
            true=[mine for one in some for mine in one.true],
            class_name=[mine for one in some for mine in one.class_name],
        )

    def add(self, sorties: _Sorties, line_m: float = LINE_M) -> None:
        """Score one operation; of two tracks on nothing that is known it is not known whether they are one."""
        (links, traces), thing = _linked(sorties, line_m), _things(sorties)
        self.none.append(sorties.idf1([]))
        self.ours.append(sorties.idf1(chains(links, JOINED_AT)))
        self.known.append(sorties.idf1(_known(thing)))
        one, two = thing[links.before], thing[links.after]
        judged = (one != NONE) | (two != NONE)
        self.told.append(links.probability[judged])
        self.true.append((one == two)[judged])
        likeliest = traces.posterior[links.before[judged]].argmax(axis=1)
        self.class_name.append(np.array(traces.class_names)[likeliest])

    def calibration_error(self, class_name: str) -> float:
        """Return the expected calibration error of a class's pairs above 0.05, in seven bins: told, and one thing."""
        mine = np.concatenate(self.class_name) == class_name
        told, true = np.concatenate(self.told)[mine], np.concatenate(self.true)[mine]
        bins = [(told >= low) & (told < high) for low, high in itertools.pairwise(BINS)]
        off = [mine.sum() * abs(told[mine].mean() - true[mine].mean()) for mine in bins if mine.any()]
        return float(sum(off) / max((told >= BINS[0]).sum(), 1))

    def rows(self, what: str) -> list[Row]:
        """Return the table's rows of these operations."""
        ours = float(np.mean(self.ours))
        return [
            Row(what=f"IDF1 {what}", ours=ours, rival=float(np.mean(rival)), rival_name=name, unit="", goal="0.85",
                higher_is_better=True)
            for name, rival in (("nothing joined", self.none), ("every track known", self.known))
        ]  # fmt: skip


def _to_and_fro(tally: _Tally) -> list[Row]:
    """Join over the passes of one recording; beside it tracks that the tracker bridges over three minutes."""
    rival = []
    for world in TO_AND_FRO_WORLDS:
        for line_m in TO_AND_FRO_M:
            shape = PatrolShape(
                seconds=500.0, fps=Fraction(3, 2), line_m=line_m, groups_per_km=4.0, vehicles_per_km=2.0
            )
            tally.add(_Sorties.over(world, [shape], TrackerSettings()), line_m)
            rival.append(_Sorties.over(world, [shape], TrackerSettings(stitch_gap_s=LONG_STITCH_S)).idf1([]))
    rows = tally.rows("over the passes of one recording")
    bridged = dataclasses.replace(rows[0], rival=float(np.mean(rival)), rival_name="tracks bridged over 180 s")
    return [bridged, *rows]


def run() -> list[Row]:
    """Return the table's rows."""
    tallies = {"passes": _Tally()}
    rows = _to_and_fro(tallies["passes"])
    for gap_s in GAPS_S:
        what = f"over sorties, the next after {gap_s:g} s"
        tallies[what] = _Tally()
        for world in range(WORLDS):
            tallies[what].add(_Sorties.flown(FIRST_WORLD + world, gap_s))
        rows += tallies[what].rows(what)
    passes = tallies.pop("passes")
    for where, whole in (("over sorties", _Tally.together(tallies.values())), ("over passes of one recording", passes)):
        rows += [
            Row(what=f"calibration error of what is likely one thing {where}, {name}s",
                ours=whole.calibration_error(name), rival=0.0, rival_name="none", unit="", goal="0.05",
                higher_is_better=False)
            for name in ("person", "vehicle")
        ]  # fmt: skip
    return rows
