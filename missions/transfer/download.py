"""Reading a list from the vehicle, as a state machine without a clock or a link of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.plan_files.dialect import Dialect
from missions.transfer import messages as wire
from missions.transfer.values import FINAL_STATES, SOFT_ACKS, Ack, DownloadReport, Timers, TransferState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from missions.plan import MissionItem
    from missions.plan_files.dialect import MissionType
    from missions.transfer.values import Message, Peer

_MAX_ITEMS: Final = 20_000
"""More than any autopilot stores; a larger count is garbage."""
_MAX_RESTARTS: Final = 60
_SILENT_TRIES: Final = 16
"""Requests for one item without an answer before the list is asked for again (PX4 forgets silently)."""
_PAUSE_STEP_S: Final = 0.1
_MAX_PAUSE_S: Final = 1.0


class RoundTrip:
    """Smoothed round-trip time, and the retransmission wait that follows from it (RFC 6298, section 2)."""

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._smoothed_s: float | None = None
        self._spread_s = 0.0

    def observe(self, round_trip_s: float) -> None:
        """Take in one round trip of a frame that was sent only once (Karn's rule is the caller's)."""
        if self._smoothed_s is None:
            self._smoothed_s, self._spread_s = round_trip_s, round_trip_s / 2
            return
        self._spread_s += 0.25 * (abs(self._smoothed_s - round_trip_s) - self._spread_s)
        self._smoothed_s += 0.125 * (round_trip_s - self._smoothed_s)

    @property
    def wait_s(self) -> float:
        """How long to wait before sending again, seconds."""
        if self._smoothed_s is None:
            return self._floor_s
        return min(1.5, max(self._floor_s / 2, 1.2 * self._smoothed_s, self._smoothed_s + 4.0 * self._spread_s))

    @property
    def handshake_s(self) -> float:
        """How long to wait for the answer that opens a transfer; the full wait while nothing is known."""
        return math.inf if self._smoothed_s is None else max(2.0 * self._floor_s, 2.0 * self.wait_s)


class Download:
    """Read one list: feed it messages and the time, send what it returns.

    Items already read survive a lost link: a new `REQUEST_LIST` that announces
    the same count continues with what is missing (ArduPilot), or reads from
    the start where the autopilot insists on order (PX4 answers a request out
    of order by ending the transfer; each such end makes the next pass slower).

    Parameters
    ----------
    peer, mission_type, timers
        The vehicle, which list, and how patiently.
    window
        Requests in flight at once. PX4 wants them one by one and gets them so.
    round_trip
        What an upload before it has learnt about the link.
    """

    def __init__(
        self,
        peer: Peer,
        mission_type: MissionType,
        timers: Timers | None = None,
        *,
        window: int = 1,
        round_trip: RoundTrip | None = None,
    ) -> None:
        self.peer = peer
        self.mission_type = mission_type
        self.timers = timers or Timers()
        self.state = TransferState.OFFERING
        self.items: dict[int, MissionItem] = {}
        self.expected = -1
        self.ack = ""
        self.frames_sent = 0
        self.wake_s = 0.0
        self._started_s = 0.0
        self._ended_s = 0.0
        self._heard_s = 0.0
        self._window = 1 if peer.dialect is Dialect.PX4 else max(1, window)
        self._asked: dict[int, tuple[float, int]] = {}
        self._restarts = 0
        self._suspect = False
        self._next = 0
        self._pause_s = 0.0
        self._round_trip = round_trip or RoundTrip(self.timers.item_s)
        self._reason = ""

    @property
    def done(self) -> bool:
        """True once the machine has nothing more to send or wait for."""
        return self.state in FINAL_STATES

    def start(self, now_s: float) -> list[Message]:
        """Begin, or go on after a lost link; returns the first messages to send.

        What has been read is kept if the vehicle still announces the same count.
        """
        if self.state is TransferState.CANCELLED:
            return []
        self._started_s = self._heard_s = now_s
        return self._ask_list(now_s)

    def poll(self, now_s: float) -> list[Message]:
        """Act on timers that have run out by `now_s`."""
        if self.done or now_s < self.wake_s:
            return []
        if now_s - self._started_s > self.timers.budget_s(max(self.expected, 0)):
            return self._end(TransferState.FAILED, now_s, "the vehicle took too long to give its items")
        if now_s - self._heard_s > self.timers.patience_s:
            return self._end(TransferState.LINK_LOST, now_s, f"the vehicle stopped answering ({self._where()})")
        if self.state is TransferState.OFFERING:
            return self._send_list(now_s)
        if not self._asked:
            return self._ask_more(now_s)
        due = [seq for seq, (asked_s, _) in self._asked.items() if now_s >= asked_s + self._round_trip.wait_s]
        if due and (self._suspect or max(tries for _, tries in self._asked.values()) >= _SILENT_TRIES):
            return self._restart(now_s)
        return self._ask(due, now_s)

    def feed(self, message: Message, now_s: float) -> list[Message]:
        """Take in one message; messages of other vehicles, lists and stations change nothing."""
        kind = message.get_type()
        if self.done or kind not in _HANDLERS or not wire.is_from(message, self.peer):
            return []
        if not wire.is_for_us(message, self.peer, self.mission_type):
            return []
        return _HANDLERS[kind](self, message, now_s)

    def cancel(self, now_s: float) -> list[Message]:
        """Stop cleanly: tell the vehicle, keep nothing waiting."""
        if self.done:
            return []
        self._end(TransferState.CANCELLED, now_s, "cancelled")
        return self._out(wire.acknowledge(self.peer, Ack.OPERATION_CANCELLED, self.mission_type))

    def report(self) -> DownloadReport:
        """Return what has been read so far, and how it ended."""
        return DownloadReport(
            mission_type=self.mission_type,
            state=self.state,
            items=tuple(self.items[seq] for seq in sorted(self.items)),
            expected_items=max(self.expected, 0),
            ack=self.ack,
            frames_sent=self.frames_sent,
            elapsed_s=self._ended_s - self._started_s,
            message=self._reason,
        )

    def _out(self, *messages: Message) -> list[Message]:
        self.frames_sent += len(messages)
        return list(messages)

    def _end(self, state: TransferState, now_s: float, reason: str) -> list[Message]:
        self.state, self._ended_s, self._reason = state, now_s, reason
        return []

    def _where(self) -> str:
        if self.state is TransferState.OFFERING:
            read = f", {len(self.items)} of {self.expected} read" if self.items else ""
            return f"asked how many items it holds{read}"
        return f"asked for item {min(self._asked, default=self._next)} of {self.expected}"

    def _ask_list(self, now_s: float) -> list[Message]:
        self.state, self._next, self._suspect = TransferState.OFFERING, 0, False
        self._asked.clear()
        return self._send_list(now_s)

    def _send_list(self, now_s: float) -> list[Message]:
        self.wake_s = now_s + min(self.timers.handshake_s, self._round_trip.handshake_s)
        return self._out(wire.request_list(self.peer, self.mission_type))

    def _ask(self, seqs: Iterable[int], now_s: float) -> list[Message]:
        messages = []
        for seq in seqs:
            self._asked[seq] = (now_s, self._asked.get(seq, (0.0, 0))[1] + 1)
            messages.append(wire.request_item(self.peer, seq, self.mission_type))
        self.wake_s = min((asked_s for asked_s, _ in self._asked.values()), default=now_s) + self._round_trip.wait_s
        return self._out(*messages)

    def _ask_more(self, now_s: float) -> list[Message]:
        fresh: list[int] = []
        while len(self._asked) + len(fresh) < self._window and self._next < self.expected:
            if self.peer.dialect is Dialect.PX4 or self._next not in self.items:
                fresh.append(self._next)
            self._next += 1
        if fresh or self._asked:
            return self._ask(fresh, now_s)
        self._end(TransferState.DOWNLOADED, now_s, "")
        return self._out(wire.acknowledge(self.peer, Ack.ACCEPTED, self.mission_type))

    def _restart(self, now_s: float) -> list[Message]:
        self._restarts += 1
        if self._restarts > _MAX_RESTARTS:
            return self._end(TransferState.FAILED, now_s, "the vehicle keeps ending the transfer")
        if self._suspect:
            self._pause_s = min(_MAX_PAUSE_S, self._pause_s + _PAUSE_STEP_S)
        return self._ask_list(now_s)

    def _on_count(self, message: Message, now_s: float) -> list[Message]:
        self._heard_s = now_s
        if self.state is not TransferState.OFFERING:
            return []
        if message.count > _MAX_ITEMS:
            return self._end(TransferState.FAILED, now_s, f"the vehicle claims {message.count} items")
        if message.count != self.expected:
            self.items.clear()
        self.expected = message.count
        self.state = TransferState.READING_BACK
        return self._ask_more(now_s)

    def _on_item(self, message: Message, now_s: float) -> list[Message]:
        self._heard_s = now_s
        if self.state is not TransferState.READING_BACK or message.seq not in self._asked:
            return []
        self.items[message.seq] = wire.item_from(message)
        asked_s, tries = self._asked.pop(message.seq)
        if tries == 1:
            self._round_trip.observe(now_s - asked_s)
        self._suspect = False
        if self._pause_s and self._next < self.expected:
            self.wake_s = now_s + self._pause_s
            return []
        return self._ask_more(now_s)

    def _on_ack(self, message: Message, now_s: float) -> list[Message]:
        if message.type == Ack.ACCEPTED:
            return []
        self._heard_s = now_s
        self.ack = Ack.name_of(message.type)
        if message.type == Ack.DENIED and now_s - self._started_s < self.timers.denied_patience_s:
            self.state, self.wake_s = TransferState.OFFERING, now_s + self.timers.denied_wait_s
            return []
        if message.type not in SOFT_ACKS:
            return self._end(TransferState.REFUSED, now_s, f"the vehicle refuses to give its items: {self.ack}")
        self._suspect = self.state is TransferState.READING_BACK
        return []


_HANDLERS = {
    "MISSION_COUNT": Download._on_count,
    "MISSION_ITEM_INT": Download._on_item,
    "MISSION_ITEM": Download._on_item,
    "MISSION_ACK": Download._on_ack,
}
