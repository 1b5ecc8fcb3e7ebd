"""Parrot's video metadata (``mett`` tracks): version 3 of Anafi, and protocol buffers of later aircraft.

Layout and meanings are those of Parrot's published library libvideo-metadata: network byte order, quaternions
from body or camera to north-east-down, altitudes over EGM96 or WGS 84 as stated.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.rotation import matrix_to_yaw_pitch_roll
from telemetry.metadata_tracks.fix import NAN, Fix
from telemetry.metadata_tracks.wire import double, inside, single, values

if TYPE_CHECKING:
    from collections.abc import Iterable

V3_MIME: Final = "com.parrot.videometadata3"
PROTO_MIME: Final = "com.parrot.videometadataproto"
_V3_ID: Final = 0x5033
_V3: Final = struct.Struct(">HHiiii4h4h4h4hHHHHHH")
_NO_FIX_DEG: Final = 500.0
"""What Parrot writes as latitude and longitude without a fix."""


def read_v3(samples: Iterable[tuple[float, bytes]]) -> list[Fix]:
    """Read samples of version 3; those of another kind are passed over."""
    found = []
    for pts_s, payload in samples:
        if len(payload) < _V3.size or payload[:2] != _V3_ID.to_bytes(2, "big"):
            continue
        numbers = _V3.unpack_from(payload)
        lat, lon, packed = numbers[3] / 2**22, numbers[4] / 2**22, numbers[5]
        hfov, vfov = numbers[-2] / 256.0, numbers[-1] / 256.0
        found.append(
            Fix(
                pts_s=pts_s,
                lat_deg=lat if abs(lat) < _NO_FIX_DEG else NAN,
                lon_deg=lon if abs(lon) < _NO_FIX_DEG else NAN,
                alt_amsl_m=(packed >> 8) / 256.0,
                **_angles("", [n / 2**14 for n in numbers[10:14]]),  # type: ignore[arg-type]
                **_angles("gimbal_", [n / 2**14 for n in numbers[18:22]]),  # type: ignore[arg-type]
                hfov_deg=hfov if 0.0 < hfov < 180.0 else NAN,  # noqa: PLR2004
                vfov_deg=vfov if 0.0 < vfov < 180.0 else NAN,  # noqa: PLR2004
            )
        )
    return found


def _angles(prefix: str, wxyz: list[float]) -> dict[str, float]:
    """Return yaw, pitch and roll of a quaternion; NaN where it is none."""
    w, x, y, z = wxyz
    norm = math.sqrt(w * w + x * x + y * y + z * z)
    if not 0.5 < norm < 2.0:  # noqa: PLR2004 - fixed point of a unit quaternion, with slack for its last digit
        return {f"{prefix}{name}_deg": NAN for name in ("yaw", "pitch", "roll")}
    w, x, y, z = (part / norm for part in (w, x, y, z))
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    yaw, pitch, roll = (float(angle) for angle in matrix_to_yaw_pitch_roll(matrix))
    return {f"{prefix}yaw_deg": yaw, f"{prefix}pitch_deg": pitch, f"{prefix}roll_deg": roll}


def read_proto(samples: Iterable[tuple[float, bytes]]) -> list[Fix]:
    """Read samples of the protocol buffer version (``TimedMetadata``)."""
    return [_proto_fix(pts_s, payload) for pts_s, payload in samples]


def _proto_fix(pts_s: float, payload: bytes) -> Fix:
    drone, camera = inside(payload, 1), inside(payload, 2)
    place, about, own = values(inside(camera, 13) or inside(drone, 2)), values(camera), values(drone)
    lat, lon = double(place.get(1)), double(place.get(2))
    hae, amsl = double(place.get(3)), double(place.get(7))
    micros = about.get(10)
    dated = isinstance(micros, int) and bool(about.get(11))
    return Fix(
        pts_s=pts_s,
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=hae if hae else NAN,
        alt_amsl_m=amsl if amsl else NAN,
        alt_rel_home_m=double(own.get(13)),
        sigma_h_m=_accuracy(single(place.get(5))),
        sigma_v_m=_accuracy(single(place.get(6))),
        **_angles("", _quaternion(inside(drone, 1))),
        **_angles("gimbal_", _quaternion(inside(camera, 3))),
        hfov_deg=math.degrees(single(about.get(8))),
        vfov_deg=math.degrees(single(about.get(9))),
        t_utc_ns=micros * 1000 if dated and isinstance(micros, int) and micros < 9 * 10**15 else -1,
    )


def _accuracy(value: float) -> float:
    return value if value > 0.0 else NAN


def _quaternion(message: bytes) -> list[float]:
    parts = values(message)
    return [single(parts.get(number)) if number in parts else 0.0 for number in (1, 2, 3, 4)]
