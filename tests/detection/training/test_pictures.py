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


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """One empty picture of 100 x 50, whose labels each test writes."""
    pytest.importorskip("yaml")
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("L", (100, 50)).save(tmp_path / "images" / "a.JPG")
    (tmp_path / "c.yaml").write_text("path: .\ntrain: images\nnames: {0: tree, 1: truck}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("row", "box"),
    [
        ("1 0.5 0.5 0.2 0.4", [40, 15, 60, 35]),
        ("1 0.2 0.2 0.6 0.2 0.4 0.8", [20, 10, 60, 40]),
        ("1 0.1 0.5 0.3 0.1 0.5 0.5 0.3 0.9", [10, 5, 50, 45]),
        ("1 0.95 0.5 0.2 0.4", [85, 15, 100, 35]),
    ],
)
def test_rows_of_boxes_outlines_and_turned_boxes_are_boxes(yolo: Path, row: str, box: list[int]) -> None:
    (yolo / "labels" / "a.txt").write_text(f"\n{row}\n")
    assert np.allclose(read_pictures(yolo / "c.yaml")[0].boxes_px, [box])


def test_rows_with_key_points_are_boxes_where_the_data_file_says_so(yolo: Path) -> None:
    """Eleven numbers are five corners, or a box and two key points: only the data file tells."""
    (yolo / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.4 0.9 0.9 2 0.1 0.1 2\n")
    with pytest.raises(TruthError, match="line 1 has numbers that are no shares"):
        read_pictures(yolo / "c.yaml")
    (yolo / "c.yaml").write_text("path: .\ntrain: images\nkpt_shape: [2, 3]\nnames: {1: truck}\n")
    assert np.allclose(read_pictures(yolo / "c.yaml")[0].boxes_px, [[40, 15, 60, 35]])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("one two", r"a\.txt: line 2 holds a word that is no number; write 'class x y width height'"),
        ("1 0.5 0.5 0.2", r"a\.txt: line 2 has 4 numbers, and is neither .* nor a class with an outline; correct it"),
        ("1 0.5 0.5 0.2 0.4 0.9", r"a\.txt: line 2 has 6 numbers"),
        ("7 0.5 0.5 0.2 0.4", r"a\.txt: line 2 has class 7, which is not among the names of the data file; add it"),
        ("1 50 25 20 20", r"a\.txt: line 2 has numbers that are no shares of the picture .* divide pixels by its size"),
        ("1 nan 0.5 0.2 0.4", r"a\.txt: line 2 has numbers that are no shares"),
    ],
)
def test_a_row_that_is_no_label_is_named_with_its_line(yolo: Path, row: str, said: str) -> None:
    (yolo / "labels" / "a.txt").write_text(f"1 0.5 0.5 0.2 0.4\n{row}\n")
    with pytest.raises(TruthError, match=said):
        read_pictures(yolo / "c.yaml")


def test_a_folder_that_is_not_there_is_named(yolo: Path) -> None:
    (yolo / "c.yaml").write_text("path: .\ntrain: pictures\nnames: {1: truck}\n")
    with pytest.raises(TruthError, match=r"c\.yaml: names .*pictures as a folder .* correct 'path' or 'train'"):
        read_pictures(yolo / "c.yaml")


@pytest.mark.parametrize("kept", [0, 40, 0.7, 0.999])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_is_no_whole_one_is_named_before_anything_is_learned(
    yolo: Path, kept: float, suffix: str, rng: np.random.Generator
) -> None:
    """A decoder fills up what is missing with grey, so that training went on with it."""
    path = yolo / "images" / f"b{suffix}"
    Image.fromarray(rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)).save(path)
    (yolo / "labels" / "b.txt").write_text("1 0.5 0.5 0.2 0.4\n")
    assert len(read_pictures(yolo / "c.yaml")) == 2
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(TruthError, match=rf"b\{suffix}: .*; copy it again, or take it out of the set"):
        read_pictures(yolo / "c.yaml")


def changed(coco: Path, change) -> Path:
    held = json.loads(coco.read_text())
    change(held)
    coco.write_text(json.dumps(held))
    return coco


def test_a_crowd_is_neither_wanted_nor_wrong(coco: Path) -> None:
    """COCO's own judge leaves crowds out (pycocotools, `iscrowd`); their mask is counted in runs and is not needed."""
    crowd = {"iscrowd": 1, "segmentation": {"counts": [3, 5], "size": [160, 200]}}
    first, _ = read_pictures(changed(coco, lambda held: held["annotation"][0].update(crowd)))
    assert first.classes.tolist() == [IGNORED]
    assert first.boxes_px.tolist() == [[100, 60, 110, 90]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda held: held["annotation"][1].update(image_id=9), "annotation 1 has image_id 9, .* not among its images"),
        (lambda held: held["annotation"][1].update(category_id=9, id=77), "annotation 77 has category_id 9, which is"),
        (lambda held: held["annotation"][3].update(bbox=[1, 2]), "annotation 3 has no bbox of four numbers"),
        (
            lambda held: (
                held["annotation"][3].pop("bbox"),
                held["annotation"][3].update(segmentation={"counts": "a"}),
            ),
            "annotation 3 has no bbox of four numbers .*, only a mask; write one beside it",
        ),
        (
            lambda held: held["images"][1].update(filename="gone.png"),
            r"1 of the 2 pictures it names are not in .*train \(the first is 'gone.png'\); add them",
        ),
        (
            lambda held: held["images"][0].update(width=400),
            "run_00001.png: has 200 x 160 pixels, .* says 400 x 160",
        ),
    ],
)
def test_an_annotation_that_fits_nothing_is_named(coco: Path, change, said: str) -> None:
    with pytest.raises(TruthError, match=said):
        read_pictures(changed(coco, change))


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
