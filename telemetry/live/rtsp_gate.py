"""A gate between the process that reads RTSP and the server: it alone calls, and follows no redirection by itself.

The reader knows only an address on the loopback. What it asks is passed on to the judged address; an answer that
sends it elsewhere (3xx) is not passed back but kept for whoever judges addresses (RFC 2326, sections 10.11, 11).
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from typing import Final
from urllib.parse import urlsplit, urlunsplit

CONNECT_S: Final = 10.0
DEFAULT_PORT: Final = 554
MOST_HEADER_BYTES: Final = 1 << 16
_POLL_S: Final = 0.1
_RECEIVE_BYTES: Final = 1 << 16
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d{1,9})\s*$", re.IGNORECASE | re.MULTILINE)
_LOCATION: Final = re.compile(rb"^location:\s*(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_SOURCE: Final = re.compile(rb";(?:source|destination)=[^;,\r\n]*", re.IGNORECASE)


class RtspGate:
    """One relay for one reader and one server.

    Parameters
    ----------
    url
        The judged address, its host numeric.

    Raises
    ------
    ConnectionError
        The server cannot be reached.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
        try:
            self._server = socket.create_connection((host, port), timeout=CONNECT_S)
        except OSError as error:
            raise ConnectionError(f"{host}:{port} cannot be reached: {error.strerror or error}") from error
        self._listener = socket.create_server(("127.0.0.1", 0))
        own = self._listener.getsockname()
        self.url = urlunsplit(parts._replace(netloc=f"{own[0]}:{own[1]}"))
        self.redirect = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtsp gate", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End both connections."""
        self._stopped.set()
        self._thread.join()
        self._server.close()
        self._listener.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.settimeout(CONNECT_S)
            reader, _ = self._listener.accept()
            with reader:
                self._relay(reader)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)

    def _relay(self, reader: socket.socket) -> None:
        answers = AnswerFilter()
        while not self._stopped.is_set():
            ready, _, _ = select.select([reader, self._server], [], [], _POLL_S)
            for one in ready:
                data = one.recv(_RECEIVE_BYTES)
                if not data:
                    return
                if one is reader:
                    self._server.sendall(data)
                    continue
                reader.sendall(answers.feed(data))
                if answers.redirect or answers.broken:
                    self.redirect = answers.redirect
                    return


class AnswerFilter:
    """Follows what a server says, message by message; stops at a redirection, and at what is no RTSP.

    A server's word on where else to send datagrams (``source=``) is taken out: they go where the requests go.
    """

    def __init__(self) -> None:
        self._held = b""
        self._body = 0
        self.redirect = ""
        self.broken = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server and return those to be passed on."""
        self._held += data
        passed = b""
        while self._held and not self.redirect and not self.broken:
            step = self._step()
            if not step:
                break
            passed += step
        return passed

    def _step(self) -> bytes:
        """Return the next thing that is whole: part of a body, an interleaved frame, or a header."""
        if self._body:
            part = self._held[: self._body]
            self._body -= len(part)
            self._held = self._held[len(part) :]
            return part
        if self._held[:1] == b"$":
            size = 4 + int.from_bytes(self._held[2:4], "big")
            if len(self._held) < max(size, 4):
                return b""
            frame, self._held = self._held[:size], self._held[size:]
            return frame
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            self.broken = len(self._held) > MOST_HEADER_BYTES
            return b""
        header, self._held = self._held[: end + 4], self._held[end + 4 :]
        return self._header(header)

    def _header(self, header: bytes) -> bytes:
        lines = header.replace(b"\r\n", b"\n")
        first = lines.lstrip(b"\n").split(b"\n", 1)[0]
        code = first.split(b" ")[1] if first.startswith(b"RTSP/") and b" " in first else b""
        location = _LOCATION.search(lines)
        if code.startswith(b"3") or first.startswith(b"REDIRECT "):
            self.redirect = location.group(1).decode("ascii", "replace") if location else "rtsp:"
            return b""
        length = _LENGTH.search(lines)
        self._body = int(length.group(1)) if length else 0
        return _SOURCE.sub(b"", header)
