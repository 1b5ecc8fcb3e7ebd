"""Lists up to and down from a vehicle over a link: the state machines, driven by a real clock.

The rules live in `missions.transfer.upload` and `missions.transfer.download`, which know neither
clock nor link; this module only carries messages between them and a channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.transfer.download import Download
    from missions.transfer.upload import Upload
    from missions.transfer.values import Message

_LONGEST_WAIT_S: Final = 0.25


class Channel(Protocol):
    """What a transfer needs of a link; `missions.links.link.Link` and the DroneKit adapter are ones."""

    own_system: int
    own_component: int

    def send(self, message: Message) -> None:
        """Send one message."""
        ...

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message within the time, or None."""
        ...

    def clock(self) -> float:
        """Return monotonic seconds."""
        ...


def drive(
    machine: Upload | Download,
    channel: Channel,
    *,
    on_message: Callable[[Message], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> None:
    """Carry messages between a machine and a channel until the machine is done.

    `on_message` sees every message (telemetry must not be lost while a
    transfer runs); when `should_cancel` turns true the transfer ends cleanly.
    """
    outgoing = machine.start(channel.clock())
    while True:
        for message in outgoing:
            channel.send(message)
        if machine.done:
            return
        now_s = channel.clock()
        if should_cancel is not None and should_cancel():
            outgoing = machine.cancel(now_s)
            should_cancel = None
            continue
        received = channel.receive(min(_LONGEST_WAIT_S, max(0.0, machine.wake_s - now_s)))
        outgoing = []
        now_s = channel.clock()
        if received is not None:
            if on_message is not None:
                on_message(received)
            outgoing = machine.feed(received, now_s)
        outgoing += machine.poll(now_s)
