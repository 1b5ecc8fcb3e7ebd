from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.calibration import Calibration, Curve
from detection.calibration_file import calibration_path, write_calibration
from detection.errors import ModelError
from detection.georeference import Surroundings, place
from detection.model_file import load_detector
from detection.sheets import Tile
from detection.tiling import detect_tiles
from geo.terrain import FlatTerrain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.videos.frame import Frame

GREY = np.full((64, 96, 3), 90, dtype=np.uint8)


def flat_curve(share: float) -> Curve:
    return Curve(scores=np.array([0.0, 1.0]), shares=np.array([share, share]), boxes=200)


@pytest.fixture
def calibrated_model(constant_model: Callable[..., Path]) -> Path:
    """A person of 10 px and a car of 25 px, always; persons right by height in tenths, vehicles in 0.9."""
    rows = np.array([[[10, 10, 16, 20, 0.8, 0], [40, 10, 70, 35, 0.6, 1]]], dtype=np.float32)
    path = constant_model(rows, metadata={"names": "{0: 'person', 1: 'car'}", "task": "detect"})
    curves = {"person": tuple(flat_curve(v) for v in (0.1, 0.2, 0.3, 0.4)), "vehicle": (flat_curve(0.9),) * 4}
    held = Calibration(
        model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(), learned_from="made by hand", curves=curves
    )
    write_calibration(held, calibration_path(path))
    return path


def test_the_calibration_beside_a_model_is_used_and_named(calibrated_model: Path) -> None:
    detector, described = load_detector(calibrated_model)
    (found,) = detector.detect([GREY])
    assert found.calibrated().tolist() == pytest.approx([0.2, 0.9])
    assert found.scores.tolist() == pytest.approx([0.8, 0.6])
    plain, without = load_detector(calibrated_model, calibrated=False)
    assert np.isnan(plain.detect([GREY])[0].calibrated()).all()
    assert described.startswith(without)
    assert described != without


def test_the_height_that_decides_is_that_in_the_models_input(calibrated_model: Path) -> None:
    """In a picture twice as large the same answer of the model is a person of 20 px, yet it saw one of 10."""
    detector, _ = load_detector(calibrated_model)
    (found,) = detector.detect([np.zeros((128, 192, 3), dtype=np.uint8)])
    assert (found.boxes_px[0, 3] - found.boxes_px[0, 1]) == 20.0
    assert found.calibrated()[0] == pytest.approx(0.2)


def test_tiles_and_hits_carry_the_probability(calibrated_model: Path, make_frame: Callable[..., Frame]) -> None:
    detector, _ = load_detector(calibrated_model)
    picture = np.zeros((64, 180, 3), dtype=np.uint8)
    tiles = [Tile(left_px=x, top_px=0, width_px=96, height_px=64) for x in (0, 42, 84)]
    found = detect_tiles(detector, picture, tiles)
    assert sorted(set(np.round(found.calibrated(), 3).tolist())) == pytest.approx([0.2, 0.9])
    hits = place(
        make_frame(), found, Surroundings(terrain=FlatTerrain(height_m=180.0)), class_names=detector.class_names
    )
    assert hits.score.tolist() == pytest.approx(found.calibrated().tolist())
    assert hits.score_raw.tolist() == pytest.approx(found.scores.tolist())
    assert hits.best_score.tolist() == hits.score.tolist()


def test_the_calibration_of_another_model_is_refused(calibrated_model: Path) -> None:
    calibrated_model.write_bytes(calibrated_model.read_bytes() + b"\x72\x00")
    with pytest.raises(ModelError, match="was made for another model"):
        load_detector(calibrated_model)
