"""Mission protocol messages to and from our values (MAVLink common.xml, mission service)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType, from_wire_xy, wire_xy

if TYPE_CHECKING:
    from missions.transfer.values import Ack, Message, Peer

_INT32_UNSET: Final = 2**31 - 1
_NAN_ALLOWED_P4: Final = frozenset({16, 21, 22, 84, 85})
"""Commands whose fourth parameter may be NaN on ArduPilot (`AP_Mission::sanity_check_params`)."""


def count(peer: Peer, items: int, mission_type: MissionType) -> Message:
    """Offer `items` items."""
    return mavlink.MAVLink_mission_count_message(peer.system, peer.component, items, int(mission_type))


def request_list(peer: Peer, mission_type: MissionType) -> Message:
    """Ask how many items the vehicle holds."""
    return mavlink.MAVLink_mission_request_list_message(peer.system, peer.component, int(mission_type))


def request_item(peer: Peer, seq: int, mission_type: MissionType) -> Message:
    """Ask for one item."""
    return mavlink.MAVLink_mission_request_int_message(peer.system, peer.component, seq, int(mission_type))


def clear_all(peer: Peer, mission_type: MissionType) -> Message:
    """Ask the vehicle to forget the list."""
    return mavlink.MAVLink_mission_clear_all_message(peer.system, peer.component, int(mission_type))


def acknowledge(peer: Peer, code: Ack, mission_type: MissionType) -> Message:
    """End a transfer, well or not."""
    return mavlink.MAVLink_mission_ack_message(peer.system, peer.component, int(code), int(mission_type))


def item_message(peer: Peer, item: MissionItem, seq: int, mission_type: MissionType) -> Message:
    """Encode one item as MISSION_ITEM_INT, the answer to either kind of request.

    ArduPilot refuses NaN in every parameter but the yaw of a few commands, and
    an unset place as anything but 0, 0; PX4 wants both as MAVLink defines them.
    """
    p1, p2, p3, p4 = item.p1, item.p2, item.p3, item.p4
    x, y = wire_xy(item)
    if peer.dialect is Dialect.ARDUPILOT:
        p1, p2, p3 = (0.0 if math.isnan(v) else v for v in (p1, p2, p3))
        p4 = 0.0 if math.isnan(p4) and item.command not in _NAN_ALLOWED_P4 else p4
        x, y = (0 if v == _INT32_UNSET else v for v in (x, y))
    return mavlink.MAVLink_mission_item_int_message(
        peer.system,
        peer.component,
        seq,
        item.frame,
        item.command,
        int(item.current),
        int(item.autocontinue),
        p1,
        p2,
        p3,
        p4,
        x,
        y,
        item.alt_m,
        int(mission_type),
    )


def item_from(message: Message) -> MissionItem:
    """Decode MISSION_ITEM_INT, or the older MISSION_ITEM with its float degrees."""
    if message.get_type() == "MISSION_ITEM_INT":
        lat_deg, lon_deg = from_wire_xy(message.command, message.x, message.y)
    else:
        lat_deg, lon_deg = float(message.x), float(message.y)
    return MissionItem(
        seq=message.seq,
        command=message.command,
        frame=message.frame,
        p1=float(message.param1),
        p2=float(message.param2),
        p3=float(message.param3),
        p4=float(message.param4),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=float(message.z),
        current=bool(message.current),
        autocontinue=bool(message.autocontinue),
    )


def is_from(message: Message, peer: Peer) -> bool:
    """Tell whether the vehicle sent it (its autopilot, or one that gives no component), and not its radio."""
    same = message.get_srcSystem() == peer.system and message.get_srcComponent() in (peer.component, 0)
    return bool(same and message.get_type() != "RADIO_STATUS")


def is_for_us(message: Message, peer: Peer, mission_type: MissionType) -> bool:
    """Tell whether a mission message belongs to our transfer of this list."""
    ours = message.target_system in (peer.own_system, 0) and message.target_component in (peer.own_component, 0)
    return bool(ours and getattr(message, "mission_type", 0) == int(mission_type))


def statustext(message: Message) -> str:
    """Return the text of a STATUSTEXT."""
    text = message.text
    return (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)).rstrip("\0").strip()
