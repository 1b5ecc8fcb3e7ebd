"""Where presentation times of a stream begin anew: a sender that restarted, a counter that wrapped, joined files."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

BACK: Final = Fraction(1)
"""A decoding time this many seconds before the last begins a new segment; reordered pictures stay far below it."""

LEAP: Final = Fraction(60)
"""So does one this far ahead: a restart that the demultiplexer takes for a wrap of its 33-bit counter looks so."""


class SegmentCounter:
    """Counts the segments of one stream, packet after packet in the order of the file.

    Attributes
    ----------
    segment
        Number of the segment the last packet belongs to, from 0.
    """

    def __init__(self) -> None:
        self.segment = 0
        self._last: Fraction | None = None

    def step(self, at: Fraction | None) -> bool:
        """Take a packet's decoding time in seconds (None: it states none); True where a new segment begins with it."""
        if at is None:
            return False
        last, self._last = self._last, at
        if last is None or -BACK < at - last < LEAP:
            return False
        self.segment += 1
        return True


class RunningTime:
    """Seconds since the first picture, going on over every segment; the pause between two segments counts as none."""

    def __init__(self) -> None:
        self._segment = 0
        self._shift: Fraction | None = None
        self._last = Fraction(0)

    def of(self, at: Fraction, segment: int) -> Fraction:
        """Return the running time of a picture shown at `at` in a segment."""
        if self._shift is None:
            self._shift = -at
        elif segment != self._segment:
            self._shift = self._last - at
        self._segment = segment
        self._last = max(self._last, at + self._shift)
        return at + self._shift
