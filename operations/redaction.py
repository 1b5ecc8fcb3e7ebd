"""Pictures from which everything but the hit is taken: what leaves an operation shows no bystanders."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image

from operations.chips import CHIP_PX, chip_window

if TYPE_CHECKING:
    from collections.abc import Sequence

_GREY: Final = (128, 128, 128)
_MARGIN: Final = 0.1
"""A box is a detector's word; a tenth of its size more keeps the edge of what it found."""
_QUALITY: Final = 72


def redact_chip(jpeg: bytes, box_px: Sequence[float]) -> bytes:
    """Return a hit's chip with everything outside the hit's box painted over; the paint hides, it does not blur.

    Parameters
    ----------
    jpeg
        The chip as `operations.chips.cut_chip` made it.
    box_px
        Left, upper, right, lower edge of the hit in the picture that the chip was cut from.
    """
    with Image.open(io.BytesIO(jpeg)) as opened:
        chip = opened.convert("RGB")
    left, top, side = chip_window(box_px)
    scale = min(1.0, CHIP_PX / side)
    x0, y0, x1, y1 = box_px
    margin = _MARGIN * max(x1 - x0, y1 - y0)
    edges = (x0 - margin - left, y0 - margin - top, x1 + margin - left, y1 + margin - top)
    kept = tuple(round(edge * scale) for edge in edges)
    inside = (max(0, kept[0]), max(0, kept[1]), min(chip.width, kept[2]), min(chip.height, kept[3]))
    shown = Image.new("RGB", chip.size, _GREY)
    if inside[2] > inside[0] and inside[3] > inside[1]:
        shown.paste(chip.crop(inside), inside[:2])
    stream = io.BytesIO()
    shown.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
