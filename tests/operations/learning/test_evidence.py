"""Looks and finds out of real operations: counted by hand beside, judged, erased and superseded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from operations.columns import frames_table
from operations.finding.archive import Archive
from operations.frames import FrameRecord, Frames
from operations.learning.evidence import READER_RIGHT, evidence, shares_of_looks
from operations.log.leaves import LeafKind
from operations.outcomes import FromTheSpot, record_outcome
from operations.store import OperationStore
from operations.values import Decision, Outcome, Verdict
from tests.operations.finding.conftest import HOUR_NS, T0_NS, add_run, made_night, made_operation

PLACES = np.array([[50.05, 8.05], [50.001, 8.3]])
"""In the middle of what every flight of the made nights looks at, and where none does."""
REACH_M = 4_000.0
NIGHTS = 3
S_NS = 1_000_000_000


@pytest.fixture
def store(tmp_path):
    made_operation(tmp_path / "op", nights=NIGHTS)
    ticks = itertools.count(T0_NS, 1_000_000_000)
    with OperationStore.open(tmp_path / "op", actor="ana", clock=lambda: next(ticks)) as opened:
        yield opened


def learned(store):
    with Archive([store]) as archive:
        return evidence(archive, PLACES, reach_m=REACH_M)


def tracks_near(store):
    """Return (night, track id, run id) of the tracks whose last point lies in reach of the first place."""
    found = []
    for row in store.table("tracks").to_pylist():
        north = (row["lat_deg"][-1] - PLACES[0, 0]) * 111_200.0
        east = (row["lon_deg"][-1] - PLACES[0, 1]) * 111_200.0 * np.cos(np.radians(50.05))
        if np.hypot(north, east) < REACH_M - 20.0:
            found.append((int(row["run_id"], 16), row["track_id"], row["run_id"]))
    return found


def judge(store, run_id, track_id, decision, *, confirmed=True):
    verdict = Verdict(
        verdict_id=f"v-{track_id}-{decision}", run_id=run_id, decision=decision, track_id=track_id, confirmed=confirmed
    )
    store.append(LeafKind.VERDICT, verdict.verdict_id, verdict.body())


def test_looks_that_found_nothing_count_where_flights_looked_and_nowhere_else(store):
    known = learned(store)
    assert known.nights.looks.tolist() == [[1.0, 0.0]] * NIGHTS
    assert known.nights.found.sum() == 0.0
    assert known.empty_looks == NIGHTS
    assert known.undecided == len(tracks_near(store)) > 3
    assert (known.confirmed, known.dismissed, known.reported) == (0, 0, 0)


@pytest.mark.parametrize("lon", [8.05, 150.0, -172.0])
def test_a_night_goes_from_local_noon_to_local_noon(tmp_path, rng, clock, lon):
    local_h = [11.5, 12.5, 18.0, 23.5, 27.0, 35.5, 36.5]  # the sun stands in the south at 12 and 36
    ring = tuple((lon + dx, 50.05 + dy) for dx, dy in ((-0.01, -0.01), (0.01, -0.01), (0.0, 0.01), (-0.01, -0.01)))
    with OperationStore.create(tmp_path / "local", name="Local", actor="ana", clock=clock) as store:
        for number, hour in enumerate(local_h):
            t_utc_ns = T0_NS + round((hour - lon / 15.0) * HOUR_NS)
            row = FrameRecord(media_id=f"{number:064x}", frame_index=0, t_utc_ns=t_utc_ns, footprint_lon_lat=ring)
            frames = frames_table(Frames.of([row]), run_id=f"{number:016x}")
            add_run(store, number, *made_night(rng, number, 1, 0, west=lon + 5.0), frames=frames)
        with Archive([store]) as archive:
            known = evidence(archive, np.array([[50.05, lon]]), reach_m=REACH_M)
    assert known.nights.looks[:, 0].tolist() == [1.0, 5.0, 1.0]
    day = T0_NS // (24 * HOUR_NS)
    assert known.nights.night.tolist() == [day - 1, day, day + 1]  # a night bears the day of its evening


def test_confirmed_counts_as_often_as_readers_are_right_dismissed_and_proposals_not(store):
    (night, yes, run), (_, no, other), (_, maybe, third), *_ = tracks_near(store)
    judge(store, run, yes, Decision.CONFIRMED)
    judge(store, other, no, Decision.DISMISSED)
    judge(store, third, maybe, Decision.CONFIRMED, confirmed=False)
    known = learned(store)
    prior = READER_RIGHT[0] / sum(READER_RIGHT)
    assert known.nights.found.sum() == pytest.approx(prior)
    assert known.nights.found[night, 0] == pytest.approx(prior)
    assert (known.confirmed, known.dismissed) == (1, 1)


def test_a_patrols_word_counts_over_a_readers(store):
    near = tracks_near(store)
    for (_, track, run), decision, found in zip(
        near,
        (Decision.CONFIRMED, Decision.DISMISSED, Decision.CONFIRMED, Decision.CONFIRMED),
        (Outcome.ANIMAL, Outcome.FOUND, Outcome.FOUND, Outcome.NOTHING),
        strict=False,
    ):
        judge(store, run, track, decision)
        record_outcome(store, FromTheSpot(found=found), track_id=track)
    known = learned(store)
    right = (READER_RIGHT[0] + 1.0) / (sum(READER_RIGHT) + 2.0)  # an animal against, a find for; "nothing" says neither
    assert known.reader_right == pytest.approx(right)
    assert known.nights.found.sum() == pytest.approx(0.0 + 1.0 + 1.0 + right / 2.0)
    assert known.reported == 4


def test_what_was_erased_is_forgotten(store):
    for _, track, run in tracks_near(store):
        judge(store, run, track, Decision.CONFIRMED)
    before = learned(store)
    store.append(LeafKind.ERASURE, f"{1:064x}", {"files": []})
    after = learned(store)
    assert after.nights.looks.sum() == before.nights.looks.sum() - 1.0
    assert len(after.nights.night) == NIGHTS - 1
    assert after.nights.found.sum() == pytest.approx(before.nights.found.sum() - before.nights.found[1].sum())


def test_a_pass_soon_after_another_is_the_share_of_a_look_in_which_somebody_new_can_have_come():
    passes = np.array([[0, T0_NS], [1, T0_NS + 10 * S_NS], [0, T0_NS + 150 * S_NS], [0, T0_NS + 2_000 * S_NS]])
    assert shares_of_looks(passes, 600.0).tolist() == [1.0, 1.0, 0.25, 1.0]
    assert shares_of_looks(passes, 0.0).tolist() == [1.0] * 4
    assert shares_of_looks(passes[:0], 600.0).tolist() == []
