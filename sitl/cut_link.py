"""A link that can be cut and mended, whatever vehicle is at its other end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from missions.links.link import Link
from missions.links.link_transport import NOTHING, Transport, open_transport

if TYPE_CHECKING:
    from missions.links.link_transport import Address, Received
    from missions.links.tlog_file import TlogRecorder


class CutTransport(Transport):
    """The bytes end of a link; while it is cut, nothing passes either way."""

    def __init__(self, inner: Transport) -> None:
        self.is_cut = False
        self._inner = inner

    def send(self, data: bytes) -> None:
        """Send, unless the link is cut."""
        if not self.is_cut:
            self._inner.send(data)

    def receive(self, timeout_s: float) -> Received:
        """Return what has arrived; what arrives while the link is cut is lost."""
        received = self._inner.receive(timeout_s)
        return NOTHING if self.is_cut else received

    def hears(self, sender: Address | None) -> bool:
        """Whether `sender` is whom we talk to."""
        return self._inner.hears(sender)

    def answer(self, sender: Address | None) -> bool:
        """Note whom we talk to."""
        return self._inner.answer(sender)

    def close(self) -> None:
        """Let go of the port."""
        self._inner.close()


def open_cut_link(url: str, recorder: TlogRecorder | None = None) -> tuple[Link, CutTransport]:
    """Open a link that can be cut, recorded as the ground station has it."""
    transport = CutTransport(open_transport(url))
    return Link(transport, url=url, recorder=recorder), transport
