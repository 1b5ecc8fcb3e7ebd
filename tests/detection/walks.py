"""What moves as `detection.out_of_sight` assumes, second by second: an oracle that knows none of its formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from detection.out_of_sight import Law


def walked(rng: np.random.Generator, law: Law, seconds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places, the first at the origin, and velocities at each full second, both (seconds + 1, 2)."""
    if rng.random() < law.still:
        return np.zeros((seconds + 1, 2)), np.zeros((seconds + 1, 2))
    speed = max(rng.normal(law.speed_mps, law.speed_sigma_mps), 0.1)
    if rng.random() < law.stray:
        kicks = rng.normal(0.0, law.speed_mps / np.sqrt(2.0) * np.sqrt(2.0 / law.stray_s), (seconds, 2))
        velocity = [speed * _ahead(rng.uniform(-np.pi, np.pi))]
        for kick in kicks:
            velocity.append(velocity[-1] * (1.0 - 1.0 / law.stray_s) + kick)
        velocities = np.array(velocity)
        return np.vstack([[(0.0, 0.0)], np.cumsum(velocities[:-1], axis=0)]), velocities
    reach = int(speed * seconds) + 2
    turns = rng.normal(0.0, np.sqrt(law.turns_rad2_per_m), 2 * reach + 1)
    headings = rng.uniform(-np.pi, np.pi) + np.cumsum(turns)
    steps = _ahead(headings)
    way = np.vstack([[(0.0, 0.0)], np.cumsum(steps, axis=0)])
    turned = np.cumprod(np.where(rng.random(seconds) < speed / law.round_m, -1.0, 1.0))
    at = reach + np.concatenate([[0.0], np.cumsum(turned * speed)])
    sign = np.concatenate([[1.0], turned])
    metre = np.arange(len(way), dtype=np.float64)
    places = np.stack([np.interp(at, metre, way[:, axis]) for axis in (0, 1)], axis=1)
    velocities = (sign * speed)[:, None] * steps[np.minimum(at.astype(int), len(steps) - 1)]
    return places - places[0], velocities


def _ahead(heading_rad: float | np.ndarray) -> np.ndarray:
    return np.stack([np.cos(heading_rad), np.sin(heading_rad)], axis=-1)
