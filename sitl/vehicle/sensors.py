"""What the vehicle believes: GPS with wandering noise and faults, a position filter that rejects jumps, attitude noise.

The filter is the behaviour of an EKF with innovation gating, not its algebra:
small differences between GPS and the estimate are followed, a jump beyond the
gate is refused while the estimate coasts and drifts, and after some seconds
without any accepted fix the position counts as lost.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Final

from sitl.dynamics import BodyState, metres_per_degree
from sitl.faults import Part, PartFault

if TYPE_CHECKING:
    import numpy as np

    from sitl.vehicle.config import SensorNoise

UPDATE_S: Final = 0.1
"""GPS and attitude errors are drawn at 10 Hz."""
GATE_M: Final = 25.0
"""Differences above this are refused (ArduPilot's EK3_GLITCH_RAD default)."""
LOST_S: Final = 10.0
"""After so long without an accepted fix the position counts as lost."""
COAST_DRIFT_MPS: Final = 0.3
"""How fast a coasting estimate walks off (tactical MEMS over seconds to a minute; Groves 2013, table 4.1)."""
FOLLOW_S: Final = 1.0
YAW_TIME_S: Final = 60.0
TILT_TIME_S: Final = 5.0


class Sensors:
    """Turns the true state into the one the autopilot flies by and reports.

    Attributes
    ----------
    nav
        The believed state; velocities are the true ones.
    gps
        Last fix: latitude, longitude, height above mean sea level; None without one.
    baro_amsl_m
        What the barometer says; None when it is silent (the height is then the GPS's alone).
    """

    def __init__(self, truth: BodyState, noise: SensorNoise, rng: np.random.Generator) -> None:
        self.nav = copy.copy(truth)
        self.gps: tuple[float, float, float] | None = (truth.lat_deg, truth.lon_deg, truth.alt_amsl_m)
        self.baro_amsl_m: float | None = truth.alt_amsl_m
        self.faults = {
            Part.GPS: PartFault(rng, wrong=(0.0, 60.0, 5.0), spread=(500.0, 500.0, 100.0)),
            Part.COMPASS: PartFault(rng, wrong=(30.0,), spread=(90.0,)),
            Part.BAROMETER: PartFault(rng, wrong=(15.0,), spread=(30.0,)),
        }
        self.jump_m = (0.0, 0.0)
        """Added to every fix, north and east: a spoofed or jumping receiver."""
        self._truth = truth
        self._noise = noise
        self._rng = rng
        self._since_s = UPDATE_S
        self._walk = [0.0, 0.0, 0.0]
        self._yaw_walk = 0.0
        self._yaw_error_deg = 0.0
        self._tilt = [0.0, 0.0]
        self._offset = [0.0, 0.0, 0.0]
        self._accepted_s = 0.0
        self._baro_error_m = 0.0
        self._drift = (0.0, 0.0)
        self.glitching = False

    def lost(self, t_s: float) -> bool:
        """Whether there is no position any more."""
        return t_s - self._accepted_s > LOST_S

    def step(self, t_s: float, dt_s: float) -> None:
        """Advance the errors and refresh `nav` and `gps`."""
        self._since_s += dt_s
        if self._since_s >= UPDATE_S - 1e-9:
            self._measure(t_s, self._since_s)
            self._since_s = 0.0
        s, nav = self._truth, self.nav
        north, east = metres_per_degree(s.lat_deg)
        nav.lat_deg = s.lat_deg + self._offset[0] / north
        nav.lon_deg = s.lon_deg + self._offset[1] / east
        nav.alt_amsl_m = s.alt_amsl_m + self._offset[2] + self._baro_error_m
        nav.v_n_mps, nav.v_e_mps, nav.v_d_mps = s.v_n_mps, s.v_e_mps, s.v_d_mps
        nav.roll_deg, nav.pitch_deg = s.roll_deg + self._tilt[0], s.pitch_deg + self._tilt[1]
        nav.yaw_deg = (s.yaw_deg + self._yaw_error_deg) % 360.0
        nav.airspeed_mps, nav.on_ground = s.airspeed_mps, s.on_ground

    def _measure(self, t_s: float, dt_s: float) -> None:
        n = self._noise
        for axis, sigma in enumerate((n.gps_h_m, n.gps_h_m, n.gps_v_m)):
            self._walk[axis] = self._wander(self._walk[axis], sigma, n.gps_time_s, dt_s)
        self._tilt = [self._wander(tilt, n.tilt_deg, TILT_TIME_S, dt_s) for tilt in self._tilt]
        self._yaw_walk = self._wander(self._yaw_walk, n.yaw_deg, YAW_TIME_S, dt_s)
        compass = self.faults[Part.COMPASS].read((self._yaw_walk,), t_s)
        self._yaw_error_deg = compass[0] if compass else self._yaw_error_deg
        s = self._truth
        north, east = metres_per_degree(s.lat_deg)
        jumped = (self._walk[0] + self.jump_m[0], self._walk[1] + self.jump_m[1])
        true_m = (s.lat_deg * north + jumped[0], s.lon_deg * east + jumped[1], s.alt_amsl_m + self._walk[2])
        said = self.faults[Part.GPS].read(true_m, t_s)
        self.gps = (said[0] / north, said[1] / east, said[2]) if said else None
        error = (said[0] - s.lat_deg * north, said[1] - s.lon_deg * east, said[2] - s.alt_amsl_m) if said else None
        self._filter(error, t_s, dt_s)
        baro = self.faults[Part.BAROMETER].read((s.alt_amsl_m,), t_s)
        self.baro_amsl_m = baro[0] if baro else None
        self._baro_error_m = baro[0] - s.alt_amsl_m if baro else 0.0

    def _wander(self, value: float, sigma: float, time_s: float, dt_s: float) -> float:
        """Advance a first-order Gauss-Markov error (Gelb 1974, section 2.2)."""
        if sigma <= 0.0:
            return 0.0
        keep = math.exp(-dt_s / time_s)
        return keep * value + sigma * math.sqrt(1.0 - keep * keep) * float(self._rng.standard_normal())

    def _filter(self, error_m: tuple[float, float, float] | None, t_s: float, dt_s: float) -> None:
        """Follow an accepted fix, or coast."""
        ahead = error_m and math.hypot(error_m[0] - self._offset[0], error_m[1] - self._offset[1]) <= GATE_M
        self.glitching = error_m is not None and not ahead
        if error_m is not None and ahead:
            blend = 1.0 - math.exp(-dt_s / FOLLOW_S)
            for axis in range(3):
                self._offset[axis] += blend * (error_m[axis] - self._offset[axis])
            self._accepted_s = t_s
            self._drift = (0.0, 0.0)
            return
        if self._drift == (0.0, 0.0):
            way = float(self._rng.random()) * 2.0 * math.pi
            self._drift = (COAST_DRIFT_MPS * math.cos(way), COAST_DRIFT_MPS * math.sin(way))
        self._offset[0] += self._drift[0] * dt_s
        self._offset[1] += self._drift[1] * dt_s
