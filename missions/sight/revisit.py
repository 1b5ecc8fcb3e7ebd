"""The proof of how often a plan sees the corridor: per 50 m of border, from footprints on the terrain."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.sight.sightings import Passes, sightings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.plan import Sortie, Turn

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

STATION_M: Final = 50.0
"""Spacing along the border of the proof."""
ACROSS: Final = 6
"""Ground points judged at each station, evenly across the corridor."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proof:
    """What each station of the border is promised; NaN where nothing of its ground is seen.

    All arrays have a row a station. Shares and metres are of the corridor's depth there, on our side.
    """

    station_m: FloatArray
    xy_m: FloatArray
    worst_s: FloatArray
    """The longest any of its ground that is seen at all goes unseen."""
    seen_share: FloatArray
    """Share of its ground that is seen at all."""
    unseen_m: FloatArray
    """Depth of its ground that is never seen."""
    dwell_s: FloatArray
    """How long the ground seen most briefly stays in view in its best pass."""

    @property
    def worst_revisit_s(self) -> float:
        """The longest of the stations that are seen at all, NaN where none is."""
        return float(np.nanmax(self.worst_s)) if np.isfinite(self.worst_s).any() else float("nan")

    @property
    def least_dwell_s(self) -> float:
        """The shortest of the stations that are seen at all, NaN where none is."""
        return float(np.nanmin(self.dwell_s)) if np.isfinite(self.dwell_s).any() else float("nan")


def prove(situation: Situation, sorties: Sequence[Sortie], turns: Sequence[Turn]) -> Proof:
    """Work out, for ground points across the corridor every 50 m of border, the longest time unseen.

    The turns repeat for ever, so a point is unseen longest between two of its views on the circle
    of a base's cycle. Bases have clocks of their own: of a point two bases see, the better counts.
    """
    corridor = situation.corridor
    stations = np.arange(STATION_M / 2.0, corridor.along.total_m, STATION_M)
    points, owner = _ground_points(situation.brief, corridor, stations)
    passes = Passes.of(corridor.frame, sorties)
    found = sightings(situation.brief.camera, passes, situation.ground, points)
    found = found.take(~found.hidden)
    gap = np.full(len(points), np.inf)
    sortie = passes.sortie[found.leg]
    views = {s.name: (found.point[sortie == k], found.moment_s[sortie == k]) for k, s in enumerate(sorties)}
    seconds = {s.name: s.legs[-1].t_end_s - s.legs[0].t_start_s for s in sorties}
    for base in sorted({t.base for t in turns}):
        mine = [t for t in turns if t.base == base]
        seen = [views_of_turn(t, seconds, views) for t in mine]
        point, moment = (np.concatenate([s[k] for s in seen]) for k in (0, 1))
        np.minimum.at(gap, *_gaps(point.astype(int), moment % mine[0].cycle_s, mine[0].cycle_s))
    dwell = np.full(len(points), -np.inf)
    np.maximum.at(dwell, found.point, found.dwell_s)
    return _by_station(situation, stations, owner, gap, dwell)


def _by_station(
    situation: Situation, stations: FloatArray, owner: IntArray, gap_s: FloatArray, dwell_s: FloatArray
) -> Proof:
    """Gather what is known of ground points, (n,), by the station that owns them."""
    worst, least = np.full(len(stations), np.nan), np.full(len(stations), np.nan)
    np.fmax.at(worst, owner[np.isfinite(gap_s)], gap_s[np.isfinite(gap_s)])
    seen = np.isfinite(dwell_s)
    np.fmin.at(least, owner[seen], dwell_s[seen])
    total = np.bincount(owner, minlength=len(stations))
    share = np.bincount(owner[seen], minlength=len(stations)) / np.maximum(total, 1)
    asked = situation.brief.corridor
    apart = (asked.depth_m - asked.from_m) / ACROSS
    return Proof(
        station_m=stations, xy_m=situation.corridor.along.at(stations), worst_s=worst, seen_share=share,
        unseen_m=(1.0 - share) * total * apart, dwell_s=least,
    )  # fmt: skip


def views_of_turn(
    turn: Turn, seconds: Mapping[str, float], views: Mapping[str, tuple[IntArray, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return the points one aircraft sees in one cycle, and when after the patrol's start."""
    points, moments, clock = [], [], turn.start_s
    for sortie, gap_s in zip(turn.sorties, turn.gaps_s, strict=True):
        point, moment = views[sortie]
        points.append(point)
        moments.append(moment + clock)
        clock += seconds[sortie] + gap_s
    return np.concatenate(points).astype(float), np.concatenate(moments)


def _gaps(point: IntArray, moment: FloatArray, cycle_s: float) -> tuple[IntArray, FloatArray]:
    """Return each point seen once, and its longest gap round the cycle."""
    order = np.lexsort((moment, point))
    point, moment = point[order], moment[order]
    if len(point) == 0:
        return point, moment
    new = np.append(True, point[1:] != point[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(point)) - 1
    between = np.where(new, 0.0, np.diff(moment, prepend=moment[0]))
    longest = np.maximum(np.maximum.reduceat(between, first), moment[first] + cycle_s - moment[last])
    return point[first], longest


def _ground_points(brief: Brief, corridor: Corridor, stations: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return points across the watched ground at each station, on our side, and the station each belongs to."""
    here, ahead = corridor.along.at(stations - 1.0), corridor.along.at(stations + 1.0)
    step = ahead - here
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    deep = np.linspace(brief.corridor.from_m, brief.corridor.depth_m, 2 * ACROSS + 1)[1::2] * corridor.stretch
    middle = (here + ahead) / 2.0
    both = np.concatenate(
        [middle[:, None, :] + sign * deep[None, :, None] * normal[:, None, :] for sign in (1.0, -1.0)]
    )
    points = both.reshape(-1, 2)
    owner = np.tile(np.repeat(np.arange(len(stations)), ACROSS), 2)
    shapely.prepare(corridor.watched)
    inside = shapely.contains_xy(corridor.watched, points[:, 0], points[:, 1])
    return points[inside], owner[inside]
