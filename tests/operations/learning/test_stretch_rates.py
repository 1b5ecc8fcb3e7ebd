"""Rates a stretch: against integrals worked out by brute force, and against worlds made for them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from operations.learning.stretch_rates import PRIOR_PER_LOOK, NightlyLooks, rates_of


def nights(found, looks):
    found, looks = np.atleast_2d(np.asarray(found, float)), np.atleast_2d(np.asarray(looks, float))
    return NightlyLooks(night=np.arange(len(found)), looks=looks, found=found)


def test_one_night_is_the_posterior_that_integration_gives():
    """Trust 1 is not reached in one night, so the shape is held against the grid, and the mean against the border's."""
    looks, found = np.array([40.0, 40.0, 5.0, 0.0]), np.array([6.0, 0.0, 0.0, 0.0])
    rates = rates_of(nights(found, looks))
    assert rates.trust == 0.0
    assert np.allclose(rates.per_look, rates.per_look[0])
    whole = (found.sum() + 0.5) / (looks.sum() + 0.5 / PRIOR_PER_LOOK)
    rate = np.linspace(1e-6, 2.0, 400_001)
    for row in range(4):
        density = rate**-0.5 * np.exp(-0.5 / whole * rate) * poisson.pmf(found[row], looks[row] * rate)
        density /= density.sum()
        mean = (rate * density).sum()
        variance = ((rate - mean) ** 2 * density).sum()
        if found[row] or looks[row]:
            assert mean**2 / variance == pytest.approx(rates.shape[row], rel=0.05)


def steady(rng, where, count=40):
    looks = np.full((count, 12), 6.0)
    found = np.zeros_like(looks)
    for night in range(count):
        found[night, where(night)] = rng.poisson(3.0)
    return nights(found, looks)


def test_a_stretch_where_people_are_found_night_after_night_stands_out_and_the_sure_ones_are_narrow(rng):
    rates = rates_of(steady(rng, lambda _: 4))
    assert rates.trust == 1.0
    assert rates.per_look.argmax() == 4
    assert rates.low[4] < 0.5 < rates.high[4]
    assert rates.per_look[4] > 50 * np.delete(rates.per_look, 4).max()


def test_people_who_come_another_way_each_time_steer_nothing(rng):
    rates = rates_of(steady(rng, lambda night: 5 * night % 12))
    assert rates.trust == 0.0
    assert np.ptp(rates.per_look) == 0.0
    assert "alike" in rates.told()


def test_what_was_long_ago_gives_way_to_what_is_now(rng):
    rates = rates_of(steady(rng, lambda night: 2 if night < 25 else 9))
    assert rates.per_look.argmax() == 9
    assert rates.half_life_nights <= 15.0


def test_where_nobody_looked_little_is_known(rng):
    seen = steady(rng, lambda _: 4)
    looks = seen.looks.copy()
    looks[:, 11] = 0.0
    rates = rates_of(NightlyLooks(night=seen.night, looks=looks, found=seen.found))
    spread = rates.high / np.maximum(rates.low, 1e-12)
    assert rates.per_look[11] > 10.0 * rates.per_look[0]  # looked at 240 times and found empty
    assert rates.high[11] > 10.0 * rates.high[0]
    assert spread[11] > spread[4]


def test_no_nights_give_what_is_known_beforehand():
    rates = rates_of(NightlyLooks(night=np.zeros(0, np.int64), looks=np.zeros((0, 3)), found=np.zeros((0, 3))))
    assert rates.per_look == pytest.approx([PRIOR_PER_LOOK] * 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"night": np.array([1, 1]), "looks": np.zeros((2, 3)), "found": np.zeros((2, 3))},
        {"night": np.array([1]), "looks": np.zeros((1, 3)), "found": np.zeros((1, 2))},
        {"night": np.array([1, 2]), "looks": np.zeros((1, 3)), "found": np.zeros((1, 3))},
    ],
)
def test_columns_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="fit|order"):
        NightlyLooks(**wrong)


def foretold_best(seen):
    """Return half-life and trust as the how-to page has them, in plain loops: 4, 15 or 60 nights; power 0, 0.5 or 1."""
    nats = {}
    for half_life in (4.0, 15.0, 60.0):
        for power in (0.0, 0.5, 1.0):
            total = 0.0
            for now in range(1, len(seen.night)):
                weight = [0.5 ** ((seen.night[now] - seen.night[before]) / half_life) for before in range(now)]
                looks = [sum(w * n[k] for w, n in zip(weight, seen.looks, strict=False)) for k in range(12)]
                found = [sum(w * n[k] for w, n in zip(weight, seen.found, strict=False)) for k in range(12)]
                border = (sum(found) + 0.5) / (sum(looks) + 0.5 / 0.02)
                rates = [(0.5 + f) / (0.5 / border + n) for f, n in zip(found, looks, strict=True)]
                expected = [rate**power * n for rate, n in zip(rates, seen.looks[now], strict=True)]
                total += sum(f * np.log(e / sum(expected)) for f, e in zip(seen.found[now], expected, strict=True) if f)
            nats[half_life, power] = total
    best = max(nats, key=nats.get)
    return best if nats[best] > nats[60.0, 0.0] + 2.0 else (60.0, 0.0)


HABITS = {
    "another place every six nights": lambda night: 7 * (night // 6) % 12,
    "another place every twenty nights": lambda night: 5 * (night // 20) % 12,
    "one place": lambda night: 4,
    "two places in turn": lambda night: (3, 8)[night % 2],
    "nowhere twice": lambda night: 5 * night % 12,
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("gap", [1, 2])
def test_how_fast_nights_fade_is_what_would_have_foretold_best(habit, gap, rng):
    seen = steady(rng, HABITS[habit], count=30)
    seen = NightlyLooks(night=gap * seen.night, looks=rng.uniform(2.0, 9.0, seen.looks.shape), found=seen.found)
    rates = rates_of(seen)
    assert (rates.half_life_nights, rates.trust) == foretold_best(seen)
    if habit == "another place every six nights" and gap == 1:
        assert rates.half_life_nights == 4.0
        assert "half after 4 nights" in rates.told()
