"""How a fixed wing leaves: a straight climb into the wind, then a circle it climbs on, left along its tangent."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.terrain_profile import sample_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.paths.flying_room import FlyingRoom

    FloatArray = NDArray[np.float64]

LEAST_HEIGHT_M: Final = 30.0
"""Height above the site at which circles begin or end, where the brief allows flight so low."""
FROM_THE_WIND_DEG: Final = tuple(float(sign * k) for k in range(0, 91, 15) for sign in (1, -1) if k or sign > 0)
"""Ways this far from straight into the wind are tried, in this order; never one with the wind behind."""
CALM_MPS: Final = 1.0
"""In less wind than this any way will do."""
HIGHER_M: Final = (0.0, 20.0, 40.0, 60.0)
"""How much higher a climb may end, or a glide begin, where the ground asks for it."""
CORNERS: Final = 24
"""Corners a full circle is drawn with."""
SPARE_CORNERS: Final = 2
"""Flown at the height flown on at: who gets there a moment late would fly another whole turn for the way out."""
GROUND_SHARE: Final = 0.5
"""The ground may rise to at most this share of a glide's or a climb's height above the site."""
RUNWAY_M: Final = 30.0
"""The metres beside the site where the ground is the runway."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Departure:
    """The climb from the site to where a circle begins, and the circle; plane metres."""

    launch_m: FloatArray
    end_m: FloatArray
    """Where the straight climb ends and the circle is entered."""
    centre_m: FloatArray
    radius_m: float
    """Positive: flown clockwise, as MAVLink counts it."""
    height_m: float
    """Of the end of the straight climb above the site."""
    turns: float
    """Turns of the circle that the rest of the climb takes."""

    @property
    def exit_m(self) -> FloatArray:
        """The pose the circle is left in at the earliest: a metre before the end of the climb, and the end."""
        end = self._circle_m()[-1]
        arm = (end - self.centre_m) / self.radius_m
        return np.stack([end - np.array([arm[1], -arm[0]]), end])

    def climb(self, home_amsl_m: float, alt_amsl_m: float) -> FloatArray:
        """Return the points from the site to the height the flight goes on at, (n, 3): plane metres and AMSL."""
        circle = self._circle_m()
        heights = np.linspace(home_amsl_m + self.height_m, alt_amsl_m, len(circle))
        return np.vstack([[*self.launch_m, home_amsl_m], np.column_stack([circle, heights])])

    def _circle_m(self) -> FloatArray:
        return circle_m(self.end_m, self.centre_m, self.radius_m, self.turns)


def circle_m(begin_m: FloatArray, centre_m: FloatArray, radius_m: float, turns: float) -> FloatArray:
    """Return the corners of so many turns, (n, 2), from a point on the circle."""
    arm = begin_m - centre_m
    angles = -math.copysign(1.0, radius_m) * np.linspace(0.0, 2.0 * np.pi * turns, math.ceil(CORNERS * turns) + 1)
    c, s = np.cos(angles), np.sin(angles)
    return np.asarray(centre_m + np.stack([c * arm[0] - s * arm[1], s * arm[0] + c * arm[1]], axis=1))


def wind_at(room: FlyingRoom, site_m: FloatArray) -> tuple[float, float]:
    """Return where the wind at a site comes from, degrees clockwise from north, and its speed."""
    air = room.flown.wind.at(room.situation.ground.at(site_m))
    east, north = float(air.east_mps[0]), float(air.north_mps[0])
    return math.degrees(math.atan2(-east, -north)), math.hypot(east, north)


def into_the_wind(room: FlyingRoom, site_m: FloatArray) -> Iterator[FloatArray]:
    """Go over the directions worth flying at a site, (2,) unit vectors, straight into the wind first."""
    from_deg, wind_mps = wind_at(room, site_m)
    offsets = FROM_THE_WIND_DEG
    if wind_mps < CALM_MPS:
        offsets = tuple(float(sign * k) for k in range(0, 181, 15) for sign in (1, -1))
    for offset in offsets:
        heading = math.radians(from_deg + offset)
        yield np.array([math.sin(heading), math.cos(heading)])


def least_height_m(room: FlyingRoom) -> float:
    """Return the least height above a site at which an aircraft may circle."""
    return max(LEAST_HEIGHT_M, room.situation.brief.flight.min_agl_m)


def climb_out_m(room: FlyingRoom, height_m: float) -> float:
    """Return how far the straight climb to a height goes; in still air, so that a head wind only shortens it."""
    return height_m * room.flown.speed_mps / room.aircraft.climb_mps


def find_departure(room: FlyingRoom, site_m: FloatArray) -> Departure | None:
    """Return the departure from a site nearest to straight into the wind, or None where no free one exists.

    From a hollow, or where ground rises on every side by ever so little, the climb goes on higher before the circle.
    """
    radius_m = float(math.ceil(room.radius_m))
    for more_m in HIGHER_M:
        height_m = least_height_m(room) + more_m
        for ahead in into_the_wind(room, site_m):
            end = site_m + climb_out_m(room, height_m) * ahead
            for side in (1.0, -1.0):
                centre = end + side * radius_m * np.array([ahead[1], -ahead[0]])
                circle = circle_m(end, centre, side * radius_m, 1)
                if free_below(room, site_m, end, circle, height_m):
                    return Departure(
                        launch_m=site_m, end_m=end, centre_m=centre, radius_m=side * radius_m, height_m=height_m,
                        turns=_turns(room, site_m, circle, height_m),
                    )  # fmt: skip
    return None


def _turns(room: FlyingRoom, site_m: FloatArray, circle: FloatArray, height_m: float) -> float:
    """Return the turns it takes to climb from the circle's entry to the height flown over its highest ground."""
    ground = room.situation.ground.at(np.concatenate([sample_path(circle)[0], site_m[None, :]]))
    more_m = float(np.nanmax(ground) - ground[-1]) + room.situation.brief.flight.alt_agl_m - height_m
    lap_m = float(np.hypot(*np.diff(circle, axis=0).T).sum())
    turns = more_m / room.aircraft.climb_mps * room.flown.speed_mps / lap_m
    return (max(math.ceil(CORNERS * turns), 0) + SPARE_CORNERS) / CORNERS


def free_below(room: FlyingRoom, site_m: FloatArray, far_m: FloatArray, circle: FloatArray, height_m: float) -> bool:
    """Tell whether a circle and the slope between it and the site keep to free air and clear of the ground."""
    path = np.concatenate([circle, site_m[None, :]])
    if not room.router.clear(path[:-1], path[1:]).all():
        return False
    ground, least_m = room.situation.ground, room.situation.brief.flight.min_agl_m
    home_m = float(ground.at(site_m)[0])
    low = home_m + height_m - ground.at(sample_path(circle)[0]) < least_m - 1e-6
    slope = sample_path(np.stack([far_m, site_m]))[0]
    left_m = np.hypot(*(slope - site_m).T)
    rise = ground.at(slope) - home_m > GROUND_SHARE * height_m / float(left_m[0]) * left_m
    return not (low.any() or rise[left_m > RUNWAY_M].any())
