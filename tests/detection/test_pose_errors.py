"""Errors of a flight's poses from the ground: the equations against brute force, the gain against the truth."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.looks import Look, Looks, Shift
from detection.pose_errors import find_pose_errors, settled
from detection.pose_smoothing import COMMON_SHARE, PARTS, WINDOW_S, Compared, smooth, smooth_whole
from detection.scoring import InView, ground_errors, match
from geo.geodesy import geodetic_to_enu, metres_per_degree
from geo.locate import locate
from geo.terrain import FlatTerrain
from geo.terrain_plane import UnknownGround
from geo.values import CameraModel, GimbalFrame, PoseSigmas
from sitl.films.patrol_flight import PatrolShape, SeenPatrol
from sitl.films.seen_patrol import seen_patrol

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.values import Pose

CAMERA = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
GROUND = FlatTerrain(height_m=180.0)
SHAPE = PatrolShape(seconds=240.0, fps=Fraction(1), line_m=3000.0, groups_per_km=8.0, vehicles_per_km=4.0)


@pytest.fixture(scope="module")
def patrols() -> list[SeenPatrol]:
    return [seen_patrol(seed, SHAPE) for seed in (301, 302, 303)]


def test_smoothing_is_conditioning_a_normal_distribution() -> None:
    """All errors of all pictures, and the comparisons' own, as one normal vector; conditioned in one go."""
    n, k, rng = 7, 3, np.random.default_rng(4)
    t_s = np.cumsum(rng.uniform(0.3, 3.0, n))
    now, before = rng.normal(0.0, 3.0, (n, 2, k)), rng.normal(0.0, 3.0, (n, 2, k))
    known = np.array([False, True, True, False, True, True, True])
    shift, sigma = rng.normal(0.0, 2.0, (n, 2)), rng.uniform(0.1, 0.4, n)
    found = smooth_whole(Compared(t_s=t_s, known=known, shift_m=shift, sigma_m=sigma, now_m=now, before_m=before))
    apart_s = np.abs(t_s[:, None] - t_s)
    in_time = sum(share * np.exp(-apart_s / time_s) for share, time_s in PARTS)
    prior = np.kron(in_time, np.eye(k))
    design = np.zeros((2 * n, n * k))
    for row in range(1, n):
        design[2 * row : 2 * row + 2, row * k : row * k + k] = now[row]
        design[2 * row : 2 * row + 2, row * k - k : row * k] = -before[row]
    own = np.repeat(sigma, 2)
    noise = np.diag(own**2) + COMMON_SHARE**2 * np.outer(own, own) * np.kron(np.ones((n, n)), np.eye(2))
    rows = np.repeat(known, 2)
    h, r = design[rows], noise[np.ix_(rows, rows)]
    gain = prior @ h.T @ np.linalg.inv(h @ prior @ h.T + r)
    cov = prior - gain @ h @ prior
    np.testing.assert_allclose(found.mean.ravel(), gain @ shift.ravel()[rows], atol=1e-8)
    seen = shift.ravel()[rows]
    assert found.misfit == pytest.approx(seen @ np.linalg.inv(h @ prior @ h.T + r) @ seen / len(seen))
    for row in range(n):
        np.testing.assert_allclose(found.cov[row], cov[row * k : row * k + k, row * k : row * k + k], atol=1e-8)


def test_a_long_flight_is_solved_in_overlapping_windows_without_a_step() -> None:
    n, rng = 400, np.random.default_rng(5)
    t_s = np.arange(n) * 2.0
    known = np.arange(n) > 0
    moves = np.tile(np.array([[3.0, 0.0], [0.0, 3.0]]), (n, 1, 1))
    shift = np.diff(np.cumsum(rng.normal(0.0, 0.3, (n + 1, 2)), axis=0), axis=0)
    whole = Compared(t_s=t_s, known=known, shift_m=shift, sigma_m=np.full(n, 0.1), now_m=moves, before_m=moves)
    found, first = smooth(whole), smooth_whole(whole.part(slice(0, int(WINDOW_S / 2))))
    rows = slice(0, int(WINDOW_S / 4))
    np.testing.assert_allclose(found.mean[rows], first.mean[rows], atol=0.02)
    left = (shift - whole.explained_m(found.mean))[1:]
    assert np.abs(left).max() < 0.5
    assert np.isfinite(found.cov).all()


@pytest.mark.parametrize("frame", list(GimbalFrame))
def test_moves_are_those_of_a_pose_that_is_wrong_by_a_little(
    make_pose: Callable[..., Pose], frame: GimbalFrame
) -> None:
    sigmas = PoseSigmas(position_h_m=0.02, position_v_m=0.03, yaw_deg=0.02, pitch_deg=0.01, roll_deg=0.015, terrain_m=0)
    looks = [
        Look(
            make_pose(t_utc_ns=10**18 + k * 10**9, gimbal_frame=frame, gimbal_yaw_deg=20.0), CAMERA, 0.0, Shift(0, 0, 1)
        )
        for k in range(40)
    ]
    errors = find_pose_errors(looks, GROUND, sigmas)
    assert errors is not None
    pose, uv = looks[5].pose, np.array([[90.0, 400.0]])

    def place(wrong: Pose) -> np.ndarray:
        found = locate(poses=wrong, camera=CAMERA, uv_px=uv, terrain=GROUND, sigmas=sigmas)
        return np.asarray(geodetic_to_enu(found.lat_deg, found.lon_deg, found.alt_hae_m, errors.origin))

    north, east = metres_per_degree(pose.lat_deg)
    mine = "yaw_deg" if frame is not GimbalFrame.EARTH else "gimbal_yaw_deg"
    wrong = [
        dataclasses.replace(pose, lon_deg=pose.lon_deg + 0.02 / float(east)),
        dataclasses.replace(pose, lat_deg=pose.lat_deg + 0.02 / float(north)),
        dataclasses.replace(pose, alt_hae_m=pose.alt_hae_m + 0.03),
        dataclasses.replace(pose, **{mine: getattr(pose, mine) + 0.02}),
        dataclasses.replace(
            pose, **{"pitch_deg" if frame is GimbalFrame.BODY else "gimbal_pitch_deg": _pitch(pose, frame)}
        ),
    ]
    truth = np.array([place(one)[0, :2] - place(pose)[0, :2] for one in wrong]).T
    told = errors.moves_m(np.array([5]), place(pose))[0]
    np.testing.assert_allclose(told[:, :5], truth, rtol=0.01, atol=2e-4)


def _pitch(pose: Pose, frame: GimbalFrame) -> float:
    return (pose.pitch_deg if frame is GimbalFrame.BODY else pose.gimbal_pitch_deg) + 0.01


def test_places_come_nearer_to_the_truth_than_they_were_and_say_so(patrols: list[SeenPatrol]) -> None:
    before, after, inside, told = [], [], [], []
    for seen in patrols:
        flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
        pairs = match(seen.hits, seen.truth, view=InView())
        before.append(ground_errors(seen.hits, seen.truth, pairs)[0])
        distance, within = ground_errors(flown.hits, seen.truth, pairs)
        after.append(distance)
        inside.append(within)
        told.append(np.nanmedian(flown.hits.ce90_m) / np.nanmedian(seen.hits.ce90_m))
        assert flown.hits.hit_id.tolist() == seen.hits.hit_id.tolist()
        assert flown.record["sigma_height_m"] < 3.0
    was, now = np.concatenate(before), np.concatenate(after)
    assert (now**2).mean() < 0.7 * (was**2).mean()
    assert np.concatenate(inside).mean() > 0.85
    assert max(told) < 0.85


@pytest.mark.slow
def test_a_short_flight_is_one_draw_and_nine_tenths_hold_over_many() -> None:
    """Shares by flight, since all hits of one share most of their error; as the demo films: 1.5 pictures a second."""
    sigmas = PoseSigmas(position_h_m=1.5, position_v_m=2.0, yaw_deg=1.0, pitch_deg=0.5, roll_deg=0.5, terrain_m=1.0)
    shape = PatrolShape(seconds=110.0, fps=Fraction(3, 2), sigmas=sigmas, groups_per_km=20.0)
    shares: dict[str, list[float]] = {"as told": [], "corrected": []}
    for seed in range(501, 541):
        seen = seen_patrol(seed, shape)
        flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
        pairs = match(seen.hits, seen.truth, view=InView())
        if len(pairs.hit_row):
            for name, hits in (("as told", seen.hits), ("corrected", flown.hits)):
                shares[name].append(100.0 * float(ground_errors(hits, seen.truth, pairs)[1].mean()))
    for name, found in shares.items():
        low, high = np.percentile(found, (10, 90))
        print(f"{name}: {np.mean(found):.1f} % of {len(found)} flights' hits, a flight {low:.0f} to {high:.0f}")
        assert 86.0 <= np.mean(found) <= 97.0


def test_corrected_looks_see_things_where_corrected_hits_are(patrols: list[SeenPatrol]) -> None:
    """A hit's place falls on its own box through the corrected look, as it did through the told one."""
    from detection.looks import seen_pixels

    seen = patrols[0]
    flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
    errors = find_pose_errors(seen.taken, seen.ground, seen.sigmas)
    assert errors is not None
    matrices = flown.looks.matrices(errors.origin)
    row = np.searchsorted(flown.looks.t_utc_ns, flown.hits.t_utc_ns)
    enu = geodetic_to_enu(flown.hits.lat_deg, flown.hits.lon_deg, flown.hits.alt_hae_m.astype(float), errors.origin)
    pixels = np.array([seen_pixels(matrices[k], place[None])[0][0] for k, place in zip(row, enu, strict=True)])
    box = flown.hits.box_px.astype(float)
    centre = (box[:, :2] + box[:, 2:]) / 2.0
    assert np.median(np.abs(pixels - centre)) < 4.0
    assert np.abs(flown.looks.shift_m[1:]).mean() < 0.5 * np.abs(seen.looks.shift_m[1:]).mean()


def test_an_aircraft_that_stands_still_learns_nothing_of_what_lasts(make_pose: Callable[..., Pose]) -> None:
    rng = np.random.default_rng(1)
    looks = [
        Look(make_pose(t_utc_ns=10**18 + k * 10**9), CAMERA, 0.0, Shift(*rng.normal(0.0, 0.1, 2).tolist(), 0.1))
        for k in range(60)
    ]
    errors = find_pose_errors(looks, GROUND, PoseSigmas())
    assert errors is not None
    sigma = np.sqrt(np.einsum("nkk->nk", errors.cov))
    assert sigma.min() > 0.7
    assert np.abs(errors.mean).max() < 0.2


def test_nothing_is_learned_of_unknown_ground_or_from_few_pictures(patrols: list[SeenPatrol]) -> None:
    seen = patrols[1]
    assert find_pose_errors(seen.taken, UnknownGround(), seen.sigmas) is None
    assert find_pose_errors(seen.taken[:20], seen.ground, seen.sigmas) is None
    blind = [dataclasses.replace(look, shift=None) for look in seen.taken]
    assert find_pose_errors(blind, seen.ground, seen.sigmas) is None
    same = settled(seen.hits, blind, seen.ground, seen.sigmas)
    assert same.hits is seen.hits
    assert same.record == {}
    assert len(same.looks) == len(Looks.of(blind))
