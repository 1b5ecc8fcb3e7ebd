"""The wind by height, and the wind triangle: what speed over the ground, and what through the air, a leg takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from missions.performance.aircraft import AircraftKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from missions.performance.aircraft import Aircraft

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """How the air moves over the ground at some places: where it blows to, m/s east and north, arrays of one shape."""

    east_mps: FloatArray
    north_mps: FloatArray

    @property
    def speed_mps(self) -> FloatArray:
        """Wind speed at each place."""
        return np.hypot(self.east_mps, self.north_mps)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WindProfile:
    """A steady wind by height above mean sea level.

    Between two layers the east and north components change linearly with height, which is how
    winds aloft reported at levels are read between them (FAA-H-8083-28, winds and temperatures
    aloft forecast) and has no jump where the direction passes north. Below the lowest layer the
    wind is the lowest layer's (near the ground it slackens, so this asks too much rather than too
    little), above the highest it is the highest layer's, and the plan says so where it flies there.

    Attributes
    ----------
    alt_amsl_m
        (k,) heights of the layers, rising; any one height where the wind is the same at all.
    east_mps, north_mps
        (k,) where the air moves to.
    """

    alt_amsl_m: tuple[float, ...]
    east_mps: tuple[float, ...]
    north_mps: tuple[float, ...]

    @classmethod
    def of(cls, layers: Sequence[tuple[float, float, float]]) -> WindProfile:
        """Build from (height AMSL m, speed m/s, degrees clockwise from north the wind comes *from*), in any order."""
        alt, speed, angle = np.array(sorted(layers), dtype=float).T
        east, north = -speed * np.sin(np.radians(angle)), -speed * np.cos(np.radians(angle))
        return cls(alt_amsl_m=tuple(alt.tolist()), east_mps=tuple(east.tolist()), north_mps=tuple(north.tolist()))

    @classmethod
    def uniform(cls, *, speed_mps: float = 0.0, from_deg: float = 0.0) -> WindProfile:
        """Build a wind that is the same at every height."""
        return cls.of([(0.0, speed_mps, from_deg)])

    def at(self, alt_amsl_m: ArrayLike) -> Air:
        """Return the air's motion at each height, in the heights' shape."""
        heights = np.asarray(alt_amsl_m, dtype=float)
        east = np.interp(heights, self.alt_amsl_m, self.east_mps)
        return Air(east_mps=east, north_mps=np.interp(heights, self.alt_amsl_m, self.north_mps))

    def between(self, low_amsl_m: float, high_amsl_m: float) -> WindProfile:
        """Return the part of the wind between two heights; it is the same there, and constant beyond them."""
        inner = [h for h in self.alt_amsl_m if low_amsl_m < h < high_amsl_m]
        heights = [low_amsl_m, *inner, high_amsl_m] if high_amsl_m > low_amsl_m else [low_amsl_m]
        air = self.at(heights)
        return WindProfile(
            alt_amsl_m=tuple(heights), east_mps=tuple(air.east_mps.tolist()), north_mps=tuple(air.north_mps.tolist())
        )

    @property
    def varies(self) -> bool:
        """Whether the wind is not the same at every height."""
        return len(self.alt_amsl_m) > 1

    @property
    def strongest_mps(self) -> float:
        """The highest wind speed at any height: between layers it is never above both of theirs (it is convex)."""
        return float(np.hypot(self.east_mps, self.north_mps).max())

    @property
    def weakest_mps(self) -> float:
        """The lowest wind speed at any height, which may lie between two layers that blow against each other."""
        knots = np.column_stack([self.east_mps, self.north_mps])
        step = np.diff(knots, axis=0)
        square = (step**2).sum(axis=1)
        share = np.divide(-(knots[:-1] * step).sum(axis=1), square, out=np.zeros_like(square), where=square > 0.0)
        calm = knots[:-1] + np.clip(share, 0.0, 1.0)[:, None] * step
        return float(np.hypot(*np.concatenate([knots, calm]).T).min())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LegSpeeds:
    """Ground speed and airspeed of each leg, m/s; NaN ground speed where the wind wins."""

    ground_mps: FloatArray
    air_mps: FloatArray


def along_and_cross(air: Air, course_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split the wind into tailwind and crosswind (positive to the right) for each course, m/s."""
    course = np.radians(course_deg)
    tail = air.east_mps * np.sin(course) + air.north_mps * np.cos(course)
    cross = air.east_mps * np.cos(course) - air.north_mps * np.sin(course)
    return tail, cross


def leg_speeds(aircraft: Aircraft, air: Air, course_deg: FloatArray, speed_mps: float | FloatArray) -> LegSpeeds:
    """Return the speeds each leg is flown at.

    A fixed wing holds its airspeed: ground speed is ``sqrt(va^2 - wc^2) + wt`` (wind triangle).
    A multirotor holds its ground speed, as far as its highest airspeed allows.

    Parameters
    ----------
    air
        The air's motion where each leg is flown; any shape that goes with `course_deg`.
    course_deg
        (n,) courses over the ground, degrees clockwise from north.
    speed_mps
        Planned speed, one or (n,): airspeed for a fixed wing, ground speed for a multirotor.

    Returns
    -------
    LegSpeeds
        In the shape of `air` and `course_deg` together. Ground speed is NaN where the crosswind or
        headwind is not overcome.
    """
    tail, cross = along_and_cross(air, course_deg)
    if aircraft.kind is AircraftKind.FIXED_WING:
        through = np.broadcast_to(np.asarray(speed_mps, dtype=float), tail.shape).copy()
        return LegSpeeds(ground_mps=_ground_at(through, tail, cross), air_mps=through)
    fastest = _ground_at(np.full(tail.shape, aircraft.max_airspeed_mps), tail, cross)
    ground = np.minimum(speed_mps, fastest)
    return LegSpeeds(ground_mps=ground, air_mps=np.hypot(ground - tail, cross))


def _ground_at(air: FloatArray, tail: FloatArray, cross: FloatArray) -> FloatArray:
    square = air**2 - cross**2
    ground = np.sqrt(np.maximum(square, 0.0)) + tail
    slowest_useful_mps = 0.5
    return np.where((square > 0.0) & (ground > slowest_useful_mps), ground, np.nan)


def ground_radius_m(aircraft: Aircraft, wind_mps: float) -> float:
    """Return the turn radius over the ground with the wind behind: it grows with the square of ground speed."""
    return aircraft.turn_radius_m * ((aircraft.speed_mps + wind_mps) / aircraft.speed_mps) ** 2
