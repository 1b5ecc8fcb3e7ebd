"""Tracks joined over sorties (`vedette join`), against none joined and against every track known; IDF1 is trackeval's.

Twenty simulated operations of two or three sorties over the same 2.4 km, the next one after 0, 30, 60, 120 or 240 s;
and eight flights to and fro over 0.7 or 1.3 km, whose passes are one recording's. Nothing was chosen on their worlds.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Row
from detection.event_scoring import things_of_tracks
from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.labels import NONE
from detection.pose_errors import settled
from detection.same_thing import chains, link
from detection.traces import Traces
from detection.track_scoring import associate
from detection.truth import FilmTruth
from operations.same_things import JOINED_AT
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import seen_patrol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.ground_tracks import GroundTracks

FIRST_WORLD, WORLDS = 140, 20
GAPS_S = (0.0, 30.0, 60.0, 120.0, 240.0)
LINE_M, DEEP_M = 2450.0, 110.0
TO_AND_FRO_M = (700.0, 1300.0)
TO_AND_FRO_WORLDS = range(160, 164)
LONG_STITCH_S = 180.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sorties:
    """The recordings of one operation, followed, and what was there."""

    hits: list[GroundHits]
    tracks: list[GroundTracks]
    truth: list[FilmTruth]

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
        hits, tracks, truth = [], [], []
        for shape in shapes:
            seen = seen_patrol(world, shape)
            flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
            marked, found = track(flown.hits, how, flown.looks)
            hits.append(marked)
            tracks.append(found)
            truth.append(seen.truth)
        return cls(hits=hits, tracks=tracks, truth=truth)

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


def _joined(sorties: _Sorties, line_m: float = LINE_M) -> list[list[int]]:
    traces = Traces.of(list(zip(sorties.hits, sorties.tracks, strict=True)))
    return chains(link(traces, np.full(len(sorties.hits), line_m * DEEP_M)), JOINED_AT)


def _known(sorties: _Sorties) -> list[list[int]]:
    """Return all tracks of each thing, by what most of their boxes lie on."""
    thing: list[int] = []
    for hits, tracks, truth in zip(sorties.hits, sorties.tracks, sorties.truth, strict=True):
        mine = things_of_tracks(hits, tracks, truth)
        thing += [mine.get(name, NONE) for name in tracks.track_id]
    return [np.flatnonzero(np.array(thing) == one).tolist() for one in sorted(set(thing) - {NONE})]


def _to_and_fro() -> Row:
    """Compare what is joined over the passes of one recording with tracks bridged over three minutes."""
    ours, rival = [], []
    for world in TO_AND_FRO_WORLDS:
        for line_m in TO_AND_FRO_M:
            shape = PatrolShape(
                seconds=500.0, fps=Fraction(3, 2), line_m=line_m, groups_per_km=4.0, vehicles_per_km=2.0
            )
            flown = _Sorties.over(world, [shape], TrackerSettings())
            ours.append(flown.idf1(_joined(flown, line_m)))
            rival.append(_Sorties.over(world, [shape], TrackerSettings(stitch_gap_s=LONG_STITCH_S)).idf1([]))
    return Row(
        what="IDF1 over the passes of one recording",
        ours=float(np.mean(ours)),
        rival=float(np.mean(rival)),
        rival_name="tracks bridged over 180 s",
        unit="",
        higher_is_better=True,
    )


def run() -> list[Row]:
    """Return the table's rows."""
    rows = [_to_and_fro()]
    for place, gap_s in enumerate(GAPS_S):
        flown = [_Sorties.flown(FIRST_WORLD + world, gap_s) for world in range(place, WORLDS, len(GAPS_S))]
        ours = float(np.mean([one.idf1(_joined(one)) for one in flown]))
        for name, how in (("nothing joined", lambda _: []), ("every track known", _known)):
            rival = float(np.mean([one.idf1(how(one)) for one in flown]))
            what = f"IDF1 over sorties, the next after {gap_s:g} s"
            rows.append(Row(what=what, ours=ours, rival=rival, rival_name=name, unit="", higher_is_better=True))
    return rows
