"""Where the camera was during a whole flight: columns over time, with their gaps and problems."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from geo.values import GimbalFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a source, kept as a result: what, where, and what was done about it."""

    kind: str
    message: str
    offset: int = -1
    t_utc_ns: int = -1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoseTrack:
    """Columns of a flight, one row a sample, times strictly increasing.

    Angles are degrees; NaN means the source does not say. Platform attitude is
    body forward-right-down to north-east-down (Z-Y-X); gimbal angles are in
    `gimbal_frame`. All arrays have shape (n,) and are read-only.
    """

    t_utc_ns: NDArray[np.int64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    alt_hae_m: NDArray[np.float64]
    alt_amsl_m: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]
    pitch_deg: NDArray[np.float64]
    roll_deg: NDArray[np.float64]
    gimbal_yaw_deg: NDArray[np.float64]
    gimbal_pitch_deg: NDArray[np.float64]
    gimbal_roll_deg: NDArray[np.float64]
    hfov_deg: NDArray[np.float64]
    vfov_deg: NDArray[np.float64]
    sigma_h_m: NDArray[np.float64]
    sigma_v_m: NDArray[np.float64]
    gimbal_frame: GimbalFrame = GimbalFrame.BODY
    source: str = ""
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.t_utc_ns)
