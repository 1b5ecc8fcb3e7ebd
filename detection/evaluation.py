"""How good a detector is on labelled pictures: which boxes are right, precision, recall and average precision.

Average precision is worked out by `faster-coco-eval` (COCO's 101 recall levels); another evaluator
gives other numbers, so its name and version go with them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.boxes import overlap
from detection.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detections

    FloatArray = NDArray[np.float64]

OVERLAP_MIN: Final = 0.5
"""Intersection over union of a right box (PASCAL VOC, Everingham et al. 2010)."""
HEIGHT_EDGES_PX: Final = (8.0, 12.0, 20.0)
"""Bounds of the bands of pixel height in which results are given: few patrols see a person higher than 20 pixels."""
BOXES_MAX: Final = 300
"""Boxes of a class in one picture that count; NMS-free exports give as many."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is in one picture; boxes with `counts` False are neither sought nor wrong."""

    boxes_px: FloatArray
    classes: NDArray[np.int64]
    counts: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Every box found of one class, best score first, and every thing sought, as columns."""

    scores: FloatArray
    right: NDArray[np.bool_]
    height_px: FloatArray
    truth_height_px: FloatArray
    truth_score: FloatArray
    """Score of the box that found it, or 0 where none did."""


def joined(parts: Sequence[Verdicts]) -> Verdicts:
    """Put verdicts of several sets into one, in the sets' order."""
    names = [column.name for column in dataclasses.fields(Verdicts)]
    return Verdicts(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class on one set of pictures at one score limit; shares are 0..1, NaN where nothing could be measured."""

    truths: int
    precision: float
    recall: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AveragePrecision:
    """One class: area under the precision-recall curve, 0..1, NaN where the class does not occur."""

    truths: int
    ap50: float
    """At an overlap of 0.5."""
    ap: float
    """Mean over overlaps 0.5 to 0.95."""
    recall50: float
    """Highest recall reached at an overlap of 0.5."""


def bands() -> tuple[tuple[str, float, float], ...]:
    """Name, lower and upper bound of each band of pixel height."""
    edges = (0.0, *HEIGHT_EDGES_PX, np.inf)
    names = [f"under {edges[1]:g} px", *(f"{a:g} to {b:g} px" for a, b in zip(edges[1:-2], edges[2:-1], strict=True))]
    return tuple(zip([*names, f"over {edges[-2]:g} px"], edges[:-1], edges[1:], strict=True))


def band_of(height_px: FloatArray) -> NDArray[np.int64]:
    """Row in `bands` of each height."""
    return np.searchsorted(np.array(HEIGHT_EDGES_PX), height_px, side="right").astype(np.int64)


def judge(
    found: Sequence[Detections], labels: Sequence[Labels], class_number: int, *, overlap_min: float = OVERLAP_MIN
) -> Verdicts:
    """Tell which boxes of a class are right: in each picture the best score first, each thing found once.

    Boxes on things that do not count are left out.
    """
    columns: list[tuple[FloatArray, NDArray[np.int64], FloatArray]] = []
    heights, taken = [], []
    for one, true in zip(found, labels, strict=True):
        mine = np.flatnonzero(one.classes == class_number)
        mine = mine[np.argsort(-one.scores[mine], kind="stable")]
        sought = true.classes == class_number
        counts = true.counts[sought]
        verdict, finder = _verdicts(one.boxes_px[mine], true.boxes_px[sought], counts, overlap_min)
        kept = verdict >= 0
        score = one.scores[mine].astype(np.float64)
        columns.append((score[kept], verdict[kept], _height(one.boxes_px[mine])[kept]))
        heights.append(_height(true.boxes_px[sought])[counts])
        taken.append(np.where(finder >= 0, np.append(score, 0.0)[finder], 0.0)[counts])
    scores, right, height = (np.concatenate([np.zeros(0), *part]) for part in zip(*columns, strict=True))
    order = np.argsort(-scores, kind="stable")
    return Verdicts(
        scores=scores[order],
        right=right[order].astype(bool),
        height_px=height[order],
        truth_height_px=np.concatenate([np.zeros(0), *heights]),
        truth_score=np.concatenate([np.zeros(0), *taken]),
    )


def _height(boxes_px: NDArray[np.floating]) -> FloatArray:
    return np.asarray(boxes_px[:, 3] - boxes_px[:, 1], dtype=np.float64)


def at_limit(verdicts: Verdicts, score_min: float) -> ClassScore:
    """Precision and recall of the boxes that reach a score."""
    taken = verdicts.right[verdicts.scores >= score_min]
    truths = len(verdicts.truth_score)
    return ClassScore(
        truths=truths,
        precision=float(taken.mean()) if len(taken) else float("nan"),
        recall=float((verdicts.truth_score >= max(score_min, 1e-12)).mean()) if truths else float("nan"),
    )


def evaluate(
    found: Sequence[Detections],
    labels: Sequence[Labels],
    class_number: int,
    *,
    score_min: float = 0.25,
    overlap_min: float = OVERLAP_MIN,
) -> ClassScore:
    """Precision and recall of one class over pictures."""
    return at_limit(judge(found, labels, class_number, overlap_min=overlap_min), score_min)


def _verdicts(
    boxes: NDArray[np.floating], true: FloatArray, counts: NDArray[np.bool_], overlap_min: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """1 for right, 0 for wrong, -1 for a box on something that does not count; and each thing's box, or -1."""
    shared = overlap(boxes, true)
    free = np.ones(len(true), dtype=bool)
    verdict = np.zeros(len(boxes), dtype=np.int64)
    finder = np.full(len(true), -1, dtype=np.int64)
    for row in range(len(boxes)):
        open_here = np.where(free, shared[row], 0.0)
        if not len(true) or open_here.max() < overlap_min:
            continue
        best = int(open_here.argmax())
        verdict[row] = 1 if counts[best] else -1
        free[best] = not counts[best]
        finder[best] = row
    return verdict, finder


def evaluator() -> str:
    """Name and version of what works out average precision.

    Raises
    ------
    ModelError
        When it is not installed.
    """
    try:
        import faster_coco_eval
    except ImportError as error:
        raise ModelError(
            "average precision is worked out by faster-coco-eval, which is not installed: pip install faster-coco-eval"
        ) from error
    return f"faster-coco-eval {faster_coco_eval.__version__}"


def average_precisions(
    found: Sequence[Detections], labels: Sequence[Labels], class_names: Sequence[str]
) -> dict[str, dict[str, AveragePrecision]]:
    """Average precision of each class, over all heights (key "all") and by band of pixel height.

    Bands follow COCO's rule for areas, with the square of the height in the area's place: things of
    another band do not count, and a box that found nothing counts in the band of its own height.
    """
    evaluator()  # says what to install where it is missing
    from faster_coco_eval import COCO, COCOeval_faster

    truth, boxes = _coco(found, labels, class_names)
    if not boxes:
        boxes = [{"image_id": 0, "category_id": 0, "bbox": [0.0, 0.0, 1e-6, 1e-6], "score": 0.0}]
    with contextlib.redirect_stdout(io.StringIO()):
        held = COCO(truth)
        given = held.loadRes(boxes)
        for row in given.anns.values():
            row["area"] = row["bbox"][3] ** 2
        run = COCOeval_faster(held, given, iouType="bbox")
        ranges = [[0.0, 1e12], *([low**2, min(high, 1e6) ** 2 - 1e-6] for _, low, high in bands())]
        run.params.areaRng, run.params.areaRngLbl = ranges, ["all", *(name for name, _, _ in bands())]
        run.params.maxDets = [1, 10, BOXES_MAX]
        run.evaluate()
        run.accumulate()
    return _by_class(run, labels, class_names)


def _coco(
    found: Sequence[Detections], labels: Sequence[Labels], class_names: Sequence[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    sought: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for image, (one, true) in enumerate(zip(found, labels, strict=True)):
        for box, number, counts in zip(true.boxes_px.tolist(), true.classes.tolist(), true.counts, strict=True):
            if 0 <= number < len(class_names):
                row = _box(image, number, box)
                ignored = int(not counts)
                sought.append(row | {"id": len(sought) + 1, "iscrowd": ignored, "area": row["bbox"][3] ** 2})
        for box, number, score in zip(one.boxes_px.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True):
            if 0 <= number < len(class_names):
                boxes.append(_box(image, number, box) | {"score": score})
    truth = {
        "info": {},
        "images": [{"id": number, "file_name": str(number), "width": 1, "height": 1} for number in range(len(labels))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(class_names)],
        "annotations": sought,
    }
    return truth, boxes


def _box(image: int, number: int, box: Sequence[float]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {"image_id": image, "category_id": number, "bbox": [x0, y0, x1 - x0, y1 - y0]}


def _by_class(run: Any, labels: Sequence[Labels], class_names: Sequence[str]) -> dict[str, dict[str, AveragePrecision]]:
    precision, recall = run.eval["precision"], run.eval["recall"]  # (overlap, recall level, class, band, most)
    keys = ["all", *(name for name, _, _ in bands())]
    result: dict[str, dict[str, AveragePrecision]] = {}
    for number, name in enumerate(class_names):
        heights = [_height(one.boxes_px[(one.classes == number) & one.counts]) for one in labels]
        band = band_of(np.concatenate([np.zeros(0), *heights]))
        result[name] = {
            key: AveragePrecision(
                truths=len(band) if column == 0 else int((band == column - 1).sum()),
                ap50=_mean(precision[0, :, number, column, -1]),
                ap=_mean(precision[:, :, number, column, -1]),
                recall50=_mean(recall[0, number, column, -1]),
            )
            for column, key in enumerate(keys)
        }
    return result


def _mean(values: Any) -> float:
    known = np.asarray(values)[np.asarray(values) > -1.0]
    return float(known.mean()) if known.size else float("nan")
