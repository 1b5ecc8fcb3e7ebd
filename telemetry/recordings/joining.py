"""Join a clip to a log by motion: the offset between their clocks, and the rate at which it changes."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.errors import MediaError
from telemetry.videos.clock_offset import ClockOffset, Motion, estimate_offset, picture_motion, track_motion
from telemetry.videos.frame import NO_TIME, VideoLimits
from telemetry.videos.video_file import read_video

if TYPE_CHECKING:
    from pathlib import Path

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import PoseTrack

LOOK_S: Final = 120.0
"""How much of a clip is looked at: two minutes find the offset to milliseconds."""
REACH_S: Final = 30.0
"""Offsets tried each way around what the clip's own clock says."""
WINDOWS: Final = 4
"""Parts of a clip whose offsets are compared to find the rate."""
LEAST_WINDOW_S: Final = 20.0
RATE_SIGMAS: Final = 4.0
LEAST_RATE_PPM: Final = 20.0
"""A rate is said from four sigmas and 20 ppm on; crystals without temperature control reach 50."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """How a clip's clock stands to a log's: ``t_log = t_clip + offset + rate (t_clip - middle)``.

    `by_pts` tells that the clip has no UTC, so that `t_clip` is presentation time. `rate_ppm` is 0, and
    `rate_sigma_ppm` infinite, where no rate could be measured.
    """

    offset: ClockOffset
    by_pts: bool
    middle_s: float
    rate_ppm: float = 0.0
    rate_sigma_ppm: float = math.inf

    def log_time_ns(self, t_clip_s: float) -> int:
        """Return the log's UTC of a moment on the clip's own clock (seconds)."""
        drift_s = self.rate_ppm * 1e-6 * (t_clip_s - self.middle_s)
        return round((t_clip_s + self.offset.offset_s + drift_s) * 1e9)


def join_by_motion(
    clip: Path, track: PoseTrack, *, seconds: float = LOOK_S, max_offset_s: float = REACH_S, near_utc_ns: int = -1
) -> Joint:
    """Estimate how far a log's clock is ahead of a clip's.

    Parameters
    ----------
    clip
        Its own clock is used where it has one, else its presentation times.
    track
        The log, with angles of platform or gimbal.
    seconds
        How much of the clip to look at.
    max_offset_s
        Largest offset tried around the clip's own clock, or around `near_utc_ns`.
    near_utc_ns
        What the container says of when the clip began (-1: nothing); the whole log is tried where
        neither is known.

    Returns
    -------
    Joint
        With ``offset.reason`` set when the log has no angles, or the motions do not tell.

    Raises
    ------
    MediaError
        The clip holds no frame that can be decoded.
    """
    why = _no_angles(track)
    if why:
        nothing = ClockOffset(offset_s=math.nan, sigma_s=math.nan, correlation=math.nan, pairs=0, reason=why)
        return Joint(offset=nothing, by_pts=True, middle_s=0.0)
    turning = track_motion(track)
    with read_video(clip, limits=VideoLimits(max_duration_s=seconds)) as reader:
        frames = reader.frames()
        first = next(frames, None)
        if first is None:
            raise MediaError(f"{clip} holds no frame that can be decoded", path=str(clip))
        by_pts = first.t_utc_ns == NO_TIME
        seen = picture_motion(chain([first], frames), by_pts=by_pts)
    near_s, reach_s = _where(seen, turning, by_pts, max_offset_s, near_utc_ns, float(first.pts_s))
    found = estimate_offset(seen, turning, near_s=near_s, max_offset_s=reach_s)
    middle = float(seen.t_s.mean()) if len(seen.t_s) else 0.0
    if found.reason:
        return Joint(offset=found, by_pts=by_pts, middle_s=middle)
    rate, rate_sigma = _rate(seen, turning, found.offset_s, middle)
    return Joint(offset=found, by_pts=by_pts, middle_s=middle, rate_ppm=rate, rate_sigma_ppm=rate_sigma)


def _where(
    seen: Motion, turning: Motion, by_pts: bool, max_offset_s: float, near_utc_ns: int, first_pts_s: float
) -> tuple[float, float]:
    """Return the offset to search around, and how far."""
    if not by_pts or not len(turning.t_s) or not len(seen.t_s):
        return 0.0, max_offset_s
    if near_utc_ns >= 0:
        return near_utc_ns * 1e-9 - first_pts_s, max_offset_s
    reach_s = float(turning.t_s[-1] - turning.t_s[0]) / 2.0 + max_offset_s
    return float(turning.t_s[0] + turning.t_s[-1]) / 2.0 - float(seen.t_s.mean()), reach_s


def _no_angles(track: PoseTrack) -> str:
    """Say why a log cannot be compared with pictures, or nothing."""
    _, whole = track.at(track.t_utc_ns)
    if whole.any():
        return ""
    if not np.isfinite(track.gimbal_pitch_deg).any():
        if np.isfinite(track.yaw_deg).any():
            return (
                "the log has the aircraft's attitude but no gimbal messages; a fixed camera's turning is known once "
                "its mount is stated (--mount YAW,PITCH,ROLL)"
            )
        return "the log has no angles at all, only positions; the motions cannot be compared"
    return "no sample of the log has position and angles together"


def _rate(seen: Motion, turning: Motion, offset_s: float, middle_s: float) -> tuple[float, float]:
    """Fit a line through the offsets of parts of the clip; (0, its sigma) where it is not significant."""
    if not len(seen.t_s) or seen.t_s[-1] - seen.t_s[0] < WINDOWS * LEAST_WINDOW_S:
        return 0.0, math.inf
    edges = np.linspace(seen.t_s[0], seen.t_s[-1] + 1e-6, WINDOWS + 1)
    parts: list[tuple[float, float, float]] = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        own = (seen.t_s >= begin) & (seen.t_s < end)
        part = Motion(t_s=seen.t_s[own], pan=seen.pan[own], tilt=seen.tilt[own])
        found = estimate_offset(part, turning, near_s=offset_s, max_offset_s=1.5)
        if not found.reason:
            parts.append((float((begin + end) / 2.0) - middle_s, found.offset_s, found.sigma_s))
    if len(parts) < 3:  # noqa: PLR2004
        return 0.0, math.inf
    at, offsets, sigmas = np.array(parts).T
    return _slope(at, offsets, sigmas)


def _slope(at: FloatArray, offsets: FloatArray, sigmas: FloatArray) -> tuple[float, float]:
    weight = 1.0 / sigmas**2
    mean = float((weight * at).sum() / weight.sum())
    spread = float((weight * (at - mean) ** 2).sum())
    slope = float((weight * (at - mean) * offsets).sum()) / spread
    sigma = math.sqrt(1.0 / spread)
    significant = abs(slope) > max(RATE_SIGMAS * sigma, LEAST_RATE_PPM * 1e-6)
    return (slope * 1e6 if significant else 0.0), sigma * 1e6
