"""Faults on a real autopilot in its own simulator: what its simulation has a dial for, and what it cannot have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.geodesy import metres_per_degree
from missions.plan_files.dialect import Dialect
from sitl.faults import Fault, FaultBoard, FaultKind, Part, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sitl.cut_link import CutTransport
    from sitl.dynamics_power import WindSpec

_INTEGER: Final = mavlink.MAV_PARAM_TYPE_INT32
ANY: Final = frozenset({FaultKind.LINK_LOSS, FaultKind.RADIO_LOSS, FaultKind.BATTERY_SAG})
"""What either of them can have."""
DIALS: Final[dict[tuple[Part, Word], tuple[str, float, float]]] = {
    (Part.GPS, Word.OFF): ("SIM_GPS1_ENABLE", 0.0, 1.0),
    (Part.COMPASS, Word.OFF): ("SIM_MAG1_FAIL", 1.0, 0.0),
    (Part.BAROMETER, Word.OFF): ("SIM_BARO_DISABLE", 1.0, 0.0),
    (Part.BAROMETER, Word.STUCK): ("SIM_BARO_FREEZE", 1.0, 0.0),
}
"""ArduPilot's parameter of a part's fault, and its values while it lasts and else (``libraries/SITL``)."""
SATELLITES: Final = ("SIM_GPS_USED", 0.0, 10.0)
"""PX4's only dial of a receiver: satellites in use, none and its default."""


class Dials(Protocol):
    """What turns a simulator's dials (`sitl.observer.Observer`)."""

    sticks: bool

    def put(self, values: Mapping[str, float], kind: int = ..., *, times: int = ...) -> None:
        """Set parameters."""
        ...

    def command(self, number: int, *values: float) -> None:
        """Send one COMMAND_LONG."""
        ...


def cannot_have(fault: Fault, dialect: Dialect) -> str:
    """Return what of a fault an autopilot's simulation has no dial for; "" where it can have it."""
    if fault.kind in ANY:
        return ""
    if fault.kind is FaultKind.PART:
        able = (fault.part, fault.word) in DIALS if dialect is Dialect.ARDUPILOT else _is_gps_off(fault)
        return "" if able else f"no dial that makes its {fault.part} {fault.word}"
    if fault.kind is FaultKind.LINK:
        return "only links that are whole or cut"
    if dialect is Dialect.PX4:
        return "no wind" if fault.kind is FaultKind.GUST else "no receiver whose fix can be displaced"
    return ""


def _is_gps_off(fault: Fault) -> bool:
    return fault.part is Part.GPS and fault.word is Word.OFF


class RealFaults:
    """Begins and ends the faults of one real autopilot, by the simulated time since its take-off.

    Parameters
    ----------
    faults
        Those `cannot_have` has nothing against.
    wind
        The weather, which a gust blows on top of.
    lat_deg
        Where it flies.
    marks
        An ArduPilot's parameters of the stages of its battery.
    """

    def __init__(
        self, faults: Iterable[Fault], dialect: Dialect, wind: WindSpec, lat_deg: float, marks: Mapping[str, float] = {}
    ) -> None:
        self.link: CutTransport | None = None
        """The link that is cut; known once the ground station has opened it."""
        self._board = FaultBoard(faults)
        self._dialect = dialect
        self._wind = wind
        self._marks = marks
        self._metres = tuple(float(v) for v in metres_per_degree(lat_deg))

    def step(self, flown_s: float, dials: Dials) -> None:
        """Begin and end what is due."""
        beginning, ending = self._board.at(flown_s)
        for fault in ending:
            self._apply(fault, dials, begin=False)
        for fault in beginning:
            self._apply(fault, dials, begin=True)

    def _apply(self, fault: Fault, dials: Dials, *, begin: bool) -> None:
        if fault.kind is FaultKind.LINK_LOSS and self.link is not None:
            self.link.is_cut = begin
        elif fault.kind is FaultKind.RADIO_LOSS and self._dialect is Dialect.PX4:
            dials.sticks = not begin
        elif fault.kind is FaultKind.RADIO_LOSS:
            dials.put({"SIM_RC_FAIL": float(begin)}, times=1)
        elif fault.kind is FaultKind.BATTERY_SAG and begin:
            self._sag(fault.to_pct, dials)
        elif fault.kind is FaultKind.GPS_JUMP:
            north, east = (fault.north_m, fault.east_m) if begin else (0.0, 0.0)
            glitch = {"GLTCH_X": north / self._metres[0], "GLTCH_Y": east / self._metres[1]}
            dials.put({f"SIM_GPS1_{name}": value for name, value in glitch.items()}, times=1)
        elif fault.kind is FaultKind.GUST:
            dials.put(self._blow(fault if begin else None), times=1)
        elif fault.kind is FaultKind.PART and self._dialect is Dialect.PX4:
            name, value, else_value = SATELLITES
            dials.put({name: value if begin else else_value}, _INTEGER, times=1)
        elif fault.kind is FaultKind.PART:
            name, value, else_value = DIALS[fault.part, fault.word]
            dials.put({name: value if begin else else_value}, times=1)

    def _sag(self, to_pct: float, dials: Dials) -> None:
        if self._dialect is Dialect.PX4:  # its battery falls to the least it may have, in the least time it can
            dials.put({"SIM_BAT_MIN_PCT": to_pct, "SIM_BAT_DRAIN": 1.0}, times=1)
            return
        # a reset takes the stages it passes for acted on (`AP_BattMonitor_Backend.cpp`): none is there meanwhile
        dials.put(dict.fromkeys(self._marks, 0.0), times=1)
        dials.command(mavlink.MAV_CMD_BATTERY_RESET, 1.0, to_pct)
        dials.put(self._marks, times=1)

    def _blow(self, gust: Fault | None) -> dict[str, float]:
        blowing = [(self._wind.speed_mps, self._wind.from_deg)]
        blowing += [(gust.speed_mps, gust.from_deg)] if gust else []
        north = sum(speed * math.cos(math.radians(from_deg)) for speed, from_deg in blowing)
        east = sum(speed * math.sin(math.radians(from_deg)) for speed, from_deg in blowing)
        return {
            "SIM_WIND_SPD": math.hypot(north, east),
            "SIM_WIND_DIR": math.degrees(math.atan2(east, north)) % 360.0,
        }
