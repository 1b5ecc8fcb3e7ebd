"""The path a vehicle has flown, remembered so that it can fly back along it (ArduCopter's SmartRTL)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sitl.vehicle.behaviours import Place

if TYPE_CHECKING:
    from sitl.dynamics import BodyState

SPACING_M: Final = 5.0
"""How far apart breadcrumbs are dropped."""
FLOWN_BACK: Final = 4
"""Every fourth of them is flown back to."""


class Breadcrumbs:
    """Places along the way since take-off."""

    def __init__(self) -> None:
        self._places: list[Place] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def forget(self) -> None:
        """Begin a new flight."""
        self._places = []

    def drop(self, state: BodyState) -> None:
        """Remember where the vehicle is, unless that is where it was."""
        if self._places:
            last = self._places[-1]
            rough = math.hypot(state.lat_deg - last.lat_deg, (state.lon_deg - last.lon_deg) * 0.5) * 111_000.0
            if rough < SPACING_M and abs(state.alt_amsl_m - last.alt_amsl_m) < SPACING_M:
                return
        self._places.append(Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.alt_amsl_m))

    @property
    def first(self) -> Place:
        """Where the flight began."""
        return self._places[0]

    def back(self) -> list[Place]:
        """Return the places to fly back through, the latest first."""
        return self._places[::-1][::FLOWN_BACK]
