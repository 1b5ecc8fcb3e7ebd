"""Where the camera was during a whole flight: columns over time, with their gaps and problems."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from geo.values import GimbalFrame, Pose, Poses, Unplaced
from telemetry.tracks.interpolate import HOLD_S, MAX_ATTITUDE_GAP_S, MAX_POSITION_GAP_S, interpolate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import ArrayLike, NDArray


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

    `beside` holds what the source says besides and the pose can be held against, by name and with
    NaN where it says nothing: ``alt_rel_home_m`` (height over the take-off point), ``agl_m`` (over
    the ground), and ``gps_lat_deg``, ``gps_lon_deg``, ``gps_alt_amsl_m`` of a second receiver.
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
    beside: Mapping[str, NDArray[np.float64]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    def at(
        self,
        t_utc_ns: ArrayLike,
        *,
        max_attitude_gap_s: float = MAX_ATTITUDE_GAP_S,
        max_position_gap_s: float = MAX_POSITION_GAP_S,
        hold_s: float = HOLD_S,
    ) -> tuple[Poses, NDArray[np.bool_]]:
        """Interpolate at many moments: columns of poses, and which of them are whole.

        See `telemetry.tracks.interpolate.interpolate` for the rules about gaps.
        """
        return interpolate(
            self,
            t_utc_ns,
            max_attitude_gap_s=max_attitude_gap_s,
            max_position_gap_s=max_position_gap_s,
            hold_s=hold_s,
        )

    def pose_at(self, t_utc_ns: int) -> Pose | Unplaced:
        """Return the pose at one moment, or the reason why there is none."""
        poses, whole = interpolate(self, [t_utc_ns])
        return poses[0] if whole[0] else Unplaced.NO_POSE
