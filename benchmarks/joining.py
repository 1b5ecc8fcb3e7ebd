"""Tracks joined over sorties (`vedette join`), against none joined and against every track known; IDF1 is trackeval's.

Twenty simulated operations of two or three sorties over the same 2.4 km, the next one after 0, 30, 60, 120 or 240 s;
nothing was chosen on their worlds.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Row
from detection.event_scoring import things_of_tracks
from detection.ground_hits import GroundHits
from detection.ground_tracker import track
from detection.labels import NONE
from detection.pose_errors import settled
from detection.same_thing import chains, link
from detection.traces import Traces
from detection.track_scoring import associate
from detection.truth import FilmTruth
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import seen_patrol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.ground_tracks import GroundTracks

FIRST_WORLD, WORLDS = 140, 20
GAPS_S = (0.0, 30.0, 60.0, 120.0, 240.0)
LINE_M, DEEP_M = 2450.0, 110.0
JOINED_AT = 0.9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sorties:
    """The recordings of one operation, followed, and what was there."""

    hits: list[GroundHits]
    tracks: list[GroundTracks]
    truth: list[FilmTruth]

    @classmethod
    def flown(cls, world: int, gap_s: float) -> _Sorties:
        hits, tracks, truth = [], [], []
        for number in range(2 if gap_s == 0.0 else 3):
            shape = PatrolShape(
                seconds=200.0, fps=Fraction(3, 2), line_m=LINE_M, groups_per_km=4.0, vehicles_per_km=2.0,
                start_s=number * gap_s, sortie=number,
            )  # fmt: skip
            seen = seen_patrol(world, shape)
            flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
            marked, found = track(flown.hits, None, flown.looks)
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


def _joined(sorties: _Sorties) -> list[list[int]]:
    traces = Traces.of(list(zip(sorties.hits, sorties.tracks, strict=True)))
    return chains(link(traces, np.full(len(sorties.hits), LINE_M * DEEP_M)), JOINED_AT)


def _known(sorties: _Sorties) -> list[list[int]]:
    """Return all tracks of each thing, by what most of their boxes lie on."""
    thing: list[int] = []
    for hits, tracks, truth in zip(sorties.hits, sorties.tracks, sorties.truth, strict=True):
        mine = things_of_tracks(hits, tracks, truth)
        thing += [mine.get(name, NONE) for name in tracks.track_id]
    return [np.flatnonzero(np.array(thing) == one).tolist() for one in sorted(set(thing) - {NONE})]


def run() -> list[Row]:
    """Return the table's rows."""
    rows = []
    for place, gap_s in enumerate(GAPS_S):
        flown = [_Sorties.flown(FIRST_WORLD + world, gap_s) for world in range(place, WORLDS, len(GAPS_S))]
        ours = float(np.mean([one.idf1(_joined(one)) for one in flown]))
        for name, how in (("nothing joined", lambda _: []), ("every track known", _known)):
            rival = float(np.mean([one.idf1(how(one)) for one in flown]))
            what = f"IDF1 over sorties, the next after {gap_s:g} s"
            rows.append(Row(what=what, ours=ours, rival=rival, rival_name=name, unit="", higher_is_better=True))
    return rows
