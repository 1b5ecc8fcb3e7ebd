"""How much likelier two contrasts are of one thing: held to scipy's densities, and to drawn things on drawn ground."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from detection import one_chain, same_size, same_thing
from detection.same_look import GROUND_M, KEEPS_S, LAWS, MEAN, OTHER_LAW, RECORDING_SIGMA, alike
from detection.same_size import BLIND
from detection.traces import Traces
from tests.detection.test_same_thing import traces

VAR = 0.08**2
ONE, TWO = np.array([0]), np.array([1])
LAW = LAWS["person"]


def seen(contrasts: list[float], *, apart_m: float = 0.0, kind: str = "person", gap_s: float = 60.0) -> Traces:
    """Return the first two in recordings of their own, the second so far off, and the others about both."""
    rows = [
        {"run": k % 2, "t_s": (6.0 + gap_s) * (k % 2), "at": (apart_m * (k % 2), 0.0), "contrast": one, "kind": kind}
        for k, one in enumerate(contrasts)
    ]
    return traces(rows)


USUAL = [1.3, 1.3, 1.7, 1.7] * 500
"""Of the same mean in both recordings: little doubt is left where it is."""


def told(contrasts: list[float], **how: object) -> float:
    return float(alike(seen([*contrasts, *USUAL], **how), ONE, TWO)[0])


@pytest.mark.parametrize(("kind", "law"), [("person", LAWS["person"]), ("vehicle", OTHER_LAW)])
@pytest.mark.parametrize("apart_m", [0.0, 30.0, 500.0])
@pytest.mark.parametrize("gap_s", [30.0, 3600.0])
def test_it_is_the_density_of_both_over_that_of_two_strangers(kind, law, apart_m, gap_s, rng) -> None:
    """The ground is as alike for two things as for one."""
    ground = law.ground**2 * np.exp(-apart_m / GROUND_M)
    own = law.own**2 * np.exp(-gap_s / KEEPS_S)
    whole = law.own**2 + law.ground**2 + law.look**2 + VAR
    for pair in rng.uniform(-0.6, 0.6, (5, 2)):
        one, two = (
            multivariate_normal(np.zeros(2), [[whole, both], [both, whole]]).pdf(pair)
            for both in (ground + own, ground)
        )
        found = told((1.5 + pair).tolist(), kind=kind, apart_m=apart_m, gap_s=gap_s)
        assert found == pytest.approx(BLIND + (1.0 - BLIND) * one / two, rel=0.04)


def test_of_things_on_ground_of_their_own_as_many_are_one_as_is_told(rng) -> None:
    """Half of the pairs are one thing, 40 m apart: odds told come true, in bins."""
    count = 20_000
    same = rng.random(count) < 0.5
    first = rng.normal(0.0, LAW.own, count)
    second = np.where(same, first, rng.normal(0.0, LAW.own, count))
    alike_m2 = LAW.ground**2 * np.array([[1.0, np.exp(-40.0 / GROUND_M)], [np.exp(-40.0 / GROUND_M), 1.0]])
    ground = rng.multivariate_normal(np.zeros(2), alike_m2, count)
    err = np.sqrt(LAW.look**2 + VAR)
    contrast = np.concatenate([first, second]) + ground.T.ravel() + rng.normal(0.0, err, 2 * count) + 1.5
    table = seen([1.5, 1.5], apart_m=40.0, gap_s=1.0)
    whole = {field.name: np.repeat(getattr(table, field.name), count, axis=0) for field in dataclasses.fields(table)
             if field.name != "class_names"}  # fmt: skip
    found = alike(Traces(**whole | {"contrast": contrast, "class_names": table.class_names}),
                  np.arange(count), np.arange(count) + count)  # fmt: skip
    odds = (found - BLIND) / (1.0 - BLIND)
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0), (1.0, 1.5), (1.5, 20.0)):
        mine = (odds >= low) & (odds < high)
        chance = odds[mine] / (1.0 + odds[mine])
        assert mine.sum() > 300
        assert same[mine].mean() == pytest.approx(chance.mean(), abs=4.0 * np.sqrt(0.25 / mine.sum()))
    assert np.log(odds[same]).mean() > 0.2


def test_what_was_alike_hours_ago_says_nothing() -> None:
    """Over ground of their own: that two far apart are alike then is as likely of any two."""
    soon, late, later = (told([2.3, 2.3], apart_m=2000.0, gap_s=gap) for gap in (60.0, 7200.0, 12.0 * 7200.0))
    assert soon > 1.5
    assert soon > late > later
    assert later == pytest.approx(1.0, abs=0.01)


def test_a_bad_hit_does_not_veto_and_a_fire_is_not_certain() -> None:
    assert told([1.5, 9.0]) == pytest.approx(BLIND, abs=0.05)
    assert told([99.0, 99.0]) == pytest.approx(told([3.5, 3.5]), rel=0.1)
    assert told([99.0, 99.0]) < 60.0


def test_what_is_not_known_and_what_are_two_classes_says_nothing() -> None:
    assert told([float("nan"), 1.5]) == 1.0
    both = [{"run": k, "t_s": 0.0, "at": (0.0, 0.0), "contrast": 2.5, "kind": kind}
            for k, kind in enumerate(("person", "vehicle"))]  # fmt: skip
    assert alike(traces(both), ONE, TWO)[0] == 1.0


def test_a_camera_that_sees_all_of_them_brighter_says_the_same() -> None:
    """The mean of each recording is its own where it has many; of one with few it is mostly that of all."""
    plain = seen([2.2, 2.1, *USUAL])
    other = dataclasses.replace(plain, contrast=plain.contrast + np.where(plain.run == 1, 0.8, 0.0))
    assert alike(other, ONE, TWO)[0] == pytest.approx(alike(plain, ONE, TWO)[0], rel=0.03)
    lone = seen([2.2, 2.1])
    cold = dataclasses.replace(lone, contrast=lone.contrast - 2.5)
    assert alike(lone, ONE, TWO)[0] == pytest.approx(alike(cold, ONE, TWO)[0], rel=0.5)


def test_where_a_mean_rests_on_one_track_it_is_less_sure() -> None:
    """Two tracks alone, both on the mean that is taken before any was seen."""
    whole = LAW.own**2 + LAW.ground**2 + LAW.look**2 + VAR
    unsure = whole + 1.0 / (1.0 / whole + 1.0 / RECORDING_SIGMA**2)
    ground = LAW.ground**2 * np.exp(-500.0 / GROUND_M)
    one, two = (
        multivariate_normal(np.zeros(2), [[unsure, both], [both, unsure]]).pdf(np.zeros(2))
        for both in (ground + LAW.own**2 * np.exp(-60.0 / KEEPS_S), ground)
    )
    lone = alike(seen([MEAN, MEAN], apart_m=500.0), ONE, TWO)[0]
    assert lone == pytest.approx(BLIND + (1.0 - BLIND) * one / two, rel=1e-3)


def test_links_and_whole_chains_ask_the_same_of_looks() -> None:
    """A chain takes the looks of next two out of its links and puts those of all two in."""
    assert one_chain.alike is same_thing.alike is alike


def test_sizes_are_asked_beside() -> None:
    rows = [{"run": k, "t_s": 60.0 * k, "at": (0.0, 0.0), "size_ln": (0.1, 0.1), "contrast": 2.2} for k in range(2)]
    table = traces(rows)
    sizes = same_size.alike(table, ONE, TWO)[0]
    bright = alike(dataclasses.replace(table, size_ln=np.full((2, 2), np.nan)), ONE, TWO)[0]
    assert sizes != pytest.approx(1.0, abs=0.1)
    assert alike(table, ONE, TWO)[0] == pytest.approx(sizes * bright, rel=1e-3)
