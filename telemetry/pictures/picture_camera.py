"""The pinhole of a still picture, from the best evidence its own tags give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geo.cameras import published_cameras
from geo.values import CameraModel
from telemetry.pictures.picture_numbers import number, text
from telemetry.tracks.pose_track import Problem

if TYPE_CHECKING:
    from telemetry.pictures.picture_tags import PictureTags

FULL_FRAME_DIAGONAL_MM: Final = math.hypot(36.0, 24.0)
"""Diagonal that 35 mm equivalent focal lengths refer to (CIPA DC-008, FocalLengthIn35mmFilm)."""


def camera_of(tags: PictureTags, problems: list[Problem]) -> CameraModel | None:
    """Return the picture's camera, or None with a problem that says what is missing.

    In order of trust: the maker's own dewarp polynomial, its calibrated focal
    length, the field of view it states, focal length over pixel pitch, the camera's published field of view,
    the 35 mm equivalent focal length.
    """
    if tags.xmp.get("drone-skydio:CameraSource", "").upper() == "INFRARED":
        problems.append(
            Problem(
                kind="calibration_of_other_camera",
                message="this is a thermal picture, but the calibration in it belongs to the visible camera; "
                "state the camera's field of view to place anything off the picture's centre",
            )
        )
        return None
    camera = _dewarp(tags) or _calibrated(tags) or _stated_view(tags) or _from_pixel_pitch(tags)
    if camera is not None:
        return camera
    camera = _published(tags)
    if camera is not None:
        message = (
            "the field of view is the published one of this camera, good to some 1 %; a calibration would be better"
        )
        problems.append(Problem(kind="camera_estimated", message=message))
        return camera
    camera = _from_35mm(tags)
    if camera is None:
        problems.append(
            Problem(kind="no_camera", message="the picture states no calibration and no focal length; name the camera")
        )
        return None
    problems.append(
        Problem(
            kind="camera_estimated",
            message="the field of view comes from the 35 mm equivalent focal length, good to some 2 %; name the camera",
        )
    )
    return camera


def _dewarp(tags: PictureTags) -> CameraModel | None:
    """Read DJI's ``DewarpData``: ``date;fx,fy,cx,cy,k1,k2,p1,p2,k3``, centre offsets from the middle, pixels."""
    _, semicolon, values = tags.xmp.get("drone-dji:DewarpData", "").partition(";")
    numbers = [number(part) for part in values.split(",")]
    if not semicolon or len(numbers) != 9 or not all(math.isfinite(value) for value in numbers) or numbers[0] <= 0:
        return None
    fx, fy, cx, cy, k1, k2, p1, p2, k3 = numbers
    scale = tags.width_px / _native_width(tags)
    return CameraModel(
        width_px=tags.width_px,
        height_px=tags.height_px,
        fx_px=fx * scale,
        fy_px=fy * scale,
        cx_px=tags.width_px / 2.0 + cx * scale,
        cy_px=tags.height_px / 2.0 + cy * scale,
        k1=k1,
        k2=k2,
        p1=p1,
        p2=p2,
        k3=k3,
    )


def _calibrated(tags: PictureTags) -> CameraModel | None:
    """Read a calibrated focal length in pixels, scaled where the picture was resized or cropped to 16:9."""
    for vendor in ("drone-dji", "drone-skydio", "drone"):
        fx = number(tags.xmp.get(f"{vendor}:CalibratedFocalLength/X", tags.xmp.get(f"{vendor}:CalibratedFocalLength")))
        fy = number(tags.xmp.get(f"{vendor}:CalibratedFocalLength/Y"))
        cx = number(
            tags.xmp.get(f"{vendor}:CalibratedOpticalCenter/X", tags.xmp.get(f"{vendor}:CalibratedOpticalCenterX"))
        )
        cy = number(
            tags.xmp.get(f"{vendor}:CalibratedOpticalCenter/Y", tags.xmp.get(f"{vendor}:CalibratedOpticalCenterY"))
        )
        if fx > 0:
            return _scaled(tags, fx, fy if fy > 0 else fx, cx, cy)
    return None


def _scaled(tags: PictureTags, fx: float, fy: float, cx: float, cy: float) -> CameraModel:
    native_width = _native_width(tags)
    scale = tags.width_px / native_width
    offset_x, offset_y = 0.0, 0.0
    if math.isfinite(cx) and math.isfinite(cy):
        native_heights = (number(tags.exif.get(0xA003)), native_width * 3.0 / 4.0, native_width * 2.0 / 3.0)
        native_height = min((h for h in native_heights if h > 0), key=lambda h: abs(cy - h / 2.0))
        offset_x, offset_y = (cx - native_width / 2.0) * scale, (cy - native_height / 2.0) * scale
    return CameraModel(
        width_px=tags.width_px,
        height_px=tags.height_px,
        fx_px=fx * scale,
        fy_px=fy * scale,
        cx_px=tags.width_px / 2.0 + offset_x,
        cy_px=tags.height_px / 2.0 + offset_y,
    )


def _stated_view(tags: PictureTags) -> CameraModel | None:
    """Read a stated horizontal field of view in degrees (Teal 2 writes it as a fraction)."""
    hfov = number(tags.xmp.get("exif:CameraHorizontalFOV"))
    if not 0.0 < hfov < 180.0:
        return None
    return CameraModel.from_fov(hfov_deg=hfov, width_px=tags.width_px, height_px=tags.height_px)


def _native_width(tags: PictureTags) -> float:
    """Return the width the camera wrote (EXIF), before any program made the picture smaller."""
    stated = number(tags.exif.get(0xA002))
    return stated if stated >= tags.width_px else float(tags.width_px)


def _from_pixel_pitch(tags: PictureTags) -> CameraModel | None:
    """Read focal length and focal plane resolution (pixels per inch or centimetre)."""
    focal_mm, per_unit = number(tags.exif.get(0x920A)), number(tags.exif.get(0xA20E))
    unit_mm = {2: 25.4, 3: 10.0, 4: 1.0}.get(int(number(tags.exif.get(0xA210, 2)) or 2), 0.0)
    pixels_per_mm = per_unit / unit_mm if unit_mm else math.nan
    if not (focal_mm > 0 and 20.0 < pixels_per_mm < 2000.0):  # 72 dpi is a default of editors, no sensor
        return None
    focal_px = focal_mm * pixels_per_mm * tags.width_px / _native_width(tags)
    return _centred(tags, focal_px)


def _published(tags: PictureTags) -> CameraModel | None:
    """Find the camera by its EXIF model in the table of published specifications, digital zoom applied."""
    model = text(tags.tiff.get(0x0110)).casefold()
    found = next((camera for camera in published_cameras() if model and camera.exif_model.casefold() == model), None)
    if found is None:
        return None
    camera = found.model(tags.width_px, tags.height_px)
    zoom = number(tags.exif.get(0xA404))
    return camera if not zoom > 1.0 else _centred(tags, camera.fx_px * zoom)


def _from_35mm(tags: PictureTags) -> CameraModel | None:
    """Read the 35 mm equivalent, taken over the sensor's full 4:3 frame where the picture is a wide crop of it."""
    equivalent_mm = number(tags.exif.get(0xA405))
    if not equivalent_mm > 0:
        return None
    full_height = max(float(tags.height_px), 0.75 * tags.width_px)
    if abs(tags.width_px / tags.height_px - 1.5) < 0.01:
        full_height = float(tags.height_px)
    return _centred(tags, equivalent_mm * math.hypot(tags.width_px, full_height) / FULL_FRAME_DIAGONAL_MM)


def _centred(tags: PictureTags, focal_px: float) -> CameraModel:
    return CameraModel(
        width_px=tags.width_px,
        height_px=tags.height_px,
        fx_px=focal_px,
        fy_px=focal_px,
        cx_px=tags.width_px / 2.0,
        cy_px=tags.height_px / 2.0,
    )
