"""The contrast that a track keeps of its hits: right, as sure as it says, and moved by no single hit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.ground_tracks import CONTRAST
from detection.paths import Paths
from detection.traces import Traces
from detection.track_contrast import HIT_SPREAD, REACH, measured_contrast


def paths_of(*lengths: int) -> Paths:
    count, points = len(lengths), sum(lengths)
    none = np.zeros(count)
    return Paths(
        offsets=np.concatenate([[0], np.cumsum(lengths)]), rows=np.arange(points)[::-1].copy(),
        t_ns=np.arange(points), states=np.zeros((points, 4)), class_code=none.astype(np.int64), looked=none,
        found=none, ending=none.astype(np.int64),
    )  # fmt: skip


def measured(paths: Paths, of_points: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Contrasts in the order of the points; the hits lie the other way round."""
    found = measured_contrast(paths, np.array(of_points[::-1], dtype=np.float32))
    return found["contrast"], found["contrast_var"]


def test_means_are_each_paths_own() -> None:
    mean, var = measured(paths_of(3, 1, 2), [1.0, 1.1, 1.2, -2.0, 0.5, 0.7])
    assert mean == pytest.approx([1.1, -2.0, 0.6], abs=1e-6)
    spread2 = [(0.02 + 4 * HIT_SPREAD**2) / 6, HIT_SPREAD**2, (0.02 + 4 * HIT_SPREAD**2) / 5]
    assert var == pytest.approx(np.array(spread2) / [3, 1, 2], rel=1e-5)


def test_no_single_hit_decides() -> None:
    """However far off it is, a hit among ten moves the mean by no more than a tenth of the reach."""
    mean, _ = measured(paths_of(10), [1.0] * 9 + [50.0])
    assert mean[0] == pytest.approx(1.0 + REACH * HIT_SPREAD / 10, abs=1e-6)


def test_hits_without_one_are_passed_over_and_a_path_of_such_has_none() -> None:
    mean, var = measured(paths_of(3, 2), [1.0, float("nan"), 1.2, float("nan"), float("nan")])
    alone, its_var = measured(paths_of(2), [1.0, 1.2])
    assert (mean[0], var[0]) == (alone[0], its_var[0])
    assert np.isnan([mean[1], var[1]]).all()


@pytest.mark.parametrize(("others", "more"), [(0.0, 1.1), (0.05, 1.4)])
def test_means_err_as_they_say(others: float, more: float) -> None:
    """Of 1000 tracks of five hits; little more where one hit in twenty shows something else."""
    rng = np.random.default_rng(3)
    values = 1.5 + HIT_SPREAD * rng.standard_normal((1000, 5))
    values[rng.random((1000, 5)) < others] += 2.0
    mean, var = measured(paths_of(*[5] * 1000), values.ravel().tolist())
    assert 0.9 < np.sqrt(np.mean((mean - 1.5) ** 2) / var.mean()) < more


def test_contrasts_change_nothing_but_their_own_columns(make_hit) -> None:
    """Who is followed, told and how surely is the same with them and without."""
    hits = GroundHits.of(
        [
            make_hit(k + 100 * lane, k / 3, 1.2 * k / 3, 8.0 * lane, score_raw=0.6)
            for lane in range(3)
            for k in range(20)
        ]
    )
    rng = np.random.default_rng(0)
    found = [
        track(dataclasses.replace(hits, contrast=contrast), TrackerSettings())
        for contrast in (hits.contrast, rng.normal(1.0, 3.0, len(hits)).astype(np.float32))
    ]
    (marked, without), (marked_too, with_them) = found
    assert len(without) == 3
    assert np.isnan([getattr(without, name) for name in CONTRAST]).all()
    assert np.isfinite([getattr(with_them, name) for name in CONTRAST]).all()
    assert marked.track.codes.tolist() == marked_too.track.codes.tolist()
    assert Traces.of([(marked_too, with_them)]).contrast.tolist() == with_them.contrast.tolist()
    assert Traces.of([(marked_too, with_them)]).contrast_var.tolist() == with_them.contrast_var.tolist()
    blank = {name: getattr(without, name) for name in CONTRAST}
    assert repr(list(dataclasses.replace(with_them, **blank))) == repr(list(without))
