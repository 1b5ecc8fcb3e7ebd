"""Two people side by side of whom a picture misses one: what follows them says which box was whose."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.ground_drift import GroundDrift
from detection.ground_hits import GroundHit, GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.looks import Look, Looks, Shift
from detection.paths import Paths
from detection.placed_hits import Placed
from detection.tail_exchange import exchange_tails
from geo.values import CameraModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geo.values import Pose

Walker = tuple[float, float, float, float]
"""East, north, and their rates: metres and metres a second."""
ALL = TrackerSettings(existence_min=0.0)
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)
PICTURES = 20


@pytest.fixture
def compared(make_hit: Callable[..., GroundHit], make_pose: Callable[..., Pose]) -> Looks:
    """Looks that were compared with each other and stand still; they show other ground, so that misses say nothing."""
    times = [make_hit(0, k / 1.5, 0.0, 0.0).t_utc_ns for k in range(PICTURES)]
    return Looks.of([Look(make_pose(t_utc_ns=t), CAMERA, shift=Shift(0.0, 0.0, 0.1)) for t in times])


def side_by_side(
    make_hit: Callable[..., GroundHit], walkers: Sequence[Walker], missed: Sequence[tuple[int, int]], pictures: int = 14
) -> GroundHits:
    """Boxes of walkers in every picture, a step of 2/3 s apart, but for the (walker, picture) that were missed."""
    hits = [
        make_hit(1000 * one + k, k / 1.5, east + east_mps * k / 1.5, north + north_mps * k / 1.5)
        for one, (east, north, east_mps, north_mps) in enumerate(walkers)
        for k in range(pictures)
        if (one, k) not in missed
    ]
    return GroundHits.of(sorted(hits, key=lambda hit: hit.t_utc_ns))


def names_of_walkers(hits: GroundHits) -> dict[int, set[str]]:
    """Return the tracks of each walker's boxes."""
    names: dict[int, set[str]] = {}
    for hit_id, name in zip(hits.hit_id.tolist(), hits.track.texts().tolist(), strict=True):
        names.setdefault(int(hit_id) // 1000, set()).add(name)
    return names


@pytest.mark.parametrize(
    "missed",
    [
        pytest.param([(1, 0), (0, 1)], id="one seen in the first picture, the other in the second"),
        pytest.param([(1, 0), (1, 1), (1, 2), (0, 3)], id="the other appears where one is missed"),
        pytest.param([(0, 6), (1, 7)], id="one after the other is missed"),
    ],
)
def test_boxes_that_a_miss_gave_to_a_neighbour_come_back(
    make_hit: Callable[..., GroundHit], compared: Looks, missed: list[tuple[int, int]]
) -> None:
    hits = side_by_side(make_hit, [(0.0, 0.0, 0.9, 0.0), (0.2, 1.3, 0.9, 0.0)], missed)
    marked, tracks = track(hits, ALL, compared)
    names = names_of_walkers(marked)
    assert len(tracks) == 2
    assert [len(own) for own in names.values()] == [1, 1]
    assert names[0] != names[1]
    assert sorted(tracks.lengths.tolist()) == sorted(
        14 - sum(1 for one, _ in missed if one == walker) for walker in (0, 1)
    )


def test_people_whose_ways_cross_go_on_straight(make_hit: Callable[..., GroundHit], compared: Looks) -> None:
    turn = math.radians(35.0)
    walkers = [
        (-5.0, -4.0, 1.2 * math.cos(turn), 1.2 * math.sin(turn)),
        (-5.0, 4.0, 1.2 * math.cos(turn), -1.2 * math.sin(turn)),
    ]
    hits = side_by_side(make_hit, walkers, [(0, 6), (1, 11)], pictures=18)
    marked, _ = track(hits, ALL, compared)
    assert [len(own) for own in names_of_walkers(marked).values()] == [1, 1]


def test_a_person_who_turns_alone_keeps_his_track(make_hit: Callable[..., GroundHit], compared: Looks) -> None:
    there = side_by_side(make_hit, [(0.0, 0.0, 1.0, 0.0)], [], pictures=8)
    back = [
        dataclasses.replace(make_hit(500 + k, (8 + k) / 1.5, 14 / 3 - k / 1.5, 0.4), score_raw=0.9) for k in range(1, 8)
    ]
    _, tracks = track(GroundHits.of([*there, *back]), ALL, compared)
    assert len(tracks) == 1


def test_tails_exchanged_beside_a_gap_in_the_middle_come_back(
    make_hit: Callable[..., GroundHit], compared: Looks
) -> None:
    """Paths made by hand: both go on from the first picture to the last, and one lacks the picture of the exchange."""
    hits = side_by_side(make_hit, [(0.0, 0.0, 1.0, 0.3), (0.0, 3.0, 1.0, -0.3)], [(1, 7)])
    placed = Placed.of(hits)
    walker, picture = (np.array([int(name) for name in placed.hits.hit_id]) // by for by in (1000, 1))
    swapped = np.where(picture % 1000 > 7, 1 - walker, walker)
    states = np.column_stack([placed.place_m[:, :2], np.zeros((len(hits), 2))])
    pairs = {name: np.full(2, 14.0) for name in ("looked", "found")}
    codes = {name: np.zeros(2, np.int64) for name in ("class_code", "ending")}
    paths = Paths.gather(swapped, np.arange(len(hits)), placed.t_ns, states, **pairs, **codes)
    found = exchange_tails(paths, placed, GroundDrift.of(compared))
    assert [set(walker[found.rows[found.first[k] : found.last[k] + 1]].tolist()) for k in (0, 1)] == [{0}, {1}]
