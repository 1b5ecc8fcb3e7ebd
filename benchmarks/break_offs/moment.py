"""When a flight has come to where it is broken off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sitl.dynamics import offset_m

if TYPE_CHECKING:
    from benchmarks.break_offs.cases import BreakOff

NEAR_M: Final = 30.0
EARLY: Final = 0.75
"""Share of the planned time from which on a place that is come near to is the one meant: paths pass places twice."""


class Moment:
    """The moment of a case."""

    def __init__(self, case: BreakOff) -> None:
        self.lat_deg, self.lon_deg, self.planned_s = case.place()
        self._nearest_m = math.inf

    def come(self, lat_deg: float, lon_deg: float, flown_s: float) -> bool:
        """Tell whether the aircraft is there: near, and not coming nearer any more."""
        if flown_s < EARLY * self.planned_s:
            return False
        away = math.hypot(*offset_m(self.lat_deg, self.lon_deg, lat_deg, lon_deg))
        here = away <= NEAR_M and away >= self._nearest_m - 0.5
        self._nearest_m = away
        return here
