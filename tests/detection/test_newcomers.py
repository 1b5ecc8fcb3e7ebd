"""Rates of newcomers, of survival and of detection: held to every outcome of looks, one by one, and to drawn things."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from detection.looked_again import Looked, Looks
from detection.newcomers import Followed, Looking, Rates, odds_m2, rates_told, rates_unasked
from detection.traces import Traces

AREA_M2 = 50_000.0


def looks(times_s: dict[int, list[tuple[int, float, float]]], places: int) -> Looks:
    """Looks at some of many places: recording, from when and to when."""
    every = [times_s.get(place, []) for place in range(places)]
    columns = np.array([one for mine in every for one in mine], dtype=np.float64).reshape(-1, 3)
    return Looks(
        first=np.cumsum([0, *(len(mine) for mine in every)]),
        run=columns[:, 0].astype(np.int64),
        from_ns=(columns[:, 1] * 1e9).astype(np.int64),
        to_ns=(columns[:, 2] * 1e9).astype(np.int64),
    )


def tracks(t_s: np.ndarray, kind: np.ndarray | None = None, run: np.ndarray | None = None) -> Traces:
    count = len(t_s)
    none, cov = np.zeros((count, 2)), np.tile(np.eye(2), (count, 1, 1))
    begin = (t_s * 1e9).astype(np.int64)
    return Traces(
        run=np.zeros(count, dtype=np.int64) if run is None else run, begin_ns=begin, end_ns=begin + 5_000_000_000,
        begin_m=none, end_m=none, begin_mps=none, end_mps=none, begin_cov_m2=cov, end_cov_m2=cov,
        size_ln=none, size_ln_var=none, velocity_m2ps2=np.ones(count),
        contrast=np.full(count, np.nan), contrast_var=np.full(count, np.nan),
        posterior=np.eye(2)[np.zeros(count, dtype=np.int64) if kind is None else kind],
        class_names=("person", "vehicle"),
    )  # fmt: skip


def test_odds_are_those_of_every_outcome_of_looks() -> None:
    """Who survives is seen at each of four looks or not: the first at which it is, or none."""
    survival, detection, left, per_m2 = 0.8, 0.7, 4, 3e-4
    first = np.zeros(left + 1)
    first[left] = 1.0 - survival
    for seen in itertools.product((True, False), repeat=left):
        chance = survival * np.prod([detection if one else 1.0 - detection for one in seen])
        first[seen.index(True) if any(seen) else left] += chance
    rates = Rates(
        newcomers_per_m2=np.full((1, 1, 2), per_m2), survival=np.array([survival]), detection=np.array([detection])
    )
    looking = Looking(left=np.full(5, float(left)), later=np.ones(5, dtype=np.int64), area_m2=np.ones((1, 2)))
    every = np.arange(left)
    pairs = Followed(before=0 * every, after=every + 1, kind=0 * every, skipped=every.astype(np.float64))
    told = odds_m2(rates, looking, pairs, np.zeros(5, dtype=np.int64))
    assert told == pytest.approx(first[:left] / first[left] / per_m2)


def drawn(rng: np.random.Generator, survival: float, detection: float, passes: int) -> list[tuple[int, int]]:
    """Things that come at the first pass and go after it or stay: which is seen at which pass."""
    found = []
    for thing in range(400):
        stays = rng.random() < survival
        seen = [0, *(k for k in range(1, passes) if stays and rng.random() < detection)]
        found += [(thing, k) for k in seen]
    return found


def test_rates_of_drawn_things_are_found_again(rng: np.random.Generator) -> None:
    """Things of one class stay seldom and are seen mostly, of another they stay and are missed; links are known."""
    both = [drawn(rng, 0.5, 0.9, 5), drawn(rng, 0.95, 0.6, 5)]
    rows = [(kind, thing, k) for kind, mine in enumerate(both) for thing, k in mine]
    kind, thing, look = np.array(rows).T
    seen = tracks(100.0 * look, kind)
    at = [(0, 100.0 * k - 2.0, 100.0 * k + 8.0) for k in range(5)]
    every = looks(dict.fromkeys(range(len(rows)), at), len(rows))
    looked = Looked(ends=every, begins=every)
    looking = Looking.of(seen, np.array([AREA_M2]), looked, np.ones(len(rows), dtype=bool))
    assert looking.left == pytest.approx(4.0 - look)
    assert (looking.later == (look > 0)).all()
    assert looking.area_m2[0] == pytest.approx([AREA_M2, 4.0 * AREA_M2], rel=0.01)
    next_one = np.flatnonzero((kind[1:] == kind[:-1]) & (thing[1:] == thing[:-1]))
    pairs = Followed(
        before=next_one, after=next_one + 1, kind=kind[next_one],
        skipped=looked.skipped(seen, next_one, next_one + 1),
    )  # fmt: skip
    assert pairs.skipped == pytest.approx(look[next_one + 1] - look[next_one] - 1.0)
    rates = rates_unasked(seen, looking)
    for _ in range(200):
        rates = rates_told(seen, looking, pairs, np.ones(len(next_one)), rates)
    assert rates.detection == pytest.approx([0.9, 0.6], abs=0.04)
    assert rates.newcomers_per_m2[:, 0, 0] == pytest.approx(400.0 / AREA_M2, rel=0.02)
    assert rates.newcomers_per_m2[:, 0, 1].max() < 0.01 * 400.0 / AREA_M2
    assert rates.survival[1] > 0.9
    assert rates.survival[0] < 0.8


def test_without_looks_each_recording_is_one_look_and_the_first_has_newcomers() -> None:
    seen = tracks(np.array([0.0, 0.0, 60.0, 60.0]), run=np.array([0, 0, 1, 1]))
    looking = Looking.of(seen, np.full(2, AREA_M2), None, np.array([True, True, False, False]))
    assert looking.left.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert looking.later.tolist() == [0, 0, 1, 1]
    rates = rates_unasked(seen, looking)
    pairs = Followed(
        before=np.array([0, 1]), after=np.array([2, 3]), kind=np.zeros(2, dtype=np.int64), skipped=np.zeros(2)
    )
    told = rates_told(seen, looking, pairs, np.ones(2), rates)
    assert told.newcomers_per_m2[0, 1, 1] < 0.5 * rates.newcomers_per_m2[0, 1, 1]
    assert told.newcomers_per_m2[0, 0, 0] == pytest.approx(rates.newcomers_per_m2[0, 0, 0], rel=0.2)


def test_of_one_seen_more_often_fewer_newcomers_are_told_for_each_look(rng: np.random.Generator) -> None:
    """The same tracks over ground looked at twice as often: half as many newcomers to each later look."""
    seen = tracks(np.repeat([0.0, 100.0], 20))
    told = []
    for passes in (2, 3):
        at = [(0, 100.0 * k - 2.0, 100.0 * k + 8.0) for k in range(passes)]
        every = looks(dict.fromkeys(range(40), at), 40)
        looking = Looking.of(seen, np.array([AREA_M2]), Looked(ends=every, begins=every), np.ones(40, dtype=bool))
        told.append(rates_unasked(seen, looking).newcomers_per_m2[0, 0, 1])
    assert told[1] == pytest.approx(told[0] / 2.0, rel=0.05)
