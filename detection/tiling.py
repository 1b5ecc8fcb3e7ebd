"""Look for small things in large pictures: tile, detect, merge (slicing-aided inference, Akyon et al. 2022)."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.boxes import Overlap, suppress
from detection.values import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detector

MERGE_ABOVE: Final = 0.6
"""Boxes of one class from several tiles that share more than this part of the smaller box are one thing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture, in its pixels."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut it out."""
        rows = slice(self.top_px, self.top_px + self.height_px)
        return np.ascontiguousarray(image[rows, self.left_px : self.left_px + self.width_px])


def detect_tiles(detector: Detector, image: NDArray[np.uint8], tiles: Sequence[Tile]) -> Detections:
    """Look at all tiles in one batch, and return their boxes in pixels of the picture, each thing once."""
    if not tiles:
        none = np.zeros(0, dtype=np.float32)
        return Detections(boxes_px=np.zeros((0, 4), np.float32), classes=np.zeros(0, np.int64), scores=none)
    found = detector.detect([tile.of(image) for tile in tiles])
    shifts = np.array([(t.left_px, t.top_px, t.left_px, t.top_px) for t in tiles], dtype=np.float32)
    joined = Detections(
        boxes_px=np.concatenate([part.boxes_px + shift for part, shift in zip(found, shifts, strict=True)]),
        scores=np.concatenate([part.scores for part in found]),
        classes=np.concatenate([part.classes for part in found]),
        problems=tuple(dict.fromkeys(problem for part in found for problem in part.problems)),
        probabilities=np.concatenate([part.calibrated() for part in found]),
        answered=all(part.answered for part in found),
    )
    if len(tiles) == 1:
        return joined
    return joined.take(
        suppress(joined.boxes_px, joined.scores, joined.classes, threshold=MERGE_ABOVE, by=Overlap.SMALLER)
    )


def tiles_over(
    width_px: int, rows_px: tuple[int, int], tile_px: tuple[int, int], overlap_px: tuple[float, float]
) -> list[Tile]:
    """Return the fewest evenly spread tiles that cover a band of rows with at least the overlap asked.

    Parameters
    ----------
    width_px
        Width of the picture.
    rows_px
        First row of the band, and the row after its last.
    tile_px, overlap_px
        Width and height of a tile, and of what its neighbour sees too: more than the largest thing
        looked for, so that each is whole in one tile.
    """
    top, bottom = rows_px
    wide, high = min(tile_px[0], width_px), min(tile_px[1], bottom - top)
    columns = _starts(width_px, tile_px[0], overlap_px[0])
    rows = _starts(bottom - top, tile_px[1], overlap_px[1])
    return [Tile(left_px=x, top_px=top + y, width_px=wide, height_px=high) for y in rows for x in columns]


def _starts(length_px: int, tile_px: int, overlap_px: float) -> list[int]:
    if length_px <= tile_px:
        return [0]
    stride = max(tile_px - overlap_px, 1.0)
    count = math.ceil((length_px - tile_px) / stride) + 1
    return [round(k * (length_px - tile_px) / (count - 1)) for k in range(count)]
