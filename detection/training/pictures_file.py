"""Labelled pictures from disk: COCO annotations, or a YOLO data file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.errors import TruthError
from detection.model_names import our_name
from detection.training.recipe import CLASS_NAMES
from geo.errors import MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    _Box = tuple[str, list[float]]
    """Class name; x, y, width, height in pixels."""

IGNORED: Final = -1
"""Class number of regions that are neither wanted nor wrong, such as "don't care"."""
_IGNORED_NAMES: Final = ("dontcare", "don't care", "ignored", "ignored regions", "ignore")
FILES_MAX: Final = 2_000_000
SHARE_SLACK: Final = 0.5
"""Boxes may reach over a picture's edge, and are cut there; a number further out is no share of it."""
_ENDS: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
"""What stands at the end of a whole file (ITU-T T.81, B.1.1.3; PNG 3rd edition, 11.2.5)."""
_TAIL_BYTES: Final = 1 << 16


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
    if name.strip().lower() in _IGNORED_NAMES:
        return IGNORED
    ours = our_name(name)
    return None if ours is None else CLASS_NAMES.index(ours)


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
        When the file cannot be read, names a picture that is not there or is cut short, has a label that cannot be
        read, or holds none of our classes; names the file and what to do.
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
        files = {int(r["id"]): (_name(r), int(r["width"]), int(r["height"])) for r in held["images"]}
        annotations = list(held["annotations"] if "annotations" in held else held["annotation"])
        boxes: dict[int, list[_Box]] = {number: [] for number in files}
        for place, row in enumerate(annotations):
            try:
                boxes[_known(row, "image_id", files, "images")].append(_coco_box(row, names))
            except ValueError as error:
                raise TruthError(f"{path}: annotation {row.get('id', place)} {error}", path=str(path)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TruthError(
            f"{path}: cannot be read as COCO annotations ({type(error).__name__}: {str(error)[:80]})", path=str(path)
        ) from error
    chosen = {number: row for number, row in files.items() if keep is None or keep(Path(row[0]).name)}
    if not chosen:
        raise TruthError(f"{path}: names no picture that was asked for", path=str(path))
    folder = _picture_folder(path, next(iter(chosen.values()))[0])
    _require_pictures(path, folder, list(chosen.values()))
    return [_picture(folder / name, width, height, boxes[number]) for number, (name, width, height) in chosen.items()]


def _require_pictures(path: Path, folder: Path, named: list[tuple[str, int, int]]) -> None:
    """Refuse a set whose pictures are missing, cut short, or of another size than their boxes count in."""
    missing = [name for name, _, _ in named if not (folder / name).is_file()]
    if missing:
        raise TruthError(
            f"{path}: {len(missing)} of the {len(named)} pictures it names are not in {folder} (the first is "
            f"{missing[0]!r}); add them, or take their entries out",
            path=str(path),
        )
    for name, width, height in named:
        size = _size_of(folder / name)
        if size != (width, height):
            raise TruthError(
                f"{folder / name}: has {size[0]} x {size[1]} pixels, and {path} says {width} x {height}, so its boxes "
                "lie elsewhere; label this picture again, or take its entry out",
                path=str(folder / name),
            )


def _known(row: dict[str, Any], key: str, known: Mapping[int, object], where: str) -> int:
    number = int(row[key])
    if number not in known:
        raise ValueError(f"has {key} {number}, which is not among its {where}; take it out, or add what it names")
    return number


def _coco_box(row: dict[str, Any], names: Mapping[int, str]) -> _Box:
    """Return an annotation's class and box; a crowd is a region in which nothing is wanted and nothing wrong."""
    name = names[_known(row, "category_id", names, "categories")]
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4:  # noqa: PLR2004 - x, y, width, height
        masked = ", only a mask" if row.get("segmentation") else ""
        raise ValueError(f"has no bbox of four numbers (x, y, width, height){masked}; write one beside it")
    return _IGNORED_NAMES[0] if row.get("iscrowd") else name, [float(value) for value in box]


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


def _picture(path: Path, width: int, height: int, rows: list[_Box]) -> LabelledPicture:
    known = [(name, number, box) for name, box in rows if (number := class_number(name)) is not None]
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
    files = [file for part in parts for file in _pictures_in(path, root / str(part))]
    posed = "kpt_shape" in held
    return [_yolo_picture(file, names, posed=posed) for file in files[:FILES_MAX] if keep is None or keep(file.name)]


def _pictures_in(path: Path, folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise TruthError(
            f"{path}: names {folder} as a folder of pictures to train on, and there is none; correct 'path' or 'train'",
            path=str(path),
        )
    return [file for file in sorted(folder.iterdir()) if file.suffix.lower() in (".jpg", ".jpeg", ".png")]


def _yolo_picture(file: Path, names: dict[int, str], *, posed: bool) -> LabelledPicture:
    label = Path(str(file.with_suffix(".txt")).replace("/images/", "/labels/"))
    size = _size_of(file)
    rows: list[_Box] = []
    try:
        lines = label.read_text(encoding="utf-8").splitlines() if label.is_file() else []
    except (OSError, ValueError) as error:
        raise TruthError(f"{label}: cannot be read as text; write its labels again", path=str(label)) from error
    for number, line in enumerate(lines, start=1):
        try:
            rows += [_yolo_box(line.split(), names, size, posed=posed)] if line.strip() else []
        except ValueError as error:
            raise TruthError(f"{label}: line {number} {error}", path=str(label)) from None
    return _picture(file, *size, rows)


def _yolo_box(words: list[str], names: dict[int, str], size: tuple[int, int], *, posed: bool) -> _Box:
    """Return a row's class and box: of a box, of a box with key points (`posed`), or about an outline.

    An outline is what segmentation and turned boxes are written as: class, then x and y of each corner
    (docs.ultralytics.com, dataset formats for segment and OBB).
    """
    try:
        number, *shares = (float(word) for word in words)
    except ValueError:
        raise ValueError("holds a word that is no number; write 'class x y width height'") from None
    outline = not posed and len(shares) >= 6 and len(shares) % 2 == 0  # noqa: PLR2004 - three corners
    if not outline and not (len(shares) == 4 or (posed and len(shares) > 4)):  # noqa: PLR2004
        raise ValueError(
            f"has {len(words)} numbers, and is neither 'class x y width height' nor a class with an outline; correct it"
        )
    if int(number) not in names:
        raise ValueError(f"has class {words[0]}, which is not among the names of the data file; add it there")
    if not all(-SHARE_SLACK <= share <= 1.0 + SHARE_SLACK for share in (shares if outline else shares[:4])):
        raise ValueError("has numbers that are no shares of the picture (0 to 1); divide pixels by its size")
    scale = np.array(size, dtype=np.float64)
    if outline:
        corners = np.array(shares).reshape(-1, 2) * scale
        low, high = corners.min(axis=0), corners.max(axis=0)
    else:
        middle, half = np.array(shares[:2]) * scale, np.array(shares[2:4]) * scale / 2.0
        low, high = middle - half, middle + half
    return names[int(number)], [*low.tolist(), *(high - low).tolist()]


def _size_of(file: Path) -> tuple[int, int]:
    """Return width and height of a picture whose file is whole: one cut short would be learned with grey in it."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            size, end = image.size, _ENDS.get(image.format or "")
        with file.open("rb") as held:
            held.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            if end is not None and end not in held.read():
                raise TruthError(
                    f"{file}: the picture is cut short; copy it again, or take it out of the set", path=str(file)
                )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TruthError(
            f"{file}: cannot be read as a picture ({type(error).__name__}); copy it again, or take it out of the set",
            path=str(file),
        ) from error
    return size


def count_things(pictures: Iterable[LabelledPicture]) -> dict[str, int]:
    """Count labelled things by class."""
    total = np.zeros(len(CLASS_NAMES), dtype=np.int64)
    for one in pictures:
        total += np.bincount(one.classes[one.classes >= 0], minlength=len(CLASS_NAMES))
    return dict(zip(CLASS_NAMES, total.tolist(), strict=True))
