"""The flight controller: arming, modes, and which behaviour is in charge."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from missions.performance.handling import on_the_ground
from missions.plan_files.dialect import Dialect
from sitl.vehicle import speeds
from sitl.vehicle.behaviours import Limits, Place
from sitl.vehicle.breadcrumbs import Breadcrumbs
from sitl.vehicle.modes import Mode, ModeTable
from sitl.vehicle.moves import Leg, MultirotorMoves, WingMoves
from sitl.vehicle.way_home import PX4_RETRACE, Home, along_mission, return_amsl_m

if TYPE_CHECKING:
    from collections.abc import Callable

    from sitl.dynamics import BodyState, VelocityDemand
    from sitl.dynamics_power import Battery
    from sitl.dynamics_wing import FixedWing
    from sitl.vehicle.behaviours import Behaviour
    from sitl.vehicle.mission_run import MissionRun
    from sitl.vehicle.moves import Moves
    from sitl.vehicle.parameters import ParameterTable


MISSION_MODES: Final = frozenset({Mode.AUTO, Mode.AUTO_RTL})
"""The modes in which the mission is flown."""


class Autopilot:
    """Holds mode, arming and the behaviour in charge; asked once a step for a demand.

    Parameters
    ----------
    state
        Where it believes to be; its home until it is armed elsewhere.
    modes
        The modes it has, by its dialect.
    wing
        The airframe of a fixed wing; None for a multirotor.
    say
        Called with (severity, text) for each STATUSTEXT.
    """

    def __init__(
        self,
        *,
        state: BodyState,
        parameters: ParameterTable,
        battery: Battery,
        modes: ModeTable,
        wing: FixedWing | None,
        say: Callable[[int, str], None],
    ) -> None:
        self.dialect = dialect = modes.dialect
        self.state = state
        self.parameters = parameters
        self.battery = battery
        self.home = Home.at(self.state)
        self.say = say
        self.mode = Mode.STABILIZE if dialect is Dialect.ARDUPILOT else Mode.LOITER
        self.armed = False
        self.flown = False
        self.landings = 0
        self.mission_rejected = False
        self.ready = False
        self.limits = Limits()
        self.wing = wing
        radius_m = parameters["NAV_LOITER_RAD" if dialect is Dialect.PX4 else "WP_LOITER_RAD"]
        self.moves: Moves = WingMoves(self.limits, wing, radius_m) if wing else MultirotorMoves(self.limits)
        self._modes = modes
        self.run: MissionRun | None = None
        self.rally: Callable[[], Place | None] = lambda: None
        self.held_first = False
        """Whether a failsafe held before it let the vehicle return (PX4's COM_FAIL_ACT_T)."""
        self.on_arm: Callable[[], None] = lambda: None
        self._behaviour: Behaviour | None = None
        self._then: list[Callable[[], Behaviour | None]] = []
        self._started = False
        self._idle_s = 0.0
        self._crumbs = Breadcrumbs()
        self._ground = on_the_ground(dialect, wing=wing is not None)
        self._spooling_s = self._settled_s = 0.0

    def use_parameters(self) -> None:
        """Take speeds from the parameters: at boot, on a change, and when a mission or a return begins."""
        speeds.take(self.limits, self.parameters, self.dialect, self.wing)

    def change_speed(self, kind: int, speed_mps: float) -> None:
        """Carry out DO_CHANGE_SPEED: kind 0 or 1 along the path, 2 climbing, 3 descending."""
        speeds.change(self.limits, self.parameters, kind, speed_mps, winged=self.wing is not None)

    # -- arming ---------------------------------------------------------------------------------------

    def arming_problem(self) -> str:
        """Return why the vehicle will not arm, or ""."""
        if not self.ready:
            return "Need Position Estimate"
        ardupilot = self.dialect is Dialect.ARDUPILOT
        if ardupilot and self.parameters["ARMING_CHECK"] == 0:
            return ""
        if self.battery.remaining_pct < 10.0:
            return "Battery 1 low voltage failsafe"
        if ardupilot and self.mode in (Mode.RTL, Mode.LAND, Mode.SMART_RTL, Mode.BRAKE):
            return f"{self.mode} mode not armable"
        auto_arms = self.wing is not None or bool(int(self.parameters["AUTO_OPTIONS"]) & 1)
        if ardupilot and self.mode is Mode.AUTO and not auto_arms:
            return "Auto mode not armable"
        return ""

    def arm(self, *, force: bool = False) -> bool:
        """Arm unless a check forbids it."""
        problem = "" if force else self.arming_problem()
        if problem:
            self.say(2, f"Arm: {problem}" if self.dialect is Dialect.ARDUPILOT else f"Arming denied: {problem}")
            return False
        if not self.armed:
            self.armed = True
            self._idle_s = self._settled_s = 0.0
            self._spooling_s = self._ground.before_s
            self._crumbs.forget()
            self.home = Home.at(self.state)
            self.on_arm()
            self.say(6, "Arming motors")
        return True

    def disarm(self, *, force: bool = False) -> bool:
        """Stop the motors; refused in the air unless forced."""
        if not self.state.on_ground and not force:
            return False
        if self.armed:
            self.armed = False
            self.say(6, "Disarming motors")
            if self.flown:
                self.landings += 1
            self.flown = False
            self._started = False
            self._behaviour = None
        return True

    # -- modes ----------------------------------------------------------------------------------------

    def set_mode(self, mode: Mode, reason: str = "") -> bool:
        """Change mode; False when it cannot be entered now."""
        if mode not in self._modes.available():
            return False
        if mode is Mode.AUTO and (self.run is None or self.run.empty or self.mission_rejected):
            self.say(4, "Mode change to AUTO failed: init failed")
            return False
        if mode is Mode.SMART_RTL and not self._crumbs:
            self.say(4, "Mode change to SMART_RTL failed: no position")
            return False
        if mode is Mode.AUTO_RTL and not self._join_return_path():
            return self.set_mode(Mode.RTL, reason)
        if mode is self.mode and mode is not Mode.AUTO:
            return True
        entered_again = mode is self.mode
        self.mode = mode
        if reason:
            self.say(4, reason)
        if not entered_again:
            self._enter()
        return True

    def _enter(self) -> None:
        self._then = []
        self._behaviour = None
        if self.state.on_ground:
            return
        if self.mode is Mode.AUTO_RTL:
            return
        if self.mode is Mode.AUTO:
            self.start_mission()
        elif self.mode is Mode.RTL:
            self._return()
        elif self.mode is Mode.SMART_RTL:
            self._retrace()
        elif self.mode is Mode.LAND:
            self._behaviour = self.moves.down(self.state, None)
        else:
            self._behaviour = self.moves.hold()

    def start_mission(self) -> bool:
        """Start AUTO's mission: from the first item on the ground, or where it was left."""
        if self.run is None or self.run.empty or not self.armed:
            return False
        self.use_parameters()
        restart = self.state.on_ground or self.parameters["MIS_RESTART"] == 1
        self.run.start(self.state, restart=restart)
        self._started = True
        self._idle_s = 0.0
        return True

    def _join_return_path(self) -> bool:
        """Go on with the mission at the way back it holds, as ArduCopter's AUTO_RTL does; False where there is none."""
        flying = self.mode in MISSION_MODES and self._behaviour is None
        return self.run is not None and self.run.join_return_path(self.state, running=flying)

    def take_off(self, height_m: float) -> bool:
        """Climb to `height_m` above home (GUIDED)."""
        if not self.armed:
            return False
        self._started = True
        self._behaviour = self.moves.climb(self.state, self.home.alt_amsl_m + height_m)
        return True

    def go_to(self, place: Place) -> None:
        """Fly straight to a place and stay there (GUIDED)."""
        start = Place(lat_deg=self.state.lat_deg, lon_deg=self.state.lon_deg, alt_amsl_m=self.state.alt_amsl_m)
        self._behaviour = self.moves.leg(start, place)
        self._then = [lambda: self.moves.hold(place)]

    def pause(self) -> None:
        """Stop here, keeping the mission's place (DO_PAUSE_CONTINUE)."""
        self._behaviour = self.moves.hold()

    def _return(self) -> None:
        """Climb, fly home (or to the nearer rally point), wait, land."""
        p = self.parameters
        if self.wing is not None:
            self._return_wing()
            return
        self.use_parameters()  # the speed of a mission ends with it
        home = Place(lat_deg=self.home.lat_deg, lon_deg=self.home.lon_deg, alt_amsl_m=self.home.alt_amsl_m)
        if self.dialect is Dialect.PX4:
            wait_s, speed = p["RTL_LAND_DELAY"], 0.0
            if p["RTL_TYPE"] == PX4_RETRACE and self.run is not None:
                self._fly_places([*along_mission(self.run, self._here(), from_nearest=self.held_first)], home)
                return
        else:
            wait_s, speed = p["RTL_LOIT_TIME"] / 1000.0, p["RTL_SPEED"] / 100.0
        goal = self.rally() or home
        level = return_amsl_m(p, self._here(), goal, self.home.alt_amsl_m)
        over = dataclasses.replace(goal, alt_amsl_m=level)
        if speed > 0.0:
            self.limits.speed_mps = speed
        self._behaviour = self.moves.climb(self.state, level)
        self._then = [
            lambda: self._leg_to(over),
            lambda: _Wait(self.moves.hold(over), wait_s),
            lambda: self._down(over),
        ]

    def _here(self) -> Place:
        return Place(lat_deg=self.state.lat_deg, lon_deg=self.state.lon_deg, alt_amsl_m=self.state.alt_amsl_m)

    def _fly_places(self, places: list[Place], spot: Place) -> None:
        """Fly through places one after another, then land at the last of them or at home."""
        self._then = [lambda place=place: self._leg_to(place) for place in places]  # type: ignore[misc]
        end = places[-1] if places else Home.at(self.state)
        over = dataclasses.replace(spot, alt_amsl_m=end.alt_amsl_m)
        self._then += [lambda: self._leg_to(over), lambda: self._down(over)]
        self._behaviour = self.moves.hold()
        self._behaviour.done = True

    def _return_wing(self) -> None:
        """Land by the mission's landing sequence if there is one and it is asked for, else circle over home.

        ArduPlane's RTL_AUTOLAND: with 1 it flies home first, with 2 and 4 to the landing at once, with 3 never.
        PX4's RTL_TYPE: with 0 it circles over home or a rally point (seen on 1.17), else it takes the landing.
        """
        p = self.parameters
        landing = self.run.landing_start() if self.run else None
        at_once = p["RTL_TYPE"] != 0.0 if self.dialect is Dialect.PX4 else p["RTL_AUTOLAND"] in (2.0, 4.0)
        if landing is not None and at_once:
            self._land_by_mission(landing)
            return
        height = p["RTL_RETURN_ALT"] or p["RTL_ALTITUDE"]
        goal = self.rally() or Place(
            lat_deg=self.home.lat_deg, lon_deg=self.home.lon_deg, alt_amsl_m=self.home.alt_amsl_m + height
        )
        lands = landing is not None and p["RTL_AUTOLAND"] == 1.0
        self._behaviour = self._leg_to(goal)
        radius_m = abs(p["RTL_LOITER_RAD"] if self.dialect is Dialect.PX4 else p["RTL_RADIUS"])
        self._then = [lambda: self._land_by_mission(landing) if lands else self.moves.hold(goal, radius_m)]

    def _land_by_mission(self, landing: int | None) -> None:
        """Go on with AUTO at the mission's landing sequence."""
        if self.run is not None and landing is not None:
            self.mode, self._behaviour = Mode.AUTO, None
            self.run.set_current(landing, self.state)

    def _retrace(self) -> None:
        """Fly back along the path that was flown, then land."""
        self.use_parameters()
        first = self._crumbs.first
        start = dataclasses.replace(first, alt_amsl_m=max(first.alt_amsl_m, self.home.alt_amsl_m + 2.0))
        self._fly_places([*self._crumbs.back(), start], start)

    def _leg_to(self, place: Place) -> Behaviour:
        start = Place(lat_deg=self.state.lat_deg, lon_deg=self.state.lon_deg, alt_amsl_m=place.alt_amsl_m)
        return self.moves.leg(start, place)

    def _down(self, place: Place) -> Behaviour:
        return self.moves.down(self.state, place)

    # -- each step ------------------------------------------------------------------------------------

    def demand(self, dt_s: float) -> VelocityDemand | None:
        """Return what to ask of the body, or None with the motors idle on the ground."""
        if not self.armed:
            return None
        if self.state.on_ground and not self._started:
            self._idle(dt_s)
            return None
        if self._spooling_s > 0.0:
            self._spooling_s -= dt_s
            return None
        wanted = self._auto(dt_s) if self.mode in MISSION_MODES and self._behaviour is None else self._fly(dt_s)
        if not self.state.on_ground:
            self.flown = True
            if self.mode is not Mode.SMART_RTL:
                self._crumbs.drop(self.state)
        elif self.flown and (wanted is None or wanted.v_d_mps >= 0.0):
            self._settle(dt_s)
            return None
        return wanted

    @property
    def under_way(self) -> bool:
        """Whether a take-off has been begun and its landing not ended."""
        return self.armed and self._started

    def _settle(self, dt_s: float) -> None:
        """Be sure that it is down before the motors stop."""
        self._settled_s += dt_s
        if self._settled_s >= self._ground.after_s:
            self.disarm()

    def _idle(self, dt_s: float) -> None:
        self._idle_s += dt_s
        name = "COM_DISARM_PRFLT" if self.dialect is Dialect.PX4 else "DISARM_DELAY"
        delay = self.parameters[name]
        if delay > 0.0 and self._idle_s > delay:
            self.disarm()

    def _auto(self, dt_s: float) -> VelocityDemand | None:
        run = self.run
        if run is None:
            return None
        wanted = run.demand(self.state, dt_s)
        if wanted is not None:
            return wanted
        if run.returning:
            if self.dialect is Dialect.PX4:
                self.mode = Mode.RTL
            self._return()
        elif not self.state.on_ground:
            self._behaviour = self.moves.hold()
        return self._fly(dt_s)

    def _fly(self, dt_s: float) -> VelocityDemand | None:
        if self._behaviour is None:
            if self.state.on_ground:
                return None
            self._behaviour = self.moves.hold()
        wanted = self._behaviour.demand(self.state, dt_s)
        if self._behaviour.done and self._then:
            self._behaviour = self._then.pop(0)()
        return wanted

    def resume(self) -> None:
        """Go on with the mission after `pause`."""
        if self.mode is Mode.AUTO and self.run is not None:
            self._behaviour = None
            self.run.start(self.state, restart=False)

    @property
    def leg(self) -> Leg | None:
        """The straight leg being flown, if one is."""
        if isinstance(self._behaviour, Leg):
            return self._behaviour
        return self.run.leg if self.mode in MISSION_MODES and self.run is not None else None


class _Wait:
    """A behaviour kept up for some seconds."""

    def __init__(self, behaviour: Behaviour, seconds: float) -> None:
        self.done = False
        self._behaviour = behaviour
        self._left_s = seconds

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        self._left_s -= dt_s
        self.done = self._left_s <= 0.0
        return self._behaviour.demand(state, dt_s)
