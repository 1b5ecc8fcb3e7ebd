"""Pictures handed to other processes through memory that both have: a pipe costs 3 ms for each of 640 x 512.

There are as many slots as stretches under way. What does not fit, or finds no slot, goes through the pipe as it is. The
memory is a file without a name in `/dev/shm`: it is on no disk, and gone with the processes, however they end.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
from multiprocessing.heap import Arena
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.videos.grey import in_three_channels, stored_channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.looking import Stretch

SLOTS_BYTES: Final = ((104_000_000, 0.125), (32_000_000, 0.125), (8_000_000, 0.5))
"""Size of a slot, and the share of the free memory that all of them may take: other programs may want some, too.

Stretches of three or four pictures and the one before take 100 MB of 3840 x 2160, 31 MB of 1920 x 1080, 5 MB of
640 x 512. Memory is taken when it is written to, and not before.
"""
IN_MEMORY: Final = "/dev/shm"  # noqa: S108 - no file of it has a name
STEP: Final = 64
"""Arrays begin at multiples of this: what processors read at once."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """A stretch on its way: pickled, with its arrays in a slot."""

    pickled: bytes
    slot: int = -1
    """None for -1: arrays and all are pickled."""
    lengths: tuple[int, ...] = ()
    """Bytes of each array, one after another."""


class Slots:
    """Memory for stretches under way, in the process that sends them.

    Parameters
    ----------
    most
        How many stretches are under way.
    """

    def __init__(self, most: int) -> None:
        room_bytes = _room_bytes()
        fitting = (size for size, share in SLOTS_BYTES if most * size < share * room_bytes)
        self._slot_bytes = next(fitting, 0)
        self.memory = tuple(Arena(self._slot_bytes) for _ in range(most if self._slot_bytes else 0))
        """An argument of the processes that are to have it, too, when they start."""
        self._free = list(range(len(self.memory)))

    def put(self, stretch: Stretch) -> Sent:
        """Put a stretch into a slot, where it fits into one that is free."""
        arrays: list[pickle.PickleBuffer] = []
        pickled = _pickled(stretch, arrays.append)
        raw = [array.raw() for array in arrays]
        lengths = tuple(one.nbytes for one in raw)
        if not self._free or sum(map(_padded, lengths)) > self._slot_bytes:
            return Sent(_pickled(stretch))
        slot, at = self._free.pop(), 0
        target = memoryview(self.memory[slot].buffer)
        for one in raw:
            target[at : at + one.nbytes] = one
            at += _padded(one.nbytes)
        return Sent(pickled, slot, lengths)

    def give_back(self, sent: Sent) -> None:
        """Take note that a stretch is done with."""
        if sent.slot >= 0:
            self._free.append(sent.slot)


class _Pickler(pickle.Pickler):
    """Takes a picture without colour for the one channel that it is in memory."""

    def reducer_override(self, value: object) -> Any:
        channel = stored_channel(value) if isinstance(value, np.ndarray) else None
        return NotImplemented if channel is None else (in_three_channels, (np.ascontiguousarray(channel),))


def _pickled(stretch: Stretch, apart: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
    """Return a stretch pickled: its arrays with it, or handed to `apart`."""
    held = io.BytesIO()
    _Pickler(held, protocol=5, buffer_callback=apart).dump(stretch)
    return held.getvalue()


def received(sent: Sent, memory: tuple[Arena, ...]) -> Stretch:
    """Return a stretch in the process that it was sent to; its arrays stay in the slot, and cannot be written to."""
    if sent.slot < 0:
        return _loaded(sent.pickled, [])
    source, at, arrays = memoryview(memory[sent.slot].buffer).toreadonly(), 0, []
    for length in sent.lengths:
        arrays.append(source[at : at + length])
        at += _padded(length)
    return _loaded(sent.pickled, arrays)


def _loaded(pickled: bytes, arrays: list[memoryview[Any]]) -> Stretch:
    stretch: Stretch = pickle.loads(pickled, buffers=arrays)  # noqa: S301 - our own, from the process that started this one
    return stretch


def _padded(length: int) -> int:
    return -(-length // STEP) * STEP


def _room_bytes() -> int:
    """Return how much memory is free for files without a disk; 0 where the system has none."""
    try:
        found = os.statvfs(IN_MEMORY)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize
