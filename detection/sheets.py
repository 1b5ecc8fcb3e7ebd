"""Parts of a picture shown to a model together: each at its own scale, laid beside one another on one input.

A model looks at an input of one size however little of it is used, so that a strip of far ground costs as much as a
whole tile. Laid out like words on a page, parts of unlike scale fill it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from detection.letterbox import PAD_LEVEL
from telemetry.videos.grey import in_three_channels, stored_channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detections

GAP_PX: Final = 8
"""Grey between two parts: as much as the finest cells in which the models here look (their stride)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture, in its pixels."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    scale: float | None = None
    """Pixels of the model's input for one of the picture; None: the model is shown this part alone, and fits it in."""
    closer: float | None = None
    """Scale at which what is seen in it is looked at again; None: a look at it is the only one."""

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut it out."""
        rows = slice(self.top_px, self.top_px + self.height_px)
        cut = image[rows, self.left_px : self.left_px + self.width_px]
        return cut if stored_channel(cut) is not None else np.ascontiguousarray(cut)

    @property
    def shown_px(self) -> tuple[int, int]:
        """Width and height at its scale."""
        scale = 1.0 if self.scale is None else self.scale
        return max(round(self.width_px * scale), 1), max(round(self.height_px * scale), 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A tile, and where its upper left corner lies on a sheet."""

    tile: Tile
    left_px: int
    top_px: int


@dataclasses.dataclass(frozen=True, slots=True)
class Sheet:
    """What a model is shown at once."""

    size_px: tuple[int, int]
    """Width and height."""
    parts: tuple[Part, ...]

    def ended(self, step_px: int) -> Sheet:
        """Return it without the rows below its last part, its height a multiple of some pixels."""
        if self.parts[0].tile.scale is None:
            return self
        bottom = max(part.top_px + part.tile.shown_px[1] for part in self.parts)
        return dataclasses.replace(
            self, size_px=(self.size_px[0], min(-(-bottom // step_px) * step_px, self.size_px[1]))
        )

    def drawn(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw it in RGB: the parts of a picture, and grey between them.

        Parameters
        ----------
        image
            Shape (rows, columns, 3), or (rows, columns) where all three channels are that one (`one_channel`): scaling
            it takes a third of the time.
        """
        if len(self.parts) == 1 and self.parts[0].tile.scale is None:
            return _in_colour(self.parts[0].tile.of(image))
        sheet = np.full((self.size_px[1], self.size_px[0], *image.shape[2:]), PAD_LEVEL, dtype=np.uint8)
        for part in self.parts:
            size, cut = part.tile.shown_px, part.tile.of(image)
            if size != (part.tile.width_px, part.tile.height_px):
                cut = np.asarray(Image.fromarray(cut).resize(size, Image.Resampling.BILINEAR))
            sheet[part.top_px : part.top_px + size[1], part.left_px : part.left_px + size[0]] = cut
        return _in_colour(sheet)

    def brought_back(self, found: Detections) -> list[tuple[Tile, Detections]]:
        """Return what was found on it by part, in pixels of the picture: a box is of the part its middle lies on."""
        middle = (found.boxes_px[:, :2] + found.boxes_px[:, 2:]) / 2.0
        return [(part.tile, _of_part(found, middle, part)) for part in self.parts]


def one_channel(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the one channel of an infrared picture, whose three are equal; another picture as it is."""
    first = np.ascontiguousarray(image[..., 0])
    if stored_channel(image) is not None:
        return first
    for every in (64, 1):  # most pictures in colour are told from a few rows
        if not all(np.array_equal(first[::every], image[::every, :, other]) for other in (1, 2)):
            return image
    return first


def _in_colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if image.ndim == 3 else in_three_channels(image)


def _of_part(found: Detections, middle: NDArray[np.float32], part: Part) -> Detections:
    corner, size = np.array([part.left_px, part.top_px]), np.array(part.tile.shown_px)
    own = found.take(((middle >= corner) & (middle < corner + size)).all(axis=1))
    within = np.clip(own.boxes_px.reshape(-1, 2, 2) - corner, 0.0, size)
    whole = np.array([part.tile.width_px, part.tile.height_px])
    placed = within * (whole / size) + (part.tile.left_px, part.tile.top_px)
    return dataclasses.replace(own, boxes_px=placed.reshape(-1, 4).astype(np.float32))


def laid_out(tiles: Sequence[Tile], input_px: tuple[int, int]) -> list[Sheet]:
    """Lay tiles out in their order: from left to right, in rows from top to bottom, on as many sheets as it takes.

    Parameters
    ----------
    tiles
        None wider or higher than the input at its scale; those without a scale get a sheet of their own.
    input_px
        Width and height of the model's input.
    """
    sheets: list[Sheet] = []
    open_parts: list[Part] = []
    left = top = deep = 0
    for tile in tiles:
        wide, high = tile.shown_px
        if tile.scale is None:
            sheets.append(Sheet((wide, high), (Part(tile, 0, 0),)))
            continue
        if left + wide > input_px[0]:
            left, top, deep = 0, top + deep + GAP_PX, 0
        if top + high > input_px[1] and open_parts:
            sheets.append(Sheet(input_px, tuple(open_parts)))
            open_parts, left, top, deep = [], 0, 0, 0
        open_parts.append(Part(tile, left, top))
        left, deep = left + wide + GAP_PX, max(deep, high)
    return [*sheets, Sheet(input_px, tuple(open_parts))] if open_parts else sheets
