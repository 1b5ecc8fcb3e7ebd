"""Boxes without pictures: what they lie on is as large as what is drawn."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from detection.event_scoring import things_of_tracks
from detection.ground_tracker import TrackerSettings, track
from detection.pose_errors import settled
from sitl.films.patrol_flight import PatrolFlight, PatrolShape
from sitl.films.render import in_sight
from sitl.films.seen_contrast import GROUND, GROUND_M, SeenContrasts
from sitl.films.seen_patrol import DetectorErrors, seen_patrol
from sitl.films.world import Kind

SHAPE = PatrolShape(seconds=60.0, fps=Fraction(1, 2), line_m=700.0, vehicles_per_km=30.0)
PATROL = PatrolShape(seconds=200.0, fps=Fraction(3, 2), line_m=2450.0, groups_per_km=10.0, vehicles_per_km=0.0)


def test_vehicles_are_as_long_wide_and_high_as_they_are_drawn() -> None:
    """Whichever way they go: the simulator of pictures is the judge, edge by edge."""
    flight = PatrolFlight.flown(3, SHAPE, SHAPE.chance(3))
    truth = seen_patrol(3, SHAPE, DetectorErrors(flight_ln=0.0)).truth
    compared = 0
    for frame, pose in enumerate(flight.true):
        drawn = in_sight(flight.world, pose, SHAPE.camera, pose.t_utc_ns)
        mine = np.flatnonzero((truth.thing_frame == frame) & (truth.class_number == Kind.VEHICLE))
        for row in mine.tolist():
            there = np.flatnonzero(drawn.object_id == truth.object_id[row])
            assert drawn.boxes_px[there[0]] == pytest.approx(truth.boxes_px[row], abs=1.5)
            compared += 1
    assert compared > 40


def test_a_thing_seems_another_size_on_another_flight() -> None:
    """By a tenth if it is said so, and on one flight always the same."""
    sizes = []
    for sortie in (0, 1):
        shape = PatrolShape(seconds=60.0, fps=Fraction(1, 2), line_m=700.0, vehicles_per_km=0.0, sortie=sortie)
        plain, seems = (seen_patrol(3, shape, DetectorErrors(flight_ln=ln)).truth for ln in (0.0, 0.1))
        middle = (plain.visible == 1.0) & (seems.visible == 1.0)
        ratio = np.log(np.diff(seems.boxes_px[middle][:, 1::2]) / np.diff(plain.boxes_px[middle][:, 1::2]))[:, 0]
        own = [ratio[plain.object_id[middle] == one] for one in np.unique(plain.object_id[middle])]
        assert all(one.std() < 1e-6 for one in own)
        sizes.append([one.mean() for one in own])
    assert 0.05 < np.std(sizes[0]) < 0.2
    assert abs(np.corrcoef(sizes[0][:8], sizes[1][:8])[0, 1]) < 0.9


def test_contrasts_are_of_each_thing_on_every_flight_and_no_easier_than_drawn_ones() -> None:
    """Tracks of three flights, less their flight's mean, beside what was counted on drawn ones (`docs/decisions`)."""
    flights = [seen_patrol(6400, dataclasses.replace(PATROL, start_s=60.0 * k, sortie=k)) for k in range(3)]
    own: list[dict[int, float]] = []
    for seen in flights:
        flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
        marked, tracks = track(flown.hits, TrackerSettings(), flown.looks)
        rows = {name: row for row, name in enumerate(tracks.track_id)}
        thing = {one: rows[name] for name, one in things_of_tracks(marked, tracks, seen.truth).items()}
        thing = {one: row for one, row in thing.items() if tracks.class_name[row] == "person"}
        mean = tracks.contrast[list(thing.values())].mean()
        own.append({one: float(tracks.contrast[row] - mean) for one, row in thing.items()})
    between = np.std([value for flight in own for value in flight.values()])
    pairs = [(a[one] - b[one]) / np.sqrt(2.0) for a, b in combinations(own, 2) for one in a.keys() & b.keys()]
    assert len(pairs) > 30
    assert between == pytest.approx(0.42, abs=0.08)
    assert 0.15 < np.std(pairs) < 0.35


def test_contrasts_are_of_a_flights_own_camera_and_change_no_box() -> None:
    shape = PatrolShape(seconds=20.0, fps=Fraction(1, 2), line_m=300.0, groups_per_km=30.0)
    one, other = (SeenContrasts.drawn(np.zeros(400, np.int64), np.ones(400, bool), 3, sortie) for sortie in (0, 1))
    assert one.gain_zero != other.gain_zero
    assert np.corrcoef(one.own, other.own)[0, 1] > 0.9
    assert np.isfinite(seen_patrol(3, shape).hits.contrast).all()


def test_ground_is_alike_as_far_as_it_says() -> None:
    """By an exponential of the distance, over many worlds."""
    kind, who = np.zeros(3, np.int64), np.arange(3)
    place, still = np.array([[0.0, 0.0], [GROUND_M, 0.0], [0.0, 30.0 * GROUND_M]]), np.zeros(3)
    ground = []
    for seed in range(400):
        drawn = SeenContrasts.drawn(kind, kind == 0, seed, 0)
        there, here = (
            np.mean([drawn.of(who, where, still) for _ in range(8)], axis=0) for where in (place, place[[0, 0, 0]])
        )
        ground.append((there - here) / drawn.gain_zero[0])
    near, far = np.array(ground)[:, 1:].std(axis=0)
    assert far == pytest.approx(np.sqrt(2.0) * GROUND[0], rel=0.15)
    assert (near / far) ** 2 == pytest.approx(1.0 - np.exp(-1.0), abs=0.12)
