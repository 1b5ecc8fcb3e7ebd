"""What a recording's velocities are wrong by, told by what stands in it."""

from __future__ import annotations

import numpy as np
import pytest

from detection.traces import DRIFTS_CHANCE, DRIFTS_MPS, _drift_m2ps2


def test_what_stands_says_how_much_a_recording_drifts(rng: np.random.Generator) -> None:
    """Twelve of fifty stand in each of two recordings, whose poses drift by 0.1 and by 0.45 m/s."""
    run = np.repeat([0, 1], 50)
    walks = rng.normal(1.2, 0.3, 100)[:, None] * np.stack(
        [np.cos(run + np.arange(100)), np.sin(np.arange(100))], axis=1
    )
    walks[rng.permutation(50)[:12]] = 0.0
    walks[50 + rng.permutation(50)[:12]] = 0.0
    drift = np.where(run == 0, 0.1, 0.45)
    told = _drift_m2ps2(
        run, walks + drift[:, None] * rng.standard_normal((100, 2)), np.full(100, 0.004), ["person"] * 100
    )
    assert np.sqrt(told[:50]) == pytest.approx(np.full(50, 0.1), abs=0.03)
    assert np.sqrt(told[50:]) == pytest.approx(np.full(50, 0.45), abs=0.12)


def test_a_recording_that_shows_next_to_nothing_drifts_as_is_assumed() -> None:
    told = _drift_m2ps2(np.zeros(1, dtype=np.int64), np.array([(1.2, 0.3)]), np.full(1, 2.0), ["person"])
    assert told[0] == pytest.approx(float(np.dot(DRIFTS_CHANCE, np.square(DRIFTS_MPS))), rel=0.1)
