"""A picture's tags held against each other: what contradicts is named, widened, or leaves the picture unplaced."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import geodetic_to_ecef, ned_to_ecef_matrix, wrap_longitude_deg
from geo.rotation import camera_to_ned
from geo.values import Poses
from telemetry.pictures.picture_numbers import number, text
from telemetry.tracks.contradictions import Check, Contradiction
from telemetry.tracks.track_checks import HIGHEST_AMSL_M, LOWEST_AMSL_M

if TYPE_CHECKING:
    from geo.values import Pose
    from telemetry.pictures.picture_tags import PictureTags

_M_PER_DEG: Final = 111_319.5
_FIXED_YAW: Final = re.compile(r"FC(?!550|6\d\d\d|XX)\w+", re.IGNORECASE)
"""DJI's cameras whose gimbals hardly pan (Phantom, Mavic, Air, Mini); FC550 and FC6xxx hang under Inspires."""
RTK_SOLUTIONS: Final = (34, 50)
"""``RtkFlag`` of a float and a fixed solution (DJI's notes on RTK aircraft); 16 is a fix without corrections."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaserTarget:
    """Where a laser range finder put what the picture's centre shows (DJI's ``LRFTarget`` tags)."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    range_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PictureEvidence:
    """A picture's tags, the pose concluded from them, and what it rests on.

    `exif_place` and `xmp_place` are (lat, lon) where both are stated; heights are over mean sea level as
    stated, NaN where they are not; `undulation_m` is the geoid's there.
    """

    tags: PictureTags
    pose: Pose
    alt_amsl_m: float
    alt_rel_home_m: float
    exif_place: tuple[float, float] | None
    xmp_place: tuple[float, float] | None
    exif_alt_m: float
    xmp_alt_m: float
    undulation_m: float
    laser: LaserTarget | None = None


def laser_target(tags: PictureTags) -> LaserTarget | None:
    """Read DJI's laser target; None where the laser had no echo or a number is missing."""
    if tags.xmp.get("drone-dji:LRFStatus", "Normal").lower() != "normal":
        return None
    names = ("LRFTargetLat", "LRFTargetLon", "LRFTargetAbsAlt", "LRFTargetDistance")
    lat, lon, alt, reach = (number(tags.xmp.get(f"drone-dji:{name}")) for name in names)
    if not all(map(math.isfinite, (lat, lon, alt, reach))) or not (abs(lat) <= 90.0 and abs(lon) <= 180.0):  # noqa: PLR2004
        return None
    return LaserTarget(lat_deg=lat, lon_deg=lon, alt_amsl_m=alt, range_m=reach) if reach > 0.0 else None


def zero_angles(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Refuse angles that are all zero."""
    pose = evidence.pose
    angles = (pose.gimbal_yaw_deg, pose.gimbal_pitch_deg, pose.gimbal_roll_deg)
    if max(map(abs, angles)) > tolerance:
        return None
    message = "the camera's yaw, pitch and roll are all zero, which is no measurement; the aircraft does not state them"
    return Contradiction(kind="zero_angles", message=message, unplaced=message)


def altitude_possible(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Refuse heights where no aircraft flies."""
    if LOWEST_AMSL_M - tolerance <= evidence.alt_amsl_m <= HIGHEST_AMSL_M + tolerance:
        return None
    message = f"a height of {evidence.alt_amsl_m:.0f} m over mean sea level is where no such aircraft flies"
    return Contradiction(kind="altitude_impossible", message=message, unplaced=message)


def altitude_meant(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Refuse an absolute height of zero beside a height over the take-off point: a field that was not filled."""
    if evidence.alt_amsl_m != 0.0 or not evidence.alt_rel_home_m > tolerance:
        return None
    message = (
        f"the absolute height is 0 beside {evidence.alt_rel_home_m:.0f} m over the take-off point: it was not filled "
        "in; state the height of the take-off point to place anything"
    )
    return Contradiction(kind="altitude_zero", message=message, unplaced=message)


def places_agree(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare the places in EXIF and XMP."""
    if evidence.exif_place is None or evidence.xmp_place is None:
        return None
    (lat, lon), (lat2, lon2) = evidence.exif_place, evidence.xmp_place
    east = float(wrap_longitude_deg(np.array(lon2 - lon))) * math.cos(math.radians(lat))
    apart = _M_PER_DEG * math.hypot(lat2 - lat, east)
    if apart <= tolerance:
        return None
    message = f"EXIF and XMP state places {apart:.0f} m apart; the XMP's was used, and which is right is not known"
    return Contradiction(kind="places_disagree", message=message, at_least={"position_h_m": apart})


def altitudes_agree(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare the heights in EXIF and XMP."""
    off = evidence.xmp_alt_m - evidence.exif_alt_m
    if not math.isfinite(off) or evidence.exif_alt_m == 0.0 or abs(off) <= tolerance:
        return None
    message = f"EXIF and XMP state heights {abs(off):.0f} m apart; the XMP's was used, and which is right is not known"
    return Contradiction(kind="altitudes_disagree", message=message, at_least={"position_v_m": abs(off)})


def rtk_datum(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare RTK flag and datum: corrected heights are over the ellipsoid, whatever else the tags say."""
    flag = number(evidence.tags.xmp.get("drone-dji:RtkFlag"))
    if flag not in RTK_SOLUTIONS or abs(evidence.undulation_m) <= tolerance:
        return None
    datum = evidence.tags.xmp.get("drone-dji:AltitudeType", "")
    if datum.lower() == "rtkalt":
        return None
    if datum:
        message = (
            f"the picture has RTK corrections (RtkFlag {flag:.0f}), whose heights are over the ellipsoid, but names "
            f"its height {datum!r}, over mean sea level; the two are {abs(evidence.undulation_m):.0f} m apart here"
        )
        return Contradiction(kind="rtk_datum", message=message, at_least={"position_v_m": abs(evidence.undulation_m)})
    message = (
        f"the picture has RTK corrections (RtkFlag {flag:.0f}) and does not name its datum; its height was taken to be "
        f"over the ellipsoid, {abs(evidence.undulation_m):.0f} m from mean sea level here"
    )
    return Contradiction(kind="rtk_datum", message=message)


def yaws_agree(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare yaws where the camera cannot pan and does not look straight down."""
    pose = evidence.pose
    model = text(evidence.tags.tiff.get(0x0110))
    if not math.isfinite(pose.yaw_deg) or _FIXED_YAW.fullmatch(model) is None or pose.gimbal_pitch_deg < -80.0:  # noqa: PLR2004
        return None
    apart = abs(float(wrap_longitude_deg(np.array(pose.gimbal_yaw_deg - pose.yaw_deg))))
    if apart <= tolerance:
        return None
    message = (
        f"camera and aircraft point {apart:.0f} degrees apart, and the gimbal of {model} does not pan so far; one "
        "of the yaws is wrong"
    )
    return Contradiction(kind="yaws_disagree", message=message, unplaced=message)


def laser_range(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare the laser's range with the distance to its target."""
    if evidence.laser is None:
        return None
    distance, _ = _laser_from(evidence)
    allowed = tolerance + 0.05 * evidence.laser.range_m
    if abs(distance - evidence.laser.range_m) <= allowed:
        return None
    message = (
        f"the laser's target lies {distance:.0f} m from the camera, and its range is {evidence.laser.range_m:.0f} m; "
        "position, height or target is wrong"
    )
    off = abs(distance - evidence.laser.range_m)
    return Contradiction(kind="laser_range", message=message, at_least={"position_h_m": off, "position_v_m": off})


def laser_ray(evidence: PictureEvidence, tolerance: float) -> Contradiction | None:
    """Compare the direction of the laser's target with the picture's axis."""
    if evidence.laser is None:
        return None
    _, angle = _laser_from(evidence)
    if angle <= tolerance:
        return None
    message = (
        f"the laser's target lies {angle:.1f} degrees off the picture's axis; angles, position or target are wrong"
    )
    return Contradiction(
        kind="laser_ray", message=message, at_least={"gimbal_yaw_deg": angle, "gimbal_pitch_deg": angle}
    )


def _laser_from(evidence: PictureEvidence) -> tuple[float, float]:
    """Return distance (m) and angle off the axis (degrees) of the laser's target as seen from the camera."""
    laser, pose = evidence.laser, evidence.pose
    if laser is None:
        return math.nan, math.nan
    target = geodetic_to_ecef(laser.lat_deg, laser.lon_deg, laser.alt_amsl_m + evidence.undulation_m)
    offset = np.asarray(target - geodetic_to_ecef(pose.lat_deg, pose.lon_deg, pose.alt_hae_m)).ravel()
    distance = float(np.linalg.norm(offset))
    axis = ned_to_ecef_matrix(pose.lat_deg, pose.lon_deg) @ camera_to_ned(Poses.of(pose))[0][:, 0]
    cosine = float(np.clip(np.ravel(axis) @ offset / max(distance, 1e-9), -1.0, 1.0))
    return distance, math.degrees(math.acos(cosine))


PICTURE_CHECKS: Final[tuple[Check[PictureEvidence], ...]] = (
    Check(
        name="zero_angles",
        compares="camera angles and zero",
        tolerance=0.0,
        unit="deg",
        source="tags have a tenth of a degree; three exact zeros are a field that was not filled",
        run=zero_angles,
    ),
    Check(
        name="altitude_impossible",
        compares="height over mean sea level and where aircraft fly",
        tolerance=0.0,
        unit="m",
        source="as for tracks: shore of the Dead Sea and the farthest geoid; 25 km",
        run=altitude_possible,
    ),
    Check(
        name="altitude_zero",
        compares="absolute height of 0 and height over the take-off point",
        tolerance=5.0,
        unit="m",
        source="a take-off point 5 m under mean sea level is rare, and an exact 0 above one rarer",
        run=altitude_meant,
    ),
    Check(
        name="places_disagree",
        compares="position in EXIF and in XMP",
        tolerance=15.0,
        unit="m",
        source="EXIF seconds have at worst two decimals (0.3 m); the two may be a second of flight apart",
        run=places_agree,
    ),
    Check(
        name="altitudes_disagree",
        compares="height in EXIF and in XMP",
        tolerance=5.0,
        unit="m",
        source="both are written from one value; a barometer's part is within 5 m",
        run=altitudes_agree,
    ),
    Check(
        name="rtk_datum",
        compares="RTK flag and datum of the height",
        tolerance=3.0,
        unit="m",
        source="a smaller undulation is within GPS height noise",
        run=rtk_datum,
    ),
    Check(
        name="yaws_disagree",
        compares="yaw of camera and aircraft, for gimbals that do not pan",
        tolerance=60.0,
        unit="deg",
        source="mechanical range of DJI's small gimbals (at most 35 degrees), and turning between two readings",
        run=yaws_agree,
    ),
    Check(
        name="laser_range",
        compares="laser range and distance to the laser's target",
        tolerance=5.0,
        unit="m",
        source="with 5 % of the range: GPS of the camera, and the maker's own rounding of the target",
        run=laser_range,
    ),
    Check(
        name="laser_ray",
        compares="direction of the laser's target and the picture's axis",
        tolerance=5.0,
        unit="deg",
        source="boresight of laser and lens, and 2 sigma of yaw",
        run=laser_ray,
    ),
)
"""Checks of a single picture, in the order they are run."""
