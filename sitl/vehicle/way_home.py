"""How high the autopilot returns, and the way back along the mission that PX4 can take."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final, Self

from missions.plan_files.dialect import Dialect
from sitl.dynamics import offset_m

if TYPE_CHECKING:
    from sitl.dynamics import BodyState
    from sitl.vehicle.behaviours import Place
    from sitl.vehicle.mission_run import MissionRun
    from sitl.vehicle.parameters import ParameterTable

LEAST_SLOPE: Final = 0.5
"""RTL_MIN_CONE_SLOPE: below it ArduCopter has no cone."""
LEAST_RETURN_M: Final = 0.3
"""RTL_ALT_MIN, above home."""
PX4_RETRACE: Final = 4


@dataclasses.dataclass(slots=True, kw_only=True)
class Home:
    """Where the vehicle returns to."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float

    @classmethod
    def at(cls, state: BodyState) -> Self:
        """Return where a vehicle is."""
        return cls(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.alt_amsl_m)


def away_m(a: Place, b: Place) -> float:
    """Return the distance over ground."""
    return math.hypot(*offset_m(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg))


def return_amsl_m(parameters: ParameterTable, here: Place, goal: Place, home_amsl_m: float) -> float:
    """Return the height a multirotor returns at; it never sinks to it.

    Parameters
    ----------
    here
        Where the return begins.
    goal
        Home or the rally point, at the height the autopilot holds for it.

    ArduCopter 4.7-dev `mode_rtl.cpp` (`compute_return_target`), PX4 1.15 `rtl.cpp` (its cone half-angle).
    """
    p, away = parameters, away_m(here, goal)
    if parameters.dialect is Dialect.PX4:
        least, most, angle = p["RTL_DESCEND_ALT"], p["RTL_RETURN_ALT"], p["RTL_CONE_ANG"]
        if angle >= 90.0 or away <= p["RTL_MIN_DIST"]:
            most = least
        elif angle > 0.0:
            most = min(most, max(away / math.tan(math.radians(angle)), least))
        return max(goal.alt_amsl_m + most, here.alt_amsl_m)
    now = here.alt_amsl_m - home_amsl_m
    least = max(LEAST_RETURN_M, now + max(0.0, p["RTL_CLIMB_MIN"] / 100.0))
    wanted = max(goal.alt_amsl_m - home_amsl_m, p["RTL_ALT"] / 100.0, least)
    if p["RTL_CONE_SLOPE"] >= LEAST_SLOPE:
        wanted = min(wanted, max(away * p["RTL_CONE_SLOPE"], least))
    return home_amsl_m + max(wanted, now)


def along_mission(run: MissionRun, here: Place, *, from_nearest: bool) -> list[Place]:
    """Return the places PX4 flies through with RTL_TYPE 4: back to the first or on to the last, whichever is fewer.

    Parameters
    ----------
    from_nearest
        Begin at the item nearest to the aircraft: what it does once it has held before acting (COM_FAIL_ACT_T).
    """
    places, ahead = run.places()
    if not places:
        return []
    if from_nearest:
        ahead = min(range(len(places)), key=lambda k: away_m(here, places[k]))
        return places[ahead::-1] if ahead < len(places) - 1 - ahead else places[ahead:]
    return places[:ahead][::-1] if ahead <= len(places) - ahead else places[ahead:]
