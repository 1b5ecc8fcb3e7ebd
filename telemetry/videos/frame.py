"""A decoded picture with its pose, and the limits a source has to keep."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from geo.values import CameraModel, Pose, PoseSigmas

NO_TIME: int = -1
"""`Frame.t_utc_ns` of a frame whose moment is not known."""
NO_PTS: int = -(2**63)
"""Stands for "no presentation time stamp" in a column of int64."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One decoded picture.

    `pts_s` is the presentation time stamp times the stream's time base, exact.
    `image` is RGB, shape (height, width, 3). `pose_reason` says why `pose` is None.
    `camera` is what a still picture's own tags say of its lens; a clip's is its pose's field of view.
    `segment` counts how often presentation time began anew before this frame. `sigmas` is the error
    budget that this frame's pose deserves where its source says so, else None. `came_ns` is the monotonic
    clock when its packet arrived over a live link; -1 for everything else.
    """

    index: int
    pts_s: Fraction
    t_utc_ns: int
    image: NDArray[np.uint8]
    pose: Pose | None = None
    pose_reason: str = ""
    camera: CameraModel | None = None
    segment: int = 0
    sigmas: PoseSigmas | None = None
    came_ns: int = -1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VideoLimits:
    """What a source may cost: a hostile or damaged file meets these, not the machine's own."""

    max_pixels: int = 8192 * 4320
    """Largest picture decoded; twice a 4K frame each way covers every drone camera."""
    max_duration_s: float = 6 * 3600.0
    """Longest stretch of presentation time decoded."""
    max_memory_bytes: int = 3 * 1024**3
    """Address space of the decoding process."""
    max_klv_bytes: int = 1024**3
    """Telemetry taken from one file; two hours at 30 packets a second are 65 MB."""
    max_silence_s: float = 30.0
    """Longest time the decoding process may say nothing before it is ended."""
    threads: int = 0
    """Decoder threads; 0 lets FFmpeg choose."""
