"""Boxes in a picture, and whatever finds them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What a detector found in one frame, as columns; boxes are x0, y0, x1, y1 in pixels."""

    boxes_px: NDArray[np.float32]
    """Shape (n, 4)."""
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    problems: tuple[str, ...] = ()
    probabilities: NDArray[np.float32] | None = None
    """Calibrated chance that each box is right, NaN for a class without a curve; None without a calibration."""
    contrast: NDArray[np.float32] | None = None
    """How much brighter than around it each box is (`detection.contrast`); None where that was not measured."""
    answered: bool = True
    """False where the detector gave no answer, or none that can be read."""

    @classmethod
    def none(cls, problems: tuple[str, ...] = (), *, answered: bool = True) -> Detections:
        """Return nothing found."""
        scores = np.zeros(0, dtype=np.float32)
        return cls(
            boxes_px=np.zeros((0, 4), dtype=np.float32), classes=np.zeros(0, dtype=np.int64), scores=scores,
            problems=problems, probabilities=scores, answered=answered,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.scores)

    def calibrated(self) -> NDArray[np.float32]:
        """Return the calibrated chances; NaN where there are none."""
        unknown = np.full(len(self), np.nan, dtype=np.float32)
        return unknown if self.probabilities is None else self.probabilities

    def contrasts(self) -> NDArray[np.float32]:
        """Return the contrasts; NaN where they were not measured."""
        return np.full(len(self), np.nan, dtype=np.float32) if self.contrast is None else self.contrast

    def take(self, rows: NDArray[np.generic]) -> Detections:
        """Return the boxes chosen by index or mask; problems stay."""
        chances = None if self.probabilities is None else self.probabilities[rows]
        contrast = None if self.contrast is None else self.contrast[rows]
        return dataclasses.replace(
            self,
            boxes_px=self.boxes_px[rows],
            classes=self.classes[rows],
            scores=self.scores[rows],
            probabilities=chances,
            contrast=contrast,
        )


class Detector(Protocol):
    """Anything that turns pictures into detections."""

    class_names: tuple[str, ...]

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each."""
        ...


@runtime_checkable
class Glancing(Detector, Protocol):
    """A detector that can also tell where it would pay to look closer."""

    score_min: float
    """Score from which on `detect` tells of a box."""
    height_step_px: int | None
    """A glance takes pictures of the input's width as they are where their height is a multiple of this, up to the
    input's; None: it fits them in, as `detect` does."""

    def glance(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Do what `detect` does, and tell of boxes that are less sure, too."""
        ...
