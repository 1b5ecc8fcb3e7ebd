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
    from collections.abc import Sequence

UNIVERSAL_KEY: Final = bytes.fromhex("060e2b34020101010e01010201010000")

_KEY_BYTES: Final = 16
_VERSION_BYTE: Final = 7
"""Place of the registry's version in a key, which differs between producers and means nothing here."""

_TIME, _NORTH, _OBLIQUITY, _ROLL = "time", "angle to north", "obliquity", "sensor roll"

_ITEMS: Final[dict[str, int | str]] = {
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


def read_universal_set(data: bytes) -> tuple[int, dict[int, float]]:
    """Read one set.

    Returns
    -------
    tuple
        Microseconds since 1970 (-1 where absent), and ST 0601 tag to value.
    """
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
        meaning = _ITEMS.get(key[8:].hex()) if key.startswith(b"\x06\x0e\x2b\x34\x01\x01\x01") else None
        if meaning == _TIME and len(value) == 8:  # noqa: PLR2004
            t_us = min(int.from_bytes(value, "big"), 2**63 - 1)
        elif meaning is not None and math.isfinite(number := ieee_float(value)):
            found[meaning] = number
    return t_us, _relative(found)


def elevation_deg(obliquity_deg: float) -> float:
    """Return the elevation of a sensor from its obliquity: 180 is ahead, 270 straight down.

    Producers also write the elevation itself, negative downwards; values from
    -90 to 0 are taken as that, values from 0 to 90 as its inverse.
    """
    if -90.0 <= obliquity_deg <= 0.0:  # noqa: PLR2004
        return obliquity_deg
    return -obliquity_deg if obliquity_deg < 90.0 else 180.0 - obliquity_deg  # noqa: PLR2004


def _relative(found: dict[int | str, float]) -> dict[int, float]:
    """Replace absolute sensor angles by those against the airframe, where the airframe's own are known."""
    values = {tag: value for tag, value in found.items() if isinstance(tag, int)}
    needed = (5, 90, 91)
    if not all(tag in values for tag in needed) or _NORTH not in found or _OBLIQUITY not in found:
        return values
    platform = yaw_pitch_roll_matrix(values[5], values[90], values[91])
    sensor = yaw_pitch_roll_matrix(found[_NORTH], elevation_deg(found[_OBLIQUITY]), found.get(_ROLL, 0.0))
    yaw, pitch, roll = matrix_to_yaw_pitch_roll(platform.T @ sensor)
    return values | {18: float(yaw) % 360.0, 19: float(pitch), 20: float(roll) % 360.0}


def universal_columns(sets: Sequence[bytes]) -> dict[int, Column]:
    """Read many sets into columns by ST 0601 tag; set k is packet k."""
    cells: dict[int, list[tuple[int, float]]] = {}
    times: list[tuple[int, int]] = []
    for packet, data in enumerate(sets):
        t_us, values = read_universal_set(data)
        if t_us >= 0:
            times.append((packet, t_us))
        for tag, value in values.items():
            cells.setdefault(tag, []).append((packet, value))
    columns = {
        tag: Column(
            tag=tag,
            packet=np.array([packet for packet, _ in rows], dtype=np.int64),
            values=np.array([value for _, value in rows]),
        )
        for tag, rows in sorted(cells.items())
    }
    stamped = np.array(times, dtype=np.int64).reshape(-1, 2)
    return {2: Column(tag=2, packet=stamped[:, 0], values=stamped[:, 1])} | columns if times else columns
