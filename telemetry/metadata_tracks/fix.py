"""One sample of a metadata track: what it says of position, angles and time; NaN (or -1) where it does not."""

from __future__ import annotations

import dataclasses
import math

NAN = math.nan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A place, the angles there, and UTC if stated; `pts_s` is presentation time.

    Camera angles are against north and level (`GimbalFrame.EARTH`).
    """

    pts_s: float
    lat_deg: float = NAN
    lon_deg: float = NAN
    alt_amsl_m: float = NAN
    alt_hae_m: float = NAN
    alt_rel_home_m: float = NAN
    yaw_deg: float = NAN
    pitch_deg: float = NAN
    roll_deg: float = NAN
    gimbal_yaw_deg: float = NAN
    gimbal_pitch_deg: float = NAN
    gimbal_roll_deg: float = NAN
    hfov_deg: float = NAN
    vfov_deg: float = NAN
    sigma_h_m: float = NAN
    sigma_v_m: float = NAN
    t_utc_ns: int = -1
