"""An operation to tamper with: made once, copied for each attack."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from operations import case_access


def _make(night, nights, folder, name, secret=None):
    shutil.copytree(nights / name, folder / "op")
    with night.OperationStore.open(folder / "op", actor="ana", clock=night.clock(), secret=secret) as store:
        clip = next(media for media in store.media() if media.name == "clip.ts")
        run = next(run for run in store.runs() if clip.id in run.media_ids)
        hits = [str(hit_id) for hit_id in store.table("hits")["hit_id"][:2]]
        for number, hit_id in enumerate(hits, start=1):
            night.give_verdict(store, number, run_id=run.run_id, hit_id=hit_id)
        night.give_verdict(store, 1, run_id=run.run_id, hit_id=hits[0], note="seen again")
        night.read_in(store, nights / "clip.ts", height_m=120.0, redo=True)
        store.append(night.LeafKind.NOTE, "weather", {"text": "fog from four"})
    return folder / "op"


@pytest.fixture(scope="session")
def sealed(night, nights, tmp_path_factory):
    """Return the folder of an operation as it was left."""
    return _make(night, nights, tmp_path_factory.mktemp("sealed"), "op")


@pytest.fixture(scope="session")
def sealed_encrypted(night, nights, tmp_path_factory):
    """Return the folder of an encrypted operation as it was left."""
    return _make(night, nights, tmp_path_factory.mktemp("encrypted"), "closed", night.KEY)


@pytest.fixture
def op(sealed, tmp_path):
    """Return a copy of it to tamper with."""
    return Path(shutil.copytree(sealed, tmp_path / "op"))


@pytest.fixture
def encrypted_op(sealed_encrypted, tmp_path):
    """Return a copy of the encrypted one to tamper with."""
    return Path(shutil.copytree(sealed_encrypted, tmp_path / "op"))


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """Return a context manager that shows a folder so that nothing in it can be written."""

    @contextlib.contextmanager
    def show(folder):
        target = tmp_path / "read-only"
        target.mkdir()
        if os.geteuid() == 0 and _mounted(folder, target):
            try:
                yield target
            finally:
                subprocess.run(["umount", target], check=True)
            return
        target.rmdir()
        shutil.copytree(folder, target, symlinks=True, copy_function=_copy)
        monkeypatch.setattr(case_access, "can_be_written", lambda _: False)
        yield target

    return show


def _mounted(folder, target):
    steps = (["mount", "--bind", folder, target], ["mount", "-o", "remount,ro,bind", target])
    return all(subprocess.run(step, capture_output=True, check=False).returncode == 0 for step in steps)


def _copy(source, target):
    if os.path.isfile(source):
        shutil.copy2(source, target)
    else:
        os.mkfifo(target)
