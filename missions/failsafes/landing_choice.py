"""Which of home and the rally points a return leads to: decided where the aircraft is when it breaks off."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.failsafes.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

RALLY_ONLY: Final = 5.0
"""PX4's RTL_TYPE: rally points, and home only where there is none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LandingChoice:
    """How an autopilot chooses.

    ArduPilot (`AP_Rally::find_nearest_rally_point`, `calc_best_rally_or_home_location`): the rally point nearest to
    the aircraft, unless that is farther than RALLY_LIMIT_KM (0: no limit), or home is nearer and RALLY_INCL_HOME is
    set: then home. PX4 (`rtl.cpp`): the nearest of home and the rally points.
    """

    limit_m: float = math.inf
    home_too: bool = True

    def of(self, away_m: FloatArray) -> NDArray[np.int64]:
        """Return the column of the place flown to, (n,), from distances (n, 1 + k): home first, then rally points."""
        if away_m.shape[1] < 2:
            return np.zeros(len(away_m), dtype=np.int64)
        nearest = 1 + np.argmin(away_m[:, 1:], axis=1)
        far = away_m[np.arange(len(away_m)), nearest]
        home = far > self.limit_m
        if self.home_too:
            home |= ~(far < away_m[:, 0])
        return np.where(home, 0, nearest).astype(np.int64)


def landing_choice(values: Mapping[str, float], dialect: str) -> LandingChoice | None:
    """Return how a vehicle with these parameters chooses, None where a parameter that decides it is missing."""
    if dialect == "px4":
        return None if "RTL_TYPE" not in values else LandingChoice(home_too=values["RTL_TYPE"] != RALLY_ONLY)
    limit_km, home_too = value_of(values, "RALLY_LIMIT_KM"), value_of(values, "RALLY_INCL_HOME")
    if limit_km is None or home_too is None:
        return None
    return LandingChoice(limit_m=limit_km * 1000.0 if limit_km > 0.0 else math.inf, home_too=home_too != 0.0)
