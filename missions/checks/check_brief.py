"""Legs against a brief: standoff, own side, zones in three dimensions, ground, ceiling, link and the ways home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import PlaneGround, sample_path
from missions.checks.check_subject import Subject, in_layer, nearest_point, shares_along, subject_finding
from missions.checks.check_ways_home import way_home_findings
from missions.judging.feasibility import glides, leg_lines, leg_standoff_m
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.plan import Leg

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
ARC_SLACK: Final = 1.01
"""A buffer's chords lie up to half a per cent inside its arc; what is near enough must meet it."""
_NEAR_LANDING_M: Final = 30.0
"""Take-off and landing go through the lowest air; the height rule begins this far from the ends of the path."""


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
    subject = Subject(
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
        *way_home_findings(subject),
    )


def _standoff(subject: Subject) -> Iterator[Finding]:
    asked_m = subject.brief.standoff.asked_m
    margin_m = subject.corridor.margin.total_m
    kept = leg_standoff_m(subject.corridor, subject.legs)
    for index in np.flatnonzero(kept < asked_m + margin_m).tolist():
        leg, near_m = subject.legs[index], float(kept[index])
        at = nearest_point(subject.lines[index], subject.corridor.guard)
        if near_m < asked_m:
            message = f"comes within {near_m:.1f} m of the border; {asked_m:g} m are asked"
            yield subject_finding(subject, "standoff", leg, message, at_xy=at, measured=near_m, limit=asked_m)
        else:
            wanted_m = asked_m + margin_m
            message = f"keeps {near_m:.1f} m; GNSS error, gusts and turns need {wanted_m:.1f} m to hold {asked_m:g} m"
            yield subject_finding(
                subject, "standoff margin", leg, message, at_xy=at, measured=near_m, limit=wanted_m,
                severity=Severity.WARNING,
            )  # fmt: skip


def _side(subject: Subject) -> Iterator[Finding]:
    shapely.prepare(subject.corridor.own)
    held = shapely.covers(subject.corridor.own, subject.lines)
    for index in np.flatnonzero(~held).tolist():
        beyond = shapely.difference(subject.lines[index], subject.corridor.own)
        length_m = float(beyond.length)
        at = shapely.get_coordinates(beyond)[0]
        message = f"flies {length_m:.0f} m on the other side of the border"
        yield subject_finding(subject, "side", subject.legs[index], message, at_xy=at, measured=length_m, limit=0.0)


def _zones(subject: Subject) -> Iterator[Finding]:
    for zone, shape in zip(subject.brief.zone, subject.corridor.zones, strict=True):
        distances = shapely.distance(subject.lines, shape)
        for index in np.flatnonzero(distances < zone.clearance_m).tolist():
            leg, line = subject.legs[index], subject.lines[index]
            inside = shapely.intersection(line, shapely.buffer(shape, ARC_SLACK * zone.clearance_m + 0.1))
            if not in_layer(leg, line, inside, zone):
                continue
            near_m = float(distances[index])
            what = "crosses" if near_m == 0.0 else f"passes {near_m:.1f} m from"
            message = f"{what} zone {zone.name!r}; {zone.clearance_m:g} m of clearance are asked"
            at = shapely.get_coordinates(inside)[0]
            yield subject_finding(subject, "zones", leg, message, at_xy=at, measured=near_m, limit=zone.clearance_m)


def _heights(subject: Subject) -> Iterator[Finding]:
    rules = subject.brief.flight
    ends = np.stack([shapely.get_coordinates(subject.lines[0])[0], shapely.get_coordinates(subject.lines[-1])[-1]])
    for leg, line in zip(subject.legs, subject.lines, strict=True):
        if np.isnan(leg.alt_amsl_start_m + leg.alt_amsl_end_m):
            continue
        points, _, _ = sample_path(shapely.get_coordinates(line))
        share = shares_along(line, points) if line.length else np.zeros(len(points))
        height = leg.alt_amsl_start_m + share * (leg.alt_amsl_end_m - leg.alt_amsl_start_m)
        above = height - subject.ground.at(points)
        unknown = np.isnan(above)
        if unknown.any():
            share_pct = 100.0 * float(unknown.mean())
            message = f"has no ground height under {share_pct:.0f} % of it; give terrain that reaches there"
            at = int(np.argmax(unknown))
            yield subject_finding(
                subject, "terrain", leg, message, at_xy=points[at], measured=share_pct, limit=0.0, unit="%"
            )
        if unknown.all():
            continue
        en_route = np.hypot(*(points[:, None, :] - ends[None, :, :]).transpose(2, 0, 1)).min(axis=1) > _NEAR_LANDING_M
        low = np.where(en_route & ~(leg is subject.legs[-1] and glides(subject.legs)), above, np.inf)
        if np.nanmin(low) < rules.min_agl_m:
            at = int(np.nanargmin(low))
            message = f"is {above[at]:.0f} m above the ground; at least {rules.min_agl_m:g} m are asked"
            yield subject_finding(
                subject, "ground clearance", leg, message, at_xy=points[at], measured=float(above[at]),
                limit=rules.min_agl_m,
            )  # fmt: skip
        if np.nanmax(above) > rules.max_agl_m + 1e-6:
            at = int(np.nanargmax(above))
            message = f"is {above[at]:.0f} m above the ground; at most {rules.max_agl_m:g} m are allowed"
            yield subject_finding(
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
            yield subject_finding(subject, "ceiling", leg, message, measured=top, limit=rules.ceiling_amsl_m)


def _link(subject: Subject) -> Iterator[Finding]:
    limit_m = subject.brief.flight.max_link_m
    if limit_m is None or not len(subject.landings):
        return
    for leg, line in zip(subject.legs, subject.lines, strict=True):
        ends = shapely.get_coordinates(line)
        far = np.hypot(*(ends - subject.landings[0]).T)
        if far.max() > limit_m:
            at = int(np.argmax(far))
            message = f"is {far[at]:.0f} m from home; the link reaches {limit_m:g} m"
            yield subject_finding(subject, "link", leg, message, at_xy=ends[at], measured=float(far[at]), limit=limit_m)
