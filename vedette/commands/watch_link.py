"""The MAVLink link beside a watched stream: listened to by a thread of its own, recorded, and never commanded over."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from pathlib import Path  # noqa: TC003 - a field's type
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from vedette.commands.screen import utc_now_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from missions.links.link import Link
    from missions.links.tlog_file import TlogRecorder
    from telemetry.live.link_poses import LinkPoses

_LOG = logging.getLogger(__name__)
LOOK_S: Final = 0.2
SILENT_S: Final = 5.0
"""Silence after which a connection is opened anew, whose other end may be gone without a word (who hangs up is called
again by the link itself)."""
OBSERVER: Final = 254
"""Who we are where we have to speak first to be heard: not the station that commands (255), which would hold back."""


class LinkRecord(NamedTuple):
    """Where what comes over a link is kept, and what makes that file where it is not to lie in the clear."""

    path: Path
    open_new: Callable[[Path], BinaryIO] | None = None

    def recorder(self) -> TlogRecorder:
        """Make the file."""
        from missions.links.tlog_file import TlogRecorder

        return TlogRecorder(self.path) if self.open_new is None else TlogRecorder(self.path, open_new=self.open_new)


@contextlib.contextmanager
def poses_over(url: str, record: LinkRecord | None, signing_key: Path | None) -> Iterator[LinkPoses]:
    """Listen to a link while the context is open; what comes is kept in a ``.tlog``.

    Raises
    ------
    InputError
        The URL or the key is not understood.
    LinkError
        The port cannot be opened.
    """
    from telemetry.live.link_poses import LinkPoses

    poses = LinkPoses(url)
    link = _open(url, signing_key)
    with contextlib.ExitStack() as opened:
        recorder = None if record is None else opened.enter_context(record.recorder())
        listener = _Listener(url, link, poses, recorder, signing_key)
        listener.start()
        opened.callback(listener.end)
        yield poses


def _open(url: str, signing_key: Path | None) -> Link:
    from missions.links.link import Link, Station
    from missions.links.link_transport import open_transport
    from missions.links.signing_key_file import open_signer

    signer = None if signing_key is None else open_signer(signing_key, "watch")
    speaks = url.lower().startswith("udpout")
    return Link(open_transport(url), url=url, station=Station(system=OBSERVER, heartbeat=speaks), signer=signer)


class _Listener(threading.Thread):
    """Receives until it is ended; opens the link anew after silence."""

    def __init__(
        self, url: str, link: Link, poses: LinkPoses, recorder: TlogRecorder | None, signing_key: Path | None
    ) -> None:
        super().__init__(name="pose link", daemon=True)
        self._url, self._signing_key = url, signing_key
        self._link = link
        self._poses, self._recorder = poses, recorder
        self._over = threading.Event()

    def run(self) -> None:
        """Listen."""
        from geo.errors import VedetteError

        last_s = time.monotonic()
        while not self._over.is_set():
            message = self._link.receive(LOOK_S)
            if message is not None:
                last_s = time.monotonic()
                now_ns = utc_now_ns()
                if self._recorder is not None:
                    self._recorder.record(bytes(message.get_msgbuf()))
                self._poses.feed(message, received_us=now_ns // 1000)
            elif time.monotonic() - last_s > SILENT_S and self._url.lower().startswith("tcp"):
                last_s = time.monotonic()
                with contextlib.suppress(VedetteError):
                    link = _open(self._url, self._signing_key)
                    self._link.close()
                    self._link = link
                    _LOG.warning("%s was silent and is opened anew", self._url, extra={"link": self._url})

    def end(self) -> None:
        """Stop listening."""
        self._over.set()
        self.join()
        self._link.close()
