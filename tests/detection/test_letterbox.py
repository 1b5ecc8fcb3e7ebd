from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.letterbox import PAD_LEVEL, Letterbox
from telemetry.videos.grey import in_three_channels


@settings(deadline=None)
@given(st.integers(20, 3000), st.integers(20, 3000), st.sampled_from([(640, 512), (640, 640), (320, 96)]))
def test_corners_come_back_to_the_picture(width: int, height: int, size: tuple[int, int]) -> None:
    box = Letterbox.of(width_px=width, height_px=height, input_width_px=size[0], input_height_px=size[1])
    whole = np.array(
        [
            [
                box.left_px,
                box.top_px,
                box.left_px + width * box.scale,
                box.top_px + height * box.scale,
            ]
        ],
        dtype=np.float32,
    )
    assert np.allclose(box.back(whole), [[0, 0, width, height]], atol=0.02 * max(1.0, 1.0 / box.scale))
    assert 0 <= box.left_px <= size[0]
    assert 0 <= box.top_px <= size[1]


def test_a_bright_square_lands_where_the_geometry_says() -> None:
    image = np.zeros((100, 200, 3), dtype=np.uint8)
    image[40:60, 150:170] = (255, 128, 0)
    box = Letterbox.of(width_px=200, height_px=100, input_width_px=400, input_height_px=400)
    out = np.zeros((3, 400, 400), dtype=np.float32)
    box.fill(image, out)
    rows, columns = np.nonzero(out[0] > 0.9)
    found = box.back(np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], dtype=np.float32))
    assert np.allclose(found, [[150, 40, 170, 60]], atol=1.0)
    assert np.allclose(out[:, 0, 0], PAD_LEVEL / 255.0)
    assert np.allclose(out[:, 200, 320], [1.0, 128 / 255, 0.0], atol=0.01)


def test_a_picture_of_the_right_size_is_not_touched(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    out = np.zeros((3, 64, 96), dtype=np.float32)
    Letterbox.of(width_px=96, height_px=64, input_width_px=96, input_height_px=64).fill(image, out)
    assert np.array_equal(np.rint(out * 255.0).astype(np.uint8).transpose(1, 2, 0), image)


def test_boxes_are_cut_at_the_edge() -> None:
    box = Letterbox.of(width_px=100, height_px=50, input_width_px=100, input_height_px=50)
    assert box.back(np.array([[-5, -5, 200, 60]], dtype=np.float32)).tolist() == [[0, 0, 100, 50]]


@pytest.mark.parametrize("size", [(96, 64), (150, 100), (40, 64)])
def test_a_picture_of_one_channel_fills_the_input_with_the_same_numbers(
    size: tuple[int, int], rng: np.random.Generator
) -> None:
    channel = rng.integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    box = Letterbox.of(width_px=size[0], height_px=size[1], input_width_px=96, input_height_px=64)
    outs = [np.full((3, 64, 96), np.nan, np.float32) for _ in range(2)]
    box.fill(in_three_channels(channel), outs[0])
    box.fill(np.repeat(channel[:, :, None], 3, axis=2), outs[1])
    assert np.array_equal(*outs)
    assert np.isfinite(outs[0]).all()
