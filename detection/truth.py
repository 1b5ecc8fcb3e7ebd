"""What really was in each frame of a simulated film, to score the chain against."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilmTruth:
    """Columns of a film's truth: one row a frame, and one row a thing in a frame.

    Frame columns have shape (f,), thing columns (m,), boxes (m, 4) as x0, y0,
    x1, y1 in pixels cut at the picture's edge. `thing_frame` is a frame's row.
    Attitude is the camera's own in the earth frame.
    """

    width_px: int
    height_px: int
    class_names: tuple[str, ...]
    frame_t_utc_ns: NDArray[np.int64]
    camera_lat_deg: FloatArray
    camera_lon_deg: FloatArray
    camera_alt_hae_m: FloatArray
    camera_yaw_deg: FloatArray
    camera_pitch_deg: FloatArray
    camera_roll_deg: FloatArray
    hfov_deg: FloatArray
    thing_frame: NDArray[np.int64]
    object_id: NDArray[np.int64]
    class_number: NDArray[np.int64]
    boxes_px: FloatArray
    visible: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    speed_mps: FloatArray
    heading_deg: FloatArray

    def columns(self) -> dict[str, Any]:
        """All fields by name, as arrays."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in dataclasses.fields(self)}
