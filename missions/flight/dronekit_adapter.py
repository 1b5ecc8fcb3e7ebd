"""Flying through a `dronekit.Vehicle`: its link, its reader thread, our transfer.

DroneKit's own `commands.upload()` waits forever for MISSION_REQUEST where the
autopilot asks with MISSION_REQUEST_INT, and never reads MISSION_ACK. So the
messages are taken off its listener hooks and the transfer of
`missions.transfer` runs beside it.
"""

from __future__ import annotations

import contextlib
import queue
import time
from typing import TYPE_CHECKING, Any

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.transfer import Channel
    from missions.transfer.values import Message


class DronekitChannel:
    """A channel over a connected `dronekit.Vehicle`."""

    def __init__(self, vehicle: Any) -> None:
        self._vehicle = vehicle
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        master = vehicle._master
        self.own_system = int(master.mav.srcSystem)
        self.own_component = int(master.mav.srcComponent)
        vehicle.add_message_listener("*", self._hear)

    def _hear(self, _vehicle: Any, _name: str, message: Message) -> None:
        self._messages.put(message)

    def send(self, message: Message) -> None:
        """Send through DroneKit's own connection."""
        self._vehicle.send_mavlink(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message that DroneKit has read."""
        try:
            return self._messages.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def clock(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def release(self) -> None:
        """Stop listening; DroneKit's connection stays open."""
        self._vehicle.remove_message_listener("*", self._hear)


@contextlib.contextmanager
def channel_to(vehicle: Any) -> Iterator[Channel]:
    """Give a channel to what a caller holds: a link, or a DroneKit vehicle (which is listened to meanwhile).

    Raises
    ------
    InputError
        When it is neither.
    """
    if all(callable(getattr(vehicle, name, None)) for name in ("send", "receive", "clock")):
        yield vehicle
        return
    if hasattr(vehicle, "add_message_listener") and hasattr(vehicle, "send_mavlink"):
        channel = DronekitChannel(vehicle)
        try:
            yield channel
        finally:
            channel.release()
        return
    raise InputError(f"cannot fly a {type(vehicle).__name__}; give a missions.links.link.Link or a dronekit.Vehicle")
