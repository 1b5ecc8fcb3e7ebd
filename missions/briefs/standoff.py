"""The errors a standoff must contain, each with its reason, added up for a brief."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.performance.performance import Performance
    from missions.performance.wind import WindProfile

CE95_PER_SIGMA: Final = 2.4477
"""Radius of the 95 % circle of a circular normal error, in sigmas: sqrt(-2 ln 0.05)."""
OVERSHOOT_SHARE: Final = 0.5
"""Part of a fixed wing's turn radius that it strays from flattened turns.

A real ArduPlane (4.7-dev, its default L1 period) came 29 and 30 m nearer to the line than its path of 60 m turns.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StandoffMargin:
    """How far the aircraft may be from its planned path, by cause, metres."""

    gnss_m: float
    wind_drift_m: float
    turn_overshoot_m: float
    tracking_m: float

    @property
    def total_m(self) -> float:
        """Independent errors add in squares; the tracking bias adds whole."""
        return float(np.sqrt(self.gnss_m**2 + self.wind_drift_m**2 + self.turn_overshoot_m**2)) + self.tracking_m


def standoff_margin(brief: Brief, wind: WindProfile) -> StandoffMargin:
    """Compute the margin of a brief: GNSS at 95 %, a gust until it is countered, a turn taken wide.

    Wind drift is the strongest wind's excess over the weakest mean wind of the heights flown, `wind`,
    for the controller's response time; turn overshoot is the distance flown in half that time
    (multirotor) or a share of the turn radius. Of several types of aircraft each component is the
    largest.
    """
    excess = brief.wind.strongest_in(wind) - wind.weakest_mps
    return StandoffMargin(
        gnss_m=CE95_PER_SIGMA * brief.standoff.gnss_sigma_m,
        wind_drift_m=excess * max(fleet.aircraft.response_s for fleet in brief.fleets),
        turn_overshoot_m=max(_overshoot_m(each) for each in brief.performances),
        tracking_m=brief.standoff.tracking_error_m,
    )


def _overshoot_m(flown: Performance) -> float:
    if flown.wing:
        return OVERSHOOT_SHARE * flown.aircraft.turn_radius_m
    return 0.5 * flown.aircraft.response_s * flown.speed_mps
