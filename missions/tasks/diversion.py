"""A sortie with another ending: what is flown already stays, and from a place in the air on it goes elsewhere.

The items flown before stay in the mission, so that whoever judges it judges the whole flight on its one battery; the
vehicle is told to go on at the first item of the new way.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.fence import fence_items, rally_in_reach
from missions.failsafes.return_path import RETURN_PATH_START, with_return_path, without_return_path
from missions.paths.items import rally_items
from missions.plan_files.dialect import PATH_COMMANDS

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.fleet.whereabouts import Midair
    from missions.performance.performance import Performance
    from missions.plan import MissionItem, Sortie

TAKEOFF: Final = 22
WAYPOINT: Final = 16
LAND: Final = 21
RELATIVE: Final = 3


def joined(sortie: Sortie, here: Midair, onward: Sortie) -> tuple[Sortie, int]:
    """Return a sortie with another ending from a place in the air on, and the number of the item that begins it."""
    spent_pct = 100.0 - here.last.battery_end_pct
    base_m = onward.home_alt_amsl_m - sortie.home_alt_amsl_m
    legs = [
        dataclasses.replace(leg, battery_end_pct=round(leg.battery_end_pct - spent_pct, 3)) for leg in onward.legs[1:]
    ]
    legs[0] = dataclasses.replace(legs[0], alt_amsl_start_m=here.last.alt_amsl_end_m)
    legs[-1] = dataclasses.replace(legs[-1], alt_amsl_end_m=sortie.home_alt_amsl_m)
    before, ahead = _items_before(sortie, len(here.flown) - 1), without_return_path(onward.items)
    beginning = next(item for item in ahead if item.command == TAKEOFF)
    turn = dataclasses.replace(
        beginning,
        command=WAYPOINT,
        lat_deg=here.last.lat_end_deg,
        lon_deg=here.last.lon_end_deg,
        alt_m=round(here.last.alt_amsl_end_m - sortie.home_alt_amsl_m, 2),
        p4=math.nan if math.isnan(beginning.p4) else 0.0,
    )
    after = [_raised(item, base_m) for item in ahead if item is not beginning]
    every = (*here.flown, *legs)
    items, first = (*before, turn, *after), len(before)
    if len(ahead) < len(onward.items):
        items = with_return_path(items, every)
        first += any(item.command == RETURN_PATH_START for item in items[: first + 1])
    made = dataclasses.replace(
        sortie,
        name=onward.name,
        legs=tuple(dataclasses.replace(leg, seq=k) for k, leg in enumerate(every)),
        items=tuple(dataclasses.replace(item, seq=k, current=k == 0) for k, item in enumerate(items)),
    )
    return made, first


def fenced(sortie: Sortie, situation: Situation, flown: Performance) -> Sortie:
    """Give a sortie the fence and the rally points of its whole path."""
    places = [(leg.lat_end_deg, leg.lon_end_deg) for leg in sortie.legs]
    lat, lon = np.array([(sortie.home_lat_deg, sortie.home_lon_deg), *places]).T
    path_m = situation.frame.to_plane(lat, lon)
    path_m = path_m[np.append(True, np.hypot(*np.diff(path_m, axis=0).T) > 0.05)]
    rally = rally_items(rally_in_reach(situation.corridor, path_m, situation.brief.rally))
    return dataclasses.replace(sortie, fence=fence_items(situation, flown, path_m), rally=rally)


def _raised(item: MissionItem, by_m: float) -> MissionItem:
    """Count an item's height from the sortie's home, not from the ground where the new way begins."""
    landing = item.command == LAND
    placed = item.frame == RELATIVE and not math.isnan(item.lat_deg)
    return dataclasses.replace(item, alt_m=round(item.alt_m + by_m, 2)) if placed and not landing else item


def _items_before(sortie: Sortie, legs: int) -> tuple[MissionItem, ...]:
    """Return the items of the first legs of a sortie: each leg ends at one place that is flown to."""
    count = 0
    items = without_return_path(sortie.items)
    for k, item in enumerate(items):
        count += item.command in PATH_COMMANDS
        if count > legs:
            return items[:k]
    return items
