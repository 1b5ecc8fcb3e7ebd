"""How far a video's clock is from a log's: the turning seen in the pictures against the turning in the log.

The camera's pan and tilt shift the whole picture. Shifts between frames are
found by phase correlation (Kuglin and Hines 1975); rates of turn come from the
log's attitude. The offset is where the two agree best, in the least-squares
sense with a free gain, so no field of view is needed.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.rotation import camera_to_ned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.videos.frame import Frame

GRAY_WIDTH_PX: Final = 128
"""Frames are reduced to about this width before they are compared."""

LEAST_PAIRS: Final = 20
"""Frame pairs below which nothing is estimated."""

LEAST_CORRELATION: Final = 0.6
"""Agreement below which the two motions are not taken to be the same."""

LEAST_LEAD: Final = 0.05
"""How much better the best offset has to agree than any other more than a second away."""

MAX_OFFSET_S: Final = 30.0

MAX_GAP_S: Final = 0.5
"""Pictures or samples further apart are not neighbours: in between a camera may turn there and back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Rates of pan (to the right) and tilt (downwards) over time, shape (n,), in a common but arbitrary unit."""

    t_s: FloatArray
    pan: FloatArray
    tilt: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """`t_log = t_video + offset_s`, one sigma, and how well the motions agree; `reason` is set when it is no use."""

    offset_s: float
    sigma_s: float
    correlation: float
    pairs: int
    reason: str = ""


def _gray(image: NDArray[np.uint8]) -> FloatArray:
    step = max(1, image.shape[1] // GRAY_WIDTH_PX)
    rows, columns = image.shape[0] // step * step, image.shape[1] // step * step
    gray = image[:rows, :columns].astype(np.float64).mean(axis=2)
    small: FloatArray = gray.reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
    return windowed(small)


def windowed(small: FloatArray) -> FloatArray:
    """Return a small gray picture without its mean, falling off to nothing at its edges."""
    window = np.outer(np.hanning(small.shape[0]), np.hanning(small.shape[1]))
    result: FloatArray = (small - small.mean()) * window
    return result


def shift_px(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    """Return how far (right, down) the picture moved between two windowed gray frames, with parts of a pixel."""
    cross = np.conj(np.fft.rfft2(before)) * np.fft.rfft2(after)
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=before.shape)
    row, column = np.unravel_index(int(np.argmax(surface)), surface.shape)
    down = _refine(surface[:, column], int(row))
    right = _refine(surface[row, :], int(column))
    return right, down


def _refine(line: FloatArray, peak: int) -> float:
    """Find the top of a parabola through three points of a circular line; signed from its middle."""
    size = len(line)
    left, middle, right = line[(peak - 1) % size], line[peak], line[(peak + 1) % size]
    bend = left - 2.0 * middle + right
    part = 0.5 * (left - right) / bend if bend < 0 else 0.0
    signed = peak - size if peak > size // 2 else peak
    return float(signed + np.clip(part, -0.5, 0.5))


class MotionMeter:
    """Measures pan and tilt from one picture to the next, in picture widths a second."""

    def __init__(self) -> None:
        self._last: tuple[float, FloatArray] | None = None

    def step(self, at_s: float, gray: FloatArray) -> tuple[float, float, float] | None:
        """Take a windowed gray picture; return (moment, pan, tilt) since the last, None over a gap of half a second."""
        last, self._last = self._last, (at_s, gray)
        if last is None or last[1].shape != gray.shape or not 0.0 < at_s - last[0] < MAX_GAP_S:
            return None
        right, down = shift_px(last[1], gray)
        elapsed = (at_s - last[0]) * gray.shape[1]
        return (at_s + last[0]) / 2.0, -right / elapsed, -down / elapsed


def picture_motion(frames: Iterable[Frame], *, by_pts: bool) -> Motion:
    """Measure pan and tilt between neighbouring frames, in picture widths a second.

    Parameters
    ----------
    frames
        Neighbours in time; a gap over half a second is left out.
    by_pts
        Use presentation times instead of UTC, for clips that have none.
    """
    meter = MotionMeter()
    steps = [
        meter.step(float(frame.pts_s) if by_pts else frame.t_utc_ns * 1e-9, _gray(frame.image)) for frame in frames
    ]
    return motion_of([step for step in steps if step is not None])


def motion_of(steps: Iterable[tuple[float, float, float]]) -> Motion:
    """Gather moments with their rates of pan and tilt."""
    columns = np.array(list(steps)).reshape(-1, 3)
    return Motion(t_s=columns[:, 0], pan=columns[:, 1], tilt=columns[:, 2])


def track_motion(track: PoseTrack) -> Motion:
    """Return the camera's rates of pan and tilt in a log, radians a second, from neighbouring samples."""
    poses, whole = track.at(track.t_utc_ns)
    rotation = camera_to_ned(poses)
    relative = np.swapaxes(rotation[:-1], 1, 2) @ rotation[1:]
    elapsed = np.diff(track.t_utc_ns) * 1e-9
    # For a small turn the skew part of the rotation is the turn itself; camera z points down, y to the right.
    pan = (relative[:, 1, 0] - relative[:, 0, 1]) / 2.0 / elapsed
    tilt = -(relative[:, 0, 2] - relative[:, 2, 0]) / 2.0 / elapsed
    good = whole[:-1] & whole[1:] & (elapsed < MAX_GAP_S)
    middle = (track.t_utc_ns[:-1] * 1e-9 + track.t_utc_ns[1:] * 1e-9) / 2.0
    return Motion(t_s=middle[good], pan=pan[good], tilt=tilt[good])


def estimate_offset(
    video: Motion, log: Motion, *, near_s: float = 0.0, max_offset_s: float = MAX_OFFSET_S
) -> ClockOffset:
    """Find the offset at which the pictures turn as the log says.

    Parameters
    ----------
    video, log
        Rates over each clock.
    near_s, max_offset_s
        Offsets from `near_s - max_offset_s` to `near_s + max_offset_s` are tried.

    Returns
    -------
    ClockOffset
        With `reason` set when there is too little motion, or no single best agreement.
    """
    pairs = len(video.t_s)
    if pairs < LEAST_PAIRS or len(log.t_s) < LEAST_PAIRS:
        return _useless("too few frames or log samples to compare", pairs)
    step = float(np.median(np.diff(video.t_s))) / 4.0
    offsets = near_s + np.arange(-max_offset_s, max_offset_s + step, step)
    agreement = np.array([_agreement(video, log, offset) for offset in offsets])
    best = int(np.argmax(agreement))
    others = agreement[np.abs(offsets - offsets[best]) > 1.0]
    if agreement[best] < LEAST_CORRELATION:
        return _useless(
            "the pictures do not turn as the log says, or hardly turn at all", pairs, float(agreement[best])
        )
    if len(others) and agreement[best] - float(others.max()) < LEAST_LEAD:
        return _useless("several offsets agree equally well; the motion repeats itself", pairs, float(agreement[best]))
    if best in {0, len(offsets) - 1}:
        return _useless("the best agreement lies at the end of the range tried", pairs, float(agreement[best]))
    return _refined(offsets, agreement, best, pairs, step)


def _useless(reason: str, pairs: int, correlation: float = math.nan) -> ClockOffset:
    return ClockOffset(offset_s=math.nan, sigma_s=math.nan, correlation=correlation, pairs=pairs, reason=reason)


def _agreement(video: Motion, log: Motion, offset_s: float) -> float:
    """Return the correlation of both rates at one offset, over the time they share (-1 where that is too short)."""
    moments = video.t_s + offset_s
    shared = (moments >= log.t_s[0]) & (moments <= log.t_s[-1])
    if int(shared.sum()) < max(LEAST_PAIRS, len(moments) // 2):
        return -1.0
    pan = np.interp(moments[shared], log.t_s, log.pan)
    tilt = np.interp(moments[shared], log.t_s, log.tilt)
    ours = np.concatenate([part - part.mean() for part in (video.pan[shared], video.tilt[shared])])
    theirs = np.concatenate([part - part.mean() for part in (pan, tilt)])
    norm = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return float(ours @ theirs) / norm if norm > 0.0 else -1.0


def _refined(offsets: FloatArray, agreement: FloatArray, best: int, pairs: int, step: float) -> ClockOffset:
    """Take the top of a parabola; its bend and the unexplained rest give the sigma.

    With gain free the residual sum of squares is ``S (1 - r^2)``, so in the
    offset's direction its second derivative is ``-2 S r r''`` and the variance
    of the estimate ``(1 - r^2) / (-r r'' n)`` for n values compared.
    """
    reach = 4
    rows = slice(max(best - reach, 0), best + reach + 1)
    bend, slope, _ = np.polyfit(offsets[rows] - offsets[best], agreement[rows], 2)
    top = float(np.clip(-slope / (2.0 * bend), -step, step)) if bend < 0 else 0.0
    peak = float(agreement[best])
    variance = (1.0 - peak**2) / (max(-2.0 * bend, 1e-12) * peak * 2.0 * pairs)
    sampling = step / math.sqrt(12.0)
    return ClockOffset(
        offset_s=float(offsets[best] + top),
        sigma_s=math.sqrt(variance + sampling**2),
        correlation=peak,
        pairs=pairs,
    )
