"""A glance, and a closer look where something was seen: which parts are looked at again, and what both say together.

Most ground shows nothing, and a network's time depends on how many pixels it is shown. So all of it is shown coarsely,
and only the surroundings of what may be something again, at twice the scale, together on one input.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.boxes import Overlap, overlap
from detection.sheets import Sheet, Tile, laid_out
from detection.values import Detections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float32]

AROUND_PX: Final = 96
"""Sides of what is looked at again, in pixels of the input: with 64, a third less, 0.04 fewer of HIT-UAV's persons
of 12 to 16 px are found (docs/decisions/1043)."""
AROUND_TIMES: Final = 1.6
"""And not less than so many times what was seen."""
MARGIN_PX: Final = 6.0
"""What lies so far inside of a part that is looked at again anyway needs none of its own."""
SAME_ABOVE: Final = 0.5
"""Of the smaller box: boxes of one class from both looks that share more are one thing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """What one look found, a row a box."""

    found: Detections
    closer: NDArray[np.float64]
    """Scale at which a box is to be looked at again; NaN for none."""
    cut: NDArray[np.bool_]
    """Whether the edge of what was shown may have cut it."""

    def take(self, rows: NDArray[np.generic]) -> Looked:
        """Return the boxes chosen by index or mask."""
        return Looked(self.found.take(rows), self.closer[rows], self.cut[rows])


def looked_at_again(
    glance: Looked, picture_px: tuple[int, int], input_px: tuple[int, int], most: int
) -> tuple[list[Sheet], NDArray[np.bool_]]:
    """Return what is to be looked at again, and of which boxes that shows the surroundings.

    Parameters
    ----------
    glance
        What was seen.
    picture_px, input_px
        Width and height of the picture, and of the model's input.
    most
        How many inputs at most: where much is seen the surest comes first, and the rest is as the glance has it.
    """
    boxes = glance.found.boxes_px.astype(np.float64)
    side_px = np.maximum(AROUND_TIMES * (boxes[:, 2:] - boxes[:, :2]).max(axis=1) * glance.closer, AROUND_PX)
    wanted = side_px <= min(input_px)  # not where there is no closer scale: NaN
    order = np.argsort(-glance.found.scores, kind="stable")
    tiles: list[Tile] = []
    within = np.zeros((0, 4))
    for row in order[wanted[order]]:
        if _inside(boxes[row], within).any():
            continue
        tile = _around(boxes[row], float(side_px[row]), float(glance.closer[row]), picture_px)
        tiles.append(tile)
        within = np.concatenate([within, [_well_inside(tile, picture_px)]])
        if len(tiles) * AROUND_PX**2 > most * input_px[0] * input_px[1]:
            break
    sheets = laid_out(tiles, input_px)[:most]
    shown = within[: sum(len(sheet.parts) for sheet in sheets)]
    return sheets, wanted & _inside(boxes, shown).any(axis=1)


def _around(box: NDArray[np.float64], side_px: float, scale: float, picture_px: tuple[int, int]) -> Tile:
    size = np.minimum(np.floor(side_px / scale), picture_px).astype(np.int64)
    corner = np.clip(np.round((box[:2] + box[2:] - size) / 2.0), 0, np.array(picture_px) - size).astype(np.int64)
    return Tile(
        left_px=int(corner[0]), top_px=int(corner[1]), width_px=int(size[0]), height_px=int(size[1]), scale=scale
    )


def _well_inside(tile: Tile, picture_px: tuple[int, int]) -> NDArray[np.float64]:
    """Return what lies inside of a tile by the margin, or up to the picture's own edge, as a box."""
    margin = MARGIN_PX / (tile.scale or 1.0)
    low = np.array([tile.left_px, tile.top_px], dtype=np.float64)
    high = low + (tile.width_px, tile.height_px)
    return np.concatenate([np.where(low > 0.0, low + margin, low), np.where(high < picture_px, high - margin, high)])


def _inside(boxes: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell in which areas (m, 4) boxes (..., 4) lie, shape (..., m)."""
    inner = boxes[..., None, :]
    return np.asarray((inner[..., :2] >= areas[:, :2]).all(axis=-1) & (inner[..., 2:] <= areas[:, 2:]).all(axis=-1))


def both(glance: Looked, again: NDArray[np.bool_], closer: Looked) -> Detections:
    """Return what a glance and a closer look say together.

    What both saw has the closer look's box and its score, or the mean of both where that is more. What the closer look
    did not see has half its score, and what it alone saw has that look's, unless an edge may have cut it. A probability
    is that of the look that says more: on HIT-UAV's `val` that is as true as one look's (docs/decisions/1043).

    Parameters
    ----------
    glance
        What was seen at a glance.
    again
        Of which of it the surroundings were looked at again.
    closer
        What was found there.
    """
    one, two = glance.found, closer.found
    seen, other = _paired(one, two)
    seen &= again
    first, second = one.calibrated(), two.calibrated()
    scores = np.where(again, one.scores / 2.0, one.scores)
    boxes, chances = one.boxes_px.copy(), first.copy()
    scores[seen] = np.maximum((one.scores[seen] + two.scores[other[seen]]) / 2.0, two.scores[other[seen]])
    boxes[seen] = two.boxes_px[other[seen]]
    chances[seen] = np.fmax(first[seen], second[other[seen]])
    new = ~closer.cut
    new[other[seen]] = False
    return Detections(
        boxes_px=np.concatenate([boxes, two.boxes_px[new]]),
        classes=np.concatenate([one.classes, two.classes[new]]),
        scores=np.concatenate([scores, two.scores[new]]),
        problems=tuple(dict.fromkeys(one.problems + two.problems)),
        probabilities=np.concatenate([chances, second[new]]),
        answered=one.answered and two.answered,
    )


def _paired(one: Detections, two: Detections) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which boxes of one look have another in the other, and the surest one of those."""
    if not len(two):
        return np.zeros(len(one), dtype=bool), np.zeros(len(one), dtype=np.int64)
    same = (overlap(one.boxes_px, two.boxes_px, Overlap.SMALLER) > SAME_ABOVE) & (one.classes[:, None] == two.classes)
    return same.any(axis=1), np.where(same, two.scores, -1.0).argmax(axis=1)
