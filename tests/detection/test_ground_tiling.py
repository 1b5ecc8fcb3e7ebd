"""Tiles chosen by what a pixel covers on the ground, checked against persons projected one by one."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.boxes import Overlap, suppress
from detection.ground_tiling import PERSON_MIN_PX, GroundTiler, plan_tiles, whole_picture
from detection.tiling import detect_tiles
from detection.values import Detections
from geo.locate import locate, project
from geo.terrain import FlatTerrain
from geo.terrain_plane import UnknownGround
from geo.values import CameraModel, Poses, PoseSigmas

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.values import Pose

GROUND = FlatTerrain(height_m=180.0)
LARGE = CameraModel.from_fov(hfov_deg=50.0, width_px=3840, height_px=2160)
INPUT = (640, 512)


class Counting:
    """Finds one box in the middle of everything it is shown, and counts the pictures."""

    class_names = ("person",)

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.shown += [image.shape[:2] for image in images]
        return [
            Detections(
                boxes_px=np.array([[w / 2 - 4, h / 2 - 9, w / 2 + 4, h / 2 + 9]], np.float32),
                classes=np.zeros(1, np.int64),
                scores=np.array([0.9], np.float32),
            )
            for h, w in (image.shape[:2] for image in images)
        ]


def person_px(pose: Pose, camera: CameraModel, uv: tuple[float, float]) -> float:
    """Pixels from the feet to the head of somebody 1.7 m tall who stands at a pixel; NaN where there is no ground."""
    at = locate(
        poses=pose, camera=camera, uv_px=np.array([uv]), terrain=GROUND, sigmas=PoseSigmas(), max_range_m=50_000.0
    )
    ends = [
        project(
            poses=Poses.of(pose), camera=camera, lat_deg=at.lat_deg, lon_deg=at.lon_deg, alt_hae_m=at.alt_hae_m + up
        )
        for up in (0.0, 1.7)
    ]
    return float(np.linalg.norm(ends[1] - ends[0]))


@pytest.mark.parametrize(("pitch", "roll"), [(-45.0, 0.0), (-25.0, 0.0), (-15.0, 4.0)])
def test_a_person_is_high_enough_in_every_tile_or_the_tile_is_at_full_scale(
    make_pose: Callable[..., Pose], pitch: float, roll: float
) -> None:
    pose = make_pose(gimbal_pitch_deg=pitch, gimbal_roll_deg=roll)
    plan = plan_tiles(pose, LARGE, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX)
    assert len(plan.tiles) > 1
    covered = np.zeros((LARGE.height_px, LARGE.width_px), dtype=bool)
    for tile in plan.tiles:
        covered[tile.top_px : tile.top_px + tile.height_px, tile.left_px : tile.left_px + tile.width_px] = True
        scale = min(INPUT[0] / tile.width_px, INPUT[1] / tile.height_px, 1.0)
        top = person_px(pose, LARGE, (tile.left_px + tile.width_px / 2, tile.top_px + 0.5))
        assert scale == pytest.approx(1.0, abs=0.01) or top * scale > 0.85 * PERSON_MIN_PX
    assert covered[plan.first_row_px :].all()
    assert not covered[: max(plan.first_row_px - 1, 0)].any()


def test_near_ground_takes_fewer_and_larger_tiles_than_the_far(make_pose: Callable[..., Pose]) -> None:
    plan = plan_tiles(make_pose(gimbal_pitch_deg=-25.0), LARGE, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX)
    tops = sorted({tile.top_px for tile in plan.tiles})
    widths = [next(tile.width_px for tile in plan.tiles if tile.top_px == top) for top in tops]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0]
    fixed = np.ceil(LARGE.width_px / 600) * np.ceil(LARGE.height_px / 480)
    assert len(plan.tiles) < fixed


def test_sky_is_not_looked_at_and_a_small_or_near_picture_is_one_tile(make_pose: Callable[..., Pose]) -> None:
    level = make_pose(gimbal_pitch_deg=-3.0)
    plan = plan_tiles(level, LARGE, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX)
    horizon = LARGE.cy_px - LARGE.fy_px * np.tan(np.radians(3.0))
    assert plan.first_row_px > horizon
    small = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
    assert plan_tiles(level, small, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX) == whole_picture(640, 512)
    low = make_pose(gimbal_pitch_deg=-90.0, alt_hae_m=200.0)
    assert plan_tiles(low, LARGE, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX) == whole_picture(3840, 2160)


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
    whole = len(plan_tiles(make_pose(), camera, 180.0, input_px=INPUT, person_min_px=PERSON_MIN_PX).tiles)
    assert whole > 1
    assert 2 * whole <= len(detector.shown) <= 6 * whole
    assert plans[0] is not None
    assert plans[1] is None
    assert plans[10] is not None


def test_without_ground_or_pose_the_whole_picture_is_looked_at(make_pose: Callable[..., Pose]) -> None:
    image = np.zeros((1080, 1920, 3), dtype=np.uint8)
    camera = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
    for tiler, pose in (
        (GroundTiler(detector := Counting(), UnknownGround()), make_pose()),
        (GroundTiler(detector, GROUND), None),
        (GroundTiler(detector, GROUND, 0.0), make_pose()),
        (GroundTiler(detector, GROUND), dataclasses.replace(make_pose(), alt_hae_m=170.0)),
    ):
        tiles, plan = tiler.plan(image.shape, pose, camera)
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
