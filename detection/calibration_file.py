"""A calibration as one JSON file beside its model."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.calibration import Calibration, Curve
from detection.errors import ModelError
from detection.evaluation import bands

if TYPE_CHECKING:
    from pathlib import Path

KNOTS_MAX: Final = 2000
FILE_BYTES_MAX: Final = 5_000_000


def calibration_path(model: Path) -> Path:
    """Return where a model's calibration lies: `mine.onnx` has `mine.calibration.json`."""
    return model.with_suffix(".calibration.json")


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write under a temporary name, then put it in place."""
    held = {
        "model_sha256": calibration.model_sha256,
        "learned_from": calibration.learned_from,
        "bands": [name for name, _, _ in bands()],
        "curves": {
            name: [{"boxes": c.boxes, "scores": c.scores.tolist(), "shares": c.shares.tolist()} for c in curves]
            for name, curves in calibration.curves.items()
        },
        "recall": {
            name: [None if math.isnan(share) else round(share, 4) for share in shares]
            for name, shares in calibration.recall.items()
        },
    }
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(held, separators=(",", ":")) + "\n", encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_calibration(path: Path, model_sha256: str) -> Calibration:
    """Read the calibration of a model.

    Raises
    ------
    ModelError
        When the file is damaged, or belongs to another model: a curve of another model says nothing about this one.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError("too large")
        held = json.loads(path.read_text(encoding="utf-8"))
        curves = {str(name): tuple(_curve(row) for row in rows) for name, rows in held["curves"].items()}
        if held["bands"] != [name for name, _, _ in bands()] or any(len(c) != len(bands()) for c in curves.values()):
            raise ValueError("other bands of height")
        found = Calibration(
            model_sha256=str(held["model_sha256"]),
            learned_from=str(held["learned_from"])[:400],
            curves=curves,
            recall={str(name): _shares(row) for name, row in held.get("recall", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: cannot be read as a model's calibration ({str(error)[:80]}); "
            "write it again with 'vedette eval --calibrate'",
            path=str(path),
        ) from error
    if found.model_sha256 != model_sha256:
        raise ModelError(
            f"{path}: was made for another model (sha256 {found.model_sha256[:12]}, this one is {model_sha256[:12]}); "
            "make it again with 'vedette eval --calibrate'",
            path=str(path),
        )
    return found


def _shares(row: list[float | None]) -> tuple[float, ...]:
    shares = tuple(math.nan if share is None else float(share) for share in row)
    if len(shares) != len(bands()) or any(not 0.0 <= share <= 1.0 for share in shares if not math.isnan(share)):
        raise ValueError("recall that is no share of each band")
    return shares


def _curve(row: dict[str, object]) -> Curve:
    scores, shares = (np.asarray(row[name], dtype=np.float64) for name in ("scores", "shares"))
    shaped = scores.ndim == 1 and scores.shape == shares.shape and 1 <= len(scores) <= KNOTS_MAX
    if not shaped or not np.isfinite([scores, shares]).all() or (np.diff(scores) <= 0).any():
        raise ValueError("a curve whose scores do not rise")
    if (np.diff(shares) < 0).any() or shares.min() < 0.0 or shares.max() > 1.0:
        raise ValueError("a curve that falls or leaves 0..1")
    return Curve(scores=scores, shares=shares, boxes=int(str(row["boxes"])))
