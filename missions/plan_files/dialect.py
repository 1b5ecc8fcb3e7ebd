"""Between a sortie's items and what an autopilot, or a plan file of its ground station, carries.

A sortie's items exclude home, count from 0, and their jumps point at those
numbers. ArduPilot keeps home as item 0 of the mission, so every number and
every jump target moves up by one; PX4's first item is the first real one
(MAVLink mission protocol, "Mission items / ArduPilot home").
"""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.near_words import did_you_mean
from missions.plan import MissionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from missions.plan import Sortie


class Dialect(enum.StrEnum):
    """Whose rules a mission follows."""

    ARDUPILOT = "ardupilot"
    PX4 = "px4"


class MissionType(enum.IntEnum):
    """MAV_MISSION_TYPE: the three lists a vehicle keeps."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


FIRMWARE_TYPE: Final = {Dialect.ARDUPILOT: 3, Dialect.PX4: 12}
"""MAV_AUTOPILOT numbers, as QGroundControl writes them in `firmwareType`."""

POSITION_COMMANDS: Final = frozenset(
    {16, 17, 18, 19, 21, 22, 23, 24, 25, 30, 31, 34, 36, 80, 81, 82, 84, 85, 94, 179, 188, 189, 191, 195, 201}
    | {5000, 5001, 5002, 5003, 5004, 5100}
    | set(range(31000, 31010))
)
"""MAV_CMD numbers whose x, y and z are a place (MAVLink common.xml `hasLocation`, and ArduPilot's
`AP_Mission::stored_in_location` for 30 and 191)."""

PATH_COMMANDS: Final = frozenset({16, 17, 18, 19, 21, 22, 31, 36, 82, 84, 85, 94})
"""The position commands that the aircraft flies to; the others only name a place."""

MAV_FRAME_GLOBAL: Final = 0
MAV_FRAME_MISSION: Final = 2
MAV_FRAME_GLOBAL_RELATIVE_ALT: Final = 3
JUMP_COMMANDS: Final = frozenset({177})
_SET_HOME: Final = 179
_PX4_PLACELESS: Final = frozenset({179, 188, 189, 191})
"""Position commands that PX4 takes in MAV_FRAME_MISSION only (`parse_mavlink_mission_item`)."""
_OPTIONAL_PLACE: Final = frozenset({21, 22, 30, 84, 85, 189})
NAN_ALLOWED: Final = {16: ("p4",), 17: ("p4",), 21: ("p4",), 22: ("p4",), 84: ("p4",), 85: ("p3", "p4")}
"""Command -> the parameters ArduPilot lets be NaN (`AP_Mission::sanity_check_params`)."""
_PARAMETERS: Final = ("p1", "p2", "p3", "p4")
_INT32_UNSET: Final = 2**31 - 1


def as_dialect(name: str) -> Dialect:
    """Turn a name a person wrote into a dialect.

    Raises
    ------
    InputError
        When it names neither autopilot.
    """
    try:
        return Dialect(name.strip().lower())
    except ValueError:
        known = ", ".join(Dialect)
        raise InputError(
            f"dialect {name!r} is not known{did_you_mean(name, Dialect)}; use one of: {known}", actual=name
        ) from None


def has_position(item: MissionItem) -> bool:
    """Tell whether the item names a place on Earth (and not the origin that unset fields leave behind)."""
    if item.command not in POSITION_COMMANDS or math.isnan(item.lat_deg) or math.isnan(item.lon_deg):
        return False
    return not (item.lat_deg == 0.0 and item.lon_deg == 0.0 and item.command in _OPTIONAL_PLACE)


def places_as_flown(items: Iterable[MissionItem], dialect: str) -> tuple[MissionItem, ...]:
    """Return items without the places that autopilots take for "where the aircraft is then".

    A DO_SET_HOME whose first parameter says so has none for either of them. Latitude and longitude 0 are none for
    ArduPilot: Copter reads them so in every navigation command (`ModeAuto::loc_from_cmd`),
    Plane likewise (`Plane::set_next_WP`); PX4 flies to the Gulf of Guinea.
    """
    ardupilot = as_dialect(dialect) is Dialect.ARDUPILOT

    def placeless(item: MissionItem) -> bool:
        unset = ardupilot and item.command in PATH_COMMANDS and item.lat_deg == 0.0 and item.lon_deg == 0.0
        return unset or (item.command == _SET_HOME and item.p1 == 1.0)

    return tuple(
        dataclasses.replace(item, lat_deg=math.nan, lon_deg=math.nan) if placeless(item) else item for item in items
    )


def renumbered(items: Iterable[MissionItem], *, shift: int) -> tuple[MissionItem, ...]:
    """Move item numbers and jump targets by `shift`."""
    moved = []
    for item in items:
        p1 = item.p1 + shift if item.command in JUMP_COMMANDS else item.p1
        moved.append(dataclasses.replace(item, seq=item.seq + shift, p1=p1))
    return tuple(moved)


def home_item(lat_deg: float, lon_deg: float, alt_amsl_m: float) -> MissionItem:
    """Build ArduPilot's item 0: home as a global waypoint, metres above mean sea level."""
    return MissionItem(
        seq=0,
        command=16,
        frame=MAV_FRAME_GLOBAL,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=alt_amsl_m,
    )


def wire_items(sortie: Sortie, dialect: str) -> tuple[MissionItem, ...]:
    """Return the mission as the autopilot wants it uploaded.

    ArduPilot gets home prepended, everything shifted by one, and 0 where a
    value is unset (it refuses NaN in most commands,
    `AP_Mission::sanity_check_params`, and unset places); PX4 gets the items as
    they are. Commands without a place go out in MAV_FRAME_MISSION (PX4 refuses
    them in a global frame), and exactly the first item is current.

    Parameters
    ----------
    sortie
        The flight; its items count from 0 without home.
    dialect
        ``"ardupilot"`` or ``"px4"``.
    """
    home = home_item(sortie.home_lat_deg, sortie.home_lon_deg, sortie.home_alt_amsl_m)
    return mission_rows(sortie.items, home, dialect)


def mission_rows(items: Iterable[MissionItem], home: MissionItem, dialect: str) -> tuple[MissionItem, ...]:
    """Return items with `home` in front as `wire_items` does; only ArduPilot takes it."""
    rows = renumbered(items, shift=0)
    placed = POSITION_COMMANDS - _PX4_PLACELESS
    if as_dialect(dialect) is Dialect.ARDUPILOT:
        placed = POSITION_COMMANDS
        rows = (home, *(_zero_where_unset(item) for item in renumbered(rows, shift=1)))
    return tuple(
        dataclasses.replace(
            item,
            frame=item.frame if item.command in placed else MAV_FRAME_MISSION,
            current=index == 0,
        )
        for index, item in enumerate(rows)
    )


def items_from_wire(items: Iterable[MissionItem], dialect: str) -> tuple[MissionItem | None, tuple[MissionItem, ...]]:
    """Undo `wire_items`: return (home or None, items that count from 0 without home)."""
    held = tuple(items)
    if as_dialect(dialect) is not Dialect.ARDUPILOT:
        return None, held
    if not held:
        return None, ()
    return held[0], tuple(_unset_where_zero(item) for item in renumbered(held[1:], shift=-1))


def filled(items: Iterable[MissionItem], dialect: str) -> tuple[MissionItem, ...]:
    """Write 0 for the unset parameters that the autopilot refuses (ArduPilot only), and leave the others unset."""
    if as_dialect(dialect) is not Dialect.ARDUPILOT:
        return tuple(items)
    return tuple(_filled(item, NAN_ALLOWED.get(item.command, ())) for item in items)


def _filled(item: MissionItem, allowed: tuple[str, ...]) -> MissionItem:
    if not math.isnan(item.p1 + item.p2 + item.p3 + item.p4):
        return item
    values = {n: 0.0 for n in _PARAMETERS if math.isnan(getattr(item, n)) and n not in allowed}
    return dataclasses.replace(item, **values) if values else item  # type: ignore[arg-type]


def _zero_where_unset(item: MissionItem) -> MissionItem:
    values = {n: 0.0 for n in _PARAMETERS if math.isnan(getattr(item, n))}
    if item.command in POSITION_COMMANDS and math.isnan(item.lat_deg + item.lon_deg):
        values |= {"lat_deg": 0.0, "lon_deg": 0.0}
    return dataclasses.replace(item, **values) if values else item  # type: ignore[arg-type]


def _unset_where_zero(item: MissionItem) -> MissionItem:
    if item.command in _OPTIONAL_PLACE and item.lat_deg == 0.0 and item.lon_deg == 0.0:
        return dataclasses.replace(item, lat_deg=math.nan, lon_deg=math.nan)
    return item


def wire_xy(item: MissionItem) -> tuple[int, int]:
    """Return MISSION_ITEM_INT x and y: 1e-7 degrees, and INT32_MAX for an unset place.

    Commands without a place carry parameters 5 and 6 there, unscaled (0 when
    unset); DO_DIGICAM_CONTROL shoots by it. So do those that PX4 takes without
    one: it reads INT32_MAX back as INT32_MIN there.
    """
    placeless = item.command in _PX4_PLACELESS and item.frame == MAV_FRAME_MISSION and math.isnan(item.lat_deg)
    if item.command not in POSITION_COMMANDS or placeless:
        x, y = (0 if math.isnan(v) else round(v) for v in (item.lat_deg, item.lon_deg))
        return x, y
    x, y = (_INT32_UNSET if math.isnan(v) else round(v * 1e7) for v in (item.lat_deg, item.lon_deg))
    return x, y


def from_wire_xy(command: int, x: int, y: int) -> tuple[float, float]:
    """Undo `wire_xy`: degrees, NaN where there is no place, parameters 5 and 6 for commands without one."""
    if command not in POSITION_COMMANDS:
        return float(x) if x else math.nan, float(y) if y else math.nan
    if _INT32_UNSET in (x, y):
        return math.nan, math.nan
    return x / 1e7, y / 1e7
