"""Offsets of recordings and of moments: drawn errors of poses are found again, and no pair vouches for itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.common_offsets import (
    FLIGHT_SHARE,
    MOMENTS_MAX,
    WANDER_S,
    Moments,
    Offset,
    followed_offsets,
    tried_offsets,
)
from detection.same_thing import _as_pairs, _candidates, _extent_m, _within_reach, link
from detection.traces import Traces

STATED_M = 4.0
AREA = np.array([300_000.0, 300_000.0])


def parked(offset_m: np.ndarray, places_m: np.ndarray, t_s: np.ndarray) -> Traces:
    """Cars that stand, seen by two recordings at `t_s` and ten minutes later, the second `offset_m` (n, 2) off."""
    count = len(places_m)
    begin = (np.concatenate([t_s, t_s + 600.0]) * 1e9).astype(np.int64)
    at = np.vstack([places_m, places_m + offset_m])
    none, cov = np.zeros((2 * count, 2)), np.tile(STATED_M**2 * np.eye(2), (2 * count, 1, 1))
    return Traces(
        run=np.repeat([0, 1], count), begin_ns=begin, end_ns=begin + 3_000_000_000, begin_m=at, end_m=at,
        begin_mps=none, end_mps=none, begin_cov_m2=cov, end_cov_m2=cov,
        contrast=np.full(2 * count, np.nan), contrast_var=np.full(2 * count, np.nan),
        size_ln=np.full((2 * count, 2), np.nan), size_ln_var=np.full((2 * count, 2), np.nan),
        velocity_m2ps2=np.full(2 * count, 0.02), posterior=np.ones((2 * count, 1)), class_names=("vehicle",),
    )  # fmt: skip


def asked(traces: Traces):
    pairs, moments = (
        _as_pairs(traces, _extent_m(traces, AREA), *_within_reach(traces, *_candidates(traces))),
        Moments.of(traces),
    )
    return dataclasses.replace(pairs, own_m2=pairs.own_m2 + moments.own_m2(pairs)), moments


def test_a_recording_that_is_off_is_laid_on_the_other(rng: np.random.Generator) -> None:
    """Nine metres off, and each car nearer to another's place than to its own."""
    places = np.column_stack([np.linspace(0.0, 900.0, 12), rng.uniform(-40.0, 40.0, 12)])
    places = np.vstack([places, places + rng.uniform(5.0, 9.0, (12, 2))])
    off = np.array([7.5, 5.5])
    seen = parked(np.tile(off, (24, 1)) + rng.normal(0.0, 0.4, (24, 2)), places, np.tile(np.arange(12) * 7.0, 2))
    pairs, moments = asked(seen)
    between = pairs.run_before != pairs.run_after
    found = tried_offsets(pairs, moments, AREA[pairs.run_after] / 24.0)
    assert np.hypot(*(found.mean_m[between] - off).T).max() < 1.5
    told = link(seen, AREA)
    right = told.after - told.before == 24
    assert told.probability[right].min() > 0.9
    assert told.probability[~right].max(initial=0.0) < 0.05


def test_an_offset_that_wanders_is_followed_from_moment_to_moment(rng: np.random.Generator) -> None:
    """A process of the stated kind, drawn: what is found of it is nearer than any one offset, and knows how near."""
    t_s = np.arange(40) * 5.0
    kept = np.exp(-5.0 / WANDER_S)
    wander = np.zeros((40, 2))
    for row in range(40):
        kick = rng.normal(0.0, STATED_M * np.sqrt(2.0 * (1.0 - FLIGHT_SHARE)), 2)
        wander[row] = kick if row == 0 else kept * wander[row - 1] + np.sqrt(1.0 - kept**2) * kick
    off = wander + (2.0, -3.0)
    pairs, moments = asked(parked(off + rng.normal(0.0, 0.3, off.shape), np.column_stack([30.0 * t_s, 0.0 * t_s]), t_s))
    right = np.flatnonzero(pairs.after - pairs.before == 40)
    certain = np.isin(np.arange(len(pairs)), right).astype(np.float64)
    found = followed_offsets(pairs, moments, certain, moments.stated(pairs))
    miss = found.mean_m[right] - off[pairs.before[right]]
    assert np.sqrt((miss**2).mean()) < 0.75 * np.sqrt(((off - off.mean(axis=0)) ** 2).mean())
    z2 = np.einsum("ni,nij,nj->n", miss, np.linalg.inv(found.cov_m2[right]), miss)
    assert z2.mean() == pytest.approx(2.0, abs=0.9)


def test_what_a_pair_says_of_its_own_offset_is_not_held_for_it() -> None:
    """Two cars far apart in time and place: each is told by the other alone, by as much as lasts for a flight."""
    seen = parked(np.array([(6.0, 0.0), (0.0, 0.0)]), np.array([(0.0, 0.0), (800.0, 0.0)]), np.array([0.0, 300.0]))
    pairs, moments = asked(seen)
    right = np.flatnonzero(pairs.after - pairs.before == 2)
    certain = np.isin(np.arange(len(pairs)), right).astype(np.float64)
    found = followed_offsets(pairs, moments, certain, moments.stated(pairs))
    assert found.mean_m[right[0], 0] == pytest.approx(0.0, abs=0.05)
    assert 2.0 < found.mean_m[right[1], 0] < 6.0 * FLIGHT_SHARE
    alone = followed_offsets(pairs, moments, certain * (np.arange(len(pairs)) == right[0]), moments.stated(pairs))
    assert alone.mean_m[right[0], 0] == pytest.approx(0.0, abs=0.01)
    assert alone.cov_m2[right[0]] == pytest.approx(2.0 * STATED_M**2 * np.eye(2), rel=0.01)


def test_moments_grow_longer_where_there_are_very_many() -> None:
    count = 2 * MOMENTS_MAX
    seen = parked(np.zeros((count, 2)), np.zeros((count, 2)), np.arange(count) * 9.0)
    moments = Moments.of(seen)
    assert len(moments.run) <= MOMENTS_MAX
    assert moments.changes > Moments.of(parked(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2))).changes
    assert (np.abs(moments.t_s[moments.begin] - seen.begin_ns / 1e9) <= moments.lasts_s).all()


def test_within_a_recording_what_lasts_for_the_flight_falls_out() -> None:
    seen = parked(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros(1))
    one = dataclasses.replace(seen, run=np.zeros(2, dtype=np.int64))
    for traces, share in ((seen, 1.0), (one, 1.0 - FLIGHT_SHARE)):
        pairs, moments = asked(traces)
        told: Offset = moments.stated(pairs)
        assert told.cov_m2[0] == pytest.approx(share * 2.0 * STATED_M**2 * np.eye(2), rel=1e-2)
