"""Places an aircraft takes off from or is sent to: each must lie where it may be."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.errors import PlanRefusedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """Why a place may not be used: the rule, what is wrong and what would do, and by how much."""

    rule: str
    reason: str
    measured: float
    limit: float


def check_places(situation: Situation) -> None:
    """Refuse launch sites and rally points the rules forbid.

    Raises
    ------
    PlanRefusedError
        Naming the place, what is wrong with it, and how far to move it.
    """
    brief, corridor = situation.brief, situation.corridor
    rally = corridor.frame.to_plane(*np.array([(r.lat_deg, r.lon_deg) for r in brief.rally]).reshape(-1, 2).T)
    named = [(f"launch site {s.name!r}", xy) for s, xy in zip(brief.launch, corridor.sites, strict=True)]
    named += [(f"rally point {r.name!r}", xy) for r, xy in zip(brief.rally, rally, strict=True)]
    for name, xy in named:
        wrong = misplaced(brief, corridor, xy)
        if wrong is not None:
            raise PlanRefusedError(
                f"{name} {wrong.reason}", rule=wrong.rule, place=name, measured=wrong.measured, limit=wrong.limit
            )


def no_circle(situation: Situation, label: str, site: int, circle_m: float) -> PlanRefusedError | None:
    """Return why an aircraft cannot climb and descend over a launch site, or None where it can.

    Parameters
    ----------
    label
        Of the aircraft.
    circle_m
        Radius of the circle it climbs and descends in, 0 where it hovers.
    """
    corridor = situation.corridor
    if circle_m <= 0.0 or corridor.free.covers(shapely.Point(corridor.sites[site]).buffer(circle_m)):
        return None
    name = situation.brief.launch[site].name
    return PlanRefusedError(
        f"launch site {name!r} has no free circle of {circle_m:.0f} m about it for {label} "
        "to climb and descend in; move it further from the border, the zones and the edge of the keep-in area",
        rule="turn radius", site=name, limit=circle_m,
    )  # fmt: skip


def misplaced(brief: Brief, corridor: Corridor, xy_m: FloatArray) -> Misplaced | None:
    """Return why a place, (2,) in the corridor's plane, may not be used, or None where it may."""
    point = shapely.Point(xy_m)
    if corridor.free.covers(point):
        return None
    return (
        _in_zone(brief, corridor, point)
        or _off_side(brief, corridor, point)
        or _out(brief, corridor, point)
        or _near(corridor, point)
    )


def _in_zone(brief: Brief, corridor: Corridor, point: shapely.Point) -> Misplaced | None:
    for zone, shape, bar in zip(brief.zone, corridor.zones, corridor.barred, strict=True):
        away = float(shape.distance(point))
        if bar and away <= zone.clearance_m:
            return Misplaced(
                rule="zones", measured=away, limit=zone.clearance_m,
                reason=f"lies in zone {zone.name!r} or within its {zone.clearance_m:g} m of clearance; move it, or "
                "shrink the zone",
            )  # fmt: skip
    return None


def _off_side(brief: Brief, corridor: Corridor, point: shapely.Point) -> Misplaced | None:
    if corridor.own.covers(point):
        return None
    beyond = float(corridor.own.distance(point)) / corridor.stretch
    reason = "is not on our side of the border; move it, or check border.own_side"
    if corridor.drawn_against(brief):
        reason = (
            f"is not on our side of the border, but {corridor.turned.sentence(corridor.frame)} and "
            f"{brief.border.own_side.hand} was taken of the larger part: redraw the other part the same way, or give "
            "border.own_side as a polygon or a point"
        )
    return Misplaced(rule="standoff", measured=beyond, limit=0.0, reason=reason)


def _out(brief: Brief, corridor: Corridor, point: shapely.Point) -> Misplaced | None:
    if brief.keep_in is None or corridor.keep_in is None:
        return None
    asked, out = brief.keep_in.clearance_m, float(corridor.keep_in.distance(point)) / corridor.stretch
    inside = 0.0 if out > 0.0 else float(corridor.keep_in.boundary.distance(point)) / corridor.stretch
    if inside > asked:
        return None
    where = f"{_far(out)} outside the keep-in area" if out > 0.0 else f"{inside:.0f} m inside the keep-in area's edge"
    return Misplaced(
        rule="keep-in", measured=inside - out, limit=asked,
        reason=f"lies {where} and must be {asked:g} m inside; move it {_far(out + asked - inside + 1.0)}, or "
        "redraw the area",
    )  # fmt: skip


def _far(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 10_000.0 else f"{metres / 1000.0:.1f} km"


def _near(corridor: Corridor, point: shapely.Point) -> Misplaced | None:
    away = float(corridor.guard.distance(point))
    if away > corridor.kept_m:
        return None
    return Misplaced(
        rule="standoff", measured=away, limit=corridor.kept_m,
        reason=f"is {away:.0f} m from the border and needs {corridor.kept_m:.0f} m (standoff and its margin); "
        + (
            "no place on our side is free: ask a smaller standoff"
            if corridor.free.is_empty
            else f"move it {corridor.kept_m - away:.0f} m further away"
        ),
    )  # fmt: skip
