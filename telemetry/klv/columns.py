"""Runs of items to columns of values: one numpy operation for all items of one tag and one size."""

from __future__ import annotations

import dataclasses
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from telemetry.klv.imapb import as_signed, imapb_decode, signed_decode, unsigned_decode
from telemetry.klv.items import Run, words
from telemetry.klv.tags import EXACT_INTEGERS, NUMERIC, TAGS, Coding, Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.klv.packets import ProblemList

    Values = NDArray[np.float64] | NDArray[np.int64] | tuple[str | bytes, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The values of one tag: `values[k]` belongs to packet `packet[k]`.

    `values` is an array of float64 (of int64 for the tags in
    `EXACT_INTEGERS`), or a tuple of str or bytes. NaN and -1 mean "no value".
    """

    tag: int
    packet: NDArray[np.int64]
    values: Values


def build_columns(
    data: NDArray[np.uint8], runs: list[Run], keep: NDArray[np.int64], problems: ProblemList
) -> dict[int, Column]:
    """Decode every run and join those of one tag, in order of packets.

    Parameters
    ----------
    data
        The stream with its spare bytes.
    runs
        From `walk_items`; their packets count within `keep`.
    keep
        Numbers in the stream of the packets that were walked.
    """
    by_tag: dict[int, list[Run]] = {}
    for run in runs:
        by_tag.setdefault(run.tag, []).append(run)
    longs = words(data, ">u8")
    columns: dict[int, Column] = {}
    for tag in sorted(by_tag):
        spec = TAGS.get(tag)
        if spec is None or spec.coding not in NUMERIC:
            text = spec is not None and spec.coding is Coding.TEXT
            parts = [_cut(data, run, text) for run in by_tag[tag]]
            values: Values = tuple(chain.from_iterable(parts))
        else:
            numbers = [_numbers(longs, spec, run, problems) for run in by_tag[tag]]
            values = numbers[0] if len(numbers) == 1 else _joined(numbers)
        columns[tag] = _in_order(tag, by_tag[tag], values, keep)
    return columns


def join_columns(blocks: list[dict[int, Column]]) -> dict[int, Column]:
    """Put the columns of blocks of packets one behind the other."""
    if len(blocks) == 1:
        return blocks[0]
    parts: dict[int, list[Column]] = {}
    for block in blocks:
        for tag, column in block.items():
            parts.setdefault(tag, []).append(column)
    joined: dict[int, Column] = {}
    for tag in sorted(parts):
        arrays = [column.values for column in parts[tag] if isinstance(column.values, np.ndarray)]
        texts = [column.values for column in parts[tag] if isinstance(column.values, tuple)]
        values: Values = _joined(arrays) if arrays else tuple(chain.from_iterable(texts))
        joined[tag] = Column(tag=tag, packet=np.concatenate([column.packet for column in parts[tag]]), values=values)
    return joined


def _joined(parts: list[NDArray[np.float64] | NDArray[np.int64]]) -> NDArray[np.float64] | NDArray[np.int64]:
    joined: NDArray[Any] = np.concatenate(parts)
    return joined


def _in_order(tag: int, runs: list[Run], values: Values, keep: NDArray[np.int64]) -> Column:
    packet = runs[0].packet if len(runs) == 1 else np.concatenate([run.packet for run in runs])
    if len(runs) > 1 and bool((np.diff(packet) < 0).any()):
        order = np.argsort(packet, kind="stable")
        packet = packet[order]
        values = values[order] if isinstance(values, np.ndarray) else tuple(values[k] for k in order.tolist())
    return Column(tag=tag, packet=keep[packet], values=values)


def _numbers(
    longs: NDArray[np.unsignedinteger], spec: Tag, run: Run, problems: ProblemList
) -> NDArray[np.float64] | NDArray[np.int64]:
    """Decode one run of numbers; a size of zero means "no value" (ST 0107)."""
    if 1 <= run.size <= 8:  # noqa: PLR2004
        raw = longs[run.offset].astype(np.uint64) >> np.uint64(64 - 8 * run.size)
        return decode_numbers(raw, spec, run.size)
    if run.size:
        place = int(run.offset[0])
        message = f"tag {spec.number} ({spec.name}) at byte {place} is {run.size} bytes long; ignored"
        problems.add("item", message, place)
    if spec.number in EXACT_INTEGERS:
        return np.full(len(run.offset), -1, dtype=np.int64)
    return np.full(len(run.offset), np.nan)


def decode_numbers(raw: NDArray[np.uint64], spec: Tag, size: int) -> NDArray[np.float64] | NDArray[np.int64]:
    """Turn the raw integers of one tag, `size` bytes each, into values in the tag's unit."""
    if spec.number in EXACT_INTEGERS:
        return as_signed(raw, size) if spec.coding is Coding.INTEGER else raw.astype(np.int64)
    if spec.coding is Coding.UNSIGNED:
        return unsigned_decode(raw, spec.lo, spec.hi, size)
    if spec.coding is Coding.SIGNED:
        return signed_decode(raw, spec.lo, spec.hi, size)
    if spec.coding is Coding.IMAPB:
        return imapb_decode(raw, spec.lo, spec.hi, size)
    return (as_signed(raw, size) if spec.coding is Coding.INTEGER else raw).astype(np.float64)


def _cut(data: NDArray[np.uint8], run: Run, text: bool) -> list[str] | list[bytes]:
    """Cut the bytes of each item; a value that stays the same from packet to packet is made once and shared."""
    if not run.size:
        return [""] * len(run.offset) if text else [b""] * len(run.offset)
    window = np.ndarray((len(data) - run.size + 1, run.size), dtype=np.uint8, buffer=data.data, strides=(1, 1))
    rows = window[run.offset]
    changes = np.concatenate([[True], np.logical_or.reduce(rows[1:] != rows[:-1], axis=1)])
    joined = rows[changes].tobytes()
    distinct = [joined[place : place + run.size] for place in range(0, len(joined), run.size)]
    shared = np.empty(len(distinct), dtype=object)
    shared[:] = [item.decode("utf-8", errors="replace").rstrip("\x00") for item in distinct] if text else distinct
    spread: list[str] | list[bytes] = shared[np.cumsum(changes) - 1].tolist()
    return spread
