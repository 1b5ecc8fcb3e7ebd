"""Where the camera was during a whole flight: columns over time, with their gaps and problems."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.values import GimbalFrame, Pose, Poses, Unplaced
from telemetry.tracks.interpolate import (
    HOLD_S,
    MAX_ATTITUDE_GAP_S,
    MAX_POSITION_GAP_S,
    angles,
    bracket,
    field_of_view,
    nothing,
    positions,
    sealed,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


def times(count: int) -> str:
    """Return how often something happened, as a message says it."""
    return "once" if count == 1 else f"{count} times"


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
        """Return the pose at each moment.

        Parameters
        ----------
        t_utc_ns
            Moments, shape (n,), in any order.
        max_attitude_gap_s, max_position_gap_s
            Gaps between samples wider than these are refused.
        hold_s
            Nearest sample this close is used as it is, where interpolation is refused.

        Returns
        -------
        Poses, NDArray[np.bool_]
            Columns of n poses, and which of them are whole: a position, and the
            angles that turn a ray in the track's gimbal frame. Refused parts are NaN.
        """
        moments = np.atleast_1d(np.asarray(t_utc_ns, dtype=np.int64))
        if not len(self):
            return nothing(moments, self.gimbal_frame)
        at = bracket(self.t_utc_ns, moments, max_attitude_gap_s, max_position_gap_s, hold_s)
        lat, lon, alt = positions(self.lat_deg, self.lon_deg, self.alt_hae_m, at)
        platform = angles(self.yaw_deg, self.pitch_deg, self.roll_deg, at)
        gimbal = angles(self.gimbal_yaw_deg, self.gimbal_pitch_deg, self.gimbal_roll_deg, at)
        poses = Poses(
            t_utc_ns=sealed(moments), lat_deg=sealed(lat), lon_deg=sealed(lon), alt_hae_m=sealed(alt),
            yaw_deg=sealed(platform[0]), pitch_deg=sealed(platform[1]), roll_deg=sealed(platform[2]),
            gimbal_yaw_deg=sealed(gimbal[0]), gimbal_pitch_deg=sealed(gimbal[1]), gimbal_roll_deg=sealed(gimbal[2]),
            hfov_deg=sealed(field_of_view(self.hfov_deg, at)), vfov_deg=sealed(field_of_view(self.vfov_deg, at)),
            gimbal_frame=self.gimbal_frame,
        )  # fmt: skip
        return poses, whole(poses)

    def pose_at(self, t_utc_ns: int) -> Pose | Unplaced:
        """Return the pose at one moment, or the reason why there is none."""
        poses, complete = self.at([t_utc_ns])
        return poses[0] if complete[0] else Unplaced.NO_POSE
