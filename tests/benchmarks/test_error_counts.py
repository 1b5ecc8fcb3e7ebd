"""Faults are drawn with known numbers by plain loops, and must be counted as these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks._error_counts import edge_errors, finding, lasting, log_odds, outlines
from benchmarks._looked_at import ANIMAL, LOOKS_MAX, NOTHING, PERSON, LookedAt

FIELDS: dict[str, tuple[type, tuple[int, ...]]] = {
    "seen_object": (int, (0,)), "seen_s": (float, (0,)), "seen_height_px": (float, (0,)), "seen_found": (bool, (0,)),
    "sort": (int, (0,)), "thing": (int, (0,)), "log_odds": (float, (0,)), "off_px": (float, (0, 4)),
    "size_px": (float, (0, 2)), "high_ln": (float, (0,)), "wide_ln": (float, (0,)), "azimuth_rad": (float, (0,)),
    "whole": (bool, (0,)), "place_looks": (int, (0,)), "place_found": (int, (0,)), "animal_looks": (int, (0,)),
    "animal_found": (int, (0,)), "area_km2": (float, (LOOKS_MAX,)),
}  # fmt: skip


def looked(pictures: int = 120, **columns: Any) -> LookedAt:
    """Return a patrol of which only some columns hold anything."""
    empty = {name: np.zeros(shape, dtype=kind) for name, (kind, shape) in FIELDS.items()}
    return LookedAt(pictures=pictures, **{**empty, **columns})


def seen_again_and_again(rng: np.random.Generator, visits: int) -> LookedAt:
    """Flip the coins of `seen_patrol` look by look: recall 0.9, half at 6.5 ± 1.2 px, 0.8 of misses last 2 s."""
    rows = []
    for who in range(visits):
        until, height = -1.0e9, rng.uniform(4.0, 12.0)
        for look in range(12):
            t = 100.0 * who + look / 1.5
            missed = rng.random() >= 0.9 / (1.0 + np.exp(-(height - 6.5) / 1.2))
            found = not missed and t >= until
            if missed and t > until + 5.0 and rng.random() < 0.8:
                until = t + rng.exponential(2.0)
            rows.append((who, t, height, found))
    who, t, height, found = (np.array(column) for column in zip(*rows, strict=True))
    return looked(seen_object=who, seen_s=t, seen_height_px=height, seen_found=found)


def test_how_often_and_for_how_long_persons_are_missed() -> None:
    fields = finding([seen_again_and_again(np.random.default_rng(1), 1500)])
    told = {name: one.value for name, one in fields.items()}
    assert told["recall"] == pytest.approx(0.9, abs=0.02)
    assert told["half_height_px"] == pytest.approx(6.5, abs=0.25)
    assert told["height_spread_px"] == pytest.approx(1.2, abs=0.2)
    assert told["hidden_share"] == pytest.approx(0.8, abs=0.08)
    assert told["hidden_s"] == pytest.approx(2.0, abs=0.3)


def boxes(sort: int, things: int, each: int, **columns: Any) -> LookedAt:
    """Return so many boxes on each of some things, 5 x 11 px and whole."""
    count = things * each
    usual = {
        "sort": np.full(count, sort), "thing": np.repeat(np.arange(things), each), "log_odds": np.zeros(count),
        "off_px": np.full((count, 4), np.nan), "size_px": np.tile([5.0, 11.0], (count, 1)),
        "high_ln": np.zeros(count), "wide_ln": np.zeros(count), "azimuth_rad": np.zeros(count),
        "whole": np.ones(count, dtype=bool),
    }  # fmt: skip
    return looked(**{**usual, **columns})


def test_errors_of_edges_are_parted_into_new_and_lasting() -> None:
    rng = np.random.default_rng(2)
    things, each = 400, 8
    height = np.repeat(rng.uniform(5.0, 25.0, things), each)
    new = np.array([0.1, 0.4, 0.1, 0.4]) + 0.03 * height[:, None]
    always = np.array([0.36, 0.8, 0.36, 0.8]) * rng.standard_normal((things, 4))
    off = np.repeat(always, each, axis=0) + new * rng.standard_normal((things * each, 4)) + 0.7
    size = np.column_stack([height / 2.0, height])
    one = boxes(PERSON, things, each, off_px=off, size_px=size)
    told = edge_errors([one], [one])
    assert told["jitter_px"].value == pytest.approx((0.1, 0.4), abs=0.05)
    assert told["jitter_share"].value == pytest.approx(0.03, abs=0.004)
    assert told["lasting_px"].value == pytest.approx((0.36, 0.8), abs=0.06)


def test_log_odds_by_what_boxes_lie_on() -> None:
    rng = np.random.default_rng(3)
    own = np.repeat(rng.standard_normal(1500), 2) * np.sqrt(0.4)
    score = own + np.sqrt(0.6) * rng.standard_normal(3000)
    told = log_odds(
        [
            boxes(PERSON, 1500, 2, log_odds=np.exp(score)),
            boxes(NOTHING, 101, 1, log_odds=np.arange(101.0)[::-1]),
        ]
    )
    assert told["object_share"].value == pytest.approx(0.4, abs=0.06)
    assert told["clutter_logits"].value == tuple(np.arange(0.0, 101.0, 10.0))
    assert told["clutter_logits"].number == 101
    assert "animal_logits" not in told


def test_what_lasts_and_what_flickers() -> None:
    """8 a km² stay and are found by Beta(1.5, 2); 0.02 a picture flicker; 4 animals a km², found by Beta(0.5, 2)."""
    rng = np.random.default_rng(4)
    area = np.zeros(LOOKS_MAX)
    area[[4, 12]] = 20.0, 60.0

    def stand(per_km2: float, beta: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        looks = np.concatenate([np.full(rng.poisson(per_km2 * area[n]), n) for n in (4, 12)])
        return looks, rng.binomial(looks, rng.beta(*beta, len(looks)))

    looks, found = stand(8.0, (1.5, 2.0))
    looks, found = looks[found > 0], found[found > 0]
    once = rng.poisson(0.02 * 10_000)
    animal_looks, animal_found = stand(4.0, (0.5, 2.0))
    one = looked(
        pictures=10_000, area_km2=area, place_looks=np.append(looks, np.full(once, 12)),
        place_found=np.append(found, np.ones(once, dtype=int)), animal_looks=animal_looks, animal_found=animal_found,
    )  # fmt: skip
    told = lasting([one], [])
    assert told["clutter_per_km2"].value == pytest.approx(12.0, rel=0.1)
    assert told["animal_share"].value == pytest.approx(1.0 / 3.0, abs=0.04)
    assert told["flickers_per_frame"].value == pytest.approx(0.02, abs=0.004)
    assert told["clutter_found"].value == pytest.approx((1.5, 2.0), rel=0.25)
    assert told["animal_found"].value == pytest.approx((0.5, 2.0), rel=0.3)


def test_animals_of_crowded_worlds_do_not_say_how_many_there_are() -> None:
    area = np.zeros(LOOKS_MAX)
    area[10] = 1.0
    plain = looked(area_km2=area, animal_looks=np.full(2, 10), animal_found=np.zeros(2, dtype=int))
    crowded = looked(area_km2=area, animal_looks=np.full(50, 10), animal_found=np.full(50, 5))
    told = lasting([plain], [crowded])
    assert told["clutter_per_km2"].value == pytest.approx(2.0)
    assert told["animal_found"].number == 52


def test_outlines_and_how_they_turn() -> None:
    """Widths of 0.2 and sizes of 0.25 in the logarithm, a turn of -0.8 a radian: beyond what boxes' errors give."""
    rng = np.random.default_rng(5)
    things, each = 300, 9
    azimuth = np.tile(np.linspace(-0.4, 0.4, each), things)
    size = np.repeat(0.25 * rng.standard_normal(things), each)
    shape = np.repeat(0.2 * rng.standard_normal(things), each)
    parts = [
        boxes(sort, things, each, high_ln=size, wide_ln=size + shape - 0.8 * azimuth, azimuth_rad=azimuth)
        for sort in (PERSON, NOTHING, ANIMAL)
    ]
    exact = np.zeros((things * each, 4)) + rng.normal(0.0, 1e-3, (things * each, 4))
    edges = edge_errors([boxes(PERSON, things, each, off_px=exact)], [boxes(PERSON, things, each, off_px=exact)])
    told = outlines(parts, edges)
    assert told["clutter_size_ln"].value == pytest.approx(0.25, abs=0.02)
    assert told["width_ln"].value == pytest.approx((0.2, 0.2, 0.2), abs=0.02)
    assert told["animal_turning"].value == pytest.approx([-0.8] * things, abs=1e-6)
    assert told["turning"].value == pytest.approx((0.0, 0.0), abs=1e-6)
