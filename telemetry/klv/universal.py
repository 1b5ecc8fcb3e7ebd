"""The predecessor of ST 0601: EG 0104 universal sets, read into the same columns.

Each item has a 16-byte key and an IEEE number. Sensor angles are absolute:
"angle to north" and "obliquity". They are turned into the angles against the
airframe that tags 18 to 20 hold, so that everything behind reads one kind of
stream. Keys: EG 0104.5, section 4, and the "US key" column of ST 0601.12, section 8.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from telemetry.klv.ber import decode_length
from telemetry.klv.columns import Column
from telemetry.klv.local_set import ieee_float

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.values import FloatArray

UNIVERSAL_KEY: Final = bytes.fromhex("060e2b34020101010e01010201010000")

_KEY_BYTES: Final = 16
_VERSION_BYTE: Final = 7
"""Place of the registry's version in a key, which differs between producers and means nothing here."""

_TIME, _NORTH, _OBLIQUITY, _ROLL = "time", "angle to north", "obliquity", "sensor roll"

_BY_HEX: Final[dict[str, int | str]] = {
    "0702010101050000": _TIME,
    "0701100106000000": 5,
    "0701020102040200": 13,
    "0701020102060200": 14,
    "0701020102020000": 15,
    "0420020101080000": 16,
    "04200201010a0100": 17,
    "0701080101000000": 21,
    "0701090201000000": 22,
    "0701020103020000": 23,
    "0701020103040000": 24,
    "0701020103160000": 25,
    "0701020103070100": 82,
    "07010201030b0100": 83,
    "0701020103080100": 84,
    "07010201030c0100": 85,
    "0701020103090100": 86,
    "07010201030d0100": 87,
    "07010201030a0100": 88,
    "07010201030e0100": 89,
    "0701100105000000": 90,
    "0701100104000000": 91,
    "0701100102000000": _NORTH,
    "0701100103000000": _OBLIQUITY,
    "0701100101000000": _ROLL,
}
"""Second half of an item's key -> the ST 0601 tag with the same meaning, or one of the angles above."""
_ITEMS: Final = {bytes.fromhex(key): meaning for key, meaning in _BY_HEX.items()}
_ITEM_START: Final = bytes.fromhex("060e2b34010101")


def _read_set(data: bytes) -> tuple[int, dict[int | str, float]]:
    """Read one set: microseconds since 1970 (-1 where absent), and its numbers by tag or name of an angle."""
    found: dict[int | str, float] = {}
    t_us = -1
    position = 0
    while position + _KEY_BYTES < len(data):
        key = data[position : position + _KEY_BYTES]
        length = decode_length(data, position + _KEY_BYTES)
        if length is None or length[1] + length[0] > len(data):
            break
        value = data[length[1] : length[1] + length[0]]
        position = length[1] + length[0]
        meaning = _ITEMS.get(key[8:]) if key.startswith(_ITEM_START) else None
        if meaning == _TIME and len(value) == 8:  # noqa: PLR2004
            t_us = min(int.from_bytes(value, "big"), 2**63 - 1)
        elif meaning is not None and math.isfinite(number := ieee_float(value)):
            found[meaning] = number
    return t_us, found


def elevation_deg(obliquity_deg: FloatArray) -> FloatArray:
    """Return the elevation of a sensor from its obliquity: 180 is ahead, 270 straight down.

    Producers also write the elevation itself, negative downwards; values from
    -90 to 0 are taken as that, values from 0 to 90 as its inverse.
    """
    inverse = np.where(obliquity_deg < 90.0, -obliquity_deg, 180.0 - obliquity_deg)  # noqa: PLR2004
    return np.where((obliquity_deg >= -90.0) & (obliquity_deg <= 0.0), obliquity_deg, inverse)  # noqa: PLR2004


def _relative(columns: Mapping[int | str, Column], packets: int) -> dict[int, Column]:
    """Turn absolute sensor angles into those against the airframe, where the airframe's own are known."""
    dense = {name: np.full(packets, np.nan) for name in (5, 90, 91, _NORTH, _OBLIQUITY)} | {_ROLL: np.zeros(packets)}
    for name, values in dense.items():
        if name in columns:
            values[columns[name].packet] = columns[name].values
    rows = np.flatnonzero(np.logical_and.reduce([np.isfinite(values) for values in dense.values()]))
    if not len(rows):
        return {}
    yaw, pitch, roll, north, obliquity, turn = (values[rows] for values in dense.values())
    platform = yaw_pitch_roll_matrix(yaw, pitch, roll)
    sensor = yaw_pitch_roll_matrix(north, elevation_deg(obliquity), turn)
    angles = matrix_to_yaw_pitch_roll(np.swapaxes(platform, -1, -2) @ sensor)
    wanted = {18: angles[0] % 360.0, 19: angles[1], 20: angles[2] % 360.0}
    return {tag: Column(tag=tag, packet=rows, values=values) for tag, values in wanted.items()}


def universal_columns(sets: Sequence[bytes]) -> dict[int, Column]:
    """Read many sets into columns by ST 0601 tag; set k is packet k."""
    cells: dict[int | str, tuple[list[int], list[float]]] = {}
    times: list[tuple[int, int]] = []
    for packet, data in enumerate(sets):
        t_us, found = _read_set(data)
        if t_us >= 0:
            times.append((packet, t_us))
        for name, value in found.items():
            packets, values = cells.setdefault(name, ([], []))
            packets.append(packet)
            values.append(value)
    stated = {
        name: Column(
            tag=name if isinstance(name, int) else 0,
            packet=np.array(packets, dtype=np.int64),
            values=np.array(values),
        )
        for name, (packets, values) in cells.items()
    }
    known = {name: column for name, column in stated.items() if isinstance(name, int)} | _relative(stated, len(sets))
    columns = dict(sorted(known.items()))
    stamped = np.array(times, dtype=np.int64).reshape(-1, 2)
    return {2: Column(tag=2, packet=stamped[:, 0], values=stamped[:, 1])} | columns if times else columns
