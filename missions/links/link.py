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

from missions.links.link_transport import LinkError, open_transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.links.link_transport import Transport
    from missions.links.signing import Signer
    from missions.links.tlog_file import TlogRecorder
    from missions.transfer.values import Message

_LOG = logging.getLogger(__name__)
_MAGIC_V1: Final = 0xFE
_MAGIC_V2: Final = 0xFD
_SIGNED_FLAG: Final = 0x01
_SIGNATURE_BYTES: Final = 13
_HEARTBEAT_EVERY_S: Final = 1.0
_GCS_TYPE: Final = 6
_NO_AUTOPILOT: Final = 8
_ECHO_FRAMES: Final = 512
"""Frames of our own that are remembered: a router may send them back to us."""


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
    """Frames the signature check dropped."""


class FrameSplitter:
    """Cut a byte stream into whole MAVLink 1 and 2 frames, resynchronising after garbage."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.skipped_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next candidate frame, or None until more bytes come; its checksum is not checked."""
        while self._buffer:
            magic = self._buffer[0]
            if magic not in (_MAGIC_V1, _MAGIC_V2):
                starts = [i for i in (self._buffer.find(_MAGIC_V1), self._buffer.find(_MAGIC_V2)) if i > 0]
                drop = min(starts, default=len(self._buffer))
                self.skipped_bytes += drop
                del self._buffer[:drop]
                continue
            if len(self._buffer) < 3:
                return None
            size = self._buffer[1] + (8 if magic == _MAGIC_V1 else 12)
            if magic == _MAGIC_V2 and self._buffer[2] & _SIGNED_FLAG:
                size += _SIGNATURE_BYTES
            if len(self._buffer) < size:
                return None
            return bytes(self._buffer[:size])
        return None

    def ends_well(self, frame: bytes) -> bool:
        """Whether another frame, or nothing, follows: all that can be said of a frame whose checksum is not known."""
        return len(self._buffer) == len(frame) or self._buffer[len(frame)] in (_MAGIC_V1, _MAGIC_V2)

    def accept(self, frame: bytes) -> None:
        """Remove the frame that `next_frame` returned: it was one."""
        del self._buffer[: len(frame)]

    def reject(self) -> None:
        """Skip the first byte of what `next_frame` returned: it was no frame."""
        del self._buffer[:1]
        self.skipped_bytes += 1


def message_id_of(frame: bytes) -> int:
    """Return the message id in a frame's header."""
    return frame[5] if frame[0] == _MAGIC_V1 else int.from_bytes(frame[7:10], "little")


def _is_known(message: Message) -> bool:
    return not message.get_type().startswith("UNKNOWN")


class Link:
    """One link to a vehicle (or to several behind one port).

    Safe to send on from several threads; one thread receives.

    Parameters
    ----------
    transport
        The bytes end.
    own_system, own_component
        Who we are; 255/190 is a ground station (MAVLink: MAV_COMP_ID_MISSIONPLANNER).
    recorder, signer
        Where frames are recorded; the key that signs and verifies them.
    clock, wall_ns
        Monotonic seconds, and nanoseconds since 1970 for the record.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        url: str = "",
        own_system: int = 255,
        own_component: int = 190,
        recorder: TlogRecorder | None = None,
        signer: Signer | None = None,
        heartbeat: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.url = url
        self.own_system = own_system
        self.own_component = own_component
        self.counts = LinkCounts()
        self.clock = clock
        self.muted = False
        """Set when another station uses our system id: nothing more is sent."""
        self._transport = transport
        self._recorder = recorder
        self._signer = signer
        self._heartbeat = heartbeat
        self._wall_ns = wall_ns
        self._splitter = FrameSplitter()
        self._waiting: collections.deque[Message] = collections.deque()
        self._decoder = mavlink.MAVLink(None)
        self._packer = mavlink.MAVLink(None, srcSystem=own_system, srcComponent=own_component)
        self._send_lock = threading.Lock()
        self._heartbeat_s = -_HEARTBEAT_EVERY_S
        self._last_seq: dict[tuple[int, int], int] = {}
        self._ours: collections.deque[bytes] = collections.deque(maxlen=_ECHO_FRAMES)

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

    def send(self, message: Message) -> None:
        """Pack, sign, send and record one message."""
        if self.muted:
            return
        with self._send_lock:
            if self._signer is not None:
                self._signer.equip(self._packer)
            frame = bytes(message.pack(self._packer))
            self._packer.seq = (self._packer.seq + 1) % 256
            self._ours.append(frame)
            self._transport.send(frame)
            self.counts.sent += 1
            self._record(frame)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message within the time, or None; also keeps our own heartbeat going."""
        until_s = self.clock() + max(0.0, timeout_s)
        while True:
            self._beat()
            if self._waiting:
                return self._waiting.popleft()
            now_s = self.clock()
            wait_s = min(until_s, self._heartbeat_s + _HEARTBEAT_EVERY_S if self._heartbeat else until_s) - now_s
            data = self._transport.receive(max(0.0, wait_s))
            if data:
                self._take(data)
            elif self.clock() >= until_s:
                return None

    def _beat(self) -> None:
        now_s = self.clock()
        if self._heartbeat and now_s - self._heartbeat_s >= _HEARTBEAT_EVERY_S:
            self._heartbeat_s = now_s
            self.send(mavlink.MAVLink_heartbeat_message(_GCS_TYPE, _NO_AUTOPILOT, 0, 0, 4, 3))

    def _take(self, data: bytes) -> None:
        self._splitter.feed(data)
        while (frame := self._splitter.next_frame()) is not None:
            message = self._decode(frame)
            if message is None or (not _is_known(message) and not self._splitter.ends_well(frame)):
                self._splitter.reject()
                self.counts.broken += 1
                continue
            self._splitter.accept(frame)
            self._admit(frame, message)

    def _decode(self, frame: bytes) -> Message | None:
        try:
            return self._decoder.decode(bytearray(frame))
        except mavlink.MAVError:
            return None

    def _admit(self, frame: bytes, message: Message) -> None:
        known = _is_known(message)
        if self._signer is not None and not self._signer.admits(frame, message_id_of(frame), known=known):
            self.counts.rejected += 1
            return
        self._record(frame)
        if not known:
            self.counts.unknown += 1
            return
        self.counts.received += 1
        if message.get_srcSystem() == self.own_system:
            if frame not in self._ours:
                self._stop_sending(message)
            return
        self._count_lost(message)
        self._waiting.append(message)

    def _stop_sending(self, message: Message) -> None:
        """Another station uses our system id: two masters on one vehicle, so this one goes silent."""
        if not self.muted:
            _LOG.warning(
                "another station uses system id %d; nothing more is sent on %s",
                self.own_system,
                self.url,
                extra={"component": message.get_srcComponent(), "message_type": message.get_type()},
            )
        self.muted = True

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
            self._recorder.record(frame, self._wall_ns(), message_id_of(frame))


def open_link(
    url: str,
    *,
    own_system: int = 255,
    own_component: int = 190,
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
    return Link(
        open_transport(url),
        url=url,
        own_system=own_system,
        own_component=own_component,
        recorder=recorder,
        signer=signer,
    )


__all__ = ["Link", "LinkCounts", "LinkError", "open_link"]
