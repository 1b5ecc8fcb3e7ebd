from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from geo.values import GimbalFrame
from telemetry.tracks.pose_track import PoseTrack
from telemetry.videos.clock_offset import _gray, estimate_offset, picture_motion, shift_px, track_motion
from telemetry.videos.frame import Frame

EPOCH = 1_700_000_000.0
PX_PER_DEG = 6.0


def angles(t, rng_phase=0.0):
    """Pan and tilt of a hand-flown camera, degrees: several slow swings that never repeat."""
    pan = 12 * np.sin(0.9 * t + rng_phase) + 5 * np.sin(2.3 * t + 1) + 2 * np.sin(5.1 * t)
    tilt = 6 * np.sin(0.7 * t + 2) + 2 * np.sin(3.1 * t + rng_phase)
    return pan, tilt


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(11)
    return ndimage.gaussian_filter(rng.uniform(0, 255, (500, 700)), 2.0)


def film(scene, times, noise=0.0):
    rng = np.random.default_rng(5)
    frames = []
    for index, t in enumerate(times):
        pan, tilt = angles(t)
        top, left = 190 - tilt * PX_PER_DEG, 270 + pan * PX_PER_DEG
        view = ndimage.affine_transform(scene, np.eye(2), offset=(top, left), output_shape=(120, 160), order=1)
        view = view + rng.normal(0, noise, view.shape)
        spread = np.clip((view - 100) * 4, 0, 255)
        image = np.repeat(spread[:, :, None], 3, axis=2).astype(np.uint8)
        frames.append(
            Frame(
                index=index, pts_s=Fraction(t).limit_denominator(90_000), t_utc_ns=round((EPOCH + t) * 1e9), image=image
            )
        )
    return frames


def log(times, offset_s, *, frame=GimbalFrame.EARTH, noise_deg=0.0):
    rng = np.random.default_rng(9)
    pan, tilt = angles(times)
    n = len(times)
    columns = {
        field.name: np.zeros(n)
        for field in dataclasses.fields(PoseTrack)
        if field.name not in {"t_utc_ns", "gimbal_frame", "source", "problems", "beside"}
    }
    columns["gimbal_yaw_deg"] = pan + rng.normal(0, noise_deg, n)
    columns["gimbal_pitch_deg"] = tilt + rng.normal(0, noise_deg, n)
    stamps = np.round((EPOCH + offset_s + times) * 1e9).astype(np.int64)
    return PoseTrack(t_utc_ns=stamps, gimbal_frame=frame, **columns)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, -3), (-7, 2), (1.5, 0.5)])
def test_shifts_of_a_picture_are_found(scene, right, down):
    before = _gray(np.repeat(scene[100:220, 100:228, None], 3, axis=2).astype(np.uint8))
    moved = ndimage.shift(scene, (down, right), order=1)[100:220, 100:228]
    after = _gray(np.repeat(moved[:, :, None], 3, axis=2).astype(np.uint8))
    assert shift_px(before, after) == pytest.approx((right, down), abs=0.3)


@pytest.mark.parametrize("offset_s", [0.0, 1.234, -7.77])
def test_the_offset_is_found_to_a_frame_with_an_honest_sigma(scene, offset_s):
    frame_s = 1 / 15
    frames = film(scene, np.arange(5, 25, frame_s), noise=3.0)
    found = estimate_offset(
        picture_motion(frames, by_pts=False), track_motion(log(np.arange(-20, 50, 0.05), offset_s, noise_deg=0.02))
    )
    assert found.reason == ""
    assert abs(found.offset_s - offset_s) < frame_s
    assert abs(found.offset_s - offset_s) < 4 * found.sigma_s
    assert 0.0 < found.sigma_s < frame_s
    assert found.correlation > 0.8


def test_a_clip_without_utc_is_compared_by_its_presentation_times(scene):
    frames = film(scene, np.arange(5, 20, 1 / 15))
    motion = picture_motion(frames, by_pts=True)
    found = estimate_offset(motion, track_motion(log(np.arange(0, 30, 0.05), 0.0)), near_s=EPOCH, max_offset_s=5.0)
    assert found.offset_s == pytest.approx(EPOCH, abs=1 / 15)


def test_a_camera_that_does_not_turn_has_no_offset(scene):
    frames = film(scene, np.zeros(60) + 3.0)
    frames = [dataclasses.replace(frame, t_utc_ns=round((EPOCH + k / 15) * 1e9)) for k, frame in enumerate(frames)]
    found = estimate_offset(picture_motion(frames, by_pts=False), track_motion(log(np.arange(-20, 50, 0.05), 0.0)))
    assert found.reason
    assert np.isnan(found.offset_s)


def test_motion_that_repeats_itself_is_ambiguous():
    t = np.arange(0, 40, 0.05)
    motion = track_motion(log(t, 0.0))
    wave = dataclasses.replace(motion, pan=np.sin(2 * np.pi * motion.t_s / 4), tilt=np.zeros(len(motion.t_s)))
    rows = slice(200, 500)
    part = dataclasses.replace(wave, t_s=wave.t_s[rows], pan=wave.pan[rows], tilt=wave.tilt[rows])
    assert "repeats itself" in estimate_offset(part, wave, max_offset_s=8.0).reason


def test_too_little_is_too_little(scene):
    frames = film(scene, np.arange(5, 6, 1 / 15))
    found = estimate_offset(picture_motion(frames, by_pts=False), track_motion(log(np.arange(0, 30, 0.05), 0.0)))
    assert "too few" in found.reason
