"""How a camera is held on a lane: to which side, how far below the horizon."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final


class Facing(enum.StrEnum):
    """Where the camera points on a lane, seen from the aircraft."""

    OUT = "out"
    """Across, towards the border."""
    IN = "in"
    """Away from the border, over our own ground."""
    DOWN = "down"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """How the camera is held: to which side, and how far below the horizon."""

    facing: Facing
    depression_deg: float


STRAIGHT_DOWN: Final = Pointing(facing=Facing.DOWN, depression_deg=90.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """One lane before its curves are drawn: its distance from the border and how its camera is held."""

    offset_m: float
    pointing: Pointing
