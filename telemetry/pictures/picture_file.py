"""Read the pose and camera of a picture file; the pixels are never decoded."""

from __future__ import annotations

import dataclasses
import struct
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from telemetry.pictures.picture_metadata import PictureMetadata, conclude
from telemetry.pictures.picture_tags import PictureTags
from telemetry.pictures.xmp import parse_xmp
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import ahead_of_now
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BROKEN_EXIF = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error, ZeroDivisionError)
"""What Pillow raises on damaged tags."""


def read_picture(
    path: str | Path,
    *,
    utc_offset_s: float | None = None,
    undulation: Undulation = egm96,
    home_alt_amsl_m: float | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> PictureMetadata:
    """Read where a picture was taken from, where its camera looked, and through what lens.

    Parameters
    ----------
    path
        JPEG, TIFF, PNG, DNG or WebP.
    utc_offset_s
        Zone of the camera's clock, seconds east of UTC, for files that state none.
    undulation
        Geoid of the picture's heights; the bundled EGM96 unless another is given.
    home_alt_amsl_m
        Height of the take-off point; the picture's height over it is then used.
    clock
        Gives this computer's UTC nanoseconds, which no picture's time lies after.

    Returns
    -------
    PictureMetadata
        With `pose` or `camera` None, and a problem each, where the file does not say.

    Raises
    ------
    SourceError
        The file is no picture that can be opened.
    """
    path = Path(path)
    problems: list[Problem] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size and padding remarks; the pixels are not decoded here
            tags = _read_tags(path, problems)
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file", path=str(path)) from None
    except (*_BROKEN_EXIF, Image.DecompressionBombError) as error:
        raise SourceError(f"{path}: not a picture that can be opened ({error})", path=str(path)) from error
    found = conclude(tags, utc_offset_s=utc_offset_s, undulation=undulation, home_alt_amsl_m=home_alt_amsl_m)
    ahead = [] if found.pose is None else ahead_of_now(found.pose.t_utc_ns, clock())
    return dataclasses.replace(found, problems=(*problems, *found.problems, *ahead))


def _read_tags(path: Path, problems: list[Problem]) -> PictureTags:
    with Image.open(path) as image:
        width, height = image.size
        tiff, exif, gps = _read_exif(image, problems)
        return PictureTags(
            width_px=width, height_px=height, tiff=tiff, exif=exif, gps=gps, xmp=_read_xmp(image.info, problems)
        )


def _read_exif(
    image: Image.Image, problems: list[Problem]
) -> tuple[Mapping[int, object], Mapping[int, object], Mapping[int, object]]:
    try:
        tags = image.getexif()
        return dict(tags), dict(tags.get_ifd(0x8769)), dict(tags.get_ifd(0x8825))
    except _BROKEN_EXIF as error:
        problems.append(Problem(kind="exif_damaged", message=f"the EXIF block cannot be read ({error})"))
        return {}, {}, {}


def _read_xmp(info: Mapping[Any, Any], problems: list[Problem]) -> dict[str, str]:
    packet = info.get("xmp", b"")
    raw = packet.encode() if isinstance(packet, str) else bytes(packet)
    if not raw:
        return {}
    try:
        return parse_xmp(raw)
    except SourceError as error:
        problems.append(Problem(kind="xmp_damaged", message=error.message))
        return {}
