"""PX4 ULog messages in a block of bytes: walked by their lengths, unpacked as numpy structures.

After the ULog file format of the PX4 guide: a 16-byte header, then messages of
``uint16 size, uint8 type, payload``; topics are laid out by ``F`` messages and
subscribed by ``A``; ``D`` carries a topic's data, ``O`` a dropout, ``S`` a mark to
find the way back after damage.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.tracks.track_cleaning import skipped_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import Problem

    Bytes = NDArray[np.uint8]
    Ints = NDArray[np.int64]

MAGIC: Final = b"ULog\x01\x12\x35"
HEADER_BYTES: Final = 16
SYNC: Final = b"\x08\x00S\x2f\x73\x13\x20\x25\x0c\xbb\x12"
KNOWN_TYPES: Final = frozenset(b"BFIMPQARDLCSO")
MAX_NESTING: Final = 8
MAX_TOPIC_BYTES: Final = 65535
_CHAIN: Final = 4
"""So many sensible headers in a row make a place to go on at after damage."""
_WINDOW: Final = 65_536
"""A chain is looked for so far ahead, a synchronisation mark to the end of the block."""

_BASE: Final[dict[str, str]] = {
    "int8_t": "i1", "uint8_t": "u1", "int16_t": "<i2", "uint16_t": "<u2", "int32_t": "<i4", "uint32_t": "<u4",
    "int64_t": "<i8", "uint64_t": "<u8", "float": "<f4", "double": "<f8", "bool": "u1", "char": "S1",
}  # fmt: skip
_FIELD: Final = re.compile(r"([A-Za-z0-9_\-/]+)(?:\[(\d{1,4})\])? ([A-Za-z0-9_]+)\Z")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TopicTable:
    """All data of one subscription, in file order; shape (n,)."""

    name: str
    instance: int
    fields: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, column: str) -> bool:
        """Return whether a column is there and holds numbers."""
        return column in (self.fields.dtype.names or ()) and self.fields.dtype[column].base.kind in "iuf"

    def column(self, name: str) -> FloatArray:
        """Return a numeric column as doubles, shape (n,) or (n, k)."""
        with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
            return self.fields[name].astype(np.float64)

    def whole(self, name: str) -> Ints:
        """Return a counter column as integers."""
        return self.fields[name].astype(np.int64)


@dataclasses.dataclass(slots=True)
class Definitions:
    """Topic layouts and subscriptions met so far."""

    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    subscriptions: dict[int, tuple[str, int]] = dataclasses.field(default_factory=dict)

    def learn(self, kind: int, payload: bytes) -> None:
        """Take an ``F`` (layout) or ``A`` (subscription) message; one that makes no sense is passed over."""
        if kind == ord("F"):
            name, colon, fields = payload.decode("ascii", "replace").partition(":")
            if colon:
                self.texts[name] = fields
        elif kind == ord("A") and len(payload) > 3:
            name = payload[3:].decode("ascii", "replace")
            self.subscriptions[int.from_bytes(payload[1:3], "little")] = (name, payload[0])

    def layout(self, name: str) -> np.dtype[np.void] | None:
        """Return the numpy layout of a topic; None where it is unknown, nested without end, or makes no sense."""
        members = self._members(name, 0)
        if not members:
            return None
        try:
            kind = np.dtype(members)
        except (ValueError, TypeError, OverflowError):  # the same field twice, or far too long
            return None
        return kind if kind.itemsize <= MAX_TOPIC_BYTES else None

    def _members(self, name: str, depth: int) -> list[Any] | None:
        text = self.texts.get(name)
        if text is None or depth > MAX_NESTING:
            return None
        members: list[Any] = []
        for part in text.split(";"):
            if not part:
                continue
            match = _FIELD.match(part)
            if match is None:
                return None
            base, count, label = match.groups()
            spec: Any = _BASE.get(base)
            if spec is None:
                nested = self._members(base, depth + 1)
                if nested is None:
                    return None
                spec = nested
            elif base == "char" and count:
                spec, count = f"S{max(int(count), 1)}", None
            members.append((label, spec, (int(count),)) if count else (label, spec))
        return members


@dataclasses.dataclass(frozen=True, slots=True)
class Walk:
    """Starts of the messages of a block, how far they reach, and the damage between them."""

    start: Ints
    consumed: int
    problems: list[Problem]


def walk(raw: bytes, *, last: bool, offset: int, restarts: tuple[int, ...] = ()) -> Walk:
    """Step from message to message.

    Parameters
    ----------
    raw
        Bytes of the file from `offset` on, beginning at a message.
    last
        Whether the file ends with this block.
    offset
        Where the block begins in the file.
    restarts
        Places in the file where data was appended after a crash: a message that
        would reach over one is unfinished, and reading goes on there.
    """
    start: list[int] = []
    problems: list[Problem] = []
    here, size = 0, len(raw)
    marks = sorted(mark - offset for mark in restarts if mark > offset)
    while here + 3 <= size:
        after = here + 3 + (raw[here] | raw[here + 1] << 8)
        while marks and marks[0] <= here:
            marks.pop(0)
        if marks and after > marks[0]:
            here = marks.pop(0)
        elif raw[here + 2] not in KNOWN_TYPES or after == here + 3:
            found = _resync(raw, here + 1)
            if found is None:
                break
            problems.append(skipped_bytes(offset + here, found - here))
            here = found
        elif after > size:
            if not last:
                break
            found = _resync(raw, here + 1)
            if found is None:
                break
            problems.append(skipped_bytes(offset + here, found - here))
            here = found
        else:
            start.append(here)
            here = after
    return Walk(np.array(start, dtype=np.int64), here, problems)


def _resync(raw: bytes, begin: int) -> int | None:
    """Return the next synchronisation mark or chain of sensible messages, None where there is none."""
    window = min(begin + _WINDOW, len(raw))
    mark = raw.find(SYNC, begin, window)
    for here in range(begin, mark if mark >= 0 else max(window - 3, begin)):
        if _is_chain(raw, here):
            return here
    mark = raw.find(SYNC, begin)
    return mark if mark >= 0 else None


def _is_chain(raw: bytes, here: int) -> bool:
    for _ in range(_CHAIN):
        if here == len(raw):
            return True
        if here + 3 > len(raw) or raw[here + 2] not in KNOWN_TYPES:
            return False
        length = raw[here] | raw[here + 1] << 8
        if length == 0:
            return False
        here += 3 + length
    return here <= len(raw)


def unpack(
    data: Bytes, start: Ints, wanted: Mapping[int, tuple[TopicTable, np.dtype[np.void]]]
) -> dict[int, TopicTable]:
    """Unpack the ``D`` messages of the wanted subscriptions (message id -> empty table and layout)."""
    own = start[(data[start + 2] == ord("D"))]
    length = data[own].astype(np.int64) + (data[own + 1].astype(np.int64) << 8) - 2
    own, length = own[length > 0], length[length > 0]
    message_id = data[own + 3].astype(np.int64) + (data[own + 4].astype(np.int64) << 8)
    tables = {}
    for number, (empty, kind) in wanted.items():
        rows = np.flatnonzero(message_id == number)
        if not len(rows):
            continue
        raw = np.zeros((len(rows), kind.itemsize), dtype=np.uint8)
        sizes = np.minimum(length[rows], kind.itemsize)
        for size in np.unique(sizes):
            some = np.flatnonzero(sizes == size)
            windows = np.lib.stride_tricks.sliding_window_view(data, int(size))
            raw[some, : int(size)] = windows[own[rows[some]] + 5]
        tables[number] = dataclasses.replace(empty, fields=raw.view(kind).reshape(-1))
    return tables
