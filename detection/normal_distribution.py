"""Densities and chances of the normal distribution, without the seconds that `scipy.stats` takes to import.

Every command that reads a picture starts with this; `scipy.special` has what is needed in a tenth of the time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, owens_t

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


def log_density(value: FloatArray, mean: float, sigma: FloatArray) -> FloatArray:
    """Return the natural logarithm of the density at each value; standard deviations may differ."""
    return np.asarray(-0.5 * ((value - mean) / sigma) ** 2 - np.log(sigma) - _LOG_ROOT_TWO_PI)


def both_below(first: float, second: float, correlation: float) -> float:
    """Return the chance that two standard normal numbers of this correlation both stay below their limits.

    By Owen's T function (D. B. Owen, Ann. Math. Stat. 27, 1956, equation 2.1). The correlation lies between
    -1 and 1, both excluded.
    """
    if first == second == 0.0:
        return 0.25 + math.asin(correlation) / (2.0 * math.pi)
    root = math.sqrt((1.0 - correlation) * (1.0 + correlation))
    apart = first * second < 0.0 or (first * second == 0.0 and first + second < 0.0)
    corners = _corner(first, second - correlation * first, root) + _corner(second, first - correlation * second, root)
    return float(0.5 * (ndtr(first) + ndtr(second)) - corners - (0.5 if apart else 0.0))


def _corner(limit: float, other: float, root: float) -> float:
    """Return T(limit, other / (limit root)); at a limit of 0 the second argument is infinite with its sign."""
    if limit == 0.0:
        return math.copysign(0.25, other)
    return float(owens_t(limit, other / (limit * root)))
