"""One sortie on one vehicle, step by step: connect, upload, check, take off, watch, report."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError
from missions.flight.command_hold import CommandHold
from missions.flight.commands import Commander
from missions.flight.deviation import PathWatch
from missions.flight.payload_watch import PayloadWatch
from missions.flight.pilot_orders import carry_out
from missions.flight.preflight import preflight
from missions.flight.preflight_facts import FactsAsked, gather
from missions.flight.preflight_ways import ALWAYS_JUDGED, refusal
from missions.flight.state import VehicleState, is_autopilot
from missions.flight.values import FlightOptions, FlightPhase, FlightReport, LinkState, PilotCommand
from missions.flight.watch import FlightWatch
from missions.links.link_transport import LinkError
from missions.plan import Severity
from missions.plan_files.dialect import Dialect, MissionType, wire_items
from missions.transfer import drive
from missions.transfer.upload import Upload
from missions.transfer.values import TransferState

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.command_hold import CommandRelease
    from missions.flight.values import Coverage, FlightStatus
    from missions.plan import Finding, MissionItem, Sortie
    from missions.transfer import Channel
    from missions.transfer.values import Message, Peer, UploadReport

_RECEIVE_S: Final = 0.05
_ARM_RETRY_S: Final = 1.0
_UPLOADS_OVER_LOST_LINKS: Final = 3
_AT_GOAL_M: Final = 100.0
"""A last place is flown past with the turn it begins, or circled."""


class Flight:
    """One sortie on one vehicle, step by step; `fly` is its plain use."""

    def __init__(
        self,
        channel: Channel,
        sortie: Sortie,
        options: FlightOptions,
        *,
        on_status: Callable[[FlightStatus], None] | None = None,
        pilot: Callable[[], PilotCommand | None] | None = None,
        release: Callable[[], CommandRelease | None] | None = None,
    ) -> None:
        self.state = VehicleState()
        self.phase = FlightPhase.CONNECTING
        self.uploads: list[UploadReport] = []
        self.preflight: tuple[Finding, ...] = ()
        self._channel = channel
        self.sortie = sortie
        self._options = options
        self._on_status = on_status
        self._pilot = pilot
        self._watch = FlightWatch(sortie, self.state, options, channel.clock())
        self.hold = CommandHold(channel, self._watch.findings, release)
        self.commander = Commander(channel, self.state, self._take, options.command_timeout_s)
        self._note = ""
        self._shown_s = -math.inf
        self._flew = False
        self._quit = False

    # -- steps -----------------------------------------------------------------------------------

    def connect(self) -> None:
        """Wait for an autopilot's heartbeat and ask for its telemetry."""
        until_s = self._channel.clock() + self._options.connect_timeout_s
        while self._channel.clock() < until_s and not self._quit:
            message = self._channel.receive(_RECEIVE_S)
            if message is not None and is_autopilot(message) and self._wanted(message):
                self.state.system, self.state.component = message.get_srcSystem(), message.get_srcComponent()
                self._take(message)
                self.commander.ask_streams(self._options.telemetry_hz)
                return
            self._show()
        wanted = f"system {self._options.system}" if self._options.system else "any vehicle"
        refused = getattr(self._channel, "refused", str)()
        why = f"; {refused}" if refused else "; check the link"
        raise LinkError(f"no heartbeat of {wanted} within {self._options.connect_timeout_s:.0f} s{why}")

    def upload(self) -> None:
        """Write fence, rally points and mission, and read each back.

        Raises
        ------
        RefusedError
            When any of them cannot be proven to be on the vehicle.
        """
        self._enter(FlightPhase.UPLOADING)
        if self.state.armed:
            raise RefusedError("the vehicle is armed; its plan is not changed now. Land and disarm it first")
        if self._options.dialect and self._options.dialect != self.state.dialect:
            text = f"the plan is made for {self._options.dialect}, the vehicle is {self.state.dialect}; plan for it"
            raise RefusedError(text, expected=self._options.dialect, actual=str(self.state.dialect))
        mission = wire_items(self.sortie, self.state.dialect)
        lists: list[tuple[MissionType, tuple[MissionItem, ...]]] = []
        if self._options.upload_fence:
            lists.append((MissionType.FENCE, self.sortie.fence))
        if self._options.upload_rally:
            lists.append((MissionType.RALLY, self.sortie.rally))
        lists.append((MissionType.MISSION, mission))
        for mission_type, items in lists:
            report = self._upload_list(items, mission_type)
            self.hold.require_voice()
            if not report.uploaded and not (not items and report.ack == "UNSUPPORTED"):
                raise RefusedError(report.message, report=report)
        self._watch.items = len(mission)
        self._watch.path = PathWatch(self.sortie, mission, home_offset=self._offset, border=self._options.border)
        self._watch.payload = PayloadWatch(mission, self.state, self._watch.findings)
        self._note = ""

    def put_mission(self) -> UploadReport:
        """Write the mission, also in flight, and read it back."""
        return self._upload_list(wire_items(self.sortie, self.state.dialect), MissionType.MISSION)

    def _upload_list(self, items: tuple[MissionItem, ...], mission_type: MissionType) -> UploadReport:
        """Upload one list; after a lost link, once more from the start when the vehicle is heard again."""
        self._note = f"uploading {len(items)} {mission_type.name.lower()} items"
        peer = self.state.peer(self._channel.own_system, self._channel.own_component)
        report = self._upload_once(items, peer, mission_type)
        for _ in range(_UPLOADS_OVER_LOST_LINKS - 1):
            if report.state is not TransferState.LINK_LOST or not self._hear_again():
                break
            report = self._upload_once(items, peer, mission_type)
        self.uploads.append(report)
        return report

    def _upload_once(self, items: tuple[MissionItem, ...], peer: Peer, mission_type: MissionType) -> UploadReport:
        machine = Upload(items, peer, mission_type, self._options.timers, window=self._options.upload_window)
        drive(machine, self._channel, on_message=self._take, should_cancel=lambda: self._quit or self.hold.held)
        return machine.report()

    def _hear_again(self) -> bool:
        self._note = "the link is lost; waiting for the vehicle to be heard again"
        heard = self.state.messages
        self._idle(self._options.give_up_after_s, until=lambda: self.state.messages > heard)
        return self.state.messages > heard

    def check(self) -> tuple[Finding, ...]:
        """Run the preflight rules on what the vehicle says of itself; returns what they found.

        Raises
        ------
        RefusedError
            When a rule forbids the flight and no named person let it pass.
        """
        limits = self._options.preflight
        if limits is None:
            return ()
        self._note = ""
        self._enter(FlightPhase.CHECKING)
        facts = gather(
            self.commander,
            self.state,
            self._idle,
            FactsAsked(
                ready_timeout_s=self._options.ready_timeout_s,
                fence_uploaded=any(u.mission_type is MissionType.FENCE and u.uploaded for u in self.uploads),
                will_enable_fence=self._enables_fence,
                also=tuple(v.name for v in self.sortie.vehicle_parameters),
            ),
            now_unix_s=time.time(),
        )
        self.hold.require_voice()
        self.preflight = preflight(facts, self.sortie, limits)
        errors = [f for f in self.preflight if f.severity is Severity.ERROR]
        let_pass = self._options.overrides - ALWAYS_JUDGED
        stopping = [f for f in errors if f.rule.removeprefix("preflight.") not in let_pass]
        if stopping:
            raise RefusedError(refusal(stopping), findings=self.preflight)
        for passed in errors:
            self._watch.findings.keep(passed)
        return self.preflight

    def take_off(self) -> None:
        """Arm, again until the vehicle is ready for it, then start AUTO.

        Raises
        ------
        RefusedError
            When the vehicle does not arm, or does not take the mode.
        """
        self._enter(FlightPhase.ARMING)
        self.hold.require_voice()
        if self._enables_fence:
            self.commander.enable_fence()
        before = "auto" if self.state.fixed_wing or self.state.dialect is Dialect.PX4 else "guided"
        self._require_mode(before)
        self._arm()
        self._watch.begin()
        if before != "auto":
            self._require_mode("auto")
        started = self.commander.start_mission()
        if not started.accepted and self.state.mode not in ("AUTO", "MISSION"):
            raise RefusedError(f"the vehicle does not start the mission: {started.name}{self._said()}")
        self._enter(FlightPhase.FLYING)
        if self._options.resume_seq >= 0:
            self._skip_to(self._options.resume_seq + self._offset)

    def attend(self, until: Callable[[], bool]) -> None:
        """Keep the link alive and the view fresh while a person makes up their mind."""
        self._note = "ready; waiting for your yes"
        while not until():
            self._idle(_RECEIVE_S)
        self._note = ""

    def watch(self) -> None:
        """Watch until the aircraft has landed and disarmed, the link is gone for good, or a person quits."""
        self._enter(FlightPhase.FLYING)
        while not self._ended():
            message = self._channel.receive(_RECEIVE_S)
            if message is not None:
                self._take(message)
            self._show()
            self._ask_pilot()
        self._show(force=True)

    def stop_watching(self) -> None:
        """End every wait soon, from any thread; an aircraft in the air flies on by itself."""
        if not self._quit and self.phase is FlightPhase.FLYING:
            self._watch.findings.warning("watch", "the person stopped watching before the landing")
        self._quit = True

    def report(self, coverage: Coverage) -> FlightReport:
        """Return how the flight went."""
        watch, path = self._watch, self._watch.path
        mission = [u for u in self.uploads if u.mission_type is MissionType.MISSION]
        track = watch.track.track()
        arrived = path is not None and watch.last_seq >= path.goal_seq and path.has_passed_goal(track, _AT_GOAL_M)
        completed = self.phase is FlightPhase.LANDED and arrived
        if not completed:
            goal = path.goal_seq if path is not None else -1
            text = f"the flight ended at item {watch.last_seq} of {goal}{self._said()}"
            watch.findings.error("completed", text, measured=watch.last_seq, limit=goal)
        return FlightReport(
            sortie=self.sortie.name,
            system=self.state.system,
            uploaded_items=mission[-1].sent_items if mission and mission[-1].uploaded else 0,
            readback_equal=bool(mission) and all(u.uploaded or not u.sent_items for u in self.uploads),
            completed=completed,
            coverage_pct=coverage(track, self.sortie),
            max_cross_track_m=watch.max_cross_track_m,
            max_height_error_m=watch.max_height_error_m,
            min_standoff_m=watch.min_standoff_m,
            min_battery_pct=watch.min_battery_pct,
            flight_s=watch.track.flight_s,
            link_losses=watch.link.losses,
            last_seq=watch.last_seq,
            findings=watch.findings.all(),
            track=track,
            resume_seq=-1 if completed else self._resume_seq(),
            preflight=self.preflight,
            standoff_doubt_m=watch.doubt.worst_m,
        )

    # -- parts -----------------------------------------------------------------------------------

    @property
    def _enables_fence(self) -> bool:
        ardupilot = self.state.dialect is Dialect.ARDUPILOT
        return ardupilot and self._options.enable_fence and bool(self.sortie.fence)

    @property
    def _offset(self) -> int:
        """Items that the wire has before the sortie's first: ArduPilot's home."""
        return 1 if self.state.dialect is Dialect.ARDUPILOT else 0

    def _skip_to(self, seq: int) -> None:
        """After the take-off item is done, make `seq` the next one."""
        takeoff = self._offset
        self._idle(self._options.takeoff_timeout_s, until=lambda: self.state.seq > takeoff or not self.state.armed)
        if not self.state.armed or self.state.seq >= seq:
            return
        result = self.commander.set_current(seq)
        self._watch.skipped_to = seq if result.accepted else -1
        if not result.accepted:
            text = f"the vehicle does not go on at item {seq} ({result.name}); it flies the whole sortie again"
            self._watch.findings.warning("resume", text)

    def _wanted(self, heartbeat: Message) -> bool:
        return self._options.system in (None, heartbeat.get_srcSystem())

    def _resume_seq(self) -> int:
        """Return the place before the segment flown when AUTO ended, counted without home."""
        path = self._watch.path
        return -1 if path is None else path.stop_before(self._watch.last_auto_seq) - self._offset

    def _take(self, message: Message) -> None:
        if self._watch.payload is not None and message.get_srcSystem() == self.state.system:
            self._watch.payload.hear(message)
        if self.state.feed(message):
            self._watch.link.heard(self._channel.clock())
            self._watch.observe()
        self._show()

    def _enter(self, phase: FlightPhase) -> None:
        if phase is not self.phase:
            self.phase = phase
            self._show(force=True)

    def _show(self, *, force: bool = False) -> None:
        now_s = self._channel.clock()
        self._watch.link.look(now_s)
        self.hold.look()
        if self._on_status is None or (now_s - self._shown_s < self._options.status_every_s and not force):
            return
        self._shown_s = now_s
        self._on_status(self._watch.status(self.phase, self._note))

    def _said(self) -> str:
        texts = [text for severity, text in self.state.texts if severity <= 4]
        return f" (the vehicle said: {texts[-1]})" if texts else ""

    def _require_mode(self, intent: str) -> None:
        until_s = self._channel.clock() + self._options.ready_timeout_s
        result = self.commander.set_mode(intent)
        while not result.accepted and self._channel.clock() < until_s and not self._quit:
            self._note = f"waiting until the vehicle takes {intent.upper()}{self._said()}"
            self._idle(_ARM_RETRY_S)
            self.hold.require_voice()
            result = self.commander.set_mode(intent)
        if not result.accepted:
            raise RefusedError(f"the vehicle does not change to {intent.upper()}: {result.name}{self._said()}")

    def _arm(self) -> None:
        until_s = self._channel.clock() + self._options.ready_timeout_s
        while True:
            result = self.commander.arm()
            if result.accepted:
                break
            if self._channel.clock() >= until_s or self._quit:
                raise RefusedError(f"the vehicle does not arm: {result.name}{self._said()}")
            self._note = f"waiting until the vehicle is ready to arm{self._said()}"
            self._idle(_ARM_RETRY_S)
            self.hold.require_voice()
        self._note = ""
        self._idle(self._options.command_timeout_s, until=lambda: self.state.armed)

    def _idle(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        until_s = self._channel.clock() + seconds
        while self._channel.clock() < until_s and not until() and not self._quit:
            message = self._channel.receive(_RECEIVE_S)
            if message is not None:
                self._take(message)
            self._show()

    def _ended(self) -> bool:
        self._flew = self._flew or self.state.armed
        if self._flew and not self.state.armed:
            self._enter(FlightPhase.LANDED)
            return True
        gone_s = self._watch.link.lost_for_s
        if gone_s > self._options.give_up_after_s:
            self._watch.findings.error(
                "link",
                f"nothing heard of the vehicle for {gone_s:.0f} s; its own failsafe flies now",
                measured=gone_s,
                limit=self._options.give_up_after_s,
                unit="s",
            )
            self._enter(FlightPhase.ENDED)
            return True
        over = self._watch.judge_time()
        if self._quit or over:
            self._enter(FlightPhase.ENDED)
        return self._quit or over

    def _ask_pilot(self) -> None:
        command = self._pilot() if self._pilot is not None else None
        if command is PilotCommand.QUIT:
            self.stop_watching()
        elif command is not None:
            self._note = f"{command}: {carry_out(self, command)}"

    @property
    def link_lost(self) -> bool:
        """Whether the vehicle is not heard."""
        return self._watch.link.state is LinkState.LOST

    @property
    def flown_to(self) -> int:
        """The item on the wire that was last flown to by the mission, -1 for none."""
        return self._watch.last_auto_seq
