"""Events of tracks, against simulated truth and against chances drawn one by one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.events import (
    CROSSING,
    ENTERING,
    LEAVING,
    LEFT_VIEW,
    LOST_IN_VIEW,
    STANDING,
    TOGETHER,
    TURNING,
    Watched,
    find_events,
)
from detection.ground_tracks import GroundTrack, GroundTracks
from detection.looks import Look, Looks, Shift
from geo.values import CameraModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.values import Pose

T0 = 1_750_000_000_000_000_000
LINE = ((52.0, 23.51), (52.0, 23.49))
"""Going west: our side is the south."""
NORTH, EAST = 111_259.0, 68_678.0


def walk(
    name: str, places: list[tuple[float, float]], *, sigma_m: float = 2.0, existence: float = 1.0, **more: object
) -> GroundTrack:
    """A track of one point a second at these metres east and north of 52 N 23.5 E."""
    values: dict[str, object] = {
        "track_id": name,
        "class_name": "person",
        "t_utc_ns": tuple(T0 + k * 1_000_000_000 for k in range(len(places))),
        "lat_deg": tuple(52.0 + n / NORTH for _, n in places),
        "lon_deg": tuple(23.5 + e / EAST for e, _ in places),
        "ce90_m": (2.146 * sigma_m,) * len(places),
        "speed_mps": 1.0,
        "heading_deg": 0.0,
        "hit_ids": tuple(f"{name}{k:04d}" for k in range(len(places))),
        "existence": existence,
    }
    return GroundTrack(**(values | more))  # type: ignore[arg-type]


def found(*tracks: GroundTrack, **watched: object) -> dict[str, float]:
    events = find_events(GroundTracks.of(tracks), Watched(lines=(LINE,), **watched))  # type: ignore[arg-type]
    return {
        f"{one.kind} {one.details.get('direction', one.details.get('zone', ''))}".strip(): one.probability
        for one in events
    }


def straight(start_n: float, rate_n: float, seconds: int = 30) -> list[tuple[float, float]]:
    return [(0.2 * k, start_n + rate_n * k) for k in range(seconds)]


def test_a_clear_crossing_has_its_direction_time_and_place() -> None:
    (event,) = [
        one
        for one in find_events(GroundTracks.of([walk("a", straight(-15.0, 1.0))]), Watched(lines=(LINE,)))
        if one.kind == CROSSING
    ]
    assert event.details == {"direction": "outward"}
    assert event.probability > 0.99
    assert event.t_utc_ns == pytest.approx(T0 + 15_000_000_000, abs=2e9)
    assert event.lat_deg == pytest.approx(52.0, abs=2 / NORTH)
    assert found(walk("a", straight(15.0, -1.0))) == pytest.approx({f"{CROSSING} inward": 1.0}, abs=0.01)


def test_near_the_line_the_chance_is_that_of_the_shift(rng: np.random.Generator) -> None:
    """Five metres walked across, error of 4 m: drawn shifts say how often it really went from one side to the other."""
    sigma = 4.0
    said = found(walk("a", straight(-3.0, 0.5, 11), sigma_m=sigma))[f"{CROSSING} outward"]
    lasting = rng.normal(0.0, sigma, (200_000, 1)) * np.sqrt(0.5)
    keep = np.exp(-10.0 / 20.0)
    first = rng.normal(size=200_000)
    drift = (
        np.stack([first, keep * first + np.sqrt(1 - keep**2) * rng.normal(size=200_000)], axis=1) * sigma * np.sqrt(0.5)
    )
    ends = np.array([-3.0, 2.0]) + lasting + drift + rng.normal(0.0, 0.5, (200_000, 2))
    assert said == pytest.approx(((ends[:, 0] < 0) & (ends[:, 1] > 0)).mean(), abs=0.01)
    assert 0.3 < said < 0.7


def test_walking_along_the_far_side_is_no_crossing() -> None:
    along = [(1.2 * k, 3.0) for k in range(30)]
    assert not [
        kind
        for kind in found(walk("a", along, sigma_m=6.0))
        if "outward" in kind and found(walk("a", along, sigma_m=6.0))[kind] > 0.35
    ]
    assert not found(walk("a", [(1.2 * k, 80.0) for k in range(30)], sigma_m=6.0))


def test_what_may_not_exist_may_not_have_crossed() -> None:
    sure = found(walk("a", straight(-15.0, 1.0)))[f"{CROSSING} outward"]
    assert found(walk("a", straight(-15.0, 1.0), existence=0.4))[f"{CROSSING} outward"] == pytest.approx(
        0.4 * sure, abs=1e-3
    )


def test_zones_are_entered_and_left() -> None:
    ring = tuple((52.0 + n / NORTH, 23.5 + e / EAST) for e, n in ((-20, 190), (20, 190), (20, 220), (-20, 220)))
    through = [(0.0, 170.0 + 1.0 * k) for k in range(40)]
    assert found(walk("a", through), zones={"yard": ring}) == pytest.approx({f"{ENTERING} yard": 1.0}, abs=0.02)
    out = [(0.0, 205.0 + 1.0 * k) for k in range(40)]
    assert found(walk("a", out), zones={"yard": ring}) == pytest.approx({f"{LEAVING} yard": 1.0}, abs=0.02)


def test_standing_turning_and_going() -> None:
    still = [(0.0, 100.0)] * 90
    assert found(walk("a", still, sigma_m=1.0))[STANDING] > 0.9
    assert STANDING not in found(walk("a", [(1.0 * k, 100.0) for k in range(90)]))
    back = [(1.2 * min(k, 40 - k), 100.0) for k in range(41)]
    assert found(walk("a", back))[TURNING] > 0.9
    assert TURNING not in found(walk("a", straight(100.0, 1.2, 41)))
    assert found(walk("a", straight(100.0, 1.2), ended="lost"))[LOST_IN_VIEW] == 1.0
    assert found(walk("a", straight(100.0, 1.2), ended="out of view", existence=0.7))[LEFT_VIEW] == pytest.approx(0.7)
    assert not found(walk("a", straight(100.0, 1.2), ended="still followed"))


def test_three_together_are_a_group_and_two_are_not() -> None:
    rows = [walk(name, [(4.0 * k + 0.8 * t, 100.0) for t in range(20)], existence=0.9) for k, name in enumerate("abc")]
    events = [one for one in find_events(GroundTracks.of(rows), Watched()) if one.kind == TOGETHER]
    assert [one.track_ids for one in events] == [("a", "b", "c")]
    assert events[0].probability == pytest.approx(0.9**3, abs=1e-3)
    assert not [one for one in find_events(GroundTracks.of(rows[:2]), Watched()) if one.kind == TOGETHER]


def test_the_order_of_tracks_does_not_matter_and_nothing_gives_nothing() -> None:
    rows = [walk(name, straight(-15.0 + 3 * k, 1.0)) for k, name in enumerate("abc")]
    watched = Watched(lines=(LINE,))
    assert {one.event_id for one in find_events(GroundTracks.of(rows), watched)} == {
        one.event_id for one in find_events(GroundTracks.of(rows[::-1]), watched)
    }
    assert find_events(GroundTracks.of([]), watched) == []


def test_crossings_on_simulated_patrols_are_found_and_right() -> None:
    """Groups walk across a line under the camera, all positions shifted by one error of 4 m: against the truth."""
    rng = np.random.default_rng(12)
    right = wrong = missed = 0
    said: list[float] = []
    for _ in range(60):
        shift = rng.normal(0.0, 3.0, 2)
        true, seen = [], []
        for k in range(6):
            start, rate = rng.uniform(-60.0, 60.0), rng.uniform(-1.4, 1.4)
            places = np.array([(5.0 * k, start + rate * t) for t in range(25)])
            true.append(places)
            noisy = places + shift + rng.normal(0.0, 0.3, places.shape)
            seen.append(walk(f"t{k}", [tuple(p) for p in noisy.tolist()], sigma_m=3.0))
        events = {
            one.track_ids[0]: one
            for one in find_events(GroundTracks.of(seen), Watched(lines=(LINE,)))
            if one.kind == CROSSING and one.probability >= 0.5
        }
        said += [one.probability for one in events.values()]
        for k, places in enumerate(true):
            crossed = (places[0, 1] > 0) != (places[-1, 1] > 0)
            right += crossed and f"t{k}" in events
            missed += crossed and f"t{k}" not in events
            wrong += not crossed and f"t{k}" in events
    assert right / (right + wrong) > 0.85
    assert right / (right + missed) > 0.75
    assert right / (right + wrong) == pytest.approx(np.mean(said), abs=0.07)


def test_events_are_frozen_values() -> None:
    (event,) = find_events(GroundTracks.of([walk("a", straight(-15.0, 1.0))]), Watched(lines=(LINE,)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.kind = "other"  # type: ignore[misc]


def test_a_briefs_border_is_turned_so_that_our_side_is_left() -> None:
    from pathlib import Path

    from vedette.watched_border import watched_by

    asked = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
    watched = watched_by(asked, 30.0)
    assert watched.standing_s == 30.0
    assert watched.lines
    from missions.briefs.brief_file import read_brief

    site = read_brief(asked).launch[0]
    line = np.array(watched.lines[0])
    step = (line[-1] - line[0]) * (NORTH, EAST)
    off = (np.array([site.lat_deg, site.lon_deg]) - line[0]) * (NORTH, EAST)
    assert step[1] * off[0] - step[0] * off[1] > 0.0, "the launch site is on our side: left of the line"


def looks_that_drift(east_mps: float, seconds: int, make_pose: Callable[..., Pose]) -> Looks:
    """A picture a second, each of which puts the ground further east than the one before, as comparing them shows."""
    camera = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)
    return Looks.of(
        [
            Look(make_pose(t_utc_ns=T0 + k * 1_000_000_000), camera, shift=Shift(east_mps, 0.0, 0.1) if k else None)
            for k in range(seconds)
        ]
    )


def test_where_pictures_were_compared_standing_is_told_within_seconds(make_pose: Callable[..., Pose]) -> None:
    """The poses drift by half a metre a second: who stands seems to walk, and who walks against it seems to stand."""
    watched, drifting = Watched(standing_s=6.0), looks_that_drift(0.5, 12, make_pose)
    seems_to_walk = GroundTracks.of([walk("a", [(0.5 * k, 100.0) for k in range(12)], sigma_m=4.0)])
    seems_to_stand = GroundTracks.of([walk("a", [(0.0, 100.0)] * 12, sigma_m=4.0)])
    told = {one.kind: one for one in find_events(seems_to_walk, watched, drifting)}
    assert told[STANDING].probability > 0.6
    assert told[STANDING].details == {"seconds": 6.0}
    assert STANDING not in {one.kind for one in find_events(seems_to_stand, watched, drifting)}
    for tracks in (seems_to_walk, seems_to_stand):  # by the poses alone nobody knows
        assert all(one.probability < 0.3 for one in find_events(tracks, watched) if one.kind == STANDING)
