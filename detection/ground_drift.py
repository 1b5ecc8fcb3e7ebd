"""How the ground wanders under the pictures of a flight, as far as they were compared with each other.

A pose's error is the same for everything in a picture and drifts from one picture to the next. Where each picture was
compared with the one before (`detection.ground_registration`), the sum of these shifts is that drift, whatever the pose
says; places less the drift stay where they are when the thing does.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.looks import Looks

    FloatArray = NDArray[np.float64]

SAME_SHARE: Final = 0.2
"""Share of a comparison's error that is the same in the next one, since the ground is no plane: the mean error of the
comparisons of two simulated flights over one sigma."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundDrift:
    """Sums up to and with each look, by rising time; the first row of each column is 0."""

    t_utc_ns: NDArray[np.int64]
    shift_m: FloatArray
    """Shape (n + 1, 2): east and north."""
    variance_m2: FloatArray
    sigma_m: FloatArray
    unknown: FloatArray
    """How many looks were not compared with the one before."""

    @classmethod
    def of(cls, looks: Looks | None) -> GroundDrift:
        """Sum what is known; without looks nothing is."""
        none = np.zeros(0)
        times = none.astype(np.int64) if looks is None else looks.t_utc_ns
        shift = np.zeros((0, 2)) if looks is None else looks.shift_m
        told = none if looks is None else looks.shift_sigma_m
        known = np.isfinite(told)
        sigma = np.where(known, told, 0.0)

        def summed(values: FloatArray) -> FloatArray:
            return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])

        return cls(
            t_utc_ns=times,
            shift_m=summed(np.where(known[:, None], shift, 0.0)),
            variance_m2=summed(sigma**2),
            sigma_m=summed(sigma),
            unknown=summed((~known).astype(np.float64)),
        )

    def at(self, t_utc_ns: NDArray[np.int64]) -> FloatArray:
        """Metres east and north (k, 2) that the ground has wandered since the first look."""
        return np.asarray(self.shift_m[self.rows_at(t_utc_ns)])

    def rows_at(self, t_utc_ns: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """Return which row of the columns tells of each moment."""
        return np.asarray(np.searchsorted(self.t_utc_ns, t_utc_ns, side="right"))

    def spread_m2(self, from_ns: NDArray[np.int64] | int, to_ns: NDArray[np.int64] | int) -> FloatArray:
        """Variance on each axis of what `at` tells between two moments; infinite where a link is missing."""
        return self.spread_between_m2(self.rows_at(from_ns), self.rows_at(to_ns))

    def spread_between_m2(self, begin: NDArray[np.int64] | int, end: NDArray[np.int64] | int) -> FloatArray:
        """Return the same between the moments that two rows tell of."""
        spread = self.variance_m2[end] - self.variance_m2[begin]
        spread += (SAME_SHARE * (self.sigma_m[end] - self.sigma_m[begin])) ** 2
        linked = (self.unknown[end] == self.unknown[begin]) & (len(self.t_utc_ns) > 0)
        return np.asarray(np.where(linked, spread, np.inf))
