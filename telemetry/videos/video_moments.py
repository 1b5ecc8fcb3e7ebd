"""When each picture of a clip was taken, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import Pose, Unplaced
from telemetry.klv.time_stamp import decode_picture_time
from telemetry.videos.frame import NO_TIME

if TYPE_CHECKING:
    from fractions import Fraction

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.video_clock import StreamClock

TRUST_NS: Final = 500_000_000
"""A picture's own time stamp is believed when the telemetry's clock agrees this closely."""


class FrameMoments:
    """Moments and poses of a clip's frames.

    Parameters
    ----------
    clock
        What the telemetry says about presentation times.
    leap_s
        Shifts that may turn time stamps inside the pictures into UTC.
    track
        Where the camera was.
    start_utc_ns
        UTC of the first picture of a clip without any clock.
    pts_s
        Presentation times of the clip as far as they are known; their poses are made in one go.
    """

    def __init__(
        self,
        clock: StreamClock,
        leap_s: tuple[int, ...],
        track: PoseTrack,
        start_utc_ns: int | None,
        pts_s: FloatArray,
    ) -> None:
        self._clock = clock
        self._leap_s = leap_s
        self._track = track
        self._start_utc_ns = start_utc_ns
        self._first_pts: Fraction | None = None
        moments = np.unique(clock.utc_ns(pts_s[np.isfinite(pts_s)]))
        self._poses, self._whole = track.at(moments)
        self._rows = {moment: row for row, moment in enumerate(moments.tolist())}

    def moment(self, pts_s: Fraction, notes: list[str]) -> int:
        """Return UTC of a picture: its own time stamp, else the telemetry's clock, else from the start that was given.

        Parameters
        ----------
        pts_s
            Presentation time.
        notes
            "User data unregistered" messages of the picture, as hex.
        """
        told = NO_TIME
        if len(self._clock.pts_s):
            told = int(self._clock.utc_ns(np.array([float(pts_s)]))[0])
        for note in notes:
            stamp = decode_picture_time(bytes.fromhex(note))
            if stamp is None:
                continue
            own = (stamp.t_us * 1000 + leap_s * 1_000_000_000 for leap_s in self._leap_s)
            nearest = min(own, key=lambda moment: abs(moment - told))
            if told == NO_TIME or abs(nearest - told) <= TRUST_NS:
                return nearest
        if told != NO_TIME or self._start_utc_ns is None:
            return told
        if self._first_pts is None:
            self._first_pts = pts_s
        return self._start_utc_ns + round((pts_s - self._first_pts) * 1_000_000_000)

    def pose(self, t_utc_ns: int) -> tuple[Pose | None, str]:
        """Return the pose at a moment, or None and the reason why."""
        if not len(self._track):
            return None, "no telemetry in the source"
        if t_utc_ns == NO_TIME:
            return None, "no clock joins the pictures to the telemetry"
        row = self._rows.get(t_utc_ns)
        if row is None:
            found = self._track.pose_at(t_utc_ns)
        else:
            found = self._poses[row] if self._whole[row] else Unplaced.NO_POSE
        return (None, found.value) if isinstance(found, Unplaced) else (found, "")
