"""Give boxes back: two paths that came near each other and go straighter if each takes the other's boxes from then on.

A picture that misses one of two people who walk together hands the other one's box to the wrong path, and the path that
is left alone begins anew or takes the neighbour's. While it happens nothing says so; some seconds later the straight
lines do, before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import KDTree

from detection.paths import Paths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_drift import GroundDrift
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]

NEAR_M: Final = 5.0
NEAR_S: Final = 1.5
"""Paths of one class with points this near to each other may have been taken for each other."""
BESIDE_S: Final = 1.5
"""So near in time to where one of them was missed they are cut."""
WINDOW_S: Final = 6.0
"""How long people are taken to walk straight, before and after."""
GAIN_M2: Final = 0.5
"""How much smaller the squares of what is off two straight lines must become: two boxes' own variance."""
SHORT: Final = 2
"""So many pictures may lie between the two moments of an exchange; else it lasts to the end."""
EXCHANGES_MAX: Final = 3
"""Two paths are exchanged so often at most."""
STEADY_S2: Final = 0.25
"""Added to the squares of times: a slope over a moment is held to nothing."""
WALK_MPS: Final = 1.2
"""Two points alone are off a line by what they are further apart than someone walks."""


def exchange_tails(paths: Paths, placed: Placed, drift: GroundDrift) -> Paths:
    """Return the same points in as many paths, with tails exchanged where both then go straighter.

    Parameters
    ----------
    paths
        As they were followed.
    placed
        The hits that their points are of.
    drift
        How the ground wandered under the pictures; lines are those on the ground.
    """
    place = placed.place_m[paths.rows, :2] - drift.at(paths.t_ns)
    t_s = (paths.t_ns - paths.t_ns.min()) / 1e9
    points: dict[int, NDArray[np.int64]] = {}
    for (one, two), missed_s in _near(paths, place, t_s, _steady(paths.t_ns, drift)).items():
        mine, other = points.get(one, _points(paths, one)), points.get(two, _points(paths, two))
        for _ in range(EXCHANGES_MAX):
            stretch_s = _best_stretch(mine, other, np.array(missed_s), t_s, place)
            if stretch_s is None:
                break
            mine, other = _exchanged(mine, other, stretch_s, t_s)
            points[one], points[two] = mine, other
    if not points:
        return paths
    number = paths.path_of_point
    for path, own in points.items():
        number[own] = path
    return _gathered(paths, number)


def _gathered(paths: Paths, number: NDArray[np.int64]) -> Paths:
    """Return the paths with points as numbered; each ends as the path its last point was of, and keeps its share."""
    was, order = paths.path_of_point, np.argsort(paths.t_ns, kind="stable")
    looked, found = (
        np.bincount(number, (sums / paths.lengths)[was], len(paths)) for sums in (paths.looked, paths.found)
    )
    ending = paths.ending.copy()
    ending[number[order]] = paths.ending[was[order]]  # of one path's points the last in time stays
    return Paths.gather(
        number[order],
        paths.rows[order],
        paths.t_ns[order],
        paths.states[order],
        class_code=paths.class_code,
        looked=looked,
        found=found,
        ending=ending,
    )


def _steady(t_ns: NDArray[np.int64], drift: GroundDrift) -> NDArray[np.bool_]:
    """Tell at which points it is known how the ground wandered meanwhile: else a straight walk is no straight line."""
    window_ns = round(WINDOW_S * 1e9)
    return np.asarray(drift.spread_m2(t_ns - window_ns, t_ns + window_ns) <= GAIN_M2)


def _near(
    paths: Paths, place_m: FloatArray, t_s: FloatArray, steady: NDArray[np.bool_]
) -> dict[tuple[int, int], list[float]]:
    """Pairs of paths of one class, and the moments at which they were near each other and one of them was missed.

    One was missed where its point lies further than usual from its next or last, or where it begins or ends while the
    other is followed. Where both have a box in every picture they are told apart as they are followed.
    """
    owner = paths.path_of_point
    lone = _beside_a_gap(paths, t_s)
    telling = lone.copy()
    telling[paths.first] = telling[paths.last] = True
    some, at = np.flatnonzero(telling), np.column_stack([place_m / NEAR_M, t_s / NEAR_S])
    close = KDTree(at[some]).sparse_distance_matrix(KDTree(at), 1.0, output_type="ndarray")
    one, two = some[close["i"]], close["j"]
    kept = (
        (owner[one] != owner[two])
        & steady[one]
        & steady[two]
        & (paths.class_code[owner[one]] == paths.class_code[owner[two]])
    )
    one, two = one[kept], two[kept]
    missed = lone[one] | lone[two]
    begin, end = t_s[paths.first], t_s[paths.last]
    for mine, other in ((one, two), (two, one)):
        missed |= (paths.first[owner[mine]] == mine) & (begin[owner[other]] < t_s[mine])
        missed |= (paths.last[owner[mine]] == mine) & (end[owner[other]] > t_s[mine])
    found: dict[tuple[int, int], list[float]] = {}
    for first, second in zip(one[missed].tolist(), two[missed].tolist(), strict=True):
        pair = (min(owner[first], owner[second]), max(owner[first], owner[second]))
        found.setdefault((int(pair[0]), int(pair[1])), []).append(min(t_s[first], t_s[second]))
    return dict(sorted(found.items()))


def _beside_a_gap(paths: Paths, t_s: FloatArray) -> NDArray[np.bool_]:
    """Points after or before which their path was missed: further off than one and a half usual steps."""
    step = np.diff(t_s)
    inside = np.ones(len(step), dtype=bool)
    inside[paths.last[:-1]] = False
    if not inside.any():
        return np.zeros(len(t_s), dtype=bool)
    gap = inside & (step > 1.5 * np.median(step[inside]))
    return np.asarray(np.append(gap, False) | np.insert(gap, 0, False))


def _points(paths: Paths, number: int) -> NDArray[np.int64]:
    return np.arange(paths.offsets[number], paths.offsets[number + 1])


def _exchanged(
    mine: NDArray[np.int64], other: NDArray[np.int64], stretch_s: tuple[float, float], t_s: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each with the other's points after the first and up to the second moment."""
    after_s, until_s = stretch_s
    both = [(points, (t_s[points] > after_s) & (t_s[points] <= until_s)) for points in (mine, other)]
    (mine, moved), (other, other_moved) = both
    ours = np.concatenate([mine[~moved], other[other_moved]])
    theirs = np.concatenate([other[~other_moved], mine[moved]])
    return ours[np.argsort(t_s[ours], kind="stable")], theirs[np.argsort(t_s[theirs], kind="stable")]


def _best_stretch(
    mine: NDArray[np.int64], other: NDArray[np.int64], missed_s: FloatArray, t_s: FloatArray, place_m: FloatArray
) -> tuple[float, float] | None:
    """Return between which moments two paths are best exchanged: one or two pictures, or all that follows."""
    times = np.unique(t_s[np.concatenate([mine, other])])
    beside = np.flatnonzero(np.abs(times[:, None] - missed_s).min(axis=1) <= BESIDE_S)
    best, where = GAIN_M2, None
    for place in beside.tolist():
        after_s = float(times[place])
        near = [p[(t_s[p] > after_s - WINDOW_S) & (t_s[p] <= after_s + WINDOW_S)] for p in (mine, other)]
        apart = sum(_off_line(points, t_s, place_m) for points in near)
        if apart <= best:
            continue
        for until_s in (*times[place + 1 : place + 1 + SHORT].tolist(), np.inf):
            swapped = _exchanged(near[0], near[1], (after_s, until_s), t_s)
            if not all(len(points) for points in swapped):
                continue  # a path would be left without a point
            gain = apart - sum(_off_line(points, t_s, place_m) for points in swapped)
            if gain > best:
                best, where = gain, (after_s, until_s)
    return where


def _off_line(points: NDArray[np.int64], t_s: FloatArray, place_m: FloatArray) -> float:
    """Sum of squares, in square metres, of what points are off a straight line walked at one speed."""
    t, place = t_s[points], place_m[points]
    if len(points) < 3:
        return _too_far(t, place)
    centred, off = t - t.mean(), place - place.mean(axis=0)
    slope = (centred @ off) / (centred @ centred + STEADY_S2)
    return float(((off - centred[:, None] * slope) ** 2).sum())


def _too_far(t_s: FloatArray, place_m: FloatArray) -> float:
    """Of two points: half the square of how far they lie apart, less that of a walk's; 0 of one."""
    if len(t_s) < 2:
        return 0.0
    return max(0.0, float(((place_m[1] - place_m[0]) ** 2).sum()) / 2.0 - (WALK_MPS * float(t_s[1] - t_s[0])) ** 2)
