"""Break-offs as the autopilot flies them: up to the return height, over to the landing place, down."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.judging.legs import points_along
from missions.performance.energy import waiting_w

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.judging.flown_path import FlownPath
    from missions.judging.legs import LegPoints

    FloatArray = NDArray[np.float64]

EVERY_M: Final = 100.0
"""Spacing of the points a break-off is judged from; what lies between two of them is judged as a swept area."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Returns:
    """The way home from each point of a flight that a break-off is judged from: (n,) or (n, 2) each."""

    points: LegPoints
    place: NDArray[np.int64]
    """Which landing place it leads to."""
    target_m: FloatArray
    up_amsl_m: FloatArray
    """The height the aircraft climbs to before it goes."""
    over_amsl_m: FloatArray
    """The height it arrives over the landing place at, or climbs to there where the way was too short for it."""
    climb_slope: float
    """Metres climbed for each flown where it climbs on the way; infinite where it climbs before it goes."""
    seconds: FloatArray
    needed_pct: FloatArray
    """Battery the whole way takes; infinite where the wind cannot be overcome."""
    left_pct: FloatArray
    """Battery left when it has landed."""


def returns_of(path: FlownPath) -> Returns:
    """Work out the way home from points along every leg that goes somewhere."""
    legs = path.legs
    known = legs.moving & np.isfinite(legs.alt_start_amsl_m + legs.alt_end_amsl_m)
    points = points_along(legs, EVERY_M, only=known)
    return _retraced(path, points) if path.return_rules.retrace else _straight(path, points)


def _straight(path: FlownPath, points: LegPoints) -> Returns:
    gap = np.hypot(*(points.xy_m[:, None, :] - path.landings_m[None, :, :]).transpose(2, 0, 1))
    place = path.return_rules.landing.of(gap)
    target = path.landings_m[place]
    up, over = path.return_rules.heights(
        points.alt_amsl_m, path.landings_amsl_m[0], path.landings_amsl_m[place],
        gap[np.arange(len(place)), place],
    )  # fmt: skip
    seconds, needed = _cost(path, points, np.stack([up, over], axis=1), target, *_down(path, place, over))
    return Returns(
        points=points, place=place, target_m=target, up_amsl_m=up, over_amsl_m=over, seconds=seconds,
        needed_pct=needed, left_pct=_before(path, points) - needed,
        climb_slope=_slope(path) if path.return_rules.on_the_way else np.inf,
    )  # fmt: skip


def _slope(path: FlownPath) -> float:
    """Return how steeply an aircraft climbs at least, with the strongest wind behind it."""
    return path.aircraft.climb_mps / (path.flown.speed_mps + path.flown.wind.strongest_mps)


def _before(path: FlownPath, points: LegPoints) -> FloatArray:
    """Return the battery left at each point."""
    battery = path.battery_pct
    return np.asarray(battery[points.leg] + points.share * np.diff(battery)[points.leg])


def _retraced(path: FlownPath, points: LegPoints) -> Returns:
    """Work out the way back along the path flown, or on along it where the autopilot would go on."""
    legs = path.legs
    ends = np.stack([legs.end_m, legs.start_m], axis=1)[::-1].reshape(-1, 2)
    heights = np.stack([legs.alt_end_amsl_m, legs.alt_start_amsl_m], axis=1)[::-1].reshape(-1)
    cost = path.flown.cost(ends, np.nan_to_num(heights, nan=path.brief.flight.alt_agl_m))
    back_s = cost.seconds[::-2]
    back_pct = 100.0 * cost.energy_wh[::-2] / path.aircraft.battery_wh
    before, leg = _before(path, points), points.leg
    needed = np.cumsum(back_pct)[leg] - (1.0 - points.share) * back_pct[leg]
    seconds = np.cumsum(back_s)[leg] - (1.0 - points.share) * back_s[leg]
    needed = np.where(leg >= path.onward_from, before - path.battery_pct[-1], needed)
    needed = np.where(np.isfinite(needed), needed, np.inf) + 100.0 * path.flown.stop_wh / path.aircraft.battery_wh
    return Returns(
        points=points, place=np.zeros(len(leg), dtype=np.int64), target_m=np.repeat(legs.start_m[:1], len(leg), axis=0),
        up_amsl_m=points.alt_amsl_m, over_amsl_m=points.alt_amsl_m, needed_pct=needed,
        seconds=seconds + path.flown.stop_s, left_pct=before - needed, climb_slope=np.inf,
    )  # fmt: skip


def _down(path: FlownPath, place: NDArray[np.int64], over_amsl_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the places down from over each landing place, (n, k, 2), and their heights, (n, k).

    ArduPlane goes on to the nearest start of the mission's landing, and lands where that does.
    """
    ground = path.ground.at(path.landings_m)[place]
    foot = np.minimum(np.where(np.isfinite(ground), ground, over_amsl_m), over_amsl_m)
    if not path.landing_starts:
        return path.landings_m[place][:, None, :], foot[:, None]
    begun_m = np.stack([start.xy_m for start in path.landing_starts])
    begun_amsl_m = np.array([start.alt_amsl_m for start in path.landing_starts])
    nearest = np.hypot(*(path.landings_m[:, None, :] - begun_m).transpose(2, 0, 1)).argmin(axis=1)[place]
    touched_m = np.broadcast_to(path.ends_m[1], (len(place), 2))
    touched_amsl_m = np.fmin(path.legs.alt_end_amsl_m[-1], begun_amsl_m)[nearest]
    return np.stack([begun_m[nearest], touched_m], axis=1), np.stack([begun_amsl_m[nearest], touched_amsl_m], axis=1)


def _cost(
    path: FlownPath,
    points: LegPoints,
    heights_amsl_m: FloatArray,
    target_m: FloatArray,
    down_m: FloatArray,
    down_amsl_m: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return seconds and per cent of battery of stop, climb, way and landing together.

    Parameters
    ----------
    heights_amsl_m
        (n, 2) what is climbed to before the way, and held at its end.
    down_m, down_amsl_m
        (n, k, 2) and (n, k) the places of the landing after that.
    """
    if not len(points.leg):  # a flight straight up and down
        return np.zeros(0), np.zeros(0)
    xy = np.concatenate([np.stack([points.xy_m, points.xy_m, target_m], axis=1), down_m], axis=1)
    alt = np.concatenate([points.alt_amsl_m[:, None], heights_amsl_m, down_amsl_m], axis=1)
    cost, legs = path.flown.cost(xy.reshape(-1, 2), alt.reshape(-1)), alt.shape[1]
    seconds = np.append(cost.seconds, 0.0).reshape(-1, legs)[:, :-1].sum(axis=1)
    energy = np.append(cost.energy_wh, 0.0).reshape(-1, legs)[:, :-1].sum(axis=1)
    circle_s = max((2.0 * np.pi * start.radius_m / path.flown.speed_mps for start in path.landing_starts), default=0.0)
    circle_wh = waiting_w(path.aircraft, np.zeros(1))[0] * circle_s / 3600.0
    needed = 100.0 * (energy + path.flown.stop_wh + circle_wh) / path.aircraft.battery_wh
    return seconds + path.flown.stop_s + circle_s, np.where(np.isfinite(needed), needed, np.inf)
