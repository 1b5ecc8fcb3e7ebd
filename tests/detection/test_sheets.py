"""Parts of pictures laid out on inputs: nothing lies on anything else, and what is found comes back to its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from detection.letterbox import PAD_LEVEL
from detection.sheets import GAP_PX, Sheet, Tile, laid_out, one_channel
from detection.tiling import detect_tiles
from detection.values import Detections
from telemetry.videos.grey import in_three_channels

INPUT = (64, 48)


class Bright:
    """Finds what is nearly white, by connected pixels; the larger it is in what is shown, the surer."""

    class_names = ("person",)
    input_px = INPUT

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.shown += images
        return [self._in(image) for image in images]

    def _in(self, image: np.ndarray) -> Detections:
        labelled, _ = ndimage.label(image[..., 0] > 180)
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labelled)]
        scores = [0.2 + 0.7 * (b[2] - b[0]) * (b[3] - b[1]) / image[..., 0].size for b in boxes]
        return Detections(
            boxes_px=np.array(boxes, np.float32).reshape(-1, 4),
            classes=np.zeros(len(boxes), np.int64),
            scores=np.array(scores, np.float32),
        )


tiles = st.builds(
    lambda wide, high, scale: Tile(
        left_px=0, top_px=0, width_px=max(int(wide / scale), 1), height_px=max(int(high / scale), 1), scale=scale
    ),
    st.integers(1, INPUT[0]),
    st.integers(1, INPUT[1]),
    st.floats(0.2, 1.0),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(tiles, max_size=30))
def test_every_tile_lies_on_one_sheet_by_itself(given_tiles: list[Tile]) -> None:
    """Painted one after another with the gap they leave to their right and below, none meets paint."""
    sheets = laid_out(given_tiles, INPUT)
    assert [part.tile for sheet in sheets for part in sheet.parts] == given_tiles
    for sheet in sheets:
        painted = np.zeros((INPUT[1] + GAP_PX, INPUT[0] + GAP_PX), dtype=int)
        for part in sheet.parts:
            wide, high = part.tile.shown_px
            assert part.left_px + wide <= INPUT[0]
            assert part.top_px + high <= INPUT[1]
            painted[part.top_px : part.top_px + high + GAP_PX, part.left_px : part.left_px + wide + GAP_PX] += 1
        assert painted.max() == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(tiles, min_size=1, max_size=12), st.sampled_from([1, 7, 16, 32]))
def test_a_sheet_that_ends_with_its_parts_shows_all_of_them_and_no_rows_of_grey_but_the_last_few(
    given_tiles: list[Tile], step_px: int
) -> None:
    """Drawn from a picture without that grey, against the sheet drawn whole."""
    image = np.full((300, 400, 3), 250, dtype=np.uint8)
    for sheet in laid_out(given_tiles, INPUT):
        ended = sheet.ended(step_px)
        whole, drawn = sheet.drawn(image), ended.drawn(image)
        assert len(drawn) % step_px == 0 or len(drawn) == INPUT[1]
        assert (whole[: len(drawn)] == drawn).all()
        assert (whole[len(drawn) :] == PAD_LEVEL).all()
        assert len(drawn) < step_px or (drawn[len(drawn) - step_px :] != PAD_LEVEL).any()


def test_strips_of_far_ground_share_a_sheet_with_what_is_left_of_near_ground() -> None:
    near = Tile(left_px=0, top_px=40, width_px=80, height_px=40, scale=0.5)
    far = Tile(left_px=0, top_px=0, width_px=64, height_px=20, scale=1.0)
    assert len(laid_out([near, far], INPUT)) == 1
    assert len(laid_out([near, far, far], INPUT)) == 2
    assert laid_out([], INPUT) == []


def test_a_tile_without_a_scale_is_shown_alone_as_it_is() -> None:
    image = np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3)
    tile = Tile(left_px=5, top_px=3, width_px=20, height_px=10)
    (sheet,) = laid_out([tile], INPUT)
    assert isinstance(sheet, Sheet)
    assert (sheet.drawn(image) == image[3:13, 5:25]).all()


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.6])
def test_what_is_found_comes_back_to_where_it_is_in_the_picture(scale: float) -> None:
    """Nine bright squares in nine tiles of one scale: found on few sheets, at their own places."""
    image = np.zeros((90, 150, 3), dtype=np.uint8)
    corners = [(x, y) for y in (0, 30, 60) for x in (0, 50, 100)]
    parts = [Tile(left_px=x, top_px=y, width_px=50, height_px=30, scale=scale) for x, y in corners]
    things = np.array([(x + 10, y + 8, x + 26, y + 20) for x, y in corners])
    for x0, y0, x1, y1 in things:
        image[y0:y1, x0:x1] = 255
    detector = Bright()
    found = detect_tiles(detector, image, parts)
    assert len(detector.shown) < len(parts) or scale == 1.0
    assert all(sheet.shape == (INPUT[1], INPUT[0], 3) for sheet in detector.shown)
    placed = found.boxes_px[np.lexsort((found.boxes_px[:, 0], np.round(found.boxes_px[:, 1] / 30.0)))]
    assert np.abs(placed - things).max() <= 1.01 / scale
    if scale == 1.0:
        assert (placed == things).all()


def test_grey_lies_between_parts() -> None:
    image = np.full((20, 40, 3), 255, dtype=np.uint8)
    parts = [Tile(left_px=x, top_px=0, width_px=20, height_px=20, scale=1.0) for x in (0, 20)]
    (sheet,) = laid_out(parts, INPUT)
    drawn = sheet.drawn(image)
    assert (drawn[:20, 20 : 20 + GAP_PX] == PAD_LEVEL).all()
    assert (drawn[:20, 20 + GAP_PX : 40 + GAP_PX] == 255).all()


def test_of_a_thing_cut_by_a_tiles_edge_and_whole_in_another_the_whole_box_is_kept() -> None:
    """The cut piece is surer here: it is shown at twice the scale."""
    image = np.zeros((48, 100, 3), dtype=np.uint8)
    image[10:40, 40:60] = 255
    cut = Tile(left_px=0, top_px=0, width_px=52, height_px=48, scale=1.0)
    whole = Tile(left_px=30, top_px=0, width_px=70, height_px=48, scale=0.5)
    detector = Bright()
    found = detect_tiles(detector, image, (cut, whole))
    assert len(found) == 1
    assert np.abs(found.boxes_px[0] - (40, 10, 60, 40)).max() <= 2.0
    (alone,) = detect_tiles(detector, image, (cut,)).boxes_px
    assert alone.tolist() == [40, 10, 52, 40]
    surer = [detector.detect([sheet.drawn(image)])[0].scores.max() for sheet in laid_out([cut, whole], INPUT)]
    assert surer[0] > surer[1]


def test_a_box_at_the_edge_of_the_picture_itself_is_not_taken_for_cut() -> None:
    """A thing at the picture's left edge is whole in one tile, and cut by the right edge of another that is surer."""
    image = np.zeros((48, 100, 3), dtype=np.uint8)
    image[10:40, 0:20] = 255
    cut = Tile(left_px=0, top_px=0, width_px=16, height_px=48, scale=1.0)
    whole = Tile(left_px=0, top_px=0, width_px=100, height_px=48, scale=0.5)
    (box,) = detect_tiles(Bright(), image, (cut, whole)).boxes_px
    assert np.abs(box - (0, 10, 20, 40)).max() <= 2.0


def test_an_infrared_picture_is_drawn_from_one_of_its_channels_to_the_same_bits() -> None:
    grey = np.random.default_rng(3).integers(0, 255, (90, 150), dtype=np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2)
    for held in (image, in_three_channels(grey)):
        assert one_channel(held).ndim == 2
        for scale in (1.0, 0.6):
            tile = Tile(left_px=7, top_px=11, width_px=60, height_px=40, scale=scale)
            (sheet,) = laid_out([tile], INPUT)
            assert (sheet.drawn(one_channel(held)) == sheet.drawn(image)).all()
    alone = Tile(left_px=7, top_px=11, width_px=60, height_px=40)
    for held in (grey, in_three_channels(grey)):
        assert (laid_out([alone], INPUT)[0].drawn(held) == image[11:51, 7:67]).all()


def test_one_pixel_in_colour_makes_a_picture_one_in_colour() -> None:
    for row, channel in ((0, 1), (63, 1), (88, 2)):
        image = np.full((90, 150, 3), 90, dtype=np.uint8)
        image[row, 149, channel] = 91
        assert one_channel(image) is image
