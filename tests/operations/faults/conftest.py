"""Helpers for tests by fault: a recorder of system calls, a disk that loses power."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest


def _load(name):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
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
