"""Pictures without hits are sampled by nobody's will, and what people see in them becomes a share with its doubt."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from operations.columns import frames_table
from operations.exports.handed import Handed
from operations.exports.score_table import score_table
from operations.finding.archive import Archive
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.frames import FrameRecord, Frames
from operations.learning.unflagged import PER_RUN, InPicture, Looked, looked, sample, say, words
from operations.store import OperationStore
from tests.operations.finding.conftest import T0_NS, add_run, made_night, made_operation

NOW_NS = 1_767_300_000_000_000_000


def add_pictures(path, count=30):
    """Add a night with pictures, most of them without any hit."""
    hits, tracks = made_night(np.random.default_rng(5), 5, 2, 2)
    rows = [
        FrameRecord(media_id=f"{5:064x}", frame_index=10 + k, t_utc_ns=T0_NS + k * 10**9, media_t_ns=k * 10**9)
        for k in range(count)
    ]
    with OperationStore.open(path, actor="ana", clock=lambda: NOW_NS) as store:
        add_run(store, 5, hits, tracks, frames=frames_table(Frames.of(rows), run_id=f"{5:016x}"))


@pytest.fixture
def opened(tmp_path):
    path = made_operation(tmp_path / "op", nights=1)
    add_pictures(path)
    with OperationStore.open(path, actor="ana", clock=lambda: NOW_NS) as store, Archive([store]) as archive:
        yield store, archive


def test_the_sample_is_of_pictures_without_hits_and_the_same_each_time(opened):
    store, archive = opened
    with_hits = {
        (row["run_id"], row["media_id"], row["stream"], row["frame_index"]) for row in store.table("hits").to_pylist()
    }
    every = [
        (row["run_id"], row["media_id"], row["stream"], row["frame_index"]) for row in store.table("frames").to_pylist()
    ]
    wanted = {one for one in every if one not in with_hits}
    found = sample(archive, 0)
    names = {(one.run_id, one.media_id, one.stream, one.frame_index) for one in found}
    assert names < wanted < set(every)
    assert len(found) == PER_RUN
    assert [one.frame_index for one in found] != sorted(one.frame_index for one in found)
    assert found == sample(archive, 0)


def test_what_people_saw_stands_side_by_side_and_leaves_with_the_scores(opened):
    store, archive = opened
    first, second, third, *_ = pictures = sample(archive, 0)
    say(store, first, InPicture.SOMETHING, "a person under the tree")
    say(store, second, InPicture.SOMETHING, "")
    say(store, second, InPicture.NOTHING, "")  # ana looked again
    say(store, third, InPicture.UNSURE, "")
    with OperationStore.open(store.path, actor="ben", clock=lambda: NOW_NS) as other:
        say(other, first, InPicture.NOTHING, "")
    told = looked(pictures, words(store))
    assert told == Looked(sampled=len(pictures), looked_at=2, with_something=1, in_conflict=1)
    things = find(archive, ThingIndex(archive), ThingSelection()).things
    handed = Handed.of(archive, things, now_utc_ns=NOW_NS, case="7")
    (leaves,) = json.loads(score_table(handed))["unflagged_pictures"]
    assert (leaves["looked_at"], leaves["with_something"], leaves["share"]) == (2, 1, 0.5)


@pytest.mark.parametrize(("missed", "seen"), [(0, 20), (3, 40), (20, 20)])
def test_the_interval_is_that_of_the_binomial_itself(missed, seen):
    low, high = Looked(sampled=99, looked_at=seen, with_something=missed, in_conflict=0).body()["share_95"]
    if missed:
        assert binom.sf(missed - 1, seen, low) == pytest.approx(0.025, abs=2e-3)
    if missed < seen:
        assert binom.cdf(missed, seen, high) == pytest.approx(0.025, abs=2e-3)
    assert low <= missed / seen <= high


def test_nobody_looked_says_nothing():
    told = Looked(sampled=5, looked_at=0, with_something=0, in_conflict=0).body()
    assert (told["share"], told["share_95"]) == (None, [0.0, 1.0])
