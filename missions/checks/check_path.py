"""The path a plan file makes an aircraft fly: every leg, turn and way home, not only its waypoints."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj

from geo.geodesy import forward
from missions.judging.subject import Landing, landings_of
from missions.plan import Leg, LegKind
from missions.plan_files.dialect import JUMP_COMMANDS, PATH_COMMANDS, has_position
from missions.plan_files.item_fields import alt_amsl_m

if TYPE_CHECKING:
    from missions.airspace.terrain_profile import GroundHeights
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

RETURN: Final = 20
TERRAIN_FRAMES: Final = (10, 11)
LOITER_TO_ALT: Final = 31
FIXED_WING: Final = 1
"""MAV_TYPE_FIXED_WING."""
_ORBIT_CORNERS: Final = 16
_GEOD: Final = pyproj.Geod(ellps="WGS84")
_RADIUS_PARAMETER: Final = {17: "p3", 18: "p3", 19: "p3", 31: "p2"}
MAX_LEGS: Final = 200_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlownPath:
    """Legs in the order flown; `Leg.seq` is the number (from 0) of the item flown to."""

    legs: tuple[Leg, ...]
    problems: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class _At:
    """Where the aircraft is while its mission is read."""

    lat_deg: float
    lon_deg: float
    alt_m: float
    known: bool


def flown_path(document: PlanDocument, ground: GroundHeights | None = None) -> FlownPath:
    """Work out the legs of a mission.

    Home to the first item, straight between items, circles where the mission
    loiters (one turn, on which the height changes where the item asks for another),
    jumps once back to their target, and home again on return to launch; a fixed wing
    glides straight to where it lands. Heights are above mean sea level, NaN where
    home or terrain is not known.
    """
    home = document.home
    at = _At(math.nan, math.nan, math.nan, known=False)
    if home is not None:
        at = _At(home.lat_deg, home.lon_deg, home.alt_amsl_m, known=True)
    legs: list[Leg] = []
    problems: list[str] = []
    for item in document.items:
        if item.command == RETURN and home is not None and at.known:
            _fly(legs, at, item, (home.lat_deg, home.lon_deg), at.alt_m, LegKind.RETURN)
        elif item.command in JUMP_COMMANDS:
            _jump(legs, at, item, document, ground, problems)
        elif item.command in PATH_COMMANDS and (has_position(item) or at.known):
            _fly_to(legs, at, item, home, ground, wing=document.vehicle_type == FIXED_WING)
        if len(legs) > MAX_LEGS:
            problems.append(f"the mission makes more than {MAX_LEGS} legs; only those are judged")
            break
    if any(item.command == 82 for item in document.items):
        problems.append("spline waypoints are judged as straight legs; the aircraft flies a curve beside them")
    return FlownPath(legs=tuple(legs), problems=tuple(problems))


def _height_m(item: MissionItem, home: Home | None, ground: GroundHeights | None) -> float:
    if item.frame in TERRAIN_FRAMES and ground is not None and has_position(item):
        below = ground.amsl_m(np.array([item.lat_deg]), np.array([item.lon_deg]))
        return float(below[0]) + item.alt_m
    return alt_amsl_m(item, home)


def _fly_to(  # noqa: PLR0913 - the state of the walk
    legs: list[Leg], at: _At, item: MissionItem, home: Home | None, ground: GroundHeights | None, *, wing: bool
) -> None:
    height_m = _height_m(item, home, ground)
    where = (item.lat_deg, item.lon_deg) if has_position(item) else (at.lat_deg, at.lon_deg)
    landing = item.command in (21, 85)
    taking_off = item.command in (22, 84)
    if taking_off and at.known:
        _fly(legs, at, item, (at.lat_deg, at.lon_deg), height_m, LegKind.TRANSIT)
    if landing and wing and at.known:
        _fly(legs, at, item, where, height_m, LegKind.RETURN)
        return
    to_alt = item.command == LOITER_TO_ALT and at.known
    if not to_alt:
        _fly(legs, at, item, where, at.alt_m if landing else height_m, LegKind.TRANSIT if taking_off else LegKind.WORK)
    if landing:
        _fly(legs, at, item, where, height_m, LegKind.RETURN)
    radius_m = abs(getattr(item, _RADIUS_PARAMETER[item.command])) if item.command in _RADIUS_PARAMETER else 0.0
    if 0.0 < radius_m < math.inf and at.known:
        azimuths = np.arange(_ORBIT_CORNERS + 1) * 360.0 / _ORBIT_CORNERS
        heights = np.full(_ORBIT_CORNERS + 1, height_m)
        if to_alt:
            azimuths = azimuths + float(_GEOD.inv(where[1], where[0], at.lon_deg, at.lat_deg)[0])
            heights = at.alt_m + (height_m - at.alt_m) * np.arange(_ORBIT_CORNERS + 1) / _ORBIT_CORNERS
        lat, lon = forward(*where, azimuths, radius_m)
        for *corner, height in zip(lat.tolist(), lon.tolist(), heights.tolist(), strict=True):
            _fly(legs, at, item, (corner[0], corner[1]), height, LegKind.TURN)
    elif to_alt:
        _fly(legs, at, item, where, height_m, LegKind.WORK)


def _fly(legs: list[Leg], at: _At, item: MissionItem, to: tuple[float, float], height_m: float, kind: LegKind) -> None:
    still = at.known and (at.lat_deg, at.lon_deg) == to and (at.alt_m == height_m or math.isnan(at.alt_m + height_m))
    if at.known and not still:
        legs.append(_leg(item.seq, kind, at, to, height_m))
    at.lat_deg, at.lon_deg, at.alt_m, at.known = to[0], to[1], height_m, not math.isnan(to[0])


def _leg(seq: int, kind: LegKind, at: _At, to: tuple[float, float], height_m: float) -> Leg:
    return Leg(
        seq=seq,
        kind=kind,
        lat_start_deg=at.lat_deg,
        lon_start_deg=at.lon_deg,
        alt_amsl_start_m=at.alt_m,
        lat_end_deg=to[0],
        lon_end_deg=to[1],
        alt_amsl_end_m=height_m,
        t_start_s=math.nan,
        t_end_s=math.nan,
        speed_mps=math.nan,
        battery_end_pct=math.nan,
    )


def _jump(  # noqa: PLR0913 - the state of the walk
    legs: list[Leg],
    at: _At,
    item: MissionItem,
    document: PlanDocument,
    ground: GroundHeights | None,
    problems: list[str],
) -> None:
    target = int(item.p1) if item.p1 >= 0 and float(item.p1).is_integer() else -1
    if target < 0 or target >= len(document.items):
        problems.append(f"item {item.seq + 1} jumps to item {item.p1 + 1:g}, which does not exist")
        return
    if item.p2 == 0:
        return
    onwards = (i for i in document.items[target : item.seq] if i.command in PATH_COMMANDS and has_position(i))
    first = next(onwards, None)
    if first is not None and at.known:
        _fly(legs, _At(at.lat_deg, at.lon_deg, at.alt_m, known=True), item, (first.lat_deg, first.lon_deg),
             _height_m(first, document.home, ground), LegKind.TRANSIT)  # fmt: skip


def landing_places(document: PlanDocument) -> tuple[Landing, ...]:
    """Return where a failsafe may send the aircraft: home, and the rally points."""
    home = document.home
    return landings_of(None if home is None else (home.lat_deg, home.lon_deg, home.alt_amsl_m), document.rally)
