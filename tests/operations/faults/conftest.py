"""Helpers for tests by fault: a recorder of system calls, a disk that loses power."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _load(name, folder=HERE):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def system_calls():
    """Return the recorder of system calls."""
    return _load("system_calls")


@pytest.fixture(scope="session")
def disk_model():
    """Return the disk that loses power."""
    return _load("disk_model")


@pytest.fixture
def chance():
    """Return a generator with a printed seed, so that a failure can be run again."""
    seed = 20260620
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def cards(night, tmp_path_factory):
    """Return a folder of two cards that share a picture."""
    folder = tmp_path_factory.mktemp("cards")
    night.make_card(folder / "a", (1, 2))
    night.make_card(folder / "b", (2, 3))
    return folder


@pytest.fixture(scope="session")
def whole(night, cards, tmp_path_factory):
    """Return what an undisturbed night holds."""
    work = tmp_path_factory.mktemp("undisturbed")
    night.main(work, cards)
    with night.OperationStore.open(work / "op", actor="judge", clock=night.clock(), read_only=True) as store:
        return night.undisturbed(store)
