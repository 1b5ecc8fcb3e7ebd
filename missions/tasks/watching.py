"""Sorties that watch one point: around it or in place, the camera on it, the terrain between them considered."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError, RefusedError
from geo.geodesy import forward, geodetic_to_ecef, inverse
from geo.values import Geodetic
from missions.failsafes.return_path import return_path_of, with_return_path, without_return_path
from missions.patterns.watch import AZIMUTHS, EYE_M, best_hover, line_of_sight, watch_posts
from missions.performance.energy import level_power_w
from missions.plan import Finding, Leg, LegKind, MissionItem, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.terrain_profile import GroundHeights
    from missions.patterns.values import LonLat
    from missions.performance.performance import Performance
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

REGION: Final = 195
REGION_NONE: Final = 197
GIMBAL: Final = 1000
LOITER_TIME: Final = 19
HOLD_KIND: Final = LegKind.TURN
"""A hold is a turn on the spot: it has no length, and so no strip of ground like a work leg."""
MAX_HOLD_S: Final = 65_535.0
"""ArduPilot stores a loiter's seconds in 16 bits."""


@dataclasses.dataclass(frozen=True, slots=True)
class SeaLevelTerrain:
    """Ground heights above sea level standing in for heights above the ellipsoid.

    Sight lines over a few kilometres only compare heights, and the geoid is level over such distances.
    """

    ground: GroundHeights

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the ground's height for each point, NaN where unknown."""
        return self.ground.amsl_m(lat_deg, lon_deg)


def _target_point(target: LonLat, ground: GroundHeights) -> Geodetic:
    height_m = float(ground.amsl_m(np.array([target[1]]), np.array([target[0]]))[0])
    if math.isnan(height_m):
        raise RefusedError(
            f"the terrain has no height at {target[1]:.6f}, {target[0]:.6f}; what can be seen there is unknown, "
            "give terrain that reaches there",
            rule="line of sight",
        )
    return Geodetic(lat_deg=target[1], lon_deg=target[0], alt_hae_m=height_m)


def hover_place(target: LonLat, ground: GroundHeights, *, radius_m: float, height_m: float, begin: LonLat) -> LonLat:
    """Return the place on a circle around a target to watch it from: in sight, and on the side of `begin`.

    Raises
    ------
    RefusedError
        When the target is in sight from nowhere on the circle, or its ground is not known.
    """
    if not radius_m > 0.0:
        raise InputError(f"the distance to watch from must be above 0 m, found {radius_m:g}", actual=radius_m)
    point = _target_point(target, ground)
    posts = watch_posts(point, SeaLevelTerrain(ground), radius_m=radius_m, height_m=height_m)
    from_deg = float(inverse(target[1], target[0], begin[1], begin[0])[1])
    chosen = best_hover(posts, from_deg=from_deg)
    return float(posts.lon_deg[chosen]), float(posts.lat_deg[chosen])


NEARER: Final = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2)
"""Radii tried for an orbit, as shares of the one wished: from nearer, the look is steeper over what hides the point."""


def orbit_radius_m(
    target: LonLat, ground: GroundHeights, *, wished_m: float, alt_agl_m: float, least_m: float
) -> tuple[float, list[Finding]]:
    """Return the radius to orbit a target at, and a finding where it is not the one wished.

    The wished one where the target is in sight all round; else the largest nearer one from which it is, or the one
    from which most of the circle sees it.

    Parameters
    ----------
    alt_agl_m
        Height of the orbit above the ground under it.
    least_m
        The tightest orbit the aircraft can fly.
    """
    point = _target_point(target, ground)
    eye = dataclasses.replace(point, alt_hae_m=point.alt_hae_m + EYE_M)
    radii = [r for r in (share * wished_m for share in NEARER) if r >= least_m] or [wished_m]
    seen = []
    for radius in radii:
        lat, lon = forward(target[1], target[0], np.arange(AZIMUTHS) * 360.0 / AZIMUTHS, radius)
        posts = geodetic_to_ecef(lat, lon, ground.amsl_m(lat, lon) + alt_agl_m)
        seen.append(float(line_of_sight(SeaLevelTerrain(ground), posts, eye).mean()))
    best = max(range(len(radii)), key=lambda k: (seen[k], radii[k]))
    if best == 0 or seen[best] == 0.0:
        return wished_m, []
    message = (
        f"the terrain hides the point from {100.0 * (1.0 - seen[0]):.0f} % of an orbit of {wished_m:g} m; it is flown "
        f"at {radii[best]:.0f} m, from where {100.0 * seen[best]:.0f} % of it sees the point"
    )
    return radii[best], [
        Finding(
            rule="line-of-sight", severity=Severity.WARNING, message=message, lat_deg=target[1], lon_deg=target[0],
            measured=round(100.0 * (1.0 - seen[0]), 1), limit=0.0, unit="%",
            advice=f"a larger flight.alt_agl_m, or --radius-m {math.floor(radii[best])}",
        )
    ]  # fmt: skip


def sight_findings(sorties: Sequence[Sortie], target: LonLat, ground: GroundHeights) -> list[Finding]:
    """Say from how much of the work the target is hidden by the terrain.

    Raises
    ------
    RefusedError
        When it is hidden from all of it.
    """
    legs = [leg for sortie in sorties for leg in sortie.legs if _watches(leg)]
    point = _target_point(target, ground)
    eye = dataclasses.replace(point, alt_hae_m=point.alt_hae_m + EYE_M)
    ends = np.array([(leg.lat_end_deg, leg.lon_end_deg, leg.alt_amsl_end_m) for leg in legs])
    seen = line_of_sight(SeaLevelTerrain(ground), geodetic_to_ecef(ends[:, 0], ends[:, 1], ends[:, 2]), eye)
    if seen.all():
        return []
    if not seen.any():
        raise RefusedError("the point is in sight from nowhere on the path; fly higher, or nearer to it")
    first = legs[int(np.argmin(seen))]
    hidden_pct = 100.0 * float((~seen).mean())
    message = f"the terrain hides the point from {hidden_pct:.0f} % of the path, first on leg {first.seq}"
    return [
        Finding(
            rule="line-of-sight",
            severity=Severity.WARNING,
            message=message,
            lat_deg=first.lat_end_deg,
            lon_deg=first.lon_end_deg,
            seq=first.seq,
            measured=round(hidden_pct, 1),
            limit=0.0,
            unit="%",
            advice="a larger flight.alt_agl_m, a smaller radius, or hovering on the side that sees it",
        )
    ]


def check_can_hover(flown: Performance) -> None:
    """Refuse, as an `InputError`, to hover with an aircraft that cannot."""
    if flown.wing:
        raise InputError(f"{flown.label} is a fixed wing and cannot hover; watch the point from an orbit")


def holding(sortie: Sortie, flown: Performance, *, spare_wh: float) -> Sortie:
    """Make a sortie wait at the end of its way out for as long as the battery allows."""
    aircraft = flown.aircraft
    out = max(n for n, leg in enumerate(sortie.legs) if leg.kind is not LegKind.RETURN)
    at = sortie.legs[out]
    power_w = float(level_power_w(aircraft, flown.wind.at(at.alt_amsl_end_m).speed_mps))
    hold_s = min(math.floor(3600.0 * spare_wh / power_w), MAX_HOLD_S)
    used_pct = 100.0 * power_w * hold_s / 3600.0 / aircraft.battery_wh
    hold = Leg(
        seq=at.seq + 1,
        kind=HOLD_KIND,
        lat_start_deg=at.lat_end_deg,
        lon_start_deg=at.lon_end_deg,
        alt_amsl_start_m=at.alt_amsl_end_m,
        lat_end_deg=at.lat_end_deg,
        lon_end_deg=at.lon_end_deg,
        alt_amsl_end_m=at.alt_amsl_end_m,
        t_start_s=at.t_end_s,
        t_end_s=at.t_end_s + hold_s,
        speed_mps=0.0,
        battery_end_pct=round(at.battery_end_pct - used_pct, 3),
    )
    later = [
        dataclasses.replace(
            leg,
            seq=leg.seq + 1,
            t_start_s=leg.t_start_s + hold_s,
            t_end_s=leg.t_end_s + hold_s,
            battery_end_pct=round(leg.battery_end_pct - used_pct, 3),
        )
        for leg in sortie.legs[out + 1 :]
    ]
    items = [_held(item, at, hold_s) for item in without_return_path(sortie.items)]
    return _with_items(sortie, items, (*sortie.legs[: out + 1], hold, *later))


def _with_items(sortie: Sortie, items: Sequence[MissionItem], legs: tuple[Leg, ...]) -> Sortie:
    """Return the sortie with other items, and with the way back of its own that it had."""
    numbered = tuple(dataclasses.replace(item, seq=n) for n, item in enumerate(items))
    held = return_path_of(sortie.items) is not None
    return dataclasses.replace(sortie, legs=legs, items=with_return_path(numbered, legs) if held else numbered)


def _held(item: MissionItem, at: Leg, hold_s: float) -> MissionItem:
    here = item.command == 16 and (item.lat_deg, item.lon_deg) == (at.lat_end_deg, at.lon_end_deg)
    return dataclasses.replace(item, command=LOITER_TIME, p1=float(hold_s)) if here else item


def towards_target(sortie: Sortie, target: LonLat, ground: GroundHeights) -> Sortie:
    """Point the camera at a target (lon, lat) on the ground for the whole of a sortie's work.

    The gimbal commands give way to one region of interest (MAV_CMD_DO_SET_ROI_LOCATION)
    before the first waypoint and its end before landing; the legs say the
    angles the camera then has at their middle.
    """
    target_m = _target_point(target, ground).alt_hae_m
    alt_m = round(target_m - sortie.home_alt_amsl_m, 2)
    region = MissionItem(seq=0, command=REGION, frame=3, lat_deg=target[1], lon_deg=target[0], alt_m=alt_m)
    items = [item for item in without_return_path(sortie.items) if item.command != GIMBAL]
    first = next(n for n, item in enumerate(items) if item.command in (16, LOITER_TIME))
    last = max(n for n, item in enumerate(items) if item.command in (16, LOITER_TIME))
    release = MissionItem(seq=0, command=REGION_NONE, frame=2)
    ordered = [*items[:first], region, *items[first : last + 1], release, *items[last + 1 :]]
    legs = tuple(_looking(leg, target, target_m) if _watches(leg) else leg for leg in sortie.legs)
    return _with_items(sortie, ordered, legs)


def _watches(leg: Leg) -> bool:
    return leg.kind is LegKind.WORK or (leg.kind is HOLD_KIND and leg.speed_mps == 0.0)


def _looking(leg: Leg, target: LonLat, target_m: float) -> Leg:
    lon, lat = (leg.lon_start_deg + leg.lon_end_deg) / 2.0, (leg.lat_start_deg + leg.lat_end_deg) / 2.0
    distance_m, azimuth_deg = (float(v) for v in inverse(lat, lon, target[1], target[0]))
    height_m = (leg.alt_amsl_start_m + leg.alt_amsl_end_m) / 2.0 - target_m
    pitch_deg = -math.degrees(math.atan2(height_m, distance_m))
    return dataclasses.replace(leg, gimbal_yaw_deg=round(azimuth_deg % 360.0, 3), gimbal_pitch_deg=round(pitch_deg, 3))
