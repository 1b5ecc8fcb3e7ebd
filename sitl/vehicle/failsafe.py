"""What the autopilot does by itself: low battery, silent ground station, fence, lost position, where to flee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import offset_m
from sitl.vehicle.modes import Mode
from sitl.vehicle.wire import WireItem, whole

if TYPE_CHECKING:
    from sitl.vehicle.behaviours import Place
    from sitl.vehicle.vehicle import Vehicle

CHECK_EVERY: Final = 5
"""Steps between two checks (10 Hz)."""
BATTERY_ACTIONS: Final[dict[int, tuple[Mode, ...]]] = {
    1: (Mode.LAND,),
    2: (Mode.RTL, Mode.LAND),
    3: (Mode.SMART_RTL, Mode.RTL, Mode.LAND),
    4: (Mode.SMART_RTL, Mode.LAND),
}
"""ArduCopter BATT_FS_LOW_ACT and BATT_FS_CRT_ACT, in order of preference."""
GCS_ACTIONS: Final[dict[int, tuple[Mode, ...]]] = {
    1: (Mode.RTL, Mode.LAND),
    2: (Mode.RTL, Mode.LAND),
    3: (Mode.SMART_RTL, Mode.RTL, Mode.LAND),
    4: (Mode.SMART_RTL, Mode.LAND),
    5: (Mode.LAND,),
}
"""ArduCopter FS_GCS_ENABLE."""
FENCE_ACTIONS: Final[dict[int, tuple[Mode, ...]]] = {
    1: (Mode.RTL, Mode.LAND),
    2: (Mode.LAND,),
    3: (Mode.SMART_RTL, Mode.RTL, Mode.LAND),
    4: (Mode.BRAKE, Mode.LAND),
    5: (Mode.SMART_RTL, Mode.LAND),
}
"""ArduCopter FENCE_ACTION; 0 only reports."""
PX4_FENCE_ACTIONS: Final[dict[int, tuple[Mode, ...]]] = {2: (Mode.LOITER,), 3: (Mode.RTL,), 5: (Mode.LAND,)}
PX4_LINK_ACTIONS: Final[dict[int, tuple[Mode, ...]]] = {1: (Mode.LOITER,), 2: (Mode.RTL,), 3: (Mode.LAND,)}
HOMEWARD: Final = frozenset({Mode.RTL, Mode.LAND, Mode.SMART_RTL})
CONTINUE_AUTO_ON_GCS_LOSS: Final = 2
"""Bit of ArduCopter's FS_OPTIONS."""


class Failsafe:
    """Watches one vehicle and changes its mode when a limit is passed; each failsafe acts once until it clears."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle = vehicle
        self.fence_enabled = bool(vehicle.parameters["FENCE_ENABLE"]) or vehicle.config.dialect is Dialect.PX4
        self.breaches = 0
        self._battery_stage = 0
        self._link_lost = False
        self.breached = False
        self._position_lost = False
        self._warned_glitch = False

    def step(self) -> None:
        """Check everything at 10 Hz while armed."""
        v = self.vehicle
        if v.steps % CHECK_EVERY or not v.autopilot.armed or not v.airborne:
            return
        self._check_battery()
        self._check_link()
        self._check_fence()
        self._check_position()

    def reset(self) -> None:
        """Forget what has been acted on (at arming)."""
        self._battery_stage = 0
        self.breached = self._link_lost = self._position_lost = False

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
        p = self.vehicle.parameters
        mode = self.vehicle.autopilot.mode
        if self.vehicle.config.dialect is Dialect.PX4:
            self.vehicle.say(2, "Critical battery, return advised" if stage < 3 else "Emergency battery, land now")
            action = int(p["COM_LOW_BAT_ACT"])
            if stage >= 3 and action in (2, 3):
                self._act((Mode.LAND,))
            elif stage == 2 and action == 3 and mode not in HOMEWARD:
                self._act((Mode.RTL,))
            elif stage == 2 and action == 2:
                self._act((Mode.LAND,))
            return
        self.vehicle.say(4, f"Battery 1 is {'critical' if stage == 2 else 'low'}")
        actions = BATTERY_ACTIONS.get(int(p["BATT_FS_CRT_ACT" if stage == 2 else "BATT_FS_LOW_ACT"]), ())
        if actions and not (mode is Mode.LAND or (mode in HOMEWARD and actions[0] is not Mode.LAND)):
            self.vehicle.say(4, "Battery Failsafe")
            self._act(actions)

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
        if v.config.dialect is Dialect.PX4:
            limit, actions = p["COM_DL_LOSS_T"], PX4_LINK_ACTIONS.get(int(p["NAV_DLL_ACT"]), ())
        else:
            limit, actions = p["FS_GCS_TIMEOUT"], GCS_ACTIONS.get(int(p["FS_GCS_ENABLE"] or p["FS_GCS_ENABL"]), ())
        if silence is None or silence < limit:
            if self._link_lost:
                self._link_lost = False
                v.say(6, "GCS Failsafe Cleared")
            return
        if self._link_lost or not actions:
            return
        self._link_lost = True
        v.say(4, "GCS Failsafe")
        goes_on = int(p["FS_OPTIONS"]) & CONTINUE_AUTO_ON_GCS_LOSS and v.autopilot.mode is Mode.AUTO
        if not goes_on and v.autopilot.mode not in HOMEWARD:
            self._act(actions)

    # -- fence ----------------------------------------------------------------------------------------

    def _check_fence(self) -> None:
        v, p = self.vehicle, self.vehicle.parameters
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
        actions = PX4_FENCE_ACTIONS.get(int(p["GF_ACTION"])) if px4 else FENCE_ACTIONS.get(int(p["FENCE_ACTION"]))
        if actions and v.autopilot.mode not in HOMEWARD:
            self._act(actions)

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
            self._position_lost = False
            return
        if not self._position_lost:
            self._position_lost = True
            v.say(2, "EKF Failsafe: changed to LAND Mode")
            if v.config.dialect is Dialect.PX4 or v.parameters["FS_EKF_ACTION"] > 0:
                self._act((Mode.LAND,))


def inside_fence(items: list[WireItem], lat_deg: float, lon_deg: float) -> bool:
    """Tell whether a point is in every inclusion and in no exclusion (even-odd rule on the local plane)."""
    at = 0
    while at < len(items):
        item = items[at]
        if item.command in (5001, 5002):
            count = max(1, whole(item.p1))
            ring = [offset_m(lat_deg, lon_deg, one.lat_deg, one.lon_deg) for one in items[at : at + count]]
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


def nearest_rally(vehicle: Vehicle) -> Place | None:
    """Return the rally point to flee to; None means home.

    ArduPilot takes the nearest within RALLY_LIMIT_KM, PX4 whichever of rally points and home is nearest.
    """
    nav, home = vehicle.sensors.nav, vehicle.autopilot.home
    places = [vehicle.place_of(item) for item in vehicle.servers[MissionType.RALLY].items]
    if not places:
        return None

    def away(place: Place) -> float:
        return math.hypot(*offset_m(nav.lat_deg, nav.lon_deg, place.lat_deg, place.lon_deg))

    best = min(places, key=away)
    to_home = math.hypot(*offset_m(nav.lat_deg, nav.lon_deg, home.lat_deg, home.lon_deg))
    limit_m = vehicle.parameters["RALLY_LIMIT_KM"] * 1000.0
    too_far = limit_m > 0.0 and away(best) > limit_m
    home_nearer = bool(vehicle.parameters["RALLY_INCL_HOME"]) and to_home < away(best)
    px4 = vehicle.config.dialect is Dialect.PX4
    return None if too_far or home_nearer or (px4 and to_home < away(best)) else best
