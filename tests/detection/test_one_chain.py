"""Which tracks are one thing, by all ways to chain them: held to every way, one by one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.one_chain import one_thing
from tests.detection.test_same_thing import traces

if TYPE_CHECKING:
    from detection.traces import Traces


def seen(count: int) -> Traces:
    return traces([{"run": k, "t_s": 60.0 * k, "at": (0.0, 0.0)} for k in range(count)])


def of_every_way(odds: np.ndarray) -> np.ndarray:
    """How often two are in one chain, over all sets of links that follow and are followed by one at most."""
    links = [(int(a), int(b)) for a, b in np.argwhere(odds > 0.0)]
    together, total = np.zeros(odds.shape), 0.0
    for chosen in itertools.product((False, True), repeat=len(links)):
        kept = [link for link, wanted in zip(links, chosen, strict=True) if wanted]
        if len({a for a, _ in kept}) < len(kept) or len({b for _, b in kept}) < len(kept):
            continue
        worth = float(np.prod([odds[link] for link in kept]))
        reach = np.eye(len(odds), dtype=bool)
        for a, b in sorted(kept):
            reach[:, b] |= reach[:, a]
        together += worth * (reach & ~np.eye(len(odds), dtype=bool))
        total += worth
    return together / total


def told(odds: np.ndarray) -> np.ndarray:
    before, after = np.nonzero(odds)
    one, two, chance = one_thing(seen(len(odds)), before, after, odds[before, after], np.full(len(before), 0.5))
    table = np.zeros(odds.shape)
    table[one, two] = chance
    return table


def test_two_tracks_of_one_chain_are_one_thing_whatever_lies_between(rng: np.random.Generator) -> None:
    """Within what so many drawn ways may err."""
    for _ in range(6):
        odds = np.triu(np.exp(rng.normal(0.5, 2.0, (5, 5))), 1)
        assert told(odds) == pytest.approx(of_every_way(odds), abs=0.06)


def test_who_is_followed_by_either_of_two_of_one_thing_is_it_for_certain() -> None:
    """The first is followed by the second or passes it over: each link is a toss, and all three are one thing."""
    odds = np.array([[0.0, 1000.0, 1000.0], [0.0, 0.0, 1000.0], [0.0, 0.0, 0.0]])
    assert told(odds)[0, 1:].min() > 0.98
    assert told(odds) == pytest.approx(told(odds))


def test_a_long_row_of_sure_links_is_sure_from_end_to_end() -> None:
    odds = np.triu(np.full((7, 7), 2000.0), 1)
    assert told(odds)[np.triu_indices(7, 1)].min() > 0.95
