"""DJI's ``djmd`` track: protocol buffer messages, one a picture.

DJI publishes no schema. Field numbers are those that ExifTool's DJI tables name as
confirmed or plausible for each aircraft; they are used only for aircraft named there, and
only where the values are possible. Others are named as present and unread.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from telemetry.metadata_tracks.fix import Fix
from telemetry.metadata_tracks.wire import double, inside, signed, single, values
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROTOCOL: Final = re.compile(rb"dvtm_([A-Za-z0-9_-]+)\.proto")
_FLYING: Final = ("wm265e", "pm320", "Mini4_Pro", "Air3", "Air3s", "wa345e", "wm261")
"""Mavic 3, Matrice 30, Mini 4 Pro, Air 3, Air 3S, Matrice 4E, Mavic 3 Pro: airframe 3-3-3, place 3-3-4,
camera 3-4-3."""
_PLACE_ONLY: Final = ("Mavic4", "Mini5Pro")
"""Place at the same fields; the fields of their angles are not known."""
_CAMERAS: Final = {
    "AVATA2": (3, 4, 4),
    "dji_neo": (3, 4, 4),
    "ac203": (3, 4, 2),
    "ac204": (3, 4, 2),
    "ac206": (3, 4, 2),
}
"""Where others keep their place; without camera angles."""


def read_djmd(samples: Iterable[tuple[float, bytes]]) -> list[Fix]:
    """Read the samples (presentation time, payload) of a track.

    Raises
    ------
    SourceError
        The aircraft is none whose fields are known.
    """
    found: list[Fix] = []
    protocol = ""
    for pts_s, payload in samples:
        if not protocol:
            match = _PROTOCOL.search(payload[:4096])
            if match is None:
                raise SourceError("its first sample names no protocol, so that its fields have no known meaning")
            protocol = match.group(1).decode("ascii")
            if protocol not in (*_FLYING, *_PLACE_ONLY, *_CAMERAS):
                raise SourceError(f"the fields of protocol {protocol!r} have no publicly known meaning")
        found.append(_fix(pts_s, payload, protocol))
    return found


def _fix(pts_s: float, payload: bytes, protocol: str) -> Fix:
    place = inside(payload, *_CAMERAS.get(protocol, (3, 3, 4)))
    where, heights = values(inside(place, 1)), values(place)
    lat, lon = double(where.get(2)), double(where.get(3))
    if not where.get(1):  # 0: radians, 1: degrees
        lat, lon = math.degrees(lat), math.degrees(lon)
    known = {"lat_deg": lat, "lon_deg": lon, "alt_amsl_m": signed(heights.get(2)) / 1000.0}
    if protocol in _CAMERAS:
        return Fix(pts_s=pts_s, **known)  # type: ignore[arg-type]
    known["alt_rel_home_m"] = single(values(inside(payload, 3, 3, 5)).get(1)) / 1000.0
    if protocol in _FLYING:
        drone, camera = values(inside(payload, 3, 3, 3)), values(inside(payload, 3, 4, 3))
        # a field that is 0 is left out of the message; a message that is absent says nothing
        if drone:
            for name, number in (("roll_deg", 1), ("pitch_deg", 2), ("yaw_deg", 3)):
                known[name] = signed(drone.get(number), 0.0) / 10.0
        if camera:
            for name, number in (("gimbal_pitch_deg", 1), ("gimbal_roll_deg", 2), ("gimbal_yaw_deg", 3)):
                known[name] = signed(camera.get(number), 0.0) / 10.0
    return Fix(pts_s=pts_s, **known)  # type: ignore[arg-type]
