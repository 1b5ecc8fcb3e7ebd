"""Join tracks of one thing over a short gap: behind a tree, or out of the picture for a moment.

Over longer ones, such as the aircraft's next pass, `detection.same_thing` knows more: how things wander, and groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detection.followers import inverse_2x2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_drift import GroundDrift
    from detection.paths import Paths
    from detection.placed_hits import Placed

    FloatArray = NDArray[np.float64]

VELOCITY_MEMORY_S: Final = 20.0
"""For how long a thing is expected to keep its velocity."""
WANDER_MPS: Final = {"person": 0.5}
"""How fast the place becomes uncertain once a thing is out of sight."""
OTHER_WANDER_MPS: Final = 3.0
NEWCOMERS_PER_M2: Final = 5e-5
"""How many other things of the class may turn up there: one in two hectares."""
JOIN_MIN: Final = 0.7
"""Least probability of a join; a wrong one is worse than a missing one."""
STITCH_GAP_S: Final = 10.0
"""Longest gap over which tracks of one recording are joined while they are followed: the longest at which that was
no worse than leaving it to `detection.same_thing` (counted on simulated patrols)."""
GATE_D2: Final = 9.2
"""Pairs beyond 99 % of two-dimensional normal residuals are not weighed at all."""


def stitch(paths: Paths, placed: Placed, gap_s: float, drift: GroundDrift) -> Paths:
    """Join paths of one class, end to start, where the later lies where the earlier may have gone.

    A pair's probability weighs the density of its offset against that of every other pairing of either
    path, and against newcomers. What is ambiguous is left apart.
    """
    before, after = _candidates(paths, gap_s)
    if not len(before):
        return paths
    density = _density(paths, placed, before, after, drift)
    rivals = np.bincount(before, density, len(paths))[before] + np.bincount(after, density, len(paths))[after]
    chance = density / (rivals - density + NEWCOMERS_PER_M2)
    joined = chance >= JOIN_MIN
    following = dict(zip(before[joined].tolist(), after[joined].tolist(), strict=True))
    return paths.chosen(chains_of(len(paths), following))


def _candidates(paths: Paths, gap_s: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one class where the second begins after the first ends, and soon enough."""
    start_ns, end_ns = paths.t_ns[paths.first], paths.t_ns[paths.last]
    order = np.argsort(start_ns, kind="stable")
    low = np.searchsorted(start_ns[order], end_ns, side="right")
    high = np.searchsorted(start_ns[order], end_ns + int(gap_s * 1e9), side="right")
    counts = np.maximum(high - low, 0)
    before = np.repeat(np.arange(len(paths)), counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    after = order[np.repeat(low, counts) + within]
    same = paths.class_code[before] == paths.class_code[after]
    return before[same], after[same]


def _density(
    paths: Paths, placed: Placed, before: NDArray[np.int64], after: NDArray[np.int64], drift: GroundDrift
) -> FloatArray:
    """Density per square metre of each pair's offset, were the two one thing; 0 beyond the gate.

    The offset is that on the registered ground where that is known better than the two poses, else that of the poses.
    """
    end, start = paths.last[before], paths.first[after]
    gap = (paths.t_ns[start] - paths.t_ns[end]) / 1e9
    memory = VELOCITY_MEMORY_S * (1.0 - np.exp(-gap / VELOCITY_MEMORY_S))
    step = paths.states[start, :2] - paths.states[end, :2] - paths.velocities_mps()[before] * memory[:, None]
    wander = np.array([WANDER_MPS.get(name, OTHER_WANDER_MPS) for name in placed.class_names])
    own = (wander[paths.class_code[before]] * gap) ** 2 + 1.0
    fresh = np.minimum(1.0, gap / VELOCITY_MEMORY_S)[:, None, None]
    posed = fresh * (placed.cov_m2[paths.rows[end]] + placed.cov_m2[paths.rows[start]])
    registered = drift.spread_m2(paths.t_ns[end], paths.t_ns[start])
    better = registered < np.trace(posed, axis1=1, axis2=2) / 2.0
    wandered = drift.at(paths.t_ns[start]) - drift.at(paths.t_ns[end])
    step += np.where(better[:, None], 0.0, wandered)
    cov = np.where(better[:, None, None], np.where(better, registered, 0.0)[:, None, None] * np.eye(2), posed)
    cov = cov + own[:, None, None] * np.eye(2)
    d2 = np.einsum("ni,nij,nj->n", step, inverse_2x2(cov), step)
    area = 2.0 * np.pi * np.sqrt(cov[:, 0, 0] * cov[:, 1, 1] - cov[:, 0, 1] ** 2)
    return np.where(d2 < GATE_D2, np.exp(-0.5 * d2) / area, 0.0)


def chains_of(count: int, following: dict[int, int]) -> list[list[int]]:
    """Return `count` rows as chains, given which follows which: each is followed by one at most, and follows one."""
    chains: list[list[int]] = []
    later = set(following.values())
    for start in range(count):
        if start in later:
            continue
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append(chain)
    return chains
