"""Write a trained network as an NMS-free ONNX file."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detection.errors import ModelError
from detection.ultralytics_apart import load_ultralytics

if TYPE_CHECKING:
    from collections.abc import Mapping

OPSET: Final = 17
SIDE_MAX_PX: Final = 4096
DETECTIONS: Final = 300
"""Rows of the output; ultralytics' own exports have as many."""


def require_sides(width_px: int, height_px: int) -> None:
    """Refuse an input size that the network's strides do not divide.

    Raises
    ------
    ModelError
        When a side is no multiple of 32 between 32 and `SIDE_MAX_PX`.
    """
    if width_px % 32 or height_px % 32 or not 32 <= min(width_px, height_px) <= max(width_px, height_px) <= SIDE_MAX_PX:
        raise ModelError(
            f"the model's input must have sides that are multiples of 32, at most {SIDE_MAX_PX}, "
            f"not {width_px} x {height_px}"
        )


def export_network(
    network: Any, out: Path, *, width_px: int = 640, height_px: int = 512, about: Mapping[str, str] | None = None
) -> Path:
    """Fuse `network` and write it with input (1, 3, h, w) and output (1, 300, 6): x0, y0, x1, y1, score, class.

    Its height is free, in multiples of 32 px; the one given is its `imgsz`, into which whole pictures are fitted.

    Raises
    ------
    ModelError
        When a side cannot be used.
    """
    require_sides(width_px, height_px)
    load_ultralytics()
    import onnx
    import torch

    head = network.model[-1]
    if getattr(head, "one2one_cv2", None) is None:
        raise ModelError("the network has no NMS-free head; give a YOLO26 model, or export with ultralytics itself")
    head.end2end = True
    names = dict(network.names)
    network = network.float().eval().fuse(verbose=False)
    head = network.model[-1]
    head.export, head.format, head.max_det, head.dynamic = True, "onnx", DETECTIONS, True
    picture = torch.zeros(1, 3, height_px, width_px)
    with tempfile.TemporaryDirectory(prefix="vedette-export-") as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of every shape that is fixed on purpose
        network(picture)
        raw = Path(folder) / "model.onnx"
        torch.onnx.export(
            network, (picture,), str(raw), opset_version=OPSET, input_names=["images"], output_names=["output0"],
            dynamo=False, dynamic_axes={"images": {2: "height"}},
        )  # fmt: skip
        model = onnx.load(str(raw))
    for side, size in zip(model.graph.output[0].type.tensor_type.shape.dim, (1, DETECTIONS, 6), strict=True):
        side.dim_value = size  # the tracer does not tell that the height does not change it
    facts = {"task": "detect", "names": str(names), "imgsz": str([height_px, width_px]), "end2end": "True"}
    onnx.helper.set_model_props(model, facts | dict(about or {}))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(_slim(model).SerializeToString())
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return out


def _slim(model: Any) -> Any:
    """Fold constants where onnxslim is installed; the file does the same without."""
    try:
        import onnxslim
    except ImportError:
        return model
    return onnxslim.slim(model)
