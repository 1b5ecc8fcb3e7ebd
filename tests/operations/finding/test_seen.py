from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
import shapely

from detection.ground_hits import UNKNOWN_NS
from operations.columns import frames_table
from operations.finding.archive import Archive
from operations.finding.ground import Ground
from operations.finding.seen import FootprintIndex, seen
from operations.frames import FrameRecord, Frames
from operations.log.leaves import LeafKind
from tests.operations.finding.conftest import HOUR_NS, T0_NS, add_run, made_night

STEP_NS = 4_000_000_000


def flight(night: int, centres, *, half: float = 0.002, step_ns: int = STEP_NS, dated: bool = True, **where):
    """Return frames that look at ground taller than wide; a centre of None is a frame without footprint."""
    rows = []
    for k, centre in enumerate(centres):
        ring = ()
        if centre is not None:
            lat, lon = centre
            corners = ((-half, -half), (half, -half), (half, half), (-half, half), (-half, -half))
            ring = tuple((lon + dx, lat + 1.6 * dy) for dx, dy in corners)
        rows.append(
            FrameRecord(
                media_id=f"{night:064x}",
                frame_index=k * 12,
                t_utc_ns=T0_NS + night * 24 * HOUR_NS + k * step_ns if dated else -1,
                media_t_ns=k * step_ns,
                footprint_lon_lat=ring,
                **where,
            )
        )
    return Frames.of(rows)


@pytest.fixture
def fly(make_operation, rng):
    """Return a function that makes an operation with a run for each flight."""

    def make(name, flights):
        store = make_operation(name, {})
        for night, frames in flights.items():
            add_run(store, night, *made_night(rng, night, 1, 0), frames=frames_table(frames, run_id=f"{night:016x}"))
        return store

    return make


def ask(archive, ground, **times):
    return seen(archive, FootprintIndex(archive), ground, **times)


def test_every_moment_is_that_of_a_search_footprint_by_footprint(fly, rng, tmp_path):
    flights = {n: flight(n, np.cumsum(rng.normal(0, 0.0015, (40, 2)), axis=0) + (50.0, 8.0)) for n in range(4)}
    stores = [fly("a", {0: flights[0], 1: flights[1]}), fly("b", {2: flights[2], 3: flights[3]})]
    with Archive(stores) as archive:
        for _ in range(30):
            lat, lon = 50.0 + rng.normal(0, 0.004), 8.0 + rng.normal(0, 0.004)
            answer = ask(archive, Ground.point(lat, lon))
            looks = sorted(
                frames.t_utc_ns[row]
                for frames in flights.values()
                for row in frames.with_footprint.tolist()
                if shapely.Polygon(frames.ring(row)).contains(shapely.Point(lon, lat))
            )
            assert sum(one.looks for one in answer.passes) == len(looks)
            assert answer.last_utc_ns == (looks[-1] if looks else UNKNOWN_NS)
            for one in answer.passes:
                inside = [t for t in looks if one.from_utc_ns <= t <= one.to_utc_ns]
                assert inside == [one.from_utc_ns + k * STEP_NS for k in range(one.looks)]
            assert answer.recordings == 4


def test_a_pass_ends_where_the_ground_leaves_the_picture_or_looks_lie_too_far_apart(fly):
    here, there = (50.0, 8.0), (50.1, 8.0)
    store = fly(
        "a", {0: flight(0, [here, here, None, here, there, here]), 1: flight(1, [here, here], step_ns=60 * 10**9)}
    )
    with Archive([store]) as archive:
        answer = ask(archive, Ground.point(50.0, 8.0))
    found = sorted((one.run_id[-1], one.looks, (one.to_utc_ns - one.from_utc_ns) // 10**9) for one in answer.passes)
    assert found == [("0", 1, 0), ("0", 3, 12), ("1", 1, 0), ("1", 1, 0)]


@pytest.mark.parametrize("which", ["two aircraft", "two cameras"])
def test_looks_of_two_recordings_at_one_time_are_two_passes(make_operation, rng, which):
    here = (50.0, 8.0)
    first, second = flight(0, [here] * 3), flight(0, [here] * 2, stream=int(which == "two cameras"))
    store = make_operation("a", {})
    if which == "two cameras":
        both = pa.concat_tables([frames_table(frames, run_id=f"{0:016x}") for frames in (first, second)])
        add_run(store, 0, *made_night(rng, 0, 1, 0), frames=both)
    else:
        for number, frames in enumerate((first, second)):
            rows = frames_table(frames, run_id=f"{number:016x}")
            add_run(store, number, *made_night(rng, number, 1, 0), frames=rows)
    with Archive([store]) as archive:
        answer = ask(archive, Ground.point(*here))
    assert sorted((one.looks, one.from_utc_ns - T0_NS, one.to_utc_ns - T0_NS) for one in answer.passes) == [
        (2, 0, STEP_NS),
        (3, 0, 2 * STEP_NS),
    ]


def test_not_seen_undated_and_unknown_are_told_apart(fly):
    store = fly("a", {0: flight(0, [(50.0, 8.0)] * 3, dated=False), 1: flight(1, [None, None])})
    with Archive([store]) as archive:
        answer = ask(archive, Ground.point(50.0, 8.0))
        assert [(one.from_utc_ns, one.media_from_ns) for one in answer.passes] == [
            (UNKNOWN_NS, k * STEP_NS) for k in (0, 1, 2)
        ]
        assert answer.without_footprints == ((0, f"{1:016x}"),)
        assert ask(archive, Ground.point(51.0, 8.0)).passes == ()
        assert ask(archive, Ground.point(50.0, 8.0), from_utc_ns=T0_NS).passes == ()


def test_an_index_that_is_asked_again_forgets_what_was_superseded_and_takes_in_what_came(fly, rng):
    """As where every stretch of a border is asked about in turn, while a stream's recording replaces its live run."""
    here, there = (50.0, 8.0), (50.1, 8.0)
    store = fly("a", {0: flight(0, [here] * 3), 1: flight(1, [there])})
    with Archive([store]) as archive:
        index = FootprintIndex(archive)
        assert [one.looks for one in seen(archive, index, Ground.point(*here)).passes] == [3]
        (old,) = [run for run in store.runs() if run.run_id == f"{0:016x}"]
        anew = add_run(
            store, 2, *made_night(rng, 2, 1, 0), frames=frames_table(flight(2, [here] * 2), run_id=f"{2:016x}")
        )
        store.append(LeafKind.RUN, anew.run_id, dataclasses.replace(anew, supersedes=old.run_id).body())
        answer = seen(archive, index, Ground.point(*here))
        assert [(one.run_id, one.looks) for one in answer.passes] == [(anew.run_id, 2)]
        assert [one.looks for one in seen(archive, index, Ground.point(*there)).passes] == [1]


def test_times_areas_and_the_antimeridian(fly, tmp_path):
    west_of_it = [(0.0, 179.9995)] * 2
    store = fly("a", {0: flight(0, west_of_it), 1: flight(1, [(0.0, -179.9995)])})
    ring = [[179.9999, -0.1], [-179.9, -0.1], [-179.9, 0.1], [179.9999, 0.1], [179.9999, -0.1]]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    with Archive([store]) as archive:
        for ground in (Ground.point(0.0, -179.9990), Ground.point(0.0, 179.9991), Ground.read(tmp_path / "a.geojson")):
            assert sum(one.looks for one in ask(archive, ground).passes) == 3
        assert len(ask(archive, Ground.point(0.0, 180.0), from_utc_ns=T0_NS + 24 * HOUR_NS).passes) == 1
        assert len(ask(archive, Ground.point(0.0, 180.0), to_utc_ns=T0_NS + HOUR_NS).passes) == 1


def test_an_area_with_a_hole_is_the_ground_about_the_hole(fly, tmp_path):
    def square(half):
        return [[8.0 + dx * half, 50.0 + dy * half] for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]

    (tmp_path / "a.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [square(0.02), square(0.01)]}))
    area = Ground.read(tmp_path / "a.geojson")
    assert area.holds(np.array([50.0, 50.015, 50.03]), np.array([8.0, 8.0, 8.0])).tolist() == [False, True, False]
    store = fly("a", {0: flight(0, [(50.0, 8.0)]), 1: flight(1, [(50.015, 8.0)])})
    with Archive([store]) as archive:
        assert [one.run_id[-1] for one in ask(archive, area).passes] == ["1"]


def test_frames_over_other_ground_are_never_opened(fly):
    store = fly("a", {0: flight(0, [(50.0, 8.0)]), 1: flight(1, [(60.0, 8.0)])})
    lost = next(part for part in store.parts("frames") if part.run_id.endswith("1"))
    assert lost.seen_bbox_deg == pytest.approx((59.9968, 7.998, 60.0032, 8.002))
    (store.path / lost.file).unlink()
    with Archive([store]) as archive:
        assert len(ask(archive, Ground.point(50.0, 8.0)).passes) == 1
