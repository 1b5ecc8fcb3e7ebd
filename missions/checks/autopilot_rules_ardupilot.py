"""ArduPilot's rules and limits, judged offline.

`AP_Mission::sanity_check_params` and `mavlink_int_to_mission_cmd` (commands,
frames, NaN), `AP_Mission_config.h` (capacity, jumps), `AP_Arming_Copter`
(takeoff first), and the 15 bytes an item is stored in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.checks.autopilot_rules_storage import capacity_findings, storage_findings
from missions.checks.autopilot_rules_values import TERRAIN_FRAMES, Beyond, VehicleClass, item_finding, plan_finding
from missions.plan import Finding, Severity
from missions.plan_files.dialect import (
    MAV_FRAME_MISSION,
    NAN_ALLOWED,
    PATH_COMMANDS,
    POSITION_COMMANDS,
    Dialect,
    has_position,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import PlanDocument

SUPPORTED: Final = frozenset(
    {16, 17, 18, 19, 20, 21, 22, 30, 31, 82, 83, 84, 85, 92, 93, 94, 112, 114, 115, 177, 178, 179, 181, 182, 183, 184}
    | {188, 189, 191, 194, 195, 197, 201, 202, 203, 205, 206, 207, 208, 210, 211, 212, 215, 216, 217, 218, 222, 223}
    | {193, 213, 531, 532, 534, 600, 601, 1000, 2000, 2001, 2500, 2501, 3000, 42600, 42702, 42703}
)
_FRAMES: Final = (0, 2, 3, 5, 6, 10, 11)
_NOT_NAVIGATION: Final = frozenset({93})
_FIRST_NAVIGATION_LIMIT: Final = 95
_ALT_MAX_M: Final = 83_000.0
"""`LOCATION_ALT_MAX_M`: 24 bits of centimetres."""
_MAX_CORNERS: Final = 255


def ardupilot_findings(document: PlanDocument, settings: VehicleSettings) -> tuple[Finding, ...]:
    """Judge a mission by what ArduPilot accepts, stores and arms with."""
    return (
        *_whole(document, settings),
        *_items(document.items, settings),
        *_takeoff(document, settings),
        *storage_findings(document.items, settings, Dialect.ARDUPILOT, SUPPORTED),
        *_fence(document.fence),
    )


def _whole(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    if not (document.items or document.fence or document.rally):
        yield plan_finding("ardupilot.empty", "the mission is empty; ArduPilot's Auto mode refuses to start")
    yield from capacity_findings(document, settings, Dialect.ARDUPILOT)
    jumps = sum(item.command == 177 for item in document.items)
    if jumps > (limit := settings.ardupilot_max_jumps):
        message = f"{jumps} jumps are more than the {limit} ArduPilot counts on boards with little memory"
        yield plan_finding("ardupilot.jumps", message, measured=jumps, limit=limit)


def _items(items: Sequence[MissionItem], settings: VehicleSettings) -> Iterator[Finding]:
    """Judge items one by one; of those that differ in plain numbers alone, and against which nothing is said, one."""
    harmless: set[tuple[int, int, bool]] = set()
    for item in items:
        sound = math.isfinite(item.p1 + item.p2 + item.p3 + item.lat_deg + item.lon_deg) and has_position(item)
        plain = sound and abs(item.alt_m) < _ALT_MAX_M and not math.isinf(item.p4)
        alike = (item.command, item.frame, math.isnan(item.p4))
        if plain and alike in harmless:
            continue
        found = tuple(_item(item, settings))
        yield from found
        if plain and not found:
            harmless.add(alike)


def _item(item: MissionItem, settings: VehicleSettings) -> Iterator[Finding]:
    command = item.command
    if command not in SUPPORTED or (command == 82 and settings.vehicle is not VehicleClass.MULTIROTOR):
        yield item_finding("ardupilot.unsupported-command", item, f"ArduPilot refuses command {command}")
        return
    if command in POSITION_COMMANDS:
        if item.frame not in _FRAMES:
            names = ", ".join(map(str, _FRAMES))
            yield item_finding("ardupilot.frame", item, f"frame {item.frame} is refused; use one of {names}")
        elif item.frame == MAV_FRAME_MISSION and has_position(item) and item.command in PATH_COMMANDS:
            message = "is in frame 2, in which ArduPilot takes the height for metres above sea level; write 0 or 3"
            yield item_finding("ardupilot.frame", item, message, severity=Severity.WARNING)
        if command in (16, 82) and not has_position(item):
            message = "has no place (0, 0); ArduPilot flies it where the aircraft is by then"
            yield item_finding("ardupilot.no-place", item, message, severity=Severity.WARNING)
        if abs(item.alt_m) >= _ALT_MAX_M:
            message = f"altitude {item.alt_m:.0f} m does not fit what ArduPilot stores"
            yield item_finding("ardupilot.altitude", item, message, beyond=Beyond(item.alt_m, _ALT_MAX_M, "m"))
        if item.frame in TERRAIN_FRAMES:
            message = "counts its altitude from the terrain; TERRAIN_ENABLE and terrain data must be there in flight"
            yield item_finding("ardupilot.terrain-frame", item, message, severity=Severity.WARNING)
    for number, value in enumerate((item.p1, item.p2, item.p3, item.p4), start=1):
        allowed = f"p{number}" in NAN_ALLOWED.get(command, ())
        if math.isinf(value) or (math.isnan(value) and not allowed):
            message = f"parameter {number} is {value}; ArduPilot refuses that for command {command}, write 0"
            yield item_finding("ardupilot.unset-parameter", item, message)


def _takeoff(document: PlanDocument, settings: VehicleSettings) -> Iterator[Finding]:
    if settings.vehicle is not VehicleClass.MULTIROTOR or not document.items:
        return
    navigating = (i for i in document.items if i.command < _FIRST_NAVIGATION_LIMIT and i.command not in _NOT_NAVIGATION)
    first = next(navigating, None)
    severity = Severity.ERROR if settings.vehicle_told else Severity.WARNING
    if first is None:
        message = "the mission has no takeoff; Copter refuses to arm in Auto"
        yield plan_finding("ardupilot.takeoff", message, severity=severity)
    elif first.command not in (22, 84):
        message = f"is the first to navigate (command {first.command}) and no takeoff; Copter refuses to arm in Auto"
        yield item_finding("ardupilot.takeoff", first, message, severity=severity)


def _fence(fence: tuple[MissionItem, ...]) -> Iterator[Finding]:
    for item in fence:
        if item.command in (5001, 5002) and item.p1 > _MAX_CORNERS:
            message = f"belongs to a fence polygon of {item.p1:g} corners; ArduPilot stores {_MAX_CORNERS} at most"
            yield item_finding("ardupilot.fence-corners", item, message, beyond=Beyond(item.p1, _MAX_CORNERS))
            return
