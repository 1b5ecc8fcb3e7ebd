"""ArduPilot's file of all its parameters, ``@PARAM/param.pck``: names that share their beginnings, values as stored.

Described in its sources (``AP_Filesystem_Param.cpp``): a head of three numbers, then for each parameter its type, the
lengths of what its name shares with the one before and adds to it, the rest of the name, and the value.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH: Final = "@PARAM/param.pck"
MAGIC: Final = 0x671B
HEAD: Final = struct.Struct("<HHH")
LONGEST_NAME: Final = 16
"""PARAM_VALUE has room for no more."""
KINDS: Final = {
    1: ("<b", mavlink.MAV_PARAM_TYPE_INT8), 2: ("<h", mavlink.MAV_PARAM_TYPE_INT16),
    3: ("<i", mavlink.MAV_PARAM_TYPE_INT32), 4: ("<f", mavlink.MAV_PARAM_TYPE_REAL32),
}  # fmt: skip
"""How each of its types is stored, and its MAV_PARAM_TYPE."""


def unpacked(data: bytes) -> dict[str, tuple[float, int]]:
    """Return each parameter's value and MAV_PARAM_TYPE by name.

    Raises
    ------
    InputError
        When the file is not one of these, or not whole.
    """
    if len(data) < HEAD.size:
        raise InputError(f"{PATH} has {len(data)} bytes, not even its head")
    magic, count, total = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise InputError(f"{PATH} begins with {magic:#06x} where {MAGIC:#06x} is due")
    found = {name: (value, kind) for name, value, kind in _records(data)}
    if not len(found) == count == total:
        raise InputError(f"{PATH} holds {len(found)} parameters and says {count} of {total}")
    return found


def _records(data: bytes) -> Iterator[tuple[str, float, int]]:
    at, name = HEAD.size, b""
    while at < len(data):
        if data[at] == 0:  # what fills a block up
            at += 1
            continue
        code = data[at] & 0x0F
        if code not in KINDS or at + 2 > len(data):
            raise InputError(f"{PATH} has no parameter at byte {at}")
        form, kind = KINDS[code]
        shared, added = data[at + 1] & 0x0F, (data[at + 1] >> 4) + 1
        name = name[:shared] + data[at + 2 : at + 2 + added]
        at += 2 + added
        if at + struct.calcsize(form) > len(data) or len(name) > LONGEST_NAME or not name.isascii():
            raise InputError(f"{PATH} breaks off or names no parameter at byte {at}")
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        yield name.decode("ascii"), float(value), kind
