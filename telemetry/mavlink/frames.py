"""MAVLink 1 and 2 frames in a block of bytes: found, checked and unpacked with arrays, not one by one.

Framing and checksum after the MAVLink guide (serialization; CRC-16/MCRF4XX over
everything between the magic byte and the checksum, then the message's own extra
byte). Field layouts and extra bytes are those of pymavlink's ``ardupilotmega``.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.tracks.track_cleaning import damage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import Problem

    Bytes = NDArray[np.uint8]
    Ints = NDArray[np.int64]

MAGIC_V1: Final = 0xFE
MAGIC_V2: Final = 0xFD
STAMP_BYTES: Final = 8
"""A ``.tlog`` puts big-endian microseconds since 1970 before each frame (time of reception)."""

_LONGEST: Final = 9 + 255 + 1
_SIEVES: Final = 3
_SHORTEST: Final = 8
_NUMPY_OF_STRUCT: Final = {"b": "i1", "B": "u1", "h": "<i2", "H": "<u2", "i": "<i4", "I": "<u4", "q": "<i8", "Q": "<u8",
                           "f": "<f4", "d": "<f8"}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frames whose checksum is right or whose message is unknown, in file order; arrays of shape (n,).

    `start` is the offset in the file, `payload_start` that in the block.
    """

    start: Ints
    message_id: Ints
    system: Bytes
    component: Bytes
    payload_start: Ints
    payload_bytes: Ints
    received_us: Ints


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameScan:
    """What a block held: frames in all, the bytes that belong to them or lie before them, damage in between."""

    count: int
    consumed: int
    problems: list[Problem]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MessageTable:
    """All messages of one name: who sent them, when they were received, and their fields as sent.

    `sequence` rises with every message received, whatever the receiving
    computer's clock does: the offset in a file, or a count.
    """

    received_us: Ints
    sequence: Ints
    system: Bytes
    component: Bytes
    fields: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.received_us)

    def column(self, name: str) -> FloatArray:
        """Return a field as doubles, shape (n,) or (n, k); NaN where it is any kind of NaN."""
        with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
            return self.fields[name].astype(np.float64)

    def of_system(self, system: int) -> MessageTable:
        """Return the rows that one system sent."""
        return self.rows(self.system == system)

    def of_component(self, component: int) -> MessageTable:
        """Return the rows that one component sent."""
        return self.rows(self.component == component)

    def rows(self, chosen: NDArray[np.bool_]) -> MessageTable:
        """Return chosen rows."""
        return MessageTable(
            received_us=self.received_us[chosen],
            sequence=self.sequence[chosen],
            system=self.system[chosen],
            component=self.component[chosen],
            fields=self.fields[chosen],
        )


@functools.cache
def _dialect() -> tuple[dict[int, Any], NDArray[np.int16]]:
    """Return message classes by id, and extra byte by id (-1: unknown id)."""
    from pymavlink.dialects.v20 import ardupilotmega

    classes: dict[int, Any] = dict(ardupilotmega.mavlink_map)
    extra = np.full(max(classes) + 1, -1, dtype=np.int16)
    for message_id, message in classes.items():
        extra[message_id] = message.crc_extra
    return classes, extra


@functools.cache
def layout(message_id: int) -> np.dtype[np.void]:
    """Return the wire layout of a known message as a numpy structure."""
    message = _dialect()[0][message_id]
    codes = message.native_format.decode().lstrip("<>=@!")
    members: list[Any] = []
    for name, code, length, array in zip(
        message.ordered_fieldnames, codes, message.lengths, message.array_lengths, strict=True
    ):
        if code in "cs":
            members.append((name, f"S{max(length, 1)}"))
        elif array:
            members.append((name, _NUMPY_OF_STRUCT[code], (length,)))
        else:
            members.append((name, _NUMPY_OF_STRUCT[code]))
    return np.dtype(members)


def message_name(message_id: int) -> str:
    """Return the name of a known message."""
    return str(_dialect()[0][message_id].msgname)


@functools.cache
def message_ids(names: tuple[str, ...]) -> dict[int, str]:
    """Return id -> name of the named messages."""
    return {number: name for number, message in _dialect()[0].items() if (name := str(message.msgname)) in names}


@functools.cache
def _crc_contributions() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return what a byte adds to the checksum when k bytes follow it, flat (k * 256 + byte), and what the start adds.

    The CRC is linear over GF(2), so a message's checksum is the exclusive-or of
    these over its bytes (R. N. Williams, A painless guide to CRC, section 9).
    """
    register = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        register = np.where(register & 1, (register >> 1) ^ 0x8408, register >> 1).astype(np.uint16)
    single = register
    rows = [single]
    initial = [np.uint16(0xFFFF)]
    for _ in range(_LONGEST):
        last = rows[-1]
        rows.append((last >> 8) ^ single[last & 0xFF])
        before = initial[-1]
        initial.append(np.uint16((before >> np.uint16(8)) ^ single[before & 0xFF]))
    return np.concatenate(rows), np.array(initial, dtype=np.uint16)


def _checksums(data: Bytes, start: Ints, length: Ints, extra: NDArray[np.int16]) -> NDArray[np.uint16]:
    """Return the checksum of ``data[start:start + length]`` followed by the extra byte, for each frame."""
    table, initial = _crc_contributions()
    result: NDArray[np.uint16] = initial[length + 1] ^ table[extra.astype(np.intp) & 0xFF]
    order = np.argsort(length, kind="stable")
    bounds = np.flatnonzero(np.diff(length[order], prepend=-1))
    for rows in np.split(order, bounds[1:]):
        if not len(rows):
            continue
        span = int(length[rows[0]])
        base = np.arange(span, 0, -1, dtype=np.intp) * 256
        for some in np.array_split(rows, 1 + len(rows) * span // 1_000_000):
            content = np.lib.stride_tricks.sliding_window_view(data, span)[start[some]]
            result[some] ^= np.bitwise_xor.reduce(table.take(content + base, mode="clip"), axis=1)
    return result


@dataclasses.dataclass(frozen=True, slots=True)
class _Candidates:
    """Every place that could be a frame: magic byte, header read as it would be, whole in the data."""

    at: Ints
    header: Ints
    payload: Ints
    message_id: Ints
    size: Ints


def _candidates(data: Bytes, lead: int) -> _Candidates:
    at = np.flatnonzero(data - np.uint8(MAGIC_V2) <= MAGIC_V1 - MAGIC_V2)
    at = at[np.searchsorted(at, lead) : np.searchsorted(at, len(data) - _SHORTEST, side="right")]
    second = data[at] == MAGIC_V2
    payload = data[at + 1].astype(np.int64)
    header = np.where(second, 10, 6)
    size = header + payload + 2
    message_id = data[at + 5].astype(np.int64)
    if second.any():
        where = np.flatnonzero(second & (at + 10 <= len(data)))
        begin = at[where]
        size[where] += 13 * (data[begin + 2] & 1).astype(np.int64)
        high = data[begin + 8].astype(np.int64) | data[begin + 9].astype(np.int64) << 8
        message_id[where] = data[begin + 7] | high << 8
    whole = at + size <= len(data)
    return _Candidates(at[whole], header[whole], payload[whole], message_id[whole], size[whole])


def _extras(message_id: Ints) -> NDArray[np.int16]:
    table = _dialect()[1]
    known = message_id < len(table)
    return np.where(known, table[np.where(known, message_id, 0)], -1).astype(np.int16)


def _checked(data: Bytes, found: _Candidates, rows: Ints) -> NDArray[np.bool_]:
    """Return whether each row's checksum is right; unknown messages cannot be checked and count as right."""
    right = np.ones(len(rows), dtype=np.bool_)
    extra = _extras(found.message_id[rows])
    known = extra >= 0
    some = rows[known]
    end = found.at[some] + found.header[some] + found.payload[some]
    stated = data[end].astype(np.uint16) | (data[end + 1].astype(np.uint16) << 8)
    right[known] = stated == _checksums(data, found.at[some] + 1, end - found.at[some] - 1, extra[known])
    return right


def _walk(found: _Candidates, valid: NDArray[np.bool_], lead: int) -> Ints:
    """Follow frames from the first candidate: over a valid one to its end, else to the next candidate."""
    after = np.searchsorted(found.at, found.at + found.size + lead)
    step: list[int] = np.where(valid, after, np.arange(1, len(after) + 1)).tolist()
    reached: list[int] = []
    here = 0
    while here < len(step):
        reached.append(here)
        here = step[here]
    return np.array(reached, dtype=np.int64)


def _unbroken(data: Bytes, found: _Candidates, lead: int) -> Ints | None:
    """Return the frames of a block in which each begins where the last one ends; None where there is damage.

    Magic bytes inside payloads fall away because no other candidate ends at them.
    """
    rows = np.arange(len(found.at))
    ends = found.at + found.size + lead
    for _ in range(_SIEVES):
        is_end = np.zeros(len(data) + lead + 1, dtype=np.bool_)
        is_end[ends[rows]] = True
        is_end[lead] = True
        rows = rows[is_end[found.at[rows]]]
        if np.array_equal(found.at[rows[1:]], ends[rows[:-1]]) and len(rows) and found.at[rows[0]] == lead:
            return rows
    return None


def find_frames(
    data: Bytes, *, stamped: bool, offset: int = 0, wanted: Collection[int] | None = None
) -> tuple[Frames, FrameScan]:
    """Find every frame in a block of bytes, skipping damage byte by byte.

    Parameters
    ----------
    data
        Bytes, shape (n,).
    stamped
        True for a ``.tlog``, where eight bytes of reception time come before each frame.
    offset
        Where `data` begins in its file, for the problems' offsets.
    wanted
        Message ids to return (all of them by default). While every frame begins
        where the last one ends, frames of other messages are stepped over by
        their length; with any damage in the block, all checksums are checked.

    Returns
    -------
    frames
        Wanted frames with a right checksum, or of a message this program does not know.
    scan
        How many frames there are in all, how far they reach, and the damage between them.
    """
    lead = STAMP_BYTES if stamped else 0
    found = _candidates(data, lead)
    rows = _unbroken(data, found, lead)
    if rows is not None:
        chosen = _chosen(found, rows, wanted)
        if _checked(data, found, chosen).all():
            return _frames(data, found, chosen, offset, stamped=stamped), _scan(found, rows, lead, offset)
    everything = np.arange(len(found.at))
    valid = _checked(data, found, everything)
    follows = np.isin(found.at + found.size + lead, found.at) | (found.at + found.size == len(data))
    valid &= (_extras(found.message_id) >= 0) | follows
    rows = _walk(found, valid, lead)
    rows = rows[valid[rows]]
    return _frames(data, found, _chosen(found, rows, wanted), offset, stamped=stamped), _scan(found, rows, lead, offset)


def _chosen(found: _Candidates, rows: Ints, wanted: Collection[int] | None) -> Ints:
    if wanted is None:
        return rows
    is_wanted = np.zeros(max(wanted, default=0) + 2, dtype=np.bool_)  # the last entry stands for all higher ids
    is_wanted[list(wanted)] = True
    return rows[is_wanted.take(found.message_id[rows], mode="clip")]


def _frames(data: Bytes, found: _Candidates, rows: Ints, offset: int, *, stamped: bool) -> Frames:
    at = found.at[rows]
    second = found.header[rows] == 10
    if stamped and len(at):
        windows = np.lib.stride_tricks.sliding_window_view(data, STAMP_BYTES)[at - STAMP_BYTES]
        received = np.ascontiguousarray(windows).view(">u8").reshape(-1).astype(np.int64)
    else:
        received = np.full(len(at), -1, dtype=np.int64)
    return Frames(
        start=at + offset,
        message_id=found.message_id[rows],
        system=data[at + np.where(second, 5, 3)],
        component=data[at + np.where(second, 6, 4)],
        payload_start=at + found.header[rows],
        payload_bytes=found.payload[rows],
        received_us=received,
    )


def _scan(found: _Candidates, rows: Ints, lead: int, offset: int) -> FrameScan:
    begins = found.at[rows] - lead
    ends = np.concatenate([[0], found.at[rows] + found.size[rows]])
    gaps = begins - ends[:-1]
    return FrameScan(count=len(rows), consumed=int(ends[-1]), problems=damage(gaps, ends, offset))


def unpack(data: Bytes, frames: Frames, wanted: Mapping[int, str]) -> dict[str, MessageTable]:
    """Unpack the wanted messages (id -> name) into one table each; fields a frame leaves out are zero."""
    tables: dict[str, MessageTable] = {}
    for message_id, name in wanted.items():
        rows = np.flatnonzero(frames.message_id == message_id)
        if not len(rows):
            continue
        kind = layout(message_id)
        raw = np.zeros((len(rows), kind.itemsize), dtype=np.uint8)
        sizes = np.minimum(frames.payload_bytes[rows], kind.itemsize)
        for size in np.unique(sizes[sizes > 0]):
            some = np.flatnonzero(sizes == size)
            windows = np.lib.stride_tricks.sliding_window_view(data, int(size))
            raw[some, : int(size)] = windows[frames.payload_start[rows[some]]]
        tables[name] = MessageTable(
            received_us=frames.received_us[rows],
            sequence=frames.start[rows],
            system=frames.system[rows],
            component=frames.component[rows],
            fields=raw.view(kind).reshape(-1),
        )
    return tables


def join(parts: Iterable[dict[str, MessageTable]]) -> dict[str, MessageTable]:
    """Concatenate tables of the same name, in the order given."""
    gathered: dict[str, list[MessageTable]] = {}
    for part in parts:
        for name, table in part.items():
            gathered.setdefault(name, []).append(table)
    return {
        name: tables[0]
        if len(tables) == 1
        else MessageTable(
            received_us=np.concatenate([t.received_us for t in tables]),
            sequence=np.concatenate([t.sequence for t in tables]),
            system=np.concatenate([t.system for t in tables]),
            component=np.concatenate([t.component for t in tables]),
            fields=np.concatenate([t.fields for t in tables]),
        )
        for name, tables in gathered.items()
    }
