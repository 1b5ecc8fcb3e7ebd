"""Common drone cameras by name, from their makers' published specifications.

Each line of `cameras.csv` states its source. Where a maker gives a diagonal
field of view D of a picture d pixels across its diagonal, the focal length is
f = d / (2 tan(D/2)) pixels; where it gives a focal length and a pixel pitch,
f is their ratio. Rounded specifications are good to about 1 % (`FOCAL_REL`),
and know nothing of distortion: a calibration in the picture itself is better.
Lines that are not `checked` state the maker's figures as commonly quoted; no
second source confirmed them.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import functools
import math
from pathlib import Path
from typing import Final

from geo.errors import InputError
from geo.values import CameraModel

FOCAL_REL: Final = 0.01
"""One-sigma relative error of a focal length taken from a checked line or a stated field of view."""
UNCHECKED_FOCAL_REL: Final = 0.05
"""The same for a line nobody has held against a second source: what the checked ones were held to."""
_TABLE: Final = Path(__file__).with_name("cameras.csv")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCamera:
    """One camera of the table, at its full picture size."""

    name: str
    exif_model: str
    width_px: int
    height_px: int
    focal_px: float
    checked: bool
    """Whether the focal length was held against a second source; else it may be wrong, and the result must say so."""
    source: str

    @property
    def focal_rel(self) -> float:
        """One-sigma relative error of the focal length."""
        return FOCAL_REL if self.checked else UNCHECKED_FOCAL_REL

    def model(self, width_px: int | None = None, height_px: int | None = None) -> CameraModel:
        """Return the camera at a picture size: scaled to its width, cut at top and bottom."""
        width, height = width_px or self.width_px, height_px or self.height_px
        focal = self.focal_px * width / self.width_px
        return CameraModel(
            width_px=width, height_px=height, fx_px=focal, fy_px=focal, cx_px=width / 2.0, cy_px=height / 2.0
        )


@functools.cache
def published_cameras() -> tuple[PublishedCamera, ...]:
    """Return every camera of the table, in its order."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(_camera(row) for row in csv.DictReader(lines))


def _camera(row: dict[str, str]) -> PublishedCamera:
    width, height = int(row["width_px"]), int(row["height_px"])
    if row["diagonal_fov_deg"]:
        focal = math.hypot(width, height) / 2.0 / math.tan(math.radians(float(row["diagonal_fov_deg"])) / 2.0)
    else:
        focal = float(row["focal_mm"]) * 1000.0 / float(row["pixel_um"])
    return PublishedCamera(
        name=row["name"],
        exif_model=row["exif_model"],
        width_px=width,
        height_px=height,
        focal_px=focal,
        checked=row["checked"] == "yes",
        source=row["source"],
    )


def find_camera(name: str) -> PublishedCamera:
    """Return the camera of this name or EXIF model, whatever the case.

    Raises
    ------
    InputError
        When none has it; the message names the nearest ones.
    """
    wanted = name.strip().casefold()
    for camera in published_cameras():
        if wanted in (camera.name.casefold(), camera.exif_model.casefold()):
            return camera
    names = {camera.name.casefold(): camera.name for camera in published_cameras()}
    near = [names[key] for key in difflib.get_close_matches(wanted, names, n=3, cutoff=0.3)]
    hint = f"nearest: {', '.join(near)}" if near else "the how-to page on locating lists those known"
    raise InputError(f"no camera is named {name!r} ({hint}); or give its horizontal field of view in degrees")
