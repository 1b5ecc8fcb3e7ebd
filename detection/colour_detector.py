"""One detector out of two: colour pictures are looked at by one model, grey ones by another.

A model that learned heat takes road markings in a daylight picture for people, and one that learned daylight finds
nobody in a picture of heat.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.letterbox import PAD_LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from detection.onnx_detector import OnnxDetector
    from detection.values import Detections, Detector

GREY_MAX: Final = 5
"""Difference between a pixel's colours up to which it is grey: what coding leaves of none."""
COLOUR_SHARE: Final = 0.1
"""Share of pixels with a colour from which a picture is a colour picture: writing over heat has less, daylight ten
times as much (0.95 in the least colourful part of five real photographs)."""
COLOUR_PERSON_MIN_PX: Final = 24.0
"""Least height of a person in the input of the model for colour pictures (`detection/models/vedette-day.md`)."""
COLOUR_STEP_PX: Final = 8
"""Of so many rows and columns one is asked."""


def in_colour(image: NDArray[np.uint8]) -> bool:
    """Tell a colour picture of shape (h, w, 3) from a grey one; the grey between parts of one counts as nothing."""
    red, green, blue = (image[::COLOUR_STEP_PX, ::COLOUR_STEP_PX, colour] for colour in range(3))
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    coloured = np.count_nonzero(most - least > GREY_MAX)
    shown = np.count_nonzero((most != PAD_LEVEL) | (least != PAD_LEVEL))
    return bool(coloured > 0 and coloured >= COLOUR_SHARE * shown)


class ColourDetector:
    """Looks at grey pictures with one detector and at colour pictures with another.

    Parameters
    ----------
    grey
        Whose classes are told.
    open_colour
        Opens the other; called for the first colour picture.
    as_ours
        What one of its classes is called among `grey`'s; boxes of a class that is none of these are left out.
    """

    def __init__(
        self, grey: OnnxDetector, open_colour: Callable[[], Detector], as_ours: Callable[[str], str | None]
    ) -> None:
        self.grey = grey
        self.class_names, self.input_px = grey.class_names, grey.input_px
        self.score_min, self.height_step_px = grey.score_min, grey.height_step_px
        self.one_by_one = grey.one_by_one
        self._open_colour, self._as_ours = open_colour, as_ours
        self._colour: tuple[Detector, NDArray[np.int64]] | None = None
        """The other, and which of our classes each of its own is; -1 for none."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each, boxes in picture pixels."""
        return self._by_colour(images, self.grey.detect)

    def glance(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Glance at the grey ones; colour pictures get no less than a look, since nothing was measured of glances."""
        return self._by_colour(images, self.grey.glance)

    def _by_colour(
        self, images: Sequence[NDArray[np.uint8]], look: Callable[[Sequence[NDArray[np.uint8]]], list[Detections]]
    ) -> list[Detections]:
        coloured = [in_colour(image) for image in images]
        grey = [image for image, has in zip(images, coloured, strict=True) if not has]
        colour = [image for image, has in zip(images, coloured, strict=True) if has]
        of_grey = iter(look(grey) if grey else [])
        of_colour = iter(self._seen_in_colour(colour) if colour else [])
        return [next(of_colour if has else of_grey) for has in coloured]

    def _seen_in_colour(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        if self._colour is None:
            opened = self._open_colour()
            names = [self._as_ours(name) for name in opened.class_names]
            ours = [self.class_names.index(name) if name in self.class_names else -1 for name in names]
            self._colour = opened, np.array(ours, dtype=np.int64)
        detector, numbers = self._colour
        found = [detector.detect([image])[0] for image in images]
        renamed = [dataclasses.replace(one, classes=numbers[one.classes]) for one in found]
        return [one.take(one.classes >= 0) for one in renamed]
