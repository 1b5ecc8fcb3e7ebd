"""Battery with power by airspeed, and wind with gusts."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from sitl.dynamics import GRAVITY_MPS2, clamp

if TYPE_CHECKING:
    import numpy as np


INDUCED_AT_CRUISE = 0.5
"""Share of a fixed wing's level power that is induced drag's where its endurance over range is best balanced."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpec:
    """A pack and what the airframe draws from it.

    `power_w` is (airspeed m/s, watts) pairs in rising airspeed, between which
    power is linear. The default follows the shape of Zeng, Xu & Zhang (IEEE
    Trans. Wireless Commun. 18(4), 2019, eq. 12): a dip at a moderate speed,
    then the cube of it, scaled to a 2 kg quadrotor hovering at 280 W.
    """

    capacity_wh: float = 180.0
    cells: int = 6
    internal_ohm: float = 0.02
    idle_w: float = 8.0
    power_w: tuple[tuple[float, float], ...] = (
        (0.0, 280.0),
        (5.0, 255.0),
        (10.0, 225.0),
        (15.0, 260.0),
        (18.0, 320.0),
        (22.0, 470.0),
    )

    @property
    def capacity_mah(self) -> float:
        """Capacity at the pack's nominal 3.7 V a cell."""
        return 1000.0 * self.capacity_wh / (3.7 * self.cells)


class Battery:
    """Energy left in a pack, and the voltage and current it shows.

    Open-circuit voltage is linear in charge, 4.2 to 3.3 V a cell, less current
    times internal resistance.
    """

    def __init__(self, spec: BatterySpec, *, charge_pct: float = 100.0) -> None:
        self.spec = spec
        self.left_wh = spec.capacity_wh * charge_pct / 100.0
        self.power_w = spec.idle_w
        self.used_wh = 0.0

    @property
    def remaining_pct(self) -> float:
        """Charge left, 0 to 100."""
        return max(0.0, 100.0 * self.left_wh / self.spec.capacity_wh)

    @property
    def current_a(self) -> float:
        """Current drawn now."""
        return self.power_w / self._open_v()

    @property
    def voltage_v(self) -> float:
        """Voltage under the present load."""
        return max(0.0, self._open_v() - self.current_a * self.spec.internal_ohm)

    @property
    def used_mah(self) -> float:
        """Charge taken since the start, at the pack's nominal 3.7 V a cell."""
        return 1000.0 * self.used_wh / (3.7 * self.spec.cells)

    def _open_v(self) -> float:
        return self.spec.cells * (3.3 + 0.9 * self.remaining_pct / 100.0)

    def drain(self, power_w: float, dt_s: float) -> None:
        """Take `power_w` watts for `dt_s` seconds."""
        self.power_w = power_w
        energy = power_w * dt_s / 3600.0
        self.used_wh += energy
        self.left_wh = max(0.0, self.left_wh - energy)

    def sag(self, to_pct: float) -> None:
        """Drop the charge to `to_pct` at once, as a failing cell does."""
        self.left_wh = min(self.left_wh, self.spec.capacity_wh * to_pct / 100.0)


def flight_power_w(
    spec: BatterySpec, *, airspeed_mps: float, climb_mps: float, mass_kg: float, wing_load: float = 1.0
) -> float:
    """Return the power in flight: the level table plus (or less) the rate of change of height energy.

    Climbing costs m g v at 60 % efficiency; descending gives back at most 20 %
    of the level power (rotors in descent still work against their own wake;
    Leishman, Principles of Helicopter Aerodynamics, 2nd ed., section 2.13).
    A wing that banks carries `wing_load` times its weight, and its induced drag grows with the square of
    that (Anderson, Aircraft Performance and Design, sections 5.3 and 6.2).
    """
    level = _interpolate(spec.power_w, airspeed_mps) * (1.0 + INDUCED_AT_CRUISE * (wing_load**2 - 1.0))
    vertical = mass_kg * GRAVITY_MPS2 * climb_mps
    return level + vertical / 0.6 if vertical > 0.0 else max(0.8 * level, level + vertical)


def _interpolate(table: tuple[tuple[float, float], ...], x: float) -> float:
    if x <= table[0][0]:
        return table[0][1]
    for (x0, y0), (x1, y1) in zip(table, table[1:], strict=False):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    # beyond the table the drag power grows with the cube of the airspeed
    return table[-1][1] * (x / table[-1][0]) ** 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WindSpec:
    """Mean wind and turbulence. `from_deg` is where it comes from, clockwise from true north.

    `layers`, where given, replace `speed_mps` and `from_deg`: (height AMSL m, speed m/s, from deg)
    by rising height, linear in components between them and constant beyond.
    """

    speed_mps: float = 0.0
    from_deg: float = 0.0
    gust_sigma_mps: float = 0.0
    gust_time_s: float = 4.0
    layers: tuple[tuple[float, float, float], ...] = ()


class Wind:
    """The air's velocity over ground at the vehicle: mean plus a first-order Gauss-Markov gust.

    The exponential autocorrelation is the low-order term of the Dryden model
    (MIL-F-8785C, section 3.7.1).
    """

    def __init__(self, spec: WindSpec, rng: np.random.Generator) -> None:
        self.change(spec)
        self._rng = rng
        self._gust_n = 0.0
        self._gust_e = 0.0
        self._extra: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def blow(self, *, speed_mps: float, from_deg: float, until_s: float) -> None:
        """Add a steady gust on top until simulated second `until_s`."""
        toward = math.radians(from_deg + 180.0)
        self._extra = (speed_mps * math.cos(toward), speed_mps * math.sin(toward), until_s)

    def change(self, spec: WindSpec) -> None:
        """Replace the mean wind and the turbulence."""
        self.spec = spec
        layers = spec.layers or ((0.0, spec.speed_mps, spec.from_deg),)
        toward = [(alt, speed, math.radians(from_deg + 180.0)) for alt, speed, from_deg in layers]
        self._mean = [(alt, speed * math.cos(angle), speed * math.sin(angle)) for alt, speed, angle in toward]

    def mean(self, alt_amsl_m: float) -> tuple[float, float]:
        """Return the mean wind's (north, east) velocity at a height, m/s."""
        low = high = self._mean[0]
        for high in self._mean:
            if high[0] >= alt_amsl_m:
                break
            low = high
        share = clamp((alt_amsl_m - low[0]) / (high[0] - low[0]), 0.0, 1.0) if high[0] > low[0] else 0.0
        return low[1] + share * (high[1] - low[1]), low[2] + share * (high[2] - low[2])

    def at(self, t_s: float, dt_s: float, alt_amsl_m: float) -> tuple[float, float]:
        """Advance the turbulence by `dt_s` and return the air's (north, east) velocity at a height, m/s."""
        north, east = self.mean(alt_amsl_m)
        if self.spec.gust_sigma_mps > 0.0:
            keep = math.exp(-dt_s / self.spec.gust_time_s)
            kick = self.spec.gust_sigma_mps * math.sqrt(1.0 - keep * keep)
            draw = self._rng.standard_normal(2)
            self._gust_n = keep * self._gust_n + kick * float(draw[0])
            self._gust_e = keep * self._gust_e + kick * float(draw[1])
            north, east = north + self._gust_n, east + self._gust_e
        if t_s < self._extra[2]:
            north, east = north + self._extra[0], east + self._extra[1]
        return north, east
