"""Where a mission's landing begins: what ArduPlane flies to when it has returned (RTL_AUTOLAND 1).

It circles over home or a rally point first, and then flies straight to the first place after the DO_LAND_START
nearest to it (`ModeRTL::navigate`, `AP_Mission::jump_to_landing_sequence`).
"""

from __future__ import annotations

import dataclasses
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.plan import MissionItem

LAND_START: Final = 189
"""MAV_CMD_DO_LAND_START."""
_LAST_PLACE: Final = 95
"""MAV_CMD_NAV_LAST: items up to it are flown to."""
_RADIUS: Final = {18: attrgetter("p3"), 31: attrgetter("p2")}
"""Where items that circle hold the radius: LOITER_TURNS, LOITER_TO_ALT."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LandingStart:
    """A place where a mission's landing begins."""

    lat_deg: float
    lon_deg: float
    alt_m: float
    """Above home."""
    radius_m: float
    """Of the circle flown there, 0 for none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MissionWays:
    """What a mission itself holds of ways home."""

    legs_out: int | None = None
    """How many legs its own way back leads back along (`missions.failsafes.return_path`), None where it has none."""
    landing_starts: tuple[LandingStart, ...] = ()


def landing_starts(items: Sequence[MissionItem]) -> tuple[LandingStart, ...]:
    """Return the first place after each DO_LAND_START of a mission."""
    made = []
    for k, item in enumerate(items):
        if item.command != LAND_START:
            continue
        place = next((after for after in items[k + 1 :] if _is_place(after)), None)
        if place is not None:
            radius_m = abs(_RADIUS[place.command](place)) if place.command in _RADIUS else 0.0
            made.append(
                LandingStart(lat_deg=place.lat_deg, lon_deg=place.lon_deg, alt_m=place.alt_m, radius_m=radius_m)
            )
    return tuple(made)


def _is_place(item: MissionItem) -> bool:
    told = math.isfinite(item.lat_deg) and math.isfinite(item.lon_deg) and (item.lat_deg, item.lon_deg) != (0.0, 0.0)
    return item.command < _LAST_PLACE and told
