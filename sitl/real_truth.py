"""Where a real autopilot's aircraft truly was, as the columns of a truth file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pymavlink.quaternion import QuaternionBase

from geo.geoid import undulation_m
from sitl.between_rows import between_rows
from sitl.dynamics import offset_m
from sitl.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.transfer.values import Message
    from sitl.observer import View

ROW_S: Final = 0.1
"""Simulated seconds between rows, as in the embedded vehicle's truth."""
AIRBORNE_M: Final = 0.5
STEPS: Final = ("mission_seq", "armed", "battery_pct")
"""Columns that keep their value until it changes; the others are taken linear between what was heard."""
TURNS: Final = ("yaw_deg", "gimbal_yaw_deg")


class RealTruth(Observer):
    """Collects rows from when `begin` is called; tells who wants to know how long the aircraft has been in the air."""

    asked = (
        mavlink.MAVLINK_MSG_ID_SYSTEM_TIME, mavlink.MAVLINK_MSG_ID_MISSION_CURRENT,
        mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, mavlink.MAVLINK_MSG_ID_BATTERY_STATUS,
        mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS,
    )  # fmt: skip

    def __init__(self, view: View) -> None:
        self.on_flown: Callable[[float], None] | None = None
        """Called with the simulated seconds since take-off, at each row."""
        self._began_s = math.inf
        self._t0_utc_ns = 0
        self._ground_m = 0.0
        self._took_off_s = math.inf
        self._now = {"mission_seq": 0.0, "battery_pct": math.nan, "gimbal_yaw_deg": math.nan}
        self._now |= {"gimbal_pitch_deg": math.nan, "position_error_m": math.nan}
        self._rows: list[dict[str, float]] = []
        self._row_modes: list[str] = []
        super().__init__(view)

    def begin(self, t0_utc_ns: int, ground_amsl_m: float) -> None:
        """Begin to collect: its clock is `t0_utc_ns` now, it stands on the ground."""
        self._t0_utc_ns, self._ground_m, self._began_s = t0_utc_ns, ground_amsl_m, self.t_s

    @property
    def t_utc_ns(self) -> int:
        """The scenario's clock as this vehicle has it."""
        return self._t0_utc_ns + round((self.t_s - self._began_s) * 1e9)

    def take(self, message: Message) -> None:
        """Take one message of the simulator."""
        super().take(message)
        kind, now = message.get_type(), self._now
        if message.get_msgId() == self.view.message_id:
            self._row(message)
        elif kind == "MISSION_CURRENT":
            now["mission_seq"] = float(message.seq)
        elif kind == "BATTERY_STATUS" and message.battery_remaining >= 0:
            now["battery_pct"] = float(message.battery_remaining)
        elif kind == "GIMBAL_DEVICE_ATTITUDE_STATUS":
            self._look(message)
        elif kind == "GLOBAL_POSITION_INT" and self._rows:
            last = self._rows[-1]
            off = offset_m(last["lat_deg"], last["lon_deg"], message.lat / 1e7, message.lon / 1e7)
            flown = (self.t_s - last["t_s"]) * math.hypot(last["v_n_mps"], last["v_e_mps"])
            now["position_error_m"] = max(0.0, math.hypot(*off) - flown)

    def _look(self, message: Message) -> None:
        _, pitch, yaw = np.degrees(QuaternionBase(list(message.q)).euler)
        in_earth = message.flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK
        body_deg = self._rows[-1]["yaw_deg"] if self._rows and not in_earth else 0.0
        self._now |= {"gimbal_pitch_deg": float(pitch), "gimbal_yaw_deg": float(yaw) + body_deg}

    def _row(self, message: Message) -> None:
        lat, lon, alt = self.view.place(message)
        row = {"t_s": self.t_s, "lat_deg": lat, "lon_deg": lon, "alt_amsl_m": alt, "armed": float(self.armed)}
        row |= _motion(message) | self._now
        if self.t_s < self._began_s or (self._rows and self.t_s <= self._rows[-1]["t_s"]):
            return
        self._rows.append(row)
        self._row_modes.append(self.mode)
        if alt > self._ground_m + AIRBORNE_M:
            self._took_off_s = min(self._took_off_s, self.t_s)
        if self.on_flown is not None and self.t_s >= self._took_off_s:
            self.on_flown(self.t_s - self._took_off_s)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the truth in rows a tenth of a simulated second apart; no rows where nothing was heard."""
        rows, modes = list(self._rows), list(self._row_modes)
        if len(rows) < 2:
            return {}
        heard = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        at = heard.pop("t_s")
        t_s = np.arange(at[0], at[-1], ROW_S)
        before = np.searchsorted(at, t_s, side="right") - 1
        table: dict[str, np.ndarray] = {"t_utc_ns": self._t0_utc_ns + np.round((t_s - self._began_s) * 1e9).astype(int)}
        for name, values in heard.items():
            if name in STEPS:
                table[name] = values[before]
            else:
                table[name] = between_rows(t_s, at, values, turns=name in TURNS)
        table["armed"] = table["armed"] > 0.0
        table["mode"] = np.array(modes)[before]
        table["alt_hae_m"] = table["alt_amsl_m"] + undulation_m(table["lat_deg"], table["lon_deg"])
        return table


def _motion(message: Message) -> dict[str, float]:
    """Return attitude (degrees) and velocity of SIM_STATE or HIL_STATE_QUATERNION."""
    if message.get_type() == "SIM_STATE":
        angles = np.degrees([message.roll, message.pitch, message.yaw])
        velocity = (message.vn, message.ve, message.vd)
    else:
        angles = np.degrees(QuaternionBase(list(message.attitude_quaternion)).euler)
        velocity = (message.vx / 100.0, message.vy / 100.0, message.vz / 100.0)
    names = ("roll_deg", "pitch_deg", "yaw_deg", "v_n_mps", "v_e_mps", "v_d_mps")
    return dict(zip(names, (float(v) for v in (*angles, *velocity)), strict=True))
