"""A MAVLink link: frames out of bytes, one clock of silence, one recorder, one signature check.

pymavlink packs and unpacks messages; finding frames, checking signatures and
counting losses happen here, in front of it.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.links.frames import RADIO_STATUS, FrameSplitter, message_id_of
from missions.links.link_transport import LinkError, open_transport
from missions.links.signing import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.links.link_transport import Address, Received, Transport
    from missions.links.signing import Signer
    from missions.links.tlog_file import TlogRecorder
    from missions.transfer.values import Message

_LOG = logging.getLogger(__name__)
_HEARTBEAT_EVERY_S: Final = 1.0
_GCS_TYPE: Final = 6
_NO_AUTOPILOT: Final = 8
_ECHO_S: Final = 5.0
"""How long a frame of our own may be on its way back to us over a router, on a link without a key."""
_FLOOD_S: Final = 1.0
_MOST_SENDERS: Final = 64
"""Senders whose unfinished frames are kept; a flood of forged addresses takes no more memory than that."""


@dataclasses.dataclass(slots=True, kw_only=True)
class LinkCounts:
    """What happened on the link so far, frames."""

    received: int = 0
    sent: int = 0
    lost: int = 0
    """Gaps in the senders' sequence numbers."""
    broken: int = 0
    """Bytes that looked like a frame and were none."""
    unknown: int = 0
    """Frames of message ids this dialect does not have."""
    rejected: int = 0
    """Frames the signature check dropped, and RADIO_STATUS in our own name."""
    strangers: int = 0
    """Frames of others than the one we talk to, on a listening port without a key."""
    withheld: int = 0
    """Messages of ours that were not sent because another station uses our system id."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecondStation:
    """Another station that uses our system id, as first heard."""

    system: int
    component: int
    message_type: str
    signed: bool
    """Whether it holds our key: nobody else is believed on a signed link."""


def _is_known(message: Message) -> bool:
    return not message.get_type().startswith("UNKNOWN")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Who we are on a link; 255/190 is a ground station (MAVLink: MAV_COMP_ID_MISSIONPLANNER)."""

    system: int = 255
    component: int = 190
    heartbeat: bool = True
    """Whether we say once a second that we are there."""


GROUND_STATION: Final = Station()


class Link:
    """One link to a vehicle (or to several behind one port).

    Safe to send on from several threads; one thread receives. With a key, only a
    frame that is signed with it and newer than the stored mark decides anything:
    whom we talk to, that the vehicle is there, that another station uses our id.

    Parameters
    ----------
    transport
        The bytes end.
    station
        Who we are.
    recorder, signer
        Where frames are recorded; the key that signs and verifies them.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        url: str = "",
        station: Station = GROUND_STATION,
        recorder: TlogRecorder | None = None,
        signer: Signer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self.own_system = station.system
        self.own_component = station.component
        self.counts = LinkCounts()
        self.clock = clock
        self.second_station: SecondStation | None = None
        self._released = False
        self._transport = transport
        self._recorder = recorder
        self._signer = signer
        self._heartbeat = station.heartbeat
        self._splitters: collections.OrderedDict[Address | None, FrameSplitter] = collections.OrderedDict()
        self._waiting: collections.deque[Message] = collections.deque()
        self._decoder = mavlink.MAVLink(None)
        self._packer = mavlink.MAVLink(None, srcSystem=station.system, srcComponent=station.component)
        self._send_lock = threading.Lock()
        self._heartbeat_s = -_HEARTBEAT_EVERY_S
        self._last_seq: dict[tuple[int, int], int] = {}
        self._ours: collections.deque[tuple[float, bytes]] = collections.deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port and the record."""
        self._transport.close()
        if self._signer is not None:
            self._signer.save()
        if self._recorder is not None:
            self._recorder.close()

    @property
    def commands_held(self) -> bool:
        """Whether only heartbeats go out, because another station uses our system id."""
        return self.second_station is not None and not self._released

    def resume_commands(self) -> None:
        """Send everything again, for good: a person has decided which of the two stations commands."""
        self._released = True

    def refused(self) -> str:
        """Return what the signature check has dropped, as a sentence for who waits in vain; "" for nothing."""
        counts = self._signer.counts if self._signer is not None else None
        if counts is None or not self.counts.rejected:
            return ""
        return (
            f"{self.counts.rejected} frames were refused: {counts.unsigned} unsigned, {counts.forged} of another key, "
            f"{counts.unknown} of an unknown kind, {counts.replayed} older than this link's marks "
            "(are the clocks right?)"
        )

    def send(self, message: Message) -> None:
        """Pack, sign, send and record one message; while commands are held, only heartbeats go out."""
        if self.commands_held and message.get_type() != "HEARTBEAT":
            self.counts.withheld += 1
            return
        with self._send_lock:
            if self._signer is not None:
                self._signer.equip(self._packer)
            frame = bytes(message.pack(self._packer))
            self._packer.seq = (self._packer.seq + 1) % 256
            self._remember(frame)
            self._transport.send(frame)
            self.counts.sent += 1
            self._record(frame)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message within the time, or None; also keeps our own heartbeat going.

        A flood of frames that are all dropped cannot stretch the time by more than a second.
        """
        until_s = self.clock() + max(0.0, timeout_s)
        while True:
            self._beat()
            if self._waiting:
                return self._waiting.popleft()
            now_s = self.clock()
            wait_s = min(until_s, self._heartbeat_s + _HEARTBEAT_EVERY_S if self._heartbeat else until_s) - now_s
            received = self._transport.receive(max(0.0, wait_s))
            if received.data:
                self._take(received)
            over_s = self.clock() - until_s
            if not self._waiting and (over_s >= _FLOOD_S or (over_s >= 0.0 and not received.data)):
                return None

    def _beat(self) -> None:
        now_s = self.clock()
        if self._heartbeat and now_s - self._heartbeat_s >= _HEARTBEAT_EVERY_S:
            self._heartbeat_s = now_s
            self.send(mavlink.MAVLink_heartbeat_message(_GCS_TYPE, _NO_AUTOPILOT, 0, 0, 4, 3))

    # -- from bytes to frames --------------------------------------------------------------------

    def _take(self, received: Received) -> None:
        splitter = self._splitter_of(received.sender)
        if splitter.pending and received.sender is not None and self._begins_with_frame(received.data):
            splitter.clear()  # what waits was no frame: datagrams begin with one
        splitter.feed(received.data)
        while (frame := splitter.next_frame()) is not None:
            message = self._decode(frame)
            if splitter.inside_refused and not (message and self._signer and self._signer.verifies(frame)):
                splitter.reject()
            elif message is None:
                splitter.reject()
                self.counts.broken += 1
            elif self._signer is not None:
                known = _is_known(message)
                verdict = self._signer.judge(frame, known=known, own=self._is_own(message))
                if verdict.is_whole:
                    splitter.accept(frame)
                elif known:
                    splitter.look_through(frame)  # byte by byte: a forged frame must not swallow a true one
                else:
                    splitter.reject()  # its checksum is not known, so it may be none
                self._admit_judged(verdict, frame, message, received.sender)
            elif _is_known(message) or splitter.ends_well(frame):
                splitter.accept(frame)
                self._admit_unsigned(frame, message, received.sender)
            else:
                splitter.reject()
                self.counts.broken += 1

    def _splitter_of(self, sender: Address | None) -> FrameSplitter:
        """Return the sender's own splitter: nobody's garbage stands between another's frames."""
        splitter = self._splitters.setdefault(sender, FrameSplitter())
        self._splitters.move_to_end(sender)
        if len(self._splitters) > _MOST_SENDERS:
            self._splitters.popitem(last=False)
        return splitter

    def _begins_with_frame(self, data: bytes) -> bool:
        probe = FrameSplitter()
        probe.feed(data)
        frame = probe.next_frame()
        if frame is None or probe.skipped_bytes:
            return False
        if self._signer is not None:
            return self._signer.verifies(frame)
        message = self._decode(frame)
        return message is not None and _is_known(message)

    def _decode(self, frame: bytes) -> Message | None:
        try:
            return self._decoder.decode(bytearray(frame))
        except mavlink.MAVError:
            return None

    # -- from frames to messages -----------------------------------------------------------------

    def _admit_judged(self, verdict: Verdict, frame: bytes, message: Message, sender: Address | None) -> None:
        if verdict is Verdict.ACCEPTED and self._is_own(message):
            self._hear_second_station(message, signed=True)
        elif verdict is Verdict.ACCEPTED:
            self._transport.answer(sender)
            self._deliver(frame, message)
        elif verdict is Verdict.LET_THROUGH and self._transport.hears(sender):
            self._deliver(frame, message)
        else:
            self.counts.rejected += 1

    def _admit_unsigned(self, frame: bytes, message: Message, sender: Address | None) -> None:
        radio = message_id_of(frame) == RADIO_STATUS
        if not _is_known(message):
            if self._transport.hears(sender):
                self.counts.unknown += 1
                self._record(frame)
        elif self._is_own(message):
            if radio:
                self.counts.rejected += 1
            elif not self._is_echo(frame):
                self._hear_second_station(message, signed=False)
        elif self._transport.hears(sender) if radio else self._transport.answer(sender):
            self._deliver(frame, message)
        else:
            self.counts.strangers += 1

    def _deliver(self, frame: bytes, message: Message) -> None:
        self._record(frame)
        self.counts.received += 1
        if message_id_of(frame) != RADIO_STATUS:
            self._count_lost(message)
        self._waiting.append(message)

    def _is_own(self, message: Message) -> bool:
        return bool(message.get_srcSystem() == self.own_system)

    def _remember(self, frame: bytes) -> None:
        now_s = self.clock()
        self._ours.append((now_s, frame))
        while self._ours[0][0] < now_s - _ECHO_S:
            self._ours.popleft()

    def _is_echo(self, frame: bytes) -> bool:
        """Whether we sent this frame just now; an older copy cannot be told from another station's frame."""
        since_s = self.clock() - _ECHO_S
        with self._send_lock:
            return any(sent == frame for sent_s, sent in self._ours if sent_s >= since_s)

    def _hear_second_station(self, message: Message, *, signed: bool) -> None:
        """Hold our commands: two masters on one vehicle are worse than none.

        Our heartbeats go on: without them the vehicle's own link failsafe would end the flight.
        """
        if self.second_station is not None:
            return
        self.second_station = SecondStation(
            system=self.own_system,
            component=message.get_srcComponent(),
            message_type=message.get_type(),
            signed=signed,
        )
        _LOG.warning(
            "another station uses system id %d; only heartbeats are sent on %s until a person decides",
            self.own_system,
            self.url,
            extra={"station": self.second_station},
        )

    def _count_lost(self, message: Message) -> None:
        sender = (message.get_srcSystem(), message.get_srcComponent())
        seq = message.get_seq()
        before = self._last_seq.get(sender)
        gap = 0 if before is None else (seq - before - 1) % 256
        if gap < 128:
            self.counts.lost += gap
            self._last_seq[sender] = seq

    def _record(self, frame: bytes) -> None:
        if self._recorder is not None:
            self._recorder.record(frame)


def open_link(
    url: str,
    *,
    station: Station = GROUND_STATION,
    recorder: TlogRecorder | None = None,
    signer: Signer | None = None,
) -> Link:
    """Open a link: ``udp:HOST:PORT`` listens, ``udpout:``, ``tcp:`` and ``serial:DEVICE:BAUD`` call.

    Raises
    ------
    InputError
        When the URL is not understood.
    LinkError
        When the port cannot be opened.
    """
    return Link(open_transport(url), url=url, station=station, recorder=recorder, signer=signer)


__all__ = ["Link", "LinkCounts", "LinkError", "SecondStation", "Station", "open_link"]
