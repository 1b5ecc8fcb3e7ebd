"""Whether two tracks look as one thing does: as large (`detection.same_size`), and as bright over the ground around.

What a thing is brighter by has three parts. Its own: what it radiates. The ground's around it, which is another's where
the thing went, and the same for whatever stands there. And what a look errs. So of two tracks that lie near each other
the ground tells nothing, however it is, and of two far apart it hides what each is by itself.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection import same_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContrastLaw:
    """One sigma of the parts of a class's contrasts.

    Counted on drawn patrols that the bundled model looked at, with what is new in every look (`docs/decisions`).
    """

    own: float
    ground: float
    look: float
    """Of what is new on every flight, beyond what its hits err."""


LAWS: Final = {"person": ContrastLaw(own=0.34, ground=0.22, look=0.05)}
OTHER_LAW: Final = ContrastLaw(own=0.42, ground=0.28, look=0.05)
GROUND_M: Final = 80.0
"""How far ground is alike: all but 1/e of it is another so far away."""
KEEPS_S: Final = 7200.0
"""How long a thing radiates the same: all but 1/e of it is another after two hours (assumed: nobody has counted what
sun, engines and clothes do)."""
MEAN: Final = 1.0
"""What contrasts of a class are on the mean before any was seen, …"""
MEAN_SIGMA: Final = 2.0
"""… and one sigma of that: cold cars lie below zero."""
RECORDING_SIGMA: Final = 0.3
"""One sigma of what the mean of a recording may be off the mean of all: other cameras, another time of day."""


def alike(traces: Traces, before: IntArray, after: IntArray) -> FloatArray:
    """Return how much likelier the looks of pairs of tracks are of one thing than of two (n,); 1 where nothing tells.

    Of one class both must be.
    """
    found = same_size.alike(traces, before, after)
    own = traces.posterior.argmax(axis=1)
    for code, name in enumerate(traces.class_names):
        law = LAWS.get(name, OTHER_LAW)
        known = (own == code) & np.isfinite(traces.contrast) & np.isfinite(traces.contrast_var)
        rows = np.flatnonzero(known[before] & known[after])
        if len(rows):
            told = _told(traces, law, known, (before[rows], after[rows]))
            found[rows] *= same_size.BLIND + (1.0 - same_size.BLIND) * told
    return found


def _told(traces: Traces, law: ContrastLaw, known: NDArray[np.bool_], pairs: tuple[IntArray, IntArray]) -> FloatArray:
    """Density of both contrasts of pairs if they are of one thing, over that if they are of two."""
    before, after = pairs
    off, var = _about_mean(traces, law, known)
    middle = (traces.begin_m + traces.end_m) / 2.0
    gap_s = np.maximum((traces.begin_ns[after] - traces.end_ns[before]) / 1e9, 0.0)
    shared = law.ground**2 * np.exp(-np.hypot(*(middle[after] - middle[before]).T) / GROUND_M)
    kept = law.own**2 * np.exp(-gap_s / KEEPS_S)
    one, two = (_log_normal(off[before], off[after], (var[before], var[after], cov)) for cov in (shared + kept, shared))
    return np.asarray(np.exp(one - two))


def _about_mean(traces: Traces, law: ContrastLaw, known: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return contrasts (n,) less the mean of the known ones of their recording, and the variances of what is left.

    The mean of a recording with few tracks is mostly that of all.
    """
    whole = np.where(known, law.own**2 + law.ground**2 + law.look**2 + traces.contrast_var, np.inf)
    value = np.where(known, traces.contrast, 0.0)
    runs = int(traces.run.max(initial=-1)) + 1
    weight = np.bincount(traces.run, 1.0 / whole, runs)
    own_mean = np.bincount(traces.run, value / whole, runs) / np.maximum(weight, 1e-12)
    share = np.where(weight > 0.0, 1.0 / (RECORDING_SIGMA**2 + 1.0 / np.maximum(weight, 1e-12)), 0.0)
    everywhere = (share @ own_mean + MEAN / MEAN_SIGMA**2) / (share.sum() + 1.0 / MEAN_SIGMA**2)
    mean_var = 1.0 / (weight + 1.0 / RECORDING_SIGMA**2)
    mean = mean_var * (weight * own_mean + everywhere / RECORDING_SIGMA**2)
    var = np.where(known, whole + mean_var[traces.run], 1.0)
    most = same_size.SPREAD_MAX * np.sqrt(var)
    return np.clip(value - mean[traces.run], -most, most), var


def _log_normal(one: FloatArray, two: FloatArray, cov: tuple[FloatArray, FloatArray, FloatArray]) -> FloatArray:
    """Log of a normal density of two numbers, but for its constant: their variances, and their covariance."""
    first, second, both = cov
    area = first * second - both**2
    d2 = (second * one**2 - 2.0 * both * one * two + first * two**2) / area
    return np.asarray(-0.5 * (d2 + np.log(area)))
