from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.calibration import RIGHT_MIN, Calibration, Curve, fit, reliability
from detection.calibration_file import calibration_path, read_calibration, write_calibration
from detection.errors import ModelError
from detection.evaluation import Verdicts, joined
from detection.values import Detections

if TYPE_CHECKING:
    from pathlib import Path


def verdicts(rng: np.random.Generator, count: int, height_px: float, power: float) -> Verdicts:
    """Boxes whose true chance of being right is score ** power."""
    scores = np.sort(rng.uniform(0.0, 1.0, count))[::-1]
    right = rng.random(count) < scores**power
    return Verdicts(
        scores=scores,
        right=right,
        height_px=np.full(count, height_px),
        truth_height_px=np.full(10, height_px),
        truth_score=np.ones(10),
    )


def test_the_chance_of_being_right_is_found_for_each_height(rng: np.random.Generator) -> None:
    """Low boxes are right with chance s^3, high ones with s^0.5: fresh boxes agree within 0.05."""
    curves = fit(joined([verdicts(rng, 6000, 6.0, 3.0), verdicts(rng, 6000, 40.0, 0.5)]))
    for row, height, power in ((0, 6.0, 3.0), (3, 40.0, 0.5)):
        fresh = verdicts(rng, 6000, height, power)
        raw = reliability(fresh.scores, fresh.right)
        said = reliability(curves[row](fresh.scores), fresh.right)
        assert said.expected_error < 0.05 < raw.expected_error
        assert said.brier < raw.brier
        assert said.counts.sum() == 6000
    assert (np.diff(curves[0](np.linspace(0, 1, 50))) >= 0).all()


def test_a_band_with_few_right_boxes_uses_the_curve_of_its_class(rng: np.random.Generator) -> None:
    few = verdicts(rng, RIGHT_MIN, 6.0, 3.0)
    assert few.right.sum() < RIGHT_MIN
    curves = fit(joined([verdicts(rng, 5000, 40.0, 1.0), few]))
    assert curves[0].boxes == 5000 + RIGHT_MIN
    assert np.array_equal(curves[0].scores, curves[1].scores)
    assert curves[3].boxes == 5000


def test_each_box_has_the_curve_of_its_class_and_height_and_none_where_there_is_none() -> None:
    """Flat curves tell which one was asked: person 0.1 to 0.4 by height, vehicle 0.5 in the two lowest bands."""

    def flat(share: float) -> Curve:
        return Curve(scores=np.array([0.0, 1.0]), shares=np.array([share, share]), boxes=9)

    curves = {"person": tuple(flat(0.1 * k) for k in (1, 2, 3, 4)), "vehicle": (flat(0.5), flat(0.5))}
    made = Calibration(model_sha256="", learned_from="", curves=curves)
    rows = [
        (0, 7.0, 0.1),
        (0, 9.0, 0.2),
        (0, 15.0, 0.3),
        (0, 30.0, 0.4),
        (1, 9.0, 0.5),
        (1, 30.0, np.nan),
        (2, 9.0, np.nan),
    ]
    boxes = np.array([(0.0, 0.0, 5.0, high) for _, high, _ in rows], dtype=np.float32)
    classes = np.array([number for number, _, _ in rows])
    found = Detections(boxes_px=boxes, classes=classes, scores=np.full(len(rows), 0.6, np.float32))
    told = made.probabilities(found, ("person", "car", "kite"))
    assert np.allclose(told, [share for _, _, share in rows], equal_nan=True)
    assert made.probabilities(found.take(np.zeros(0, np.int64)), ("person",)).shape == (0,)


def test_so_few_boxes_err_by_chance_as_many_drawings_do(rng: np.random.Generator) -> None:
    """The formula beside a thousand sets of boxes whose probabilities are exactly right."""
    said = rng.beta(2.0, 1.0, 300)
    drawn = [reliability(said, rng.random(300) < said).expected_error for _ in range(1000)]
    assert reliability(said, rng.random(300) < said).chance_error == pytest.approx(np.mean(drawn), rel=0.05)


def test_reliability_is_what_its_definition_says() -> None:
    found = reliability(np.array([0.05, 0.95, 0.95, 1.0]), np.array([False, True, True, False]), bins=10)
    assert found.counts.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert found.expected_error == pytest.approx(0.25 * 0.05 + 0.75 * abs(2.9 / 3 - 2 / 3))
    assert found.brier == pytest.approx((0.05**2 + 2 * 0.05**2 + 1.0) / 4)


def line(top: float) -> tuple[Curve, ...]:
    return (Curve(scores=np.array([0.0, 1.0]), shares=np.array([0.0, top]), boxes=9),) * 4


def boxes(*heights: float) -> Detections:
    return Detections(
        boxes_px=np.array([[0, 0, 4, h] for h in heights], dtype=np.float32),
        classes=np.arange(len(heights), dtype=np.int64) % 2,
        scores=np.full(len(heights), 0.5, dtype=np.float32),
    )


def test_boxes_get_the_curve_of_their_class_and_unknown_classes_get_none() -> None:
    calibration = Calibration(model_sha256="a" * 64, learned_from="a test", curves={"person": line(0.8)})
    found = calibration.probabilities(boxes(5.0, 5.0, 30.0), ("person", "dog"))
    assert found[[0, 2]] == pytest.approx([0.4, 0.4])
    assert np.isnan(found[1])


def test_a_file_comes_back_and_belongs_to_its_model(tmp_path: Path) -> None:
    calibration = Calibration(model_sha256="a" * 64, learned_from="a test", curves={"person": line(0.8)})
    path = calibration_path(tmp_path / "mine.onnx")
    assert path.name == "mine.calibration.json"
    write_calibration(calibration, path)
    back = read_calibration(path, "a" * 64)
    assert back.curves["person"][2](np.array([0.25]))[0] == pytest.approx(0.2)
    with pytest.raises(ModelError, match="was made for another model"):
        read_calibration(path, "b" * 64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scores": [0.5, 0.5], "shares": [0.1, 0.2]},
        {"scores": [0.0, 1.0], "shares": [0.9, 0.2]},
        {"scores": [0.0, 1.0], "shares": [0.0, 2.0]},
        {"scores": [0.0, float("nan")], "shares": [0.0, 1.0]},
        {"scores": [[0.0]], "shares": [[0.0]]},
        {"scores": "x", "shares": [0.0]},
    ],
)
def test_a_curve_that_is_none_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "m.calibration.json"
    write_calibration(Calibration(model_sha256="a" * 64, learned_from="", curves={"person": line(1.0)}), path)
    held = json.loads(path.read_text())
    held["curves"]["person"][1] = {"boxes": 3} | wrong
    path.write_text(json.dumps(held))
    with pytest.raises(ModelError, match=r"m\.calibration\.json: cannot be read as a model's calibration"):
        read_calibration(path, "a" * 64)


def test_the_bundled_model_has_its_calibration(bundled_model: Path) -> None:
    import hashlib

    calibration = read_calibration(
        calibration_path(bundled_model), hashlib.sha256(bundled_model.read_bytes()).hexdigest()
    )
    assert {"person", "vehicle", "bicycle"} <= set(calibration.curves)
    shares = calibration.curves["person"][3](np.array([0.05, 0.9]))
    assert shares[0] < 0.3 < 0.8 < shares[1]
