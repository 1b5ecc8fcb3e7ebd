"""Whether two tracks are as large as one thing is: how the sizes of a class differ, against how looks at one do.

Each track has the logarithms of its height and width over what its class is expected to show. Both of two things
differ from their class's mean by themselves; of one thing they differ by what a look errs. What is asked is how much
likelier both numbers are of one thing than of two, and a bad box must not veto: now and then a size says nothing.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SizeLaw:
    """One sigma of a class's heights and widths in the logarithm, and how far both go together.

    Counted on drawn patrols that the bundled model looked at (`docs/decisions`).
    """

    things: tuple[float, float]
    """Between things, …"""
    things_together: float
    looks: tuple[float, float]
    """… and between two looks at one, from different sides, beyond what its boxes err."""
    looks_together: float


LAWS: Final = {"person": SizeLaw(things=(0.073, 0.078), things_together=0.75, looks=(0.03, 0.03), looks_together=0.4)}
OTHER_LAW: Final = SizeLaw(things=(0.075, 0.065), things_together=0.7, looks=(0.095, 0.05), looks_together=0.4)
MEAN_LN: Final = 0.3
"""One sigma of what the mean of a class may be off what is expected: another camera blurs otherwise."""
SPREAD_MAX: Final = 2.5
"""Further from the mean than so many sigmas a size, and a contrast, says no more than there."""
BLIND: Final = 0.1
"""Share of tracks whose sizes say nothing, and of those whose contrasts do: a bush before it, two in one box, another's
boxes (assumed)."""
UNKNOWN_LN2: Final = 1e6
"""Variance of a size that is not known."""


def alike(traces: Traces, before: IntArray, after: IntArray) -> FloatArray:
    """Return how much likelier the sizes of pairs of tracks are of one thing than of two (n,); 1 where nothing tells.

    Of one class both must be: sizes are over what a class is expected to show.
    """
    own = traces.posterior.argmax(axis=1)
    found = np.ones(len(before))
    for code, name in enumerate(traces.class_names):
        rows = np.flatnonzero((own[before] == code) & (own[after] == code))
        if len(rows):
            law = LAWS.get(name, OTHER_LAW)
            things = _covariance(law.things, law.things_together)
            off, err = _about_mean(traces, own == code, things, _covariance(law.looks, law.looks_together))
            one, two = before[rows], after[rows]
            given = _log_density_given(off[two], err[two], off[one], err[one], things)
            told = np.exp(given - _log_normal(off[two], things + err[two]))
            found[rows] = BLIND + (1.0 - BLIND) * told
    return found


def _covariance(sigmas: tuple[float, float], together: float) -> FloatArray:
    both = together * sigmas[0] * sigmas[1]
    return np.array([[sigmas[0] ** 2, both], [both, sigmas[1] ** 2]])


def _about_mean(
    traces: Traces, mine: NDArray[np.bool_], things: FloatArray, looks: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return sizes (n, 2) of all tracks less the mean of these, and the covariances (n, 2, 2) of what they err by."""
    known = mine[:, None] & np.isfinite(traces.size_ln) & np.isfinite(traces.size_ln_var)
    var = np.where(known, traces.size_ln_var, UNKNOWN_LN2)
    whole = np.diag(things) + np.diag(looks) + var
    value = np.where(known, traces.size_ln, 0.0)
    off = value - (value / whole).sum(axis=0) / ((1.0 / whole).sum(axis=0) + 1.0 / MEAN_LN**2)
    most = SPREAD_MAX * np.sqrt(whole)
    return np.where(known, np.clip(off, -most, most), 0.0), var[:, :, None] * np.eye(2) + looks


def _log_density_given(
    off: FloatArray, err: FloatArray, other: FloatArray, other_err: FloatArray, things: FloatArray
) -> FloatArray:
    """Log density of sizes of things of which other looks told other sizes."""
    gain = things @ np.linalg.inv(things + other_err)
    return _log_normal(off - (gain @ other[..., None])[..., 0], err + things - gain @ things)


def _log_normal(off: FloatArray, cov: FloatArray) -> FloatArray:
    """Log of a normal density in two dimensions, but for its constant."""
    d2 = (off[..., None, :] @ np.linalg.inv(cov) @ off[..., None])[..., 0, 0]
    return np.asarray(-0.5 * (d2 + np.log(np.linalg.det(cov))))
