"""Where things go out of sight: held to drawn walks, and to what probabilities must add up to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.out_of_sight import LAWS, OTHER_LAW, Law, Seen, Ways, elsewhere, velocity_density, ways
from tests.detection.walks import walked

PERSON = LAWS["person"]


def seen(then: np.ndarray, now: np.ndarray, gap_s: float, sigma_mps: float = 0.15) -> Seen:
    count = len(then)
    return Seen(
        then_mps=then, now_mps=now, then_m2ps2=np.full(count, sigma_mps**2), now_m2ps2=np.full(count, sigma_mps**2),
        gap_s=np.full(count, gap_s),
    )  # fmt: skip


def drawn(told: Ways, rng: np.random.Generator) -> np.ndarray:
    """One step a pair, drawn from its ways."""
    chance = np.cumsum(told.weight, axis=1)
    way = (rng.random(len(chance))[:, None] * chance[:, -1:] > chance).sum(axis=1)
    row = np.arange(len(way))
    normal = np.linalg.cholesky(told.matrices()[row, way] + 1e-9 * np.eye(2)) @ rng.standard_normal((len(way), 2, 1))
    return told.step_m[row, way] + normal[..., 0]


@pytest.mark.parametrize(("law", "then", "gap_s"), [(PERSON, 1.2, 60.0), (PERSON, 0.05, 60.0), (OTHER_LAW, 7.0, 30.0)])
def test_over_all_velocities_at_which_it_may_come_back_a_thing_is_one_thing(
    law: Law, then: float, gap_s: float
) -> None:
    """The ratio to a newcomer, over newcomers' velocities and all steps, has the mean 1: all probability is spent."""
    side = np.arange(-3.0, 3.0, 0.06) * max(then, 1.2)
    now = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    asked = seen(np.tile((then, 0.0), (len(now), 1)), now, gap_s)
    alone = velocity_density(now, asked.now_m2ps2, law) * (side[1] - side[0]) ** 2
    whole = ways(asked, law).weight.sum(axis=1) + elsewhere(asked, law)[0]
    assert (whole * alone).sum() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("gap_s", [30, 120])
def test_steps_are_those_of_drawn_walks(rng: np.random.Generator, gap_s: int) -> None:
    """How far away walkers are, how many ahead of where they went, how far aside, as their velocities let expect."""
    walks = [walked(rng, dataclasses.replace(PERSON, stray=0.0), gap_s) for _ in range(1500)]
    then, now, step = (np.array([pick(*one) for one in walks]) for pick in _ENDS)
    noise = rng.normal(0.0, 0.1, (2, *then.shape))
    told = drawn(ways(seen(then + noise[0], now + noise[1], gap_s, 0.1), PERSON), rng)
    moving = np.hypot(*then.T) > 0.3
    ahead = then / np.maximum(np.hypot(*then.T), 1e-9)[:, None]
    for really, drawn_m in ((step, told),):
        along, expected = ((one * ahead).sum(axis=1)[moving] for one in (really, drawn_m))
        assert (along > 0.5 * gap_s).mean() == pytest.approx((expected > 0.5 * gap_s).mean(), abs=0.05)
        assert (along < 0.0).mean() == pytest.approx((expected < 0.0).mean(), abs=0.05)
        far, expected_far = (np.hypot(*one.T) for one in (really, drawn_m))
        assert np.quantile(far, [0.3, 0.5, 0.8]) == pytest.approx(np.quantile(expected_far, [0.3, 0.5, 0.8]), rel=0.12)
    assert np.hypot(*told[~moving].T).max() < 60.0


_ENDS = (
    lambda places, velocities: velocities[0],
    lambda places, velocities: velocities[-1],
    lambda places, velocities: places[-1],
)


def test_who_comes_back_along_the_way_is_likelier_than_who_would_have_gone_elsewhere() -> None:
    """After a minute at 1.2 m/s, seen coming back: behind the turn on the way, and not as far off to its side."""
    told = ways(seen(np.array([(1.2, 0.0)]), np.array([(-1.2, 0.05)]), 60.0), PERSON)
    pose = np.tile(4.0 * np.eye(2), (1, 1, 1))
    back, aside, too_far = (
        told.density(np.array([place]), pose)[0] for place in ((30.0, 2.0), (0.0, 45.0), (95.0, 0.0))
    )
    assert back > 20.0 * aside
    assert back > 20.0 * too_far


def test_a_speed_is_kept_and_another_is_another_thing() -> None:
    then, place = np.array([(7.0, 0.0)]), np.array([(205.0, 4.0)])
    same, other = (
        ways(seen(then, np.array([(speed, 0.0)]), 30.0), OTHER_LAW).density(place, np.tile(4.0 * np.eye(2), (1, 1, 1)))[
            0
        ]
        for speed in (7.1, 4.0)
    )
    assert same > 500.0 * other


def test_what_went_far_may_be_on_ways_that_nobody_knows_within_its_reach() -> None:
    """A car's, after a while, and the further the likelier; at another speed it is another one there, too."""
    then = np.array([(7.0, 0.0)])
    near, far, other = (
        elsewhere(seen(then, np.array([(0.0, speed)]), gap_s), OTHER_LAW)
        for speed, gap_s in ((7.0, 2.0), (7.0, 60.0), (4.0, 60.0))
    )
    assert far[0][0] > 10.0 * near[0][0]
    assert far[0][0] > 500.0 * other[0][0]
    assert near[1][0] == pytest.approx(14.0, rel=0.02)
    assert far[1][0] == pytest.approx(420.0, rel=0.02)
