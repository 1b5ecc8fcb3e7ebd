"""The ways home judged: from every point of a leg, straight to the landing places, as failsafes fly them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import sample_path
from missions.checks.check_subject import in_layer, nearest_point, subject_finding
from missions.judging.feasibility import leg_standoff_m
from missions.performance.energy import path_cost
from missions.plan import Finding, LegKind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.checks.check_subject import Subject
    from missions.plan import Leg

    FloatArray = NDArray[np.float64]

_HOME_STEP_M: Final = 100.0
"""Ways home are looked at from points this far apart along a leg."""


def way_home_findings(subject: Subject) -> Iterator[Finding]:
    """Judge what breaking off anywhere would lead to: standoff, zones, ground and battery."""
    yield from _failsafe(subject)
    yield from _failsafe_terrain(subject)
    yield from _endurance(subject)


def _ways_home(subject: Subject) -> NDArray[np.object_]:
    """Return, for each leg, everything swept by straight ways from it to the landing places nearest its ends."""
    swept = []
    for line in subject.lines:
        ends = shapely.get_coordinates(line)
        apart = np.hypot(*(ends[:, None, :] - subject.landings[None, :, :]).transpose(2, 0, 1))
        goals = subject.landings[np.unique(apart.argmin(axis=1))]
        fans = [shapely.convex_hull(shapely.MultiPoint(np.vstack([ends, goal]))) for goal in goals]
        swept.append(shapely.union_all(fans))
    return np.array(swept, dtype=object)


def _failsafe(subject: Subject) -> Iterator[Finding]:
    if not len(subject.landings):
        return
    ways = _ways_home(subject)
    asked_m, corridor = subject.brief.standoff.asked_m, subject.corridor
    kept = shapely.distance(ways, corridor.guard) / corridor.stretch
    own = leg_standoff_m(corridor, subject.legs)
    for index in np.flatnonzero((kept < asked_m) & (own >= asked_m)).tolist():
        near_m = float(kept[index])
        message = f"returns home within {near_m:.1f} m of the border; {asked_m:g} m are asked"
        at = nearest_point(ways[index], corridor.guard)
        leg = subject.legs[index]
        yield subject_finding(subject, "failsafe standoff", leg, message, at_xy=at, measured=near_m, limit=asked_m)
    for zone, shape in zip(subject.brief.zone, corridor.zones, strict=True):
        crossed = shapely.intersects(ways, shape) & ~shapely.intersects(subject.lines, shape)
        for index in np.flatnonzero(crossed).tolist():
            leg = subject.legs[index]
            high_m = max(leg.alt_amsl_start_m, leg.alt_amsl_end_m, subject.return_amsl_m)
            climbed = dataclasses.replace(leg, alt_amsl_start_m=high_m)
            if not in_layer(climbed, subject.lines[index], subject.lines[index], zone):
                continue
            message = f"may return home through zone {zone.name!r}"
            at = nearest_point(ways[index], shape)
            yield subject_finding(
                subject, "failsafe zone", leg, message, at_xy=at, measured=0.0, limit=zone.clearance_m,
                severity=Severity.WARNING,
            )  # fmt: skip


def _failsafe_terrain(subject: Subject) -> Iterator[Finding]:
    """Judge the ground under the straight ways home from points along every leg."""
    if not len(subject.landings):
        return
    for leg, line in zip(subject.legs, subject.lines, strict=True):
        worst: tuple[float, FloatArray] | None = None
        for point, height_m in _along(leg, line):
            found = _lowest_on_the_way(subject, point, max(height_m, subject.return_amsl_m))
            worst = found if worst is None or found[0] < worst[0] else worst
        if worst is None or worst[0] >= 0.0:
            continue
        message = (
            f"may return home through ground {-worst[0]:.0f} m higher than it flies; "
            f"raise the return height by {-worst[0] + subject.brief.flight.min_agl_m:.0f} m"
        )
        yield subject_finding(subject, "failsafe terrain", leg, message, at_xy=worst[1], measured=worst[0], limit=0.0)


def _along(leg: Leg, line: BaseGeometry) -> Iterator[tuple[FloatArray, float]]:
    """Go over points of a leg, at most `_HOME_STEP_M` apart, with their heights."""
    ends = shapely.get_coordinates(line)
    heights = np.array([leg.alt_amsl_start_m, leg.alt_amsl_end_m])
    if np.isnan(heights).any():
        return
    for share in np.linspace(0.0, 1.0, 1 + max(1, int(np.ceil(line.length / _HOME_STEP_M)))):
        yield ends[0] + share * (ends[-1] - ends[0]), float(heights[0] + share * (heights[1] - heights[0]))


def _lowest_on_the_way(subject: Subject, point: FloatArray, height_m: float) -> tuple[float, FloatArray]:
    """Return the least height above ground on the way to the nearest landing place, and where; NaN ground is passed."""
    goal = subject.landings[int(np.argmin(np.hypot(*(subject.landings - point).T)))]
    way, _, _ = sample_path(np.stack([point, goal]))
    above = np.nan_to_num(height_m - subject.ground.at(way), nan=np.inf)
    lowest = int(np.argmin(above))
    return float(above[lowest]), way[lowest]


def _endurance(subject: Subject) -> Iterator[Finding]:
    brief = subject.brief
    aircraft = brief.aircraft.aircraft
    heights = np.array([subject.legs[0].alt_amsl_start_m, *(leg.alt_amsl_end_m for leg in subject.legs)])
    points = np.stack(
        [shapely.get_coordinates(subject.lines[0])[0], *(shapely.get_coordinates(line)[-1] for line in subject.lines)]
    )
    heights = np.where(np.isnan(heights), brief.flight.alt_agl_m, heights)
    used = np.cumsum(_energy_wh(subject, points, heights))
    usable_wh = aircraft.battery_wh * (1.0 - aircraft.reserve_pct / 100.0)
    for index, leg in enumerate(subject.legs):
        home_wh = 0.0 if leg.kind is LegKind.RETURN else _home_wh(subject, points[index + 1], heights[index + 1])
        need_wh = float(used[index] + home_wh)
        if need_wh > usable_wh or np.isnan(need_wh):
            left_pct = 100.0 * (1.0 - need_wh / aircraft.battery_wh)
            message = (
                f"and the way home leave {left_pct:.0f} % of the battery; the reserve is {aircraft.reserve_pct:g} %"
            )
            if np.isnan(need_wh):
                message = "cannot be flown: the wind is stronger than the aircraft"
            yield subject_finding(
                subject, "endurance", leg, message, at_xy=points[index + 1], measured=left_pct,
                limit=aircraft.reserve_pct, unit="%",
            )  # fmt: skip
            return


def _energy_wh(subject: Subject, points: FloatArray, heights: FloatArray) -> FloatArray:
    brief = subject.brief
    return path_cost(
        brief.aircraft.aircraft,
        brief.wind.profile,
        east_m=points[:, 0],
        north_m=points[:, 1],
        alt_amsl_m=heights,
        speed_mps=brief.speed_mps,
    ).energy_wh


def _home_wh(subject: Subject, point: FloatArray, height_m: float) -> float:
    if not len(subject.landings):
        return 0.0
    ways = [np.stack([point, goal]) for goal in subject.landings]
    return min(float(_energy_wh(subject, way, np.array([height_m, height_m])).sum()) for way in ways)
