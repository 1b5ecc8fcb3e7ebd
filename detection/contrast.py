"""How much brighter than the ground around it what a box shows is: in the infrared, how warm it looks.

A camera sets its zero and its gain by the whole picture, and ground differs from place to place, so that grey levels
say nothing by themselves. What a box shows is told over the ring around it, in spreads of its picture's levels: that
keeps best from picture to picture of real infrared recordings (counted: `docs/decisions`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.colour_detector import COLOUR_STEP_PX, in_colour
from telemetry.videos.grey import RGB, stored_channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.values import Detections

    FloatArray = NDArray[np.float64]

SAMPLES: Final = 5000
"""About so many pixels, in rows and columns, stand for a picture."""
FLAT_LEVELS: Final = 24.0
"""Spread, of 255 grey levels, that is added (in squares) to a picture's own: empty flat ground has nearly none, and
must not turn its noise into contrast. Real infrared pictures have 15 to 68."""
MARGIN_PX: Final = 2.0
"""Nearer to a box is no ground: the picture's blur, and what the box is off."""
_ACROSS: Final = (np.arange(8) - 3.5) / 4.0
_INSIDE: Final = np.stack(np.meshgrid(_ACROSS, _ACROSS), axis=-1).reshape(-1, 2)
"""Points of a box, from -1 to 1 on either axis."""
_ALONG: Final = np.stack([np.linspace(-1.0, 0.5, 4), np.ones(4)], axis=1)
_EDGE: Final = np.concatenate([_ALONG, -_ALONG, _ALONG[:, ::-1] * (1.0, -1.0), _ALONG[:, ::-1] * (-1.0, 1.0)])
"""Points of the edge of a box, each as far from the next."""
_RINGS: Final = (1.0 / 6.0, 0.5, 5.0 / 6.0)
"""Where edges are laid between the margin and half the box's size beyond it."""


def with_contrast(image: NDArray[np.uint8], found: Detections) -> Detections:
    """Return what was found in a picture with the contrast of each box; in colour pictures with none.

    What a thing reflects is not what it radiates: no track by day may be told by one by night.
    """
    every = max(_step(image) // COLOUR_STEP_PX, 1)
    if not len(found) or (stored_channel(image) is None and in_colour(image[::every, ::every])):
        return found
    return dataclasses.replace(found, contrast=contrasts(image, found.boxes_px))


def _step(image: NDArray[np.uint8]) -> int:
    """Return how many rows and columns lie between those that stand for a picture."""
    return max(int(np.sqrt(image.shape[0] * image.shape[1] / SAMPLES)), 1)


def contrasts(image: NDArray[np.uint8], boxes_px: NDArray[np.floating]) -> NDArray[np.float32]:
    """Contrast of what each box shows, in spreads of the picture's levels: shape (n,), without a unit.

    It is the mean of 64 points of the box less that of 48 around it, over the picture's standard deviation and
    `FLAT_LEVELS`, added in squares. Of colours it is their mean. A point beyond the picture's edge counts as the edge.

    Parameters
    ----------
    image
        Shape (h, w, 3).
    boxes_px
        Left, top, right and bottom, shape (n, 4), finite.
    """
    channel = stored_channel(image)
    pixels, colours = (image, RGB) if channel is None else (channel, 1)
    step = _step(image)
    middle = (boxes_px[:, None, :2] + boxes_px[:, None, 2:]).astype(np.float64) / 2.0
    reach = boxes_px[:, None, 2:] - middle
    around = [_EDGE * (reach * (1.0 + ring) + MARGIN_PX) for ring in _RINGS]
    points = np.concatenate([_INSIDE * reach, *around], axis=1) + middle
    column, row = np.clip(points, 0.0, (pixels.shape[1] - 1, pixels.shape[0] - 1)).astype(np.int64).transpose(2, 0, 1)
    flat = pixels.reshape(-1, *pixels.shape[2:])
    shown = _added(flat.take(row * pixels.shape[1] + column, axis=0), colours)
    inside, outside = (part.sum(axis=1, dtype=np.int64) for part in np.split(shown, [len(_INSIDE)], axis=1))
    beyond = points.shape[1] - len(_INSIDE)
    more = (inside * beyond - outside * len(_INSIDE)) / (colours * beyond * len(_INSIDE))
    spread = _spread(_added(pixels[::step, ::step], colours), colours)
    return np.asarray(more / np.hypot(spread, FLAT_LEVELS), dtype=np.float32)


def _added(pixels: NDArray[np.uint8], colours: int) -> NDArray[Any]:
    """Return the sum of colours: whole numbers, so that three alike and one channel give the same to the bit."""
    return pixels if colours == 1 else pixels[..., 0].astype(np.int64) + pixels[..., 1] + pixels[..., 2]


def _spread(sums: NDArray[Any], colours: int) -> float:
    """Return the standard deviation of the brightness, from how often each sum of colours occurs."""
    count, total = np.bincount(sums.ravel(), minlength=255 * colours + 1), colours * sums.size
    level = np.arange(len(count))
    variance = float(count @ level**2) / (colours * total) - (float(count @ level) / total) ** 2
    return math.sqrt(max(variance, 0.0))
