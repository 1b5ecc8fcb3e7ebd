"""Join tracks of one thing over a gap: behind a tree, outside the picture, or at the aircraft's next pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.track_building import Path, Placed

    FloatArray = NDArray[np.float64]

GATE_D2: Final = 6.0
"""Gate on the squared Mahalanobis distance: 95 % of two-dimensional normal residuals (chi-square, 2 degrees)."""
FORBIDDEN: Final = 1e6
VELOCITY_MEMORY_S: Final = 20.0
"""For how long a thing is expected to keep its velocity."""
WANDER_MPS: Final = {"person": 0.5}
"""How fast the place becomes uncertain once a thing is out of sight."""
OTHER_WANDER_MPS: Final = 3.0
AMBIGUITY: Final = 2.0
"""A join is left out when another one is as likely to within this difference of squared distance."""


def stitch(paths: list[Path], placed: Placed, gap_s: float) -> list[Path]:
    """Join paths of one class, end to start, where the later lies where the earlier may have gone.

    One join for each end and start, least squared distance in sum; what is
    ambiguous is left apart, because a wrong join is worse than a missing one.
    """
    ordered = sorted(paths, key=lambda path: (int(path.t_ns[0]), path.rows[0]))
    cost = np.full((len(ordered), len(ordered)), FORBIDDEN)
    for i, before in enumerate(ordered):
        for j, after in enumerate(ordered):
            gap = (int(after.t_ns[0]) - int(before.t_ns[-1])) / 1e9
            if i != j and 0.0 < gap <= gap_s and before.class_name == after.class_name:
                cost[i, j] = _distance2(before, after, placed, gap)
    cost[cost > GATE_D2] = FORBIDDEN
    if not (cost < FORBIDDEN).any():
        return ordered
    left, right = linear_sum_assignment(cost)
    following = {int(i): int(j) for i, j in zip(left, right, strict=True) if _clear(cost, int(i), int(j))}
    return _chains(ordered, following)


def _distance2(before: Path, after: Path, placed: Placed, gap_s: float) -> float:
    """Squared Mahalanobis distance between where one path goes on and where the other begins."""
    memory = VELOCITY_MEMORY_S * (1.0 - np.exp(-gap_s / VELOCITY_MEMORY_S))
    step = after.states[0, :2] - before.states[-1, :2] - before.velocity_mps() * memory
    wander = WANDER_MPS.get(before.class_name, OTHER_WANDER_MPS) * gap_s
    fresh = min(1.0, gap_s / VELOCITY_MEMORY_S)
    pose = fresh * (placed.cov_m2[before.rows[-1]] + placed.cov_m2[after.rows[0]])
    return float(step @ np.linalg.solve((wander**2 + 1.0) * np.eye(2) + pose, step))


def _clear(cost: FloatArray, i: int, j: int) -> bool:
    if cost[i, j] >= FORBIDDEN:
        return False
    rivals = np.concatenate([np.delete(cost[i], j), np.delete(cost[:, j], i)])
    return bool(rivals.size == 0 or rivals.min() > cost[i, j] + AMBIGUITY)


def _chains(paths: list[Path], following: dict[int, int]) -> list[Path]:
    joined: list[Path] = []
    for start in sorted(set(range(len(paths))) - set(following.values())):
        path, here = paths[start], start
        while here in following:
            here = following[here]
            path = path.joined(paths[here])
        joined.append(path)
    return joined
