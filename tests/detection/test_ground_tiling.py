"""Tiles chosen by what a pixel covers on the ground, checked against persons projected one by one."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detection.boxes import Overlap, suppress
from detection.ground_tiling import (
    GLANCE_SHARE,
    PERSON_MIN_PX,
    GroundTiler,
    TilePlan,
    plan_tiles,
    whole_picture,
)
from detection.sheets import Tile, laid_out
from detection.tiling import detect_tiles
from detection.values import Detections
from geo.geodesy import metres_per_degree
from geo.locate import locate, project
from geo.terrain import FlatTerrain
from geo.terrain_plane import UnknownGround
from geo.values import CameraModel, GimbalFrame, Pose, Poses, PoseSigmas

if TYPE_CHECKING:
    from collections.abc import Callable


GROUND = FlatTerrain(height_m=180.0)
LARGE = CameraModel.from_fov(hfov_deg=50.0, width_px=3840, height_px=2160)
INPUT = (640, 512)


class Counting:
    """Finds one box in the middle of everything it is shown, and counts the pictures."""

    class_names = ("person",)

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []
        self.brightest: list[int] = []

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.shown += [image.shape[:2] for image in images]
        self.brightest += [int(image.max()) for image in images]
        return [
            Detections(
                boxes_px=np.array([[w / 2 - 4, h / 2 - 9, w / 2 + 4, h / 2 + 9]], np.float32),
                classes=np.zeros(1, np.int64),
                scores=np.array([0.9], np.float32),
            )
            for h, w in (image.shape[:2] for image in images)
        ]


def test_near_ground_is_shown_coarser_than_the_far_and_takes_less_of_the_input(make_pose: Callable[..., Pose]) -> None:
    plan = plan_tiles(make_pose(gimbal_pitch_deg=-25.0), LARGE, GROUND, input_px=INPUT, person_min_px=PERSON_MIN_PX)
    scales = {tile.top_px: tile.scale for tile in plan.tiles}
    from_far = [scales[top] for top in sorted(scales)]
    assert from_far == sorted(from_far, reverse=True)
    assert from_far[-1] < 0.7 * from_far[0]
    fixed = np.ceil(LARGE.width_px / 600) * np.ceil(LARGE.height_px / 480)
    assert len(laid_out(plan.tiles, INPUT)) < fixed / 2


@settings(max_examples=300, deadline=None)
@given(
    st.floats(15.0, 400.0), st.floats(-90.0, -4.0), st.floats(-20.0, 20.0), st.floats(15.0, 90.0),
    st.sampled_from([(1920, 1080), (3840, 2160), (1280, 1024), (1080, 1920)]), st.sampled_from([INPUT, (640, 640)]),
    st.integers(0, 2**32 - 1), st.booleans(),
)  # fmt: skip
@example(27.0, -87.0, 0.0, 70.0, (1080, 1920), (640, 640), 0, False)
@example(21.0, -69.0, -15.0, 41.0, (1080, 1920), (640, 512), 220, False)
@example(42.0, -82.0, -13.0, 64.0, (1920, 1080), (640, 512), 2, False)
@example(59.0, -86.0, 0.0, 70.0, (1080, 1920), (640, 640), 1, False)
@example(33.620954002615846, -80.0, 20.0, 56.92313928447715, (1920, 1080), (640, 640), 909522950, False)
@example(100.0, -76.851638500183, 14.099563852262364, 63.88172249989531, (1080, 1920), (640, 640), 3887171808, False)
@example(100.0, -45.0, 0.0, 50.0, (1920, 1080), (640, 512), 4, True)
@example(40.0, -60.0, 0.0, 50.0, (1920, 1080), (640, 512), 5, True)
def test_whoever_stands_in_range_lies_whole_in_a_tile_and_is_high_enough_there(
    above_m: float,
    pitch: float,
    roll: float,
    hfov: float,
    size: tuple[int, int],
    input_px: tuple[int, int],
    seed: int,
    glance: bool,  # noqa: FBT001 - drawn
) -> None:
    """Persons are put on the ground at random pixels and projected corner by corner.

    At a glance they are two thirds as high, and at the closer look as high as without one, or at the picture's scale.
    """
    camera = CameraModel.from_fov(hfov_deg=hfov, width_px=size[0], height_px=size[1])
    pose = Pose(
        t_utc_ns=0, lat_deg=52.0, lon_deg=23.5, alt_hae_m=180.0 + above_m, yaw_deg=40.0, pitch_deg=0.0, roll_deg=0.0,
        gimbal_pitch_deg=pitch, gimbal_roll_deg=roll, gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    plan = plan_tiles(pose, camera, GROUND, input_px=input_px, person_min_px=PERSON_MIN_PX, glance=glance)
    feet = np.random.default_rng(seed).uniform((0, plan.first_row_px), size, (40, 2))
    boxes, tall = persons_px(pose, camera, feet)
    inside = (boxes[:, :2] >= (0, plan.first_row_px)).all(axis=1) & (boxes[:, 2:] <= size).all(axis=1)
    whole_scale = min(input_px[0] / size[0], input_px[1] / size[1])
    for box, tall_px in zip(boxes[inside], tall[inside], strict=True):
        shown = [(t.scale or min(whole_scale, 1.0), t.closer) for t in plan.tiles if encloses(t, box)]
        assert shown, f"{box} lies whole in none of {plan.tiles}"
        scale, closer = max(shown, key=lambda one: one[0])
        least = PERSON_MIN_PX * (1.0 if closer is None else GLANCE_SHARE)
        assert scale > 0.999 or scale * tall_px >= 0.94 * least
        assert glance or closer is None
        assert closer is None or scale < closer <= 1.0
        assert closer is None or closer > 0.999 or closer * tall_px >= 0.94 * PERSON_MIN_PX


def encloses(tile: Tile, box: np.ndarray) -> bool:
    right, bottom = tile.left_px + tile.width_px, tile.top_px + tile.height_px
    return bool(tile.left_px <= box[0] and tile.top_px <= box[1] and box[2] <= right and box[3] <= bottom)


def persons_px(pose: Pose, camera: CameraModel, feet_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes around cylinders 1.7 m tall and 0.5 m wide that stand at pixels, and how long each is along its axis."""
    sigmas = PoseSigmas()
    at = locate(poses=pose, camera=camera, uv_px=feet_px, terrain=GROUND, sigmas=sigmas, max_range_m=50_000.0)
    north, east = (float(v) for v in metres_per_degree(52.0))
    turn, up = (grid.ravel() for grid in np.meshgrid(np.radians(np.arange(0.0, 360.0, 15.0)), (0.0, 1.7)))
    lat = at.lat_deg + 0.25 * np.cos(turn)[:, None] / north
    lon = at.lon_deg + 0.25 * np.sin(turn)[:, None] / east
    around = lat.ravel(), lon.ravel(), (at.alt_hae_m + up[:, None]).ravel()
    flat = dict(zip(("lat_deg", "lon_deg", "alt_hae_m"), around, strict=True))
    seen = np.asarray(project(poses=Poses.of(pose), camera=camera, **flat)).reshape(2, -1, len(feet_px), 2)
    axis = (seen[1] - seen[0]).mean(axis=0)
    axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
    outline = seen.reshape(-1, len(feet_px), 2)
    along = (outline * axis).sum(axis=2)
    return np.concatenate([outline.min(axis=0), outline.max(axis=0)], axis=1), along.max(axis=0) - along.min(axis=0)


@pytest.mark.parametrize(("pitch", "far"), [(-3.0, "sky"), (-8.0, "sky"), (-10.0, "ground too far")])
def test_sky_and_ground_too_far_are_shown_to_no_network(make_pose: Callable[..., Pose], pitch: float, far: str) -> None:
    """They are painted white, the ground within reach black: what the model is shown holds no white."""
    pose = make_pose(gimbal_pitch_deg=pitch, alt_hae_m=180.0 + (100.0 if far == "sky" else 500.0))
    down = np.radians(-pitch) + np.arctan((np.arange(LARGE.height_px) + 0.5 - LARGE.cy_px) / LARGE.fy_px)
    slant_m = np.divide(pose.alt_hae_m - 180.0, np.sin(down), out=np.full(len(down), np.inf), where=down > 0.0)
    image = np.zeros((LARGE.height_px, LARGE.width_px, 3), dtype=np.uint8)
    image[slant_m > 1.05 * LARGE.fy_px / 1.5] = 255
    detector = Counting()
    tiles, plan = GroundTiler(detector, GROUND).plan(image.shape, pose, LARGE)
    detect_tiles(detector, image, tiles)
    assert plan is not None
    assert plan.first_row_px > 0
    assert detector.shown
    assert max(detector.brightest) < 200
    assert len(detector.shown) < 0.8 * len(laid_out(_all_at_full_scale(), INPUT))


def _all_at_full_scale() -> list[Tile]:
    """Tiles of the input's size, side by side without overlap: what a grid looks at at the least."""
    starts = [(x, y) for y in range(0, LARGE.height_px, INPUT[1]) for x in range(0, LARGE.width_px, INPUT[0])]
    return [Tile(left_px=x, top_px=y, width_px=INPUT[0], height_px=INPUT[1], scale=1.0) for x, y in starts]


def test_a_picture_of_sky_alone_costs_nothing_and_tells_of_no_ground(make_pose: Callable[..., Pose]) -> None:
    detector, pose = Counting(), make_pose(gimbal_pitch_deg=20.0)
    image = np.zeros((LARGE.height_px, LARGE.width_px, 3), dtype=np.uint8)
    tiles, plan = GroundTiler(detector, GROUND).plan(image.shape, pose, LARGE)
    found = detect_tiles(detector, image, tiles)
    assert (len(found), found.answered, detector.shown) == (0, True, [])
    assert plan == TilePlan(tiles=(), first_row_px=LARGE.height_px)


@pytest.mark.parametrize("glance", [False, True])
def test_a_small_or_near_picture_is_one_tile(make_pose: Callable[..., Pose], *, glance: bool) -> None:
    small = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
    level = make_pose(gimbal_pitch_deg=-3.0)
    low = make_pose(gimbal_pitch_deg=-90.0, alt_hae_m=200.0)
    for pose, camera in ((level, small), (low, LARGE)):
        plan = plan_tiles(pose, camera, GROUND, input_px=INPUT, person_min_px=PERSON_MIN_PX, glance=glance)
        assert plan == whole_picture(camera.width_px, camera.height_px)


def test_who_can_glance_is_shown_less_than_half_and_may_be_told_not_to(make_pose: Callable[..., Pose]) -> None:
    """Two thirds of the height is four ninths of the area; a detector of a tiny input has no room for a closer look."""

    class Glances(Counting):
        score_min = 0.3
        height_step_px = None

        def __init__(self, input_px: tuple[int, int]) -> None:
            super().__init__()
            self.input_px = input_px

        def glance(self, images: list[np.ndarray]) -> list[Detections]:
            return self.detect(images)

    def area(detector: Counting, *, glance: bool = True) -> int:
        shape = (LARGE.height_px, LARGE.width_px, 3)
        tiles, _ = GroundTiler(detector, GROUND).plan(shape, make_pose(), LARGE, glance=glance)
        assert all((tile.closer is not None) == (tile.scale is not None and tile.scale < 1.0) for tile in tiles) or (
            {tile.closer for tile in tiles} == {None}
        )
        return sum(tile.shown_px[0] * tile.shown_px[1] for tile in tiles)

    once = area(Counting())
    assert area(Glances(INPUT), glance=False) == once
    assert 0.38 < area(Glances(INPUT)) / once < 0.52
    tiny = GroundTiler(Glances((80, 64)), GROUND)
    assert {tile.closer for tile in tiny.plan((2160, 3840, 3), make_pose(), LARGE)[0]} == {None}


def test_a_picture_that_is_nearly_fine_enough_is_glanced_at_whole(make_pose: Callable[..., Pose]) -> None:
    """From 20 m a person is high enough scaled down whole, from 35 m for a glance, from 60 m in tiles."""
    plans = [
        plan_tiles(
            make_pose(gimbal_pitch_deg=-90.0, alt_hae_m=180.0 + above_m), LARGE, GROUND, input_px=INPUT,
            person_min_px=PERSON_MIN_PX, glance=True,
        )
        for above_m in (20.0, 35.0, 60.0)
    ]  # fmt: skip
    near, further, far = (plan.tiles for plan in plans)
    assert near == whole_picture(3840, 2160).tiles
    assert further == (dataclasses.replace(near[0], closer=pytest.approx(2.0 * 640 / 3840)),)
    assert len(far) > 1


def test_ground_seen_this_second_is_passed_over(make_pose: Callable[..., Pose]) -> None:
    """Ten frames a second over slowly moving ground: every tile once a second and a rim, not ten times."""
    camera = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
    image = np.zeros((1080, 1920, 3), dtype=np.uint8)
    detector = Counting()
    tiler = GroundTiler(detector, GROUND)
    plans = []
    for k in range(20):
        pose = make_pose(t_utc_ns=make_pose().t_utc_ns + k * 100_000_000, lon_deg=23.5 + k * 1e-7)
        tiles, plan = tiler.plan(image.shape, pose, camera)
        detect_tiles(detector, image, tiles)
        plans.append(plan)
    whole = plan_tiles(make_pose(), camera, GROUND, input_px=INPUT, person_min_px=PERSON_MIN_PX)
    sheets = len(laid_out(whole.tiles, INPUT))
    assert sheets > 1
    assert 2 * sheets <= len(detector.shown) <= 6 * sheets
    assert plans[0] is not None
    assert plans[1] is None
    assert plans[10] is not None


def test_without_ground_or_pose_the_whole_picture_is_looked_at(make_pose: Callable[..., Pose]) -> None:
    image = np.zeros((1080, 1920, 3), dtype=np.uint8)
    camera = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
    for tiler, pose, least_px in (
        (GroundTiler(detector := Counting(), UnknownGround()), make_pose(), PERSON_MIN_PX),
        (GroundTiler(detector, GROUND), None, PERSON_MIN_PX),
        (GroundTiler(detector, GROUND), make_pose(), 0.0),
        (GroundTiler(detector, GROUND), dataclasses.replace(make_pose(), alt_hae_m=170.0), PERSON_MIN_PX),
    ):
        tiles, plan = tiler.plan(image.shape, pose, camera, least_px)
        assert (len(detect_tiles(detector, image, tiles)), plan) == (1, whole_picture(1920, 1080))
    assert set(detector.shown) == {(1080, 1920)}


def test_merging_a_hundred_thousand_boxes_is_quick_enough_to_not_matter() -> None:
    """Ten seconds here is fifty times what a quiet machine takes: what grows with the square would take hours."""
    rng = np.random.default_rng(4)
    corner = rng.uniform((0, 0), (3800, 2100), (100_000, 2))
    boxes = np.hstack([corner, corner + rng.uniform(6, 24, (100_000, 2))])
    start = time.process_time()
    kept = suppress(
        boxes, rng.random(100_000), np.zeros(100_000, np.int64), threshold=0.6, by=Overlap.SMALLER, most=10**6
    )
    assert time.process_time() - start < 10.0
    assert 1000 < len(kept) < 100_000
