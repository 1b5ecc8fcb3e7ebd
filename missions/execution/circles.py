"""Circles a fixed wing loiters on: their corners, and where the autopilot leaves them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import forward, inverse

if TYPE_CHECKING:
    from missions.plan import MissionItem

    LatLon = tuple[float, float]

CORNERS: Final = 16
"""Corners a full circle is drawn with."""
_ON_TANGENT_DEG: Final = 3.0
"""A circle this near to its tangent is left at once: ArduPlane takes 10 degrees for headed there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A circle as an item asks for it."""

    item: MissionItem
    centre: LatLon
    radius_m: float
    clockwise: bool

    def at(self, azimuth_deg: float) -> LatLon:
        """Return the place on the circle in a direction from its centre."""
        lat, lon = forward(*self.centre, azimuth_deg, self.radius_m)
        return float(lat), float(lon)

    def azimuth_deg(self, place: LatLon) -> float:
        """Return the direction of a place from the centre."""
        return float(inverse(*self.centre, *place)[1])

    def arc(self, start: LatLon, turned_deg: float) -> list[LatLon]:
        """Return the corners from a place on the circle (left out) so far round it."""
        count = max(math.ceil(turned_deg * CORNERS / 360.0 - 1e-9), 1)
        steps = (1.0 if self.clockwise else -1.0) * turned_deg * np.arange(1, count + 1) / count
        lat, lon = forward(*self.centre, self.azimuth_deg(start) + steps, self.radius_m)
        return list(zip(lat.tolist(), lon.tolist(), strict=True))

    def turned_to_deg(self, start: LatLon, goal: LatLon) -> float:
        """Return how far round it is from a place on the circle to the tangent that leads to a goal.

        Both autopilots leave so: ArduPlane once it heads for the goal (`ModeLoiter::isHeadingLinedUp`), PX4 along the
        tangent its mission block puts in the setpoint's place. Zero for a goal on the circle or within it, which
        ArduPlane leaves for at once.
        """
        away_m, to_deg = (float(v) for v in inverse(*self.centre, *goal))
        if away_m <= self.radius_m:
            return 0.0
        side = 1.0 if self.clockwise else -1.0
        leaves_deg = to_deg - side * math.degrees(math.acos(self.radius_m / away_m))
        turned_deg = side * (leaves_deg - self.azimuth_deg(start)) % 360.0
        return 0.0 if min(turned_deg, 360.0 - turned_deg) < _ON_TANGENT_DEG else turned_deg
