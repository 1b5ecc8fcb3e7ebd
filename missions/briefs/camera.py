"""The camera of a brief, how its gimbal may hold it, and what it must show."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from missions.briefs.places import Section

GRAZING_DEG: Final = 5.0
"""Rays closer to the horizon than this see nothing useful (slant grows past 11 times the height)."""


class Camera(Section):
    """The camera and how it is held; depression is positive downwards from the horizon."""

    name: str = "thermal-640"
    width_px: Annotated[int, Field(ge=16, le=20_000)] = 640
    height_px: Annotated[int, Field(ge=16, le=20_000)] = 512
    hfov_deg: Annotated[float, Field(gt=0.5, lt=150.0)] = 32.0
    vfov_deg: Annotated[float, Field(gt=0.5, lt=150.0)] | None = None
    depression_deg: Annotated[float, Field(ge=5.0, le=90.0)] | None = None
    """Held on every lane; where none is given the planner chooses one for each lane."""
    gimbal_pitch_min_deg: Annotated[float, Field(ge=-120.0, le=60.0)] = -90.0
    gimbal_pitch_max_deg: Annotated[float, Field(ge=-90.0, le=60.0)] = 20.0

    @model_validator(mode="after")
    def _within_the_gimbal(self) -> Self:
        low, high = self.gimbal_pitch_min_deg, self.gimbal_pitch_max_deg
        if low > high:
            raise ValueError(f"gimbal_pitch_min_deg {low:g} must not be above gimbal_pitch_max_deg {high:g}")
        if self.depression_deg is None:
            needed = GRAZING_DEG + self.full_vfov_deg / 2.0
            if -low < needed:
                raise ValueError(
                    f"gimbal_pitch_min_deg {low:g} leaves part of every picture flatter than {GRAZING_DEG:g} degrees "
                    f"below the horizon; -{np.ceil(needed):.0f} would do, or give depression_deg"
                )
        elif not low <= -self.depression_deg <= high:
            raise ValueError(
                f"depression_deg {self.depression_deg:g} is a gimbal pitch of -{self.depression_deg:g}, outside "
                f"gimbal_pitch_min_deg {low:g} to gimbal_pitch_max_deg {high:g}"
            )
        return self

    @property
    def full_vfov_deg(self) -> float:
        """Vertical field of view: as given, or from square pixels."""
        if self.vfov_deg is not None:
            return self.vfov_deg
        half = np.tan(np.radians(self.hfov_deg / 2.0)) * self.height_px / self.width_px
        return float(2.0 * np.degrees(np.arctan(half)))

    @property
    def focal_px(self) -> float:
        """Focal length in pixel widths."""
        return float(self.width_px / 2.0 / np.tan(np.radians(self.hfov_deg / 2.0)))


class Resolution(Section):
    """What the camera must show: pixels on a target (Johnson's criteria), or metres a pixel."""

    target: Literal["person", "vehicle"] = "person"
    task: Literal["detect", "recognise", "identify"] = "detect"
    gsd_m: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
