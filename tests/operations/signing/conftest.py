"""Keys of two agencies, and a clock that can be set."""

from __future__ import annotations

import pytest

from operations.signing.signer import new_key

T0_NS = 1_767_225_600_000_000_000


class Clock:
    """A clock that ticks a second a reading, and can be put to any time."""

    def __init__(self):
        self.now_ns = T0_NS

    def __call__(self):
        self.now_ns += 1_000_000_000
        return self.now_ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ana(tmp_path, clock):
    return new_key(tmp_path / "ana.key", "ana@unit-3", passphrase=None, clock=clock)


@pytest.fixture
def police(tmp_path, clock):
    return new_key(tmp_path / "police.key", "police@county", passphrase=None, clock=clock)
