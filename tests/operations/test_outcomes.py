"""What patrols found: recorded, read back, verified, carried over, packed, and refused where it names nothing."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from geo.errors import InputError
from operations.finding.archive import Archive
from operations.log.leaves import LeafKind
from operations.outcomes import FromTheSpot, record_outcome
from operations.store import OperationStore
from operations.values import Outcome
from operations.verify import verify
from vedette.main import main


@pytest.fixture(scope="module")
def night():
    spec = importlib.util.spec_from_file_location("night", Path(__file__).with_name("night.py"))
    sys.modules["night"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(night, tmp_path_factory):
    """Return a folder with a clip of a walker, and an operation it was read into."""
    work = tmp_path_factory.mktemp("outcomes")
    with OperationStore.create(work / "op", name="Night 1", actor="ana", clock=night.clock()) as store:
        night.read_in(store, night.make_clip(work / "clip.ts", frames=8, walker=True))
    return work


@pytest.fixture
def op(made, tmp_path):
    return Path(shutil.copytree(made / "op", tmp_path / "op"))


def opened(night, op, *, actor="ana", read_only=False):
    return OperationStore.open(op, actor=actor, clock=night.clock(), read_only=read_only)


def test_an_outcome_is_a_leaf_that_reads_back_and_verifies(night, op):
    with opened(night, op, actor="patrol 7") as store, Archive([store]) as archive:
        track = str(store.table("tracks")["track_id"][0])
        assert archive.outcomes(0) == []
        told = FromTheSpot(found=Outcome.NOTHING, at_t_utc_ns=night.T0_NS, note="fresh tracks")
        recorded = record_outcome(store, told, track_id=track)
        assert store.outcomes() == [recorded]
        assert store.verdicts() == []
        leaf = store.record(LeafKind.OUTCOME, recorded.outcome_id)
        assert (leaf.actor, leaf.body["found"], leaf.body["track_id"]) == ("patrol 7", "nothing", track)
        archive.refresh()
        assert archive.outcomes(0) == [recorded]
    assert verify(op).findings == ()


def test_a_later_outcome_of_the_same_track_stands_beside_the_earlier_one(night, op):
    with opened(night, op) as store:
        track = str(store.table("tracks")["track_id"][0])
        for found in (Outcome.NOTHING, Outcome.ANIMAL):
            record_outcome(store, FromTheSpot(found=found), track_id=track)
        assert [outcome.found for outcome in store.outcomes()] == [Outcome.NOTHING, Outcome.ANIMAL]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"track_id": "T-nobody"}, "no run"),
        ({"hit_ids": ("nowhere",)}, "no run"),
        ({}, "one track or about single hits"),
        ({"track_id": "T-1", "hit_ids": ("h",)}, "one track or about single hits"),
    ],
)
def test_what_names_nothing_is_refused_and_nothing_is_recorded(night, op, about, words):
    with opened(night, op) as store:
        size = store.head().size
        with pytest.raises(InputError, match=words):
            record_outcome(store, FromTheSpot(found=Outcome.FOUND), **about)
        assert store.head().size == size


def test_hits_of_which_one_is_unknown_are_refused(night, op):
    with opened(night, op) as store:
        hit = str(store.table("hits")["hit_id"][0])
        with pytest.raises(InputError, match="no run"):
            record_outcome(store, FromTheSpot(found=Outcome.FOUND), hit_ids=(hit, "nowhere"))
        assert record_outcome(store, FromTheSpot(found=Outcome.FOUND), hit_ids=(hit,)).hit_ids == (hit,)


def test_the_beginning_of_a_hits_id_is_enough_where_no_other_begins_so(night, op):
    with opened(night, op) as store:
        ids = sorted(store.table("hits")["hit_id"].to_pylist())
        alike = next(n for n in range(20) if sum(one.startswith(ids[0][:n]) for one in ids) == 1)
        recorded = record_outcome(store, FromTheSpot(found=Outcome.FOUND), hit_ids=(ids[0][:alike],))
        assert recorded.hit_ids == (ids[0],)
        with pytest.raises(InputError, match=f"the ids of {len(ids)} hits begin with"):
            record_outcome(store, FromTheSpot(found=Outcome.FOUND), hit_ids=("",))


def test_an_outcome_follows_its_track_into_a_run_that_replaces_this_one(night, op, made):
    with opened(night, op) as store:
        track = str(store.table("tracks")["track_id"][0])
        first = record_outcome(store, FromTheSpot(found=Outcome.FOUND), track_id=track)
        new = night.read_in(store, made / "clip.ts", height_m=120.0, redo=True).run
        (carried,) = store.outcomes(runs=[new.run_id])
        assert (carried.found, carried.carried_from, carried.confirmed) == (Outcome.FOUND, first.outcome_id, False)
        assert carried.track_id in set(store.table("tracks")["track_id"].to_pylist())


def test_the_command_records_what_it_is_told_and_names_what_it_does_not_know(op, capsys, night):
    with opened(night, op, read_only=True) as store:
        track = str(store.table("tracks")["track_id"][0])
    told = ["outcome", str(op), "--track", track, "--found", "animal", "--at", "2026-01-01T04:10+01:00", "--json"]
    assert main(told) == 0
    assert json.loads(capsys.readouterr().out)["found"] == "animal"
    assert main([*told[:3], "T-nobody", *told[4:]]) == 2
    assert "T-nobody" in capsys.readouterr().err
    assert main([*told[:5], "a bear", *told[6:]]) == 2
    with opened(night, op, read_only=True) as store:
        assert [outcome.found for outcome in store.outcomes()] == [Outcome.ANIMAL]
