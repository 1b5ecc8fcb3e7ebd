"""Train and export the small detector with ultralytics (extra `yolo`)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

from detection.errors import ModelError
from detection.model_manifest_file import MODELS, require_trusted, trust
from detection.ultralytics_detector import load_ultralytics, open_weights

ARCHITECTURE: Final = MODELS / "vedette-small.yaml"
OPSET: Final = 17

RECIPE: Final[dict[str, Any]] = {
    "batch": 8,
    "nbs": 8,
    "workers": 1,
    "cache": "ram",
    "optimizer": "AdamW",
    "lr0": 0.0015,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 1.0,
    "warmup_bias_lr": 0.0,
    "weight_decay": 0.0005,
    "mosaic": 0.0,
    "mixup": 0.0,
    "erasing": 0.0,
    "degrees": 0.0,
    "translate": 0.1,
    "scale": 0.25,
    "fliplr": 0.5,
    "hsv_h": 0.015,
    "hsv_s": 0.4,
    "hsv_v": 0.3,
    "auto_augment": None,
    "amp": False,
    "plots": False,
    "deterministic": True,
}
"""Settings the bundled model was trained with. No mosaic: the pictures are crowded and varied as drawn.
One optimiser step a batch (`nbs` = `batch`): a short training needs many steps."""


FINISH: Final[dict[str, Any]] = {"lr0": 0.0006, "lrf": 0.05, "warmup_epochs": 0.3}
"""What changes for the finish: a lower rate, on pictures half of which are empty."""


SETTLE: Final[dict[str, Any]] = {"lr0": 0.001, "lrf": 0.05, "warmup_epochs": 0.3}
"""What changes for the last passes over all pictures together, once the finish has emptied the false alarms."""


def train_model(data: Path, out: Path, *, epochs: int, size_px: int, seed: int, device: str = "cpu") -> Path:
    """Train the small architecture from nothing on a YOLO data file; returns the best weights.

    The run's folder is `out`/train. A run that was interrupted goes on from
    its last epoch. The weights are added to the user's manifest: they were made here.

    Raises
    ------
    MissingPartError
        When ultralytics is not installed.
    """
    return _run(ARCHITECTURE, data, out, "train", RECIPE, epochs=epochs, imgsz=size_px, seed=seed, device=device)


def finish_model(
    weights: Path, data: Path, out: Path, *, epochs: int, size_px: int, seed: int, device: str = "cpu"
) -> Path:
    """Train on at a lower rate, on mostly empty pictures, so that fewer bushes are taken for people.

    Raises
    ------
    UntrustedModelError, MissingPartError
        As for `UltralyticsDetector`.
    """
    require_trusted(weights)
    recipe = RECIPE | FINISH
    return _run(weights, data, out, "finish", recipe, epochs=epochs, imgsz=size_px, seed=seed, device=device)


def settle_model(
    weights: Path, data: Path, out: Path, *, epochs: int, size_px: int, seed: int, device: str = "cpu"
) -> Path:
    """Train on over all pictures together, so that what the finish cost in recall comes back.

    Raises
    ------
    UntrustedModelError, MissingPartError
        As for `UltralyticsDetector`.
    """
    require_trusted(weights)
    recipe = RECIPE | SETTLE
    return _run(weights, data, out, "settle", recipe, epochs=epochs, imgsz=size_px, seed=seed, device=device)


def _run(start: Path, data: Path, out: Path, name: str, recipe: dict[str, Any], **settings: Any) -> Path:
    ultralytics = load_ultralytics()
    best, last = (out / name / "weights" / f"{which}.pt" for which in ("best", "last"))
    if last.is_file():
        trust(last, "interrupted training run")
        ultralytics.YOLO(str(last)).train(resume=True)
    else:
        ultralytics.YOLO(str(start)).train(
            data=str(data), project=str(out.resolve()), name=name, exist_ok=True, **recipe, **settings
        )
    trust(best, "trained by vedette models train")
    return best


def export_model(weights: Path, out: Path, *, width_px: int = 640, height_px: int = 512) -> Path:
    """Write trusted `.pt` weights as an NMS-free `.onnx` file with output (1, 300, 6).

    Raises
    ------
    UntrustedModelError, MissingPartError, ModelError
        As for `UltralyticsDetector`; also when a side is no multiple of 32.
    """
    if width_px % 32 or height_px % 32 or min(width_px, height_px) < 32:
        raise ModelError(f"the model's input must have sides that are multiples of 32, not {width_px} x {height_px}")
    require_trusted(weights)
    model = open_weights(weights)
    written = Path(
        model.export(format="onnx", imgsz=(height_px, width_px), end2end=True, opset=OPSET, simplify=True, batch=1)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.copyfile(written, part)
    os.replace(part, out)
    if written.resolve() != out.resolve():
        written.unlink()
    return out
