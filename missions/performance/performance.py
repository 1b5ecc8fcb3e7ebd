"""One type of aircraft as it flies on one day: its figures, its autopilot, the wind, the speed planned."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from missions.performance.aircraft import AircraftKind
from missions.performance.energy import BREAK_OFF_PCT, path_cost
from missions.performance.handling import HANDLING, break_off_s, on_the_ground
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

    @property
    def run_out_m(self) -> float:
        """How far beyond the place it is to land on it may come to rest."""
        return on_the_ground(self.dialect, wing=self.wing).run_out_m

    @property
    def stop_s(self) -> float:
        """What stopping in flight takes before a way is flown from where that began; 0 for a wing, which cannot."""
        return 0.0 if self.wing else break_off_s(self.handling, self.speed_mps)

    @property
    def stop_wh(self) -> float:
        """What stopping in flight costs, at the power of hovering."""
        return self.aircraft.hover_power_w * self.stop_s / 3600.0

    def kept_pct(self, *, along_path: bool) -> float:
        """Return the battery a sortie is planned to land with: its reserve, and what breaking off may cost on top.

        Back along the path, or on to its end, a multirotor neither climbs nor turns aside: it only stops first.
        """
        stop_pct = 100.0 * self.stop_wh / self.aircraft.battery_wh
        more = stop_pct if along_path and not self.wing else BREAK_OFF_PCT[self.aircraft.kind]
        return self.aircraft.reserve_pct + more

    def cost(self, xy_m: FloatArray, alt_amsl_m: FloatArray, speed_mps: float | FloatArray | None = None) -> PathCost:
        """Return what flying straight between points, (n, 2) metres in a plane, takes at the planned speed or another.

        See `missions.performance.energy.path_cost`.
        """
        return path_cost(
            self.aircraft, self.wind, xy_m, alt_amsl_m=alt_amsl_m,
            speed_mps=self.speed_mps if speed_mps is None else speed_mps, handling=self.handling,
        )  # fmt: skip

    def flight_cost(
        self, xy_m: FloatArray, alt_amsl_m: FloatArray, speed_mps: float | FloatArray | None = None
    ) -> PathCost:
        """Return what a whole flight takes, from arming to disarming; the arguments of `cost`.

        A multirotor's seconds on the ground are in its legs straight up and down; a wing's are added here, without
        energy: its motor stands after the landing, and is at full power for two or three of them before.
        """
        cost = self.cost(xy_m, alt_amsl_m, speed_mps)
        if not self.wing:
            return cost
        ground, seconds = on_the_ground(self.dialect, wing=True), cost.seconds.copy()
        seconds[0] += ground.before_s
        seconds[-1] += ground.after_s
        return dataclasses.replace(cost, seconds=seconds)
