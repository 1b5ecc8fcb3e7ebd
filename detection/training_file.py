"""Export trusted `.pt` weights (extra `yolo`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detection.training.checkpoint_file import read_checkpoint
from detection.training.loop import averaged_network
from detection.training.network import coco_network
from detection.training.onnx_export_file import export_network, require_sides
from detection.ultralytics_detector import open_weights

if TYPE_CHECKING:
    from pathlib import Path


def export_model(weights: Path, out: Path, *, width_px: int = 640, height_px: int = 512) -> Path:
    """Write an NMS-free `.onnx` file with output (1, 300, 6).

    From trusted `.pt` weights, a plain state dict of COCO's YOLO26n too, or from a training's checkpoint.

    Raises
    ------
    UntrustedModelError, MissingPartError, ModelError
        As for `UltralyticsDetector`; also when a side is no multiple of 32, or the model has no NMS-free head.
    """
    require_sides(width_px, height_px)
    if weights.suffix.lower() == ".npz":
        network = averaged_network(read_checkpoint(weights))
        return export_network(network, out, width_px=width_px, height_px=height_px)
    coco = coco_network(weights)
    if coco is not None:
        return export_network(coco, out, width_px=width_px, height_px=height_px)
    model, _ = open_weights(weights)
    network = model.model
    network.names = model.names
    return export_network(network, out, width_px=width_px, height_px=height_px)
