from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.looks import Look, Looks, Shift
from geo.values import CameraModel, Unplaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.ground_hits import GroundHit
    from geo.values import Pose


def walk(
    make_hit: Callable[..., GroundHit], lines: list[tuple[float, float, float, float]], **options: object
) -> GroundHits:
    """Hits of things on straight lines (east, north, east rate, north rate), with a drift common to a frame."""
    seconds = float(options.get("seconds", 12.0))  # type: ignore[arg-type]
    fps = float(options.get("fps", 3.0))  # type: ignore[arg-type]
    drift_m = float(options.get("drift_m", 0.0))  # type: ignore[arg-type]
    jitter_m = float(options.get("jitter_m", 0.1))  # type: ignore[arg-type]
    gap = options.get("gap", (1e9, 1e9))
    rng = np.random.default_rng(int(options.get("seed", 3)))  # type: ignore[call-overload]
    hits: list[GroundHit] = []
    drift = rng.normal(0.0, drift_m, 2)
    for k in range(int(seconds * fps)):
        t = k / fps
        drift = drift * 0.98 + rng.normal(0.0, drift_m * 0.2, 2)
        if gap[0] <= t <= gap[1]:  # type: ignore[index]
            continue
        for thing, (e, n, ve, vn) in enumerate(lines):
            place = np.array([e + ve * t, n + vn * t]) + drift + rng.normal(0.0, jitter_m, 2)
            hits.append(make_hit(1000 * thing + k, t, *place, frame_index=k))
    return GroundHits.of(hits)


def pure(marked: GroundHits) -> dict[int, set[str]]:
    """Track ids each thing got; things are thousands of the hit number."""
    found: dict[int, set[str]] = {}
    for hit in marked:
        found.setdefault(int(hit.hit_id) // 1000, set()).add(hit.track_id)
    return found


def test_one_walker_is_one_track_with_its_speed_and_heading(make_hit: Callable[..., GroundHit]) -> None:
    marked, tracks = track(walk(make_hit, [(0.0, 0.0, 1.0, 1.0)]))
    assert len(tracks) == 1
    assert {hit.track_id for hit in marked} == {tracks[0].track_id}
    assert tracks[0].speed_mps == pytest.approx(2**0.5, abs=0.1)
    assert tracks[0].heading_deg == pytest.approx(45.0, abs=4.0)
    assert tracks[0].hit_ids == tuple(hit.hit_id for hit in marked)
    assert len(tracks[0].lat_deg) == len(tracks[0].t_utc_ns) == len(tracks[0].ce90_m) == 36
    assert tracks[0].ce90_m[5] == marked[5].ce90_m


def test_a_file_of_people_two_metres_apart_keeps_its_ids_under_a_common_drift(
    make_hit: Callable[..., GroundHit],
) -> None:
    lines = [(0.0, 2.0 * k + 0.3 * (k % 2), 1.2, 0.0) for k in range(5)]
    marked, tracks = track(walk(make_hit, lines, drift_m=3.0))
    assert len(tracks) == 5
    assert all(len(ids) == 1 for ids in pure(marked).values())


def switches(marked: GroundHits) -> int:
    """How often a thing's track id changes; things are thousands of the hit number."""
    changes, last = 0, {}
    for hit in sorted(marked, key=lambda one: one.t_utc_ns):
        thing = int(hit.hit_id) // 1000
        changes += bool(hit.track_id) and last.get(thing, hit.track_id) != hit.track_id
        last[thing] = hit.track_id or last.get(thing, hit.track_id)
    return changes


def test_taking_common_drift_for_fresh_noise_swaps_them(make_hit: Callable[..., GroundHit]) -> None:
    """The reason for the alignment: a filter that takes all of the variance for each hit's own loses the ids."""
    lines = [(0.0, 2.0 * k + 0.5 * (k % 2), 1.2, 0.0) for k in range(5)]
    aligned, plain = 0, 0
    for seed in range(6):
        hits = walk(make_hit, lines, drift_m=3.0, seed=seed, seconds=20.0)
        kept = np.random.default_rng(seed).random(len(hits)) > 0.2
        seen = hits.take(kept)
        aligned += switches(track(seen)[0])
        plain += switches(track(seen, TrackerSettings(own_share=1.0, white_share=1e-9, drift_time_s=1e9))[0])
    assert plain > 4 * aligned


def test_two_who_cross_keep_their_ids(make_hit: Callable[..., GroundHit]) -> None:
    marked, tracks = track(walk(make_hit, [(-8.0, 0.0, 1.4, 0.0), (8.0, 1.0, -1.4, 0.0)], drift_m=1.0))
    assert len(tracks) == 2
    assert all(len(ids) == 1 for ids in pure(marked).values())


def test_a_vehicle_is_followed_at_one_frame_a_second(make_hit: Callable[..., GroundHit]) -> None:
    hits = [make_hit(k, float(k), 11.0 * k, 0.0, class_name="vehicle") for k in range(10)]
    _, tracks = track(GroundHits.of(hits))
    assert len(tracks) == 1
    assert tracks[0].speed_mps == pytest.approx(11.0, abs=0.5)


def test_a_person_beside_a_vehicle_are_two_and_one_that_is_called_both_is_one(
    make_hit: Callable[..., GroundHit],
) -> None:
    beside = [
        make_hit(100 * j + k, k / 3, 0.0, 2.0 * j, class_name=name)
        for k in range(12)
        for j, name in enumerate(("person", "vehicle"))
    ]
    marked, tracks = track(GroundHits.of(beside))
    assert sorted(one.class_name for one in tracks) == ["person", "vehicle"]
    assert {hit.track_id for hit in marked if hit.class_name == "person"} == {
        one.track_id for one in tracks if one.class_name == "person"
    }
    called = ["vehicle" if k == 5 else "person" for k in range(12)]
    hits = [make_hit(k, k / 3, 0.0, 0.0, class_name=name) for k, name in enumerate(called)]
    _, (one,) = track(GroundHits.of(hits))
    assert one.class_name == "person"
    assert 0.5 < dict(one.posterior)["person"] < 1.0
    assert sum(dict(one.posterior).values()) == pytest.approx(1.0)


def test_a_short_gap_is_bridged_and_a_plausible_long_one_is_joined(make_hit: Callable[..., GroundHit]) -> None:
    short = walk(make_hit, [(0.0, 0.0, 1.0, 0.0)], gap=(4.0, 6.0))
    assert len(track(short)[1]) == 1
    long = walk(make_hit, [(0.0, 0.0, 1.0, 0.0)], seconds=40.0, gap=(8.0, 17.0))
    assert len(track(long)[1]) == 1
    assert len(track(long, TrackerSettings(stitch_gap_s=0.0))[1]) == 2
    next_pass = walk(make_hit, [(0.0, 0.0, 1.0, 0.0)], seconds=40.0, gap=(8.0, 24.0))
    assert len(track(next_pass)[1]) == 2  # is left to detection.same_thing


def test_what_cannot_be_the_same_thing_is_not_joined(make_hit: Callable[..., GroundHit]) -> None:
    first = [make_hit(k, k / 3, 0.0, 0.0) for k in range(9)]
    far = [make_hit(100 + k, 8.0 + k / 3, 400.0, 0.0) for k in range(9)]
    assert len(track(GroundHits.of(first + far))[1]) == 2


def test_an_ambiguous_join_is_left_open(make_hit: Callable[..., GroundHit]) -> None:
    before = [make_hit(k, k / 3, 0.0, 0.0) for k in range(9)]
    after = [make_hit(100 * s + k, 8.0 + k / 3, 0.0, 3.0 * (-1) ** s) for s in (1, 2) for k in range(9)]
    assert len(track(GroundHits.of(before + after))[1]) == 3


def test_weak_hits_are_no_track_and_unplaced_hits_pass_through(make_hit: Callable[..., GroundHit]) -> None:
    nowhere = make_hit(9, 0.0, 0.0, 0.0, lat_deg=float("nan"), reason=Unplaced.NO_POSE)
    hits = [make_hit(1, 0.0, 0.0, 0.0, score_raw=0.3), nowhere, make_hit(2, 2.4, 0.0, 0.0, score_raw=0.3)]
    marked, tracks = track(GroundHits.of(hits))
    assert len(tracks) == 0
    assert [repr(hit) for hit in marked] == [repr(hit) for hit in GroundHits.of(hits)]


def test_the_order_of_the_hits_does_not_matter(make_hit: Callable[..., GroundHit], rng: np.random.Generator) -> None:
    hits = walk(make_hit, [(0.0, 3.0 * k, 1.0, 0.1 * k) for k in range(4)], drift_m=2.0)
    marked, tracks = track(hits)
    order = rng.permutation(len(hits))
    shuffled, again = track(hits.take(order))
    assert [repr(one) for one in again] == [repr(one) for one in tracks]
    back = shuffled.take(np.argsort(order))
    assert [repr(hit) for hit in back] == [repr(hit) for hit in marked]


def test_a_picture_that_was_compared_with_none_may_lie_anywhere_its_pose_lets_it(
    make_hit: Callable[..., GroundHit], make_pose: Callable[..., Pose]
) -> None:
    """Of every three pictures two have no look of their own, and what they show lies a metre off somewhere."""
    rng, camera = np.random.default_rng(2), CameraModel.from_fov(hfov_deg=60.0, width_px=640, height_px=512)
    hits, looks = [], []
    for k in range(36):
        compared = k % 3 == 0
        off = np.zeros(2) if compared else rng.choice([-1.0, 1.0], 2)
        for thing in range(4):
            hits.append(make_hit(1000 * thing + k, k / 3, 1.2 * k / 3 + off[0], 3.0 * thing + off[1]))
        if compared:
            pose = make_pose(t_utc_ns=hits[-1].t_utc_ns, gimbal_yaw_deg=0.0, lat_deg=52.0 - 100.0 / 111_259.0)
            looks.append(Look(pose, camera, shift=Shift(0.0, 0.0, 0.05) if k else None))
    marked, tracks = track(GroundHits.of(hits), looks=Looks.of(looks))
    assert len(tracks) == 4
    assert all(len(ids) == 1 for ids in pure(marked).values())


def test_nothing_gives_nothing() -> None:
    marked, tracks = track(GroundHits.of([]))
    assert (len(marked), len(tracks)) == (0, 0)
