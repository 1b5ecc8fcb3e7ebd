"""One simulated vehicle without sockets: it steps, takes messages and gives messages.

Everything it does follows from its configuration, its seed and the messages it
is given between steps; two runs with the same three are the same.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.geoid import undulation_m
from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import BodyState, MultirotorBody
from sitl.dynamics_power import Battery, Wind, flight_power_w
from sitl.dynamics_wing import WingBody
from sitl.vehicle.autopilot import Autopilot
from sitl.vehicle.behaviours import Place
from sitl.vehicle.camera import Camera
from sitl.vehicle.commands import CommandDesk
from sitl.vehicle.config import Airframe
from sitl.vehicle.failsafe import Failsafe, nearest_rally, valid_fence
from sitl.vehicle.fault_desk import FaultDesk, LinkCondition
from sitl.vehicle.gimbal import Gimbal
from sitl.vehicle.mission_run import MissionRun
from sitl.vehicle.mission_server import MissionServer
from sitl.vehicle.modes import Mode, ModeTable
from sitl.vehicle.parameters import ParameterTable
from sitl.vehicle.sensors import Sensors
from sitl.vehicle.storage import px4_verdict
from sitl.vehicle.streams import Streams
from sitl.vehicle.truth_file import TruthLog
from sitl.vehicle.wire import WireItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.vehicle.config import VehicleConfig

STEP_S: Final = 0.02
"""Simulated seconds a step; 50 Hz is ten steps per attitude time constant."""
VERDICT_S: Final = 0.2
"""How long after a transfer PX4's navigator has judged the mission."""
TRUTH_EVERY: Final = 5
"""Steps between rows of the truth file (10 Hz)."""


class Vehicle:
    """The whole vehicle.

    Parameters
    ----------
    config
        What it is.
    send
        Called with (message, peer) for everything it says; peer is (sysid,
        compid), or None for what goes to everyone.
    link
        The state of its links, which faults change; a perfect one by default.
    """

    def __init__(
        self,
        config: VehicleConfig,
        send: Callable[[Any, tuple[int, int] | None], None],
        link: LinkCondition | None = None,
    ) -> None:
        self.config = config
        self.send = send
        self.steps = 0
        self.link_s = 0.0
        self.air_n_mps = self.air_e_mps = 0.0
        self._undulation_m: float | None = None
        self._landings_kept = 0
        self._verdict_s: float | None = None
        seeds = np.random.SeedSequence([config.seed, config.sysid]).spawn(5)
        self.state = BodyState(
            lat_deg=config.home_lat_deg,
            lon_deg=config.home_lon_deg,
            alt_amsl_m=config.home_alt_amsl_m,
            ground_amsl_m=config.home_alt_amsl_m,
            yaw_deg=config.heading_deg,
        )
        self.wing = config.fixed_wing if config.airframe is Airframe.PLANE else None
        self.body = WingBody(self.wing, self.state) if self.wing else MultirotorBody(config.multirotor, self.state)
        self.wind = Wind(config.wind, np.random.default_rng(seeds[0]))
        self.battery = Battery(config.battery, charge_pct=config.battery_pct)
        self.sensors = Sensors(self.state, config.noise, np.random.default_rng(seeds[2]))
        self.gimbal = Gimbal(np.random.default_rng(seeds[3]))
        link = link or LinkCondition(config.link, config.seed)
        self.modes = ModeTable(config.dialect, config.airframe)
        self.parameters = self._parameters()
        self.autopilot = self._autopilot()
        self.servers = {kind: self._server(kind) for kind in MissionType}
        self.autopilot.run = self._run()
        self.autopilot.use_parameters()
        self.streams = Streams(self)
        self.commands = CommandDesk(self)
        self.truth = TruthLog(self)
        self.camera = Camera(self)
        self.faults = FaultDesk(self, link, np.random.default_rng(seeds[4]))
        self.failsafe = Failsafe(self)
        self.autopilot.rally = lambda: nearest_rally(self)
        self.autopilot.on_arm = self.failsafe.reset
        self._heard_station_s: float | None = None
        self._battery_seen = (self.battery.voltage_v, self.battery.remaining_pct)

    def _parameters(self) -> ParameterTable:
        config = self.config
        px4 = config.dialect is Dialect.PX4
        own_id, capacity = ("MAV_SYS_ID", "BAT1_CAPACITY") if px4 else ("SYSID_THISMAV", "BATT_CAPACITY")
        own = ((own_id, config.sysid), (capacity, config.battery.capacity_mah), *config.parameters)
        return ParameterTable(config.dialect, own, wing=self.wing is not None)

    def _autopilot(self) -> Autopilot:
        return Autopilot(
            state=self.sensors.nav,
            parameters=self.parameters,
            battery=self.battery,
            modes=self.modes,
            wing=self.wing,
            say=self.say,
        )

    def _run(self) -> MissionRun:
        return MissionRun(
            lambda: self.servers[MissionType.MISSION].items,
            first=0 if self.config.dialect is Dialect.PX4 else 1,
            home_alt=lambda: self.autopilot.home.alt_amsl_m,
            moves=lambda: self.autopilot.moves,
            do=self._do_item,
            reached=self._reached,
        )

    def _server(self, kind: MissionType) -> MissionServer:
        return MissionServer(
            self.config.dialect,
            kind,
            send=self.send,
            on_change=lambda: self._list_changed(kind),
            busy=self._flies_mission if kind is MissionType.MISSION else lambda: False,
            accept=self._judge_fence if kind is MissionType.FENCE else lambda _: mavlink.MAV_MISSION_ACCEPTED,
        )

    def _flies_mission(self) -> bool:
        return self.autopilot.mode is Mode.AUTO and self.airborne

    def _judge_fence(self, items: tuple[WireItem, ...]) -> int:
        return int(mavlink.MAV_MISSION_ACCEPTED if valid_fence(items) else mavlink.MAV_MISSION_ERROR)

    # -- time -----------------------------------------------------------------------------------------

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        return self.steps * STEP_S

    @property
    def t_utc_ns(self) -> int:
        """The simulated clock."""
        return self.config.t0_utc_ns + self.steps * round(STEP_S * 1e9)

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        return not self.state.on_ground

    @property
    def under_way(self) -> bool:
        """Whether simulated time may run fast: off the ground, or with its motors speeding up or slowing down there."""
        return self.airborne or self.autopilot.under_way

    def step(self) -> None:
        """Advance one step of simulated time."""
        self.steps += 1
        if not self.autopilot.ready and self.t_s >= self.config.boot_s:
            self._boot()
        if self._verdict_s is not None and self.t_s >= self._verdict_s:
            self._judge_mission()
        demand = self.autopilot.demand(STEP_S)
        wind_n, wind_e = self.wind.at(self.t_s, STEP_S, self.state.alt_amsl_m)
        self.air_n_mps, self.air_e_mps = wind_n, wind_e
        if demand is None:
            self.body.rest()
            self.battery.drain(self.config.battery.idle_w, STEP_S)
        else:
            demand.level = self.failsafe.drifts
            self.body.step(demand, wind_n, wind_e, STEP_S)
            power = flight_power_w(
                self.config.battery,
                airspeed_mps=self.state.airspeed_mps,
                climb_mps=-self.state.v_d_mps,
                mass_kg=self.wing.mass_kg if self.wing else self.config.multirotor.mass_kg,
                wing_load=1.0 / math.cos(math.radians(self.state.roll_deg)) if self.wing else 1.0,
            )
            self.battery.drain(power, STEP_S)
        self.faults.step()
        self.sensors.step(self.t_s, STEP_S)
        self.gimbal.step(self.state, STEP_S)
        self.camera.step()
        self.failsafe.step()
        if self.steps % TRUTH_EVERY == 0:
            self.truth.add()
            if self.autopilot.landings != self._landings_kept:
                self._landings_kept = self.autopilot.landings
                self.truth.save()
        self.streams.step()

    def tick(self, link_s: float) -> None:
        """Let the protocol timers run; `link_s` is the link's monotonic clock in seconds."""
        self.link_s = link_s
        for server in self.servers.values():
            server.ready = self.autopilot.ready
            server.tick(link_s)

    def _boot(self) -> None:
        self.autopilot.ready = True
        self.store_home()
        if self.config.dialect is Dialect.ARDUPILOT:
            self.say(6, "ArduPilot Ready")
        else:
            self.say(6, "[commander] Ready for takeoff!")

    # -- messages -------------------------------------------------------------------------------------

    def say(self, severity: int, text: str) -> None:
        """Send a STATUSTEXT to everyone."""
        self.send(mavlink.MAVLink_statustext_message(severity, text.encode()[:50]), None)

    def handle(self, message: Any) -> None:
        """Take one message from a ground station."""
        if message.get_type() == "HEARTBEAT" and message.type == mavlink.MAV_TYPE_GCS:
            self._heard_station_s = self.link_s
        target = getattr(message, "target_system", 0)
        if target not in (0, self.config.sysid):
            return
        kind = message.get_type()
        if kind in ("MISSION_SET_CURRENT", "SET_MODE") or not kind.startswith("MISSION_"):
            self.commands.handle(message)
        elif kind == "MISSION_ITEM" and message.current in (2, 3):
            self.commands.guided_item(message)
        elif kind == "MISSION_CLEAR_ALL" and message.mission_type == mavlink.MAV_MISSION_TYPE_ALL:
            for server in self.servers.values():
                server.handle(message, self.link_s)
        else:
            server_of = next((s for k, s in self.servers.items() if k == getattr(message, "mission_type", 0)), None)
            if server_of is not None:
                server_of.handle(message, self.link_s)

    # -- missions -------------------------------------------------------------------------------------

    def _list_changed(self, kind: MissionType) -> None:
        if kind is MissionType.MISSION:
            self.store_home()
            if self.autopilot.run and not self.airborne:
                self.autopilot.run.rewind()
            if self._flies_mission() and self.autopilot.run and self.autopilot.run.empty:
                self.autopilot.set_mode(Mode.LOITER, "Mission finished, loitering")
        if self.config.dialect is Dialect.PX4:
            self._verdict_s = self.t_s + VERDICT_S
        total = {MissionType.MISSION: "MIS_TOTAL", MissionType.FENCE: "FENCE_TOTAL", MissionType.RALLY: "RALLY_TOTAL"}
        if self.config.dialect is Dialect.ARDUPILOT:
            self.parameters.put(total[kind], float(len(self.servers[kind].items)))

    def _judge_mission(self) -> None:
        """Judge the stored mission as PX4 does, some time after the transfer was acknowledged."""
        self._verdict_s = None
        items = tuple(self.servers[MissionType.MISSION].items)
        why = px4_verdict(items, home_alt_amsl_m=self.autopilot.home.alt_amsl_m if self.autopilot.ready else None)
        if not why:
            places = [(item, self.place_of(item)) for item in items if item.has_place]
            broken = [item.seq for item, at in places if self.failsafe.breach(at.lat_deg, at.lon_deg, at.alt_amsl_m)]
            why = f"Geofence violation for waypoint {broken[0] + 1}" if broken else ""
        self.autopilot.mission_rejected = bool(why)
        if why:
            self.say(2, why)

    def store_home(self) -> None:
        """Put home into item 0, as ArduPilot does at boot, at arming and after each upload."""
        if self.config.dialect is not Dialect.ARDUPILOT:
            return
        home = self.autopilot.home
        item = WireItem(
            seq=0,
            command=16,
            frame=0,
            x=round(home.lat_deg * 1e7),
            y=round(home.lon_deg * 1e7),
            z=round(home.alt_amsl_m, 2),
        )
        items = self.servers[MissionType.MISSION].items
        items[0:1] = [item]

    def parameter_changed(self, name: str) -> None:
        """Let a changed parameter take effect."""
        if not self.airborne or self.autopilot.mode is not Mode.AUTO:
            self.autopilot.use_parameters()
        if name == "FENCE_ENABLE":
            self.failsafe.fence_enabled = self.parameters[name] > 0.0
        if name in ("SIM_WIND_SPD", "SIM_WIND_DIR"):
            spec = dataclasses.replace(
                self.wind.spec,
                speed_mps=self.parameters["SIM_WIND_SPD"],
                from_deg=self.parameters["SIM_WIND_DIR"],
                layers=(),
            )
            self.wind.change(spec)

    @property
    def boot_ms(self) -> int:
        """Milliseconds since boot, as MAVLink carries them."""
        return round(self.t_s * 1000.0) & 0xFFFFFFFF

    @property
    def gps_ok(self) -> bool:
        """Whether the receiver has a fix."""
        return self.sensors.gps is not None

    def battery_seen(self) -> tuple[float, float]:
        """Return volts and per cent as the battery monitor says; the last ones while it says nothing."""
        said = self.faults.battery.read((self.battery.voltage_v, self.battery.remaining_pct), self.t_s)
        if said is not None:
            self._battery_seen = (said[0], said[1])
        return self._battery_seen

    def ground_station_silence_s(self) -> float | None:
        """Return how long the ground station has been silent, None if it has never spoken.

        Seconds of the link's clock; while a fault cuts the link, seconds of
        simulated time, since the peer's own heartbeat does not run faster with
        the simulation.
        """
        if self._heard_station_s is None:
            return None
        if self.faults.cut_since_s is not None:
            return self.t_s - self.faults.cut_since_s
        return self.link_s - self._heard_station_s

    @property
    def undulation_m(self) -> float:
        """Geoid height at home: metres to add to a height above mean sea level for one above the ellipsoid."""
        if self._undulation_m is None:
            self._undulation_m = float(undulation_m(self.config.home_lat_deg, self.config.home_lon_deg))
        return self._undulation_m

    def _reached(self, seq: int) -> None:
        self.send(mavlink.MAVLink_mission_item_reached_message(seq), None)

    def _do_item(self, item: WireItem) -> None:
        self.commands.do_item(item)

    def place_of(self, item: WireItem) -> Place:
        """Return where an item is, at its height above mean sea level."""
        relative = item.frame not in (0, 5)
        return Place(
            lat_deg=item.lat_deg,
            lon_deg=item.lon_deg,
            alt_amsl_m=item.z + (self.autopilot.home.alt_amsl_m if relative else 0.0),
        )
