"""ArduPilot DataFlash records in a block of bytes: found by their headers, unpacked as numpy structures.

A record is ``A3 95``, a type byte, and fields laid out by that type's own
``FMT`` record (ArduPilot ``libraries/AP_Logger/LogStructure.h``).
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.tracks.track_cleaning import damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import Problem

    Bytes = NDArray[np.uint8]
    Ints = NDArray[np.int64]

HEAD: Final = (0xA3, 0x95)
FMT_TYPE: Final = 128
FMT_BYTES: Final = 89
_SIEVES: Final = 3

_FIELD: Final[dict[str, tuple[Any, float]]] = {
    "a": (("<i2", (32,)), 1.0), "b": ("i1", 1.0), "B": ("u1", 1.0), "h": ("<i2", 1.0), "H": ("<u2", 1.0),
    "i": ("<i4", 1.0), "I": ("<u4", 1.0), "f": ("<f4", 1.0), "d": ("<f8", 1.0), "g": ("<f2", 1.0),
    "n": ("S4", 1.0), "N": ("S16", 1.0), "Z": ("S64", 1.0), "c": ("<i2", 0.01), "C": ("<u2", 0.01),
    "e": ("<i4", 0.01), "E": ("<u4", 0.01), "L": ("<i4", 1e-7), "M": ("u1", 1.0), "q": ("<i8", 1.0),
    "Q": ("<u8", 1.0),
}  # fmt: skip
"""Format letter -> numpy type and the factor to the unit of the column (LogStructure.h, format types)."""

_SIZE: Final = {code: np.dtype([("", *spec) if isinstance(spec, tuple) else ("", spec)]).itemsize
                for code, (spec, _) in _FIELD.items()}  # fmt: skip
_NAME: Final = re.compile(rb"[A-Z][A-Z0-9_]{0,3}\x00*\Z", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    """One record type: its name, its whole length in bytes, and the letters and names of its columns."""

    type_id: int
    name: str
    length: int
    codes: str
    columns: tuple[str, ...]

    def layout(self) -> np.dtype[np.void]:
        """Return the numpy layout of a record, header included."""
        members: list[Any] = [("_head", "V3")]
        for name, code in zip(self.columns, self.codes, strict=True):
            spec = _FIELD[code][0]
            members.append((name, *spec) if isinstance(spec, tuple) else (name, spec))
        return np.dtype(members)

    def factors(self) -> dict[str, float]:
        """Return the factor of each column."""
        return {name: _FIELD[code][1] for name, code in zip(self.columns, self.codes, strict=True)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordTable:
    """All records of one name in file order, as stored."""

    offset: Ints
    fields: NDArray[np.void]
    factors: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.offset)

    def __contains__(self, column: str) -> bool:
        """Return whether a column is there and holds one number a row."""
        return column in (self.fields.dtype.names or ()) and self.fields.dtype[column].kind in "iuf"

    def has(self, *columns: str) -> bool:
        """Return whether all these columns are there."""
        return all(column in self for column in columns)

    def column(self, name: str) -> FloatArray:
        """Return a numeric column in its unit."""
        with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
            return np.asarray(self.fields[name] * self.factors[name], dtype=np.float64)

    def whole(self, name: str) -> Ints:
        """Return a counter column as integers."""
        return self.fields[name].astype(np.int64)

    def rows(self, chosen: NDArray[np.bool_]) -> RecordTable:
        """Return chosen rows."""
        return RecordTable(offset=self.offset[chosen], fields=self.fields[chosen], factors=self.factors)


def parse_format(record: bytes) -> RecordFormat | None:
    """Read one FMT record (89 bytes); None where it is none: odd name, unknown letters, length that does not add up."""
    type_id, length, raw_name = record[3], record[4], record[5:9]
    letters, labels = (part.split(b"\x00")[0] for part in (record[9:25], record[25:89]))
    if not _NAME.match(raw_name) or not letters.isascii() or not labels.isascii():
        return None
    names = tuple(label for label in labels.decode().split(",") if label)
    codes = letters.decode()
    if len(names) != len(codes) or len(set(names)) != len(names) or "_head" in names:
        return None
    if sum(_SIZE.get(code, 256) for code in codes) + 3 != length:
        return None
    name = raw_name.rstrip(b"\x00").decode()
    return RecordFormat(type_id=type_id, name=name, length=length, codes=codes, columns=names)


def find_heads(data: Bytes) -> Ints:
    """Return every place of a block where a record may begin."""
    at = np.flatnonzero(data[:-2] == HEAD[0])
    return np.asarray(at[data[at + 1] == HEAD[1]], dtype=np.int64)


def find_formats(data: Bytes, heads: Ints) -> list[RecordFormat]:
    """Return every believable FMT record of a block, in order."""
    own = heads[data[heads + 2] == FMT_TYPE]
    found = (parse_format(data[at : at + FMT_BYTES].tobytes()) for at in own[own + FMT_BYTES <= len(data)].tolist())
    return [form for form in found if form is not None]


def find_records(
    data: Bytes, heads: Ints, formats: Mapping[int, RecordFormat], *, last: bool, offset: int = 0
) -> tuple[Ints, Ints, int, list[Problem]]:
    """Find every record of a block, skipping damage.

    A record counts when the next one, or the end of the log, begins where it ends.

    Parameters
    ----------
    data
        Bytes, shape (n,).
    heads
        Where a record may begin, from `find_heads`.
    formats
        Record types known so far.
    last
        Whether the log ends with this block.
    offset
        Where `data` begins in the file, for the problems' offsets.

    Returns
    -------
    start, type_id
        Of each record, in order.
    consumed
        Bytes that belong to them or lie before them.
    problems
        One per run of damaged bytes.
    """
    length_of = np.zeros(256, dtype=np.int64)
    length_of[[f.type_id for f in formats.values()]] = [f.length for f in formats.values()]
    at = heads
    end = at + length_of[data[at + 2]]
    rows = _unbroken(at, end, len(data))
    if rows is None:
        rows = _walk(at, end, len(data), last=last)
    elif end[rows[-1]] == len(data) and not last:
        rows = rows[:-1]
    ends = np.concatenate([[0], end[rows]])
    gaps = at[rows] - ends[:-1]
    type_id = data[at[rows] + 2].astype(np.int64)
    return at[rows], type_id, int(ends[-1]), damage(gaps, ends, offset)


def _unbroken(at: Ints, end: Ints, size: int) -> Ints | None:
    """Return the records of a block in which each begins where the last one ends; None where there is damage.

    Header bytes inside records fall away because no other candidate ends at them.
    The last record may reach over the end of the block; it is not among them.
    """
    rows = np.flatnonzero((end > at) & (end <= size))
    for _ in range(_SIEVES):
        is_end = np.zeros(size + 1, dtype=np.bool_)
        is_end[end[rows]] = True
        is_end[0] = True
        rows = rows[is_end[at[rows]]]
        if len(rows) and at[rows[0]] == 0 and np.array_equal(at[rows[1:]], end[rows[:-1]]):
            rest = at[at >= end[rows[-1]]]
            return rows if not len(rest) or end[rows[-1]] == rest[0] else None
    return None


def _walk(at: Ints, end: Ints, size: int, *, last: bool) -> Ints:
    """Follow records from the first candidate; one counts when the next, or the end of the log, is where it ends."""
    after = np.searchsorted(at, end)
    follows = np.append(at, -1)[np.minimum(after, len(at))] == end
    valid = (end > at) & (follows | ((end == size) & last))
    step: list[int] = np.where(valid, after, np.arange(1, len(at) + 1)).tolist()
    reached, here = [], 0
    while here < len(step):
        reached.append(here)
        here = step[here]
    rows = np.array(reached, dtype=np.int64)
    return np.asarray(rows[valid[rows]], dtype=np.int64)


def unpack(
    data: Bytes, start: Ints, type_id: Ints, formats: Iterable[RecordFormat], *, offset: int
) -> dict[str, RecordTable]:
    """Unpack the records of the given formats into one table each."""
    tables = {}
    for form in formats:
        own = start[type_id == form.type_id]
        if len(own):
            raw = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(data, form.length)[own])
            fields = raw.view(form.layout()).reshape(-1)
            tables[form.name] = RecordTable(offset=own + offset, fields=fields, factors=form.factors())
    return tables
