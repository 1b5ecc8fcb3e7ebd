"""The small picture cut around a hit, for a person to judge by."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


CHIP_PX: Final = 72
_CONTEXT: Final = 1.6
"""How many box sizes the chip spans: enough surroundings to judge by."""
_QUALITY: Final = 72


def chip_window(box_px: Sequence[float]) -> tuple[int, int, float]:
    """Return left and upper edge, and the side, of the square that a chip is cut from around a box, in pixels."""
    half = _half_px(box_px)
    left, top = (max(0, int((box_px[edge] + box_px[edge + 2]) / 2 - half)) for edge in (0, 1))
    return left, top, 2 * half


def _half_px(box_px: Sequence[float]) -> float:
    x0, y0, x1, y1 = box_px
    return max(x1 - x0, y1 - y0, 20.0) * _CONTEXT / 2


def cut_chip(image: NDArray[np.uint8], box_px: Sequence[float]) -> bytes:
    """Return a JPEG of the square around a box in pixels; edges of the picture are kept, not padded.

    Of a box that lies outside the picture it shows the nearest edge.
    """
    height, width = image.shape[:2]
    left, top, _ = chip_window(box_px)
    right, bottom = (int((box_px[edge] + box_px[edge + 2]) / 2 + _half_px(box_px)) + 1 for edge in (0, 1))
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    picture = Image.fromarray(image[top:bottom, left:right]).convert("RGB")
    picture.thumbnail((CHIP_PX, CHIP_PX))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
