"""Writing a list to the vehicle and proving that it is there, as a state machine without clock or link.

Sending and answering follow the MAVLink mission protocol; what is added is that silence is answered by sending again
(the vehicle's own repeats come too late on a lossy link), that nothing is called uploaded before a read-back, and that
a failure ends with asking the vehicle what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import Dialect, MissionType
from missions.transfer import messages as wire
from missions.transfer.download import Download, RoundTrip
from missions.transfer.storage import differences
from missions.transfer.values import FINAL_STATES, SOFT_ACKS, Ack, Timers, TransferState, UploadReport
from missions.transfer.verdict import WATCHED, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.plan import MissionItem
    from missions.transfer.values import Difference, Message, Peer

_GCS_TYPE: Final = 6


class Upload:
    """Write one list and verify it: feed it messages and the time, send what it returns.

    Parameters
    ----------
    items
        What the vehicle shall hold, as on the wire (home first for ArduPilot); none clears the list.
    peer, mission_type, timers
        The vehicle, which list, and how patiently.
    window
        Items in flight at once. 1 waits for each request, as the protocol text has it; ArduPilot and PX4 also take
        the next item unasked and ignore one that comes too early, so a few in flight hide the round trip.
    """

    def __init__(
        self,
        items: Sequence[MissionItem],
        peer: Peer,
        mission_type: MissionType,
        timers: Timers | None = None,
        *,
        window: int = 4,
    ) -> None:
        self.items = tuple(items)
        self.peer = peer
        self.mission_type = mission_type
        self.timers = timers or Timers()
        self.state = TransferState.OFFERING
        self.held: tuple[MissionItem, ...] | None = None
        self.differences: tuple[Difference, ...] = ()
        self.other_stations: set[int] = set()
        self.attempts = 0
        self.ack = ""
        self._window = max(1, window)
        self._frames_sent = 0
        self._started_s = self._ended_s = self._attempt_s = self._heard_s = self._progress_s = 0.0
        self._wake_s = self._nack_s = self._denied_s = 0.0
        self._base = -1
        self._highest = -1
        self._furthest = -1
        self._sent_s: dict[int, float] = {}
        self._once: set[int] = set()
        self._round_trip = RoundTrip(self.timers.item_s)
        self._download: Download | None = None
        self._ends_as: TransferState | None = None
        self._reason = ""
        self._verdict = Verdict(self.timers)

    @property
    def done(self) -> bool:
        """True once the machine has nothing more to send or wait for."""
        return self.state in FINAL_STATES

    @property
    def wake_s(self) -> float:
        """When `poll` has something to do, on the caller's clock."""
        reading = self._download is not None and not self._download.done
        return self._download.wake_s if reading and self._download is not None else self._wake_s

    def start(self, now_s: float) -> list[Message]:
        """Begin; returns the first messages to send."""
        self._started_s = self._heard_s = now_s
        return self._offer(now_s)

    def cancel(self, now_s: float) -> list[Message]:
        """Stop cleanly: tell the vehicle, then ask what it holds; a second call ends at once."""
        if self.done:
            return []
        if self._ends_as is TransferState.CANCELLED:
            self._end(TransferState.CANCELLED, now_s)
            return []
        self._reason = "cancelled"
        stop = self._out(wire.acknowledge(self.peer, Ack.OPERATION_CANCELLED, self.mission_type))
        return stop + self._ask_held(TransferState.CANCELLED, now_s)

    def poll(self, now_s: float) -> list[Message]:
        """Act on timers that have run out by `now_s`."""
        if self.done:
            return []
        if self._download is not None:
            return self._after_reading(self._download.poll(now_s), now_s)
        if now_s < self._wake_s:
            return []
        if self.state is TransferState.AWAITING_VERDICT:
            return self._judge(now_s)
        if now_s - self._heard_s > self.timers.patience_s:
            self._reason = f"the vehicle stopped answering ({self._where()})"
            self._end(TransferState.LINK_LOST, now_s)
            return []
        if now_s - self._attempt_s > self.timers.budget_s(len(self.items)):
            self._reason = f"the transfer took too long ({self._where()})"
            return self._ask_held(TransferState.FAILED, now_s)
        if self.state is TransferState.OFFERING:
            return self._send_offer(now_s)
        return self._on_silence(now_s)

    def feed(self, message: Message, now_s: float) -> list[Message]:
        """Take in one message; those of other vehicles and lists change nothing."""
        kind = message.get_type()
        if self.done:
            return []
        if kind == "HEARTBEAT":
            self._notice_station(message)
            return []
        if kind in WATCHED and wire.is_from(message, self.peer):
            self._verdict.hear(message)
            return []
        if kind in _MISSION_KINDS and wire.is_from(message, self.peer):
            if not wire.is_for_us(message, self.peer, self.mission_type):
                self._notice_target(message)
                return []
            if self._download is not None:
                return self._after_reading(self._download.feed(message, now_s), now_s)
            if kind == "MISSION_ACK":
                return self._on_ack(message, now_s)
            if kind in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
                return self._on_request(message.seq, now_s)
        return []

    def report(self) -> UploadReport:
        """Return how it stands, and what the vehicle is known to hold."""
        return UploadReport(
            mission_type=self.mission_type,
            state=self.state,
            sent_items=len(self.items),
            held=self.held,
            differences=self.differences,
            ack=self.ack,
            statustexts=tuple(self._verdict.texts),
            attempts=self.attempts,
            frames_sent=self._frames_sent,
            elapsed_s=self._ended_s - self._started_s,
            other_stations=tuple(sorted(self.other_stations)),
            message=self._sentence(),
        )

    # -- sending ---------------------------------------------------------------------------------

    def _out(self, *messages: Message) -> list[Message]:
        self._frames_sent += len(messages)
        return list(messages)

    def _offer(self, now_s: float) -> list[Message]:
        self.state = TransferState.OFFERING
        self.attempts += 1
        self._attempt_s = self._progress_s = now_s
        self._base = self._highest = -1
        self._nack_s = 0.0
        self._download = None
        self._sent_s.clear()
        self._once.clear()
        self._verdict.begin()
        return self._send_offer(now_s)

    def _send_offer(self, now_s: float) -> list[Message]:
        self._wake_s = now_s + self.timers.handshake_s
        if not self.items:
            return self._out(wire.clear_all(self.peer, self.mission_type))
        return self._out(wire.count(self.peer, len(self.items), self.mission_type))

    def _send_items(self, first: int, last: int, now_s: float, *, fresh_only: bool) -> list[Message]:
        messages = []
        for seq in range(max(first, 0), min(last + 1, len(self.items))):
            before = self._sent_s.get(seq)
            if fresh_only and before is not None and now_s - before < self._round_trip.wait_s:
                continue
            (self._once.add if before is None else self._once.discard)(seq)
            self._sent_s[seq] = now_s
            self._highest = max(self._highest, seq)
            messages.append(wire.item_message(self.peer, self.items[seq], seq, self.mission_type))
        self._wake_s = now_s + self._round_trip.wait_s
        return self._out(*messages)

    def _on_request(self, seq: int, now_s: float) -> list[Message]:
        self._heard_s = now_s
        if not 0 <= seq < len(self.items):
            return []
        self.state = TransferState.SENDING
        if seq > self._base:
            if seq - 1 in self._once:
                self._round_trip.observe(now_s - self._sent_s[seq - 1])
            self._base, self._progress_s, self._nack_s = seq, now_s, 0.0
            self._furthest = max(self._furthest, seq)
            return self._send_items(seq, seq + self._window - 1, now_s, fresh_only=True)
        if seq == self._base:
            self._progress_s, self._nack_s = now_s, 0.0
        return self._send_items(seq, seq, now_s, fresh_only=True)

    def _on_silence(self, now_s: float) -> list[Message]:
        all_sent = self._highest == len(self.items) - 1
        stuck_s = now_s - self._progress_s
        nacked_for_s = now_s - self._nack_s if self._nack_s else 0.0
        if all_sent and (nacked_for_s >= self.timers.item_s or stuck_s > _ALL_SENT_PATIENCE_S):
            return self._read_back(now_s)
        if nacked_for_s >= self.timers.soft_nack_s or stuck_s > _STUCK_PATIENCE_S:
            return self._again(now_s, "the vehicle ended the transfer")
        return self._send_items(self._base, self._base + self._window, now_s, fresh_only=False)

    def _again(self, now_s: float, reason: str) -> list[Message]:
        if self.attempts < self.timers.attempts:
            return self._offer(now_s)
        self._reason = reason
        return self._ask_held(TransferState.FAILED, now_s)

    # -- answers ---------------------------------------------------------------------------------

    def _on_ack(self, message: Message, now_s: float) -> list[Message]:
        self._heard_s = now_s
        code = message.type
        if code == Ack.ACCEPTED:
            if self._highest < len(self.items) - 1:
                return []
            self.ack = Ack.ACCEPTED.name
            return self._read_back(now_s)
        if code == Ack.INVALID_SEQUENCE:
            return self._send_items(self._base, self._base, now_s, fresh_only=True)
        if code in SOFT_ACKS:
            if self.state is TransferState.SENDING and not self._nack_s:
                self.ack, self._nack_s = Ack.name_of(code), now_s
            return []
        self.ack = Ack.name_of(code)
        if code == Ack.DENIED and self._may_wait(now_s):
            self.state, self._base = TransferState.OFFERING, -1
            self._wake_s = now_s + self.timers.denied_wait_s
            return []
        self._reason = self._refusal(code)
        return self._ask_held(TransferState.REFUSED, now_s)

    def _may_wait(self, now_s: float) -> bool:
        self._denied_s = self._denied_s or now_s
        return now_s - self._denied_s < self.timers.denied_patience_s

    def _refusal(self, code: int) -> str:
        if code == Ack.DENIED:
            return "the vehicle answers DENIED: another ground station is writing to it"
        if self._base < 0 or code == Ack.NO_SPACE:
            return f"the vehicle answers {self.ack} to {len(self.items)} items"
        return f"the vehicle answers {self.ack} at item {self._base} (command {self.items[self._base].command})"

    def _read_back(self, now_s: float) -> list[Message]:
        self._verdict.accept(now_s)
        self.state = TransferState.READING_BACK
        return self._begin_reading(now_s)

    def _ask_held(self, ends_as: TransferState, now_s: float) -> list[Message]:
        self.state, self._ends_as = TransferState.ASKING_WHAT_IS_HELD, ends_as
        return self._begin_reading(now_s)

    def _begin_reading(self, now_s: float) -> list[Message]:
        self._download = Download(
            self.peer, self.mission_type, self.timers, window=self._window, round_trip=self._round_trip
        )
        return self._out(*self._download.start(now_s))

    def _after_reading(self, messages: list[Message], now_s: float) -> list[Message]:
        reading = self._download
        self._frames_sent += len(messages)
        if reading is None or not reading.done:
            return messages
        self._download = None
        self._heard_s = now_s
        report = reading.report()
        if report.complete:
            self.held = report.items
            self.differences = differences(self.items, self.held, self.peer, self.mission_type)
        else:
            self.held = None
        if self._ends_as is not None:
            self._end(self._ends_as, now_s)
            return messages
        if not report.complete:
            self._reason = report.message if self._furthest < 0 else f"{report.message}, {self._where()}"
            lost = report.state is TransferState.LINK_LOST
            self._end(TransferState.LINK_LOST if lost else TransferState.FAILED, now_s)
            return messages
        return messages + self._settle(now_s)

    def _settle(self, now_s: float) -> list[Message]:
        if self.differences:
            if self.attempts < self.timers.attempts:
                return self._offer(now_s)
            first = self.differences[0]
            where = "the number of items" if first.seq < 0 else f"{first.field} of item {first.seq}"
            self._reason = f"{where} reads back {first.held:.10g}, sent {first.sent:.10g}"
            self._end(TransferState.DIFFERENT, now_s)
            return []
        self.state = TransferState.AWAITING_VERDICT
        self._wake_s = self._verdict.due_s if self._has_late_verdict else now_s
        return self.poll(now_s)

    def _judge(self, now_s: float) -> list[Message]:
        said = self._verdict.told(now_s) if self._has_late_verdict else ""
        if said is None:
            self._wake_s = now_s + self.timers.verdict_s
            return []
        if said:
            self._reason = f"the vehicle took the items and then found them unfit: {said}"
            self._end(TransferState.REFUSED, now_s)
            return []
        self._end(TransferState.UPLOADED, now_s)
        return []

    @property
    def _has_late_verdict(self) -> bool:
        """PX4 takes any items and judges the mission afterwards."""
        mission = self.mission_type is MissionType.MISSION
        return mission and self.peer.dialect is Dialect.PX4 and bool(self.items)

    def _end(self, state: TransferState, now_s: float) -> None:
        self.state, self._ended_s = state, now_s
        self._download = None

    # -- watching --------------------------------------------------------------------------------

    def _notice_station(self, message: Message) -> None:
        if message.type == _GCS_TYPE and message.get_srcSystem() != self.peer.own_system:
            self.other_stations.add(message.get_srcSystem())

    def _notice_target(self, message: Message) -> None:
        if message.target_system not in (self.peer.own_system, 0):
            self.other_stations.add(message.target_system)

    def _where(self) -> str:
        if self._furthest < 0:
            return "never asked for the first item"
        taken = len(self.items) if self.ack == Ack.ACCEPTED.name else self._furthest
        came = f"after {taken} of {len(self.items)} items"
        return came if self._base >= 0 else f"{came}, and again when they were offered anew"

    def _sentence(self) -> str:
        name = self.mission_type.name.lower()
        if self.state is TransferState.UPLOADED:
            return f"{name}: {len(self.items)} items uploaded and read back equal"
        return f"{name} not uploaded: {self._reason or self.state}; {self._held_sentence()}; do not arm"

    def _held_sentence(self) -> str:
        if self.held is None:
            return "what the vehicle holds now is not known"
        same = len(self.items) == len(self.held) and not self.differences
        if same:
            return f"the vehicle holds these {len(self.held)} items"
        paired = min(len(self.items), len(self.held))
        changed = differences(self.items[:paired], self.held[:paired], self.peer, self.mission_type)
        leading = min((d.seq for d in changed), default=paired)
        return f"the vehicle holds {len(self.held)} items, the first {max(leading, 0)} as sent, not this list"


_ALL_SENT_PATIENCE_S: Final = 3.0
"""After the last item went out: how long to wait for an ACK before reading back settles it."""
_STUCK_PATIENCE_S: Final = 10.0
"""Longer than ArduPilot (8 s) and PX4 (5 s) keep an upload alive without an item."""
_MISSION_KINDS: Final = frozenset(
    {"MISSION_ACK", "MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_COUNT", "MISSION_ITEM_INT", "MISSION_ITEM"}
)
