"""Tracks by evidence: what stays, flickers, keeps its size or moves; and on hours of simulated patrols."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.looks import Look, Looks, seen_pixels
from detection.pose_errors import settled
from detection.scoring import InView, count_id_switches, match
from detection.track_scoring import score_tracks
from geo.locate import project
from geo.values import CameraModel, Geodetic, Poses
from sitl.films.patrol_flight import PatrolShape, SeenPatrol
from sitl.films.seen_patrol import seen_patrol

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.ground_hits import GroundHit
    from geo.values import Pose

ALL = TrackerSettings(existence_min=0.0)
CAMERA = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
SHAPE = PatrolShape(seconds=240.0, fps=Fraction(3, 2), groups_per_km=4.0, vehicles_per_km=2.0)


@pytest.fixture(scope="module")
def patrol() -> SeenPatrol:
    return seen_patrol(74, SHAPE)


def existence(hits: list[GroundHit], looks: Looks | None = None) -> float:
    _, tracks = track(GroundHits.of(hits), ALL, looks)
    return max(one.existence for one in tracks)


def test_what_walks_is_likelier_than_what_stays_with_the_same_scores(make_hit: Callable[..., GroundHit]) -> None:
    stays = existence([make_hit(k, k / 3, 0.0, 0.0, score_raw=0.5) for k in range(40)])
    walks = existence([make_hit(k, k / 3, 1.2 * k / 3, 0.0, score_raw=0.5) for k in range(40)])
    assert stays < 0.8
    assert walks / (1.0 - walks) > 10.0 * stays / (1.0 - stays)


def test_what_is_found_now_and_then_is_less_likely_than_what_is_found_always(
    make_hit: Callable[..., GroundHit], make_pose: Callable[..., Pose]
) -> None:
    """Pictures that show the place and no box count against it; without them the two would be alike."""
    frames = [
        Look(dataclasses.replace(make_pose(), t_utc_ns=make_hit(0, k / 3, 0.0, 0.0).t_utc_ns), CAMERA)
        for k in range(48)
    ]
    looks = Looks.of(frames)
    pixel, _ = _places(looks, make_pose())
    always = [make_hit(k, k / 3, *pixel, score_raw=0.5) for k in range(48)]
    rarely = [hit for k, hit in enumerate(always) if k % 6 == 0]
    assert existence(rarely, looks) < 0.6 * existence(always, looks)


def _places(looks: Looks, pose: Pose) -> tuple[tuple[float, float], np.ndarray]:
    """East and north (from 52 N 23.5 E) of the ground under the middle of the picture of the factory's pose."""
    away = 100.0 / np.tan(np.radians(45.0))
    east, north = away * np.sin(np.radians(30.0)), away * np.cos(np.radians(30.0))
    origin = Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=180.0)
    pixels, depth = seen_pixels(looks.matrices(origin)[0], np.array([[east, north, 0.0]]))
    assert pixels[0] == pytest.approx([320.0, 256.0], abs=1.0)
    assert depth[0] == pytest.approx(141.4, abs=0.5)
    return (float(east), float(north)), pixels


def test_looks_agree_with_the_geodetic_projection(make_pose: Callable[..., Pose]) -> None:
    pose = make_pose(gimbal_yaw_deg=77.0, gimbal_pitch_deg=-30.0, gimbal_roll_deg=4.0)
    lat, lon = np.array([52.0003, 52.0006]), np.array([23.5028, 23.5035])
    wanted = project(poses=Poses.of(pose), camera=CAMERA, lat_deg=lat, lon_deg=lon, alt_hae_m=np.full(2, 180.0))
    origin = Geodetic(lat_deg=52.0, lon_deg=23.5, alt_hae_m=180.0)
    from geo.geodesy import geodetic_to_enu

    enu = geodetic_to_enu(lat, lon, np.full(2, 180.0), origin)
    found, _ = seen_pixels(Looks.of([Look(pose, CAMERA)]).matrices(origin)[0], enu)
    assert np.abs(found - wanted).max() < 0.2


def test_how_following_ended_is_told(make_hit: Callable[..., GroundHit], make_pose: Callable[..., Pose]) -> None:
    """One is there to the end; of one the place is seen and the thing is not; of one the place is seen no more."""

    def looks(count: int, turned_from: int = 10**9) -> Looks:
        turned = [(0.0 if k < turned_from else 180.0) for k in range(count)]
        return Looks.of(
            [
                Look(make_pose(t_utc_ns=make_hit(0, k / 3, 0, 0).t_utc_ns, yaw_deg=y, gimbal_yaw_deg=30.0 + y), CAMERA)
                for k, y in enumerate(turned)
            ]
        )

    east, north = 50.0, 86.6

    def ended(hits: int, seen: Looks) -> str:
        return track(GroundHits.of([make_hit(k, k / 3, east, north) for k in range(hits)]), ALL, seen)[1][0].ended

    assert ended(30, looks(30)) == "still followed"
    assert ended(30, looks(60)) == "lost"
    assert ended(30, looks(60, turned_from=30)) == "out of view"


def test_simulated_patrols_are_followed_with_few_false_tracks(patrol: SeenPatrol) -> None:
    hits, tracks = track(patrol.hits, None, patrol.looks)
    score = score_tracks(hits, tracks, patrol.truth, hours=patrol.seconds / 3600.0)
    every, loose = track(patrol.hits, ALL, patrol.looks)
    unsifted = score_tracks(every, loose, patrol.truth, hours=patrol.seconds / 3600.0)
    assert score.visit_recall > 0.9
    assert score.false_tracks <= unsifted.false_tracks / 3
    assert score.reached.idf1 > 0.8 * score.ceiling.idf1
    assert score.false_per_hour < score.false_per_hour_bound


def test_ground_compared_from_picture_to_picture_keeps_neighbours_apart() -> None:
    """Without it a step of a group that walks in file, and a pose that errs by as much, look alike."""
    crowded = PatrolShape(seconds=70.0, fps=Fraction(3, 2))
    switches = {"told": 0, "compared": 0}
    for seed in (1, 2, 3, 4):
        seen = seen_patrol(seed, crowded)
        flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
        blind = Looks.of([dataclasses.replace(look, shift=None) for look in seen.taken])
        pairs = match(seen.hits, seen.truth, view=InView())
        for name, hits, looks in (("told", seen.hits, blind), ("compared", flown.hits, flown.looks)):
            ids = track(hits, ALL, looks)[0].track.take(pairs.hit_row).texts().tolist()
            thing, frame = (column[pairs.truth_row] for column in (seen.truth.object_id, seen.truth.thing_frame))
            switches[name] += count_id_switches(thing, frame, ids)
    assert switches["told"] >= 8
    assert switches["compared"] <= switches["told"] * 0.6


def test_the_same_hits_give_the_same_tracks(patrol: SeenPatrol) -> None:
    order = np.random.default_rng(5).permutation(len(patrol.hits))
    _, tracks = track(patrol.hits, None, patrol.looks)
    _, again = track(patrol.hits.take(order), None, patrol.looks)
    assert [repr(one) for one in tracks] == [repr(one) for one in again]
