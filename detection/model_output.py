"""What an Ultralytics detection export gives, turned into clean boxes.

Two layouts are understood: NMS-free exports, shape (batch, n, 6) with rows
x0, y0, x1, y1, score, class; and raw exports, shape (batch, 4 + classes, anchors)
with columns centre x, centre y, width, height, one score a class.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.boxes import suppress
from detection.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

END2END_COLUMNS: Final = 6
CANDIDATES_MAX: Final = 4000
"""Most raw boxes that enter suppression; the rest has lower scores."""


class Layout(enum.StrEnum):
    """How a model writes its boxes."""

    END2END = "(batch, n, 6)"
    RAW = "(batch, 4 + classes, anchors)"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which boxes are kept."""

    score_min: float = 0.28
    glance_score_min: float = 0.05
    """For a glance, after which what was seen is looked at closer. Of HIT-UAV's persons of 8 to 9 px 0.84 have a box of
    that score near them, and of those of 12 to 14 px 0.81 one of 0.28 (docs/decisions/1043)."""
    overlap_max: float = 0.6
    """Above this intersection over union the lower score of a class goes. A model that was trained to name each thing
    once still names some twice: on simulated patrols one wrong box in three lay on a thing that had one."""
    boxes_max: int = 1000

    def for_a_glance(self) -> Filter:
        """Return the one for a glance: what is less sure is kept, too."""
        return dataclasses.replace(self, score_min=min(self.score_min, self.glance_score_min))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawBoxes:
    """Boxes of one picture in input pixels, with what had to be left out."""

    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    problems: tuple[str, ...]


def layout_of(shape: tuple[int | None, ...], class_count: int, model: str) -> Layout:
    """Tell the layout from an output shape, in which None stands for "any".

    Raises
    ------
    ModelError
        When it is neither layout for this number of classes.
    """
    if len(shape) == 3 and shape[2] == END2END_COLUMNS:
        return Layout.END2END
    if len(shape) == 3 and shape[1] == 4 + class_count:
        return Layout.RAW
    actual = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    expected = f"(batch, n, 6) or (batch, {4 + class_count}, anchors) for its {class_count} classes"
    raise ModelError(
        f"{model}: the model's output has shape {actual}, expected {expected}; "
        "give an Ultralytics detection model exported to ONNX",
        expected=expected,
        actual=actual,
    )


def read_output(output: NDArray[np.floating], layout: Layout, class_count: int, keep: Filter) -> RawBoxes:
    """Boxes of one picture from `output`, (n, 6) or (4 + classes, anchors); never NaN, never too many."""
    if layout is Layout.END2END:
        if np.isfinite(output).all():  # nothing is told of boxes that are not sure enough
            output = output[output[:, 4] >= keep.score_min]
        boxes, scores = output[:, :4], output[:, 4]
        classes = np.where(np.isfinite(output[:, 5]), output[:, 5], -1.0).astype(np.int64)
    else:
        by_class = output[4:]
        classes = by_class.argmax(axis=0).astype(np.int64)
        scores = by_class[classes, np.arange(by_class.shape[1])]
        half = output[2:4] / 2.0
        boxes = np.concatenate([output[:2] - half, output[:2] + half]).T
    problems: list[str] = []
    usable = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
    if not usable.all():
        problems.append(f"{int((~usable).sum())} boxes with numbers that are not finite were dropped")
    with np.errstate(invalid="ignore"):
        wanted = usable & (scores >= keep.score_min)
    if not wanted.any():
        return _none(problems)
    with np.errstate(invalid="ignore"):
        shaped = wanted & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    shaped &= (classes >= 0) & (classes < class_count)
    if int(wanted.sum()) > int(shaped.sum()):
        problems.append(f"{int(wanted.sum() - shaped.sum())} boxes without area or of no known class were dropped")
    rows = np.flatnonzero(shaped)
    return _best(boxes[rows], classes[rows], scores[rows], keep, problems)


def _none(problems: list[str]) -> RawBoxes:
    none = np.zeros(0, dtype=np.float32)
    boxes, classes = none.reshape(0, 4), np.zeros(0, dtype=np.int64)
    return RawBoxes(boxes_px=boxes, classes=classes, scores=none, problems=tuple(problems))


def _best(
    boxes: NDArray[np.floating],
    classes: NDArray[np.int64],
    scores: NDArray[np.floating],
    keep: Filter,
    problems: list[str],
) -> RawBoxes:
    order = np.argsort(-scores, kind="stable")[:CANDIDATES_MAX]
    if len(order) > 1:
        order = order[suppress(boxes[order], scores[order], classes[order], threshold=keep.overlap_max)]
    if max(len(scores) - CANDIDATES_MAX, len(order) - keep.boxes_max) > 0:
        order = order[: keep.boxes_max]
        problems.append(f"{len(scores)} boxes in one picture: only the best {len(order)} were kept")
    return RawBoxes(
        boxes_px=boxes[order].astype(np.float32),
        classes=classes[order],
        scores=np.clip(scores[order], 0.0, 1.0).astype(np.float32),
        problems=tuple(problems),
    )
