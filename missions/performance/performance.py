"""One type of aircraft as it flies on one day: its figures, its autopilot, the wind, the speed planned."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from missions.performance.aircraft import AircraftKind
from missions.performance.energy import path_cost
from missions.performance.handling import HANDLING
from missions.performance.wind import ground_radius_m

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from missions.performance.aircraft import Aircraft
    from missions.performance.energy import PathCost
    from missions.performance.handling import Handling
    from missions.performance.wind import WindProfile

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """An aircraft with its wind, its planned speed and the autopilot that handles it.

    `speed_mps` is the ground speed of a multirotor and the airspeed of a fixed wing; `wind` reaches over all heights
    that are known of.
    """

    label: str
    """What sorties, sites and messages call the type."""
    aircraft: Aircraft
    dialect: str
    wind: WindProfile
    speed_mps: float
    circling_m: float = 0.0
    """Radius of the circles that the vehicle is set to where it returns; flown where it is more than it needs."""

    @property
    def handling(self) -> Handling:
        """How the autopilot speeds up, takes corners, climbs and lands."""
        return HANDLING[self.dialect]

    @property
    def wing(self) -> bool:
        """Whether it cannot stop in the air."""
        return self.aircraft.kind is AircraftKind.FIXED_WING

    @property
    def circle_m(self) -> float:
        """Radius of the circles it waits, climbs and descends on in the strongest wind known of; 0 where it hovers."""
        return max(ground_radius_m(self.aircraft, self.wind.strongest_mps), self.circling_m) if self.wing else 0.0

    def cost(self, xy_m: FloatArray, alt_amsl_m: FloatArray, speed_mps: float | FloatArray | None = None) -> PathCost:
        """Return what flying straight between points, (n, 2) metres in a plane, takes at the planned speed or another.

        See `missions.performance.energy.path_cost`.
        """
        return path_cost(
            self.aircraft, self.wind, xy_m, alt_amsl_m=alt_amsl_m,
            speed_mps=self.speed_mps if speed_mps is None else speed_mps, handling=self.handling,
        )  # fmt: skip
