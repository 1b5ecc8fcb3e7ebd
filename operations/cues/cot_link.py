"""Alarms from a TAK server, which we believe by its certificate and which lets us in by ours."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from geo.errors import VedetteError
from operations.cues.alarm import LONGEST_EVENT
from operations.exports.send_link import Address, Identity, connected, require_meant

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

_END: Final = b"</event>"
_BEGIN: Final = b"<event"
_AGAIN_S: Final = 5.0
"""After how long a lost server is tried again."""
_LOOK_S: Final = 0.5
"""How long a read waits before it looks whether it is to end."""


def events_of(held: bytes, data: bytes) -> tuple[list[bytes], bytes]:
    """Cut a stream of events: what is whole, and what is still to be gone on with.

    An event that is longer than any is handed on cut short, so that it is refused and counted and its rest is passed
    over until the next one begins.
    """
    held += data
    found: list[bytes] = []
    while True:
        start = held.find(_BEGIN)
        if start < 0:
            return found, held[-len(_BEGIN) :]
        end = held.find(_END, start)
        if end < 0:
            held = held[start:]
            if len(held) > LONGEST_EVENT:
                found.append(held[: LONGEST_EVENT + 1])
                held = b""
            return found, held
        found.append(held[start : end + len(_END)][: LONGEST_EVENT + 1])
        held = held[end + len(_END) :]


@contextlib.contextmanager
def listening(
    address: Address, identity: Identity, came: Callable[[str, bytes], None], told: Callable[[str], None]
) -> Iterator[None]:
    """Hand every event on, from a thread of the link's own, until the context ends; a lost server is tried again.

    Raises
    ------
    ClearTextError
        When alarms would come over a network in clear text: anybody there could write them.
    SendError
        When the server cannot be reached or verified at first.
    """
    require_meant(address, None)
    stop = threading.Event()
    with contextlib.ExitStack() as opened:
        link = opened.enter_context(connected(address, identity))
        told(f"{address}: listening")
        thread = threading.Thread(target=_followed, args=(address, identity, link, came, told, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=_AGAIN_S)


def _followed(
    address: Address, identity: Identity, link: socket.socket, came: Callable[[str, bytes], None],
    told: Callable[[str], None], stop: threading.Event,
) -> None:  # fmt: skip
    _read(link, str(address), came, stop)
    while not stop.wait(_AGAIN_S):
        try:
            with connected(address, identity) as again:
                told(f"{address}: listening again")
                _read(again, str(address), came, stop)
        except VedetteError as error:
            told(error.message)


def _read(link: socket.socket, source: str, came: Callable[[str, bytes], None], stop: threading.Event) -> None:
    """Read until the server goes away or we are told to stop."""
    link.settimeout(_LOOK_S)
    held = b""
    while not stop.is_set():
        try:
            data = link.recv(65_536)
        except TimeoutError:
            continue
        except OSError:
            return
        if not data:
            return
        events, held = events_of(held, data)
        for event in events:
            came(source, event)
