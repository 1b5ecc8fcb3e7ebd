"""What an autopilot can keep of a mission item, so that a lossy read-back is told from a wrong one.

ArduPilot keeps 15 bytes an item (`AP_Mission::mavlink_int_to_mission_cmd` and
`mission_cmd_to_mavlink_int`, `AC_PolyFence_loader`, `AP_Rally`): integers
where MAVLink has floats, altitudes in centimetres, and nothing at all of
parameters it does not use. PX4 keeps floats (`MavlinkMissionManager::
format_mavlink_mission_item`) and drops what a command does not use.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import POSITION_COMMANDS, Dialect, MissionType, wire_xy
from missions.transfer.values import Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from missions.plan import MissionItem
    from missions.transfer.values import Peer

_FRAME_KEPT: Final = {5: 0, 6: 3, 11: 10}
"""The `_INT` frames read back as their plain twins (0 global, 3 relative, 10 terrain)."""
_PARAMETERS: Final = ("p1", "p2", "p3", "p4")
_CENTIMETRE_M: Final = 0.0101
_Kept = tuple[float, float, float, float]


def _u16(value: float) -> float:
    return float(int(value) & 0xFFFF) if value >= 0 else float(int(value) % 0x10000)


def _i16(value: float) -> float:
    return float((int(value) + 0x8000) % 0x10000 - 0x8000)


def _u8(value: float) -> float:
    return float(int(value) & 0xFF)


def _i8(value: float) -> float:
    return float((int(value) + 0x80) % 0x100 - 0x80)


def _sign(value: float) -> float:
    return -1.0 if value < 0 else 1.0


def _flag(value: float) -> float:
    return 1.0 if value > 0 else 0.0


_ARDUPILOT: Final[dict[int, Callable[[_Kept], _Kept]]] = {
    16: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    17: lambda p: (0.0, 0.0, _sign(p[2]) * _u16(abs(p[2])), 0.0),
    18: lambda p: (_u8(p[0]), 0.0, _sign(p[2]) * _u8(abs(p[2])), _flag(p[3])),
    19: lambda p: (_u16(p[0]), 0.0, _sign(p[2]), _flag(p[3])),
    20: lambda p: (0.0, 0.0, 0.0, 0.0),
    21: lambda p: (_u16(p[0]), 0.0, 0.0, _sign(p[3])),
    22: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    30: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    31: lambda p: (0.0, _sign(p[1]) * _u16(abs(p[1])), 0.0, _flag(p[3])),
    82: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    112: lambda p: (p[0], 0.0, 0.0, 0.0),
    114: lambda p: (p[0], 0.0, 0.0, 0.0),
    115: lambda p: (p[0], p[1], _sign(p[2]) if p[2] else 0.0, _flag(p[3])),
    177: lambda p: (_u16(p[0]), _i16(p[1]), 0.0, 0.0),
    178: lambda p: (p[0], p[1], p[2], 0.0),
    189: lambda _: (0.0, 0.0, 0.0, 0.0),
    195: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    197: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    201: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    203: lambda p: (_u8(p[0]), _u8(p[1]), _i8(p[2]), _u8(p[3])),
    206: lambda p: (p[0], 0.0, _flag(p[2]), 0.0),
    207: lambda p: (_u16(p[0]), 0.0, 0.0, 0.0),
    531: lambda p: (_u8(p[0]), p[1], 0.0, 0.0),
    1000: lambda p: (_i8(p[0]), _i16(p[1]), _i8(p[2]), _i8(p[3])),
    2000: lambda p: (_u8(p[0]), p[1], _u16(p[2]), _u16(p[3])),
    2001: lambda p: (_u8(p[0]), 0.0, 0.0, 0.0),
    2500: lambda p: (_u8(p[0]), 0.0, 0.0, 0.0),
    2501: lambda p: (_u8(p[0]), 0.0, 0.0, 0.0),
}
"""Command -> what its four parameters read back as on ArduPilot."""


def _finite(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _ardupilot_parameters(item: MissionItem, *, fixed_wing: bool) -> _Kept:
    sent = (_finite(item.p1), _finite(item.p2), _finite(item.p3), _finite(item.p4))
    if item.command == 16 and fixed_wing:
        return 0.0, _u8(sent[1]), _u8(sent[2]), 0.0
    if item.command in (5003, 5004, 5001, 5002):
        return sent[0], 0.0, 0.0, 0.0
    keep = _ARDUPILOT.get(item.command)
    return sent if keep is None else keep(sent)


def _px4_parameters(item: MissionItem) -> _Kept:
    yaw = item.p4 if math.isnan(item.p4) else (item.p4 + 180.0) % 360.0 - 180.0
    if item.command == 16:
        return _finite(item.p1), _finite(item.p2), 0.0, yaw
    if item.command == 21:
        return 0.0, _finite(item.p2), 0.0, yaw
    if item.command == 22:
        return 0.0, 0.0, 0.0, yaw
    return _finite(item.p1), _finite(item.p2), _finite(item.p3), _finite(item.p4)


def kept(item: MissionItem, peer: Peer, mission_type: MissionType) -> MissionItem:
    """Return the item as this vehicle's storage would give it back."""
    if peer.dialect is Dialect.PX4:
        p1, p2, p3, p4 = _px4_parameters(item)
        return dataclasses.replace(item, p1=p1, p2=p2, p3=p3, p4=p4, frame=_FRAME_KEPT.get(item.frame, item.frame))
    p1, p2, p3, p4 = _ardupilot_parameters(item, fixed_wing=peer.fixed_wing)
    frame = _FRAME_KEPT.get(item.frame, item.frame) if item.command in POSITION_COMMANDS else 0
    alt_m = item.alt_m
    if mission_type is MissionType.FENCE:
        alt_m, frame = 0.0, 0
    elif mission_type is MissionType.RALLY:
        alt_m = float(int(item.alt_m))
    elif item.command in POSITION_COMMANDS:
        alt_m = int(item.alt_m * 100.0) / 100.0
    elif item.command != 1000:
        alt_m = 0.0
    return dataclasses.replace(item, p1=p1, p2=p2, p3=p3, p4=p4, frame=frame, alt_m=alt_m)


def _same(left: float, right: float, tolerance: float = 0.0) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return abs(left - right) <= max(tolerance, 1e-6 * max(1.0, abs(left)))


def _agrees(sent: float, stored: float, held: float, tolerance: float = 0.0) -> bool:
    return _same(sent, held, tolerance) or _same(stored, held, tolerance)


def _item_differences(sent: MissionItem, held: MissionItem, stored: MissionItem) -> list[Difference]:
    found = []
    if sent.command != held.command:
        return [Difference(seq=sent.seq, field="command", sent=sent.command, held=held.command)]
    for name in _PARAMETERS:
        values = (getattr(sent, name), getattr(stored, name), getattr(held, name))
        if not _agrees(*values):
            found.append(Difference(seq=sent.seq, field=name, sent=values[0], held=values[2]))
    if not _agrees(sent.alt_m, stored.alt_m, held.alt_m, _CENTIMETRE_M):
        found.append(Difference(seq=sent.seq, field="alt_m", sent=sent.alt_m, held=held.alt_m))
    for name, ours, theirs in zip(("lat_deg", "lon_deg"), _xy(sent), _xy(held), strict=True):
        if ours != theirs:
            found.append(Difference(seq=sent.seq, field=name, sent=ours / 1e7, held=theirs / 1e7))
    frames = {sent.frame, stored.frame, _FRAME_KEPT.get(sent.frame, sent.frame)}
    if _FRAME_KEPT.get(held.frame, held.frame) not in frames and not _placeless(sent):
        found.append(Difference(seq=sent.seq, field="frame", sent=sent.frame, held=held.frame))
    return found


def _placeless(item: MissionItem) -> bool:
    return item.command not in POSITION_COMMANDS


def _xy(item: MissionItem) -> tuple[int, int]:
    unset = 2**31 - 1
    x, y = wire_xy(item)
    return (0 if x == unset else x), (0 if y == unset else y)


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
        found += _item_differences(ours, theirs, kept(ours, peer, mission_type))
    return tuple(found)
