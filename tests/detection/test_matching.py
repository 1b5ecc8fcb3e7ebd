"""Probabilities of pairs against all ways to match, counted one by one in fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from detection.matching import marginals

TREES = {
    "alone": {(0, 1): 3},
    "alone and almost certain": {(0, 1): 10**20},
    "one of two": {(0, 2): 5, (1, 2): 2},
    "one almost certain, one not": {(0, 2): 10**20, (1, 2): 2},
    "both almost certain": {(0, 2): 10**18, (1, 2): 3 * 10**18},
    "a chain": {(0, 3): 7, (1, 3): 2, (1, 4): 10**17, (2, 4): 9},
}


def counted(odds):
    """Probability of each pair by going through every set of pairs of which no two share an end."""
    total, of = Fraction(0), dict.fromkeys(odds, Fraction(0))
    for size in range(len(odds) + 1):
        for pairs in itertools.combinations(odds, size):
            if len({a for a, _ in pairs}) < size or len({b for _, b in pairs}) < size:
                continue
            worth = Fraction(1)
            for pair in pairs:
                worth *= odds[pair]
            total += worth
            for pair in pairs:
                of[pair] += worth
    return [float(one / total) for one in of.values()]


@pytest.mark.parametrize("name", TREES)
def test_pairs_without_loops_have_the_probability_that_counting_gives(name):
    """Odds of 10^17 and more used up the digits: one was divided by nothing, and what is certain was never joined."""
    odds = TREES[name]
    before, after = (np.array([pair[end] for pair in odds]) for end in (0, 1))
    told = marginals(before, after, np.array([float(one) for one in odds.values()]), 5)
    assert told == pytest.approx(counted(odds), rel=1e-5, abs=1e-9)


def test_endless_odds_are_certain():
    assert marginals(np.array([0]), np.array([1]), np.array([np.inf]), 2) == pytest.approx([1.0])
