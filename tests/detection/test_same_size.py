"""How much likelier two sizes are of one thing: held to scipy's densities, and to drawn things that are looked at."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from detection.same_size import BLIND, LAWS, OTHER_LAW, alike
from tests.detection.test_same_thing import traces

VAR = 0.03**2
ONE, TWO = np.array([0]), np.array([1])


def seen(sizes: np.ndarray, kind: str = "person"):
    rows = [{"run": k % 2, "t_s": 60.0 * k, "at": (0.0, 0.0), "size_ln": tuple(size), "kind": kind}
            for k, size in enumerate(sizes)]  # fmt: skip
    return traces(rows)


def covariances(law) -> tuple[np.ndarray, np.ndarray]:
    things = np.outer(law.things, law.things) * np.array([[1.0, law.things_together], [law.things_together, 1.0]])
    looks = np.outer(law.looks, law.looks) * np.array([[1.0, law.looks_together], [law.looks_together, 1.0]])
    return things, looks


@pytest.mark.parametrize(("kind", "law"), [("person", LAWS["person"]), ("vehicle", OTHER_LAW)])
def test_it_is_the_density_of_both_over_that_of_two_strangers(kind, law, rng):
    """By four dimensions at once; many others of the same mean leave little doubt where the mean is."""
    things, looks = covariances(law)
    others = np.tile([[0.1, -0.1], [-0.1, 0.1]], (2000, 1))
    for pair in rng.normal(0.0, 0.05, (20, 2, 2)):
        told = alike(seen(np.vstack([pair, others]), kind), ONE, TWO)[0]
        own = things + looks + VAR * np.eye(2)
        both = multivariate_normal(np.zeros(4), np.block([[own, things], [things, own]])).pdf(pair.ravel())
        apart = multivariate_normal(np.zeros(2), own).pdf(pair).prod()
        assert told == pytest.approx(BLIND + (1.0 - BLIND) * both / apart, rel=0.02)


def test_of_drawn_things_as_many_are_one_as_is_told(rng):
    """Half of the pairs are one thing: odds told come true, in bins, without those that sizes say nothing of."""
    law = LAWS["person"]
    things, looks = covariances(law)
    count = 20_000
    first = rng.multivariate_normal(np.zeros(2), things, count)
    same = rng.random(count) < 0.5
    second = np.where(same[:, None], first, rng.multivariate_normal(np.zeros(2), things, count))
    err = looks + VAR * np.eye(2)
    sizes = [one + rng.multivariate_normal(np.zeros(2), err, count) for one in (first, second)]
    table = traces([{"run": 0, "t_s": 0.0, "at": (0.0, 0.0)}] * 2)
    whole = {name: np.repeat(getattr(table, name)[:1], 2 * count, axis=0)
             for name in ("run", "posterior", "size_ln_var")}  # fmt: skip
    told = alike(
        dataclasses.replace(table, **whole, size_ln=np.vstack(sizes)), np.arange(count), np.arange(count) + count
    )
    odds = (told - BLIND) / (1.0 - BLIND)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 20.0)):
        mine = (odds >= low) & (odds < high)
        chance = odds[mine] / (1.0 + odds[mine])
        assert mine.sum() > 300
        assert same[mine].mean() == pytest.approx(chance.mean(), abs=4.0 * np.sqrt(0.25 / mine.sum()))
    assert np.log(odds[same]).mean() > 0.25


def test_a_bad_box_does_not_veto_and_a_giant_is_not_certain():
    far = alike(seen(np.array([[0.0, 0.0], [0.9, 0.9]])), ONE, TWO)[0]
    assert far == pytest.approx(BLIND, abs=0.05)
    usual = np.tile([[0.05, -0.05], [-0.05, 0.05]], (30, 1))
    giants = [alike(seen(np.vstack([[[s, s], [s, s]], usual])), ONE, TWO)[0] for s in (0.4, 4.0)]
    assert giants[1] == pytest.approx(giants[0], rel=0.25)


def test_what_is_not_known_and_what_are_two_classes_says_nothing():
    assert alike(seen(np.array([[np.nan, np.nan], [0.1, 0.1]])), ONE, TWO)[0] == pytest.approx(1.0, abs=1e-4)
    both = [{"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "size_ln": (0.3, 0.3)},
            {"run": 1, "t_s": 0.0, "at": (0.0, 0.0), "size_ln": (0.3, 0.3), "kind": "vehicle"}]  # fmt: skip
    assert alike(traces(both), ONE, TWO)[0] == 1.0


def test_where_another_camera_blurs_all_of_them_wider_it_says_the_same():
    sizes = np.array([[0.1, 0.1], [0.12, 0.05], *np.tile([[0.05, -0.05], [-0.05, 0.05]], (20, 1))])
    plain, blurred = (alike(seen(sizes + off), ONE, TWO)[0] for off in (0.0, 0.2))
    assert blurred == pytest.approx(plain, rel=0.1)
