"""What breaks a flight off, as parameters and fences: the same for a real ArduPilot and the embedded vehicle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from benchmarks.break_offs.cases import Cause
from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect
from sitl.dynamics import offset_m

if TYPE_CHECKING:
    from benchmarks.break_offs.cases import BreakOff
    from benchmarks.break_offs.plans import Patrol

EXCLUSION: Final = 5002
"""MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION."""
AROUND_M: Final = 60.0
"""Half the side of the fence that is put about the aircraft."""
M_PER_DEG: Final = 111_320.0
FULL_MAH: Final = 1e6
"""More than any battery holds: the low mark is passed at once."""


def parameters_of(cause: Cause, flight: Patrol, *, away_m: float, height_m: float) -> dict[str, float]:
    """Return what is set on the vehicle to break it off where it is, nothing for causes that are no parameter.

    Parameters
    ----------
    away_m, height_m
        How far from home it is, and how high above it.
    """
    circle, ceiling = max(away_m - 5.0, 1.0), max(height_m - 5.0, 1.0)
    if flight.dialect is Dialect.PX4:
        return {
            Cause.CEILING: {"GF_MAX_VER_DIST": ceiling}, Cause.CIRCLE: {"GF_MAX_HOR_DIST": circle},
            Cause.LOW: {"BAT_LOW_THR": 1.1}, Cause.CRITICAL: {"BAT_LOW_THR": 1.2, "BAT_CRIT_THR": 1.1},
        }.get(cause, {})  # fmt: skip
    return {
        Cause.CEILING: {"FENCE_ALT_MAX": ceiling, "FENCE_TYPE": 1.0},
        Cause.CIRCLE: {"FENCE_RADIUS": circle, "FENCE_TYPE": 2.0},
        Cause.LOW: {"BATT_LOW_MAH": FULL_MAH}, Cause.CRITICAL: {"BATT_CRT_MAH": FULL_MAH},
    }.get(cause, {})  # fmt: skip


def parameters_at(cause: Cause, flight: Patrol, place: tuple[float, float, float]) -> dict[str, float]:
    """Return what is set where the aircraft is: latitude, longitude (degrees) and metres above the sea."""
    lat, lon, alt = place
    sortie = flight.sortie
    away_m = math.hypot(*offset_m(sortie.home_lat_deg, sortie.home_lon_deg, lat, lon))
    return parameters_of(cause, flight, away_m=away_m, height_m=alt - sortie.home_alt_amsl_m)


AHEAD_M: Final = 110.0
"""How far along its path the forbidden square of a PX4 lies: it takes no fence that is broken where it is."""


def forbidden(case: BreakOff, flight: Patrol, here: tuple[float, float]) -> tuple[MissionItem, ...]:
    """Return the fence that breaks a flight off here, latitude and longitude in degrees."""
    return fence_about(*(case.ahead(AHEAD_M) if flight.dialect is Dialect.PX4 else here))


def fence_about(lat_deg: float, lon_deg: float) -> tuple[MissionItem, ...]:
    """Return a forbidden square about the aircraft."""
    north, east = AROUND_M / M_PER_DEG, AROUND_M / M_PER_DEG / math.cos(math.radians(lat_deg))
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return tuple(
        MissionItem(
            seq=seq, command=EXCLUSION, frame=0, p1=4.0, lat_deg=lat_deg + n * north, lon_deg=lon_deg + e * east
        )
        for seq, (n, e) in enumerate(corners)
    )
