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

from missions.airspace.terrain_profile import sample_path
from missions.errors import PlanRefusedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.planning.planner_paths import PathMaker

    FloatArray = NDArray[np.float64]

GLIDE_DEG: Final = 4.8
LEAST_HEIGHT_M: Final = 30.0
"""Height above the site at which the glide begins, where the brief allows flight so low."""
HIGHER_M: Final = (0.0, 20.0, 40.0, 60.0)
"""How much higher the glide may begin where the ground asks for it."""
FROM_THE_WIND_DEG: Final = tuple(float(sign * k) for k in range(0, 91, 15) for sign in (1, -1) if k or sign > 0)
"""Glides this far from straight into the wind are tried, in this order; never one with the wind behind."""
CALM_MPS: Final = 1.0
"""In less wind than this the glide may come from any side."""
CORNERS: Final = 24
GLIDE_SHARE: Final = 0.5
"""The ground may rise to at most this share of the glide's height above the site."""
_ROLL_OUT_M: Final = 30.0
"""The last metres before the site, where the ground is the runway."""


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

    @property
    def entry_m(self) -> FloatArray:
        """The pose the circle is entered in: the beginning of the glide, and a metre on."""
        ahead = self.touchdown_m - self.begin_m
        return np.stack([self.begin_m, self.begin_m + ahead / np.hypot(*ahead)])

    def circle_m(self, turns: int) -> FloatArray:
        """Return the corners of so many turns, (n, 2), from the beginning of the glide back to it."""
        arm = self.begin_m - self.centre_m
        angles = -math.copysign(1.0, self.radius_m) * np.linspace(0.0, 2.0 * np.pi * turns, CORNERS * turns + 1)
        c, s = np.cos(angles), np.sin(angles)
        return np.asarray(self.centre_m + np.stack([c * arm[0] - s * arm[1], s * arm[0] + c * arm[1]], axis=1))


def find_approach(maker: PathMaker, site_m: FloatArray) -> Approach | None:
    """Return the approach to a site nearest to straight into the wind, or None where no free one exists.

    The circle keeps the brief's least height above ground; under the glide the ground
    rises to at most half the glide's height.
    """
    from_deg, wind_mps = _wind_at(maker, site_m)
    radius_m = math.ceil(maker.radius_m)
    slope = min(math.tan(math.radians(GLIDE_DEG)), maker.aircraft.descent_mps / maker.brief.speed_mps)
    offsets = FROM_THE_WIND_DEG
    if wind_mps < CALM_MPS:
        offsets = tuple(float(sign * k) for k in range(0, 181, 15) for sign in (1, -1))
    lowest_m = max(LEAST_HEIGHT_M, maker.brief.flight.min_agl_m)
    for more_m in HIGHER_M:
        height_m = lowest_m + more_m
        for offset in offsets:
            heading = math.radians(from_deg + offset)
            ahead = np.array([math.sin(heading), math.cos(heading)])
            begin = site_m - height_m / slope * ahead
            for side in (1.0, -1.0):
                centre = begin + side * radius_m * np.array([ahead[1], -ahead[0]])
                approach = Approach(
                    touchdown_m=site_m, begin_m=begin, centre_m=centre, radius_m=side * radius_m, height_m=height_m
                )
                if _free(maker, approach):
                    return approach
    return None


def _wind_at(maker: PathMaker, site_m: FloatArray) -> tuple[float, float]:
    """Return where the wind at a site comes from, degrees clockwise from north, and its speed."""
    air = maker.brief.wind.profile.at(maker.ground.at(site_m))
    east, north = float(air.east_mps[0]), float(air.north_mps[0])
    return math.degrees(math.atan2(-east, -north)), math.hypot(east, north)


def _free(maker: PathMaker, approach: Approach) -> bool:
    circle = approach.circle_m(1)
    path = np.concatenate([circle, approach.touchdown_m[None, :]])
    if not maker.router.clear(path[:-1], path[1:]).all():
        return False
    home_m = float(maker.ground.at(approach.touchdown_m)[0])
    around = sample_path(circle)[0]
    low = home_m + approach.height_m - maker.ground.at(around) < maker.brief.flight.min_agl_m - 1e-6
    glide = sample_path(np.stack([approach.begin_m, approach.touchdown_m]))[0]
    left_m = np.hypot(*(glide - approach.touchdown_m).T)
    slope = approach.height_m / float(left_m[0])
    rise = maker.ground.at(glide) - home_m > GLIDE_SHARE * slope * left_m
    return not (low.any() or rise[left_m > _ROLL_OUT_M].any())


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
    """Return why a fixed wing cannot land at a launch site, or None where the aircraft can."""
    place, name = corridor.sites[site], maker.brief.launch[site].name
    if maker.radius_m <= 0.0 or maker.approach(place) is not None:
        return None
    height_m = max(LEAST_HEIGHT_M, maker.brief.flight.min_agl_m)
    long_m = height_m / math.tan(math.radians(GLIDE_DEG)) + maker.radius_m
    side = "any side" if _wind_at(maker, place)[1] < CALM_MPS else "any side that is not down the wind"
    return PlanRefusedError(
        f"launch site {name!r} has no free approach of {long_m:.0f} m for {maker.brief.aircraft.label} to land "
        f"from {side}: it descends from {height_m:g} m at {GLIDE_DEG:g} degrees and needs a circle of "
        f"{maker.radius_m:.0f} m radius before that; move the site further from the border, the zones and rising "
        "ground, or lower flight.min_agl_m",
        rule="landing", site=name, limit=long_m,
    )  # fmt: skip
