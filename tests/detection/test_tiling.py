from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.tiling import TiledDetector, tile_corners
from detection.values import Detections


class BrightSpots:
    """A detector that boxes every bright 6 x 6 square it sees whole or in part."""

    class_names = ("spot",)

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        found = []
        for image in images:
            self.sizes.append(image.shape)
            boxes = []
            left = image[..., 0] > 128
            while left.any():
                row, column = (int(v) for v in np.argwhere(left)[0])
                patch = left[row : row + 6, column : column + 6]
                high, wide = int(patch[:, 0].sum()), int(patch[0].sum())
                boxes.append((column, row, column + wide, row + high))
                left[row : row + 6, column : column + 6] = False
            table = np.array(boxes, dtype=np.float32).reshape(-1, 4)
            area = (table[:, 2] - table[:, 0]) * (table[:, 3] - table[:, 1])
            found.append(
                Detections(
                    boxes_px=table, classes=np.zeros(len(table), dtype=np.int64), scores=(area / 40).astype(np.float32)
                )
            )
        return found


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 3000), st.floats(0.0, 0.6))
def test_tiles_cover_everything_and_overlap_enough(width: int, height: int, share: float) -> None:
    corners = tile_corners(width, height, 640, 512, share)
    for axis, (length, tile) in enumerate(((width, 640), (height, 512))):
        starts = sorted({corner[axis] for corner in corners})
        assert starts[0] == 0
        assert starts[-1] + tile >= length
        assert starts[-1] == max(0, length - tile)
        assert all(b - a <= tile * (1.0 - share) + 1.0 for a, b in zip(starts[:-1], starts[1:], strict=True))


def test_a_thing_on_a_seam_is_found_once_and_whole() -> None:
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    truth = [(10, 10), (96, 40), (138, 96), (200, 150), (290, 190)]
    for x, y in truth:
        image[y : y + 6, x : x + 6] = 255
    inner = BrightSpots()
    (found,) = TiledDetector(inner, tile_width_px=100, tile_height_px=100, overlap_share=0.2).detect([image])
    assert sorted(found.boxes_px.tolist()) == sorted([float(x), float(y), x + 6.0, y + 6.0] for x, y in truth)
    assert {size[:2] for size in inner.sizes} == {(100, 100)}


def test_a_small_picture_is_one_tile(rng: np.random.Generator) -> None:
    inner = BrightSpots()
    image = np.zeros((80, 90, 3), dtype=np.uint8)
    image[20:26, 30:36] = 255
    (found,) = TiledDetector(inner, tile_width_px=100, tile_height_px=100).detect([image])
    assert found.boxes_px.tolist() == [[30, 20, 36, 26]]
    assert inner.sizes == [(80, 90, 3)]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_picture_of_exactly_one_tile_is_one_tile(share: float) -> None:
    assert tile_corners(640, 512, 640, 512, share) == [(0, 0)]
