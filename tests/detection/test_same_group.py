"""Groups laid over groups: against every way to match them, one by one, and on files of people who walk on."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from detection.same_group import GROUP_MAX, Candidates, _beside, together
from detection.same_thing import link
from detection.traces import Traces

AREA = np.array([200_000.0, 200_000.0])
FILE = np.array([(0.0, 0.0), (-2.1, 0.4), (-4.0, -0.5), (-6.5, 0.2), (-8.1, -0.3), (-10.0, 0.6), (-12.4, 0.0)])
"""People walking east, one behind the other, two metres apart."""


def traces(first: np.ndarray, second: np.ndarray, mps: tuple[float, float] = (1.2, 0.0), gap_s: float = 40.0) -> Traces:
    """Two recordings of a group, six seconds each, whose poses may be ten metres off."""
    run = np.repeat([0, 1], [len(first), len(second)])
    begin_s = np.where(run == 0, 0.0, 6.0 + gap_s)
    begin = np.vstack([first, second])
    step = np.tile(np.array(mps) * 6.0, (len(run), 1))
    cov, velocity = np.tile(25.0 * np.eye(2), (len(run), 1, 1)), np.tile(mps, (len(run), 1))
    return Traces(
        run=run, begin_ns=(begin_s * 1e9).astype(np.int64), end_ns=((begin_s + 6.0) * 1e9).astype(np.int64),
        begin_m=begin, end_m=begin + step, begin_mps=velocity, end_mps=velocity, begin_cov_m2=cov, end_cov_m2=cov,
        contrast=np.full(len(run), np.nan), contrast_var=np.full(len(run), np.nan),
        size_ln=np.full((len(run), 2), np.nan), size_ln_var=np.full((len(run), 2), np.nan),
        velocity_m2ps2=np.full(len(run), 0.15), posterior=np.ones((len(run), 1)), class_names=("person",),
    )  # fmt: skip


def told(seen: Traces, count: int) -> np.ndarray:
    """Probabilities (first, second) that they are one."""
    found = link(seen, AREA)
    table = np.zeros((count, len(seen) - count))
    one, two = np.minimum(found.before, found.after), np.maximum(found.before, found.after)
    across = (one < count) & (two >= count)
    table[one[across], two[across] - count] = found.probability[across]
    return table


def test_odds_are_those_of_every_way_to_match(rng: np.random.Generator) -> None:
    for rows, columns in ((2, 2), (2, 3), (4, 3)):
        seen = traces(rng.normal(0.0, 3.0, (rows, 2)), rng.normal(40.0, 3.0, (columns, 2)))
        pairs = [(i, rows + j) for i in range(rows) for j in range(columns) if rng.random() < 0.8]
        before, after = np.array(pairs).T
        asked = Candidates(
            before=before,
            after=after,
            odds=np.exp(rng.normal(0.0, 2.0, len(pairs))),
            seen_again=np.full(len(pairs), 5e3),
        )
        beside = _beside(seen, asked, np.arange(len(pairs)))
        with_it, without = np.zeros(len(pairs)), np.ones(len(pairs))
        for size in range(1, min(rows, columns) + 1):
            for way in itertools.combinations(range(len(pairs)), size):
                if len({pairs[k][0] for k in way}) < size or len({pairs[k][1] for k in way}) < size:
                    continue
                worth = 0.0
                for given, turn in itertools.product(way, (0, 1)):
                    others = np.prod([beside[k, given, turn] for k in way if k != given])
                    worth += asked.odds[given] * others / (2.0 * size)
                for k, (i, j) in enumerate(pairs):
                    with_it[k] += worth * (k in way)
                    without[k] += worth * all(pairs[m][0] != i and pairs[m][1] != j for m in way)
        assert together(seen, asked, np.ones(len(seen), dtype=bool)) == pytest.approx(with_it / without, rel=1e-9)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_file_of_people_is_known_again_though_its_pose_is_off(count: int, rng: np.random.Generator) -> None:
    """Seven metres off: by itself each is nearer to somebody else's place than to its own."""
    went = FILE[:count] + (6.0 + 40.0) * np.array([1.2, 0.0])
    found = told(traces(FILE[:count], went + (5.0, 5.0) + rng.normal(0.0, 0.3, went.shape)), count)
    assert np.diag(found).min() > 0.9
    assert (found - np.diag(np.diag(found))).max() < 0.05


def test_who_left_the_group_and_who_joined_it_are_not_made_one() -> None:
    went = FILE[:4] + 46.0 * np.array([1.2, 0.0]) + (3.0, -4.0)
    went[1] += (60.0, 80.0)
    found = told(traces(FILE[:4], went), 4)
    assert found[[0, 2, 3], [0, 2, 3]].min() > 0.85
    assert found[1].max() < 0.2


def test_a_group_that_turned_round_is_known_by_its_order() -> None:
    """It came back: the first is the first still, and lies to the west now."""
    back = traces(FILE[:3], FILE[:3] * (-1.0, -1.0) + (20.0, 3.0), gap_s=60.0)
    back.begin_mps[3:], back.end_mps[3:] = (-1.2, 0.0), (-1.2, 0.0)
    found = told(back, 3)
    assert (np.diag(found) > 2.0 * (found - np.diag(np.diag(found))).max(axis=1)).all()


def test_of_two_recordings_at_once_the_earlier_one_is_first_whoever_saw_a_thing_first() -> None:
    """Else a thing could be followed by another recording's track, and that by a second one of the first."""
    both = traces(FILE[:3], FILE[:3] + (3.0, -2.0), gap_s=-6.0)
    both.begin_ns[:] = both.begin_ns + np.array([0, 700, 0, 300, 0, 300], dtype=np.int64) * 1_000_000
    found = told(both, 3)
    assert np.diag(found).min() > 0.9


def test_two_groups_are_laid_over_two_whichever_is_listed_first(rng: np.random.Generator) -> None:
    """Five and five are no group of ten, which would be too large; they pass in the other order the second time."""
    near, far = FILE[:5], FILE[:5] + (400.0, 60.0)
    step = 46.0 * np.array([1.2, 0.0]) + (5.0, 5.0)
    second = np.vstack([far, near]) + step + rng.normal(0.0, 0.3, (10, 2))
    found = told(traces(np.vstack([near, far]), second), 10)
    right = found[np.arange(10), np.roll(np.arange(10), 5)]
    assert right.min() > 0.9


def test_larger_groups_are_left_to_what_each_says() -> None:
    many = np.column_stack([-2.0 * np.arange(GROUP_MAX + 1), np.zeros(GROUP_MAX + 1)])
    seen = traces(many, many + (55.0, 0.0))
    before, after = (axis.ravel() for axis in np.meshgrid(np.arange(9), 9 + np.arange(9), indexing="ij"))
    asked = Candidates(before=before, after=after, odds=np.ones(81), seen_again=np.ones(81))
    assert (together(seen, asked, np.ones(18, dtype=bool)) == 1.0).all()


def test_who_of_two_abreast_is_who_their_sizes_say() -> None:
    """They changed sides: where they go says that nothing changed, their sizes that they did."""
    abreast = np.array([(0.0, 0.0), (0.0, 1.3)])
    tall, small = (0.13, 0.14), (-0.13, -0.14)
    seen = traces(abreast, abreast)
    sizes = np.array([tall, small, small, tall])
    plain = told(seen, 2)
    known = told(dataclasses.replace(seen, size_ln=sizes, size_ln_var=np.full((4, 2), 0.02**2)), 2)
    assert plain[0, 0] > plain[0, 1]
    assert known[0, 1] > 2.0 * known[0, 0]
