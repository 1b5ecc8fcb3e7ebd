"""The wind triangle: what speed over the ground, and what through the air, a leg takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from missions.performance.aircraft import AircraftKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.performance.aircraft import Aircraft

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WindVector:
    """A steady wind: where it blows to, in m/s east and north."""

    east_mps: float
    north_mps: float

    @classmethod
    def from_direction(cls, *, speed_mps: float, from_deg: float) -> WindVector:
        """Build from the meteorological direction (degrees clockwise from north the wind comes *from*)."""
        angle = np.radians(from_deg)
        return cls(east_mps=float(-speed_mps * np.sin(angle)), north_mps=float(-speed_mps * np.cos(angle)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LegSpeeds:
    """Ground speed and airspeed of each leg, m/s; NaN ground speed where the wind wins."""

    ground_mps: FloatArray
    air_mps: FloatArray


def along_and_cross(wind: WindVector, course_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split the wind into tailwind and crosswind (positive to the right) for each course, m/s."""
    course = np.radians(course_deg)
    tail = wind.east_mps * np.sin(course) + wind.north_mps * np.cos(course)
    cross = wind.east_mps * np.cos(course) - wind.north_mps * np.sin(course)
    return tail, cross


def leg_speeds(aircraft: Aircraft, wind: WindVector, course_deg: FloatArray, speed_mps: FloatArray) -> LegSpeeds:
    """Return the speeds each leg is flown at.

    A fixed wing holds its airspeed: ground speed is ``sqrt(va^2 - wc^2) + wt`` (wind triangle).
    A multirotor holds its ground speed, as far as its highest airspeed allows.

    Parameters
    ----------
    course_deg
        (n,) courses over the ground, degrees clockwise from north.
    speed_mps
        (n,) planned speed: airspeed for a fixed wing, ground speed for a multirotor.

    Returns
    -------
    LegSpeeds
        Ground speed is NaN where the crosswind or headwind is not overcome.
    """
    tail, cross = along_and_cross(wind, course_deg)
    if aircraft.kind is AircraftKind.FIXED_WING:
        air = np.broadcast_to(speed_mps, tail.shape).astype(float)
        ground = _ground_at(air, tail, cross)
        return LegSpeeds(ground_mps=ground, air_mps=air)
    fastest = _ground_at(np.full_like(tail, aircraft.max_airspeed_mps), tail, cross)
    ground = np.minimum(speed_mps, fastest)
    air = np.hypot(ground - tail, cross)
    return LegSpeeds(ground_mps=ground, air_mps=air)


def _ground_at(air: FloatArray, tail: FloatArray, cross: FloatArray) -> FloatArray:
    square = air**2 - cross**2
    ground = np.sqrt(np.maximum(square, 0.0)) + tail
    slowest_useful_mps = 0.5
    return np.where((square > 0.0) & (ground > slowest_useful_mps), ground, np.nan)
