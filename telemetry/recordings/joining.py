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

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import PoseTrack

LOOK_S: Final = 300.0
"""How much of a clip is looked at: it gives the offset to milliseconds, and its rate to some 20 ppm."""
REACH_S: Final = 30.0
"""Offsets tried each way around what the clip's own clock says."""
LEAST_SPAN_S: Final = 40.0
"""Shorter clips tell nothing of a rate: 200 ppm over them are 8 ms."""
USUAL_RATE_PPM: Final = 20.0
"""One-sigma rate between two crystals without temperature control (their data sheets give 10 to 50)."""
HALF_S: Final = 0.05
"""Half the stretch over which the log's turning is differentiated."""
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

    def sigma_s(self, span_s: float) -> float:
        """Return one sigma of the joint over a clip of a length: that of the offset, and of the rate to its ends.

        Where no rate was measured, clocks are taken to part by `USUAL_RATE_PPM`.
        """
        rate = min(self.rate_sigma_ppm, USUAL_RATE_PPM) * 1e-6
        return math.hypot(
            self.offset.sigma_s, rate * max(span_s / 2.0, abs(span_s - self.middle_s if self.by_pts else 0.0))
        )

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
        What a person or the container says of when the clip began (-1: nothing); the whole log is tried where
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
    return joint_of(seen, turning, by_pts=by_pts, near_s=near_s, reach_s=reach_s)


def joint_of(seen: Motion, turning: Motion, *, by_pts: bool, near_s: float, reach_s: float) -> Joint:
    """Join two motions: offsets within `reach_s` of `near_s` are tried."""
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
    """Fit how the offset changes with time, in millionths, with one sigma; (0, sigma) where it is not significant.

    Around the offset found, the pictures' rates are ``g l + a l' + b (t - middle) l'`` plus a constant, with
    the log's rates l and their derivative l': a linear least-squares fit, in which b / g is the rate of the
    clock. Neighbouring residuals are alike, so the variance grows by (1 + r) / (1 - r) with their correlation r.
    """
    if not len(seen.t_s) or seen.t_s[-1] - seen.t_s[0] < LEAST_SPAN_S:
        return 0.0, math.inf
    rate, sigma, shift = 0.0, math.inf, 0.0
    for _ in range(3):
        moments = seen.t_s + offset_s + shift + rate * (seen.t_s - middle_s)
        inside = (moments > turning.t_s[0] + 1.0) & (moments < turning.t_s[-1] - 1.0)
        found = _fit(seen, turning, moments, inside, middle_s)
        if found is None:
            return 0.0, math.inf
        rate, shift, sigma = rate + found[0], shift + found[1], found[2]
    significant = abs(rate) > max(RATE_SIGMAS * sigma, LEAST_RATE_PPM * 1e-6)
    return (rate * 1e6 if significant else 0.0), sigma * 1e6


def _mean_rate(t_s: FloatArray, turned: FloatArray, at: FloatArray, step: float) -> FloatArray:
    """Return the mean rate over a frame's interval around moments, as two pictures show it."""
    after, before = (np.interp(at + half, t_s, turned) for half in (step / 2.0, -step / 2.0))
    return np.asarray((after - before) / step)


def _fit(
    seen: Motion, turning: Motion, moments: FloatArray, inside: NDArray[np.bool_], middle_s: float
) -> tuple[float, float, float] | None:
    """Return what is to be added to rate and offset, and one sigma of the rate; None where the fit is undetermined."""
    rows, values = [], []
    step = float(np.median(np.diff(seen.t_s)))
    for ours, theirs, constant in ((seen.pan, turning.pan, (1.0, 0.0)), (seen.tilt, turning.tilt, (0.0, 1.0))):
        at = moments[inside]
        turned = np.concatenate([[0.0], np.cumsum((theirs[1:] + theirs[:-1]) / 2.0 * np.diff(turning.t_s))])
        told = _mean_rate(turning.t_s, turned, at, step)
        slope = _mean_rate(turning.t_s, turned, at + HALF_S, step) - _mean_rate(turning.t_s, turned, at - HALF_S, step)
        slope /= 2.0 * HALF_S
        since = seen.t_s[inside] - middle_s
        ones = np.ones(len(at))
        rows.append(np.stack([told, slope, since * slope, constant[0] * ones, constant[1] * ones], axis=1))
        values.append(ours[inside])
    matrix, target = np.concatenate(rows), np.concatenate(values)
    if len(target) < 4 * matrix.shape[1]:
        return None
    solution, _, rank, _ = np.linalg.lstsq(matrix, target, rcond=None)
    gain = float(solution[0])
    if rank < matrix.shape[1] or gain <= 0.0:
        return None
    rest = target - matrix @ solution
    alike = float(np.clip(np.corrcoef(rest[:-1], rest[1:])[0, 1], 0.0, 0.95))
    variance = float(rest @ rest) / (len(target) - matrix.shape[1]) * (1.0 + alike) / (1.0 - alike)
    covariance = variance * np.linalg.inv(matrix.T @ matrix)
    return float(solution[2]) / gain, float(solution[1]) / gain, math.sqrt(float(covariance[2, 2])) / gain
