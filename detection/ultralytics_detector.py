"""Run a `.pt` model with ultralytics: the full tool, where it is installed (extra `yolo`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detection.errors import ModelError
from detection.model_manifest_file import sha256_of, trusted_copy
from detection.model_names import tidy_names
from detection.model_output import Filter
from detection.ultralytics_apart import load_ultralytics
from detection.values import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class UltralyticsDetector:
    """A detector from a `.pt` file whose hash a manifest lists.

    Raises
    ------
    UntrustedModelError
        When no manifest lists the file; it has not been opened.
    MissingPartError
        When ultralytics is not installed.
    ModelError
        When it is no detection model.
    """

    def __init__(self, path: Path | str, *, keep: Filter | None = None, size_px: int = 640) -> None:
        self.path = Path(path)
        self._keep = keep or Filter()
        self.score_min, self.height_step_px = self._keep.score_min, None
        self._size_px = size_px
        self._model, self.sha256 = open_weights(self.path)
        self.class_names = tidy_names(dict(self._model.names), self.path.name)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each."""
        return self._detected(images, self._keep)

    def glance(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect, and tell of boxes down to the filter's score for a glance."""
        return self._detected(images, self._keep.for_a_glance())

    def _detected(self, images: Sequence[NDArray[np.uint8]], keep: Filter) -> list[Detections]:
        swapped = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        results = self._model.predict(
            swapped,
            imgsz=self._size_px,
            conf=keep.score_min,
            iou=keep.overlap_max,
            max_det=keep.boxes_max,
            verbose=False,
        )
        return [_columns(result.boxes) for result in results]


def open_weights(path: Path) -> tuple[Any, str]:
    """Open a trusted `.pt` file as an ultralytics detection model; returns it and its SHA-256.

    Raises
    ------
    UntrustedModelError
        When no manifest lists the file; it has not been opened.
    MissingPartError
        When ultralytics is not installed.
    ModelError
        When it is no detection model.
    """
    with trusted_copy(path) as copy:
        found = sha256_of(copy)
        ultralytics = load_ultralytics()
        try:
            model = ultralytics.YOLO(str(copy))
        except Exception as error:
            raise ModelError(
                f"{path.name}: ultralytics cannot open this file ({type(error).__name__}); give a YOLO .pt file",
                path=str(path),
            ) from error
    if model.task != "detect":
        raise ModelError(f"{path.name}: the model's task is {model.task!r}, expected 'detect'", path=str(path))
    return model, found


def _columns(boxes: Any) -> Detections:
    return Detections(
        boxes_px=boxes.xyxy.cpu().numpy().astype(np.float32),
        classes=boxes.cls.cpu().numpy().astype(np.int64),
        scores=boxes.conf.cpu().numpy().astype(np.float32),
    )
