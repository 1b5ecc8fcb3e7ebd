"""PX4's mission feasibility rules, judged offline.

PX4 acknowledges a transfer first and judges it afterwards, by STATUSTEXT only
(`FeasibilityChecker.cpp`, `MissionFeasibilityChecker.cpp`, and the commands and
frames of `MavlinkMissionManager::parse_mavlink_mission_item`).
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

from geo.geodesy import inverse
from missions.checks.autopilot_rules_storage import capacity_findings, storage_findings
from missions.checks.autopilot_rules_values import RELATIVE_FRAMES, Beyond, VehicleClass, item_finding, plan_finding
from missions.performance.handling import PX4 as PX4_HANDLING
from missions.plan import Finding, Severity
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

GATE: Final = 4501
SUPPORTED: Final = frozenset(
    {16, 17, 19, 20, 21, 22, 31, 84, 85, 93, 177, 178, 179, 183, 187, 189, 195, 196, 197, 200, 201, 203, 204, 205, 206}
    | {211, 214, 260, 530, 531, 532, 534, 1000, 1001, 2000, 2001, 2003, 2500, 2501, 3000, GATE, 42600}
)
PLACED: Final = frozenset({16, 17, 19, 21, 22, 31, 84, 85, GATE})
"""`MissionBlock::item_contains_position`."""
_SET_ROI: Final = 201
_ALSO_PLACED: Final = (195, _SET_ROI)
_BEFORE_TAKEOFF: Final = SUPPORTED - PLACED - {20}
_TAKEOFFS: Final = (22, 84)
_LANDINGS: Final = (21, 85)
_VTOL_ONLY: Final = (84, 85, 3000)
_GLOBAL_FRAMES: Final = (0, 3, 5, 6)
_ROI_WITH_PLACE: Final = (0, 3)
_ROI_WITHOUT_PLACE: Final = (0, 1, 2)
"""MAV_ROI modes that `parse_mavlink_mission_item` takes of DO_SET_ROI (none, location; none, next, index)."""
_MIN_GATE_DISTANCE_M: Final = 0.05
_PWM_MAX: Final = 2000
"""`PWM_DEFAULT_MAX`, microseconds."""
_GLIDE_MARGIN_DEG: Final = 0.1


def _distance_m(a: MissionItem | Home, b: MissionItem | Home) -> float:
    return float(inverse(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)[0])


def _amsl_m(item: MissionItem, home: Home | None) -> float:
    base = 0.0 if item.frame not in RELATIVE_FRAMES else (math.nan if home is None else home.alt_amsl_m)
    return item.alt_m + base


def px4_findings(document: PlanDocument, settings: VehicleSettings) -> tuple[Finding, ...]:
    """Judge a mission by PX4's rules; every violation is listed, where PX4 names the first."""
    items = document.items
    return (
        *_whole(document, settings),
        *itertools.chain.from_iterable(_item(item, document, settings) for item in items),
        *_takeoff(document, settings),
        *_first_waypoint(document, settings),
        *_gates(items),
        *_required_ends(items, settings),
        *_landing(document, settings),
        *storage_findings(items, settings, Dialect.PX4, SUPPORTED),
    )


def _whole(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    if not (document.items or document.fence or document.rally):
        yield plan_finding("px4.empty", "the mission is empty; PX4 does not start one without items")
    yield from capacity_findings(document, settings, Dialect.PX4)


def _item(item: MissionItem, document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    command = item.command
    if command not in SUPPORTED:
        yield item_finding("px4.unsupported-command", item, f"PX4 rejects missions with command {command}")
        return
    placed = command in PLACED or command in _ALSO_PLACED
    wanted = _GLOBAL_FRAMES if placed else (2,)
    if item.frame not in wanted and not (command == _SET_ROI and item.frame == 2):
        what = "a place" if placed else "no place for PX4"
        names = ", ".join(map(str, wanted))
        yield item_finding(
            "px4.frame", item, f"command {command} has {what} and must be in frame {names}, not {item.frame}"
        )
    if command in _VTOL_ONLY and settings.vehicle is not VehicleClass.VTOL:
        yield item_finding("px4.vehicle-type", item, f"command {command} is for VTOLs, this is a {settings.vehicle}")
    if item.seq == 0 and command == 21 and settings.landed:
        yield item_finding(
            "px4.starts-with-land", item, "the mission starts with a landing while the vehicle is landed"
        )
    if command == 183 and not 0 <= item.p1 <= 5:
        yield item_finding(
            "px4.actuator", item, f"actuator {item.p1:g} is out of bounds 0..5", beyond=Beyond(item.p1, 5)
        )
    if command == 183 and abs(item.p2) > _PWM_MAX:
        message = f"actuator value {item.p2:g} is out of bounds -{_PWM_MAX}..{_PWM_MAX}"
        yield item_finding("px4.actuator", item, message, beyond=Beyond(item.p2, _PWM_MAX))
    if command == _SET_ROI:
        modes = _ROI_WITHOUT_PLACE if item.frame == 2 else _ROI_WITH_PLACE
        if item.p1 not in modes:
            allowed = ", ".join(map(str, modes))
            message = f"region of interest mode {item.p1:g} is refused in frame {item.frame}; PX4 takes {allowed}"
            yield item_finding("px4.roi", item, message)
    if command in PLACED:
        yield from _altitude(item, document.home)


def _altitude(item: MissionItem, home: Home | None) -> Iterator[Finding]:
    unknown = home is None or math.isnan(home.alt_amsl_m)
    if unknown and item.frame in RELATIVE_FRAMES:
        yield item_finding("px4.relative-without-home", item, "has a relative altitude, and the plan has no home")
    elif home is not None and _amsl_m(item, home) < home.alt_amsl_m:
        yield item_finding(
            "px4.below-home",
            item,
            f"is {home.alt_amsl_m - _amsl_m(item, home):.1f} m below home",
            severity=Severity.WARNING,
            beyond=Beyond(_amsl_m(item, home), home.alt_amsl_m, "m AMSL"),
        )


def _takeoff(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    placed_before = False
    for item in document.items:
        if item.command in _TAKEOFFS:
            radius_m = item.p2 if item.p2 > 0.0 else settings.acceptance_m
            home_m = math.nan if document.home is None else document.home.alt_amsl_m
            climb_m = item.alt_m if item.frame in RELATIVE_FRAMES else item.alt_m - home_m
            if climb_m - 1.0 < radius_m:
                any_kind = settings.vehicle_told or climb_m - 1.0 < PX4_HANDLING.corner_lead_m
                yield item_finding(
                    "px4.takeoff-too-low",
                    item,
                    f"takes off to {climb_m:.1f} m; PX4 wants {radius_m + 1.0:.1f} m or more (acceptance radius + 1 m)",
                    severity=Severity.ERROR if any_kind else Severity.WARNING,
                    beyond=Beyond(climb_m, radius_m + 1.0, "m"),
                )
            if placed_before:
                yield item_finding("px4.takeoff-not-first", item, "takes off after another item with a place")
        placed_before |= item.command not in _BEFORE_TAKEOFF


def _first_waypoint(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    first = next((item for item in document.items if item.command in PLACED and not math.isnan(item.lat_deg)), None)
    if first is None or document.home is None or settings.mis_dist_1wp_m <= 0.0:
        return
    distance_m = _distance_m(document.home, first)
    if distance_m >= settings.mis_dist_1wp_m:
        limit = settings.mis_dist_1wp_m
        message = f"is the first waypoint, {distance_m:.0f} m from home; MIS_DIST_1WP allows {limit:.0f} m"
        yield item_finding("px4.first-waypoint", first, message, beyond=Beyond(distance_m, limit, "m"))


def _gates(items: tuple[MissionItem, ...]) -> Iterator[Finding]:
    placed = [item for item in items if item.command in PLACED and not math.isnan(item.lat_deg)]
    for before, item in itertools.pairwise(placed):
        distance_m = _distance_m(before, item) if GATE in (before.command, item.command) else math.inf
        if distance_m < _MIN_GATE_DISTANCE_M:
            message = (
                f"is {distance_m * 100:.1f} cm from item {before.seq + 1}; a gate and a waypoint need 5 cm between them"
            )
            yield item_finding(
                "px4.gate-too-close", item, message, beyond=Beyond(distance_m, _MIN_GATE_DISTANCE_M, "m")
            )


def _required_ends(items: tuple[MissionItem, ...], settings: VehicleSettings) -> Iterator[Finding]:
    has_takeoff = any(item.command in _TAKEOFFS for item in items)
    has_landing = any(item.command in _LANDINGS for item in items)
    missing = {
        1: () if has_takeoff else ("takeoff",),
        2: () if has_landing else ("landing",),
        3: tuple(n for n, has in (("takeoff", has_takeoff), ("landing", has_landing)) if not has),
        4: () if has_takeoff == has_landing else ("landing",) if has_takeoff else ("takeoff",),
    }.get(settings.mis_tko_land_req, ())
    for what in missing:
        rule = settings.mis_tko_land_req
        yield plan_finding("px4.takeoff-landing", f"the mission has no {what}; MIS_TKO_LAND_REQ is {rule}")


def _landing(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    if settings.vehicle is VehicleClass.MULTIROTOR:
        return
    yield from _land_start(document.items)
    if settings.vehicle is VehicleClass.FIXED_WING:
        for before, item in itertools.pairwise(document.items):
            if item.command == 21 and before.command in PLACED:
                yield from _approach(before, item, document.home, settings)


def _land_start(items: tuple[MissionItem, ...]) -> Iterator[Finding]:
    starts = [item for item in items if item.command == 189]
    landings = [item.seq for item in items if item.command in _LANDINGS]
    for extra in starts[1:]:
        yield item_finding("px4.land-start", extra, "is a second land start; PX4 allows one")
    if starts and not any(seq - 1 > starts[0].seq - 1 for seq in landings):
        yield item_finding("px4.land-start", starts[0], "starts a landing, but no landing follows")
    if starts:
        for item in items[starts[0].seq :]:
            if item.command == 20:
                yield item_finding("px4.land-start", item, "returns to launch after a land start")


def _approach(
    before: MissionItem, land: MissionItem, home: Home | None, settings: VehicleSettings
) -> Iterator[Finding]:
    height_m = _amsl_m(before, home) - _amsl_m(land, home)
    if height_m < 1e-6:
        yield item_finding("px4.approach", before, "approaches the landing from below it", beyond=Beyond(height_m, 0.0))
        return
    distance_m = _distance_m(before, land)
    if before.command == 31:
        radius_m = abs(before.p2)
        if distance_m <= radius_m:
            message = f"is inside the approach circle of {radius_m:.0f} m radius"
            yield item_finding("px4.approach", land, message, beyond=Beyond(distance_m, radius_m, "m"))
            return
        distance_m = math.sqrt(distance_m**2 - radius_m**2)
    elif before.command != 16:
        yield item_finding("px4.approach", before, "leads to the landing; only a waypoint or a loiter to altitude may")
        return
    slope_deg = math.degrees(math.atan2(height_m, distance_m))
    if slope_deg > settings.fw_lnd_ang_deg + _GLIDE_MARGIN_DEG:
        limit = settings.fw_lnd_ang_deg
        message = f"is reached on a slope of {slope_deg:.1f} deg; FW_LND_ANG allows {limit:.1f} deg"
        yield item_finding("px4.glide-slope", land, message, beyond=Beyond(slope_deg, limit, "deg"))
