"""Simulated flights whose cameras are mounted wrongly by a known amount."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from geo.calibration import Sightings, boresight_matrix, calibrate
from geo.errors import InputError
from geo.locate import project
from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from geo.values import CameraModel, GimbalFrame, Poses

CAMERA = CameraModel.from_fov(hfov_deg=45.0, width_px=1280, height_px=720)
MARKS = np.array([[50.0, 8.0], [50.0007, 8.0002], [50.0003, 8.0012], [49.9995, 8.0009], [50.0010, 8.0010]])
ALT_M = 120.0


def flight(rng, *, truth=(0.0, 0.0, 0.0), lens=CAMERA, noise_deg=0.0, noise_px=0.5, count=400, marks=MARKS):
    """Circle five marks at two heights, looking at each in turn; return the sightings a person would click."""
    turns = np.linspace(0.0, 4.0 * np.pi, count)
    mark = np.arange(count) % len(marks)
    lat = 50.0003 + 0.0022 * np.cos(turns)
    lon = 8.0006 + 0.0034 * np.sin(turns)
    alt = ALT_M + np.where(turns < 2.0 * np.pi, 150.0, 220.0)
    north, east = (marks[mark, 0] - lat) * 111_229.0, (marks[mark, 1] - lon) * 71_697.0
    yaw = np.degrees(np.arctan2(east, north)) + rng.uniform(-14.0, 14.0, count)
    pitch = -np.degrees(np.arctan2(alt - ALT_M, np.hypot(north, east))) + rng.uniform(-7.0, 7.0, count)
    zero = np.zeros(count)
    stated = {"yaw_deg": zero, "pitch_deg": zero, "roll_deg": zero, "gimbal_roll_deg": zero}
    stated |= {"gimbal_yaw_deg": yaw, "gimbal_pitch_deg": pitch, "hfov_deg": zero + 45.0, "vfov_deg": zero + np.nan}
    place = {"t_utc_ns": np.arange(count), "lat_deg": lat, "lon_deg": lon, "alt_hae_m": alt}
    poses = Poses(gimbal_frame=GimbalFrame.EARTH, **place, **stated)
    drawn = [angle + rng.normal(0.0, noise_deg, count) for angle in (yaw, pitch, zero)]
    true = yaw_pitch_roll_matrix(*drawn) @ boresight_matrix(*truth)
    names = ("gimbal_yaw_deg", "gimbal_pitch_deg", "gimbal_roll_deg")
    real = dataclasses.replace(poses, **dict(zip(names, matrix_to_yaw_pitch_roll(true), strict=True)))
    where = {"lat_deg": marks[mark, 0], "lon_deg": marks[mark, 1], "alt_hae_m": np.full(count, ALT_M)}
    uv = project(poses=real, camera=lens, **where) + rng.normal(0.0, noise_px, (count, 2))
    inside = (uv > 0).all(axis=1) & (uv[:, 0] < 1280) & (uv[:, 1] < 720)
    rows = np.flatnonzero(inside)
    columns = {f.name: getattr(poses, f.name) for f in dataclasses.fields(poses)}
    kept = {name: value[rows] for name, value in columns.items() if name != "gimbal_frame"}
    return Sightings(
        poses=Poses(gimbal_frame=GimbalFrame.EARTH, **kept), uv_px=uv[rows], **{n: v[rows] for n, v in where.items()}
    )


def test_a_mount_error_of_one_and_a_half_degrees_is_found_to_a_tenth(rng):
    seen = flight(rng, truth=(1.5, -0.8, 0.6), noise_deg=0.3)
    found = calibrate(seen, CAMERA)
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx((1.5, -0.8), abs=0.1)
    assert found.roll_deg == pytest.approx(0.6, abs=0.2)
    assert found.ce90_after_m < found.ce90_before_m / 2
    assert (found.points, found.sightings) == (5, len(seen))


def test_the_focal_length_and_the_distortion_are_found(rng):
    lens = dataclasses.replace(CAMERA, fx_px=CAMERA.fx_px * 1.03, fy_px=CAMERA.fy_px * 1.03, k1=-0.12)
    found = calibrate(flight(rng, truth=(0.4, 0.2, 0.0), lens=lens), CAMERA)
    assert found.camera.fx_px / lens.fx_px == pytest.approx(1.0, abs=0.003)
    assert found.camera.k1 == pytest.approx(-0.12, abs=0.02)


def test_a_lens_without_distortion_is_given_none(rng):
    found = calibrate(flight(rng), CAMERA)
    assert found.camera.k1 == 0.0
    assert found.sigmas["k1"] == 0.0
    assert abs(found.yaw_deg) < 4 * found.sigmas["yaw_deg"]


def test_errors_are_as_large_as_their_covariance_says():
    truth = (1.5, -0.8, 0.6)
    scores = []
    for seed in range(12):
        found = calibrate(flight(np.random.default_rng(seed), truth=truth, noise_deg=0.3, count=160), CAMERA)
        errors = np.array([found.yaw_deg, found.pitch_deg, found.roll_deg]) - truth
        scores.append(errors / [found.sigmas[name] for name in ("yaw_deg", "pitch_deg", "roll_deg")])
    assert 0.6 < float(np.sqrt(np.mean(np.square(scores)))) < 1.6


def test_a_wrong_click_counts_little(rng):
    seen = flight(rng, truth=(1.5, 0.0, 0.0))
    spoiled = seen.uv_px.copy()
    spoiled[::25] += 300.0
    found = calibrate(dataclasses.replace(seen, uv_px=spoiled), CAMERA)
    assert found.yaw_deg == pytest.approx(1.5, abs=0.1)


def test_a_mark_whose_place_is_wrong_is_left_out_and_named(rng):
    """One mark of five, 55 m aside: what the other four say is found as without it."""
    seen = flight(rng, truth=(1.5, -0.7, 0.4), noise_deg=0.1)
    wrong = (np.stack([seen.lat_deg, seen.lon_deg], axis=1) == MARKS[1]).all(axis=1)
    found = calibrate(dataclasses.replace(seen, lat_deg=seen.lat_deg + 0.0005 * wrong), CAMERA)
    assert found.unfit == tuple(np.flatnonzero(wrong))
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((1.5, -0.7, 0.4), abs=0.1)
    assert found.camera.fx_px == pytest.approx(CAMERA.fx_px, rel=0.005)
    assert found.ce90_after_m < 3.0
    assert found.residual_px < 6.0


def test_nothing_is_left_out_of_a_flight_whose_poses_scatter(rng):
    assert calibrate(flight(rng, truth=(1.5, -0.8, 0.6), noise_deg=0.3), CAMERA).unfit == ()


def spoilt(seen, kind, rng):
    pixels = {
        "pixels drawn at random": rng.uniform((0, 0), (1280, 720), seen.uv_px.shape),
        "v counts from the bottom": seen.uv_px * (1, -1) + (0, 720),
        "times shifted by a mark": np.roll(seen.uv_px, 1, axis=0),
    }
    if kind in pixels:
        return dataclasses.replace(seen, uv_px=pixels[kind])
    if kind == "a degree north":
        return dataclasses.replace(seen, lat_deg=seen.lat_deg + 1.0)
    return dataclasses.replace(seen, lat_deg=seen.lon_deg, lon_deg=seen.lat_deg)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pixels drawn at random", "no camera sees these points"),
        ("v counts from the bottom", "counts from the top"),
        ("times shifted by a mark", "media_s, u_px and v_px belong together"),
        ("a degree north", "11... m away"),
        ("latitude and longitude exchanged", "check their latitude and longitude"),
    ],
)
def test_sightings_that_do_not_belong_together_give_no_camera(rng, kind, words):
    with pytest.raises(InputError, match=words):
        calibrate(spoilt(flight(rng, truth=(1.5, 0.0, 0.0)), kind, rng), CAMERA)


def test_marks_on_one_line_tell_it_too(rng):
    """Five points of one straight line, from all sides: nothing of the camera hides in it."""
    along = MARKS[0] + np.arange(len(MARKS))[:, None] * (0.0003, 0.0002)
    found = calibrate(flight(rng, truth=(1.5, -0.7, 0.4), noise_deg=0.1, marks=along), CAMERA)
    assert (found.yaw_deg, found.pitch_deg) == pytest.approx((1.5, -0.7), abs=0.1)
    assert found.roll_deg == pytest.approx(0.4, abs=0.2)


def test_too_few_points_are_refused(rng):
    seen = flight(rng)
    few = np.isin(np.round(seen.lat_deg, 4), np.round(MARKS[:3, 0], 4))
    poses = seen.poses
    columns = {f.name: getattr(poses, f.name) for f in dataclasses.fields(poses) if f.name != "gimbal_frame"}
    kept = Poses(gimbal_frame=poses.gimbal_frame, **{name: value[few] for name, value in columns.items()})
    part = Sightings(
        poses=kept,
        uv_px=seen.uv_px[few],
        lat_deg=seen.lat_deg[few],
        lon_deg=seen.lon_deg[few],
        alt_hae_m=seen.alt_hae_m[few],
    )
    with pytest.raises(InputError, match="3 points"):
        calibrate(part, CAMERA)


def four_marks(count, marks=4):
    """Return eight or fewer sightings of four or fewer marks, as they are in a flight without errors of any kind."""
    whole = flight(np.random.default_rng(3), noise_px=0.0, count=160)
    seen_of = {tuple(mark): np.flatnonzero((np.stack([whole.lat_deg, whole.lon_deg], axis=1) == mark).all(axis=1))
               for mark in MARKS[:marks]}  # fmt: skip
    rows = np.array([rows[9 * turn] for turn in range(-(-count // marks)) for rows in seen_of.values()][:count])
    columns = {f.name: getattr(whole.poses, f.name) for f in dataclasses.fields(whole.poses)}
    poses = Poses(**{name: value if name == "gimbal_frame" else value[rows] for name, value in columns.items()})
    return Sightings(
        poses=poses, uv_px=whole.uv_px[rows], lat_deg=whole.lat_deg[rows], lon_deg=whole.lon_deg[rows],
        alt_hae_m=whole.alt_hae_m[rows],
    )  # fmt: skip


def test_four_points_and_eight_sightings_are_enough():
    found = calibrate(four_marks(8), CAMERA)
    assert (found.points, found.sightings) == (4, 8)
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)


@pytest.mark.parametrize(("count", "marks"), [(7, 4), (9, 3)])
def test_fewer_points_or_sightings_are_refused_with_their_numbers(count, marks):
    with pytest.raises(InputError, match=f"there are {marks} points and {count} sightings"):
        calibrate(four_marks(count, marks), CAMERA)
