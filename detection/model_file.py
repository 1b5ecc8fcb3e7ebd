"""Open any model file as a detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detection.errors import ModelError
from detection.model_manifest_file import default_model
from detection.onnx_detector import OnnxDetector
from detection.ultralytics_detector import UltralyticsDetector

if TYPE_CHECKING:
    from detection.model_output import Filter
    from detection.values import Detector


def load_detector(
    path: Path | str | None = None, *, keep: Filter | None = None, threads: int = 2
) -> tuple[Detector, str]:
    """Open the bundled detector, an `.onnx` file, or a trusted `.pt` file.

    Returns
    -------
    detector
        Ready to use.
    description
        File name and SHA-256, to be kept with what it finds.

    Raises
    ------
    ModelError
        When the file is missing, of another kind, or no detection model.
    UntrustedModelError
        When it is a `.pt` file that no manifest lists.
    MissingPartError
        When it is a `.pt` file and ultralytics is not installed.
    """
    chosen = default_model() if path is None else Path(path)
    detector: OnnxDetector | UltralyticsDetector
    if chosen.suffix.lower() == ".onnx":
        detector = OnnxDetector(chosen, keep=keep, threads=threads)
        return detector, f"{chosen.name} sha256:{detector.sha256}"
    if chosen.suffix.lower() == ".pt":
        detector = UltralyticsDetector(chosen, keep=keep)
        return detector, f"{chosen.name} sha256:{detector.sha256}"
    raise ModelError(
        f"{chosen}: a model must be an .onnx or .pt file, not {chosen.suffix or 'a file without suffix'!r}"
    )
