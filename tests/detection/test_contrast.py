"""Contrasts of boxes, held against pixels counted one by one, and against what a camera's own gain does."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.contrast import FLAT_LEVELS, contrasts, with_contrast
from detection.georeference import Surroundings, place_all
from detection.looking import InProcess, Planner, looked_at
from detection.values import Detections
from geo.terrain import FlatTerrain
from telemetry.videos.frame import Frame
from telemetry.videos.grey import in_three_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BOXES = np.array([[10, 20, 18, 28], [40, 10, 56, 26]], dtype=np.float32)


def ground(spread: float = 20.0, shape: tuple[int, ...] = (65, 80), seed: int = 1) -> NDArray[np.uint8]:
    """Two things on ground that is alike around each; small enough that every pixel of it counts."""
    levels = np.random.default_rng(seed).normal(110.0, spread, shape)
    levels[:40, :28], levels[:40, 28:70] = 100.0, 130.0
    levels[20:28, 10:18] = 170.0 + 10.0 * (np.arange(8) % 3)
    levels[10:26, 40:56] = 90.0
    return np.clip(np.rint(levels), 40, 215).astype(np.uint8)


def grey(level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(level[..., None], 3, axis=2)


def wanted(bright: NDArray[np.floating]) -> list[object]:
    """Contrasts by the pixels: the ground around each is of one level."""
    spread = np.sqrt(bright.std() ** 2 + FLAT_LEVELS**2)
    more = (bright[20:28, 10:18].mean() - bright[0, 0], bright[10:26, 40:56].mean() - bright[0, 35])
    return [pytest.approx(one / spread, abs=1e-5) for one in more]


def test_a_contrast_is_the_boxs_mean_over_the_ground_around_it_in_the_pictures_spreads() -> None:
    found = contrasts(grey(ground()), BOXES)
    assert found[0] > 1.5
    assert found[1] < -0.5
    assert found.tolist() == wanted(ground())


def test_the_ground_around_begins_beyond_the_margin_and_ends_half_a_box_further() -> None:
    """A white edge about the box and a white frame about its surroundings count for nothing, what lies between does."""
    level = np.full((65, 75), 90, dtype=np.uint8)
    box = np.array([[30, 20, 42, 44]], dtype=np.float32)
    level[20:44, 30:42] = 150
    alone = contrasts(grey(level), box)[0] * np.hypot(level.std(), FLAT_LEVELS)
    assert alone == pytest.approx(60.0, abs=1e-3)
    edged = np.full_like(level, 255)
    edged[6:58, 22:50] = 90
    edged[18:46, 28:44] = 255
    edged[20:44, 30:42] = 150
    assert contrasts(grey(edged), box)[0] * np.hypot(edged.std(), FLAT_LEVELS) == pytest.approx(60.0, abs=1e-3)
    between = level.copy()
    between[6:18, 22:50] = 190
    told = contrasts(grey(between), box)[0] * np.hypot(between.std(), FLAT_LEVELS)
    assert 60.0 - 100.0 * 0.4 < told < 60.0 - 100.0 * 0.2


@pytest.mark.parametrize("side", [np.s_[6:18, 22:50], np.s_[46:58, 22:50], np.s_[6:58, 22:28], np.s_[6:58, 44:50]])
def test_each_side_of_the_ground_around_counts_alike(side: tuple[slice, slice]) -> None:
    """With its corners a side has 5 of 16 points of each edge laid around."""
    level = np.full((65, 75), 90, dtype=np.uint8)
    level[side] = 190
    told = contrasts(grey(level), np.array([[30, 20, 42, 44]], dtype=np.float32))[0]
    assert told * np.hypot(level.std(), FLAT_LEVELS) == pytest.approx(-100.0 * 5.0 / 16.0, abs=0.1)


def test_ground_half_a_box_away_counts_too() -> None:
    """The third edge laid around is a third of it."""
    level = np.full((65, 75), 90, dtype=np.uint8)
    level[6:10, 22:50] = 190
    told = contrasts(grey(level), np.array([[30, 20, 42, 44]], dtype=np.float32))[0]
    assert told * np.hypot(level.std(), FLAT_LEVELS) == pytest.approx(-100.0 * 5.0 / 48.0, abs=0.1)


def test_a_picture_in_one_channel_and_one_in_three_alike_have_the_same_contrasts_to_the_bit() -> None:
    level = ground(shape=(512, 640))
    assert contrasts(grey(level), BOXES).tobytes() == contrasts(in_three_channels(level), BOXES).tobytes()


def test_of_what_coding_leaves_of_colours_it_is_their_mean() -> None:
    level = ground()
    colour = np.stack([level + 3, level, level - 2], axis=2)
    assert contrasts(colour, BOXES).tolist() == wanted(colour.mean(axis=2))


@pytest.mark.parametrize("shape", [(65, 80), (1080, 1920)])
def test_a_colour_picture_has_none_and_heat_with_writing_over_it_has(shape: tuple[int, int]) -> None:
    """Brightness by day says nothing of warmth by night."""
    level = ground(shape=shape)
    found = Finds().detect([level])[0]
    assert with_contrast(np.stack([level, level // 2, level // 4], axis=2), found).contrast is None
    written = grey(level)
    written[: shape[0] // 16, : shape[1] // 2] = (255, 220, 0)
    assert np.isfinite(with_contrast(written, found).contrasts()).all()


def test_a_cameras_zero_says_nothing_and_its_gain_little() -> None:
    """Where a picture's levels spread by 60, half the gain is told by a sixth, and not by half."""
    level = ground(spread=60.0)
    level[40:] = np.where(level[40:] > 110, 215, 40)
    once = contrasts(grey(level), BOXES)
    assert level.std() == pytest.approx(60.0, abs=3.0)
    assert contrasts(grey(level - 40), BOXES) == pytest.approx(once, abs=1e-5)
    halved = contrasts(grey((level / 2.0 + 50.0).astype(np.uint8)), BOXES)
    assert halved / once == pytest.approx(0.84, abs=0.02)


def test_on_empty_flat_ground_noise_is_no_contrast() -> None:
    """A box that is one level brighter, where all else is alike."""
    level = np.full((65, 75), 90, dtype=np.uint8)
    level[20:28, 10:18] = 91
    assert contrasts(grey(level), BOXES)[0] == pytest.approx(1.0 / FLAT_LEVELS, rel=0.01)


def test_what_reaches_beyond_the_picture_is_told_by_its_edge() -> None:
    level = np.full((65, 75), 90, dtype=np.uint8)
    level[20:40, 65:] = 200
    boxes = np.array([[65.0, 20.0, 85.0, 40.0], [80.0, -90.0, 99.0, -60.0]], dtype=np.float32)
    cut, beyond = contrasts(grey(level), boxes).tolist()
    assert 1.0 < cut < 110.0 / FLAT_LEVELS
    assert beyond == 0.0


def test_pictures_of_any_size_cost_the_same_pixels() -> None:
    """Every 25th of a large picture's rows and columns; a small one's all."""
    large, small = (np.zeros((side, side, 3), np.uint8) for side in (1800, 60))
    large[::25, ::25] = 200
    assert contrasts(large, BOXES)[0] == 0.0
    assert contrasts(small, BOXES).tolist() == [0.0, 0.0]


class Finds:
    """Finds the two boxes in every picture."""

    class_names = ("person",)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        one = Detections(boxes_px=BOXES, classes=np.zeros(2, np.int64), scores=np.full(2, 0.9, np.float32))
        return [one for _ in images]


def test_hits_keep_the_contrast_that_was_measured_where_their_picture_was_looked_at(make_pose: Callable[..., object]):
    level = ground(shape=(512, 640))
    frame = Frame(index=0, pts_s=Fraction(0), t_utc_ns=5, image=grey(level), pose=make_pose())
    terrain = FlatTerrain(height_m=180.0)
    planner = Planner(Finds(), terrain, 0.0)
    ((_, seen),) = looked_at(planner.plan_all([frame]), InProcess(Finds()))
    hits = place_all([(frame, seen.detections)], Surroundings(terrain=terrain), class_names=("person",))
    assert hits.contrast.tolist() == contrasts(frame.image, BOXES).tolist()
    unmeasured = dataclasses.replace(seen.detections, contrast=None)
    without = place_all([(frame, unmeasured)], Surroundings(terrain=terrain), class_names=("person",))
    assert np.isnan(without.contrast).all()
    for field in dataclasses.fields(without):
        if field.name not in {"contrast", "media", "class_name", "track"}:
            assert getattr(without, field.name).tobytes() == getattr(hits, field.name).tobytes(), field.name


def test_boxes_chosen_keep_their_own_contrast() -> None:
    found = with_contrast(grey(ground()), Finds().detect([np.zeros((1, 1, 3), np.uint8)])[0])
    assert found.take(np.array([1])).contrasts() == found.contrasts()[1:]
    none = found.take(np.zeros(2, dtype=bool))
    assert with_contrast(grey(ground()), none) is none
