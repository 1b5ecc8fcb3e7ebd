"""How sure a ground position is: covariances from pose, lens, pixel and terrain errors, and CE90/LE90."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from geo.values import FloatArray

LE90_PER_SIGMA: Final = 1.644_853_626_951_472_7
"""90 % of a normal distribution lies within this many sigmas."""
ELLIPSE90_PER_SIGMA: Final = 2.145_966_026_289_347
"""The 90 % ellipse of two normal errors, in sigmas: sqrt(2 ln 10)."""
_RATIOS: Final = 513
_DIRECTIONS: Final = 128
_HALVINGS: Final = 32


def le90_m(variance_up_m2: ArrayLike) -> FloatArray:
    """Return the half-length of the vertical interval that holds 90 % of normal errors."""
    return np.asarray(LE90_PER_SIGMA * np.sqrt(variance_up_m2))


def ce90_m(variance_e_m2: ArrayLike, variance_n_m2: ArrayLike, covariance_en_m2: ArrayLike) -> FloatArray:
    """Return the radius of the circle that holds 90 % of a centred two-dimensional normal distribution.

    Exact, not the circular approximation: the integral of the density over the
    circle depends only on the ratio of the ellipse's axes, and is tabulated
    once (H. L. Harter, J. Amer. Stat. Assoc. 55, 1960, "Circular error
    probabilities").
    """
    major, minor = principal_sigmas_m(variance_e_m2, variance_n_m2, covariance_en_m2)
    ratio = np.divide(minor, major, out=np.ones_like(major), where=major > 0.0)
    ratios, factors = _circle_factors()
    return np.asarray(major * np.interp(ratio, ratios, factors))


def principal_sigmas_m(
    variance_e_m2: ArrayLike, variance_n_m2: ArrayLike, covariance_en_m2: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the one-sigma semi-axes (major, minor) of horizontal error ellipses."""
    mean = 0.5 * (np.asarray(variance_e_m2) + np.asarray(variance_n_m2))
    spread = np.hypot(0.5 * (np.asarray(variance_e_m2) - np.asarray(variance_n_m2)), covariance_en_m2)
    return np.sqrt(mean + spread), np.sqrt(np.maximum(mean - spread, 0.0))


def error_ellipse(
    variance_e_m2: ArrayLike, variance_n_m2: ArrayLike, covariance_en_m2: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the 90 % error ellipse: semi-axes (m) and the azimuth of the major one (degrees, 0 to 180)."""
    major, minor = principal_sigmas_m(variance_e_m2, variance_n_m2, covariance_en_m2)
    spread = np.asarray(variance_n_m2) - np.asarray(variance_e_m2)
    azimuth = np.degrees(0.5 * np.arctan2(2.0 * np.asarray(covariance_en_m2), spread)) % 180.0
    return ELLIPSE90_PER_SIGMA * major, ELLIPSE90_PER_SIGMA * minor, azimuth


@functools.cache
def _circle_factors() -> tuple[FloatArray, FloatArray]:
    """Return axis ratios from 0 to 1, and the radius over the major sigma that holds 90 %, by bisection."""
    ratios = np.linspace(0.0, 1.0, _RATIOS)
    low, high = np.full(_RATIOS - 1, 1.6), np.full(_RATIOS - 1, 2.2)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        short = _inside(middle, ratios[1:]) < 0.9
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return ratios, np.concatenate([[LE90_PER_SIGMA], low])


def _inside(radius: FloatArray, ratio: FloatArray) -> FloatArray:
    """Return the probability that normal pairs with sigmas 1 and `ratio` lie within `radius`.

    In the plane scaled to unit sigmas the circle is an ellipse; the density
    integrates to exp(-r^2/2) along each direction, and the mean over directions
    is by the midpoint rule, which for a smooth periodic function is exact.
    """
    direction = (np.arange(_DIRECTIONS) + 0.5) * (0.5 * np.pi / _DIRECTIONS)
    spread = np.cos(direction) ** 2 + (ratio[:, None] * np.sin(direction)) ** 2
    return np.asarray(1.0 - np.exp(-0.5 * radius[:, None] ** 2 / spread).mean(axis=1))
