"""Labelled pictures from disk: COCO annotations, or a YOLO data file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.errors import TruthError
from detection.training.recipe import CLASS_NAMES
from geo.errors import MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

SYNONYMS: Final = {
    "person": ("person", "people", "pedestrian", "human", "man", "woman", "child"),
    "vehicle": ("vehicle", "car", "othervehicle", "other vehicle", "truck", "bus", "van", "pickup", "lorry"),
    "bicycle": ("bicycle", "bike", "cyclist", "motorcycle", "motor", "tricycle"),
}
"""Names in public sets that mean one of our classes, in lower case."""
IGNORED: Final = -1
"""Class number of regions that are neither wanted nor wrong, such as "don't care"."""
_IGNORED_NAMES: Final = ("dontcare", "don't care", "ignored", "ignored regions", "ignore")
FILES_MAX: Final = 2_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """One picture and what is in it; boxes are x0, y0, x1, y1 in pixels, cut at its edges."""

    path: Path
    width_px: int
    height_px: int
    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]
    """Numbers in `CLASS_NAMES`, or `IGNORED`."""
    names: tuple[str, ...]
    """Each box's name in the set itself, so that cars can be told from other vehicles."""


def class_number(name: str) -> int | None:
    """Return our class for a set's name, `IGNORED`, or None for a class we do not look for."""
    plain = name.strip().lower()
    if plain in _IGNORED_NAMES:
        return IGNORED
    return next((CLASS_NAMES.index(ours) for ours, names in SYNONYMS.items() if plain in names), None)


def read_pictures(path: Path, keep: Callable[[str], bool] | None = None) -> list[LabelledPicture]:
    """Read a set from a COCO `.json` or a YOLO `data.yaml` (its `train` part), sorted by name.

    Parameters
    ----------
    path
        The annotation or data file. COCO pictures are looked for beside it, in a folder of its name
        beside it or one level up, and in `images/`.
    keep
        Tells by file name which pictures to take; None for all.

    Raises
    ------
    TruthError
        When the file cannot be read, names a picture that is not there, or holds none of our classes.
    """
    if path.suffix.lower() == ".json":
        pictures = _read_coco(path, keep)
    elif path.suffix.lower() in (".yaml", ".yml"):
        pictures = _read_yolo(path, keep)
    else:
        raise TruthError(f"{path}: labelled pictures come as COCO .json or YOLO .yaml; give one of these")
    if not any((one.classes >= 0).any() for one in pictures):
        raise TruthError(f"{path}: holds no labelled person, vehicle or bicycle; check its class names", path=str(path))
    return sorted(pictures, key=lambda one: one.path.name)


def _read_coco(path: Path, keep: Callable[[str], bool] | None) -> list[LabelledPicture]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        names = {int(row["id"]): str(row["name"]) for row in held["categories"]}
        boxes: dict[int, list[tuple[str, list[float]]]] = {int(row["id"]): [] for row in held["images"]}
        for row in held["annotations"] if "annotations" in held else held["annotation"]:
            boxes[int(row["image_id"])].append((names[int(row["category_id"])], [float(v) for v in row["bbox"]]))
        files = {int(r["id"]): (_name(r), int(r["width"]), int(r["height"])) for r in held["images"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TruthError(
            f"{path}: cannot be read as COCO annotations ({type(error).__name__}: {str(error)[:80]})", path=str(path)
        ) from error
    chosen = {number: row for number, row in files.items() if keep is None or keep(Path(row[0]).name)}
    if not chosen:
        raise TruthError(f"{path}: names no picture that was asked for", path=str(path))
    folder = _picture_folder(path, next(iter(chosen.values()))[0])
    return [_picture(folder / name, width, height, boxes[number]) for number, (name, width, height) in chosen.items()]


def _name(row: dict[str, Any]) -> str:
    name = str(row["file_name"] if "file_name" in row else row["filename"])
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"the picture name {name[:60]!r} leaves its folder")
    return name


def _picture_folder(path: Path, first: str) -> Path:
    parent = path.parent
    for folder in (parent.parent / path.stem, parent / path.stem, parent / "images" / path.stem, parent / "images",
                   parent.parent / "images" / path.stem, parent.parent / "images", parent):  # fmt: skip
        if (folder / first).is_file():
            return folder
    raise TruthError(
        f"{path}: the picture {first!r} is neither beside it nor in a folder named {path.stem!r} or 'images'",
        path=str(path),
    )


def _picture(path: Path, width: int, height: int, rows: list[tuple[str, list[float]]]) -> LabelledPicture:
    known = [(name, number, box) for name, box in rows if (number := class_number(name)) is not None and len(box) == 4]
    xywh = np.array([box for _, _, box in known], dtype=np.float32).reshape(-1, 4)
    boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    boxes = boxes.clip(0.0, np.array([width, height] * 2, dtype=np.float32))
    whole = np.isfinite(boxes).all(axis=1) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return LabelledPicture(
        path=path,
        width_px=width,
        height_px=height,
        boxes_px=boxes[whole],
        classes=np.array([number for _, number, _ in known], dtype=np.int64)[whole],
        names=tuple(name for (name, _, _), good in zip(known, whole, strict=True) if good),
    )


def _read_yolo(path: Path, keep: Callable[[str], bool] | None) -> list[LabelledPicture]:
    try:
        import yaml
    except ImportError as error:
        raise MissingPartError("YOLO data files need PyYAML; run: pip install 'vedette[yolo]'") from error
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        root = path.parent / Path(held.get("path", "."))
        table = held["names"]
        names = dict(enumerate(table)) if isinstance(table, list) else {int(k): str(v) for k, v in table.items()}
        parts = held["train"] if isinstance(held["train"], list) else [held["train"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise TruthError(
            f"{path}: cannot be read as a YOLO data file ({type(error).__name__}: {str(error)[:80]})", path=str(path)
        ) from error
    files = [file for part in parts for file in sorted((root / str(part)).iterdir()) if file.suffix in (".jpg", ".png")]
    return [_yolo_picture(file, names) for file in files[:FILES_MAX] if keep is None or keep(file.name)]


def _yolo_picture(file: Path, names: dict[int, str]) -> LabelledPicture:
    from PIL import Image

    label = Path(str(file.with_suffix(".txt")).replace("/images/", "/labels/"))
    with Image.open(file) as image:
        width, height = image.size
    rows: list[tuple[str, list[float]]] = []
    try:
        for line in label.read_text(encoding="utf-8").splitlines() if label.is_file() else ():
            number, x, y, w, h = (float(v) for v in line.split()[:5])
            box = [(x - w / 2.0) * width, (y - h / 2.0) * height, w * width, h * height]
            rows.append((names.get(int(number), ""), box))
    except ValueError as error:
        raise TruthError(f"{label}: holds a line that is not 'class x y width height'", path=str(label)) from error
    return _picture(file, width, height, rows)


def count_things(pictures: Iterable[LabelledPicture]) -> dict[str, int]:
    """Count labelled things by class."""
    total = np.zeros(len(CLASS_NAMES), dtype=np.int64)
    for one in pictures:
        total += np.bincount(one.classes[one.classes >= 0], minlength=len(CLASS_NAMES))
    return dict(zip(CLASS_NAMES, total.tolist(), strict=True))
