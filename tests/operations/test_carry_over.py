from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.ground_hits import GroundHit, GroundHits
from detection.ground_tracks import GroundTrack, GroundTracks
from operations.carry_over import RunRows, carry_over
from operations.values import Decision, Outcome, PatrolOutcome, Verdict

SECOND = 1_000_000_000


def run_rows(walkers, *, boxes=True, shift_m=0.0, seconds=range(10), name="old"):
    """Return the rows of walkers, given by where they start (metres east) and how fast they walk."""
    hits, tracks = [], []
    for number, (start_m, speed_mps) in enumerate(walkers):
        own = []
        for second in seconds:
            east_m = start_m + speed_mps * second + shift_m
            x = 10.0 * start_m + 12.0 * second if boxes else 5_000.0
            own.append(
                GroundHit(
                    hit_id=f"{name}-{number}-{second}",
                    media_id="m",
                    frame_index=second if boxes else 10_000 + second,
                    t_utc_ns=second * SECOND,
                    class_name="person",
                    score_raw=0.9,
                    box_px=(x, 0.0, x + 8.0, 20.0),
                    lat_deg=50.0,
                    lon_deg=8.0 + east_m / 71_700.0,
                    ce90_m=5.0,
                )
            )
        hits += own
        tracks.append(
            GroundTrack(
                track_id=f"T-{name}-{number}",
                class_name="person",
                t_utc_ns=tuple(hit.t_utc_ns for hit in own),
                lat_deg=tuple(hit.lat_deg for hit in own),
                lon_deg=tuple(hit.lon_deg for hit in own),
                ce90_m=tuple(hit.ce90_m for hit in own),
                speed_mps=speed_mps,
                heading_deg=90.0,
                hit_ids=tuple(hit.hit_id for hit in own),
            )
        )
    return RunRows(hits=GroundHits.of(hits), tracks=GroundTracks.of(tracks))


def judged(number=0, **what):
    return Verdict(
        verdict_id="v1", run_id="one", decision=Decision.CONFIRMED, **{"track_id": f"T-old-{number}", **what}
    )


WALKERS = [(0.0, 1.0), (40.0, -1.0), (200.0, 0.0)]
OLD = run_rows(WALKERS)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    "new",
    [
        run_rows(WALKERS, name="new"),
        run_rows(WALKERS, name="new", shift_m=60.0),  # other ground or mount: the boxes are the same
        run_rows(WALKERS, name="new", boxes=False, shift_m=2.0),  # other frames: time and place are the same
        run_rows(WALKERS, name="new", seconds=range(1, 10, 2), boxes=False),
    ],
)
def test_a_verdict_goes_to_the_track_that_meets_the_old_one(number, new):
    (proposed,) = carry_over([judged(number, note="n")], OLD, new, run_id="two")
    assert proposed.track_id == f"T-new-{number}"
    assert (proposed.run_id, proposed.carried_from, proposed.confirmed) == ("two", "v1", False)
    assert (proposed.decision, proposed.note) == (Decision.CONFIRMED, "n")


@pytest.mark.parametrize(
    "new",
    [
        run_rows([], name="new"),
        run_rows([(5_000.0, 1.0)], name="new", boxes=False),
        run_rows(WALKERS[:1], name="new", seconds=range(100, 110)),
        run_rows(WALKERS[:1], name="new", seconds=range(0, 4)),  # fewer than half of the points
    ],
)
def test_a_verdict_without_a_counterpart_is_not_carried(new):
    assert carry_over([judged()], OLD, new, run_id="two") == []


def test_an_outcome_goes_with_the_track_and_waits_to_be_confirmed():
    told = PatrolOutcome(outcome_id="o1", run_id="one", found=Outcome.ANIMAL, track_id="T-old-2", at_t_utc_ns=7)
    (proposed,) = carry_over([told], OLD, run_rows(WALKERS, name="new"), run_id="two")
    assert (proposed.track_id, proposed.run_id, proposed.carried_from) == ("T-new-2", "two", "o1")
    assert (proposed.found, proposed.at_t_utc_ns, proposed.confirmed) == (Outcome.ANIMAL, 7, False)
    assert proposed.outcome_id != "o1"


def test_walkers_who_cross_are_told_apart_by_their_boxes():
    crossing = [(0.0, 2.0), (18.0, -2.0)]
    new = run_rows(crossing[::-1], name="new", shift_m=1.0)
    (proposed,) = carry_over([judged(0)], run_rows(crossing), new, run_id="two")
    assert proposed.track_id == "T-new-1"


def test_verdicts_on_single_hits_go_to_the_same_boxes():
    new = run_rows(WALKERS, name="new", shift_m=100.0)
    value = judged(track_id="", hit_ids=("old-0-3", "old-2-4", "never-was"))
    (proposed,) = carry_over([value], OLD, new, run_id="two")
    assert (proposed.track_id, proposed.hit_ids) == ("", ("new-0-3", "new-2-4"))


def test_the_same_proposal_made_twice_has_one_id_and_on_another_run_another():
    new = run_rows(WALKERS, name="new")
    ids = [carry_over([judged()], OLD, new, run_id=run)[0].verdict_id for run in ("two", "two", "three")]
    assert ids[0] == ids[1] != ids[2]


def test_a_track_across_the_antimeridian_is_met():
    def moved(rows):
        lon = (rows.tracks.lon_deg - 8.0 + 179.9999 + 180.0) % 360.0 - 180.0
        return RunRows(hits=rows.hits, tracks=dataclasses.replace(rows.tracks, lon_deg=np.asarray(lon)))

    old, new = moved(run_rows([(0.0, 3.0)])), moved(run_rows([(0.0, 3.0)], name="new", boxes=False))
    assert (old.tracks.lon_deg < 0).any()
    assert len(carry_over([judged()], old, new, run_id="two")) == 1


def named(rows, *media):
    """Return rows with other names for their media, in turn."""
    hits = [dataclasses.replace(hit, media_id=media[number % len(media)]) for number, hit in enumerate(rows.hits)]
    return RunRows(hits=GroundHits.of(hits), tracks=rows.tracks)


def test_a_live_stream_and_its_recording_are_one_medium_under_two_names():
    hit = judged(track_id="", hit_ids=("old-0-3",))
    new = run_rows(WALKERS, name="new", shift_m=5_000.0)
    (proposed,) = carry_over([hit], named(OLD, "live"), named(new, "recording"), run_id="two")
    assert proposed.hit_ids == ("new-0-3",)


def test_where_there_are_several_media_a_hit_stays_in_its_own():
    hit = judged(track_id="", hit_ids=("old-0-3",))
    new = run_rows(WALKERS, name="new", shift_m=5_000.0)
    assert carry_over([hit], named(OLD, "a", "b"), named(new, "b", "a"), run_id="two") == []
    assert carry_over([hit], named(OLD, "a"), named(new, "b", "c"), run_id="two") == []
    (proposed,) = carry_over([hit], named(OLD, "a", "b"), named(new, "a", "b"), run_id="two")
    assert proposed.hit_ids == ("new-0-3",)
