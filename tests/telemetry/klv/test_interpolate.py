from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pyproj import Transformer
from scipy.spatial.transform import Rotation, Slerp

from geo.values import GimbalFrame, Pose, Unplaced
from telemetry.tracks.pose_track import PoseTrack

START = 1_700_000_000_000_000_000


def make_track(times_s, rng=None, **columns):
    n = len(times_s)
    defaults = {
        field.name: np.zeros(n)
        for field in dataclasses.fields(PoseTrack)
        if field.name not in {"t_utc_ns", "gimbal_frame", "source", "problems", "beside"}
    }
    if rng is not None:
        for name in ("yaw_deg", "gimbal_yaw_deg"):
            defaults[name] = rng.uniform(-180, 180, n)
        for name in ("pitch_deg", "roll_deg", "gimbal_pitch_deg", "gimbal_roll_deg"):
            defaults[name] = rng.uniform(-80, 80, n)
        defaults["lat_deg"] = 50 + rng.uniform(-0.001, 0.001, n)
        defaults["lon_deg"] = 8 + rng.uniform(-0.001, 0.001, n)
        defaults["alt_hae_m"] = rng.uniform(100, 200, n)
    times = START + np.round(np.asarray(times_s, dtype=float) * 1e9).astype(np.int64)
    return PoseTrack(t_utc_ns=times, **{**defaults, **columns})


def test_attitude_follows_scipys_slerp(rng):
    times = np.arange(0, 20, 0.25)
    track = make_track(times, rng)
    asked = rng.uniform(0, 19.75, 500)
    poses, whole = track.at(START + (asked * 1e9).astype(np.int64))
    assert whole.all()
    for prefix in ("", "gimbal_"):
        names = [f"{prefix}{axis}_deg" for axis in ("yaw", "pitch", "roll")]
        knots = Rotation.from_euler("ZYX", np.stack([getattr(track, name) for name in names], 1), degrees=True)
        ours = Rotation.from_euler("ZYX", np.stack([getattr(poses, name) for name in names], 1), degrees=True)
        off = (Slerp(times, knots)(asked).inv() * ours).magnitude()
        assert np.degrees(off).max() < 1e-4


def test_position_follows_the_chord_in_ecef(rng):
    times = np.arange(0, 10, 1.0)
    track = make_track(times, rng)
    asked = rng.uniform(0, 9, 200)
    poses, _ = track.at(START + (asked * 1e9).astype(np.int64), max_attitude_gap_s=2.0)
    to_ecef = Transformer.from_crs(4979, 4978, always_xy=True)
    knots = np.stack(to_ecef.transform(track.lon_deg, track.lat_deg, track.alt_hae_m), 1)
    expected = np.stack([np.interp(asked, times, knots[:, k]) for k in range(3)], 1)
    ours = np.stack(to_ecef.transform(poses.lon_deg, poses.lat_deg, poses.alt_hae_m), 1)
    assert np.linalg.norm(ours - expected, axis=1).max() < 1e-3


@pytest.mark.parametrize(
    ("gap_s", "position", "attitude"), [(0.5, True, True), (0.6, True, False), (1.0, True, False), (1.1, False, False)]
)
def test_gaps_are_refused_attitude_first(gap_s, position, attitude):
    poses, whole = make_track([0, gap_s]).at([START + int(gap_s / 2 * 1e9)])
    assert bool(np.isfinite(poses.lat_deg[0])) is position
    assert bool(np.isfinite(poses.yaw_deg[0])) is attitude
    assert bool(whole[0]) is attitude


@pytest.mark.parametrize(("t_s", "good"), [(-0.11, False), (-0.09, True), (5.0, True), (5.09, True), (5.2, False)])
def test_a_sample_stands_for_a_tenth_of_a_second_beyond_the_ends(t_s, good):
    track = make_track([0, 5.0], lat_deg=np.array([10.0, 20.0]))
    pose = track.pose_at(START + round(t_s * 1e9))
    assert isinstance(pose, Pose) is good
    if good:
        assert pose.lat_deg == pytest.approx(10.0 if t_s < 2 else 20.0)
    else:
        assert pose is Unplaced.NO_POSE


def test_yaw_takes_the_short_way_through_north():
    track = make_track([0, 0.4], yaw_deg=np.array([350.0, 10.0]))
    poses, _ = track.at([START + 200_000_000])
    assert poses.yaw_deg[0] == pytest.approx(0.0, abs=1e-9)


def test_the_antimeridian_is_no_place_to_turn_round():
    track = make_track([0, 0.4], lon_deg=np.array([179.999, -179.999]))
    poses, _ = track.at([START + 200_000_000])
    assert abs(poses.lon_deg[0]) == pytest.approx(180.0, abs=1e-9)


def test_missing_angles_make_a_pose_unusable_only_where_they_matter():
    nan = np.full(2, np.nan)
    body = make_track([0, 0.1], roll_deg=nan)
    earth = make_track([0, 0.1], roll_deg=nan, yaw_deg=nan, gimbal_frame=GimbalFrame.EARTH)
    blind = make_track([0, 0.1], gimbal_pitch_deg=nan)
    assert [bool(track.at([START])[1][0]) for track in (body, earth, blind)] == [False, True, False]


def test_no_samples_no_poses():
    poses, whole = make_track([]).at([START, START + 1])
    assert not whole.any()
    assert np.isnan(poses.lat_deg).all()


def test_a_single_sample_answers_for_its_own_moment():
    track = make_track([0.0], lat_deg=np.array([12.0]))
    assert track.pose_at(START).lat_deg == pytest.approx(12.0)
    assert track.pose_at(START + 10**9) is Unplaced.NO_POSE


def test_field_of_view_survives_samples_that_lack_it():
    track = make_track([0, 0.2, 0.4], hfov_deg=np.array([40.0, np.nan, 20.0]))
    poses, _ = track.at([START, START + 80_000_000, START + 320_000_000])
    np.testing.assert_allclose(poses.hfov_deg, [40.0, 40.0, 20.0])


def test_many_moments_in_one_call(rng):
    track = make_track(np.arange(0, 100, 0.1), rng)
    moments = START + rng.integers(0, 99 * 10**9, 100_000)
    _, whole = track.at(moments)
    assert whole.all()
