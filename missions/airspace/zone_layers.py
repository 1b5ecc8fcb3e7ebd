"""Which heights a zone holds, against the heights flown: above the sea, above the ground, or either."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.briefs.places import Zone

    FloatArray = NDArray[np.float64]

ROUNDING_M: Final = 0.05
"""Heights are rounded to centimetres in a plan, places to 1e-7 degrees."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeightSpan:
    """The lowest and highest that each of (n,) pieces of air is flown, above the sea and the ground; NaN unknown."""

    low_amsl_m: FloatArray
    high_amsl_m: FloatArray
    low_agl_m: FloatArray
    high_agl_m: FloatArray


def reaches(zone: Zone, flown: HeightSpan) -> NDArray[np.bool_]:
    """Tell which pieces of air meet a zone between its floor and ceiling, clearance included; unknown heights do."""
    above = _beyond(flown.high_amsl_m, zone.floor_amsl_m, flown.high_agl_m, zone.floor_agl_m, zone.clearance_m)
    below = _beyond(
        -flown.low_amsl_m, _negative(zone.ceiling_amsl_m), -flown.low_agl_m, _negative(zone.ceiling_agl_m),
        zone.clearance_m,
    )  # fmt: skip
    return above & below


def counts_from_ground(zone: Zone) -> bool:
    """Tell whether a limit of a zone counts from the ground."""
    return zone.floor_agl_m is not None or zone.ceiling_agl_m is not None


def _negative(limit_m: float | None) -> float | None:
    return None if limit_m is None else -limit_m


def _beyond(
    amsl_m: FloatArray, limit_amsl_m: float | None, agl_m: FloatArray, limit_agl_m: float | None, clearance_m: float
) -> NDArray[np.bool_]:
    """Tell what is not safely short of a limit; of two limits, of neither."""
    if limit_amsl_m is None and limit_agl_m is None:
        return np.ones(len(amsl_m), dtype=bool)
    short = np.ones(len(amsl_m), dtype=bool)
    for height_m, limit_m in ((amsl_m, limit_amsl_m), (agl_m, limit_agl_m)):
        if limit_m is not None:
            short &= height_m <= limit_m - clearance_m + ROUNDING_M
    return ~short


def drawn_between(zone: Zone, ground_amsl_m: float) -> tuple[float | None, float | None]:
    """Return a zone's floor and ceiling above the sea over ground of one height, None for none, as pictures show it."""
    floors = [zone.floor_amsl_m, None if zone.floor_agl_m is None else ground_amsl_m + zone.floor_agl_m]
    ceilings = [zone.ceiling_amsl_m, None if zone.ceiling_agl_m is None else ground_amsl_m + zone.ceiling_agl_m]
    return min((m for m in floors if m is not None), default=None), max(
        (m for m in ceilings if m is not None), default=None
    )
