"""Outlines of what is passed by: a body that turns its side, one that is too wide, and a person who is neither."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.georeference import SIZES_M, Surroundings, place_all
from detection.ground_drift import GroundDrift
from detection.ground_tracker import TrackerSettings, follow, track
from detection.ground_tracks import SIZES
from detection.looks import Look, Looks
from detection.placed_hits import Placed
from detection.pose_errors import settled
from detection.track_sizes import PERSON_WIDTH_M, Outlines
from detection.values import Detections
from geo.geodesy import metres_per_degree
from geo.locate import project
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose
from sitl.films.patrol_flight import PatrolShape
from sitl.films.seen_patrol import seen_patrol
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from detection.ground_hits import GroundHits

T0 = 1_750_000_000_000_000_000
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)
GROUND = FlatTerrain(height_m=180.0)
NORTH, EAST = (float(v) for v in metres_per_degree(52.0))
IMAGE = np.broadcast_to(np.zeros(1, np.uint8), (512, 640, 3))


def passed_by(
    turning: float = 0.0, wider: float = 1.0, jitter_px: float = 0.0, seed: int = 3, ahead_m: float = 100.0
) -> tuple[GroundHits, Looks]:
    """Boxes of something north of the middle of a way of 60 m, 100 m over the ground, flown in eight seconds."""
    rng = np.random.default_rng(seed)
    seen, looks = [], []
    for k in range(12):
        east_m = -30.0 + 5.0 * k
        pose = Pose(
            t_utc_ns=T0 + k * 666_666_667,
            lat_deg=52.0 - ahead_m / NORTH,
            lon_deg=23.5 + east_m / EAST,
            alt_hae_m=280.0,
            yaw_deg=0.0,
            pitch_deg=0.0,
            roll_deg=0.0,
            gimbal_pitch_deg=-float(np.degrees(np.arctan2(100.0, ahead_m))),
            gimbal_frame=GimbalFrame.BODY,
            hfov_deg=35.0,
        )
        ((x, y),) = project(poses=pose, camera=CAMERA, lat_deg=[52.0], lon_deg=[23.5], alt_hae_m=[180.0])
        slant = float(np.hypot(np.hypot(ahead_m, east_m), 100.0))
        level, tall = np.hypot(ahead_m, east_m) / slant, SIZES_M["person"]
        high = CAMERA.fy_px / slant * (tall[0] * level + tall[1] * 100.0 / slant)
        wide = CAMERA.fx_px / slant * PERSON_WIDTH_M * wider * np.exp(turning * np.arctan2(-east_m, ahead_m))
        foot = y + 0.5 * CAMERA.fy_px / slant * tall[1] * 100.0 / slant
        box = np.array([x - wide / 2, foot - high, x + wide / 2, foot]) + rng.normal(0.0, jitter_px, 4)
        found = Detections(
            boxes_px=box[None].astype(np.float32), classes=np.zeros(1, np.int64), scores=np.array([0.85], np.float32),
            probabilities=np.array([0.85], np.float32),
        )  # fmt: skip
        frame = Frame(index=k, pts_s=Fraction(2 * k, 3), t_utc_ns=pose.t_utc_ns, image=IMAGE, pose=pose)
        seen.append((frame, found))
        looks.append(Look(pose, CAMERA))
    return place_all(seen, Surroundings(terrain=GROUND), class_names=("person",)), Looks.of(looks)


def existence(hits: GroundHits, looks: Looks) -> float:
    _, tracks = track(hits, TrackerSettings(existence_min=0.0), looks)
    assert len(tracks) == 1
    return float(tracks.existence[0])


@pytest.mark.parametrize("turning", [-0.9, 0.0, 0.4])
def test_the_turn_of_an_outline_is_measured(turning: float) -> None:
    """Over twenty draws the slope is right, and errs as much as it says."""
    values, noises = [], []
    for seed in range(20):
        hits, looks = passed_by(turning, jitter_px=0.4, seed=seed)
        placed, drift = Placed.of(hits), GroundDrift.of(looks)
        outlines = Outlines.of(follow(placed, TrackerSettings(), looks, drift), placed, looks)
        assert outlines is not None
        measured = outlines.turning()
        values.append(float(measured.value[0]))
        noises.append(float(measured.noise[0]))
    assert np.mean(values) == pytest.approx(turning, abs=0.1)
    assert np.std(values) == pytest.approx(np.sqrt(np.mean(noises)), rel=0.5)


def test_what_turns_its_side_is_less_likely_a_person() -> None:
    person, animal = existence(*passed_by()), existence(*passed_by(turning=0.9))
    assert animal / (1.0 - animal) < 0.25 * person / (1.0 - person)


def test_what_is_far_too_wide_is_less_likely_a_person() -> None:
    person, bush = existence(*passed_by()), existence(*passed_by(wider=1.8))
    assert bush / (1.0 - bush) < 0.5 * person / (1.0 - person)


def test_without_looks_outlines_say_nothing() -> None:
    hits, _ = passed_by(turning=0.9)
    placed = Placed.of(hits)
    paths = follow(placed, TrackerSettings(), None, GroundDrift.of(None))
    assert Outlines.of(paths, placed, None) is None
    assert existence(*passed_by(turning=0.9)) != pytest.approx(float(track(hits)[1].existence[0]))


def test_from_nearly_above_outlines_say_nothing() -> None:
    """Shoulders seen from above turn in the picture as the aircraft does."""
    hits, looks = passed_by(turning=0.9, ahead_m=30.0)
    placed = Placed.of(hits)
    outlines = Outlines.of(follow(placed, TrackerSettings(), looks, GroundDrift.of(looks)), placed, looks)
    assert outlines is not None
    assert (outlines.turning_nats() == 0.0).all()
    assert (outlines.width_nats() == 0.0).all()
    assert (outlines.height_nats() != 0.0).any()


@pytest.mark.parametrize("wider", [0.85, 1.0, 1.2])
def test_a_track_keeps_how_large_its_thing_is_and_how_well_that_is_known(wider: float) -> None:
    """Over twenty draws heights and widths are right, and err as they say."""
    found = []
    for seed in range(20):
        hits, looks = passed_by(wider=wider, jitter_px=0.4, seed=seed)
        _, tracks = track(hits, TrackerSettings(existence_min=0.0), looks)
        found.append([float(getattr(tracks, name)[0]) for name in SIZES])
    height, height_var, width, width_var = np.array(found).T
    assert height.mean() == pytest.approx(0.0, abs=0.02)
    assert width.mean() == pytest.approx(np.log(wider), abs=0.04)
    assert height.std() < 1.5 * np.sqrt(height_var.mean())
    assert width.std() == pytest.approx(np.sqrt(width_var.mean()), rel=0.5)


def test_without_looks_and_of_what_has_no_size_nothing_is_kept() -> None:
    hits, looks = passed_by()
    _, tracks = track(hits, TrackerSettings(existence_min=0.0))
    assert all(np.isnan(getattr(tracks, name)).all() for name in SIZES)
    boat = dataclasses.replace(hits, class_name=dataclasses.replace(hits.class_name, names=("boat",)))
    _, tracks = track(boat, TrackerSettings(existence_min=0.0), looks)
    assert all(np.isnan(getattr(tracks, name)).all() for name in SIZES)


def test_a_vehicle_is_as_long_as_it_is_whichever_way_it_goes() -> None:
    """Drawn cars, pickups and vans: by their headings widths differ by a tenth, by one width for all by a quarter."""
    seen = seen_patrol(6400, PatrolShape(seconds=200.0, fps=Fraction(3, 2), line_m=2450.0, vehicles_per_km=20.0))
    flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
    _, tracks = track(flown.hits, TrackerSettings(), flown.looks)
    vehicle = tracks.class_name.texts() == "vehicle"
    goes = vehicle & (tracks.speed_mps > 3.0) & (tracks.lengths > 5)
    stands = vehicle & (tracks.speed_mps < 0.5) & (tracks.lengths > 5)
    assert goes.sum() > 15
    assert abs(np.median(tracks.width_ln[goes])) < 0.1
    assert tracks.width_ln[goes].std() < 0.12
    assert (tracks.width_ln_var[goes] < 0.03**2).all()
    assert (tracks.width_ln_var[stands] > 0.2**2).all()
