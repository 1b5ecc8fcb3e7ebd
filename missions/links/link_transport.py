"""Bytes in and out: UDP, TCP and serial behind one small protocol."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from geo.errors import InputError, MissingPartError, VedetteError

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_READ_BYTES: Final = 65_536
_RECEIVE_BUFFER_BYTES: Final = 4 << 20
"""Room for a simulator that sends thirty seconds of telemetry in one."""
_PEER_KEPT_S: Final = 5.0
_CONNECT_TIMEOUT_S: Final = 10.0
_CALL_EVERY_S: Final = 1.0
_DEFAULT_BAUD: Final = 57_600
_FORMS: Final = "udp:HOST:PORT (listen), udpout:HOST:PORT, tcp:HOST:PORT, serial:/dev/ttyACM0:57600"


class LinkError(VedetteError):
    """The link cannot be opened, or is gone."""


Address = tuple[str, int]
"""Host and port of whoever sent a datagram."""


class Received(NamedTuple):
    """What came in, and from where; nothing came where `data` is empty. A stream has one sender: None."""

    data: bytes
    sender: Address | None = None


NOTHING: Final = Received(b"")


class Transport(Protocol):
    """A pipe of bytes to one or more vehicles.

    It does not decide whom it talks to: the link does, which knows what a frame is worth.
    """

    def send(self, data: bytes) -> None:
        """Send, or drop what cannot be sent now."""
        ...

    def receive(self, timeout_s: float) -> Received:
        """Return what has arrived within the time, or nothing."""
        ...

    def hears(self, sender: Address | None) -> bool:  # noqa: ARG002
        """Whether `sender` is whom we talk to, or may become so."""
        return True

    def answer(self, sender: Address | None) -> bool:
        """Note a frame of `sender` that may decide whom we talk to; return whether we do talk to it now."""
        return self.hears(sender)

    def close(self) -> None:
        """Let go of the port."""
        ...


class UdpTransport(Transport):
    """UDP: listening for whoever speaks first, or speaking first to an address.

    A listener keeps to the sender it answers until that one has been silent for
    five seconds: one stray datagram must not turn commands to another address.
    One port serves one vehicle.
    """

    def __init__(self, host: str, port: int, *, listen: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.peer: Address | None = None if listen else (host, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        try:
            self._socket.bind((host, port) if listen else ("", 0))
        except OSError as error:
            self._socket.close()
            raise LinkError(f"cannot listen on {host}:{port}: {error.strerror}; is another station using it?") from None
        self._listen = listen
        self._clock = clock
        self._heard_s = 0.0

    @property
    def port(self) -> int:
        """The local port."""
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        """Send one datagram; before a listener answers anyone there is nobody to send to."""
        if self.peer is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(data, self.peer)

    def receive(self, timeout_s: float) -> Received:
        """Return one datagram."""
        if not select.select([self._socket], [], [], max(0.0, timeout_s))[0]:
            return NOTHING
        try:
            return Received(*self._socket.recvfrom(_READ_BYTES))
        except OSError:
            return NOTHING

    def hears(self, sender: Address | None) -> bool:
        """Whether `sender` is our peer, or the place of a peer is free."""
        return not self._listen or self.peer in (None, sender) or self._clock() - self._heard_s >= _PEER_KEPT_S

    def answer(self, sender: Address | None) -> bool:
        """Make `sender` our peer, unless another one is still heard."""
        if not self.hears(sender):
            return False
        if self._listen:
            self.peer, self._heard_s = sender, self._clock()
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class TcpTransport(Transport):
    """TCP to a vehicle or a router that listens; who hangs up is called again once a second."""

    def __init__(self, host: str, port: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LinkError(f"nobody answers on tcp {host}:{port}: {reason}; start the vehicle first") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._name, self._peer = f"tcp {host}:{port}", self._socket.getpeername()
        self._clock = clock
        self._broken = False
        self._calling: socket.socket | None = None
        self._called_s = 0.0

    def send(self, data: bytes) -> None:
        """Send; nothing goes out while nobody is at the other end."""
        try:
            self._socket.sendall(data)
        except OSError:
            self._broken = True

    def receive(self, timeout_s: float) -> Received:
        """Return what has arrived; while nobody is at the other end, call again and return nothing."""
        if self._broken:
            self._call(max(0.0, timeout_s))
            return NOTHING
        if not select.select([self._socket], [], [], max(0.0, timeout_s))[0]:
            return NOTHING
        try:
            data = self._socket.recv(_READ_BYTES)
        except OSError:
            data = b""
        self._broken = not data
        return Received(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        if self._calling is not None:
            self._calling.close()

    def _call(self, timeout_s: float) -> None:
        """Go on calling for so long; a call that is not answered yet is waited for the next time."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            _LOG.warning("%s hung up; it is called again each second", self._name)
        if self._calling is None:
            wait_s = self._called_s + _CALL_EVERY_S - self._clock()
            if wait_s > 0.0:
                select.select([], [], [], min(wait_s, timeout_s))
                return
            self._calling = self._begun()
        elif select.select([], [self._calling], [], timeout_s)[1]:
            self._answered(self._calling)
        elif self._clock() - self._called_s > _CONNECT_TIMEOUT_S:
            self._given_up()

    def _begun(self) -> socket.socket:
        calling = socket.socket(socket.AF_INET6 if ":" in self._peer[0] else socket.AF_INET, socket.SOCK_STREAM)
        calling.setblocking(False)
        self._called_s = self._clock()
        calling.connect_ex(self._peer)
        return calling

    def _answered(self, calling: socket.socket) -> None:
        try:
            calling.getpeername()
        except OSError:
            self._given_up()
            return
        calling.settimeout(_CONNECT_TIMEOUT_S)
        calling.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._calling, self._socket, self._broken = None, calling, False
        _LOG.warning("%s answers again", self._name)

    def _given_up(self) -> None:
        if self._calling is not None:
            self._calling.close()
        self._calling = None


class SerialTransport(Transport):
    """A serial port or a USB radio; one that was unplugged is opened again when it is back."""

    def __init__(self, device: str, baud: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._device, self._baud, self._clock = device, baud, clock
        self._tried_s = 0.0
        try:
            self._port = self._opened()
        except (OSError, ValueError) as error:
            raise LinkError(f"cannot open the serial port {device} at {baud} baud: {error}") from None

    def _opened(self) -> Any:
        return _serial().Serial(self._device, self._baud, timeout=0, write_timeout=1.0)

    def send(self, data: bytes) -> None:
        """Write; a full or vanished port shows as silence."""
        with contextlib.suppress(OSError):
            self._port.write(data)

    def receive(self, timeout_s: float) -> Received:
        """Return what has arrived within the time."""
        try:
            self._port.timeout = max(0.0, timeout_s)
            return Received(bytes(self._port.read(1) + self._port.read(self._port.in_waiting)))
        except OSError:
            self._open_again(max(0.0, timeout_s))
            return NOTHING

    def _open_again(self, timeout_s: float) -> None:
        if self._port.is_open:
            self._port.close()
            _LOG.warning("%s is gone; it is looked for each second", self._device)
        wait_s = self._tried_s + _CALL_EVERY_S - self._clock()
        if wait_s > 0.0:
            select.select([], [], [], min(wait_s, timeout_s))
            return
        self._tried_s = self._clock()
        with contextlib.suppress(OSError):
            self._port = self._opened()
            _LOG.warning("%s is there again", self._device)

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _serial() -> Any:
    try:
        import serial
    except ImportError:
        raise MissingPartError("serial links need pyserial: pip install pyserial") from None
    return serial


def open_transport(url: str) -> Transport:
    """Open the bytes end of a link URL.

    Raises
    ------
    InputError
        When the URL has none of the known forms.
    LinkError
        When the port cannot be opened.
    """
    scheme, _, rest = url.replace("://", ":", 1).partition(":")
    if url.startswith("/") or url.upper().startswith("COM"):
        scheme, rest = "serial", url
    if scheme == "serial":
        device, _, baud = rest.rpartition(":")
        if not baud.isdigit() or not device:
            device, baud = rest, str(_DEFAULT_BAUD)
        return SerialTransport(device, int(baud))
    host, _, port = rest.rpartition(":")
    if scheme not in _SCHEMES or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise InputError(f"link {url!r} is not understood; write one of: {_FORMS}", link=url)
    if scheme in ("tcp", "tcpout"):
        return TcpTransport(host or "127.0.0.1", int(port))
    return UdpTransport(host or "127.0.0.1", int(port), listen=scheme in ("udp", "udpin"))


_SCHEMES: Final = frozenset({"udp", "udpin", "udpout", "tcp", "tcpout"})
