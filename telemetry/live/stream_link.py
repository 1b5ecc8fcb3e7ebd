"""A transport stream over TCP: we call, or are called where the address is one of this machine's own ("0.0.0.0")."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from telemetry.errors import MediaError
from telemetry.live.byte_link import PacketAligner

CONNECT_S: Final = 10.0
_RECEIVE_BYTES: Final = 1 << 16


def host_and_port(url: str) -> tuple[str, int]:
    """Return the numeric host and the port of a judged address.

    Raises
    ------
    MediaError
        One of them is missing.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
        ipaddress.ip_address(host)
    except ValueError as error:
        raise MediaError(f"{parts.scheme}://{parts.hostname} is no address with a port: {error}") from error
    if port is None:
        raise MediaError(f"{parts.scheme}://{host} names no port; give it as {parts.scheme}://{host}:5600")
    return host, port


class StreamLink:
    """One TCP connection."""

    reconnects = True

    def __init__(self, url: str) -> None:
        host, port = host_and_port(url)
        self._socket = _called(host, port) if ipaddress.ip_address(host).is_unspecified else _call(host, port)
        self._aligner = PacketAligner()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def blocks(self) -> list[bytes] | None:
        """Return what has come."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError:
            return None
        return list(self._aligner.feed(data)) if data else None

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def _call(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as error:
        raise ConnectionError(f"{host}:{port} cannot be reached: {error.strerror or error}") from error


def _called(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise MediaError(f"port {port} cannot be listened to: {error.strerror}") from error
        listener.listen(1)
        listener.settimeout(CONNECT_S)
        try:
            return listener.accept()[0]
        except TimeoutError as error:
            raise ConnectionError(f"nobody has called port {port} yet") from error
