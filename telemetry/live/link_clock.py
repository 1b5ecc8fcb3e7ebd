"""What joins a live stream's presentation time to the clock of a MAVLink link: first arrival, then motion."""

from __future__ import annotations

import collections
import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.recordings.joining import USUAL_RATE_PPM
from telemetry.tracks.pose_track import Problem
from telemetry.videos.clock_map import SIGMA_S, ClockBasis, ClockSegment, fixed_segment
from telemetry.videos.clock_offset import (
    LEAST_PAIRS,
    MAX_GAP_S,
    ClockOffset,
    estimate_offset,
    motion_of,
    track_motion,
)

if TYPE_CHECKING:
    from telemetry.tracks.pose_track import PoseTrack

LATENCY_S: Final = 0.25
"""How much longer a picture is on its way than a telemetry message, as long as nothing is measured: glass to glass,
digital drone links are quoted at 0.03 to 0.3 s, RTSP cameras at 0.2 to 0.6 s; a telemetry radio takes 0.05 to 0.2 s."""
REACH_S: Final = 2.0
"""Offsets tried each way around what arrival says."""
LOOK_S: Final = 120.0
"""How much of the pictures' motion is compared."""
EVERY_S: Final = 3.0
"""How often it is compared anew."""
BEGIN_S: Final = 0.6
"""How late the first picture may be beside the rest, as encoder and connection start; seen: 0.4 to 0.85 s."""
ARRIVALS: Final = 100
FIRST_COME_PCT: Final = 10.0
"""Queues only delay: those that came soonest tell the offset."""


class LinkClock:
    """Estimates UTC of presentation time zero while stream and link run.

    Parameters
    ----------
    stated_s
        What a person adds to the arrival (``--offset``); motion is not asked then. None: nothing is stated.
    """

    def __init__(self, stated_s: float | None = None) -> None:
        self._stated_s = stated_s
        self.begin()

    def begin(self) -> None:
        """Forget everything: another clock begins."""
        self._arrived_s: collections.deque[float] = collections.deque(maxlen=ARRIVALS)
        self._turned: collections.deque[tuple[float, float, float]] = collections.deque()
        self._joined: ClockOffset | None = None
        self._joined_at_s = self._tried_at_s = -math.inf
        self._refusal = "its pictures have not been compared with the link yet"

    def arrived(self, pts_s: float, link_utc_ns: int) -> None:
        """Note what time it was on the link when a picture came."""
        self._arrived_s.append(link_utc_ns * 1e-9 - pts_s)

    def turned(self, step: tuple[float, float, float]) -> None:
        """Note how the pictures turned: moment (presentation time), pan and tilt."""
        self._turned.append(step)
        while self._turned[0][0] < step[0] - LOOK_S:
            self._turned.popleft()

    def compare(self, track: PoseTrack) -> None:
        """Look for the offset at which the pictures turn as the link says, every few seconds."""
        if len(self._arrived_s) >= LEAST_PAIRS and not self._turned:
            self._refusal = f"its pictures come more than {MAX_GAP_S:g} s apart, too seldom to be compared"
        if self._stated_s is not None or len(self._turned) < LEAST_PAIRS or not self._arrived_s:
            return
        now_s = self._turned[-1][0]
        if now_s - self._tried_at_s < EVERY_S:
            return
        self._tried_at_s = now_s
        near_s = self._by_arrival_s
        found = estimate_offset(motion_of(self._turned), track_motion(track), near_s=near_s, max_offset_s=REACH_S)
        if not found.reason:
            self._joined, self._joined_at_s = found, now_s
        self._refusal = found.reason

    @property
    def _by_arrival_s(self) -> float:
        return float(np.percentile(np.array(self._arrived_s), FIRST_COME_PCT)) - LATENCY_S

    @property
    def _arrival_sigma_s(self) -> float:
        """Return the usual error, or by how much the middle picture came after the soonest: they queue as well.

        The first pictures alone tell less: each that comes may be the first in time.
        """
        soonest, middle = np.percentile(np.array(self._arrived_s), (FIRST_COME_PCT, 50.0))
        usual = max(SIGMA_S[ClockBasis.ARRIVAL], float(middle - soonest))
        return math.hypot(usual, BEGIN_S / len(self._arrived_s) ** 2)

    def segment(self, first_pts_s: float, last_pts_s: float) -> ClockSegment | None:
        """Return the clock of a stretch of pictures, with how it is known and how well; None before any has come."""
        if not self._arrived_s:
            return None
        if self._joined is not None:
            basis, zero_s = ClockBasis.LOG_OFFSET, self._joined.offset_s
            sigma = math.hypot(self._joined.sigma_s, USUAL_RATE_PPM * 1e-6 * (last_pts_s - self._joined_at_s))
        elif self._stated_s is not None:
            basis, zero_s = ClockBasis.STATED_OFFSET, self._by_arrival_s + self._stated_s
            sigma = SIGMA_S[basis]
        else:
            basis, zero_s = ClockBasis.ARRIVAL, self._by_arrival_s
            sigma = self._arrival_sigma_s
        begin = round((first_pts_s + zero_s) * 1e9)
        segment = fixed_segment((first_pts_s, last_pts_s), begin, basis, sigma_s=sigma)
        return dataclasses.replace(segment, date_sigma_s=sigma)

    def problems(self) -> tuple[Problem, ...]:
        """Say that only arrival joins the two, and why; nothing where motion or a person does."""
        if self._joined is not None or self._stated_s is not None:
            return ()
        text = (
            f"the link is joined to the pictures by when both came, good to {self._arrival_sigma_s:.2g} s: "
            f"{self._refusal}"
        )
        return (Problem(kind="clock_not_checked", message=text),)
