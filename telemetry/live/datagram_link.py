"""Datagrams of a live stream, received by us so that the original bytes can be kept."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

from telemetry.errors import MediaError

RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""What the kernel may hold while we are busy: two seconds of 16 Mbit/s."""

_RTP_HEADER_BYTES: Final = 12
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


class DatagramLink:
    """Datagrams at a port of ours; there is no connection, so silence is no end."""

    reconnects = False

    def __init__(self, url: str) -> None:
        self._socket = open_socket(url)
        self._rtp = url.lower().startswith("rtp:")

    @property
    def port(self) -> int:
        """The port that is listened to (chosen by the system for port 0)."""
        return int(self._socket.getsockname()[1])

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def blocks(self) -> list[bytes] | None:
        """Return the payload of one datagram."""
        data = self._socket.recv(_MAX_DATAGRAM)
        return [strip_rtp(data) if self._rtp else data]

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
