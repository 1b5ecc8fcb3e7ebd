"""Open any model file as a detector."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from detection.calibration_file import calibration_path, read_calibration
from detection.errors import ModelError
from detection.model_manifest_file import default_model, sha256_of
from detection.onnx_detector import OnnxDetector
from detection.ultralytics_detector import UltralyticsDetector

if TYPE_CHECKING:
    from detection.model_output import Filter
    from detection.values import Detector


def load_detector(
    path: Path | str | None = None, *, keep: Filter | None = None, threads: int = 2, calibrated: bool = True
) -> tuple[Detector, str]:
    """Open the bundled detector, an `.onnx` file, or a trusted `.pt` file.

    Parameters
    ----------
    path
        The model file; None for the bundled one.
    keep
        Which boxes are kept.
    threads
        Processor threads.
    calibrated
        Whether the calibration that lies beside an `.onnx` file is used.

    Returns
    -------
    detector
        Ready to use.
    description
        File name and SHA-256 of the model, and of the calibration where one is used, to be kept with what it finds.

    Raises
    ------
    ModelError
        When the file is missing, of another kind, or no detection model, or its calibration is another model's.
    UntrustedModelError
        When it is a `.pt` file that no manifest lists.
    MissingPartError
        When it is a `.pt` file and ultralytics is not installed.
    """
    chosen = default_model() if path is None else Path(path)
    if chosen.suffix.lower() == ".onnx":
        detector = OnnxDetector(chosen, keep=keep, threads=threads)
        described = f"{chosen.name} sha256:{detector.sha256}"
        held = calibration_path(chosen)
        if calibrated and held.is_file():
            detector.calibration = read_calibration(held, detector.sha256)
            described += f", {held.name} sha256:{sha256_of(held)}"
        return detector, described
    if chosen.suffix.lower() == ".pt":
        trusted = UltralyticsDetector(chosen, keep=keep)
        return trusted, f"{chosen.name} sha256:{trusted.sha256}"
    raise ModelError(
        f"{chosen}: a model must be an .onnx or .pt file, not {chosen.suffix or 'a file without suffix'!r}"
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """Opens a model again in another process: the very one, or none."""

    path: Path | None
    described: str
    """As `load_detector` described it."""
    threads: int

    def __call__(self) -> Detector:
        """Open it.

        Raises
        ------
        ModelError
            When the file was changed since.
        """
        detector, described = load_detector(self.path, threads=self.threads)
        if described != self.described:
            raise ModelError(f"the model was changed while it was used: it was {self.described} and is {described}")
        return detector
