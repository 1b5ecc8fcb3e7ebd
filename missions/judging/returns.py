"""Break-offs as the autopilot flies them: up to the return height, over to the landing place, down."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.judging.legs import points_along
from missions.performance.aircraft import AircraftKind
from missions.performance.energy import path_cost
from missions.plan import Leg, LegKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.briefs.brief import Brief
    from missions.judging.legs import LegPoints
    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

EVERY_M: Final = 100.0
"""Spacing of the points a break-off is judged from; what lies between two of them is judged as a swept area."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Returns:
    """The way home from each point of a flight that a break-off is judged from: (n,) or (n, 2) each."""

    points: LegPoints
    place: NDArray[np.int64]
    """Which landing place it leads to."""
    target_m: FloatArray
    up_amsl_m: FloatArray
    """The height the aircraft climbs to before it goes."""
    over_amsl_m: FloatArray
    """The height it arrives over the landing place at."""
    seconds: FloatArray
    needed_pct: FloatArray
    """Battery the whole way takes; infinite where the wind cannot be overcome."""
    left_pct: FloatArray
    """Battery left when it has landed."""


def straight_returns(subject: Subject) -> Returns:
    """Work out the straight way to the nearest landing place from points along every leg that goes somewhere."""
    legs = subject.legs
    known = legs.moving & np.isfinite(legs.alt_start_amsl_m + legs.alt_end_amsl_m)
    points = points_along(legs, EVERY_M, only=known)
    gap = np.hypot(*(points.xy_m[:, None, :] - subject.landings_m[None, :, :]).transpose(2, 0, 1))
    place = np.argmin(gap, axis=1)
    target = subject.landings_m[place]
    up, over = subject.return_rules.heights(
        points.alt_amsl_m, subject.landings_amsl_m[0], subject.landings_amsl_m[place],
        gap[np.arange(len(place)), place],
    )  # fmt: skip
    ground = subject.ground.at(subject.landings_m)[place]
    seconds, needed = _cost(subject, points, target, up, over, np.where(np.isfinite(ground), ground, over))
    battery = subject.battery_pct
    before = battery[points.leg] + points.share * np.diff(battery)[points.leg]
    return Returns(
        points=points, place=place, target_m=target, up_amsl_m=up, over_amsl_m=over, seconds=seconds,
        needed_pct=needed, left_pct=before - needed,
    )  # fmt: skip


def _cost(
    subject: Subject,
    points: LegPoints,
    target_m: FloatArray,
    up_amsl_m: FloatArray,
    over_amsl_m: FloatArray,
    ground_amsl_m: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return seconds and per cent of battery of climb, way and descent together."""
    xy = np.stack([points.xy_m, points.xy_m, target_m, target_m], axis=1)
    alt = np.stack([points.alt_amsl_m, up_amsl_m, over_amsl_m, np.minimum(ground_amsl_m, over_amsl_m)], axis=1)
    flat = xy.reshape(-1, 2)
    cost = path_cost(
        subject.aircraft, subject.brief.wind.profile, east_m=flat[:, 0], north_m=flat[:, 1],
        alt_amsl_m=alt.reshape(-1), speed_mps=subject.brief.speed_mps,
    )  # fmt: skip
    seconds = np.append(cost.seconds, 0.0).reshape(-1, 4)[:, :3].sum(axis=1)
    energy = np.append(cost.energy_wh, 0.0).reshape(-1, 4)[:, :3].sum(axis=1)
    needed = 100.0 * energy / subject.aircraft.battery_wh
    return seconds, np.where(np.isfinite(needed), needed, np.inf)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRules:
    """How high an autopilot returns.

    ArduCopter (`mode_rtl.cpp`, `compute_return_target`): the highest of where it is, RTL_ALT and the rally
    point's own height above home, but not above RTL_CONE_SLOPE times the distance (unless it is there already).
    PX4 (`rtl.cpp`): RTL_RETURN_ALT above the destination, at most its distance over the tangent of
    RTL_CONE_ANG; a fixed wing has no cone. ArduPlane goes to RTL_ALTITUDE on the way, up or down.
    """

    return_alt_m: float
    above_destination: bool = False
    cone_slope: float | None = None
    on_the_way: bool = False
    """Whether the height is changed on the way, down as well as up, and not before it."""

    def heights(
        self, alt_amsl_m: FloatArray, home_amsl_m: float, target_amsl_m: FloatArray, away_m: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the heights after the climb and over the landing place."""
        if self.above_destination:
            wanted = target_amsl_m + self.return_alt_m
        else:
            wanted = np.maximum(home_amsl_m + self.return_alt_m, target_amsl_m)
        if self.on_the_way:
            return alt_amsl_m, wanted
        if self.cone_slope is not None:
            foot = target_amsl_m if self.above_destination else home_amsl_m
            wanted = np.minimum(wanted, foot + away_m * self.cone_slope)
        up = np.maximum(wanted, alt_amsl_m)
        return up, up


def return_rules(brief: Brief) -> ReturnRules:
    """Return how the brief's autopilot returns with its own settings, or at the height the brief gives.

    Defaults: ArduCopter RTL_ALT 15 m, RTL_CONE_SLOPE 3; ArduPlane RTL_ALTITUDE 100 m; PX4 RTL_RETURN_ALT 60 m,
    RTL_CONE_ANG 45 degrees (a slope of 1).
    """
    asked = brief.failsafe.return_alt_m
    wing = brief.aircraft.aircraft.kind is AircraftKind.FIXED_WING
    if brief.dialect == "px4":
        rules = ReturnRules(return_alt_m=60.0, above_destination=True, cone_slope=None if wing else 1.0)
    elif wing:
        rules = ReturnRules(return_alt_m=100.0, on_the_way=True)
    else:
        rules = ReturnRules(return_alt_m=15.0, cone_slope=3.0)
    return rules if asked is None else dataclasses.replace(rules, return_alt_m=asked)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweptWays:
    """Everything the ways home from one stretch of a leg sweep: a triangle from two judged points to their target."""

    shape: NDArray[np.object_]
    first: NDArray[np.int64]
    """Index of the first of the two judged points."""
    leg: NDArray[np.int64]
    low_amsl_m: FloatArray
    high_amsl_m: FloatArray


def swept_ways(returns: Returns) -> SweptWays:
    """Return the areas swept between judged points that follow each other on a leg."""
    points = returns.points
    first = np.flatnonzero(np.diff(points.leg, append=-1) == 0)
    both = [(first, returns.target_m[first])]
    other = first[returns.place[first] != returns.place[first + 1]]
    both.append((other, returns.target_m[other + 1]))
    index = np.concatenate([k for k, _ in both])
    corners = np.concatenate([np.stack([points.xy_m[k], points.xy_m[k + 1], goal], axis=1) for k, goal in both])
    heights = np.stack([v[index + n] for n in (0, 1) for v in (returns.up_amsl_m, returns.over_amsl_m)])
    return SweptWays(
        shape=np.asarray(shapely.convex_hull(shapely.linestrings(corners))),
        first=index, leg=points.leg[index], low_amsl_m=heights.min(axis=0), high_amsl_m=heights.max(axis=0),
    )  # fmt: skip


def failsafe_legs(subject: Subject, legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Return the way home from where each leg begins as legs of its own: the climb where there is one, then the way."""
    if not len(subject.landings_m) or not len(subject.returns.place):
        return ()
    returns = subject.returns
    first = np.flatnonzero(np.diff(returns.points.leg, prepend=-1) != 0)
    lat, lon = subject.corridor.frame.to_degrees(returns.points.xy_m[first])
    lat_end, lon_end = subject.corridor.frame.to_degrees(returns.target_m[first])
    made: list[Leg] = []
    for n, k in enumerate(first.tolist()):
        leg = legs[int(returns.points.leg[k])]
        here, goal = (float(lat[n]), float(lon[n])), (float(lat_end[n]), float(lon_end[n]))
        up, over = round(float(returns.up_amsl_m[k]), 2), round(float(returns.over_amsl_m[k]), 2)
        way = dataclasses.replace(
            leg, seq=len(legs) + len(made), kind=LegKind.FAILSAFE, lat_start_deg=here[0], lon_start_deg=here[1],
            lat_end_deg=goal[0], lon_end_deg=goal[1], alt_amsl_start_m=up, alt_amsl_end_m=over,
            t_end_s=round(leg.t_start_s + float(returns.seconds[k]), 3),
            battery_end_pct=round(float(returns.left_pct[k]), 3),
        )  # fmt: skip
        if up > leg.alt_amsl_start_m:
            climb = dataclasses.replace(
                way, lat_end_deg=here[0], lon_end_deg=here[1], alt_amsl_start_m=leg.alt_amsl_start_m, alt_amsl_end_m=up
            )
            made.append(climb)
        made.append(dataclasses.replace(way, seq=len(legs) + len(made)))
    return tuple(made)
