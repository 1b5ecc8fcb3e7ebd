"""A sortie whose camera keeps looking at one point."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj

from missions.plan import LegKind, MissionItem

if TYPE_CHECKING:
    from missions.patterns.values import LonLat
    from missions.plan import Leg, Sortie
    from missions.terrain_profile import GroundHeights

REGION: Final = 195
REGION_NONE: Final = 197
GIMBAL: Final = 1000
_GEOD: Final = pyproj.Geod(ellps="WGS84")


def towards_target(sortie: Sortie, target: LonLat, ground: GroundHeights) -> Sortie:
    """Point the camera at a target (lon, lat) on the ground for the whole of a sortie's work.

    The gimbal commands give way to one region of interest (MAV_CMD_DO_SET_ROI_LOCATION)
    before the first waypoint and its end before landing; the legs say the
    angles the camera then has at their middle.
    """
    target_m = float(ground.amsl_m(np.array([target[1]]), np.array([target[0]]))[0])
    if math.isnan(target_m):
        target_m = sortie.home_alt_amsl_m
    alt_m = round(target_m - sortie.home_alt_amsl_m, 2)
    region = MissionItem(seq=0, command=REGION, frame=3, lat_deg=target[1], lon_deg=target[0], alt_m=alt_m)
    items = [item for item in sortie.items if item.command != GIMBAL]
    first = next(n for n, item in enumerate(items) if item.command == 16)
    last = max(n for n, item in enumerate(items) if item.command == 16)
    release = MissionItem(seq=0, command=REGION_NONE, frame=2)
    ordered = [*items[:first], region, *items[first : last + 1], release, *items[last + 1 :]]
    return dataclasses.replace(
        sortie,
        items=tuple(dataclasses.replace(item, seq=n) for n, item in enumerate(ordered)),
        legs=tuple(_looking(leg, target, target_m) if leg.kind is LegKind.WORK else leg for leg in sortie.legs),
    )


def _looking(leg: Leg, target: LonLat, target_m: float) -> Leg:
    lon, lat = (leg.lon_start_deg + leg.lon_end_deg) / 2.0, (leg.lat_start_deg + leg.lat_end_deg) / 2.0
    azimuth_deg, _, distance_m = _GEOD.inv(lon, lat, target[0], target[1])
    height_m = (leg.alt_amsl_start_m + leg.alt_amsl_end_m) / 2.0 - target_m
    pitch_deg = -math.degrees(math.atan2(height_m, distance_m))
    return dataclasses.replace(
        leg, gimbal_yaw_deg=round(float(azimuth_deg) % 360.0, 3), gimbal_pitch_deg=round(pitch_deg, 3)
    )
