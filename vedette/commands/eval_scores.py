"""From boxes and labels to rows of a score table."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from detection.calibration import Calibration, fit, recall_by_band, reliability
from detection.evaluation import (
    Labels,
    Verdicts,
    at_limit,
    average_precisions,
    band_of,
    bands,
    evaluator,
    joined,
    judge,
)
from detection.model_output import Filter
from detection.training.recipe import CLASS_NAMES
from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.values import Detections
    from vedette.commands.eval_sources import LabelledFrame, Source

    Judged = tuple[Source, Sequence[Detections], Sequence[LabelledFrame]]
    """A source, what was found in each of its pictures, and what is there."""

CURVE_POINTS = 60


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One class in one band of pixel height; NaN where nothing could be measured."""

    name: str
    band: str
    truths: int
    ap50: float
    ap: float
    precision: float
    recall: float
    calibration_error: float = math.nan
    brier: float = math.nan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What is drawn of one class: precision over recall, and probabilities against what happened."""

    name: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    scores: tuple[float, ...]
    bin_counts: tuple[int, ...] = ()
    bin_said: tuple[float, ...] = ()
    bin_happened: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetScore:
    """One source's scores."""

    name: str
    pictures: int
    overlap_min: float
    evaluator: str
    rows: tuple[Row, ...]
    curves: tuple[Curves, ...]


def score_source(
    source: Source,
    found: Sequence[Detections],
    true: Sequence[LabelledFrame],
    limit: float,
    calibration: Calibration | None,
) -> SetScore:
    """Score every class that occurs, in all bands, and each of its kinds alone where a set has several."""
    labels = [one.labels for one in true]
    precisions = average_precisions(found, labels, CLASS_NAMES)
    rows: list[Row] = []
    curves: list[Curves] = []
    for number, name in enumerate(CLASS_NAMES):
        verdicts = judge(found, labels, number, overlap_min=source.overlap_min)
        if not len(verdicts.truth_score) and not len(verdicts.scores):
            continue
        for row, (band, *_) in enumerate((("all",), *((b[0],) for b in bands()))):
            part = verdicts if row == 0 else _in_band(verdicts, row - 1)
            at, ap = at_limit(part, limit), precisions[name][band]
            error, brier = _honesty(part, calibration, name, limit)
            rows.append(
                Row(
                    name=name, band=band, truths=at.truths, ap50=ap.ap50, ap=ap.ap, precision=at.precision,
                    recall=at.recall, calibration_error=error, brier=brier,
                )
            )  # fmt: skip
        rows += _alone(found, true, number, limit, source.overlap_min)
        curves.append(_curves(name, verdicts, calibration))
    return SetScore(
        name=source.name,
        pictures=len(true),
        overlap_min=source.overlap_min,
        evaluator=evaluator(),
        rows=tuple(rows),
        curves=tuple(curves),
    )


def _in_band(verdicts: Verdicts, row: int) -> Verdicts:
    """Keep boxes and things of one band; a right box of a thing in the next band goes with its own height."""
    box, thing = band_of(verdicts.height_px) == row, band_of(verdicts.truth_height_px) == row
    return Verdicts(
        scores=verdicts.scores[box],
        right=verdicts.right[box],
        height_px=verdicts.height_px[box],
        truth_height_px=verdicts.truth_height_px[thing],
        truth_score=verdicts.truth_score[thing],
    )


def probabilities(verdicts: Verdicts, calibration: Calibration, name: str) -> np.ndarray:
    """Calibrated probability of each box of one class."""
    result = np.zeros(len(verdicts.scores))
    for row, curve in enumerate(calibration.curves.get(name, ())):
        mine = band_of(verdicts.height_px) == row
        result[mine] = curve(verdicts.scores[mine])
    return result


def _honesty(verdicts: Verdicts, calibration: Calibration | None, name: str, limit: float) -> tuple[float, float]:
    """Calibration error and Brier score of the boxes that are kept."""
    kept = verdicts.scores >= limit
    if calibration is None or name not in calibration.curves or not kept.any():
        return math.nan, math.nan
    found = reliability(probabilities(verdicts, calibration, name)[kept], verdicts.right[kept])
    return found.expected_error, found.brier


def _alone(
    found: Sequence[Detections], true: Sequence[LabelledFrame], number: int, limit: float, overlap_min: float
) -> list[Row]:
    """Score each kind that a set tells apart within one class, the class's other kinds not counting."""
    kinds = sorted(
        {
            name
            for one in true
            for name, kind, counts in zip(one.names, one.labels.classes, one.labels.counts, strict=True)
            if kind == number and counts
        }
    )
    if len(kinds) < 2:
        return []
    rows = []
    for kind in kinds[:10]:
        only = [
            Labels(
                boxes_px=one.labels.boxes_px,
                classes=one.labels.classes,
                counts=one.labels.counts & np.array([n == kind for n in one.names], dtype=bool),
            )
            for one in true
        ]
        at = at_limit(judge(found, only, number, overlap_min=overlap_min), limit)
        if not at.truths:
            continue
        ap = average_precisions(found, only, CLASS_NAMES)[CLASS_NAMES[number]]["all"]
        rows.append(
            Row(
                name=f"{CLASS_NAMES[number]}: {kind} alone", band="all", truths=at.truths, ap50=ap.ap50, ap=ap.ap,
                precision=at.precision, recall=at.recall,
            )
        )  # fmt: skip
    return rows


def _curves(name: str, verdicts: Verdicts, calibration: Calibration | None) -> Curves:
    right = np.cumsum(verdicts.right)
    count = np.arange(1, len(right) + 1)
    rows = (
        np.unique(np.linspace(0, max(len(right) - 1, 0), CURVE_POINTS).astype(int)) if len(right) else np.array([], int)
    )
    truths = max(len(verdicts.truth_score), 1)
    bins = None
    if calibration is not None and name in calibration.curves and len(right):
        bins = reliability(probabilities(verdicts, calibration, name), verdicts.right)
    return Curves(
        name=name,
        recall=tuple((right[rows] / truths).tolist()),
        precision=tuple((right[rows] / count[rows]).tolist()),
        scores=tuple(verdicts.scores[rows].tolist()),
        bin_counts=tuple(bins.counts.tolist()) if bins else (),
        bin_said=tuple(bins.said.tolist()) if bins else (),
        bin_happened=tuple(bins.happened.tolist()) if bins else (),
    )


def verdicts_of(judged: Sequence[Judged], number: int) -> Verdicts:
    """Judge one class over all sources together; each source's own overlap decides what is right."""
    return joined(
        [judge(found, [t.labels for t in true], number, overlap_min=s.overlap_min) for s, found, true in judged]
    )


def calibration_of(judged: Sequence[Judged], sha256: str) -> Calibration:
    """Learn curves from all sources together, of the classes of which there are things and boxes.

    Raises
    ------
    InputError
        There are of none: a curve of no box would make every score a probability of 0.
    """
    curves, recall = {}, {}
    for number, name in enumerate(CLASS_NAMES):
        together = verdicts_of(judged, number)
        if len(together.truth_score) and len(together.scores):
            curves[name] = fit(together)
            recall[name] = recall_by_band(together, Filter().score_min)
    if not curves:
        raise InputError(
            "nothing can be learned for probabilities: the model puts no box of a class into these pictures that they "
            "hold things of; use more pictures, or train it longer"
        )
    learned = ", ".join(f"{source.name} ({len(true)} pictures)" for source, _, true in judged)
    return Calibration(model_sha256=sha256, learned_from=learned, curves=curves, recall=recall)
