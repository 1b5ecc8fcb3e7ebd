from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from geo.terrain import FlatTerrain
from geo.values import GimbalFrame, Pose
from telemetry.videos.frame import Frame
from telemetry.videos.video_file import read_video
from telemetry.videos.video_overlap import OverlapFilter

GROUND = FlatTerrain(height_m=0.0)
M_PER_DEG_LAT = 111_229.0  # at 50 N, WGS 84


def frame(*, north_m=0.0, yaw_deg=0.0, pitch_deg=-90.0, hfov_deg=60.0, posed=True):
    pose = Pose(
        t_utc_ns=0, lat_deg=50.0 + north_m / M_PER_DEG_LAT, lon_deg=8.0, alt_hae_m=100.0, yaw_deg=0.0, pitch_deg=0.0,
        roll_deg=0.0, gimbal_yaw_deg=yaw_deg, gimbal_pitch_deg=pitch_deg, gimbal_frame=GimbalFrame.EARTH,
        hfov_deg=hfov_deg,
    )  # fmt: skip
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    return Frame(index=0, pts_s=Fraction(0), t_utc_ns=0, image=image, pose=pose if posed else None)


def test_a_hover_gives_one_frame():
    sampler = OverlapFilter(GROUND, 0.8)
    assert [sampler.wants(frame()) for _ in range(5)] == [True, False, False, False, False]


@pytest.mark.parametrize("max_overlap", [0.2, 0.5, 0.8])
def test_flight_ahead_is_sampled_at_the_share_asked_for(max_overlap):
    sampler = OverlapFilter(GROUND, max_overlap)
    side_m = 2 * 100.0 * np.tan(np.radians(30.0))
    kept = [north for north in range(0, 500, 2) if sampler.wants(frame(north_m=north))]
    step_m = np.diff(kept).mean()
    assert step_m == pytest.approx(side_m * (1 - max_overlap), abs=side_m / 7 + 1)


@pytest.mark.parametrize("change", [{"hfov_deg": 20.0}, {"hfov_deg": 120.0}, {"pitch_deg": -40.0}])
def test_zooming_and_looking_elsewhere_count_as_new_ground(change):
    sampler = OverlapFilter(GROUND, 0.6)
    assert sampler.wants(frame())
    assert sampler.wants(frame(**change))


def test_frames_that_cannot_be_placed_pass():
    sampler = OverlapFilter(GROUND, 0.8)
    assert sampler.wants(frame(posed=False))
    assert sampler.wants(frame(pitch_deg=60.0))
    assert sampler.wants(frame(pitch_deg=60.0))


def test_a_clip_is_sampled_while_it_is_read(clip):
    with read_video(clip.path, overlap=OverlapFilter(GROUND, 0.9)) as reader:
        kept = [frame.index for frame in reader.frames()]
    assert kept[0] == 0
    assert 2 <= len(kept) < 24  # the yaw turns by 23 degrees over the clip
