"""What an autopilot can keep of a mission item, so that a lossy read-back is told from a wrong one.

ArduPilot keeps 15 bytes an item: integers where MAVLink has floats, altitudes
in centimetres, and nothing at all of parameters it does not use. PX4 keeps
floats and drops what a command does not use. `missions.transfer.storage_tables`
says what is kept of which command, and where that is written.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import POSITION_COMMANDS, Dialect, MissionType, wire_xy
from missions.transfer.storage_slots import rounded_single
from missions.transfer.storage_tables import (
    ARDUPILOT,
    ARDUPILOT_FENCE,
    ARDUPILOT_XYZ,
    EVERYTHING,
    NOTHING,
    PLACELESS,
    PLANE_WAYPOINT,
    PX4_MISSION,
    PX4_PLACED,
)
from missions.transfer.values import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from missions.plan import MissionItem
    from missions.transfer.storage_slots import Readings
    from missions.transfer.storage_tables import Four
    from missions.transfer.values import Peer

_FRAME_KEPT: Final = {5: 0, 6: 3, 11: 10}
"""The `_INT` frames read back as their plain twins (0 global, 3 relative, 10 terrain)."""
_FRAME_MISSION: Final = 2
_PARAMETERS: Final = ("p1", "p2", "p3", "p4")
_CENTIMETRE_M: Final = 0.0101
_UNSET: Final = 2**31 - 1


def _slots(item: MissionItem, peer: Peer, mission_type: MissionType) -> Four:
    if peer.dialect is Dialect.PX4:
        if item.command in POSITION_COMMANDS and item.frame != _FRAME_MISSION:
            return PX4_PLACED.get(item.command, NOTHING)
        return PX4_MISSION.get(item.command, EVERYTHING)
    if mission_type is not MissionType.MISSION:
        return ARDUPILOT_FENCE.get(item.command, NOTHING)
    if item.command == 16 and peer.fixed_wing:
        return PLANE_WAYPOINT
    return ARDUPILOT.get(item.command, EVERYTHING)


def _parameters(item: MissionItem, peer: Peer, mission_type: MissionType) -> tuple[Readings, ...]:
    """Return what each parameter may read back as; ArduPilot is sent 0 where a value is unset."""
    sent = (item.p1, item.p2, item.p3, item.p4)
    if peer.dialect is Dialect.ARDUPILOT:
        sent = (_or_zero(item.p1), _or_zero(item.p2), _or_zero(item.p3), _or_zero(item.p4))
    return tuple(keep(value) for keep, value in zip(_slots(item, peer, mission_type), sent, strict=True))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _cut(value: float) -> int:
    return int(value) if math.isfinite(value) else 0


def _xy(item: MissionItem) -> tuple[int, int]:
    x, y = wire_xy(item)
    return (0 if x == _UNSET else x), (0 if y == _UNSET else y)


def _place(item: MissionItem, peer: Peer, mission_type: MissionType) -> tuple[Readings, Readings, Readings]:
    """Return what x, y (as they cross the link) and z may read back as."""
    x, y = _xy(item)
    if peer.dialect is Dialect.PX4:
        if mission_type is MissionType.MISSION and item.frame == _FRAME_MISSION:  # parameters 5 and 6 are floats there
            return rounded_single(x), rounded_single(y), (item.alt_m,)
        return (x,), (y,), (item.alt_m,)
    if mission_type is MissionType.FENCE:
        return (x,), (y,), (0.0,)
    if mission_type is MissionType.RALLY:
        return (x,), (y,), (float(_cut(item.alt_m)),)
    if item.command in POSITION_COMMANDS:
        return (x,), (y,), (_cut(item.alt_m * 100.0) / 100.0,)
    keep_x, keep_y, keep_z = ARDUPILOT_XYZ.get(item.command, PLACELESS)
    return keep_x(x), keep_y(y), keep_z(item.alt_m)


def _frame(item: MissionItem, peer: Peer, mission_type: MissionType) -> int:
    if peer.dialect is Dialect.ARDUPILOT:
        if mission_type is MissionType.FENCE or item.command not in POSITION_COMMANDS:
            return 0
        if item.frame == _FRAME_MISSION:
            return 0
    return _FRAME_KEPT.get(item.frame, item.frame)


def parameters_kept(item: MissionItem, peer: Peer, mission_type: MissionType) -> tuple[float, float, float, float]:
    """Return the item's four parameters as `kept` gives them back."""
    p1, p2, p3, p4 = _parameters(item, peer, mission_type)
    return p1[0], p2[0], p3[0], p4[0]


def kept(item: MissionItem, peer: Peer, mission_type: MissionType) -> MissionItem:
    """Return the item as this vehicle's storage, with present firmware on a flight controller, would give it back."""
    p1, p2, p3, p4 = parameters_kept(item, peer, mission_type)
    x, y, z = (readings[0] for readings in _place(item, peer, mission_type))
    placeless = item.command not in POSITION_COMMANDS
    lat_deg, lon_deg = ((x or math.nan), (y or math.nan)) if placeless else (item.lat_deg, item.lon_deg)
    return dataclasses.replace(
        item,
        p1=p1,
        p2=p2,
        p3=p3,
        p4=p4,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=z,
        frame=_frame(item, peer, mission_type),
    )


def _same(left: float, right: float, tolerance: float = 0.0) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or abs(left - right) <= max(tolerance, 1e-6 * max(1.0, abs(left)))


def _item_differences(
    sent: MissionItem, held: MissionItem, peer: Peer, mission_type: MissionType
) -> Iterator[Difference]:
    if sent.command != held.command:
        yield Difference(seq=sent.seq, field="command", sent=sent.command, held=held.command)
        return
    for name, readings in zip(_PARAMETERS, _parameters(sent, peer, mission_type), strict=True):
        value, back = getattr(sent, name), getattr(held, name)
        if not any(_same(reading, back) for reading in (value, *readings)):
            yield Difference(seq=sent.seq, field=name, sent=value, held=back)
    *readings_xy, readings_z = _place(sent, peer, mission_type)
    if not any(_same(reading, held.alt_m, _CENTIMETRE_M) for reading in (sent.alt_m, *readings_z)):
        yield Difference(seq=sent.seq, field="alt_m", sent=sent.alt_m, held=held.alt_m)
    scale = 1e7 if sent.command in POSITION_COMMANDS else 1.0
    for name, ours, theirs, kept_as in zip(("lat_deg", "lon_deg"), _xy(sent), _xy(held), readings_xy, strict=True):
        if theirs not in (ours, *kept_as):
            yield Difference(seq=sent.seq, field=name, sent=ours / scale, held=theirs / scale)
    frames = {sent.frame, _frame(sent, peer, mission_type), _FRAME_KEPT.get(sent.frame, sent.frame)}
    if sent.command in POSITION_COMMANDS and _FRAME_KEPT.get(held.frame, held.frame) not in frames:
        yield Difference(seq=sent.seq, field="frame", sent=sent.frame, held=held.frame)


def differences(
    sent: Sequence[MissionItem], held: Sequence[MissionItem], peer: Peer, mission_type: MissionType
) -> tuple[Difference, ...]:
    """Return every field that reads back neither as sent nor as the vehicle's storage rounds it.

    ArduPilot's mission item 0 is home, which the vehicle sets itself, so only
    its presence is checked. A different number of items is one difference,
    field ``"items"``.
    """
    home = peer.dialect is Dialect.ARDUPILOT and mission_type is MissionType.MISSION
    if not sent and home and len(held) <= 1:
        return ()
    if len(sent) != len(held):
        return (Difference(seq=-1, field="items", sent=len(sent), held=len(held)),)
    found: list[Difference] = []
    for ours, theirs in zip(sent, held, strict=True):
        if home and ours.seq == 0:
            continue
        found += _item_differences(ours, theirs, peer, mission_type)
    return tuple(found)
