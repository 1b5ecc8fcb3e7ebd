"""Open any model file as a detector."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from detection.calibration_file import calibration_path, read_calibration
from detection.colour_detector import ColourDetector
from detection.errors import ModelError
from detection.model_manifest_file import colour_model, default_model, model_at, sha256_of
from detection.model_names import our_name
from detection.onnx_detector import OnnxDetector
from detection.ultralytics_detector import UltralyticsDetector

if TYPE_CHECKING:
    from pathlib import Path

    from detection.model_output import Filter
    from detection.values import Detector


def load_detector(
    path: Path | str | None = None, *, keep: Filter | None = None, threads: int = 2, calibrated: bool = True
) -> tuple[Detector, str]:
    """Open the bundled detectors, an `.onnx` file, or a trusted `.pt` file.

    Parameters
    ----------
    path
        The model file, or a bundled model's name; None for the bundled ones: one looks at grey pictures, the other
        at colour pictures.
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
        File name and SHA-256 of each model, and of the calibration where one is used, to be kept with what they find.

    Raises
    ------
    ModelError
        When the file is missing, of another kind, or no detection model, or its calibration is another model's.
    UntrustedModelError
        When it is a `.pt` file that no manifest lists.
    MissingPartError
        When it is a `.pt` file and ultralytics is not installed.
    """
    if path is None:
        grey, described = _open_onnx(default_model(), keep, threads, calibrated)
        day = colour_model()
        told = f"{day.name} sha256:{sha256_of(day)}"

        def open_colour() -> Detector:
            opened, now = _open_onnx(day, keep, threads, calibrated)
            _require_unchanged(told, now)
            return opened

        return ColourDetector(grey, open_colour, our_name), f"{described}; in colour {told}"
    chosen = model_at(path)
    if chosen.suffix.lower() == ".onnx":
        return _open_onnx(chosen, keep, threads, calibrated)
    if chosen.suffix.lower() == ".pt":
        trusted = UltralyticsDetector(chosen, keep=keep)
        return trusted, f"{chosen.name} sha256:{trusted.sha256}"
    raise ModelError(
        f"{chosen}: a model must be an .onnx or .pt file, not {chosen.suffix or 'a file without suffix'!r}"
    )


def _open_onnx(path: Path, keep: Filter | None, threads: int, calibrated: bool) -> tuple[OnnxDetector, str]:
    detector = OnnxDetector(path, keep=keep, threads=threads)
    described = f"{path.name} sha256:{detector.sha256}"
    held = calibration_path(path)
    if calibrated and held.is_file():
        detector.calibration = read_calibration(held, detector.sha256)
        described += f", {held.name} sha256:{sha256_of(held)}"
    return detector, described


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
        _require_unchanged(self.described, described)
        return detector


def _require_unchanged(was: str, now: str) -> None:
    if now != was:
        raise ModelError(f"the model was changed while it was used: it was {was} and is {now}")
