"""What this vehicle's own parameters forbid: its built-in fence, its waypoint radius, what it must find to arm."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import inverse
from missions.checks.autopilot_rules_values import Beyond, item_finding, plan_finding
from missions.plan import Finding, LegKind, Severity
from missions.plan_files.dialect import PATH_COMMANDS, Dialect, has_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.plan import Leg
    from missions.plan_files.plan_document import PlanDocument

_PASSED: Final = frozenset({16, 82})
"""Commands that end as soon as the aircraft is within the waypoint radius."""
_REQUIRED: Final = {
    0: ("landing (command 21)", (21,)),
    1: ("VTOL landing (command 85)", (85,)),
    2: ("land start (command 189)", (189,)),
    3: ("takeoff (command 22)", (22,)),
    4: ("VTOL takeoff (command 84)", (84,)),
    6: ("return to launch (command 20)", (20,)),
}
"""Bit of ARMING_MIS_ITEMS -> what it asks for (`AP_Arming::MIS_ITEM_CHECK`)."""
_RALLY_BIT: Final = 5
_NAMES: Final = {
    Dialect.PX4: ("GF_MAX_HOR_DIST", "GF_MAX_VER_DIST", ""),
    Dialect.ARDUPILOT: ("FENCE_RADIUS", "FENCE_ALT_MAX", "FENCE_ALT_MIN"),
}


def vehicle_findings(
    document: PlanDocument, legs: tuple[Leg, ...], settings: VehicleSettings, dialect: Dialect
) -> Iterator[Finding]:
    """Judge a plan by what is set on the vehicle; nothing is judged that is not known."""
    yield from _limits(document, legs, settings, dialect)
    yield from _skipped(document, settings, dialect)
    if dialect is Dialect.ARDUPILOT:
        yield from _to_arm(document, settings)


def _limits(
    document: PlanDocument, legs: tuple[Leg, ...], settings: VehicleSettings, dialect: Dialect
) -> Iterator[Finding]:
    home = document.home
    limits = (settings.fence_max_distance_m, settings.fence_max_height_m, settings.fence_min_height_m)
    if home is None or not legs or all(math.isnan(limit) for limit in limits):
        return
    lat = np.array([leg.lat_end_deg for leg in legs])
    lon = np.array([leg.lon_end_deg for leg in legs])
    away_m = inverse(home.lat_deg, home.lon_deg, lat, lon)[0]
    up_m = np.array([leg.alt_amsl_end_m for leg in legs]) - home.alt_amsl_m
    flown = np.array([leg.kind is not LegKind.RETURN for leg in legs])
    distance, ceiling, floor = _NAMES[dialect]
    cases = (
        (f"{dialect}.fence-distance", distance, limits[0], away_m, away_m - limits[0], "m from home"),
        (f"{dialect}.fence-height", ceiling, limits[1], up_m, up_m - limits[1], "m above home"),
        (f"{dialect}.fence-floor", floor, limits[2], up_m, np.where(flown, limits[2] - up_m, -np.inf), "m above home"),
    )
    for rule, name, limit, measured, beyond, what in cases:
        if not (beyond > 0.0).any():
            continue
        worst = int(np.nanargmax(beyond))
        leg, value = legs[worst], float(measured[worst])
        yield Finding(
            rule=rule,
            severity=Severity.ERROR,
            message=f"item {leg.seq + 1} is {value:.0f} {what}; the vehicle's {name} is {limit:g} m",
            lat_deg=leg.lat_end_deg,
            lon_deg=leg.lon_end_deg,
            seq=leg.seq,
            measured=value,
            limit=limit,
            unit="m",
            relaxation=f"{name} = {value:.0f}",
        )


def _skipped(document: PlanDocument, settings: VehicleSettings, dialect: Dialect) -> Iterator[Finding]:
    radius_m = settings.waypoint_radius_m
    if math.isnan(radius_m):
        return
    placed = [item for item in document.items if item.command in PATH_COMMANDS and has_position(item)]
    for before, item in itertools.pairwise(placed):
        apart_m = float(inverse(before.lat_deg, before.lon_deg, item.lat_deg, item.lon_deg)[0])
        level = abs(before.alt_m - item.alt_m) < radius_m and before.frame == item.frame
        if item.command in _PASSED and before.command in _PASSED and apart_m < radius_m and level and item.p1 == 0.0:
            message = f"lies {apart_m:.1f} m after item {before.seq + 1}, within the waypoint radius of {radius_m:g} m"
            yield item_finding(
                f"{dialect}.waypoint-radius", item, f"{message}; it counts as reached at once",
                severity=Severity.WARNING, beyond=Beyond(apart_m, radius_m, "m"),
            )  # fmt: skip


def _to_arm(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    held = {item.command for item in document.items}
    missing = [
        what
        for bit, (what, commands) in _REQUIRED.items()
        if settings.required_items & (1 << bit) and not held & set(commands)
    ]
    if settings.required_items & (1 << _RALLY_BIT) and not document.rally:
        missing.append("rally point")
    for what in missing:
        message = f"the plan has no {what}; the vehicle's ARMING_MIS_ITEMS asks for one before it arms"
        yield plan_finding("ardupilot.arming-items", message)
    if not settings.terrain_enabled and any(item.frame in (10, 11) for item in document.items):
        message = "heights count from the terrain and the vehicle's TERRAIN_ENABLE is 0"
        yield plan_finding("ardupilot.terrain-disabled", message)
