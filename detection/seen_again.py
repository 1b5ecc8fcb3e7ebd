"""What stands where something stood on an earlier pass: the same thing, looked at again.

A patrol comes by the same ground several times. What stood there the first time and stands there the second is told by
all its pictures at once: a warm rock is wide from one side on every pass, and its size is the same. What moves is not
found again by its place, and is told by each pass alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import KDTree

from detection.followers import inverse_2x2
from detection.track_stitching import GATE_D2, STITCH_GAP_S, chains_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.paths import Paths
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]

STANDS_MPS: Final = 0.6
"""Slower than this may stand: so slow seem 95 of 100 tracks of what does (counted on simulated patrols)."""
STANDS_M2: Final = 1.0
"""Variance on an axis of a place of what stands, beside the pose's."""
FAR_M: Final = 60.0
"""No pose errs by more."""


def seen_again(paths: Paths, placed: Placed) -> list[list[int]]:
    """Return the paths of each thing that stands, in order of time; every other path alone.

    Paths of one class that stand are one where the later lies where the earlier was, as well as their poses say; of
    several the nearest. Of people who stand together one may be taken for another: what they are is told all the same.
    """
    place = paths.mean(placed.place_m[paths.rows, :2])
    before, after = _candidates(paths, place)
    cov = paths.mean(placed.cov_m2[paths.rows])
    spread = cov[before] + cov[after] + 2.0 * STANDS_M2 * np.eye(2)
    step = place[after] - place[before]
    d2 = np.einsum("ni,nij,nj->n", step, inverse_2x2(spread), step)
    following: dict[int, int] = {}
    followed: set[int] = set()
    for row in np.argsort(d2, kind="stable").tolist():
        earlier, later = int(before[row]), int(after[row])
        if d2[row] < GATE_D2 and earlier not in following and later not in followed:
            following[earlier] = later
            followed.add(later)
    return chains_of(len(paths), following)


def _candidates(paths: Paths, place_m: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one class that stand near each other, the second on the next pass that shows it."""
    standing = np.flatnonzero((np.hypot(*paths.velocities_mps().T) < STANDS_MPS) & (paths.lengths > 1))
    none = np.zeros(0, dtype=np.int64)
    if len(standing) < 2:
        return none, none
    near = standing[KDTree(place_m[standing]).query_pairs(FAR_M, output_type="ndarray").reshape(-1, 2)]
    begin, end = paths.t_ns[paths.first], paths.t_ns[paths.last]
    near = np.where((begin[near[:, 0]] <= begin[near[:, 1]])[:, None], near, near[:, ::-1])
    before, after = near[np.lexsort([near[:, 1], near[:, 0]])].T
    kept = (begin[after] - end[before] > STITCH_GAP_S * 1e9) & (paths.class_code[before] == paths.class_code[after])
    before, after = before[kept], after[kept]
    soonest = np.full(len(paths), np.iinfo(np.int64).max)
    np.minimum.at(soonest, before, begin[after])
    next_pass = begin[after] - soonest[before] <= STITCH_GAP_S * 1e9
    return before[next_pass], after[next_pass]
