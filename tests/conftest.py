"""What every test may use: the shared real data, and a seeded random generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real logs, clips, photos and borders, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data folder ../shared/data is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with a printed seed, so that a failure can be run again."""
    seed = 20260101
    print(f"seed {seed}")
    return np.random.default_rng(seed)
