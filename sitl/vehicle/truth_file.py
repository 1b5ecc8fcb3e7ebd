"""Where the vehicle really was, ten times a simulated second, as columns in one npz file."""

from __future__ import annotations

import collections
import json
import math
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

import numpy as np

from geo.geoid import undulation_m
from sitl.dynamics import offset_m

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Collects truth rows in memory and writes them whole; who looks on while it flies may have each row at once.

    Gimbal angles are earth frame; velocities are north-east-down over ground.
    """

    def __init__(self, vehicle: Flown) -> None:
        self.path: Path | None = None
        self._told: IO[str] | None = None
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
        if self._told is not None:
            self._told.write(json.dumps(self._rows[-1]) + "\n")

    def tell(self, path: Path) -> None:
        """Write each row from here on into a file as it is made, one JSON list a line."""
        self._told = path.open("w", encoding="utf-8", buffering=1)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the rows so far as arrays, with `alt_hae_m` from the EGM96 geoid."""
        return _columns(self._rows)

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


def _columns(rows: Sequence[Sequence[object]]) -> dict[str, np.ndarray]:
    table = {name: np.array([row[i] for row in rows]) for i, name in enumerate(COLUMNS)}
    if rows:
        table["alt_hae_m"] = table["alt_amsl_m"] + undulation_m(table["lat_deg"], table["lon_deg"])
    return table


class TruthFollower:
    """Reads the truth of a vehicle that flies, from the file it tells it in.

    Parameters
    ----------
    path
        The file of `TruthLog.tell`; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._rest = ""
        self._rows: collections.deque[list[object]] = collections.deque()

    @property
    def newest_utc_ns(self) -> int:
        """The simulated time of the newest row; -1 before there is one."""
        return int(str(self._rows[-1][0])) if self._rows else -1

    def read(self, since_utc_ns: int = -1) -> dict[str, np.ndarray]:
        """Take what is new, and return the rows from just before a moment on; those before it are forgotten."""
        if self._file is None and self._path.exists():
            self._file = self._path.open(encoding="utf-8")
        if self._file is not None:
            *lines, self._rest = (self._rest + self._file.read()).split("\n")
            self._rows.extend(json.loads(line) for line in lines)
        while len(self._rows) > 2 and int(str(self._rows[1][0])) <= since_utc_ns:  # noqa: PLR2004 - two rows to stand between
            self._rows.popleft()
        return _columns(self._rows)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def read_truth(path: Path) -> dict[str, np.ndarray]:
    """Read a truth file into its columns."""
    with np.load(Path(path), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}
