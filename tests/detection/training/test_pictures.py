from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detection.errors import TruthError
from detection.training.crops import CropSource
from detection.training.pictures_file import IGNORED, class_number, count_things, read_pictures
from detection.training.recipe import Recipe
from detection.training.splits_file import HIT_UAV_RUNS, read_runs, split_by_gaps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two pictures of 200 x 160: a white person on black, a car with its wheel outside, and a region to ignore."""
    (tmp_path / "train").mkdir()
    for name, box in (("run_00001.png", (100, 60, 110, 90)), ("run_00100.png", (0, 0, 30, 20))):
        image = np.zeros((160, 200, 3), dtype=np.uint8)
        image[box[1] : box[3], box[0] : box[2]] = 255
        Image.fromarray(image).save(tmp_path / "train" / name)
    held = {
        "images": [
            {"id": 1, "filename": "run_00001.png", "width": 200, "height": 160},
            {"id": 2, "filename": "run_00100.png", "width": 200, "height": 160},
        ],
        "categories": [
            {"id": 0, "name": "Person"},
            {"id": 1, "name": "Car"},
            {"id": 2, "name": "DontCare"},
            {"id": 3, "name": "Dog"},
        ],
        "annotation": [
            {"image_id": 1, "category_id": 0, "bbox": [100, 60, 10, 30]},
            {"image_id": 1, "category_id": 3, "bbox": [10, 10, 10, 30]},
            {"image_id": 2, "category_id": 1, "bbox": [-10, 0, 40, 20]},
            {"image_id": 2, "category_id": 2, "bbox": [50, 50, 20, 20]},
        ],
    }
    (tmp_path / "annotations").mkdir()
    path = tmp_path / "annotations" / "train.json"
    path.write_text(json.dumps(held))
    return path


def test_coco_boxes_are_cut_and_renamed(coco: Path) -> None:
    first, second = read_pictures(coco)
    assert first.boxes_px.tolist() == [[100, 60, 110, 90]]
    assert second.boxes_px.tolist() == [[0, 0, 30, 20], [50, 50, 70, 70]]
    assert second.classes.tolist() == [1, IGNORED]
    assert second.names == ("Car", "DontCare")
    assert count_things([first, second]) == {"person": 1, "vehicle": 1, "bicycle": 0}


def test_names_of_public_sets_mean_our_classes() -> None:
    assert [class_number(name) for name in ("Pedestrian", "OtherVehicle", "bike", "Ignored regions", "tree")] == [
        0,
        1,
        2,
        IGNORED,
        None,
    ]


@pytest.mark.parametrize("name", ["../train/run_00001.png", "/etc/passwd"])
def test_a_picture_name_may_not_leave_its_folder(coco: Path, name: str) -> None:
    held = json.loads(coco.read_text())
    held["images"][0]["filename"] = name
    coco.write_text(json.dumps(held))
    with pytest.raises(TruthError, match="leaves its folder"):
        read_pictures(coco)


def test_what_is_no_set_of_pictures_is_named(tmp_path: Path, coco: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(TruthError, match=r"a\.json: cannot be read as COCO"):
        read_pictures(tmp_path / "a.json")
    with pytest.raises(TruthError, match="names no picture that was asked for"):
        read_pictures(coco, lambda _: False)
    (tmp_path / "train").rename(tmp_path / "elsewhere")
    with pytest.raises(TruthError, match=r"the picture 'run_00001\.png' is neither beside it"):
        read_pictures(coco)


def test_a_yolo_data_file(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "b.yaml").write_text("names: 3")
    with pytest.raises(TruthError, match=r"b\.yaml: cannot be read as a YOLO data file"):
        read_pictures(tmp_path / "b.yaml")
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("L", (100, 50)).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n")
    (tmp_path / "c.yaml").write_text("path: .\ntrain: images\nnames: {0: tree, 1: truck}\n")
    (one,) = read_pictures(tmp_path / "c.yaml")
    assert np.allclose(one.boxes_px, [[40, 15, 60, 35]])
    assert one.classes.tolist() == [1]
    (tmp_path / "labels" / "a.txt").write_text("one two\n")
    with pytest.raises(TruthError, match="not 'class x y width height'"):
        read_pictures(tmp_path / "c.yaml")


def test_crops_hold_the_things_their_labels_say(coco: Path) -> None:
    """Whatever is cut, mirrored and scaled, the white person is where the label says: brightness tells."""
    first, _ = read_pictures(coco)
    recipe = Recipe(batch=16, size_px=96, seed=5)
    images, labels = CropSource([first], [], recipe).batch(0)
    assert images.shape == (16, 3, 96, 96)
    assert len(labels) >= 8
    right = 0
    for row, _, x, y, w, h in labels:
        level = images[int(row), 0].astype(float)
        inside = np.zeros((96, 96), dtype=bool)
        x0, x1 = round((x - w / 2) * 96), max(round((x + w / 2) * 96), round((x - w / 2) * 96) + 1)
        y0, y1 = round((y - h / 2) * 96), max(round((y + h / 2) * 96), round((y - h / 2) * 96) + 1)
        inside[y0:y1, x0:x1] = True
        right += abs(level[inside].mean() - level[~inside].mean()) > 80
    assert right == len(labels)


def test_a_batch_is_always_the_same_one(coco: Path) -> None:
    pictures = read_pictures(coco)
    recipe = Recipe(batch=4, size_px=64)
    one, other = (CropSource(pictures, pictures, recipe) for _ in range(2))
    one.batch(3)
    assert all(np.array_equal(a, b) for a, b in zip(one.batch(7), other.batch(7), strict=True))
    changed = CropSource(pictures, pictures, dataclasses.replace(recipe, seed=2)).batch(7)
    assert not np.array_equal(changed[0], other.batch(7)[0])


def test_runs_are_told_apart_by_gaps() -> None:
    names = ["1_60_30_0_00005.jpg", "0_80_30_0_00066.jpg", "1_60_30_0_00001.jpg", "0_80_30_0_00126.jpg"]
    assert split_by_gaps(names) == [[names[2], names[0]], [names[1], names[3]]]
    with pytest.raises(TruthError, match="ends in no frame number"):
        split_by_gaps(["picture.jpg"])


def test_the_listed_runs_are_those_of_the_published_names(shared_data: Path) -> None:
    names = [
        row["filename"]
        for part in ("train", "val")
        for row in json.loads((shared_data / "hit-uav" / "annotations" / f"{part}.json").read_text())["images"]
    ]
    runs = split_by_gaps(names)
    assert [len(run) for run in runs] == [117, 354, 382, 964, 409, 93]
    assert [read_runs(HIT_UAV_RUNS, [str(number)]) for number in range(6)] == [frozenset(run) for run in runs]
    with pytest.raises(TruthError, match="has no run '9'"):
        read_runs(HIT_UAV_RUNS, ["9"])
