"""Which tracks are one thing, by all ways to chain them: held to every way, one by one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from detection import one_chain
from detection.one_chain import EVERY, LEAST, one_thing
from tests.detection.test_same_thing import traces

if TYPE_CHECKING:
    from detection.traces import Traces


def seen(count: int) -> Traces:
    return traces([{"run": k, "t_s": 60.0 * k, "at": (0.0, 0.0)} for k in range(count)])


def of_every_way(odds: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """How often two are in one chain, over all sets of links that follow and are followed by one at most.

    Links are worth their odds but for how alike the next two look, and whole chains how alike all of them do.
    """
    links = [(int(a), int(b)) for a, b in np.argwhere(odds > 0.0)]
    together, total = np.zeros(odds.shape), 0.0
    for chosen in itertools.product((False, True), repeat=len(links)):
        kept = [link for link, wanted in zip(links, chosen, strict=True) if wanted]
        if len({a for a, _ in kept}) < len(kept) or len({b for _, b in kept}) < len(kept):
            continue
        worth = float(np.prod([odds[link] / looks[link] for link in kept]))
        reach = np.eye(len(odds), dtype=bool)
        for a, b in sorted(kept):
            reach[:, b] |= reach[:, a]
        for last in set(range(len(odds))) - {a for a, _ in kept}:
            chain = np.flatnonzero(reach[:, last])
            alike = [np.log(looks[a, b]) for a, b in itertools.combinations(chain.tolist(), 2)]
            worth *= float(np.exp(2.0 * np.sum(alike) / len(chain)))
        together += worth * (reach & ~np.eye(len(odds), dtype=bool))
        total += worth
    return together / total


def told(
    odds: np.ndarray, looks: np.ndarray | None = None, *, drawn: bool = False, rough: np.ndarray | None = None
) -> np.ndarray:
    """What is told of tracks that look so alike (as any two where nothing says), by all ways or by some drawn.

    Links are held to be as likely as `rough` says, else a half, before ways are counted.
    """
    before, after = np.nonzero(odds)
    table = np.ones(odds.shape) if looks is None else looks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_chain, "EVERY", 0 if drawn else EVERY)
        patch.setattr(one_chain, "alike", lambda _, one, two: table[one, two])
        first = np.full(len(before), 0.5) if rough is None else rough[before, after]
        one, two, chance = one_thing(seen(len(odds)), before, after, odds[before, after], first)
    found = np.zeros(odds.shape)
    found[one, two] = chance
    return found


def test_two_tracks_of_one_chain_are_one_thing_whatever_lies_between(rng: np.random.Generator) -> None:
    """Where ways are drawn, within what so many may err."""
    for _ in range(6):
        odds = np.triu(np.exp(rng.normal(0.5, 2.0, (5, 5))), 1)
        right = of_every_way(odds, np.ones((5, 5)))
        assert told(odds) == pytest.approx(np.where(right > LEAST, right, 0.0), abs=1e-9)
        assert told(odds, drawn=True) == pytest.approx(right, abs=0.06)


def test_links_that_seemed_sure_are_asked_too(rng: np.random.Generator) -> None:
    """Seldom, but all of them: ways are drawn right whatever was held to be likely before."""
    for _ in range(3):
        odds = np.triu(np.exp(rng.normal(0.5, 1.0, (5, 5))), 1)
        rough = rng.choice([0.02, 0.5, 0.98], (5, 5))
        assert told(odds, drawn=True, rough=rough) == pytest.approx(of_every_way(odds, np.ones((5, 5))), abs=0.1)


def test_chains_are_worth_how_alike_all_of_their_tracks_look(rng: np.random.Generator) -> None:
    """Where ways are drawn, within what so many may err; by the next two's looks alone it would be off by more."""
    off = 0.0
    for _ in range(6):
        odds = np.triu(np.exp(rng.normal(0.5, 2.0, (5, 5))), 1)
        looks = np.exp(rng.normal(0.0, 1.0, (5, 5)))
        looks = np.triu(looks, 1) + np.triu(looks, 1).T + np.eye(5)
        right = of_every_way(odds, looks)
        assert told(odds, looks) == pytest.approx(np.where(right > LEAST, right, 0.0), abs=1e-9)
        assert told(odds, looks, drawn=True) == pytest.approx(right, abs=0.06)
        off = max(off, float(np.abs(told(odds) - right).max()))
    assert off > 0.12


def test_a_size_that_was_seen_often_tells_more_than_the_last_one() -> None:
    """Four are one thing for certain; the fifth looks like each of them a little, and like all of them for certain."""
    odds = np.triu(np.full((5, 5), 1000.0), 1)
    odds[:, 4] = np.where(odds[:, 4] > 0.0, 1.0, 0.0)
    looks = np.ones((5, 5))
    looks[:4, 4] = looks[4, :4] = 2.0
    alike, plain = told(odds, looks)[3, 4], told(odds)[3, 4]
    assert plain < 0.55
    assert alike == pytest.approx(of_every_way(odds, looks)[3, 4], abs=0.03)
    assert alike > plain + 0.02


def test_looks_of_pairs_put_together_are_those_of_normal_numbers(rng: np.random.Generator) -> None:
    """Numbers of one thing that share an unknown mean: what all two of them say, against their density together.

    By pairs a long chain is worth a little less for each track: at most half the logarithm of two, as is known of it.
    """
    for count in (2, 3, 6):
        value = rng.normal(0.0, 0.3, count)
        prior, err = 25.0, 0.09
        whole = prior * np.ones((count, count)) + err * np.eye(count)
        exact = multivariate_normal.logpdf(value, cov=whole) - norm.logpdf(value, scale=np.sqrt(prior + err)).sum()
        pairs = [
            multivariate_normal.logpdf(value[[i, j]], cov=whole[:2, :2])
            - norm.logpdf(value[[i, j]], scale=np.sqrt(prior + err)).sum()
            for i, j in itertools.combinations(range(count), 2)
        ]
        less = exact - 2.0 * np.sum(pairs) / count
        assert less == pytest.approx(0.5 * ((count - 1) * np.log(2.0) - np.log(count)), abs=0.02)


def test_who_is_followed_by_either_of_two_of_one_thing_is_it_for_certain() -> None:
    """The first is followed by the second or passes it over: each link is a toss, and all three are one thing."""
    odds = np.array([[0.0, 1000.0, 1000.0], [0.0, 0.0, 1000.0], [0.0, 0.0, 0.0]])
    for drawn in (False, True):
        assert told(odds, drawn=drawn)[0, 1:].min() > 0.98
        assert (told(odds, drawn=drawn) == told(odds, drawn=drawn)).all()


def test_a_long_row_of_sure_links_is_sure_from_end_to_end() -> None:
    odds = np.triu(np.full((7, 7), 2000.0), 1)
    for drawn in (False, True):
        assert told(odds, drawn=drawn)[np.triu_indices(7, 1)].min() > 0.95
