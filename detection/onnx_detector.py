"""Run an Ultralytics detection export on ONNX Runtime: no torch, a deadline, nothing odd let through."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.deadline import Deadline
from detection.errors import ModelError
from detection.letterbox import Letterbox
from detection.model_names import literal, read_names
from detection.model_output import END2END_COLUMNS, Filter, Layout, layout_of, read_output
from detection.onnx_runtime_apart import load_onnx_runtime
from detection.values import Detections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detection.calibration import Calibration

DEFAULT_INPUT_PX: Final = 640
"""Input side of a model that takes any size and names none."""
DEADLINE_S: Final = 30.0
SIDE_MAX_PX: Final = 8192
"""Largest side of a model's input: 800 MB as floats, above which a file is an attack rather than a model."""
STRIDE_PX: Final = 32
"""Sides of a model's coarsest cells: a model that takes any height takes multiples of it."""
BATCH_MAX: Final = 64
OUTPUT_MAX: Final = 200_000_000
"""Most numbers in one output: a raw export of 80 classes at 4096 x 4096 has a tenth."""
FILE_BYTES_MAX: Final = 2_000_000_000
"""A protobuf message, which an ONNX file is, cannot be larger."""


class OnnxDetector:
    """A detector from an `.onnx` file.

    Parameters
    ----------
    path
        An Ultralytics detection model exported to ONNX, with or without NMS-free head.
    keep
        Score and overlap limits.
    threads
        Threads ONNX Runtime may use for one picture.
    deadline_s
        A run that takes longer is ended; its pictures get no boxes and a problem.

    Raises
    ------
    ModelError
        When the file is no ONNX model, or no detection model.
    """

    def __init__(
        self, path: Path | str, *, keep: Filter | None = None, threads: int = 2, deadline_s: float = DEADLINE_S
    ) -> None:
        self.path = Path(path)
        self.calibration: Calibration | None = None
        """Turns scores into probabilities, by the height each box has in the model's input."""
        held = _read(self.path)
        self.sha256 = hashlib.sha256(held).hexdigest()
        """Of the very bytes that were opened."""
        self._session = _open(held, self.path, threads)
        self._keep = keep or Filter()
        self.score_min = self._keep.score_min
        self._deadline = Deadline(deadline_s)
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        if metadata.get("task", "detect") != "detect":
            raise ModelError(
                f"{self.path.name}: the model's task is {metadata['task'][:40]!r}, expected 'detect'; "
                "export a detection model"
            )
        self._input = self._session.get_inputs()[0]
        self._batch, self._height_px, self._width_px = _input_size(self._input, metadata, self.path.name)
        self.one_by_one = self._batch == 1
        """Whether each picture is looked at by itself, however many are asked for."""
        self.height_step_px = None if isinstance(self._input.shape[2], int) else STRIDE_PX
        self.input_px = (self._width_px, self._height_px)
        """Width and height of the model's input."""
        self._type = np.float16 if self._input.type == "tensor(float16)" else np.float32
        self._layout, self.class_names = self._read_layout(metadata)

    def _read_layout(self, metadata: Mapping[str, str]) -> tuple[Layout, tuple[str, ...]]:
        outputs = self._session.get_outputs()
        if len(outputs) != 1:
            raise ModelError(
                f"{self.path.name}: the model has {len(outputs)} outputs, expected 1; export a detection model"
            )
        shape = tuple(n if isinstance(n, int) else None for n in outputs[0].shape)
        if len(shape) == 3 and None in shape[1:]:
            blank = self._run(np.zeros((self._batch or 1, 3, self._height_px, self._width_px), dtype=self._type))
            if blank is None:
                raise ModelError(
                    f"{self.path.name}: the model gave no answer to an empty picture within "
                    f"{self._deadline.seconds:g} s; give a detection model, or one with a smaller input"
                )
            shape = (shape[0], *blank.shape[1:])
        if math.prod(n or 1 for n in shape) > OUTPUT_MAX:
            raise ModelError(
                f"{self.path.name}: the model's output of shape {shape} has more than {OUTPUT_MAX} numbers"
            )
        classes = (shape[1] or 4) - 4 if len(shape) == 3 and shape[2] != END2END_COLUMNS else None
        names = read_names(metadata.get("names", ""), classes, self.path.name)
        return layout_of(shape, len(names), self.path.name), names

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each, boxes in picture pixels."""
        return self._detected(images, self._keep, self._height_px)

    def glance(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect, and tell of boxes down to the filter's score for a glance; see `height_step_px`."""
        keep = self._keep.for_a_glance()
        groups = itertools.groupby(images, key=self._glance_height_px)
        return [one for height_px, group in groups for one in self._detected(list(group), keep, height_px)]

    def _glance_height_px(self, image: NDArray[np.uint8]) -> int:
        high, wide = image.shape[:2]
        as_it_is = self.height_step_px and wide == self._width_px and high % self.height_step_px == 0
        return high if as_it_is and 0 < high <= self._height_px else self._height_px

    def _detected(self, images: Sequence[NDArray[np.uint8]], keep: Filter, height_px: int) -> list[Detections]:
        size = self._batch or max(len(images), 1)
        batches = [images[first : first + size] for first in range(0, len(images), size)]
        looked = [self._look_at(batch, (size, 3, height_px, self._width_px)) for batch in batches]
        return [one for boxes, output in looked for one in self._told(boxes, output, size, keep)]

    def _look_at(
        self, images: Sequence[NDArray[np.uint8]], shape: tuple[int, ...]
    ) -> tuple[list[Letterbox], NDArray[np.float32] | None]:
        """Run the model on a batch; return how each picture was fitted in, and the output."""
        tensor = np.empty(shape, dtype=np.float32)
        boxes = [self._letterbox(image, shape[2]) for image in images]
        for box, image, out in zip(boxes, images, tensor, strict=False):
            box.fill(image, out)
        tensor[len(images) :] = 0.0
        return boxes, self._run(tensor.astype(self._type, copy=False))

    def _told(
        self, boxes: Sequence[Letterbox], output: NDArray[np.float32] | None, size: int, keep: Filter
    ) -> list[Detections]:
        if output is None:
            silent = f"the detector gave no answer within {self._deadline.seconds:g} s"
            return [Detections.none((silent,), answered=False) for _ in boxes]
        if not self._fits(output, size):
            odd = f"the model's output had shape {output.shape}, not the one it names"
            return [Detections.none((odd,), answered=False) for _ in boxes]
        return [self._read(row, box, keep) for row, box in zip(output, boxes, strict=False)]

    def _fits(self, output: NDArray[np.float32], size: int) -> bool:
        """Tell whether an output has the layout that the model promised; what a file says of itself need not be so."""
        if output.ndim != 3 or len(output) != size:
            return False
        if self._layout is Layout.END2END:
            return bool(output.shape[2] == END2END_COLUMNS)
        return bool(output.shape[1] == 4 + len(self.class_names))

    def _letterbox(self, image: NDArray[np.uint8], height_px: int) -> Letterbox:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ModelError(
                f"a picture has shape {image.shape} and type {image.dtype}, expected (height, width, 3) of uint8",
                expected="(h, w, 3) uint8",
                actual=f"{image.shape} {image.dtype}",
            )
        return Letterbox.of(
            width_px=image.shape[1],
            height_px=image.shape[0],
            input_width_px=self._width_px,
            input_height_px=height_px,
        )

    def _run(self, tensor: NDArray[Any]) -> NDArray[np.float32] | None:
        """Run the model, or None when the deadline passed."""
        options = load_onnx_runtime().RunOptions()
        try:
            with self._deadline.over(options):
                output = self._session.run(None, {self._input.name: tensor}, options)[0]
        except Exception as error:
            if options.terminate:
                return None
            raise ModelError(f"{self.path.name}: the model failed on a picture: {_first_line(error)}") from error
        return np.asarray(output, dtype=np.float32)

    def _read(self, output: NDArray[np.float32], box: Letterbox, keep: Filter) -> Detections:
        raw = read_output(output, self._layout, len(self.class_names), keep)
        if not len(raw.scores):
            return Detections.none(raw.problems)
        found = Detections(boxes_px=raw.boxes_px, classes=raw.classes, scores=raw.scores, problems=raw.problems)
        if self.calibration is not None:
            chances = self.calibration.probabilities(found, self.class_names).astype(np.float32)
            found = dataclasses.replace(found, probabilities=chances)
        placed = box.back(raw.boxes_px)
        whole = (placed[:, 2] > placed[:, 0]) & (placed[:, 3] > placed[:, 1])
        return dataclasses.replace(found, boxes_px=placed).take(whole)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give the path of an .onnx file", path=str(path))
    with path.open("rb") as stream:
        held = stream.read(FILE_BYTES_MAX + 1)
    if len(held) > FILE_BYTES_MAX:
        raise ModelError(f"{path}: is larger than {FILE_BYTES_MAX // 1_000_000} MB; no model is", path=str(path))
    return held


def _open(held: bytes, path: Path, threads: int) -> Any:
    onnxruntime = load_onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(held, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"{path.name}: ONNX Runtime cannot read this file as a model ({_first_line(error)}); "
            "give an .onnx file written by 'vedette models export' or 'yolo export format=onnx'",
            path=str(path),
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _input_size(model_input: Any, metadata: Mapping[str, str], model: str) -> tuple[int, int, int]:
    """Batch size (0 for any), height and width of the input."""
    shape = list(model_input.shape)
    if len(shape) != 4 or shape[1] not in (3, "3") or model_input.type not in ("tensor(float)", "tensor(float16)"):
        raise ModelError(
            f"{model}: the model's input is {model_input.type} of shape {shape}, expected tensor(float) of shape "
            "[batch, 3, height, width]; export a detection model for colour pictures",
            expected="[batch, 3, height, width]",
            actual=str(shape),
        )
    named = literal(metadata.get("imgsz", ""))
    size = list(named) if isinstance(named, list | tuple) and len(named) == 2 else [DEFAULT_INPUT_PX] * 2
    sides = [n if isinstance(n, int) else d for n, d in zip(shape[2:], size, strict=True)]
    batch = shape[0] if isinstance(shape[0], int) else 0
    if not all(isinstance(n, int) and 0 < n <= SIDE_MAX_PX for n in sides) or not 0 <= batch <= BATCH_MAX:
        raise ModelError(
            f"{model}: the model's input is {batch or 'any number of'} pictures of {str(sides)[:40]} px, "
            f"expected at most {BATCH_MAX} of at most {SIDE_MAX_PX} px a side",
            expected=f"sides of 1 to {SIDE_MAX_PX} px",
            actual=str(sides)[:40],
        )
    return batch, sides[0], sides[1]
