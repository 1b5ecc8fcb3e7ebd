"""How much brighter than the ground around it what was followed is: a robust mean of all its hits, and its variance.

A hit shows another's box, a bush before a person or two in one now and then: no single one decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_tracks import CONTRAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.paths import Paths

HIT_SPREAD: Final = 0.25
"""One sigma of the contrasts of one thing's hits about their mean (counted on drawn patrols: `docs/decisions`)."""
REACH: Final = 2.0
"""A hit further than so many of these from the thing's median says no more than there."""
HITS_BEFORE: Final = 4.0
"""Hits that stand for `HIT_SPREAD` beside a thing's own, so that two that agree by chance are not taken for sure."""


def measured_contrast(paths: Paths, contrast: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the columns of `detection.ground_tracks.CONTRAST`; NaN where no hit's contrast was measured.

    Parameters
    ----------
    paths
        What was followed.
    contrast
        Of each placed hit; NaN where it was not measured.
    """
    point, own = paths.path_of_point, contrast[paths.rows].astype(np.float64)
    known = np.isfinite(own)
    count = paths.total(known.astype(np.float64))
    value, last = own[np.lexsort([own, point])], np.maximum(count.astype(np.int64) - 1, 0)  # NaN come last in each path
    middle = (value[paths.first + last // 2] + value[paths.first + (last + 1) // 2]) / 2.0
    off = np.clip(np.where(known, own - middle[point], 0.0), -REACH * HIT_SPREAD, REACH * HIT_SPREAD)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = paths.total(off) / count
        spread2 = paths.total(off**2) - count * mean**2 + HITS_BEFORE * HIT_SPREAD**2
        spread2 /= count - 1.0 + HITS_BEFORE
        columns = (middle + mean, np.where(count > 0.0, spread2 / count, np.nan))
    return {name: values.astype(np.float32) for name, values in zip(CONTRAST, columns, strict=True)}
