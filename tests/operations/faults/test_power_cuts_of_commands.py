"""The commands a person types, cut after any step that they ask of the disk."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from operations.backup import backup
from operations.errors import NotAnOperationError
from operations.verify import verify

SAMPLES = 30


@pytest.fixture(scope="module")
def nights(night, cards, tmp_path_factory):
    """Return two operations that share an original."""
    work = tmp_path_factory.mktemp("nights")
    night.main(work, cards, name="one")
    with night.OperationStore.create(work / "two", name="two", actor="ben", clock=night.clock()) as store:
        night.read_in(store, cards / "b")
    return work


def vedette(*words):
    return [sys.executable, "-m", "vedette", *map(str, words)]


def cut_states(disk_model, steps, root, chance):
    states = list(disk_model.states(steps, root, chance))
    return chance.sample(states, min(SAMPLES, len(states)))


def laid_out(disk_model, tmp_path, there):
    folder = tmp_path / "cut"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    disk_model.build(there, folder)
    return folder


@pytest.mark.parametrize("name", ["backup", "merge"])
def test_a_folder_that_is_made_is_there_whole_or_not_at_all(nights, system_calls, disk_model, chance, tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    words = {
        "backup": ("backup", nights / "one", root / "made"),
        "merge": ("merge", nights / "one", nights / "two", "--into", root / "made"),
    }[name]
    steps = system_calls.record(vedette(*words), root, tmp_path / "trace", ends=(0, 1))
    assert sum(step.what == "sync" for step in steps) > 10
    for number, cut, there in cut_states(disk_model, steps, root, chance):
        folder = laid_out(disk_model, tmp_path, there)
        if (folder / "made").exists():
            assert verify(folder / "made").findings == (), (number, str(steps[number - 1]), cut)
    (*_, (_, _, there)) = disk_model.states(steps, root, chance, (disk_model.Cut.LOST,))
    folder = laid_out(disk_model, tmp_path, there)  # the command has ended well, and the power went at once
    assert verify(folder / "made").findings == ()
    backup(folder / "made", folder / "again")


def test_vedette_ingest_is_whole_once_it_has_ended(night, cards, system_calls, disk_model, chance, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    words = ("ingest", cards / "a", "--out", root / "op", "--flat-alt-amsl-m", 100)
    steps = system_calls.record(
        vedette(*words), root, tmp_path / "trace", environment=os.environ | {"HOME": str(tmp_path)}, ends=(1,)
    )  # 1: all of it was read, and no picture has a place
    for number, cut, there in cut_states(disk_model, steps, root, chance):
        folder = laid_out(disk_model, tmp_path, there)
        told = (number, str(steps[number - 1]), cut)
        try:
            assert verify(folder / "op").findings == (), told
        except NotAnOperationError:
            continue
        with night.OperationStore.open(folder / "op", actor="judge", clock=night.clock()) as store:
            assert len(store.runs()) == len(store.media())
    for cut in disk_model.Cut:
        (*_, (_, _, there)) = disk_model.states(steps, root, chance, (cut,))
        folder = laid_out(disk_model, tmp_path, there)
        assert verify(folder / "op").findings == ()
        with night.OperationStore.open(folder / "op", actor="judge", clock=night.clock()) as store:
            assert [media.name for media in store.media()] == ["a"]
            assert store.table("hits", runs=[store.runs()[0].run_id]) is not None
