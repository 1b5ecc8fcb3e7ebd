"""How good a detector is on labelled pictures: precision, recall and average precision by class."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.boxes import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detections

    FloatArray = NDArray[np.float64]

OVERLAP_MIN: Final = 0.5
"""Intersection over union of a right box (PASCAL VOC, Everingham et al. 2010)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is in one picture; boxes with `counts` False are neither sought nor wrong."""

    boxes_px: FloatArray
    classes: NDArray[np.int64]
    counts: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class on one set of pictures; shares are 0..1."""

    truths: int
    average_precision: float
    precision: float
    """At the score limit asked for."""
    recall: float


def evaluate(
    found: Sequence[Detections],
    labels: Sequence[Labels],
    class_number: int,
    *,
    score_min: float = 0.25,
    overlap_min: float = OVERLAP_MIN,
) -> ClassScore:
    """Score one class over pictures.

    Average precision is the area under the precision envelope over all recall
    levels (VOC 2010, all points).
    """
    scores, right = [], []
    truths = 0
    for one, true in zip(found, labels, strict=True):
        mine = np.flatnonzero(one.classes == class_number)
        mine = mine[np.argsort(-one.scores[mine], kind="stable")]
        sought = true.classes == class_number
        truths += int((sought & true.counts).sum())
        verdict = _verdicts(one.boxes_px[mine], true.boxes_px[sought], true.counts[sought], overlap_min)
        scores.append(one.scores[mine][verdict >= 0])
        right.append(verdict[verdict >= 0])
    score, hit = np.concatenate(scores), np.concatenate(right).astype(np.float64)
    order = np.argsort(-score, kind="stable")
    score, hit = score[order], hit[order]
    taken = hit[score >= score_min]
    return ClassScore(
        truths=truths,
        average_precision=_area(hit, truths),
        precision=float(taken.mean()) if len(taken) else float("nan"),
        recall=float(taken.sum()) / truths if truths else float("nan"),
    )


def _verdicts(
    boxes: NDArray[np.floating], true: FloatArray, counts: NDArray[np.bool_], overlap_min: float
) -> NDArray[np.int64]:
    """1 for right, 0 for wrong, -1 for a box on something that does not count; best score first."""
    shared = overlap(boxes, true)
    free = np.ones(len(true), dtype=bool)
    verdict = np.zeros(len(boxes), dtype=np.int64)
    for row in range(len(boxes)):
        open_here = np.where(free, shared[row], 0.0)
        if not len(true) or open_here.max() < overlap_min:
            continue
        best = int(open_here.argmax())
        verdict[row] = 1 if counts[best] else -1
        free[best] = not counts[best]
    return verdict


def _area(hit: FloatArray, truths: int) -> float:
    if truths == 0:
        return float("nan")
    if not len(hit):
        return 0.0
    right = np.cumsum(hit)
    precision = right / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], right / truths])
    return float(np.sum(np.diff(recall) * envelope))
