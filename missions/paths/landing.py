"""How a fixed wing lands: a circle it descends on, then a straight glide into the wind to its launch site.

The glide is at most 4.8 degrees steep: PX4 refuses more than ``FW_LND_ANG`` (5 degrees by default,
``MissionFeasibilityChecker``), and ArduPilot advises at most 10 % (Plane documentation, "Automatic
Landing", glide slope).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.paths.departure import (
    HIGHER_M,
    Departure,
    circle_m,
    find_departure,
    free_below,
    into_the_wind,
    least_height_m,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.paths.flying_room import FlyingRoom

    FloatArray = NDArray[np.float64]

GLIDE_DEG: Final = 4.8
GLIDE_SPEED: Final = 0.85
"""Airspeed of the glide over the cruise's: ArduPlane flies half-way between AIRSPEED_MIN and cruise
(TECS_LAND_ARSPD -1), PX4 at FW_LND_AIRSPD, 1.3 times the stall speed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Approach:
    """Where an aircraft comes down: a circle left on its tangent, into a glide that ends at the site."""

    touchdown_m: FloatArray
    begin_m: FloatArray
    """Where the glide begins, and the circle is entered and left; (2,) metres in the plane."""
    centre_m: FloatArray
    radius_m: float
    """Positive: flown clockwise, as MAVLink counts it."""
    height_m: float
    """Of the glide's beginning above the site."""
    departure: Departure
    """How it leaves the same site."""

    @property
    def entry_m(self) -> FloatArray:
        """The pose the circle is entered in: the beginning of the glide, and a metre on."""
        ahead = self.touchdown_m - self.begin_m
        return np.stack([self.begin_m, self.begin_m + ahead / np.hypot(*ahead)])

    def circle_m(self, turns: int) -> FloatArray:
        """Return the corners of so many turns, (n, 2), from the beginning of the glide back to it."""
        return circle_m(self.begin_m, self.centre_m, self.radius_m, turns)


def find_approach(room: FlyingRoom, site_m: FloatArray) -> Approach | None:
    """Return the approach to a site nearest to straight into the wind, or None where no free one exists.

    The circle keeps the brief's least height above ground; under the glide the ground
    rises to at most half the glide's height. Where it comes to rest is free too.
    """
    departure = find_departure(room, site_m)
    if departure is None:
        return None
    radius_m = float(math.ceil(room.radius_m))
    slope = min(math.tan(math.radians(GLIDE_DEG)), room.aircraft.descent_mps / room.flown.speed_mps)
    for more_m in HIGHER_M:
        height_m = least_height_m(room) + more_m
        for ahead in into_the_wind(room, site_m):
            begin = site_m - height_m / slope * ahead
            for side in (1.0, -1.0):
                centre = begin + side * radius_m * np.array([ahead[1], -ahead[0]])
                approach = Approach(
                    touchdown_m=site_m, begin_m=begin, centre_m=centre, radius_m=side * radius_m, height_m=height_m,
                    departure=departure,
                )  # fmt: skip
                rest_m = site_m + room.flown.run_out_m * ahead
                if free_below(room, site_m, begin, approach.circle_m(1), height_m) and _free_way(room, site_m, rest_m):
                    return approach
    return None


def _free_way(room: FlyingRoom, start_m: FloatArray, end_m: FloatArray) -> bool:
    return bool(room.router.clear(start_m[None, :], end_m[None, :]).all())
