"""Lists up to and down from a vehicle over a link: the state machines, driven by a real clock.

The rules live in `transfer_upload` and `transfer_download`, which know neither
clock nor link; this module only carries messages between them and a channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from missions.transfer.download import Download
from missions.transfer.messages import is_from
from missions.transfer.upload import Upload
from missions.transfer.values import TransferState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from missions.plan import MissionItem
    from missions.plan_files.dialect import MissionType
    from missions.transfer.values import DownloadReport, Message, Peer, Timers, UploadReport

_LONGEST_WAIT_S: Final = 0.25
_RESUMES: Final = 3


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


def upload(
    channel: Channel,
    items: Sequence[MissionItem],
    peer: Peer,
    mission_type: MissionType,
    *,
    timers: Timers | None = None,
    window: int = 4,
    on_message: Callable[[Message], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> UploadReport:
    """Write one list and read it back.

    Parameters
    ----------
    channel
        The link.
    items
        Items as on the wire (`missions.plan_files.dialect.wire_items` for the mission);
        none clears the list.
    peer
        The vehicle, and how it keeps what it is given.
    mission_type
        Mission, fence or rally.
    window
        Items in flight at once; see `missions.transfer.upload.Upload`.

    Returns
    -------
    UploadReport
        `uploaded` is true only after an equal read-back; otherwise `message`
        says why not and what the vehicle holds now.
    """
    machine = Upload(items, peer, mission_type, timers, window=window)
    drive(machine, channel, on_message=on_message, should_cancel=should_cancel)
    return machine.report()


def download(
    channel: Channel,
    peer: Peer,
    mission_type: MissionType,
    *,
    timers: Timers | None = None,
    window: int = 4,
    on_message: Callable[[Message], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> DownloadReport:
    """Read one list from the vehicle; over a link that comes and goes, go on with what has been read."""
    machine = Download(peer, mission_type, timers, window=window)
    drive(machine, channel, on_message=on_message, should_cancel=should_cancel)
    for _ in range(_RESUMES):
        if machine.report().state is not TransferState.LINK_LOST:
            break
        if not _heard_again(channel, peer, machine.timers.patience_s, on_message):
            break
        drive(machine, channel, on_message=on_message, should_cancel=should_cancel)
    return machine.report()


def _heard_again(channel: Channel, peer: Peer, within_s: float, on_message: Callable[[Message], None] | None) -> bool:
    """Wait until the vehicle says anything at all."""
    until_s = channel.clock() + within_s
    while (now_s := channel.clock()) < until_s:
        message = channel.receive(min(_LONGEST_WAIT_S, until_s - now_s))
        if message is None:
            continue
        if on_message is not None:
            on_message(message)
        if is_from(message, peer):
            return True
    return False
