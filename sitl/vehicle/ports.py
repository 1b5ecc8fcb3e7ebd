"""The sockets of a simulated vehicle: a TCP server and a UDP port on the loopback address, one MAVLink stream a peer."""

from __future__ import annotations

import selectors
import socket
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.vehicle.config import VehicleConfig

LOOPBACK: Final = "127.0.0.1"
BACKLOG_BYTES: Final = 256 * 1024
"""Unsent bytes kept for a slow TCP peer; beyond that, messages are dropped as a full radio drops them."""


class Peer:
    """One ground station: its own parser, sequence numbers and way to send."""

    def __init__(self, config: VehicleConfig, send: Callable[[bytes], None]) -> None:
        self.mav = mavlink.MAVLink(None, srcSystem=config.sysid, srcComponent=1)
        self.mav.robust_parsing = True
        self.ids: set[tuple[int, int]] = set()
        self._send = send

    def feed(self, data: bytes) -> list[Any]:
        """Parse bytes into messages, and remember who speaks on this stream."""
        messages = [m for m in self.mav.parse_buffer(data) or [] if m.get_type() != "BAD_DATA"]
        self.ids.update((m.get_srcSystem(), m.get_srcComponent()) for m in messages)
        return messages

    def say(self, message: Any) -> None:
        """Send one message with this stream's sequence number."""
        packed = message.pack(self.mav)
        self.mav.seq = (self.mav.seq + 1) % 256
        self._send(packed)


class _TcpPeer(Peer):
    def __init__(self, config: VehicleConfig, connection: socket.socket) -> None:
        super().__init__(config, self._queue)
        self.connection = connection
        self.unsent = bytearray()
        self.closed = False
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _queue(self, data: bytes) -> None:
        if len(self.unsent) + len(data) <= BACKLOG_BYTES:
            self.unsent += data

    def flush(self) -> None:
        """Hand over what the socket takes."""
        if not self.unsent or self.closed:
            return
        try:
            sent = self.connection.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            self.closed = True
            return
        del self.unsent[:sent]


class Ports:
    """All sockets of one vehicle."""

    def __init__(self, config: VehicleConfig) -> None:
        self._config = config
        self._selector = selectors.DefaultSelector()
        self._tcp: list[_TcpPeer] = []
        self._udp: dict[tuple[str, int], Peer] = {}
        self._server = self._open(config.tcp_port, socket.SOCK_STREAM)
        self._datagrams = self._open(config.udp_port, socket.SOCK_DGRAM)
        if config.udp_out and self._datagrams is None:
            self._datagrams = self._open(0, socket.SOCK_DGRAM)
        for address in config.udp_out:
            host, _, port = address.rpartition(":")
            self._udp_peer((host or LOOPBACK, int(port)))

    def _open(self, port: int | None, kind: int) -> socket.socket | None:
        if port is None:
            return None
        opened = socket.socket(socket.AF_INET, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((LOOPBACK, port))
        except OSError as error:
            opened.close()
            raise SitlError(
                f"port {port} on {LOOPBACK} is not free ({error.strerror}); choose another, or 0 for any", port=port
            ) from error
        opened.setblocking(False)
        if kind == socket.SOCK_STREAM:
            opened.listen()
        self._selector.register(opened, selectors.EVENT_READ)
        return opened

    @property
    def tcp_port(self) -> int | None:
        """The TCP port in use."""
        return int(self._server.getsockname()[1]) if self._server else None

    @property
    def udp_port(self) -> int | None:
        """The UDP port in use."""
        return int(self._datagrams.getsockname()[1]) if self._datagrams else None

    def send(self, message: Any, to: tuple[int, int] | None) -> None:
        """Send to the stream on which `to` (sysid, compid) has spoken, or to all of them."""
        for peer in (*self._tcp, *self._udp.values()):
            if to is None or to in peer.ids:
                peer.say(message)

    def poll(self, wait_s: float) -> list[Any]:
        """Send what waits, then return the messages that arrive within `wait_s` seconds."""
        for peer in self._tcp:
            peer.flush()
        messages: list[Any] = []
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._server:
                self._accept()
            elif key.fileobj is self._datagrams:
                messages += self._read_datagrams()
            else:
                messages += self._read_stream(key.data)
        self._drop_closed()
        return messages

    def _accept(self) -> None:
        if self._server is None:
            return
        connection, _ = self._server.accept()
        peer = _TcpPeer(self._config, connection)
        self._tcp.append(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _read_stream(self, peer: _TcpPeer) -> list[Any]:
        try:
            data = peer.connection.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            peer.closed = True
            return []
        return peer.feed(data)

    def _read_datagrams(self) -> list[Any]:
        messages: list[Any] = []
        while self._datagrams is not None:
            try:
                data, address = self._datagrams.recvfrom(65536)
            except (BlockingIOError, ConnectionError):
                break
            messages += self._udp_peer(address).feed(data)
        return messages

    def _udp_peer(self, address: tuple[str, int]) -> Peer:
        if address not in self._udp:
            self._udp[address] = Peer(self._config, lambda data: self._datagram(data, address))
        return self._udp[address]

    def _datagram(self, data: bytes, address: tuple[str, int]) -> None:
        if self._datagrams is None:
            return
        try:
            self._datagrams.sendto(data, address)
        except (BlockingIOError, ConnectionError):
            return

    def _drop_closed(self) -> None:
        for peer in [p for p in self._tcp if p.closed]:
            self._selector.unregister(peer.connection)
            peer.connection.close()
            self._tcp.remove(peer)

    def close(self) -> None:
        """Flush and close everything."""
        for peer in self._tcp:
            peer.flush()
            peer.connection.close()
        for opened in (self._server, self._datagrams):
            if opened is not None:
                opened.close()
        self._selector.close()
