"""Several pictures looked at in one call: each gets what it gets alone, and only where that changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from detection.sheets import Tile
from detection.tiling import detect_each, detect_tiles
from detection.values import Detections


class Counting:
    """Tells of a box as wide as a picture's first pixel is bright; none of a dark one."""

    class_names = ("person",)
    input_px = (64, 48)

    def __init__(self, *, one_by_one: bool) -> None:
        self.one_by_one = one_by_one
        self.asked: list[int] = []

    def detect(self, images):
        self.asked.append(len(images))
        return [self._found(int(image[0, 0, 0])) for image in images]

    def _found(self, wide_px: int) -> Detections:
        if not wide_px:
            return Detections.none(("dark",))
        box = np.array([[1.0, 2.0, 1.0 + wide_px, 9.0]], dtype=np.float32)
        return Detections(boxes_px=box, classes=np.zeros(1, np.int64), scores=np.full(1, 0.5, np.float32))


def pictures():
    whole = (Tile(left_px=0, top_px=0, width_px=64, height_px=48),)
    halves = tuple(Tile(left_px=x, top_px=0, width_px=40, height_px=48, scale=1.0) for x in (0, 24))
    levels = (7, 0, 20, 33)
    return [
        (np.full((48, 64, 3), level, np.uint8), halves if level == 20 else () if level == 33 else whole)
        for level in levels
    ]


@pytest.mark.parametrize(("one_by_one", "asked"), [(True, [2, 2]), (False, [1, 1, 2])])
def test_whole_pictures_are_asked_for_together_by_who_looks_at_each_alone(one_by_one: bool, asked: list[int]) -> None:
    detector = Counting(one_by_one=one_by_one)
    found = detect_each(detector, pictures())
    assert detector.asked == asked
    alone = [detect_tiles(Counting(one_by_one=False), image, tiles) for image, tiles in pictures()]
    assert [len(one) for one in found] == [1, 0, 2, 0]
    for one, other in zip(found, alone, strict=True):
        assert np.array_equal(one.boxes_px, other.boxes_px)
        assert (one.problems, one.answered) == (other.problems, other.answered)
    assert found[0].boxes_px.tolist() == [[1.0, 2.0, 8.0, 9.0]]
    assert found[1].problems == ("dark",)
