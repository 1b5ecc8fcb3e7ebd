"""Injected biases come back, from known points and from repeated views, and what views cannot show stays open."""

import dataclasses

import numpy as np
import pytest

from geo.bias import LEAST_VIEWS, PoseRates, bias_from_known_points, bias_from_repeated_views
from geo.errors import InputError
from geo.geodesy import inverse
from geo.locate import locate, project
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Poses, PoseSigmas

CAMERA = CameraModel.from_fov(hfov_deg=60.0, width_px=1280, height_px=720)
NOISE = PoseSigmas(position_h_m=1.0, position_v_m=1.0, yaw_deg=1.0, pitch_deg=0.5, roll_deg=0.0, pixel_px=1.0)


def orbit(pose, count, frame, rng, *, radius_deg=0.003, arc_deg=360.0):
    """Return true poses around 50 N 8 E at 150 m, all with the middle in view, and their pixels of 5 targets."""
    bearing = np.radians(np.linspace(0.0, arc_deg, count, endpoint=False))
    lat, lon = 50.0 + radius_deg * np.cos(bearing), 8.0 + radius_deg * np.sin(bearing) / np.cos(np.radians(50.0))
    heading = (np.degrees(bearing) + 180.0) % 360.0
    depression = np.degrees(np.arctan(150.0 / (radius_deg * 111_229.0)))
    level = frame is not GimbalFrame.BODY
    table = Poses.of(*[
        pose(lat_deg=a, lon_deg=o, alt_hae_m=250.0, yaw_deg=0.0 if frame is GimbalFrame.EARTH else h - 40.0,
             pitch_deg=0.0 if level else 1.5, gimbal_yaw_deg=h if frame is GimbalFrame.EARTH else 40.0,
             gimbal_pitch_deg=-depression, gimbal_frame=frame)
        for a, o, h in zip(lat, lon, heading, strict=True)
    ])  # fmt: skip
    target = rng.integers(0, 5, count)
    places = np.stack([50.0 + rng.uniform(-3e-4, 3e-4, 5), 8.0 + rng.uniform(-5e-4, 5e-4, 5), np.full(5, 100.0)])
    pixels = project(poses=table, camera=CAMERA, lat_deg=places[0][target], lon_deg=places[1][target],
                     alt_hae_m=places[2][target])  # fmt: skip
    return table, target, places, pixels + rng.normal(0, 1.0, pixels.shape)


def stated(table, rng, yaw, pitch):
    """Return what the aircraft would have written: the truth, a bias, and noise."""
    name = "gimbal_yaw_deg" if table.gimbal_frame is GimbalFrame.EARTH else "yaw_deg"
    count = len(table)
    return dataclasses.replace(table, **{
        name: getattr(table, name) + yaw + rng.normal(0, NOISE.yaw_deg, count),
        "gimbal_pitch_deg": table.gimbal_pitch_deg + pitch + rng.normal(0, NOISE.pitch_deg, count),
        "lat_deg": table.lat_deg + rng.normal(0, 1.0, count) / 111_229.0,
        "lon_deg": table.lon_deg + rng.normal(0, 1.0, count) / 71_700.0,
    })  # fmt: skip


@pytest.mark.parametrize("frame", list(GimbalFrame))
@pytest.mark.parametrize("views", ["known", "repeated"])
def test_three_degrees_of_yaw_come_back_to_half_a_degree(frame, views, pose, rng):
    true, target, places, pixels = orbit(pose, 60, frame, rng)
    written = stated(true, rng, 3.0, -1.0)
    if views == "known":
        bias = bias_from_known_points(poses=written, camera=CAMERA, uv_px=pixels, lat_deg=places[0][target],
                                      lon_deg=places[1][target], alt_hae_m=places[2][target], sigmas=NOISE)  # fmt: skip
    else:
        bias = bias_from_repeated_views(poses=written, camera=CAMERA, uv_px=pixels, target=target,
                                        terrain=FlatTerrain(height_m=100.0), sigmas=NOISE)  # fmt: skip
    print(f"{frame} {views}: {bias.yaw_deg:.2f} +- {bias.sigma_yaw_deg:.2f}, {bias.pitch_deg:.2f}")
    assert bias.yaw_deg == pytest.approx(3.0, abs=0.5)
    assert bias.pitch_deg == pytest.approx(-1.0, abs=0.5)
    assert abs(bias.yaw_deg - 3.0) < 4.0 * bias.sigma_yaw_deg
    assert bias.sigma_yaw_deg < 0.5
    assert bias.views == 60


def test_taking_the_bias_off_brings_positions_back(pose, rng):
    true, target, places, pixels = orbit(pose, 60, GimbalFrame.EARTH, rng)
    written = stated(true, rng, 3.0, -1.0)
    flat = FlatTerrain(height_m=100.0)
    bias = bias_from_repeated_views(
        poses=written, camera=CAMERA, uv_px=pixels, target=target, terrain=flat, sigmas=NOISE
    )
    errors = []
    for poses in (written, bias.apply(written)):
        found = locate(poses=poses, camera=CAMERA, uv_px=pixels, terrain=flat, sigmas=NOISE)
        errors.append(np.median(inverse(places[0][target], places[1][target], found.lat_deg, found.lon_deg)[0]))
    assert errors[0] > 15.0
    assert errors[1] < 0.6 * errors[0]
    assert set(bias.record()) >= {"yaw_deg", "sigma_yaw_deg", "views", "residual_px"}


def test_a_late_clock_shows_when_rates_are_given(pose, rng):
    """Poses half a second too old, on straight legs in both directions at 20 m/s."""
    count = 40
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    true = Poses.of(*[
        pose(lat_deg=50.0 + 1e-4 * rng.normal(), lon_deg=8.0, alt_hae_m=250.0, gimbal_pitch_deg=-70.0,
             gimbal_yaw_deg=90.0 * s) for s in side
    ])  # fmt: skip
    flat = FlatTerrain(height_m=100.0)
    pixels = rng.uniform((200, 100), (1080, 620), (count, 2))
    where = locate(poses=true, camera=CAMERA, uv_px=pixels, terrain=flat, sigmas=NOISE)
    zero = np.zeros(count)
    rates = PoseRates(north_mps=20.0 * side, east_mps=zero, down_mps=zero, yaw_dps=zero, pitch_dps=zero)
    late = dataclasses.replace(true, lat_deg=true.lat_deg - 0.5 * rates.north_mps / 111_229.0)
    known = {"lat_deg": where.lat_deg, "lon_deg": where.lon_deg, "alt_hae_m": where.alt_hae_m}
    bias = bias_from_known_points(poses=late, camera=CAMERA, uv_px=pixels, sigmas=NOISE, rates=rates, **known)
    assert bias.time_s == pytest.approx(0.5, abs=0.05)
    assert bias.yaw_deg == pytest.approx(0.0, abs=0.2)
    np.testing.assert_allclose(bias.apply(late, rates).lat_deg, true.lat_deg, atol=1.0 / 111_229.0)
    with pytest.raises(ValueError, match="needs the rates"):
        bias.apply(late)


def test_one_side_only_shows_no_yaw(pose, rng):
    """From one direction, near and far alike, a yaw error moves every view of a thing together."""
    true, target, _, pixels = orbit(pose, 30, GimbalFrame.EARTH, rng, arc_deg=0.5)
    written = stated(true, rng, 3.0, 0.0)
    bias = bias_from_repeated_views(poses=written, camera=CAMERA, uv_px=pixels, target=target,
                                    terrain=FlatTerrain(height_m=100.0), sigmas=NOISE)  # fmt: skip
    assert bias.sigma_yaw_deg > 2.0


def test_wild_views_do_not_pull_the_estimate(pose, rng):
    true, target, places, pixels = orbit(pose, 60, GimbalFrame.EARTH, rng)
    pixels[::12] += 400.0
    written = stated(true, rng, 3.0, 0.0)
    bias = bias_from_known_points(poses=written, camera=CAMERA, uv_px=pixels, lat_deg=places[0][target],
                                  lon_deg=places[1][target], alt_hae_m=places[2][target], sigmas=NOISE)  # fmt: skip
    assert bias.yaw_deg == pytest.approx(3.0, abs=0.6)


def test_too_little_is_refused(pose, rng):
    true, target, places, pixels = orbit(pose, LEAST_VIEWS - 1, GimbalFrame.EARTH, rng)
    with pytest.raises(InputError, match="at least 3 views"):
        bias_from_known_points(poses=true, camera=CAMERA, uv_px=pixels, lat_deg=places[0][target],
                               lon_deg=places[1][target], alt_hae_m=places[2][target], sigmas=NOISE)  # fmt: skip
    with pytest.raises(InputError, match="seen more than once"):
        bias_from_repeated_views(poses=true, camera=CAMERA, uv_px=pixels, target=[0, 1],
                                 terrain=FlatTerrain(height_m=100.0), sigmas=NOISE)  # fmt: skip
