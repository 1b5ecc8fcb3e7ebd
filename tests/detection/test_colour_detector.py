"""Which of two models looks at a picture, and what real daylight shows by it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detection.boxes import overlap
from detection.colour_detector import ColourDetector, in_colour
from detection.errors import ModelError
from detection.letterbox import PAD_LEVEL
from detection.looking import Planner
from detection.model_file import load_detector
from detection.model_names import our_name
from detection.onnx_detector import OnnxDetector
from geo.terrain import FlatTerrain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from detection.sheets import Tile
    from geo.values import Pose
    from telemetry.videos.frame import Frame

SIDE = (512, 640)
SAND = (201, 178, 150)


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def grey(seed: int = 1) -> NDArray[np.uint8]:
    level = np.random.default_rng(seed).integers(0, 256, SIDE).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=2)


def sand() -> NDArray[np.uint8]:
    noise = np.random.default_rng(2).normal(0.0, 12.0, (*SIDE, 1))
    return (np.array(SAND) + noise).clip(0, 255).astype(np.uint8)


def test_heat_with_writing_over_it_is_grey_and_sand_is_not() -> None:
    written = grey()
    written[10:40, 20:300] = (255, 220, 0)
    coded = (grey().astype(np.int16) + np.random.default_rng(3).integers(-2, 3, (*SIDE, 3))).clip(0, 255)
    assert not in_colour(grey())
    assert not in_colour(written)
    assert not in_colour(coded.astype(np.uint8))
    assert in_colour(sand())
    for part, coloured in ((sand(), True), (grey(), False)):
        sheet = np.full((*SIDE, 3), PAD_LEVEL, dtype=np.uint8)
        sheet[:60, :320] = part[:60, :320]
        assert in_colour(sheet) is coloured
        assert not in_colour(np.full_like(sheet, PAD_LEVEL))


def test_real_pictures_are_told_apart(shared_data: Path) -> None:
    """Each part of a daylight photograph that may be a tile is in colour; pictures of heat are grey."""
    photos = [p for p in sorted((shared_data / "photos").rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg")]
    told = {}
    for path in photos:
        image = read(path)
        parts = [
            image[y : y + SIDE[0], x : x + SIDE[1]]
            for y in range(0, image.shape[0], SIDE[0])
            for x in range(0, image.shape[1], SIDE[1])
        ]
        told[path.name] = {in_colour(part) for part in parts}
    heat = [name for name in told if name.startswith("S1008521")]
    assert all(told.pop(name) == {False} for name in heat)
    assert len(heat) == 1
    assert len(told) >= 3
    assert all(kinds == {True} for kinds in told.values()), told
    for path in sorted((shared_data / "hit-uav" / "val").iterdir())[::40]:
        assert not in_colour(read(path)), path.name


def test_seven_people_in_daylight_are_found_and_road_markings_are_none(shared_data: Path) -> None:
    """People as others labelled them; the model for heat found none, and took ten road markings for people."""
    detector, described = load_detector(threads=1)
    labels = json.loads((shared_data / "sahi" / "terrain1_coco.json").read_text())
    people = np.array([row["bbox"] for row in labels["annotations"]], dtype=np.float64)
    people[:, 2:] += people[:, :2]
    found = detector.detect([read(shared_data / "sahi" / "terrain1.jpg")])[0]
    mine = found.boxes_px[found.classes == detector.class_names.index("person")]
    assert "vedette-day.onnx sha256:" in described
    assert (overlap(people, mine).max(axis=1) > 0.5).all()
    road = detector.detect([read(shared_data / "sahi" / "small-vehicles1.jpeg")])[0]
    names = [detector.class_names[number] for number in road.classes]
    assert names.count("person") == 0
    assert names.count("vehicle") >= 10


@pytest.fixture
def pair(constant_model: Callable[..., Path]) -> ColourDetector:
    names = {"names": "{0: 'person', 1: 'vehicle'}"}
    heat = constant_model(np.array([[[20, 20, 40, 40, 0.9, 0]]], dtype=np.float32), metadata=names)
    rows = np.array([[[0, 0, 9, 9, 0.8, 1], [20, 20, 30, 30, 0.7, 0], [40, 40, 60, 60, 0.6, 2]]], dtype=np.float32)
    day = constant_model(rows, name="day.onnx", metadata={"names": "{0: 'cow', 1: 'truck', 2: 'person'}"})
    return ColourDetector(OnnxDetector(heat), lambda: OnnxDetector(day), our_name)


def test_answers_stay_in_the_pictures_order_and_in_our_classes(pair: ColourDetector) -> None:
    found = pair.detect([sand(), grey(), sand()])
    assert [one.classes.tolist() for one in found] == [[1, 0], [0], [1, 0]]
    assert np.concatenate([one.scores for one in found]).tolist() == pytest.approx([0.8, 0.6, 0.9, 0.8, 0.6])
    assert pair.detect([]) == []


def test_the_second_model_is_opened_when_it_is_needed(constant_model: Callable[..., Path]) -> None:
    opened = []
    model = constant_model(np.array([[[0, 0, 5, 5, 0.9, 0]]], dtype=np.float32))

    def open_colour() -> OnnxDetector:
        opened.append(1)
        return OnnxDetector(model)

    pair = ColourDetector(OnnxDetector(model), open_colour, our_name)
    pair.detect([grey(), grey(4)])
    assert not opened
    pair.detect([sand()])
    pair.detect([sand()])
    assert opened == [1]


def test_a_model_for_colour_that_was_exchanged_is_refused(
    tmp_path: Path, constant_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    day = tmp_path / "vedette-day.onnx"
    day.write_bytes(constant_model(np.array([[[0, 0, 5, 5, 0.9, 0]]], dtype=np.float32)).read_bytes())
    monkeypatch.setattr("detection.model_file.colour_model", lambda: day)
    detector, _ = load_detector(threads=1)
    day.write_bytes(constant_model(np.array([[[0, 0, 5, 5, 0.8, 0]]], dtype=np.float32)).read_bytes())
    with pytest.raises(ModelError, match="the model was changed while it was used: it was vedette-day"):
        detector.detect([sand()])


def test_a_bundled_model_is_opened_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_detector("vedette-day")[1].startswith("vedette-day.onnx sha256:")
    assert load_detector("vedette-small")[1].startswith("vedette-small.onnx sha256:")
    (tmp_path / "vedette-day").write_text("mine")
    with pytest.raises(ModelError, match="a model must be an .onnx or .pt file"):
        load_detector("vedette-day")


def test_large_colour_pictures_are_looked_at_more_closely(
    constant_model: Callable[..., Path], make_frame: Callable[..., Frame], make_pose: Callable[..., Pose]
) -> None:
    """Twice as high a person needs four times the area: the model for colour finds few of 12 px. Heat is glanced at."""
    nothing = np.zeros((1, 300, 6), dtype=np.float32)
    model = OnnxDetector(constant_model(nothing, input_shape=(1, 3, *SIDE)))
    pair = ColourDetector(model, lambda: model, our_name)

    def planned(image: NDArray[np.uint8], asked_px: float | None = None) -> tuple[Tile, ...]:
        frame = dataclasses.replace(make_frame(make_pose(hfov_deg=60.0)), image=image)
        return Planner(pair, FlatTerrain(height_m=180.0), asked_px).plan(frame).picture.tiles

    def shown(image: NDArray[np.uint8], asked_px: float | None = None) -> int:
        return sum(tile.shown_px[0] * tile.shown_px[1] for tile in planned(image, asked_px))

    colour, heat = np.tile(sand(), (4, 6, 1)), np.tile(grey(), (4, 6, 1))
    assert 3.0 < shown(colour) / shown(colour, 12.0) < 5.0
    assert shown(colour, 24.0) == shown(colour)
    assert planned(heat, 12.0) == planned(heat)
    assert shown(heat, 18.0) == pytest.approx(shown(colour, 12.0), rel=0.02)
    assert {tile.closer for tile in planned(colour)} == {None}
    assert all(tile.closer is not None for tile in planned(heat))


def test_a_glance_tells_of_less_in_grey_pictures_alone(constant_model: Callable[..., Path]) -> None:
    rows = np.array([[[20, 20, 40, 40, 0.9, 0], [90, 90, 99, 99, 0.1, 0], [50, 20, 60, 40, 0.03, 0]]], dtype=np.float32)
    model = OnnxDetector(constant_model(rows, input_shape=(1, 3, *SIDE)))
    pair = ColourDetector(model, lambda: model, our_name)
    assert [len(one) for one in pair.glance([sand(), grey(), sand()])] == [1, 2, 1]
    assert [len(one) for one in pair.detect([sand(), grey()])] == [1, 1]
    assert [len(one) for one in model.glance([grey()])] == [2]
    assert pair.score_min == model.score_min == 0.28


@pytest.mark.parametrize("colour", range(3))
@pytest.mark.parametrize("level", [40, 240])
def test_one_colour_that_is_off_the_others_is_enough(colour: int, level: int) -> None:
    picture = np.full((64, 80, 3), 140, dtype=np.uint8)
    assert not in_colour(picture)
    picture[..., colour] = level
    assert in_colour(picture)
