"""Streams that another process turns into a transport stream for us: RTSP and RTMP (PyAV), SRT (a system program)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from geo.children.process import ChildProcess
from geo.errors import RefusedError
from telemetry.errors import MediaError
from telemetry.live.byte_link import PacketAligner
from telemetry.live.rtsp_gate import RtspGate
from telemetry.videos.video_scan import plan_source
from telemetry.videos.video_source import scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.videos.video_source import OpenPlan

MOST_REDIRECTS: Final = 5
SRT_TOOL: Final = "srt-live-transmit"
_RECEIVE_BYTES: Final = 1 << 16
_MOST_SAID: Final = 4096


class BridgeLink:
    """RTSP or RTMP, read by a process of ours that writes every packet on as a transport stream.

    RTSP passes a gate of ours on the loopback, so that the process itself calls nobody but us.
    """

    reconnects = True

    def __init__(self, plan: OpenPlan, *, user: str, password: str, transport: str) -> None:
        self._gate = RtspGate(plan.url) if scheme_of(plan.url) == "rtsp" else None
        url = plan.url if self._gate is None else self._gate.url
        self._shown = plan.shown
        self._aligner = PacketAligner()
        self._got_any = False
        said, saying = os.pipe()
        self._said = os.fdopen(said, "rb")
        try:
            self._child = ChildProcess("telemetry.live.bridge_child", [], environment=os.environ, descriptors=(saying,))
        finally:
            os.close(saying)
        job = {"url": _with_credentials(url, user, password), "transport": transport, "saying": saying}
        self._child.input.write(json.dumps(job).encode() + b"\n")

    def fileno(self) -> int:
        """Return the descriptor that bytes come from."""
        return self._child.output.fileno()

    @property
    def redirect(self) -> str:
        """Where the server sent us, if it did; nobody went there."""
        return "" if self._gate is None else self._gate.redirect

    def blocks(self) -> list[bytes] | None:
        """Return what has come.

        Raises
        ------
        ConnectionError
            The stream ended before it began; the message says why.
        MediaError
            Credentials are asked for or refused.
        """
        data = os.read(self._child.output.fileno(), _RECEIVE_BYTES)
        if data:
            self._got_any = True
            return list(self._aligner.feed(data))
        if self.redirect:
            raise RedirectedError(self.redirect)
        why = self._said.read(_MOST_SAID).decode("utf-8", "replace")
        if "401" in why or "403" in why:
            raise MediaError(
                f"{self._shown} asks for credentials, or refuses those given: set VEDETTE_STREAM_USER and "
                "VEDETTE_STREAM_PASSWORD, or give --user and be asked"
            )
        if not self._got_any:
            raise ConnectionError(f"{self._shown}: {why or 'the stream ended before it began'}")
        return None

    def close(self) -> None:
        """End the process and the gate."""
        self._child.close()
        self._said.close()
        if self._gate is not None:
            self._gate.close()


class RedirectedError(ConnectionError):
    """The server answers that the stream is elsewhere; `location` is its word."""

    def __init__(self, location: str) -> None:
        super().__init__("the server sends us elsewhere")
        self.location = location


class FollowingLink:
    """A bridge that goes where its server sends it, after that address has been judged as the first was."""

    reconnects = True

    def __init__(self, plan: OpenPlan, allowed: Sequence[str], **how: str) -> None:
        self._allowed, self._how = tuple(allowed), how
        self._left = MOST_REDIRECTS
        self._link = BridgeLink(plan, **how)

    def fileno(self) -> int:
        """Return the descriptor that bytes come from."""
        return self._link.fileno()

    def blocks(self) -> list[bytes] | None:
        """Return what has come; a redirection is judged, and followed if it may be."""
        try:
            return self._link.blocks()
        except RedirectedError as sent:
            self._left -= 1
            if scheme_of(sent.location) != "rtsp" or self._left < 0:
                raise MediaError("the server redirects too often, or to what is no RTSP address") from sent
            plan = plan_source(sent.location, allowed=self._allowed)
            self._link.close()
            self._link = BridgeLink(plan, **{**self._how, "user": "", "password": ""})
            return []

    def close(self) -> None:
        """End it."""
        self._link.close()


def bridged(plan: OpenPlan, *, user: str, password: str, transport: str, allowed: Sequence[str]) -> FollowingLink:
    """Open RTSP or RTMP; credentials go to the first server only, never to where it redirects."""
    return FollowingLink(plan, allowed, user=user, password=password, transport=transport)


def _with_credentials(url: str, user: str, password: str) -> str:
    """Put credentials into an address that only a child's standard input will see."""
    if not user:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def require_srt_tool(shown: str) -> str:
    """Return the path of the program that speaks SRT.

    Raises
    ------
    MediaError
        It is not installed.
    """
    found = shutil.which(SRT_TOOL)
    if found is None:
        raise MediaError(
            f"{shown}: SRT is spoken through {SRT_TOOL}, which is not installed (apt-get install srt-tools); or send "
            "the stream as udp:// or tcp://"
        )
    return found


def srt_tool_version() -> str:
    """Return the program's name and version, to be shown and kept; empty where there is none."""
    found = shutil.which(SRT_TOOL)
    if found is None:
        return ""
    done = subprocess.run([found, "-version"], capture_output=True, check=False, timeout=10)  # noqa: S603
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    number = next((line.partition("version:")[2].strip() for line in lines if "version:" in line.lower()), "")
    return f"{SRT_TOOL} {number}".strip()


class SrtLink:
    """SRT through a system program that hands on the bytes as they are."""

    reconnects = True

    def __init__(self, url: str, shown: str) -> None:
        tool = require_srt_tool(shown)
        if "passphrase" in parse_qs(urlsplit(url).query):
            raise RefusedError(
                f"{shown}: the program that speaks SRT would show its passphrase to every user of this machine; run "
                "it yourself and send the stream on as udp:// or tcp:// on the loopback"
            )
        self._aligner = PacketAligner()
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - found by name, address judged
            [tool, "-q", "-a:no", "-loglevel:fatal", url, "file://con"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._output: IO[Any] = self._process.stdout  # type: ignore[assignment]
        self._got_any = False

    def fileno(self) -> int:
        """Return the descriptor that bytes come from."""
        return self._output.fileno()

    def blocks(self) -> list[bytes] | None:
        """Return what has come."""
        data = os.read(self._output.fileno(), _RECEIVE_BYTES)
        if data:
            self._got_any = True
            return list(self._aligner.feed(data))
        if not self._got_any:
            raise ConnectionError("nobody answers, or nobody has called yet")
        return None

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._output.close()
        self._process.wait()
