"""Datagrams of a live stream, received by us so that the original bytes can be kept, handed on through a pipe."""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from telemetry.errors import MediaError
from telemetry.videos.stream_restart import RestartWatch

if TYPE_CHECKING:
    from telemetry.videos.recorder_file import SegmentRecorder

RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""What the kernel may hold while we are busy: two seconds of 16 Mbit/s."""

_RTP_HEADER_BYTES: Final = 12
_POLL_S: Final = 0.1
_MAX_DATAGRAM: Final = 65_536


def strip_rtp(datagram: bytes) -> bytes:
    """Return the payload of an RTP packet (RFC 3550, 5.1); empty when it is none."""
    if len(datagram) < _RTP_HEADER_BYTES or datagram[0] >> 6 != 2:  # noqa: PLR2004
        return b""
    start = _RTP_HEADER_BYTES + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10:
        if len(datagram) < start + 4:
            return b""
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram) - (datagram[-1] if datagram[0] & 0x20 else 0)
    return datagram[start:end]


def open_socket(url: str) -> socket.socket:
    """Bind a socket for a ``udp://`` or ``rtp://`` URL; groups of addresses are joined.

    Raises
    ------
    MediaError
        The URL has no port, or the port cannot be bound.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lstrip("@")
    try:
        if parts.port is None:
            raise MediaError(f"{parts.scheme}://{host} names no port; give it as {parts.scheme}://{host}:5600")
        address = ipaddress.ip_address(host or "0.0.0.0")  # noqa: S104 - the person asked to listen
    except ValueError as error:
        raise MediaError(f"{parts.scheme}://{host} is no numeric address with a port: {error}") from error
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    listener = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        listener.bind((str(address), parts.port))
        if address.is_multicast and family == socket.AF_INET:
            group = struct.pack("4s4s", address.packed, b"\x00\x00\x00\x00")
            listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    except OSError as error:
        listener.close()
        raise MediaError(f"port {parts.port} of {address} cannot be listened to: {error.strerror}") from error
    return listener


class DatagramPump:
    """A thread that receives, records, and passes bytes on to whichever pipe is attached."""

    def __init__(self, url: str, recorder: SegmentRecorder | None) -> None:
        self._socket = open_socket(url)
        self._rtp = url.lower().startswith("rtp:")
        self._recorder = recorder
        self._watch = RestartWatch()
        self._cut = threading.Event()
        self._pipe: int | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.received_bytes = 0
        self.dropped_bytes = 0
        self.failure: MediaError | None = None
        self._thread = threading.Thread(target=self._run, name="datagrams", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened to (chosen by the system for port 0)."""
        return int(self._socket.getsockname()[1])

    def attach(self) -> int:
        """Return a new pipe's reading end; bytes received from now on come out there."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with self._lock:
            self._detach()
            self._pipe = writing
        return reading

    def _detach(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _run(self) -> None:
        while not self._stopped.is_set():
            ready, _, _ = select.select([self._socket], [], [], _POLL_S)
            if not ready:
                continue
            data = self._socket.recv(_MAX_DATAGRAM)
            data = strip_rtp(data) if self._rtp else data
            self.received_bytes += len(data)
            try:
                self._record(data)
            except MediaError as error:
                self.failure = error
                return
            self._pass_on(data)

    def cut(self) -> None:
        """Begin a new segment of the recording with the next datagram; may be called from any thread."""
        self._cut.set()

    def _record(self, data: bytes) -> None:
        """Keep the bytes; where the stream's clock begins anew, in a new segment, so that each has one clock."""
        if self._recorder is None:
            return
        restarted = self._watch.restarted(data)
        if restarted or self._cut.is_set():
            self._cut.clear()
            self._recorder.close()
        self._recorder.write(data)

    def _pass_on(self, data: bytes) -> None:
        """Hand bytes to the pipe; when the decoder is behind, pictures suffer, never the record."""
        with self._lock:
            if self._pipe is None:
                return
            try:
                written = os.write(self._pipe, data)
                self.dropped_bytes += len(data) - written
            except BlockingIOError:
                self.dropped_bytes += len(data)
            except BrokenPipeError:
                self._detach()

    def close(self) -> None:
        """Stop receiving."""
        self._stopped.set()
        self._thread.join()
        with self._lock:
            self._detach()
        self._socket.close()
