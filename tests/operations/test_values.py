from __future__ import annotations

import hashlib
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.log.leaves import Leaf, LeafKind, decode, encode
from operations.values import (
    Decision,
    MediaKind,
    MediaRecord,
    Member,
    Outcome,
    PartRecord,
    PatrolOutcome,
    RunKind,
    RunRecord,
    RunState,
    Verdict,
    run_id_of,
)

RECORDS = [
    MediaRecord(
        id="ab" * 32,
        name="x\x1b[31m.ts",
        kind=MediaKind.PICTURES,
        size_bytes=3,
        members=(Member(path="a/b.jpg", size_bytes=3, sha256="cd" * 32, suffix=".jpg"),),
    ),
    RunRecord(
        run_id="0" * 16,
        media_ids=("ab" * 32,),
        kind=RunKind.LIVE,
        state=RunState.STOPPED,
        settings={"model": "m", "sigmas": {"yaw_deg": 2.0}},
        counts={"hits": 3},
        problems=("one", "two"),
        supersedes="1" * 16,
    ),
    PartRecord(
        run_id="0" * 16,
        table="hits",
        file="parts/x/hits-0000.parquet",
        size_bytes=3,
        sha256="ef" * 32,
        rows=2,
        bbox_deg=(-1.5, 179.0, 0.25, -179.0),
        t_utc_ns=(1, 2**62),
        classes=("person",),
    ),
    Verdict(verdict_id="v", run_id="0" * 16, decision=Decision.DISMISSED, hit_ids=("a", "b"), note="dog"),
    PatrolOutcome(outcome_id="o", run_id="0" * 16, found=Outcome.ANIMAL, track_id="T-1", at_t_utc_ns=3),
    Verdict(verdict_id="v", run_id="0" * 16, decision=Decision.UNDECIDED, confirmed=False, carried_from="w"),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_comes_back_from_the_log_as_it_went_in(record):
    leaf = Leaf(seq=1, t_utc_ns=2, actor="a", kind=LeafKind.NOTE, subject="s", body=record.body())
    assert type(record).of(decode(encode(leaf)).body) == record


@pytest.mark.parametrize("record", RECORDS)
def test_what_a_later_version_added_is_passed_over(record):
    assert type(record).of({**record.body(), "mood_of_the_operator": 3}) == record


SETTINGS = st.dictionaries(
    st.text(string.ascii_lowercase, max_size=8), st.one_of(st.integers(), st.text(max_size=8), st.none()), max_size=5
)


@settings(deadline=None)
@given(SETTINGS)
def test_a_runs_id_is_the_hash_that_its_documentation_says(chosen):
    text = json.dumps([["m"], chosen, 2], sort_keys=True, separators=(",", ":"))
    assert run_id_of(["m"], chosen, 2) == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert run_id_of(["m"], dict(reversed(chosen.items())), 2) == run_id_of(["m"], chosen, 2)
    assert len({run_id_of(["m"], chosen, 3), run_id_of(["n"], chosen, 2), run_id_of(["m"], chosen, 2)}) == 3
