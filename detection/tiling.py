"""Look for small things in large pictures: tile, detect, merge (slicing-aided inference, Akyon et al. 2022)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.boxes import Overlap, suppress
from detection.closer_look import Looked, both, looked_at_again
from detection.sheets import laid_out, one_channel
from detection.values import Detections, Glancing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from detection.sheets import Sheet, Tile
    from detection.values import Detector

MERGE_ABOVE: Final = 0.6
"""Boxes of one class from several tiles that share more than this part of the smaller box are one thing."""
EDGE_PX: Final = 1.5
"""A box that comes so near to a tile's edge, in pixels of the input, may be of a thing that the edge cuts."""
CLOSER_SHEETS_MORE: Final = 1
"""So many more inputs than at the glance may be looked at again. One in ten of HIT-UAV's crowded pictures has more to
look at than one input holds, and one in fifty than two (docs/decisions/1043)."""
INPUT_PX: Final = (640, 512)
"""Width and height of the model's input, where a detector does not say."""


def input_of(detector: Detector) -> tuple[int, int]:
    """Return the width and height in pixels of what a detector looks at."""
    wide, high = getattr(detector, "input_px", INPUT_PX)
    return int(wide), int(high)


def detect_tiles(detector: Detector, image: NDArray[np.uint8], tiles: Sequence[Tile]) -> Detections:
    """Look at all tiles in one batch, and return their boxes in pixels of the picture, each thing once.

    Of boxes that are one thing the best is kept, and one that no tile's edge may have cut before one that it may.
    Where tiles say at which scale what is seen in them is looked at again, and the detector can glance, that is done.
    """
    if not tiles:
        return Detections.none()
    input_px = input_of(detector)
    sheets = laid_out(tiles, input_px)
    if any(tile.closer is not None for tile in tiles) and isinstance(detector, Glancing):
        return _looked_twice(detector, one_channel(image), sheets, input_px)
    return _looked(detector.detect, image if len(tiles) == 1 else one_channel(image), sheets).found


def detect_each(detector: Detector, pictures: Sequence[tuple[NDArray[np.uint8], Sequence[Tile]]]) -> list[Detections]:
    """Return what `detect_tiles` does of each picture with its tiles.

    A look leaves nothing of ours in the processor's cache. Of a detector that says that it looks at `one_by_one` whole
    pictures are asked for together, so that it reads what several looks gave in one go.
    """
    together = bool(getattr(detector, "one_by_one", False))
    whole = [k for k, (_, tiles) in enumerate(pictures) if together and _is_one_look(tiles)]
    shown = [pictures[k][1][0].of(pictures[k][0]) for k in whole]
    answers = dict(zip(whole, detector.detect(shown) if shown else (), strict=True))
    return [
        _joined([answers[k]], laid_out(tiles, input_of(detector)), image.shape).found
        if k in answers
        else detect_tiles(detector, image, tiles)
        for k, (image, tiles) in enumerate(pictures)
    ]


def _is_one_look(tiles: Sequence[Tile]) -> bool:
    return len(tiles) == 1 and tiles[0].scale is None and tiles[0].closer is None


def _looked_twice(
    detector: Glancing, image: NDArray[np.uint8], sheets: Sequence[Sheet], input_px: tuple[int, int]
) -> Detections:
    glance = _looked(detector.glance, image, _ended(sheets, detector))
    found = glance.found
    most = len(sheets) + CLOSER_SHEETS_MORE
    again, shown = looked_at_again(glance, (image.shape[1], image.shape[0]), input_px, most)
    if again:
        closer = _looked(detector.glance, image, _ended(again, detector))
        joined = both(glance, shown, closer)
        if joined.answered:
            found = joined.take(_once(joined.boxes_px, joined.scores, joined.classes))
        found = dataclasses.replace(found, problems=joined.problems, answered=joined.answered)
    return found.take(found.scores >= detector.score_min)


def _ended(sheets: Sequence[Sheet], detector: Glancing) -> Sequence[Sheet]:
    """Return sheets that end with their last part, where the detector takes such: its time goes with the pixels."""
    step_px = detector.height_step_px
    return sheets if step_px is None else [sheet.ended(step_px) for sheet in sheets]


def _looked(
    look: Callable[[Sequence[NDArray[np.uint8]]], list[Detections]], image: NDArray[np.uint8], sheets: Sequence[Sheet]
) -> Looked:
    """Look at sheets, and bring together what was found on them."""
    return _joined(look([sheet.drawn(image) for sheet in sheets]), sheets, image.shape)


def _joined(found: Sequence[Detections], sheets: Sequence[Sheet], shape: tuple[int, ...]) -> Looked:
    """Return what was found on sheets; of what several parts show, and an edge may have cut, the best is kept."""
    problems = tuple(dict.fromkeys(problem for one in found for problem in one.problems))
    answered = all(one.answered for one in found)
    if not any(map(len, found)):  # as mostly
        return Looked(Detections.none(problems, answered=answered), np.zeros(0), np.zeros(0, dtype=bool))
    parts = [part for sheet, one in zip(sheets, found, strict=True) for part in sheet.brought_back(one)]
    joined = Detections(
        boxes_px=np.concatenate([part.boxes_px for _, part in parts]),
        scores=np.concatenate([part.scores for _, part in parts]),
        classes=np.concatenate([part.classes for _, part in parts]),
        problems=problems,
        probabilities=np.concatenate([part.calibrated() for _, part in parts]),
        answered=answered,
    )
    cut = np.concatenate([_may_be_cut(part.boxes_px, tile, shape) for tile, part in parts])
    closer = np.concatenate([np.full(len(part), tile.closer or np.nan) for tile, part in parts])
    looked = Looked(joined, closer, cut)
    return looked if len(parts) == 1 else looked.take(_once(joined.boxes_px, joined.scores + ~cut, joined.classes))


def _once(boxes_px: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    return suppress(boxes_px, scores, classes, threshold=MERGE_ABOVE, by=Overlap.SMALLER)


def _may_be_cut(boxes_px: NDArray[np.float32], tile: Tile, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which boxes reach an edge of their tile behind which the picture goes on."""
    near = EDGE_PX / (tile.scale or 1.0)
    low, high = np.array([tile.left_px, tile.top_px]), np.array([tile.width_px, tile.height_px])
    high = low + high
    begins = (boxes_px[:, :2] <= low + near) & (low > 0)
    ends = (boxes_px[:, 2:] >= high - near) & (high < np.array([shape[1], shape[0]]))
    return np.asarray((begins | ends).any(axis=1))
