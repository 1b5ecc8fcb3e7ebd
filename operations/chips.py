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


def cut_chip(image: NDArray[np.uint8], box_px: Sequence[float]) -> bytes:
    """Return a JPEG of the square around a box in pixels; edges of the picture are kept, not padded."""
    x0, y0, x1, y1 = box_px
    half = max(x1 - x0, y1 - y0, 20.0) * _CONTEXT / 2
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    height, width = image.shape[:2]
    left, right = max(0, int(centre_x - half)), min(width, int(centre_x + half) + 1)
    top, bottom = max(0, int(centre_y - half)), min(height, int(centre_y + half) + 1)
    picture = Image.fromarray(image[top:bottom, left:right]).convert("RGB")
    picture.thumbnail((CHIP_PX, CHIP_PX))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
