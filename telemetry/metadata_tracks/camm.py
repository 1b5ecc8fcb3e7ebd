"""The ``camm`` track of Android and street-level cameras (Google's Camera Motion Metadata specification)."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.metadata_tracks.fix import NAN, Fix
from telemetry.tracks.time_bases import WEEK_S, gps_to_utc_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN: Final = struct.Struct("<ddd")
_FULL: Final = struct.Struct("<dIddfffffff")
_FIX_2D: Final = 2


def read_camm(samples: Iterable[tuple[float, bytes]]) -> list[Fix]:
    """Read packets of types 5 (place) and 6 (place, accuracy, GPS time); heights are over the WGS 84 ellipsoid.

    Angles (type 0) are against a frame that the application defines, so they are not used.
    """
    found = []
    for pts_s, payload in samples:
        kind = int.from_bytes(payload[2:4], "little") if len(payload) >= 4 else -1  # noqa: PLR2004
        if kind == 5 and len(payload) >= 4 + _PLAIN.size:  # noqa: PLR2004
            lat, lon, alt = _PLAIN.unpack_from(payload, 4)
            found.append(Fix(pts_s=pts_s, lat_deg=lat, lon_deg=lon, alt_hae_m=alt))
        elif kind == 6 and len(payload) >= 4 + _FULL.size:  # noqa: PLR2004
            fix = _full(pts_s, _FULL.unpack_from(payload, 4))
            if fix is not None:
                found.append(fix)
    return found


def _full(pts_s: float, row: tuple[float, ...]) -> Fix | None:
    gps_s, fix, lat, lon, alt, sigma_h, sigma_v = row[:7]
    if fix < _FIX_2D:
        return None
    utc = -1
    if math.isfinite(gps_s) and 0.0 < gps_s < 4e9:  # noqa: PLR2004 - a century of seconds
        week, rest = divmod(gps_s, WEEK_S)
        utc = int(gps_to_utc_ns(np.array([int(week)]), np.array([round(rest * 1000)]))[0])
    return Fix(
        pts_s=pts_s,
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=alt,
        sigma_h_m=sigma_h if sigma_h > 0.0 else NAN,
        sigma_v_m=sigma_v if sigma_v > 0.0 else NAN,
        t_utc_ns=utc,
    )
