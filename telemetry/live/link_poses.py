"""Poses that a MAVLink link brings while a stream runs: one thread feeds it, another poses pictures by it."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from telemetry.mavlink.pose import PoseTrackBuilder
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from telemetry.tracks.pose_track import PoseTrack

KEPT_S: Final = 150.0
"""How much of the link is remembered: what the motion of the pictures is compared with, and some seconds beside."""
MESSAGES: Final = 50
"""How many looks at the link's clock are compared: messages are delayed by queues, never early."""
STEP_NS: Final = 5_000_000_000
"""No queue is so long: this computer's clock was set."""
_TIMING: Final = frozenset({"GLOBAL_POSITION_INT", "ATTITUDE", "ATTITUDE_QUATERNION"})
"""Messages whose times a track's samples have; of a vehicle without them, those of its raw fixes."""


class LinkPoses:
    """The last minutes of a link, as a pose track.

    Parameters
    ----------
    shown
        What the link is called.
    undulation
        Geoid of the vehicle's heights.
    keep_s
        How much of it is remembered.
    """

    def __init__(self, shown: str, *, undulation: Undulation = egm96, keep_s: float = KEPT_S) -> None:
        self.shown = shown
        self.why = f"nothing has come over {shown} yet"
        """Why there is no track."""
        self._builder = PoseTrackBuilder(source=shown, undulation=undulation, keep_s=keep_s)
        self._lock = threading.Lock()
        self._track: PoseTrack | None = None
        self._ahead_ns: collections.deque[int] = collections.deque(maxlen=MESSAGES)
        self._newest_us = -1
        self._stale = False
        self._timing = _TIMING
        self.messages = 0

    def feed(self, message: Any, *, received_us: int) -> None:
        """Take one pymavlink message, received at UTC microseconds; those that bear on no pose are passed over."""
        with self._lock:
            if not self._builder.feed(message, received_us=received_us):
                return
            self.messages += 1
            self._stale = True
            if message.get_type() in self._timing:
                self._newest_us = received_us
            elif message.get_type() == "GPS_RAW_INT" and self._newest_us < 0:
                self._timing = _TIMING | {"GPS_RAW_INT"}

    def track(self) -> PoseTrack | None:
        """Return the track of what has come; None, and `why`, while it gives no position."""
        with self._lock:
            if self._stale:
                self._stale = False
                try:
                    self._track = self._builder.track()
                except SourceError as error:
                    self._track, self.why = None, error.message
                if self._track is not None and self._newest_us >= 0:
                    self._note_ahead(int(self._track.t_utc_ns[-1]) - self._newest_us * 1000)
            return self._track

    def _note_ahead(self, ahead_ns: int) -> None:
        """Note how far the vehicle's clock is ahead of when its newest message came."""
        if self._ahead_ns and ahead_ns < max(self._ahead_ns) - STEP_NS:
            self._ahead_ns.clear()
        self._ahead_ns.append(ahead_ns)

    def utc_ns(self, came_ns: int) -> int | None:
        """Return what time it was on the vehicle's clock at a reading of our monotonic clock.

        By the messages that were least delayed of the last `MESSAGES` looks.
        """
        if self.track() is None:
            return None
        with self._lock:
            ahead_ns = max(self._ahead_ns, default=0)
        return time.time_ns() - (time.monotonic_ns() - came_ns) + ahead_ns

    def covers(self, t_utc_ns: int) -> bool:
        """Tell whether a position from a moment (the vehicle's clock) on has come."""
        with self._lock:
            newest_ahead_ns = self._ahead_ns[-1] if self._ahead_ns else 0
            return self._newest_us * 1000 + newest_ahead_ns >= t_utc_ns
