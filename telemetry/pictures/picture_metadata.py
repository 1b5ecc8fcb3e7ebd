"""Pose and camera of a still picture from its EXIF and XMP (DJI, Skydio, Parrot, Autel, Teal/FLIR, senseFly).

Camera angles are absolute (see `telemetry.pictures.picture_angles`), so the pose is in `GimbalFrame.EARTH`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame, Pose, PoseSigmas
from telemetry.pictures.picture_angles import camera_angles
from telemetry.pictures.picture_camera import camera_of
from telemetry.pictures.picture_checks import PICTURE_CHECKS, RTK_SOLUTIONS, PictureEvidence, laser_target
from telemetry.pictures.picture_numbers import number, text
from telemetry.tracks.contradictions import Verdict, judge
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import is_datable, local_to_utc_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.values import CameraModel
    from telemetry.pictures.picture_checks import LaserTarget
    from telemetry.pictures.picture_tags import PictureTags
    from telemetry.tracks.datums import Undulation


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PictureMetadata:
    """A picture's pose and camera, either of which may be missing; `problems` says why.

    `sigmas` is the error budget that the picture's own tags state or deserve, None for the usual one.
    `alt_rel_home_m` is the barometric height over the take-off point, NaN where unknown.
    `laser` is where a range finder put the picture's centre. `refusal` says which contradiction
    took the pose away, where one did.
    """

    make: str
    model: str
    software: str
    pose: Pose | None
    camera: CameraModel | None
    alt_amsl_m: float = math.nan
    alt_rel_home_m: float = math.nan
    sigmas: PoseSigmas | None = None
    laser: LaserTarget | None = None
    refusal: str = ""
    problems: tuple[Problem, ...] = ()


ESTIMATED_FOCAL_REL: Final = 0.02
"""One-sigma relative error of a focal length from its 35 mm equivalent, a whole number of millimetres."""

PLATFORM_ANGLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("drone-dji:FlightYawDegree", "drone-dji:FlightPitchDegree", "drone-dji:FlightRollDegree"),
    (
        "drone-skydio:VehicleOrientationNED/Yaw",
        "drone-skydio:VehicleOrientationNED/Pitch",
        "drone-skydio:VehicleOrientationNED/Roll",
    ),
    ("drone-parrot:DroneYawDegree", "drone-parrot:DronePitchDegree", "drone-parrot:DroneRollDegree"),
    ("drone:FlightYawDegree", "drone:FlightPitchDegree", "drone:FlightRollDegree"),
)

POSITIONS: Final[tuple[tuple[str, str], ...]] = (
    ("drone-dji:GpsLatitude", "drone-dji:GpsLongitude"),
    ("drone-dji:GpsLatitude", "drone-dji:GpsLongtitude"),
    ("drone-skydio:Latitude", "drone-skydio:Longitude"),
    ("drone:GpsLatitude", "drone:GpsLongitude"),
)
ALTITUDES: Final = ("drone-dji:AbsoluteAltitude", "drone-skydio:AbsoluteAltitude", "drone:AbsoluteAltitude")

TURNING_EDITORS: Final = re.compile(r"photo viewer|windows photo|picasa|preview|irfanview|faststone", re.IGNORECASE)
"""Programs whose "rotate" rewrites the pixels and leaves the XMP angles as they were."""
SHAPE_TOLERANCE: Final = 0.01
"""Rounding to whole pixels changes a picture's shape by less."""
ORIENTATIONS_TURNED: Final = range(2, 9)
"""EXIF orientations other than upright (CIPA DC-008, 4.6.4)."""


def conclude(
    tags: PictureTags,
    *,
    utc_offset_s: float | None,
    undulation: Undulation,
    home_alt_amsl_m: float | None = None,
) -> PictureMetadata:
    """Turn a picture's tags into a pose and a camera.

    Parameters
    ----------
    tags
        EXIF and XMP of the picture.
    utc_offset_s
        Zone of the camera's clock, seconds east of UTC; used only where the file states no zone.
    undulation
        Geoid that the picture's mean-sea-level height refers to.
    home_alt_amsl_m
        Height of the take-off point; the height over it is then used instead of the absolute one.
    """
    problems: list[Problem] = []
    software = text(tags.tiff.get(0x0131))
    position = _position(tags)
    relative_m = _first(tags.xmp, "drone-dji:RelativeAltitude", "drone:RelativeAltitude")
    alt_amsl_m, alt_hae_m = _heights(tags, position, undulation)
    if home_alt_amsl_m is not None and math.isfinite(relative_m) and position is not None:
        alt_amsl_m = home_alt_amsl_m + relative_m
        alt_hae_m = alt_amsl_m + float(undulation(np.array([position[0]]), np.array([position[1]]))[0])
    pose = _pose(tags, position, alt_hae_m, utc_offset_s, problems)
    camera = camera_of(tags, problems)
    sigmas = _sigmas(tags)
    verdict = None
    if pose is not None:
        verdict = _judged(tags, pose, alt_amsl_m, relative_m, sigmas)
        problems += verdict.problems
        sigmas = sigmas if verdict.sigmas == (sigmas or PoseSigmas()) else verdict.sigmas
    if any(problem.kind == "camera_estimated" for problem in problems):
        sigmas = dataclasses.replace(sigmas or PoseSigmas(), focal_rel=ESTIMATED_FOCAL_REL)
    problems += _altered(tags)
    if TURNING_EDITORS.search(software):
        problems.append(
            Problem(
                kind="rotated_by_viewer",
                message=f"the picture was saved by {software!r}, which may have turned its pixels while the "
                "stated camera yaw was kept; compare it with a map before placing anything, or use the original file",
            )
        )
    return PictureMetadata(
        make=text(tags.tiff.get(0x010F)),
        model=text(tags.tiff.get(0x0110)),
        software=software,
        pose=None if verdict is not None and verdict.unplaced else pose,
        camera=camera,
        alt_amsl_m=alt_amsl_m,
        alt_rel_home_m=relative_m,
        sigmas=sigmas,
        laser=laser_target(tags),
        refusal="" if verdict is None else verdict.unplaced,
        problems=tuple(problems),
    )


def _judged(tags: PictureTags, pose: Pose, alt_amsl_m: float, relative_m: float, sigmas: PoseSigmas | None) -> Verdict:
    """Hold everything the tags say against each other."""
    evidence = PictureEvidence(
        tags=tags,
        pose=pose,
        alt_amsl_m=alt_amsl_m,
        alt_rel_home_m=relative_m,
        exif_place=_exif_place(tags),
        xmp_place=_xmp_place(tags),
        exif_alt_m=number(tags.gps.get(6)),
        xmp_alt_m=_first(tags.xmp, *ALTITUDES),
        undulation_m=pose.alt_hae_m - alt_amsl_m,
        laser=laser_target(tags),
    )
    return judge(PICTURE_CHECKS, evidence, sigmas or PoseSigmas())


def _altered(tags: PictureTags) -> list[Problem]:
    """Compare the picture's shape with the one the camera wrote (EXIF), and read its orientation."""
    found = []
    wide, high = number(tags.exif.get(0xA002)), number(tags.exif.get(0xA003))
    if wide > 0 and high > 0 and abs(tags.width_px / tags.height_px / (wide / high) - 1.0) > SHAPE_TOLERANCE:
        message = (
            f"the camera wrote {wide:.0f} x {high:.0f} pixels and the picture has {tags.width_px} x {tags.height_px}: "
            "it was cropped or turned, so its centre is not the camera's; use the original file"
        )
        found.append(Problem(kind="cropped_or_turned", message=message))
    if number(tags.tiff.get(0x0112)) in ORIENTATIONS_TURNED:
        message = "viewers show this picture turned (EXIF orientation); pixels count from the stored top-left corner"
        found.append(Problem(kind="orientation", message=message))
    return found


def _pose(
    tags: PictureTags,
    position: tuple[float, float] | None,
    alt_hae_m: float,
    utc_offset_s: float | None,
    problems: list[Problem],
) -> Pose | None:
    angles = camera_angles(tags.xmp, problems)
    problems += _place_problems(tags)
    if position is None:
        problems.append(Problem(kind="no_position", message="the picture states no GPS position (or 0, 0)"))
    elif not math.isfinite(alt_hae_m):
        problems.append(Problem(kind="no_altitude", message="the picture states no absolute altitude"))
    t_utc_ns = _time(tags, utc_offset_s, problems)
    if position is None or angles is None or not math.isfinite(alt_hae_m):
        return None
    yaw, pitch, roll = angles
    flight = _platform_angles(tags.xmp)
    return Pose(
        t_utc_ns=t_utc_ns,
        lat_deg=position[0],
        lon_deg=position[1],
        alt_hae_m=alt_hae_m,
        yaw_deg=flight[0],
        pitch_deg=flight[1],
        roll_deg=flight[2],
        gimbal_yaw_deg=yaw,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=roll,
        gimbal_frame=GimbalFrame.EARTH,
    )


def _platform_angles(xmp: Mapping[str, str]) -> tuple[float, float, float]:
    for names in PLATFORM_ANGLES:
        values = tuple(number(xmp.get(name)) for name in names)
        if all(math.isfinite(value) for value in values):
            return values[0], values[1], values[2]
    return math.nan, math.nan, math.nan


def _position(tags: PictureTags) -> tuple[float, float] | None:
    return _xmp_place(tags) or _exif_place(tags)


def _xmp_place(tags: PictureTags) -> tuple[float, float] | None:
    for lat_name, lon_name in POSITIONS:
        found = number(tags.xmp.get(lat_name)), number(tags.xmp.get(lon_name))
        if _on_globe(*found):
            return found
    return None


def _exif_place(tags: PictureTags) -> tuple[float, float] | None:
    lat = _sexagesimal(tags.gps.get(2), tags.gps.get(1), "S")
    lon = _sexagesimal(tags.gps.get(4), tags.gps.get(3), "W")
    return (lat, lon) if _on_globe(lat, lon) else None


def _place_problems(tags: PictureTags) -> list[Problem]:
    """Name places that are stated and cannot be used."""
    found = []
    stated = [(number(tags.xmp.get(lat)), number(tags.xmp.get(lon))) for lat, lon in POSITIONS]
    off = next((place for place in stated if abs(place[0]) > 90.0 or abs(place[1]) > 180.0), None)  # noqa: PLR2004
    if off is not None:
        message = f"the XMP's place ({off[0]:g}, {off[1]:g}) is none on the globe and was not used"
        found.append(Problem(kind="places_disagree", message=message))
    sides_stated = text(tags.gps.get(1)) and text(tags.gps.get(3))
    if tags.gps.get(2) is not None and not sides_stated:
        message = (
            "EXIF states degrees, but not whether they are north or south, east or west (GPSLatitudeRef, "
            "GPSLongitudeRef): they were not used"
        )
        found.append(Problem(kind="no_hemisphere", message=message))
    return found


def _on_globe(lat_deg: float, lon_deg: float) -> bool:
    return abs(lat_deg) <= 90.0 and abs(lon_deg) <= 180.0 and (lat_deg, lon_deg) != (0.0, 0.0)


def _sexagesimal(value: object, reference: object, negative: str) -> float:
    """Return degrees of degrees, minutes and seconds; undefined seconds (0/0) count where minutes have a fraction."""
    parts = [number(part) for part in value] if isinstance(value, tuple) else []
    if len(parts) == 3 and math.isnan(parts[2]) and parts[1] % 1.0:  # noqa: PLR2004
        parts.pop()
    side = text(reference).upper()
    if not parts or len(parts) > 3 or not side or not all(math.isfinite(part) for part in parts):
        return math.nan
    degrees = sum(part / 60.0**power for power, part in enumerate(parts))
    return -degrees if side.startswith(negative) else degrees


def _heights(tags: PictureTags, position: tuple[float, float] | None, undulation: Undulation) -> tuple[float, float]:
    """Return heights over sea level and over the ellipsoid.

    DJI's ``AbsoluteAltitude`` is over mean sea level, except with
    ``AltitudeType`` ``RtkAlt``, or RTK corrections and no type stated, where it is
    over the ellipsoid (DJI's XMP notes for RTK aircraft). EXIF ``GPSAltitudeRef`` 2 and 3 are ellipsoidal (CIPA
    DC-008-2023, 4.6.6), 1 is below sea level.
    """
    stated = _first(tags.xmp, *ALTITUDES)
    datum = tags.xmp.get("drone-dji:AltitudeType", "").lower()
    corrected = number(tags.xmp.get("drone-dji:RtkFlag")) in RTK_SOLUTIONS
    over_ellipsoid = datum == "rtkalt" or (corrected and not datum)
    if not math.isfinite(stated):
        stated = number(tags.gps.get(6))
        raw_reference = tags.gps.get(5, b"\x00")
        reference = raw_reference[0] if isinstance(raw_reference, bytes) and raw_reference else raw_reference
        over_ellipsoid = reference in (2, 3)
        stated = -stated if reference in (1, 3) else stated
    if position is None:
        return (math.nan, stated) if over_ellipsoid else (stated, math.nan)
    offset = float(undulation(np.array([position[0]]), np.array([position[1]]))[0])
    return (stated - offset, stated) if over_ellipsoid else (stated, stated + offset)


def _time(tags: PictureTags, utc_offset_s: float | None, problems: list[Problem]) -> int:
    """Return the exposure time: GPS clock, then a stated zone, then the given zone; -1 if there is none."""
    day, clock = text(tags.gps.get(29)), tags.gps.get(7)
    if day and isinstance(clock, tuple) and len(clock) == 3:
        seconds = [number(part) for part in clock]
        if all(0.0 <= part <= 60.0 for part in seconds):
            base = _parse(day.replace(":", "-")[:10] + "T00:00:00+00:00")
            if base is not None:
                return _ns(base) + round((seconds[0] * 3600 + seconds[1] * 60 + seconds[2]) * 1e9)
    for name in ("drone-dji:UTCAtExposure", "xmp:CreateDate"):
        moment = _parse(tags.xmp.get(name, ""))
        if moment is not None and (moment.tzinfo is not None or name.endswith("UTCAtExposure")):
            return _ns(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
    moment = _parse(_written(tags))
    if moment is None:
        problems.append(Problem(kind="no_time", message="the picture states no time of exposure"))
        return -1
    zone = text(tags.exif.get(0x9011)) or text(tags.exif.get(0x9012)) or text(tags.exif.get(0x9010))
    zoned = _parse(moment.isoformat() + zone) if re.fullmatch(r"[+-]\d\d:\d\d", zone) else None
    if zoned is not None:
        return _ns(zoned)
    if utc_offset_s is None:
        problems.append(
            Problem(kind="time_zone_unknown", message="the picture states no time zone; its clock was taken as UTC")
        )
    return local_to_utc_ns(moment, utc_offset_s or 0.0)


def _written(tags: PictureTags) -> str:
    """Return when a picture says it was taken, with the fraction of a second that stands in a tag of its own."""
    clocks = ((tags.exif, 0x9003, 0x9291), (tags.exif, 0x9004, 0x9292), (tags.tiff, 0x0132, 0x9290))
    for where, clock, fraction in clocks:
        if written := text(where.get(clock)):
            digits = text(tags.exif.get(fraction)).strip()
            moment = re.sub(r"^(\d{4}):(\d\d):(\d\d) ", r"\1-\2-\3T", written)
            return f"{moment}.{digits[:6].ljust(6, '0')}" if re.fullmatch(r"[0-9]{1,9}", digits) else moment
    return ""


def _parse(written: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if is_datable(moment) else None


def _ns(moment: dt.datetime) -> int:
    return local_to_utc_ns(moment.astimezone(dt.UTC).replace(tzinfo=None), 0.0)


def _sigmas(tags: PictureTags) -> PoseSigmas | None:
    """Return stated one-sigma errors: DJI's RTK deviations, or EXIF ``GPSHPositioningError``."""
    lat, lon, height = (number(tags.xmp.get(f"drone-dji:RtkStd{name}")) for name in ("Lat", "Lon", "Hgt"))
    if all(math.isfinite(value) and value > 0 for value in (lat, lon, height)):
        return PoseSigmas(position_h_m=max(lat, lon), position_v_m=height)
    horizontal = number(tags.gps.get(31))
    if math.isfinite(horizontal) and horizontal > 0:
        usual = PoseSigmas()  # only the horizontal error is stated; the vertical one keeps its usual ratio to it
        ratio = usual.position_v_m / usual.position_h_m
        return PoseSigmas(position_h_m=horizontal, position_v_m=ratio * horizontal)
    return None


def _first(xmp: Mapping[str, str], *names: str) -> float:
    return next((value for name in names if math.isfinite(value := number(xmp.get(name)))), math.nan)
