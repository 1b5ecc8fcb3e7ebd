"""Where the vehicle really was, ten times a simulated second, as columns in one npz file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from geo.geoid import undulation_m
from sitl.dynamics import offset_m

if TYPE_CHECKING:
    from sitl.dynamics import BodyState
    from sitl.dynamics_power import Battery
    from sitl.vehicle.autopilot import Autopilot
    from sitl.vehicle.gimbal import Gimbal
    from sitl.vehicle.sensors import Sensors

COLUMNS: Final = (
    *("t_utc_ns", "lat_deg", "lon_deg", "alt_amsl_m", "yaw_deg", "pitch_deg", "roll_deg"),
    *("gimbal_yaw_deg", "gimbal_pitch_deg", "v_n_mps", "v_e_mps", "v_d_mps", "battery_pct", "mode", "mission_seq"),
    *("armed", "wind_n_mps", "wind_e_mps", "airspeed_mps", "position_error_m"),
)
"""What a row holds; `alt_hae_m` is added when the file is written."""


class Flown(Protocol):
    """What the truth file holds of a vehicle."""

    state: BodyState
    autopilot: Autopilot
    battery: Battery
    gimbal: Gimbal
    sensors: Sensors
    air_n_mps: float
    air_e_mps: float

    @property
    def t_utc_ns(self) -> int:
        """The simulated clock."""
        ...


class TruthLog:
    """Collects truth rows in memory and writes them whole.

    Gimbal angles are earth frame; velocities are north-east-down over ground.
    """

    def __init__(self, vehicle: Flown) -> None:
        self.path: Path | None = None
        self._vehicle = vehicle
        self._rows: list[tuple[object, ...]] = []

    def add(self) -> None:
        """Take a row of the present state."""
        v = self._vehicle
        s, a = v.state, v.autopilot
        run = a.run
        self._rows.append(
            (
                v.t_utc_ns,
                s.lat_deg,
                s.lon_deg,
                s.alt_amsl_m,
                s.yaw_deg,
                s.pitch_deg,
                s.roll_deg,
                v.gimbal.yaw_deg,
                v.gimbal.pitch_deg,
                s.v_n_mps,
                s.v_e_mps,
                s.v_d_mps,
                v.battery.remaining_pct,
                a.mode.value,
                run.current if run else 0,
                a.armed,
                v.air_n_mps,
                v.air_e_mps,
                s.airspeed_mps,
                math.hypot(*offset_m(s.lat_deg, s.lon_deg, v.sensors.nav.lat_deg, v.sensors.nav.lon_deg)),
            )
        )

    def columns(self) -> dict[str, np.ndarray]:
        """Return the rows so far as arrays, with `alt_hae_m` from the EGM96 geoid."""
        rows = self._rows
        table = {name: np.array([row[i] for row in rows]) for i, name in enumerate(COLUMNS)}
        if rows:
            table["alt_hae_m"] = table["alt_amsl_m"] + undulation_m(table["lat_deg"], table["lon_deg"])
        return table

    def save(self) -> None:
        """Write the file under a temporary name, then put it in place; nothing without a path or rows."""
        if self.path is None or not self._rows:
            return
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        with part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **self.columns())
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.path)


def read_truth(path: Path) -> dict[str, np.ndarray]:
    """Read a truth file into its columns."""
    with np.load(Path(path), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}
