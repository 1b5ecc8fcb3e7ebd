"""An aircraft in the air turned to another sortie, once a named person has released it: hold, write, prove, go on."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError
from geo.geodesy import inverse
from missions.flight.commands import Commander
from missions.flight.preflight import firmware_of, parameter_names
from missions.flight.preflight_ways import way_findings
from missions.flight.state import VehicleState, is_autopilot
from missions.links.link_transport import LinkError
from missions.plan import Severity
from missions.plan_files.dialect import Dialect, MissionType, wire_items
from missions.transfer import drive
from missions.transfer.upload import Upload
from missions.transfer.values import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.plan import Sortie
    from missions.transfer import Channel
    from missions.transfer.values import Message

_RECEIVE_S: Final = 0.05
_ON_MISSION: Final = ("AUTO", "MISSION")
SUNK_PCT: Final = 3.0
"""How far the battery may be below the plan: what `missions.tasks.response` keeps back from the wait."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DivertOptions:
    """Whom to turn, and how long to wait for it; waits are wall-clock seconds."""

    dialect: str
    first_item: int
    """The item of the sortie (counted without home) that begins the new way; the aircraft flies straight to it."""
    system: int | None = None
    connect_timeout_s: float = 15.0
    command_timeout_s: float = 5.0
    farthest_m: float = 600.0
    """How far the aircraft may be from where the new way begins: the straight way there was judged on its old one."""
    timers: Timers = Timers()
    upload_window: int = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diverted:
    """What was done."""

    system: int
    items: int
    seconds: float
    """From the release to the vehicle flying the new way, wall clock."""


def divert(channel: Channel, sortie: Sortie, options: DivertOptions) -> Diverted:
    """Turn a flying aircraft to a sortie that begins where it flies.

    What the vehicle would do when something fails is judged first, by the rules of every take-off; nobody may let
    them pass. Then it holds, the fence, rally points and mission are written and read back, and it flies on.

    Raises
    ------
    RefusedError
        When it is not where the plan has it, flies no mission, has too little battery, or would go home another way;
        and when the new sortie cannot be proven to be aboard, where the aircraft then holds.
    """
    return _Divert(channel, sortie, options).run()


class _Divert:
    def __init__(self, channel: Channel, sortie: Sortie, options: DivertOptions) -> None:
        self.channel = channel
        self.sortie = sortie
        self.options = options
        self.state = VehicleState()
        self.commander = Commander(channel, self.state, self._take, options.command_timeout_s)

    def run(self) -> Diverted:
        begun_s = self.channel.clock()
        self._connect()
        self._check()
        self._require(self.commander.set_mode("hold").accepted, "does not hold; nothing was changed")
        items = self._write()
        first = self.options.first_item + (1 if self.state.dialect is Dialect.ARDUPILOT else 0)
        self._require(self.commander.set_current(first).accepted, f"holds and does not take item {first}")
        self._require(self.commander.set_mode("auto").accepted, "holds and does not go on")
        on_its_way = self._wait(lambda: self.state.mode in _ON_MISSION and self.state.seq >= first)
        self._require(on_its_way, f"holds and does not fly to item {first}")
        return Diverted(system=self.state.system, items=items, seconds=self.channel.clock() - begun_s)

    def _connect(self) -> None:
        wanted = self.options.system
        heard = self._wait(lambda: self.state.system > 0, accept=wanted, for_s=self.options.connect_timeout_s)
        if not heard:
            raise LinkError(f"no heartbeat of {f'system {wanted}' if wanted else 'any vehicle'}; check the link")
        self.commander.ask_streams(4.0)
        known = self.state
        self._wait(lambda: math.isfinite(known.lat_deg + known.battery_pct) and known.version is not None, for_s=3.0)

    def _check(self) -> None:
        state, item = self.state, self.sortie.items[self.options.first_item]
        self._require(self.options.dialect == state.dialect, f"is {state.dialect}; the sortie is for another autopilot")
        self._require(state.armed and state.mode in _ON_MISSION, f"flies no mission (mode {state.mode or 'unknown'})")
        self._require(math.isfinite(state.lat_deg), "does not say where it is")
        away_m = float(inverse(state.lat_deg, state.lon_deg, item.lat_deg, item.lon_deg)[0])
        self._require(
            away_m <= self.options.farthest_m,
            f"is {away_m:.0f} m from where the new way begins ({self.options.farthest_m:.0f} m at most); ask for "
            "a new response",
        )
        planned = next(
            leg.battery_end_pct
            for leg in self.sortie.legs
            if (leg.lat_end_deg, leg.lon_end_deg) == (item.lat_deg, item.lon_deg)
        )
        self._require(
            state.battery_pct >= planned - SUNK_PCT,
            f"has {state.battery_pct:.0f} % of its battery where the plan has {planned:.0f} %",
        )
        version = firmware_of(state.version)
        named = parameter_names(state.dialect, fixed_wing=state.fixed_wing, version=version)
        asked = (v.name for v in self.sortie.vehicle_parameters)
        values = self.commander.parameters.values(tuple(dict.fromkeys((*named, *asked))))
        found = way_findings(values, self.sortie, state.dialect, fixed_wing=state.fixed_wing, version=version)
        broken = next((f.message for f in found if f.severity is Severity.ERROR), "")
        self._require(not broken, f"would go home by a way that was not judged: {broken}")

    def _write(self) -> int:
        peer = self.state.peer(self.channel.own_system, self.channel.own_component)
        mission = wire_items(self.sortie, self.state.dialect)
        held = {
            MissionType.FENCE: self.sortie.fence,
            MissionType.RALLY: self.sortie.rally,
            MissionType.MISSION: mission,
        }
        for kind, items in held.items():
            machine = Upload(items, peer, kind, self.options.timers, window=self.options.upload_window)
            drive(machine, self.channel, on_message=self._take)
            report = machine.report()
            aboard = report.uploaded or (not items and report.ack == "UNSUPPORTED")
            self._require(aboard, f"holds where it is: {report.message}; send it home or try again")
        return len(mission)

    def _require(self, held: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence
        if not held:
            raise RefusedError(f"system {self.state.system} {text}", rule="divert")

    def _wait(self, until: Callable[[], bool], *, accept: int | None = None, for_s: float | None = None) -> bool:
        end_s = self.channel.clock() + (self.options.command_timeout_s if for_s is None else for_s)
        while not until() and self.channel.clock() < end_s:
            message = self.channel.receive(_RECEIVE_S)
            if message is None:
                continue
            if not self.state.system and is_autopilot(message) and accept in (None, message.get_srcSystem()):
                self.state.system, self.state.component = message.get_srcSystem(), message.get_srcComponent()
            self._take(message)
        return until()

    def _take(self, message: Message) -> None:
        if self.state.system:
            self.state.feed(message)
