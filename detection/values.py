"""Boxes in a picture, and whatever finds them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What a detector found in one frame, as columns; boxes are x0, y0, x1, y1 in pixels."""

    boxes_px: NDArray[np.float32]
    """Shape (n, 4)."""
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.scores)


class Detector(Protocol):
    """Anything that turns pictures into detections."""

    class_names: tuple[str, ...]

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each."""
        ...
