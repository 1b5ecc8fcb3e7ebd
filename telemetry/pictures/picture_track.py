"""A still picture as a pose track of one row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from telemetry.pictures.picture_file import read_picture
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack


def read_picture_track(
    path: str | Path,
    *,
    utc_offset_s: float | None = None,
    undulation: Undulation = egm96,
    clock: Callable[[], int] = time.time_ns,
) -> PoseTrack:
    """Read a picture's pose as a track of one row, at -1 ns where it states no time.

    Raises
    ------
    SourceError
        The file is no picture, or states no pose; the message says what is missing.
    """
    found = read_picture(path, utc_offset_s=utc_offset_s, undulation=undulation, clock=clock)
    pose = found.pose
    if pose is None:
        reasons = "; ".join(problem.message for problem in found.problems)
        raise SourceError(f"{path}: no pose in this picture: {reasons}", path=str(path))
    t_ns = np.array([pose.t_utc_ns], dtype=np.int64)

    def row(**values: float) -> Samples:
        return Samples(t_ns=t_ns, columns={name: np.array([value]) for name, value in values.items()})

    camera = found.camera
    view = None
    if camera is not None:
        hfov, vfov = (2.0 * np.degrees(np.arctan(half)) for half in (
            camera.width_px / 2.0 / camera.fx_px, camera.height_px / 2.0 / camera.fy_px))  # fmt: skip
        view = row(hfov_deg=float(hfov), vfov_deg=float(vfov))
    sigmas = found.sigmas
    return assemble(
        Sampled(
            position=row(
                lat_deg=pose.lat_deg, lon_deg=pose.lon_deg, alt_hae_m=pose.alt_hae_m, alt_amsl_m=found.alt_amsl_m
            ),
            attitude=row(yaw_deg=pose.yaw_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg),
            gimbal=row(yaw_deg=pose.gimbal_yaw_deg, pitch_deg=pose.gimbal_pitch_deg, roll_deg=pose.gimbal_roll_deg),
            gimbal_frame=pose.gimbal_frame,
            view=view,
            accuracy=None if sigmas is None else row(sigma_h_m=sigmas.position_h_m, sigma_v_m=sigmas.position_v_m),
        ),
        undulation=undulation,
        source=Path(path).name,
        problems=list(found.problems),
    )
