"""What the autopilot does by itself: low battery, silent ground station, fence, lost position, where to flee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from missions.failsafes.landing_choice import landing_choice
from missions.failsafes.reading import outcome
from missions.failsafes.ways import Trigger, Way
from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import offset_m, wrap180
from sitl.vehicle.modes import Mode
from sitl.vehicle.wire import WireItem, whole

if TYPE_CHECKING:
    from sitl.dynamics_wing import FixedWing
    from sitl.vehicle.autopilot import Autopilot
    from sitl.vehicle.behaviours import Place
    from sitl.vehicle.config import VehicleConfig
    from sitl.vehicle.fault_desk import FaultDesk
    from sitl.vehicle.mission_server import MissionServer
    from sitl.vehicle.parameters import ParameterTable
    from sitl.vehicle.sensors import Sensors

FIRMWARE: Final = (99, 99)
"""It knows every value of every parameter."""
CHECK_EVERY: Final = 5
"""Steps between two checks (10 Hz)."""
MODES: Final[dict[Way, Mode]] = {
    Way.STRAIGHT: Mode.RTL,
    Way.RETRACE: Mode.RTL,
    Way.RALLY: Mode.RTL,
    Way.REJOIN: Mode.RTL,
    Way.LANDING: Mode.RTL,
    Way.SMART_RTL: Mode.SMART_RTL,
    Way.RETURN_PATH: Mode.AUTO_RTL,
    Way.LAND: Mode.LAND,
    Way.TERMINATE: Mode.LAND,
    Way.HOLD: Mode.LOITER,
    Way.RETURN_POINT: Mode.LOITER,
}
"""The mode each way is flown in; a fall without motors is not modelled, and is a landing here."""
HOMEWARD: Final = frozenset({Mode.RTL, Mode.LAND, Mode.SMART_RTL, Mode.AUTO_RTL})
INERTIAL_S: Final = 7.0
"""How long ArduCopter still brakes by its inertial sensors after it has given its position up (seen on 4.7-dev)."""
RADIO_LOSS_S: Final = 0.5
"""How long ArduCopter takes to believe that the radio is lost (`FS_COUNTER`, and its pulses' timeout)."""


class Watched(Protocol):
    """What the failsafes watch of a vehicle, and change."""

    config: VehicleConfig
    autopilot: Autopilot
    parameters: ParameterTable
    sensors: Sensors
    servers: dict[MissionType, MissionServer]
    faults: FaultDesk
    wing: FixedWing | None
    steps: int

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        ...

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        ...

    def say(self, severity: int, text: str) -> None:
        """Send a STATUSTEXT to everyone."""
        ...

    def battery_seen(self) -> tuple[float, float]:
        """Return volts and per cent as the battery monitor says."""
        ...

    def ground_station_silence_s(self) -> float | None:
        """Return how long the ground station has been silent, None if it has never spoken."""
        ...

    def place_of(self, item: WireItem) -> Place:
        """Return where an item is, at its height above mean sea level."""
        ...


class Failsafe:
    """Watches one vehicle and changes its mode when a limit is passed; each failsafe acts once until it clears."""

    def __init__(self, vehicle: Watched) -> None:
        self.vehicle = vehicle
        self.fence_enabled = bool(vehicle.parameters["FENCE_ENABLE"]) or vehicle.config.dialect is Dialect.PX4
        self.breaches = 0
        self._battery_stage = 0
        self._link_lost = self._radio_lost = False
        self._waiting: tuple[float, tuple[Mode, ...]] | None = None
        self.breached = False
        self._position_lost_s = math.inf
        self._warned_glitch = False

    def step(self) -> None:
        """Check everything at 10 Hz while armed."""
        v = self.vehicle
        if v.steps % CHECK_EVERY or not v.autopilot.armed or not v.airborne:
            return
        self._act_late()
        self._check_battery()
        self._check_radio()
        self._check_link()
        self._check_fence()
        self._check_position()

    @property
    def drifts(self) -> bool:
        """Whether nothing is left to hold its place by while it lands."""
        return self.vehicle.t_s - self._position_lost_s > INERTIAL_S and self.vehicle.autopilot.mode is Mode.LAND

    def reset(self) -> None:
        """Forget what has been acted on (at arming)."""
        self._battery_stage = 0
        self.breached = self._link_lost = self._radio_lost = False
        self._position_lost_s = math.inf
        self._waiting = None

    def _take(self, trigger: Trigger) -> None:
        """Do what the parameters make of a trigger, as the table says."""
        v = self.vehicle
        found = outcome(
            trigger, v.parameters.values(), v.config.dialect, fixed_wing=v.wing is not None, version=FIRMWARE
        )  # fmt: skip
        modes = tuple(MODES[way] for way in found.ways if way in MODES)
        if v.wing and trigger is Trigger.RADIO:
            modes = modes[-1:]  # the long failsafe follows the short one
        if modes and v.autopilot.mode is not Mode.LAND:
            self._act_or_wait(modes)

    def _act_or_wait(self, modes: tuple[Mode, ...]) -> None:
        """Act at once, or after PX4's COM_FAIL_ACT_T, in which it holds."""
        v = self.vehicle
        delay_s = v.parameters["COM_FAIL_ACT_T"] if v.config.dialect is Dialect.PX4 else 0.0
        v.autopilot.held_first = delay_s > 0.0
        if delay_s <= 0.0 or modes[0] is Mode.LOITER:
            self._act(modes)
            return
        self._waiting = (v.t_s + delay_s, modes)
        self._act((Mode.LOITER,))

    def _act_late(self) -> None:
        if self._waiting is not None and self.vehicle.t_s >= self._waiting[0]:
            modes, self._waiting = self._waiting[1], None
            self._act(modes)

    def _act(self, modes: tuple[Mode, ...]) -> None:
        autopilot = self.vehicle.autopilot
        for mode in (*modes, Mode.RTL) if self.vehicle.wing else modes:  # a wing has no LAND or SMART_RTL
            if mode is autopilot.mode or autopilot.set_mode(mode):
                return

    # -- battery --------------------------------------------------------------------------------------

    def _check_battery(self) -> None:
        stage = self._px4_stage() if self.vehicle.config.dialect is Dialect.PX4 else self._ardupilot_stage()
        if stage <= self._battery_stage:
            return
        self._battery_stage = stage
        mode = self.vehicle.autopilot.mode
        if self.vehicle.config.dialect is Dialect.PX4:
            self.vehicle.say(2, "Critical battery, return advised" if stage < 3 else "Emergency battery, land now")
            if stage >= 3:
                self._take(Trigger.EMERGENCY_BATTERY)
            elif stage == 2 and mode not in HOMEWARD:
                self._take(Trigger.CRITICAL_BATTERY)
            return
        self.vehicle.say(4, f"Battery 1 is {'critical' if stage == 2 else 'low'}")
        self.vehicle.say(4, "Battery Failsafe")
        self._take(Trigger.CRITICAL_BATTERY if stage == 2 else Trigger.LOW_BATTERY)

    def _ardupilot_stage(self) -> int:
        """Return 0, 1 (low) or 2 (critical) by ArduPilot's remaining mAh and voltage."""
        p, volts = self.vehicle.parameters, self.vehicle.battery_seen()[0]
        left_mah = p["BATT_CAPACITY"] * self.vehicle.battery_seen()[1] / 100.0
        for stage, name in ((2, "CRT"), (1, "LOW")):
            by_charge = p[f"BATT_{name}_MAH"] > 0.0 and left_mah < p[f"BATT_{name}_MAH"]
            by_volts = p[f"BATT_{name}_VOLT"] > 0.0 and volts < p[f"BATT_{name}_VOLT"]
            if by_charge or by_volts:
                return stage
        return 0

    def _px4_stage(self) -> int:
        """Return 0, 1 (low), 2 (critical) or 3 (emergency) by PX4's thresholds."""
        left = self.vehicle.battery_seen()[1] / 100.0
        p = self.vehicle.parameters
        return sum(left < p[name] for name in ("BAT_LOW_THR", "BAT_CRIT_THR", "BAT_EMERGEN_THR"))

    # -- link -----------------------------------------------------------------------------------------

    def _check_link(self) -> None:
        v, p = self.vehicle, self.vehicle.parameters
        silence = v.ground_station_silence_s()
        limit = p[self._name("COM_DL_LOSS_T", "FS_LONG_TIMEOUT", "FS_GCS_TIMEOUT")]
        watched = p[self._name("NAV_DLL_ACT", "FS_GCS_ENABL", "FS_GCS_ENABLE")] > 0.0
        if silence is None or silence < limit:
            if self._link_lost:
                self._link_lost = False
                v.say(6, "GCS Failsafe Cleared")
            return
        if self._link_lost or not watched:
            return
        self._link_lost = True
        v.say(4, "GCS Failsafe")
        if v.autopilot.mode not in HOMEWARD:
            self._take(Trigger.LINK)

    def _check_radio(self) -> None:
        v = self.vehicle
        since = v.faults.radio_lost_since_s
        if since is None:
            self._radio_lost = False
            return
        limit = RADIO_LOSS_S
        if v.wing or v.config.dialect is Dialect.PX4:
            limit = v.parameters[self._name("COM_RC_LOSS_T", "FS_LONG_TIMEOUT", "")]
        if self._radio_lost or v.t_s - since < limit:
            return
        self._radio_lost = True
        v.say(4, "Manual control lost" if v.config.dialect is Dialect.PX4 else "Radio Failsafe")
        if v.autopilot.mode not in HOMEWARD:
            self._take(Trigger.RADIO)

    def _name(self, px4: str, plane: str, copter: str) -> str:
        """Return what this vehicle calls a parameter."""
        if self.vehicle.config.dialect is Dialect.PX4:
            return px4
        return plane if self.vehicle.wing else copter

    # -- fence ----------------------------------------------------------------------------------------

    def _check_fence(self) -> None:
        v = self.vehicle
        why = self.breach(v.sensors.nav.lat_deg, v.sensors.nav.lon_deg, v.sensors.nav.alt_amsl_m)
        if not why:
            self.breached = False
            return
        if self.breached:
            return
        self.breached = True
        self.breaches += 1
        px4 = v.config.dialect is Dialect.PX4
        v.say(4, f"Geofence violation: {why}" if px4 else f"Fence Breached: {why}")
        if v.autopilot.mode not in HOMEWARD:
            self._take(Trigger.FENCE)

    def breach(self, lat_deg: float, lon_deg: float, alt_amsl_m: float) -> str:
        """Return which fence a point breaks, "" for none or while the fence is off."""
        if not self.fence_enabled:
            return ""
        v, p = self.vehicle, self.vehicle.parameters
        px4 = v.config.dialect is Dialect.PX4
        types = 4 if px4 else int(p["FENCE_TYPE"])
        home = v.autopilot.home
        away = math.hypot(*offset_m(home.lat_deg, home.lon_deg, lat_deg, lon_deg))
        top = p["GF_MAX_VER_DIST"] if px4 else p["FENCE_ALT_MAX"] * (types & 1)
        if top > 0.0 and alt_amsl_m - home.alt_amsl_m > top:
            return "maximum height"
        circle = p["GF_MAX_HOR_DIST"] if px4 else p["FENCE_RADIUS"] * (types >> 1 & 1)
        if circle > 0.0 and away > circle:
            return "circle around home"
        if types & 4 and not inside_fence(v.servers[MissionType.FENCE].items, lat_deg, lon_deg):
            return "polygon"
        return ""

    # -- position -------------------------------------------------------------------------------------

    def _check_position(self) -> None:
        v = self.vehicle
        if v.sensors.glitching and not self._warned_glitch:
            v.say(2, "GPS Glitch or Compass error")
        self._warned_glitch = v.sensors.glitching
        if not v.sensors.lost(v.t_s):
            self._position_lost_s = math.inf
            return
        if math.isinf(self._position_lost_s):
            self._position_lost_s = v.t_s
            v.say(2, "EKF Failsafe: changed to LAND Mode")
            found = outcome(
                Trigger.POSITION, v.parameters.values(), v.config.dialect, fixed_wing=v.wing is not None,
                version=FIRMWARE,
            )  # fmt: skip
            if Way.DRIFT in found.ways:
                self._act((Mode.LAND,))


def inside_fence(items: list[WireItem], lat_deg: float, lon_deg: float) -> bool:
    """Tell whether a point is in every inclusion and in no exclusion (even-odd rule, whatever the axes' scales)."""
    at = 0
    while at < len(items):
        item = items[at]
        if item.command in (5001, 5002):
            count = max(1, whole(item.p1))
            ring = [(one.lat_deg - lat_deg, wrap180(one.lon_deg - lon_deg)) for one in items[at : at + count]]
            if _origin_inside(ring) is (item.command == 5002):
                return False
            at += count
            continue
        if item.command in (5003, 5004):
            near = math.hypot(*offset_m(lat_deg, lon_deg, item.lat_deg, item.lon_deg)) <= item.p1
            if near is (item.command == 5004):
                return False
        at += 1
    return True


def _origin_inside(ring: list[tuple[float, float]]) -> bool:
    """Count crossings of the ray from the origin along +east."""
    inside = False
    for (n0, e0), (n1, e1) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (n0 > 0.0) is not (n1 > 0.0) and e0 - n0 * (e1 - e0) / (n1 - n0) > 0.0:
            inside = not inside
    return inside


def valid_fence(items: tuple[WireItem, ...]) -> bool:
    """Tell whether polygon vertices come in whole runs of at least three, as ArduPilot demands."""
    at = 0
    while at < len(items):
        item = items[at]
        if item.command not in (5001, 5002):
            at += 1
            continue
        count = whole(item.p1)
        run = items[at : at + count]
        complete = count >= 3 and len(run) == count
        if not complete or any(one.command != item.command or whole(one.p1) != count for one in run):
            return False
        at += count
    return True


def nearest_rally(vehicle: Watched) -> Place | None:
    """Return the rally point to flee to; None means home."""
    nav, home = vehicle.sensors.nav, vehicle.autopilot.home
    places = [vehicle.place_of(item) for item in vehicle.servers[MissionType.RALLY].items]
    choice = landing_choice(vehicle.parameters.values(), vehicle.config.dialect)
    if not places or choice is None:
        return None
    spots = [(home.lat_deg, home.lon_deg), *((p.lat_deg, p.lon_deg) for p in places)]
    away = [math.hypot(*offset_m(nav.lat_deg, nav.lon_deg, *spot)) for spot in spots]
    chosen = int(choice.of(np.array([away]))[0])
    return places[chosen - 1] if chosen else None
