"""Decoded frames without colour: one channel, with the numbers that each of the three would have in RGB.

Heat is sent as brightness with chroma that is 128 everywhere. Runs in the decoding processes, which do without numpy.
"""

from __future__ import annotations

from typing import Any, Final

import av

NEUTRAL: Final = 128
"""Chroma of a pixel without colour (ITU-T H.273, equations 31 to 33: half of the range of 8 bits)."""
_LEVELS: Final = bytes(range(256))
_STEP: Final = 37
"""By how much each row of the test picture is moved on: no period of its own is one of a dither."""


def rows_of(plane: Any, row_bytes: int, rows: int) -> bytes | memoryview:
    """Return the rows of a plane one after another, without what fills them up."""
    held, step = memoryview(plane), plane.line_size
    if step == row_bytes:
        return held[: rows * row_bytes]
    return b"".join(held[at : at + row_bytes] for at in range(0, rows * step, step))


class GreyFrames:
    """Tells frames without colour, and what RGB would show of them.

    What RGB makes of a brightness is asked of FFmpeg itself, once a format and size: a picture of all of them is
    converted. Where that is not the same everywhere in the picture (a dither), its frames count as coloured.

    Parameters
    ----------
    reformatter
        Converts frames, PyAV's `VideoReformatter`.
    """

    def __init__(self, reformatter: Any) -> None:
        self._reformatter = reformatter
        self._last: tuple[object, ...] | None = None
        self._levels: bytes | None = None

    def channel(self, frame: Any) -> bytes | None:
        """Return the one channel of a frame without colour, row after row; None for one with colours.

        Also None for one of more than 8 bits a sample, or with two fields.
        """
        if frame.interlaced_frame or not _has_brightness_apart(frame.format):
            return None
        brightness, *chroma = frame.planes
        if any(not _is_neutral(plane, frame.format) for plane in chroma):
            return None
        told = frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc
        if self._last != (frame.format.name, frame.width, frame.height, *told):
            self._last = frame.format.name, frame.width, frame.height, *told
            self._levels = self._shown_levels(frame)
        if self._levels is None:
            return None
        return bytes(rows_of(brightness, frame.width, frame.height)).translate(self._levels)

    def _shown_levels(self, frame: Any) -> bytes | None:
        """Return what RGB shows of each brightness in frames like this one; None where it depends on more than that."""
        tried = av.VideoFrame(frame.width, frame.height, frame.format.name)
        tried.colorspace, tried.color_range = frame.colorspace, frame.color_range
        tried.color_primaries, tried.color_trc = frame.color_primaries, frame.color_trc
        brightness, *chroma = tried.planes
        cycle = _LEVELS * (brightness.line_size // len(_LEVELS) + 2)
        starts = (row * _STEP % len(_LEVELS) for row in range(brightness.height))
        brightness.update(b"".join(cycle[at : at + brightness.line_size] for at in starts))
        for plane in chroma:
            plane.update(bytes([NEUTRAL]) * plane.buffer_size)
        asked = bytes(rows_of(brightness, frame.width, frame.height))
        picture = self._reformatter.reformat(tried, format="rgb24")
        shown = bytes(rows_of(picture.planes[0], 3 * frame.width, frame.height))
        places = [asked.find(level) for level in range(len(_LEVELS))]
        if -1 in places:
            return None
        levels = bytes(shown[3 * place] for place in places)
        one = asked.translate(levels)
        return levels if all(shown[colour::3] == one for colour in range(3)) else None


def _has_brightness_apart(layout: Any) -> bool:
    """Tell whether a format has 8 bits of brightness in a plane of their own, and nothing else but chroma."""
    if layout.is_rgb or layout.has_palette:
        return False
    first, *others = layout.components
    apart = all(one.plane > first.plane and not one.is_alpha for one in others)
    return bool(first.is_luma and first.plane == 0 and apart and {one.bits for one in layout.components} == {8})


def _is_neutral(plane: Any, layout: Any) -> bool:
    """Tell whether chroma is that of no colour in a whole plane; where it is not, its first row mostly tells."""
    samples = sum(one.plane == 1 for one in layout.components)  # two where both lie in one plane
    row = bytes([NEUTRAL]) * (samples * plane.width)
    if bytes(memoryview(plane)[: len(row)]) != row:
        return False
    return bool(bytes(rows_of(plane, len(row), plane.height)) == row * plane.height)
