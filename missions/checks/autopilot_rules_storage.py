"""What an autopilot's storage will change of a mission, said before it is sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.checks.autopilot_rules_values import VehicleClass, item_finding, plan_finding
from missions.plan import Severity
from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer.storage import kept, parameters_kept
from missions.transfer.storage_tables import ARDUPILOT_XYZ
from missions.transfer.values import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.checks.autopilot_rules_values import VehicleSettings
    from missions.plan import Finding, MissionItem
    from missions.plan_files.plan_document import PlanDocument

_NAMES: Final = {Dialect.ARDUPILOT: "ArduPilot", Dialect.PX4: "PX4"}
_TURN_DEG: Final = 360.0
_HEADING: Final = frozenset({16, 17, 21, 22, 82, 84, 85})
"""Commands whose fourth parameter is a heading."""


_POLYGONS: Final = frozenset({5001, 5002})
_CIRCLES: Final = frozenset({5003, 5004})


def capacity_findings(document: PlanDocument, settings: VehicleSettings, dialect: Dialect) -> Iterator[Finding]:
    """Find lists that the vehicle has no room for, and warn of a mission that only the larger boards store."""
    room, name = settings.capacity(dialect), _NAMES[dialect]
    count = len(document.items)
    if count > room.items:
        fits = count <= room.items_most
        of = f"that {name} stores on every board" if fits else f"that {name} stores"
        limit = room.items if fits else room.items_most
        yield plan_finding(
            f"{dialect}.capacity", f"{count} items are more than the {limit} {of}", measured=count, limit=limit,
            severity=Severity.WARNING if fits else Severity.ERROR,
        )  # fmt: skip
    corners = sum(item.command in _POLYGONS for item in document.fence)
    used = room.fence_used(_polygons(document.fence), sum(item.command in _CIRCLES for item in document.fence))
    if used > room.fence:
        over = -(-(used - room.fence) // room.corner)
        yield plan_finding(
            f"{dialect}.capacity", f"{corners} corners of the fence are {over} more than {name} has room for",
            measured=corners, limit=corners - over,
        )  # fmt: skip
    if len(document.rally) > room.rally:
        message = f"{len(document.rally)} rally points are more than the {room.rally} that {name} stores"
        yield plan_finding(f"{dialect}.capacity", message, measured=len(document.rally), limit=room.rally)


def _polygons(fence: tuple[MissionItem, ...]) -> Iterator[int]:
    """Yield how many corners each polygon of a fence has; each corner says how many there are."""
    place = 0
    while place < len(fence):
        item = fence[place]
        whole = item.command in _POLYGONS and math.isfinite(item.p1) and item.p1 >= 1.0
        count = min(int(item.p1), len(fence) - place) if whole else 1
        if item.command in _POLYGONS:
            yield count
        place += count


def storage_findings(
    items: tuple[MissionItem, ...], settings: VehicleSettings, dialect: Dialect, supported: frozenset[int]
) -> Iterator[Finding]:
    """Warn of every number that reads back as another one; `supported` are the commands the autopilot takes."""
    fixed_wing = settings.vehicle is VehicleClass.FIXED_WING
    peer = Peer(system=1, component=1, dialect=dialect, fixed_wing=fixed_wing)
    whole: set[tuple[object, ...]] = set()
    for item in items:
        sent_numbers = _numbers(item)
        alike = (item.command, item.frame, *sent_numbers)
        if item.command not in supported or alike in whole or any(math.isinf(value) for value in sent_numbers):
            continue
        back = _kept_numbers(item, peer)
        if sent_numbers == back:
            whole.add(alike)
            continue
        lost = [
            f"parameter {n} {sent:g} becomes {held:g}"
            for n, (sent, held) in enumerate(zip(sent_numbers, back, strict=True), start=1)
            if _differ(item, n, sent, held) and not _harmless(item, n, settings)
        ]
        if not lost:
            whole.add(alike)
        else:
            message = f"{_NAMES[dialect]}'s storage changes command {item.command}: {', '.join(lost)}"
            yield item_finding(f"{dialect}.storage", item, message, severity=Severity.WARNING)


def _numbers(item: MissionItem) -> tuple[float, ...]:
    """Return the item's parameters, all seven for a command that uses x, y and z for something other than a place."""
    four = (item.p1, item.p2, item.p3, item.p4)
    if item.command not in ARDUPILOT_XYZ:
        return four
    return (*four, *(0.0 if math.isnan(v) else v for v in (item.lat_deg, item.lon_deg)), item.alt_m)


def _kept_numbers(item: MissionItem, peer: Peer) -> tuple[float, ...]:
    """Return what the vehicle gives back of the same numbers."""
    if item.command not in ARDUPILOT_XYZ:
        return parameters_kept(item, peer, MissionType.MISSION)
    return _numbers(kept(item, peer, MissionType.MISSION))


def _differ(item: MissionItem, number: int, sent: float, held: float) -> bool:
    if not math.isfinite(sent) or abs(sent - held) <= 1e-6 * max(1.0, abs(sent)):
        return False
    return not (number == 4 and item.command in _HEADING and held != 0.0 and (sent - held) % _TURN_DEG == 0.0)


def _harmless(item: MissionItem, number: int, settings: VehicleSettings) -> bool:
    """Tell whether the loss changes nothing: headings nobody takes, directions of no circle, a rotor's pitch."""
    if item.command in (17, 18, 19, 31) and (item.p3, item.p2)[item.command == 31] == 0.0 and number in (2, 3):
        return True
    if item.command == 201 and number == 1:  # PX4 keeps the mode and does not read it back
        return True
    if item.command == 22 and number == 1:
        return settings.vehicle is VehicleClass.MULTIROTOR
    return (item.command in (16, 17, 22, 82) and number == 4) or (item.command == 21 and number in (2, 4))
