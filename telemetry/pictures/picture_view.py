"""A picture as rays can be cast from it: pose, camera, their errors, and what contradicts them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.values import CameraModel, PoseSigmas
from telemetry.pictures.picture_file import read_picture
from telemetry.pictures.picture_ground import held_against_ground

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.values import Pose, Terrain
    from telemetry.pictures.picture_checks import LaserTarget
    from telemetry.tracks.pose_track import Problem

CENTRE_ONLY_HFOV_DEG: Final = 60.0
"""Stands in for an unknown field of view; the ray through the centre does not depend on it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """What the pixels are cast from: pose, camera, its error budget, and what was wrong with the source.

    With `centre_only` the field of view is not known, and only the picture's centre can be placed.
    `laser` is where a range finder put the picture's centre, where it had an echo.
    """

    pose: Pose
    camera: CameraModel
    sigmas: PoseSigmas
    problems: tuple[Problem, ...] = ()
    centre_only: bool = False
    laser: LaserTarget | None = None

    @property
    def centre_px(self) -> tuple[float, float]:
        """The middle of the picture."""
        return self.camera.width_px / 2.0, self.camera.height_px / 2.0

    def require_placeable(self, pixels: Sequence[tuple[float, float]], remedy: str) -> None:
        """Refuse pixels that no ray can be cast through; `remedy` says how to name the camera.

        Raises
        ------
        InputError
            For a pixel outside the picture, or beside the centre of one that does not say how wide it sees.
        """
        width, height = self.camera.width_px, self.camera.height_px
        for u, v in pixels:
            if not (0.0 <= u <= width and 0.0 <= v <= height):
                raise InputError(f"pixel {u:g},{v:g} lies outside the picture of {width} x {height} pixels")
            if self.centre_only and (u, v) != self.centre_px:
                raise InputError(
                    f"the picture does not say how wide it sees, so only its centre {self.centre_px[0]:g},"
                    f"{self.centre_px[1]:g} can be placed; {remedy}"
                )


def read_view(
    picture: Path,
    usual: PoseSigmas,
    ground: Terrain,
    *,
    home_alt_amsl_m: float | None = None,
    utc_offset_s: float | None = None,
) -> PictureView:
    """Return where a picture was taken from, through which lens, how well that is known, and what contradicts it.

    Parameters
    ----------
    picture
        The file.
    usual
        Errors of a usual aircraft, for what the picture does not say.
    ground
        What its heights are held against.
    home_alt_amsl_m
        Height of the take-off point, where it is known.
    utc_offset_s
        Zone of the camera's clock, where it is known.

    Raises
    ------
    InputError
        When it cannot be read, or states no pose.
    """
    found = read_picture(picture, home_alt_amsl_m=home_alt_amsl_m, utc_offset_s=utc_offset_s)
    pose = found.pose
    if pose is None:
        reasons = found.refusal or "; ".join(problem.message for problem in found.problems)
        raise InputError(f"{picture} cannot be placed: {reasons or 'it states no pose'}; --pose can state it all")
    found = held_against_ground(found, ground)
    sigmas = usual if found.sigmas is None else _deserved(usual, found.sigmas)
    camera = found.camera
    if camera is None:
        width, height = _size(picture)
        camera = CameraModel.from_fov(hfov_deg=CENTRE_ONLY_HFOV_DEG, width_px=width, height_px=height)
    return PictureView(
        pose=pose,
        camera=camera,
        sigmas=sigmas,
        problems=found.problems,
        centre_only=found.camera is None,
        laser=found.laser,
    )


def _deserved(usual: PoseSigmas, own: PoseSigmas) -> PoseSigmas:
    """Take the position errors that a picture states or deserves, and the larger of every other."""
    names = [field.name for field in dataclasses.fields(PoseSigmas)]
    larger = {name: max(getattr(usual, name), getattr(own, name)) for name in names}
    larger |= {"yaw_deg": usual.yaw_deg, "pitch_deg": usual.pitch_deg, "terrain_m": usual.terrain_m}
    larger |= {"position_h_m": own.position_h_m, "position_v_m": own.position_v_m}
    return PoseSigmas(**larger)


def _size(picture: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(picture) as image:
        return image.size
