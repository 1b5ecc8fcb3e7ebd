"""Sources that state angles once a second: how far they may be bridged, and what that costs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import wrap_longitude_deg
from telemetry.tracks.interpolate import MAX_ATTITUDE_GAP_S, MAX_POSITION_GAP_S
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.values import PoseSigmas
    from telemetry.tracks.pose_track import PoseTrack

AT_A_SAMPLE_NS: Final = 20_000_000
"""A picture this near to a sample is posed by it: half a frame of 25 pictures a second."""
SLOWEST_S: Final = 1.1
"""Angles further apart than a second (and its jitter) are never bridged."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Widest gaps that attitude and position are interpolated over, the error budget then, and what to say of it."""

    attitude_s: float
    position_s: float
    sigmas: PoseSigmas
    problems: tuple[Problem, ...] = ()


def bridged(tracks: Sequence[PoseTrack], sigmas: PoseSigmas, pictures_utc_ns: NDArray[np.int64]) -> Gaps:
    """Let a source of one sample a second be bridged, and widen by a quarter of what its angles change in a second.

    Where each picture has a sample of its own nothing lies between two of them, and nothing is widened. A
    quarter: halfway between two samples a steady turn is met exactly, and one that is all made at once is
    missed by half; that is taken for two sigma. The change is the 90th percentile.
    """
    steps, yaws, pitches = [], [], []
    for track in tracks:
        rows = np.flatnonzero(np.isfinite(track.gimbal_pitch_deg))
        if len(rows) > 1:
            steps.append(np.diff(track.t_utc_ns[rows]) * 1e-9)
            yaw = track.gimbal_yaw_deg if track.gimbal_frame == "earth" else track.yaw_deg + track.gimbal_yaw_deg
            yaws.append(np.abs(wrap_longitude_deg(np.diff(yaw[rows]))))
            pitches.append(np.abs(np.diff(track.gimbal_pitch_deg[rows])))
    usual = Gaps(attitude_s=MAX_ATTITUDE_GAP_S, position_s=MAX_POSITION_GAP_S, sigmas=sigmas)
    if not steps:
        return usual
    step = float(np.median(np.concatenate(steps)))
    if not MAX_ATTITUDE_GAP_S < step <= SLOWEST_S or _at_samples(tracks, pictures_utc_ns):
        return usual
    yaw_deg, pitch_deg = (
        float(np.nan_to_num(np.nanpercentile(np.concatenate(parts), 90))) / 4.0 for parts in (yaws, pitches)
    )
    wider = dataclasses.replace(
        sigmas,
        gimbal_yaw_deg=float(np.hypot(sigmas.gimbal_yaw_deg, yaw_deg)),
        gimbal_pitch_deg=float(np.hypot(sigmas.gimbal_pitch_deg, pitch_deg)),
    )
    text = (
        f"the source states angles every {step:.1f} s; in between they are interpolated, which adds an error of "
        f"{yaw_deg:.2g} degrees of yaw and {pitch_deg:.2g} of pitch"
    )
    problem = Problem(kind="slow_angles", message=text)
    return Gaps(attitude_s=SLOWEST_S, position_s=SLOWEST_S, sigmas=wider, problems=(problem,))


def _at_samples(tracks: Sequence[PoseTrack], pictures_utc_ns: NDArray[np.int64]) -> bool:
    """Tell whether every picture that lies within the tracks falls on a sample."""
    samples = np.sort(np.concatenate([track.t_utc_ns[np.isfinite(track.gimbal_pitch_deg)] for track in tracks]))
    within = pictures_utc_ns[(pictures_utc_ns >= samples[0]) & (pictures_utc_ns <= samples[-1])]
    if not len(within):
        return False
    after = np.clip(np.searchsorted(samples, within), 1, len(samples) - 1)
    gap = np.minimum(np.abs(samples[after] - within), np.abs(samples[after - 1] - within))
    return bool((gap <= AT_A_SAMPLE_NS).all())
