from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detection.errors import ModelError
from detection.model_output import Filter
from detection.onnx_detector import SIDE_MAX_PX, OnnxDetector
from detection.sheets import Tile
from detection.tiling import detect_tiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GREY = np.full((64, 96, 3), 90, dtype=np.uint8)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def test_boxes_come_back_in_picture_pixels(constant_model: Callable[..., Path]) -> None:
    detector = OnnxDetector(constant_model(rows((24, 16, 48, 48, 0.9, 1))))
    assert detector.class_names == ("person", "vehicle")
    same, twice = detector.detect([GREY, np.zeros((128, 192, 3), dtype=np.uint8)])
    assert same.boxes_px.tolist() == [[24, 16, 48, 48]]
    assert twice.boxes_px.tolist() == [[48, 32, 96, 96]]
    assert same.classes.tolist() == [1]


def test_a_model_with_free_sides_takes_its_size_from_the_metadata(constant_model: Callable[..., Path]) -> None:
    path = constant_model(
        rows((0, 0, 160, 160, 0.9, 0)),
        input_shape=("batch", 3, "height", "width"),
        metadata={"names": "{0: 'person'}", "imgsz": "[160, 160]"},
    )
    (found,) = OnnxDetector(path).detect([np.zeros((320, 320, 3), dtype=np.uint8)])
    assert found.boxes_px.tolist() == [[0, 0, 320, 320]]


def test_a_model_of_any_height_glances_at_what_there_is_and_looks_at_its_whole_input(
    constant_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of its width and a multiple of its cells' height are shown as they are, others fitted in."""
    size = {"metadata": {"names": "{0: 'person', 1: 'vehicle'}", "imgsz": "[64, 96]"}}
    free = OnnxDetector(constant_model(rows((10, 4, 20, 20, 0.9, 0)), input_shape=(1, 3, "height", 96), **size))
    fixed = OnnxDetector(constant_model(rows((10, 4, 20, 20, 0.9, 0)), name="fixed.onnx", **size))
    shown: dict[OnnxDetector, list[int]] = {free: [], fixed: []}
    for detector, heights in shown.items():
        run = detector._run
        monkeypatch.setattr(detector, "_run", lambda x, run=run, to=heights: (to.append(x.shape[2]), run(x))[1])
    pictures = [
        np.zeros((high, wide, 3), np.uint8) for high, wide in ((32, 96), (64, 96), (40, 96), (32, 48), (96, 96))
    ]
    assert (free.height_step_px, fixed.height_step_px) == (32, None)
    (first, *_) = free.glance(pictures)
    assert first.boxes_px.tolist() == [[10, 4, 20, 20]]
    assert len(fixed.glance(pictures)) == len(free.detect(pictures)) == len(pictures)
    assert shown[free] == [32, 64, 64, 64, 64] + 5 * [64]
    assert shown[fixed] == 5 * [64]


def test_a_batch_gives_one_result_a_picture(constant_model: Callable[..., Path]) -> None:
    two = np.concatenate([rows((1, 1, 5, 5, 0.9, 0)), rows((2, 2, 9, 9, 0.8, 1))])
    detector = OnnxDetector(constant_model(two, input_shape=(2, 3, 64, 96)))
    found = detector.detect([GREY, GREY, GREY])
    assert [one.classes.tolist() for one in found] == [[0], [1], [0]]


def test_only_a_model_of_one_picture_looks_at_each_by_itself(
    constant_model: Callable[..., Path], bundled_model: Path
) -> None:
    assert OnnxDetector(bundled_model).one_by_one
    free = constant_model(rows((0.0, 0.0, 9.0, 9.0, 0.9, 0.0)), input_shape=("batch", 3, "height", "width"))
    assert not OnnxDetector(free).one_by_one


def test_numbers_that_are_not_finite_never_get_out(constant_model: Callable[..., Path]) -> None:
    bad = rows((np.nan, 0, 5, 5, 0.9, 0), (0, 0, np.inf, 5, 0.9, 0), (1, 2, 3, 4, 0.5, 0))
    (found,) = OnnxDetector(constant_model(bad)).detect([GREY])
    assert found.boxes_px.tolist() == [[1, 2, 3, 4]]
    assert found.problems == ("2 boxes with numbers that are not finite were dropped",)


def test_a_flood_of_boxes_is_cut_with_a_problem(constant_model: Callable[..., Path]) -> None:
    flood = np.tile(rows((1, 1, 9, 9, 0.9, 0)), (1, 100_000, 1))
    (found,) = OnnxDetector(constant_model(flood)).detect([GREY])
    assert len(found) == 1
    assert found.problems == ("100000 boxes in one picture: only the best 1 were kept",)
    across, down = np.arange(100_000) % 10, np.arange(100_000) // 10 % 7
    flood[0, :, :4] += np.column_stack([across, down, across, down]) * np.float32(9.0)
    (found,) = OnnxDetector(constant_model(flood), keep=Filter(boxes_max=50)).detect([GREY])
    assert len(found) == 50
    assert found.problems == ("100000 boxes in one picture: only the best 50 were kept",)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            np.zeros((1, 1000), dtype=np.float32),
            r"shape \(1, 1000\), expected \(batch, n, 6\) or \(batch, 6, anchors\)",
        ),
        (np.zeros((1, 84, 8400), dtype=np.float32), r"shape \(1, 84, 8400\), expected .*\(batch, 6, anchors\)"),
    ],
)
def test_a_model_of_another_shape_is_refused(
    constant_model: Callable[..., Path], output: np.ndarray, expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        OnnxDetector(constant_model(output))


def test_a_grey_or_flat_input_is_refused(constant_model: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match=r"input is tensor\(float\) of shape \[1, 1, 64, 96\], expected"):
        OnnxDetector(constant_model(rows((0, 0, 1, 1, 0.9, 0)), input_shape=(1, 1, 64, 96)))


def test_a_segmentation_model_is_refused(constant_model: Callable[..., Path]) -> None:
    box = rows((0, 0, 1, 1, 0.9, 0))
    with pytest.raises(ModelError, match="2 outputs, expected 1"):
        OnnxDetector(constant_model(box, box))
    with pytest.raises(ModelError, match="task is 'segment', expected 'detect'"):
        OnnxDetector(constant_model(box, metadata={"task": "segment"}))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08" + b"\xff" * 40])
def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx: ONNX Runtime cannot read") as caught:
        OnnxDetector(path)
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        OnnxDetector(tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_a_picture_of_the_wrong_kind_is_refused(constant_model: Callable[..., Path], image: np.ndarray) -> None:
    with pytest.raises(ModelError, match="expected .height, width, 3. of uint8"):
        OnnxDetector(constant_model(rows((0, 0, 1, 1, 0.9, 0)))).detect([image])


def test_a_model_that_takes_too_long_is_ended(bundled_model: Path) -> None:
    (found,) = OnnxDetector(bundled_model, deadline_s=0.0005).detect([np.zeros((512, 640, 3), np.uint8)])
    assert len(found) == 0
    assert found.problems == ("the detector gave no answer within 0.0005 s",)


def test_a_model_may_not_ask_for_giant_pictures(constant_model: Callable[..., Path]) -> None:
    box = rows((0, 0, 1, 1, 0.9, 0))
    with pytest.raises(ModelError, match=f"expected at most 64 of at most {SIDE_MAX_PX} px a side"):
        OnnxDetector(constant_model(box, input_shape=(1, 3, SIDE_MAX_PX + 1, 64)))
    free = ("batch", 3, "height", "width")
    for size in ("[1000000, 1000000]", "['a', 64]", "[-1, 64]", "[64.5, 64]"):
        names = {"names": "{0: 'person'}", "imgsz": size}
        with pytest.raises(ModelError, match="px a side"):
            OnnxDetector(constant_model(box, input_shape=free, metadata=names))


def test_an_output_other_than_promised_is_a_problem_and_every_picture_gets_a_result(
    constant_model: Callable[..., Path],
) -> None:
    """The model takes two pictures at once, and answers for one."""
    path = constant_model(rows((0, 0, 5, 5, 0.9, 0)), input_shape=(2, 3, 64, 96))
    found = OnnxDetector(path).detect([GREY, GREY, GREY])
    assert [len(one) for one in found] == [0, 0, 0]
    assert found[0].problems == ("the model's output had shape (1, 1, 6), not the one it names",)


def test_the_hash_is_of_the_bytes_that_were_opened(constant_model: Callable[..., Path]) -> None:
    path = constant_model(rows((0, 0, 5, 5, 0.9, 0)))
    held = path.read_bytes()
    detector = OnnxDetector(path)
    path.write_bytes(b"swapped")
    assert detector.sha256 == hashlib.sha256(held).hexdigest()
    assert len(detector.detect([GREY])[0]) == 1


def test_a_public_coco_model_finds_the_cars(shared_data: Path) -> None:
    detector = OnnxDetector(shared_data / "weights" / "yolov8n_coco_int8dyn.onnx")
    assert detector.class_names[0] == "person"
    picture = np.asarray(Image.open(shared_data / "sahi" / "small-vehicles1.jpeg").convert("RGB"))
    (whole,) = detector.detect([picture])
    cars = detector.class_names.index("car")
    assert (whole.classes == cars).sum() >= 8
    assert whole.boxes_px.min() >= 0.0
    assert (whole.boxes_px[:, 2] <= picture.shape[1]).all()
    high, wide = picture.shape[:2]
    corners = [(min(x, wide - 400), min(y, high - 400)) for y in range(0, high, 320) for x in range(0, wide, 320)]
    tiles = [Tile(left_px=x, top_px=y, width_px=400, height_px=400) for x, y in dict.fromkeys(corners)]
    tiled = detect_tiles(detector, picture, tiles)
    assert (tiled.classes == cars).sum() > (whole.classes == cars).sum()
