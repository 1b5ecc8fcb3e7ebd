"""Legs against a brief: standoff, own side, zones in three dimensions, ground, ceiling, link and the ways home."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.energy import path_cost
from missions.feasibility import leg_lines, leg_standoff_m
from missions.plan import Finding, LegKind, Severity
from missions.terrain_profile import PlaneGround, sample_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.brief import Brief, Zone
    from missions.corridor import Corridor
    from missions.plan import Leg
    from missions.terrain_profile import GroundHeights

    FloatArray = NDArray[np.float64]

RULES: Final = (
    "standoff",
    "standoff margin",
    "side",
    "zones",
    "terrain",
    "ground clearance",
    "height limit",
    "ceiling",
    "link",
    "failsafe standoff",
    "failsafe zone",
    "failsafe terrain",
    "endurance",
)
_HOME_STEP_M: Final = 100.0
"""Ways home are looked at from points this far apart along a leg."""
_NEAR_LANDING_M: Final = 30.0
"""Take-off and landing go through the lowest air; the height rule begins this far from the ends of the path."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is judged, prepared once."""

    brief: Brief
    corridor: Corridor
    legs: tuple[Leg, ...]
    lines: NDArray[np.object_]
    ground: PlaneGround
    landings: FloatArray
    return_amsl_m: float
    """Height the aircraft climbs to before it returns, when it is lower."""
    by_item: bool


def brief_findings(
    brief: Brief,
    corridor: Corridor,
    legs: Sequence[Leg],
    *,
    ground: GroundHeights,
    landings: Sequence[tuple[float, float]],
    return_alt_m: float = 0.0,
    by_item: bool = True,
) -> tuple[Finding, ...]:
    """Judge legs by the rules of a brief.

    Parameters
    ----------
    brief, corridor
        What was asked, and its geometry.
    legs
        As flown, in order; heights may be NaN, and are then not judged.
    ground
        Ground heights above mean sea level.
    landings
        Where failsafes send the aircraft, (lat, lon) degrees.
    return_alt_m
        Height above the first landing place the aircraft climbs to before it returns.
    by_item
        Legs are numbered by the mission item flown to, not by themselves.
    """
    if not legs:
        return ()
    places = np.array(landings, dtype=float).reshape(-1, 2)
    home_m = ground.amsl_m(places[:1, 0], places[:1, 1])
    subject = _Subject(
        brief=brief,
        corridor=corridor,
        legs=tuple(legs),
        lines=leg_lines(corridor, legs),
        ground=PlaneGround(frame=corridor.frame, heights=ground),
        landings=corridor.frame.to_plane(places[:, 0], places[:, 1]),
        return_amsl_m=float(np.nan_to_num(home_m, nan=-np.inf).max(initial=-np.inf)) + return_alt_m,
        by_item=by_item,
    )
    return (
        *_standoff(subject),
        *_side(subject),
        *_zones(subject),
        *_heights(subject),
        *_link(subject),
        *_failsafe(subject),
        *_failsafe_terrain(subject),
        *_endurance(subject),
    )


def _finding(  # noqa: PLR0913 - one value per field of a finding
    subject: _Subject,
    rule: str,
    leg: Leg,
    message: str,
    *,
    at_xy: FloatArray | None = None,
    measured: float,
    limit: float,
    unit: str = "m",
    severity: Severity = Severity.ERROR,
) -> Finding:
    lat, lon = leg.lat_start_deg, leg.lon_start_deg
    if at_xy is not None:
        lats, lons = subject.corridor.frame.to_degrees(np.atleast_2d(at_xy))
        lat, lon = float(lats[0]), float(lons[0])
    return Finding(
        rule=rule,
        severity=severity,
        message=f"the leg to item {leg.seq + 1} {message}" if subject.by_item else f"leg {leg.seq} {message}",
        lat_deg=lat,
        lon_deg=lon,
        seq=leg.seq,
        measured=round(measured, 2),
        limit=round(limit, 2),
        unit=unit,
    )


def _nearest(line: BaseGeometry, other: shapely.Geometry) -> FloatArray:
    ways = np.asarray(shapely.shortest_line(np.asarray(line), np.asarray(other)))
    return np.asarray(shapely.get_coordinates(ways)[0])


def _standoff(subject: _Subject) -> Iterator[Finding]:
    asked_m = subject.brief.standoff.asked_m
    margin_m = subject.corridor.margin.total_m
    kept = leg_standoff_m(subject.corridor, subject.legs)
    for index in np.flatnonzero(kept < asked_m + margin_m).tolist():
        leg, near_m = subject.legs[index], float(kept[index])
        at = _nearest(subject.lines[index], subject.corridor.guard)
        if near_m < asked_m:
            message = f"comes within {near_m:.1f} m of the border; {asked_m:g} m are asked"
            yield _finding(subject, "standoff", leg, message, at_xy=at, measured=near_m, limit=asked_m)
        else:
            wanted_m = asked_m + margin_m
            message = f"keeps {near_m:.1f} m; GNSS error, gusts and turns need {wanted_m:.1f} m to hold {asked_m:g} m"
            yield _finding(
                subject, "standoff margin", leg, message, at_xy=at, measured=near_m, limit=wanted_m,
                severity=Severity.WARNING,
            )  # fmt: skip


def _side(subject: _Subject) -> Iterator[Finding]:
    shapely.prepare(subject.corridor.own)
    held = shapely.covers(subject.corridor.own, subject.lines)
    for index in np.flatnonzero(~held).tolist():
        beyond = shapely.difference(subject.lines[index], subject.corridor.own)
        length_m = float(beyond.length)
        at = shapely.get_coordinates(beyond)[0]
        message = f"flies {length_m:.0f} m on the other side of the border"
        yield _finding(subject, "side", subject.legs[index], message, at_xy=at, measured=length_m, limit=0.0)


def _zones(subject: _Subject) -> Iterator[Finding]:
    for zone, shape in zip(subject.brief.zone, subject.corridor.zones, strict=True):
        distances = shapely.distance(subject.lines, shape)
        for index in np.flatnonzero(distances < zone.clearance_m).tolist():
            leg, line = subject.legs[index], subject.lines[index]
            inside = shapely.intersection(line, shapely.buffer(shape, zone.clearance_m))
            if not _in_layer(leg, line, inside, zone):
                continue
            near_m = float(distances[index])
            what = "crosses" if near_m == 0.0 else f"passes {near_m:.1f} m from"
            message = f"{what} zone {zone.name!r}; {zone.clearance_m:g} m of clearance are asked"
            at = shapely.get_coordinates(inside)[0]
            yield _finding(subject, "zones", leg, message, at_xy=at, measured=near_m, limit=zone.clearance_m)


def _in_layer(leg: Leg, line: BaseGeometry, inside: BaseGeometry, zone: Zone) -> bool:
    """Tell whether the part of a leg inside a zone's outline is between its floor and ceiling (with clearance)."""
    heights = np.array([leg.alt_amsl_start_m, leg.alt_amsl_end_m])
    if np.isnan(heights).any():
        return True
    if line.length > 0.0:
        share = _shares(line, shapely.get_coordinates(inside))
        heights = heights[0] + np.array([share.min(), share.max()]) * (heights[1] - heights[0])
    low = -np.inf if zone.floor_amsl_m is None else zone.floor_amsl_m - zone.clearance_m
    high = np.inf if zone.ceiling_amsl_m is None else zone.ceiling_amsl_m + zone.clearance_m
    return bool(heights.max() > low and heights.min() < high)


def _shares(line: BaseGeometry, points: FloatArray) -> FloatArray:
    """Return how far along a line points lie, 0 to 1."""
    return np.asarray(shapely.line_locate_point(np.asarray(line), shapely.points(points), normalized=True))


def _heights(subject: _Subject) -> Iterator[Finding]:
    rules = subject.brief.flight
    ends = np.stack([shapely.get_coordinates(subject.lines[0])[0], shapely.get_coordinates(subject.lines[-1])[-1]])
    for leg, line in zip(subject.legs, subject.lines, strict=True):
        if np.isnan(leg.alt_amsl_start_m + leg.alt_amsl_end_m):
            continue
        points, _, _ = sample_path(shapely.get_coordinates(line))
        share = _shares(line, points) if line.length else np.zeros(len(points))
        height = leg.alt_amsl_start_m + share * (leg.alt_amsl_end_m - leg.alt_amsl_start_m)
        above = height - subject.ground.at(points)
        unknown = np.isnan(above)
        if unknown.any():
            share_pct = 100.0 * float(unknown.mean())
            message = f"has no ground height under {share_pct:.0f} % of it; give terrain that reaches there"
            at = int(np.argmax(unknown))
            yield _finding(subject, "terrain", leg, message, at_xy=points[at], measured=share_pct, limit=0.0, unit="%")
        if unknown.all():
            continue
        en_route = np.hypot(*(points[:, None, :] - ends[None, :, :]).transpose(2, 0, 1)).min(axis=1) > _NEAR_LANDING_M
        low = np.where(en_route, above, np.inf)
        if np.nanmin(low) < rules.min_agl_m:
            at = int(np.nanargmin(low))
            message = f"is {above[at]:.0f} m above the ground; at least {rules.min_agl_m:g} m are asked"
            yield _finding(
                subject, "ground clearance", leg, message, at_xy=points[at], measured=float(above[at]),
                limit=rules.min_agl_m,
            )  # fmt: skip
        if np.nanmax(above) > rules.max_agl_m + 1e-6:
            at = int(np.nanargmax(above))
            message = f"is {above[at]:.0f} m above the ground; at most {rules.max_agl_m:g} m are allowed"
            yield _finding(
                subject,
                "height limit",
                leg,
                message,
                at_xy=points[at],
                measured=float(above[at]),
                limit=rules.max_agl_m,
            )
        if rules.ceiling_amsl_m is not None and height.max() > rules.ceiling_amsl_m + 1e-6:
            top = float(height.max())
            message = f"reaches {top:.0f} m above sea level; the ceiling is {rules.ceiling_amsl_m:g} m"
            yield _finding(subject, "ceiling", leg, message, measured=top, limit=rules.ceiling_amsl_m)


def _link(subject: _Subject) -> Iterator[Finding]:
    limit_m = subject.brief.flight.max_link_m
    if limit_m is None or not len(subject.landings):
        return
    for leg, line in zip(subject.legs, subject.lines, strict=True):
        ends = shapely.get_coordinates(line)
        far = np.hypot(*(ends - subject.landings[0]).T)
        if far.max() > limit_m:
            at = int(np.argmax(far))
            message = f"is {far[at]:.0f} m from home; the link reaches {limit_m:g} m"
            yield _finding(subject, "link", leg, message, at_xy=ends[at], measured=float(far[at]), limit=limit_m)


def _ways_home(subject: _Subject) -> NDArray[np.object_]:
    """Return, for each leg, everything swept by straight ways from it to the landing places nearest its ends."""
    swept = []
    for line in subject.lines:
        ends = shapely.get_coordinates(line)
        apart = np.hypot(*(ends[:, None, :] - subject.landings[None, :, :]).transpose(2, 0, 1))
        goals = subject.landings[np.unique(apart.argmin(axis=1))]
        fans = [shapely.convex_hull(shapely.MultiPoint(np.vstack([ends, goal]))) for goal in goals]
        swept.append(shapely.union_all(fans))
    return np.array(swept, dtype=object)


def _failsafe(subject: _Subject) -> Iterator[Finding]:
    if not len(subject.landings):
        return
    ways = _ways_home(subject)
    asked_m, corridor = subject.brief.standoff.asked_m, subject.corridor
    kept = shapely.distance(ways, corridor.guard) / corridor.stretch
    own = leg_standoff_m(corridor, subject.legs)
    for index in np.flatnonzero((kept < asked_m) & (own >= asked_m)).tolist():
        near_m = float(kept[index])
        message = f"returns home within {near_m:.1f} m of the border; {asked_m:g} m are asked"
        at = _nearest(ways[index], corridor.guard)
        leg = subject.legs[index]
        yield _finding(subject, "failsafe standoff", leg, message, at_xy=at, measured=near_m, limit=asked_m)
    for zone, shape in zip(subject.brief.zone, corridor.zones, strict=True):
        crossed = shapely.intersects(ways, shape) & ~shapely.intersects(subject.lines, shape)
        for index in np.flatnonzero(crossed).tolist():
            leg = subject.legs[index]
            high_m = max(leg.alt_amsl_start_m, leg.alt_amsl_end_m, subject.return_amsl_m)
            climbed = dataclasses.replace(leg, alt_amsl_start_m=high_m)
            if not _in_layer(climbed, subject.lines[index], subject.lines[index], zone):
                continue
            message = f"may return home through zone {zone.name!r}"
            at = _nearest(ways[index], shape)
            yield _finding(
                subject, "failsafe zone", leg, message, at_xy=at, measured=0.0, limit=zone.clearance_m,
                severity=Severity.WARNING,
            )  # fmt: skip


def _failsafe_terrain(subject: _Subject) -> Iterator[Finding]:
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
        yield _finding(subject, "failsafe terrain", leg, message, at_xy=worst[1], measured=worst[0], limit=0.0)


def _along(leg: Leg, line: BaseGeometry) -> Iterator[tuple[FloatArray, float]]:
    """Go over points of a leg, at most `_HOME_STEP_M` apart, with their heights."""
    ends = shapely.get_coordinates(line)
    heights = np.array([leg.alt_amsl_start_m, leg.alt_amsl_end_m])
    if np.isnan(heights).any():
        return
    for share in np.linspace(0.0, 1.0, 1 + max(1, int(np.ceil(line.length / _HOME_STEP_M)))):
        yield ends[0] + share * (ends[-1] - ends[0]), float(heights[0] + share * (heights[1] - heights[0]))


def _lowest_on_the_way(subject: _Subject, point: FloatArray, height_m: float) -> tuple[float, FloatArray]:
    """Return the least height above ground on the way to the nearest landing place, and where; NaN ground is passed."""
    goal = subject.landings[int(np.argmin(np.hypot(*(subject.landings - point).T)))]
    way, _, _ = sample_path(np.stack([point, goal]))
    above = np.nan_to_num(height_m - subject.ground.at(way), nan=np.inf)
    lowest = int(np.argmin(above))
    return float(above[lowest]), way[lowest]


def _endurance(subject: _Subject) -> Iterator[Finding]:
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
            yield _finding(
                subject, "endurance", leg, message, at_xy=points[index + 1], measured=left_pct,
                limit=aircraft.reserve_pct, unit="%",
            )  # fmt: skip
            return


def _energy_wh(subject: _Subject, points: FloatArray, heights: FloatArray) -> FloatArray:
    brief = subject.brief
    return path_cost(
        brief.aircraft.aircraft,
        brief.wind.vector,
        east_m=points[:, 0],
        north_m=points[:, 1],
        alt_amsl_m=heights,
        speed_mps=brief.speed_mps,
    ).energy_wh


def _home_wh(subject: _Subject, point: FloatArray, height_m: float) -> float:
    if not len(subject.landings):
        return 0.0
    ways = [np.stack([point, goal]) for goal in subject.landings]
    return min(float(_energy_wh(subject, way, np.array([height_m, height_m])).sum()) for way in ways)
