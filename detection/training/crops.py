"""Training crops at the pictures' own scale, spoiled as sensors spoil them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detection.errors import TruthError
from detection.training.pictures_file import IGNORED, LabelledPicture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.training.recipe import Recipe

SCALES = (0.75, 1.45)
"""Range of the random enlargement of a crop."""
LEFT_MIN = 0.4
"""A thing of which less than this share is inside the crop carries no label."""
GREY = 114
"""Grey of what lies outside the picture (ultralytics `LetterBox`)."""


class CropSource:
    """Batches of crops; batch number `n` is always the same one, so a resumed run sees what it would have seen.

    Compressed pictures are kept in memory as they are on disk and decoded when drawn.
    """

    def __init__(self, real: Sequence[LabelledPicture], drawn: Sequence[LabelledPicture], recipe: Recipe) -> None:
        self._sets = [group for group in (real, drawn) if group]
        self._shares = [1.0] if len(self._sets) == 1 else [1.0 - recipe.drawn_share, recipe.drawn_share]
        self._recipe = recipe
        self._bytes = {one.path: np.fromfile(one.path, dtype=np.uint8) for group in self._sets for one in group}

    def batch(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Pictures (b, 3, size, size) in RGB, and labels (n, 6): row, class, centre x, y, width, height as shares."""
        recipe = self._recipe
        images = np.empty((recipe.batch, 3, recipe.size_px, recipe.size_px), dtype=np.uint8)
        labels = []
        for row in range(recipe.batch):
            rng = np.random.default_rng([recipe.seed, number, row])
            group = self._sets[int(rng.choice(len(self._sets), p=self._shares))]
            images[row], label = self._crop(group[int(rng.integers(len(group)))], rng)
            labels.append(np.insert(label, 0, row, axis=1))
        return images, np.concatenate(labels).astype(np.float32)

    def _crop(
        self, picture: LabelledPicture, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        import cv2

        size = self._recipe.size_px
        decoded = cv2.imdecode(self._bytes[picture.path], cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise TruthError(f"{picture.path}: cannot be decoded as a picture", path=str(picture.path))
        image = np.asarray(decoded, dtype=np.uint8)
        if image.ndim == 3 and not np.any(image[::16, ::16, 0] != image[::16, ::16, 2]):
            image = image[..., 1]
        wanted = picture.boxes_px[picture.classes != IGNORED]
        scale = float(np.exp(rng.uniform(*np.log(SCALES))))
        side = round(size / scale)
        left, top = _corner(image.shape[:2], wanted, side, self._recipe.on_thing_share, rng)
        for x0, y0, x1, y1 in picture.boxes_px[picture.classes == IGNORED].astype(int):
            image[y0 : y1 + 1, x0 : x1 + 1] = GREY
        crop = image[top : top + side, left : left + side]
        below, right = side - crop.shape[0], side - crop.shape[1]
        if below or right:
            around = cv2.copyMakeBorder(crop, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
            crop = np.asarray(around, dtype=np.uint8)
        how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        crop = np.asarray(cv2.resize(crop, (size, size), interpolation=how), dtype=np.uint8)
        boxes = (wanted.astype(np.float64) - [left, top, left, top]) * (size / side)
        classes = picture.classes[picture.classes != IGNORED]
        crop, boxes = _mirrored(crop, boxes, size, rng)
        cut = boxes.clip(0.0, size)
        kept = _area(cut) > LEFT_MIN * np.maximum(_area(boxes), 1e-6)
        shares = np.concatenate([(cut[:, :2] + cut[:, 2:]) / 2.0, cut[:, 2:] - cut[:, :2]], axis=1)[kept] / size
        return _as_rgb(_spoiled(crop, rng)), np.concatenate([classes[kept, None], shares], axis=1)


def _corner(
    shape: tuple[int, ...], boxes: NDArray[np.float32], side: int, on_thing_share: float, rng: np.random.Generator
) -> tuple[int, int]:
    height, width = shape[:2]
    if len(boxes) and rng.random() < on_thing_share:
        x0, y0, x1, y1 = boxes[int(rng.integers(len(boxes)))]
        middle = np.array([(x0 + x1) / 2.0, (y0 + y1) / 2.0]) + rng.uniform(-0.4, 0.4, 2) * side
    else:
        middle = rng.uniform(0.0, [width, height])
    corner = np.clip(middle - side / 2.0, 0.0, np.maximum([width - side, height - side], 0))
    return int(corner[0]), int(corner[1])


def _mirrored(
    crop: NDArray[np.uint8], boxes: NDArray[np.float64], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
        boxes = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [size, 0, size, 0]
    if rng.random() < 0.5:
        crop = crop[::-1]
        boxes = boxes[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, size, 0, size]
    return np.ascontiguousarray(crop), boxes


def _spoiled(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gain and offset, now and then inverted (black-hot), noisy, blurred, or coarsely compressed."""
    import cv2

    level = crop.astype(np.float32)
    if rng.random() < 0.6:
        level = (level - 128.0) * rng.uniform(0.65, 1.4) + 128.0 + rng.uniform(-30.0, 30.0)
    if rng.random() < 0.08:
        level = 255.0 - level
    if rng.random() < 0.2:
        level = level + rng.standard_normal(level.shape, dtype=np.float32) * np.float32(rng.uniform(2.0, 9.0))
    if rng.random() < 0.1:
        level = np.asarray(cv2.GaussianBlur(level, (0, 0), rng.uniform(0.5, 1.1)), dtype=np.float32)
    spoiled = level.clip(0.0, 255.0).astype(np.uint8)
    if rng.random() < 0.1:
        _, data = cv2.imencode(".jpg", spoiled, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 80))])
        spoiled = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
    return spoiled


def _as_rgb(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Channels first; OpenCV's blue comes last."""
    if crop.ndim == 2:
        return np.repeat(crop[None], 3, axis=0)
    return np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1))


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
