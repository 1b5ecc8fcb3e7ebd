"""Errors of a simulated navigation sensor: a bias for the flight, a slow wander, and a little fresh noise."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import PoseSigmas

    FloatArray = NDArray[np.float64]

BIAS_SHARE: Final = 0.55
WANDER_SHARE: Final = 0.44
"""Shares of the variance; what is left is fresh in every sample."""
WANDER_TIME_S: Final = 20.0
"""Correlation time of the wander: GNSS multipath and attitude filters settle over tens of seconds
(Parkinson and Spilker 1996, chapter 14)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SensorErrors:
    """What is added to the truth, one row a frame."""

    east_m: FloatArray
    north_m: FloatArray
    up_m: FloatArray
    yaw_deg: FloatArray
    pitch_deg: FloatArray
    roll_deg: FloatArray
    focal_rel: FloatArray

    @classmethod
    def draw(cls, t_utc_ns: NDArray[np.int64], sigmas: PoseSigmas, rng: np.random.Generator) -> SensorErrors:
        """Draw the errors of one flight; each column has the sigma asked for over many flights."""
        return cls(
            east_m=_series(t_utc_ns, sigmas.position_h_m, rng),
            north_m=_series(t_utc_ns, sigmas.position_h_m, rng),
            up_m=_series(t_utc_ns, sigmas.position_v_m, rng),
            yaw_deg=_series(t_utc_ns, sigmas.yaw_deg, rng),
            pitch_deg=_series(t_utc_ns, sigmas.pitch_deg, rng),
            roll_deg=_series(t_utc_ns, sigmas.roll_deg, rng),
            focal_rel=_series(t_utc_ns, sigmas.focal_rel, rng),
        )


def _series(t_utc_ns: NDArray[np.int64], sigma: float, rng: np.random.Generator) -> FloatArray:
    """Draw a bias, a first-order Gauss-Markov process (Gelb 1974, section 3.6) and white noise."""
    count = len(t_utc_ns)
    keep = np.exp(-np.diff(t_utc_ns, prepend=t_utc_ns[:1]) / 1e9 / WANDER_TIME_S)
    kick = rng.standard_normal(count) * np.sqrt(1.0 - keep**2)
    wander = np.empty(count)
    level = float(rng.standard_normal())
    for row in range(count):
        level = level * keep[row] + kick[row]
        wander[row] = level
    white = rng.standard_normal(count)
    fresh = 1.0 - BIAS_SHARE - WANDER_SHARE
    total = np.sqrt(BIAS_SHARE) * rng.standard_normal() + np.sqrt(WANDER_SHARE) * wander + np.sqrt(fresh) * white
    return np.asarray(sigma * total)
