"""The sockets of a simulated vehicle, on the loopback address, and one MAVLink stream for each peer."""

from __future__ import annotations

import selectors
import socket
import time
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.links.frames import FrameSplitter
from missions.links.signing import Signer, Verdict
from missions.links.signing_key import SigningKey
from sitl.errors import SitlError
from sitl.vehicle.fault_desk import LinkCondition

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sitl.vehicle.config import VehicleConfig

LOOPBACK: Final = "127.0.0.1"
BACKLOG_BYTES: Final = 256 * 1024
"""Unsent bytes kept for a slow TCP peer; beyond that, messages are dropped as a full radio drops them."""


class Peer:
    """One ground station: its own frames, sequence numbers, signature and way to send."""

    def __init__(self, config: VehicleConfig, send: Callable[[bytes], None], link: LinkCondition) -> None:
        self.ids: set[tuple[int, int]] = set()
        self.signer: Signer | None = None
        self._packer = mavlink.MAVLink(None, srcSystem=config.sysid, srcComponent=1)
        self._decoder = mavlink.MAVLink(None)
        self._splitter = FrameSplitter()
        self._send = send
        self._link = link
        if config.signing_key_hex:
            self.use_key(bytes.fromhex(config.signing_key_hex))

    def use_key(self, secret: bytes) -> None:
        """Sign and demand signatures from now on; an all-zero key ends that."""
        self.signer = Signer(SigningKey(secret)) if any(secret) else None
        self._packer.signing.sign_outgoing = False

    def feed(self, data: bytes) -> list[Any]:
        """Cut bytes into frames, drop what is not admitted, and remember who speaks on this stream."""
        self._splitter.feed(data)
        messages = []
        while (frame := self._splitter.next_frame()) is not None:
            try:
                message = self._decoder.decode(bytearray(frame))
            except mavlink.MAVError:
                self._splitter.reject()
                continue
            self._splitter.accept(frame)
            known = not message.get_type().startswith("UNKNOWN")
            if self.signer is not None and self.signer.judge(frame, known=known) is not Verdict.ACCEPTED:
                continue
            if known:
                self.ids.add((message.get_srcSystem(), message.get_srcComponent()))
                messages.append(message)
        return messages

    def say(self, message: Any, now_s: float) -> None:
        """Send one message with this stream's sequence number, through whatever the link does to it."""
        if self.signer is not None:
            self.signer.equip(self._packer)
        packed = bytes(message.pack(self._packer))
        self._packer.seq = (self._packer.seq + 1) % 256
        if self._link.outbound.transparent:
            self._send(packed)
        else:
            self._link.outbound.push((self._send, packed), now_s)


class _TcpPeer(Peer):
    def __init__(self, config: VehicleConfig, connection: socket.socket, link: LinkCondition) -> None:
        super().__init__(config, self._queue, link)
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

    def __init__(self, config: VehicleConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self.link = LinkCondition(config.link, config.seed)
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
        now_s = self._clock()
        for peer in (*self._tcp, *self._udp.values()):
            if to is None or to in peer.ids:
                peer.say(message, now_s)

    def poll(self, wait_s: float) -> list[Any]:
        """Send what waits, then return the messages that arrive within `wait_s` seconds."""
        self._release()
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
        return self._received(messages)

    def _release(self) -> None:
        """Hand over the outgoing frames whose time has come."""
        for send, packed in self.link.outbound.pop(self._clock()):
            send(packed)

    def _received(self, messages: list[Any]) -> list[Any]:
        """Let the link do to incoming messages what it does."""
        if self.link.inbound.transparent:
            return messages
        now_s = self._clock()
        for message in messages:
            self.link.inbound.push(message, now_s)
        return self.link.inbound.pop(now_s)

    def use_key(self, secret: bytes) -> None:
        """Sign on every stream from now on (SETUP_SIGNING)."""
        for peer in (*self._tcp, *self._udp.values()):
            peer.use_key(secret)

    def _accept(self) -> None:
        if self._server is None:
            return
        connection, _ = self._server.accept()
        peer = _TcpPeer(self._config, connection, self.link)
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
            self._udp[address] = Peer(self._config, lambda data: self._datagram(data, address), self.link)
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
