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

from missions.errors import PlanRefusedError
from missions.paths.departure import (
    CALM_MPS,
    Departure,
    circle_m,
    climb_out_m,
    find_departure,
    free_below,
    into_the_wind,
    least_height_m,
    wind_at,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.paths.path_maker import PathMaker

    FloatArray = NDArray[np.float64]

GLIDE_DEG: Final = 4.8
GLIDE_SPEED: Final = 0.85
"""Airspeed of the glide over the cruise's: ArduPlane flies half-way between AIRSPEED_MIN and cruise
(TECS_LAND_ARSPD -1), PX4 at FW_LND_AIRSPD, 1.3 times the stall speed."""
HIGHER_M: Final = (0.0, 20.0, 40.0, 60.0)
"""How much higher the glide may begin where the ground asks for it."""


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


def find_approach(maker: PathMaker, site_m: FloatArray) -> Approach | None:
    """Return the approach to a site nearest to straight into the wind, or None where no free one exists.

    The circle keeps the brief's least height above ground; under the glide the ground
    rises to at most half the glide's height.
    """
    departure = find_departure(maker, site_m)
    if departure is None:
        return None
    radius_m = math.ceil(maker.radius_m)
    slope = min(math.tan(math.radians(GLIDE_DEG)), maker.aircraft.descent_mps / maker.brief.speed_mps)
    for more_m in HIGHER_M:
        height_m = least_height_m(maker) + more_m
        for ahead in into_the_wind(maker, site_m):
            begin = site_m - height_m / slope * ahead
            for side in (1.0, -1.0):
                centre = begin + side * radius_m * np.array([ahead[1], -ahead[0]])
                approach = Approach(
                    touchdown_m=site_m, begin_m=begin, centre_m=centre, radius_m=side * radius_m, height_m=height_m,
                    departure=departure,
                )  # fmt: skip
                if free_below(maker, site_m, begin, approach.circle_m(1), height_m):
                    return approach
    return None


def check_approaches(maker: PathMaker, corridor: Corridor) -> None:
    """Refuse launch sites a fixed wing cannot land at.

    Raises
    ------
    PlanRefusedError
        Naming the site and the length of free air its approach needs.
    """
    for site in range(len(corridor.sites)):
        refusal = no_approach(maker, corridor, site)
        if refusal is not None:
            raise refusal


def no_approach(maker: PathMaker, corridor: Corridor, site: int) -> PlanRefusedError | None:
    """Return why a fixed wing cannot land at (or leave) a launch site, or None where the aircraft can."""
    place, name = corridor.sites[site], maker.brief.launch[site].name
    if maker.radius_m <= 0.0 or maker.approach(place) is not None:
        return None
    height_m = least_height_m(maker)
    if find_departure(maker, place) is None:
        return _no_departure(maker, name, height_m)
    long_m = height_m / math.tan(math.radians(GLIDE_DEG)) + maker.radius_m
    side = "any side" if wind_at(maker, place)[1] < CALM_MPS else "any side that is not down the wind"
    return PlanRefusedError(
        f"launch site {name!r} has no free approach of {long_m:.0f} m for {maker.brief.aircraft.label} to land "
        f"from {side}: it descends from {height_m:g} m at {GLIDE_DEG:g} degrees and needs a circle of "
        f"{maker.radius_m:.0f} m radius before that; move the site further from the border, the zones and rising "
        "ground, or lower flight.min_agl_m",
        rule="landing", site=name, limit=long_m,
    )  # fmt: skip


def _no_departure(maker: PathMaker, name: str, height_m: float) -> PlanRefusedError:
    long_m = climb_out_m(maker) + maker.radius_m
    return PlanRefusedError(
        f"launch site {name!r} has no free {long_m:.0f} m for {maker.brief.aircraft.label} to climb straight ahead to "
        f"{height_m:g} m and circle there with a radius of {maker.radius_m:.0f} m, in any direction that is not down "
        "the wind; move the site further from the border, the zones and rising ground, or lower flight.min_agl_m",
        rule="take-off", site=name, limit=long_m,
    )  # fmt: skip
