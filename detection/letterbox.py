"""Fit a picture into a model's input, and bring boxes back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from telemetry.videos.grey import stored_channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAD_LEVEL: Final = 114
"""Grey of the margin: what YOLO models are trained with (ultralytics `LetterBox`)."""
_SHARE: Final = np.float32(1.0 / 255.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """How one picture was scaled and centred in the model's input."""

    width_px: int
    height_px: int
    scale: float
    left_px: int
    top_px: int

    @classmethod
    def of(cls, *, width_px: int, height_px: int, input_width_px: int, input_height_px: int) -> Letterbox:
        """Keep the aspect ratio, centre, pad the rest."""
        scale = min(input_width_px / width_px, input_height_px / height_px)
        return cls(
            width_px=width_px,
            height_px=height_px,
            scale=scale,
            left_px=round((input_width_px - round(width_px * scale)) / 2.0 - 0.1),
            top_px=round((input_height_px - round(height_px * scale)) / 2.0 - 0.1),
        )

    def fill(self, image: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Write an RGB picture into all of `out`, shape (3, h, w), as shares of full white."""
        channel = stored_channel(image)
        shown = image if channel is None else channel
        wide, high = round(self.width_px * self.scale), round(self.height_px * self.scale)
        if (wide, high) != (self.width_px, self.height_px):
            shown = np.asarray(Image.fromarray(shown).resize((wide, high), Image.Resampling.BILINEAR))
        if (high, wide) != out.shape[1:]:
            out[:] = PAD_LEVEL / 255.0
        window = out[:, self.top_px : self.top_px + high, self.left_px : self.left_px + wide]
        if channel is None:
            np.multiply(shown.transpose(2, 0, 1), _SHARE, out=window, casting="unsafe")
        else:
            np.multiply(shown, _SHARE, out=window[0], casting="unsafe")
            window[1:] = window[0]

    def back(self, boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in the input to boxes in the picture, cut at its edges."""
        shift = np.array([self.left_px, self.top_px] * 2, dtype=np.float32)
        limit = np.array([self.width_px, self.height_px] * 2, dtype=np.float32)
        return np.asarray(np.clip((boxes_px - shift) / np.float32(self.scale), 0.0, limit), dtype=np.float32)
