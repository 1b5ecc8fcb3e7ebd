"""A flight path into the sortie a plan holds: legs with clocks and battery, items, fence, rally points."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.fence import fence_items, rally_in_reach
from missions.failsafes.return_path import with_return_path
from missions.judging.return_rules import return_rules
from missions.paths.items import (
    FlightEnds,
    earth_yaw_deg,
    gimbals_for,
    mission_items,
    rally_items,
)
from missions.plan import Leg, Sortie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.paths.path_maker import FlightPath
    from missions.performance.performance import Performance

    FloatArray = NDArray[np.float64]

CIRCLE_ROOM: Final = 1.1
"""Waypoints within this many radii of the circle's centre are left to the circle: ArduPlane leaves it at once for a
place nearer than 1.05 (ModeLoiter::isHeadingLinedUp), wherever it is then."""


def build_sortie(situation: Situation, flown: Performance, path: FlightPath, *, site: int, name: str) -> Sortie:
    """Turn a path in the plane into a sortie on WGS 84 that takes off at the start of the patrol."""
    brief, corridor = situation.brief, situation.corridor
    right = border_on_right(corridor, path.xy_m)
    gimbals = gimbals_for(path.kinds, path.pointings, right.tolist())
    legs = _legs(situation, flown, path, gimbals)
    home_alt = round(float(path.alt_amsl_m[0]), 2)
    launch = brief.launch[site]
    items = mission_items(flown, legs, gimbals, home_alt, _ends(corridor, path))
    if return_rules(brief.failsafe, flown).by_mission:
        items = with_return_path(items, legs)
    return Sortie(
        name=name,
        aircraft=flown.label,
        site=launch.name,
        home_lat_deg=legs[0].lat_start_deg,
        home_lon_deg=legs[0].lon_start_deg,
        home_alt_amsl_m=home_alt,
        t_start_s=0.0,
        legs=legs,
        items=items,
        fence=fence_items(situation, flown, path.xy_m),
        rally=rally_items(rally_in_reach(corridor, path.xy_m, brief.rally)),
    )


def _ends(corridor: Corridor, path: FlightPath) -> FlightEnds:
    ends = FlightEnds(takeoff_legs=path.takeoff_legs, landing_legs=path.landing_legs)
    if path.approach is None:
        return ends
    circle = path.approach.departure
    near = np.hypot(*(path.xy_m[path.takeoff_legs + 1 :] - circle.centre_m).T) < CIRCLE_ROOM * abs(circle.radius_m)
    on_it = int(np.argmin(near)) if not near.all() else 0
    ends = dataclasses.replace(ends, takeoff_legs=path.takeoff_legs + on_it)
    centres = np.stack([path.approach.centre_m, path.approach.departure.centre_m])
    down, up = np.stack(corridor.frame.to_degrees(centres), axis=1).tolist()
    return dataclasses.replace(ends, approach=path.approach, centre_deg=tuple(down), departure_centre_deg=tuple(up))


def _legs(
    situation: Situation, flown: Performance, path: FlightPath, gimbals: list[tuple[float, float]]
) -> tuple[Leg, ...]:
    lat, lon = situation.frame.to_degrees(path.xy_m)
    alt = np.round(path.alt_amsl_m, 2)
    clock = np.round(np.concatenate([[0.0], np.cumsum(path.cost.seconds)]), 3)
    used = np.cumsum(path.cost.energy_wh) / flown.aircraft.battery_wh
    battery = np.round(100.0 * (1.0 - used), 3)
    course = np.degrees(np.arctan2(*np.diff(path.xy_m, axis=0).T))
    return tuple(
        Leg(
            seq=k, kind=path.kinds[k],
            lat_start_deg=float(lat[k]), lon_start_deg=float(lon[k]), alt_amsl_start_m=float(alt[k]),
            lat_end_deg=float(lat[k + 1]), lon_end_deg=float(lon[k + 1]), alt_amsl_end_m=float(alt[k + 1]),
            t_start_s=float(clock[k]), t_end_s=float(clock[k + 1]),
            speed_mps=round(float(path.cost.ground_mps[k]), 3), battery_end_pct=float(battery[k]),
            gimbal_yaw_deg=earth_yaw_deg(float(course[k]), gimbals[k][1]), gimbal_pitch_deg=gimbals[k][0],
        )
        for k in range(len(path.kinds))
    )  # fmt: skip


def border_on_right(corridor: Corridor, xy_m: FloatArray) -> NDArray[np.bool_]:
    """Return for each leg whether the nearest border point is to the right of its middle."""
    middle = (xy_m[:-1] + xy_m[1:]) / 2.0
    along, out = np.diff(xy_m, axis=0), corridor.along.nearest(middle).xy_m - middle
    return np.asarray(along[:, 0] * out[:, 1] - along[:, 1] * out[:, 0] < 0.0)
