"""When each picture of a clip was taken, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import Pose, Unplaced
from telemetry.klv.time_stamp import decode_picture_time
from telemetry.videos.frame import NO_TIME

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from geo.values import FloatArray, Poses
    from telemetry.videos.posing import Posing

TRUST_NS: Final = 500_000_000
"""A picture's own time stamp is believed when the telemetry's clock agrees this closely."""
_NONE_KNOWN: Final = np.empty(0), np.empty(0, dtype=np.int64)


class FrameMoments:
    """Moments and poses of a clip's frames.

    Parameters
    ----------
    posing
        The clip's clock and tracks.
    pts_s, segment
        Presentation times of the clip's pictures as far as they are known, and the segment of each;
        their moments and poses are made in one go.
    """

    def __init__(self, posing: Posing, pts_s: FloatArray, segment: NDArray[np.int64]) -> None:
        self._posing = posing
        self._told: dict[int, tuple[FloatArray, NDArray[np.int64]]] = {}
        """Presentation times of a segment, rising, and the moments of its clock then."""
        self._made: dict[int, tuple[Poses, NDArray[np.bool_], dict[int, int]]] = {}
        for number in np.unique(segment).tolist():
            known = np.unique(pts_s[(segment == number) & np.isfinite(pts_s)])
            told = posing.clock.utc_ns(known, number)
            self._told[number] = known, told
            moments = np.unique(told)
            poses, whole = posing.at(number, moments)
            self._made[number] = poses, whole, {moment: row for row, moment in enumerate(moments.tolist())}

    def moment(self, pts_s: Fraction, segment: int, notes: list[str]) -> int:
        """Return UTC of a picture: its own time stamp, else the segment's clock; `NO_TIME` for neither.

        Parameters
        ----------
        pts_s, segment
            Presentation time, and the segment it lies in.
        notes
            "User data unregistered" messages of the picture, as hex.
        """
        told = self._by_clock(float(pts_s), segment)
        for note in notes:
            stamp = decode_picture_time(bytes.fromhex(note))
            if stamp is None:
                continue
            own = (stamp.t_us * 1000 + leap_s * 1_000_000_000 for leap_s in self._posing.leap_s)
            nearest = min(own, key=lambda moment: abs(moment - told))
            if told == NO_TIME or abs(nearest - told) <= TRUST_NS:
                return nearest
        return told

    def _by_clock(self, pts_s: float, segment: int) -> int:
        """Return what the segment's clock says at a presentation time."""
        known, told = self._told.get(segment, _NONE_KNOWN)
        row = int(known.searchsorted(pts_s))
        if row < len(known) and known[row] == pts_s:
            return int(told[row])
        return int(self._posing.clock.utc_ns(np.array([pts_s]), segment)[0])

    def pose(self, t_utc_ns: int, segment: int) -> tuple[Pose | None, str]:
        """Return the pose at a moment of a segment, or None and the reason why."""
        track = self._posing.track_of(segment)
        if not len(track):
            return None, self._posing.no_pose
        if self._posing.refusal:
            return None, self._posing.refusal
        if t_utc_ns == NO_TIME:
            return None, "no clock joins the pictures to the telemetry"
        poses, whole, rows = self._made.get(segment, (None, None, {}))
        row = rows.get(t_utc_ns)
        if row is None or poses is None or whole is None:
            poses, whole = self._posing.at(segment, np.array([t_utc_ns], dtype=np.int64))
            row = 0
        return (poses[row], "") if whole[row] else (None, Unplaced.NO_POSE.value)
