"""Look for small things in large pictures: tile, detect, merge (slicing-aided inference, Akyon et al. 2022)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detection.boxes import Overlap, suppress
from detection.values import Detections, Detector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class TiledDetector:
    """Any detector, run on overlapping tiles of pictures larger than one tile.

    Parameters
    ----------
    detector
        What looks at each tile.
    tile_width_px, tile_height_px
        Size of a tile; best the size the detector was trained on.
    overlap_share
        Share of a tile that its neighbour sees too: more than the largest thing
        looked for, so that each is whole in one tile.
    merge_above
        Boxes of one class that share more than this part of the smaller box are one thing.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        tile_width_px: int = 640,
        tile_height_px: int = 512,
        overlap_share: float = 0.2,
        merge_above: float = 0.6,
    ) -> None:
        self.class_names = detector.class_names
        self._detector = detector
        self._size = (tile_width_px, tile_height_px)
        self._overlap_share = overlap_share
        self._merge_above = merge_above

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of any size, one result each."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: NDArray[np.uint8]) -> Detections:
        height, width = image.shape[:2]
        corners = tile_corners(width, height, *self._size, self._overlap_share)
        tiles = [np.ascontiguousarray(image[y : y + self._size[1], x : x + self._size[0]]) for x, y in corners]
        found = [self._detector.detect([tile])[0] for tile in tiles]
        shifts = np.array([(x, y, x, y) for x, y in corners], dtype=np.float32)
        boxes = np.concatenate([part.boxes_px + shift for part, shift in zip(found, shifts, strict=True)])
        scores = np.concatenate([part.scores for part in found])
        classes = np.concatenate([part.classes for part in found])
        kept = np.arange(len(scores))
        if len(corners) > 1:
            kept = suppress(boxes, scores, classes, threshold=self._merge_above, by=Overlap.SMALLER)
        return Detections(
            boxes_px=boxes[kept],
            classes=classes[kept],
            scores=scores[kept],
            problems=tuple(dict.fromkeys(problem for part in found for problem in part.problems)),
        )


def tile_corners(
    width_px: int, height_px: int, tile_width_px: int, tile_height_px: int, overlap_share: float
) -> list[tuple[int, int]]:
    """Top-left corners of the fewest evenly spread tiles that cover a picture with at least the overlap asked."""
    columns = _starts(width_px, tile_width_px, overlap_share)
    return [(x, y) for y in _starts(height_px, tile_height_px, overlap_share) for x in columns]


def _starts(length_px: int, tile_px: int, overlap_share: float) -> list[int]:
    if length_px <= tile_px:
        return [0]
    stride = max(tile_px * (1.0 - overlap_share), 1.0)
    count = math.ceil((length_px - tile_px) / stride) + 1
    return [round(k * (length_px - tile_px) / (count - 1)) for k in range(count)]
