"""How far above the ground ways home lead, and how high over their end they would have to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.zone_layers import ROUNDING_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.judging.flown_path import FlownPath
    from missions.judging.returns import Returns

    FloatArray = NDArray[np.float64]

COARSE_M: Final = 120.0
FINE_M: Final = 20.0
"""Ground under a way home is looked up every 120 m, and every 20 m where that comes near to it."""
RELIEF_M: Final = 60.0
"""What may rise unseen between two coarse samples: a slope of 45 degrees up and down again."""


def room_on_the_way(path: FlownPath, returns: Returns) -> tuple[FloatArray, FloatArray]:
    """Return the least height above ground of each way home, and the height over its end that gives what is asked.

    Unknown ground is passed. The height is infinite where the ground rises sooner than the aircraft climbs.
    """
    least = path.brief.flight.min_agl_m
    if path.ground.flat:
        ground = path.ground.at(returns.target_m[:1])
        room = np.minimum(returns.up_amsl_m, returns.over_amsl_m) - ground
        return np.asarray(room), np.broadcast_to(ground + least, room.shape)
    about = _highest_about(path, returns)
    arriving = np.minimum(returns.over_amsl_m, _climbed(returns, np.hypot(*(returns.target_m - returns.points.xy_m).T)))
    room, over_m = _room(path, returns, np.arange(len(returns.place)), COARSE_M)
    room, over_m = np.minimum(room, arriving - about), np.maximum(over_m, about + least)
    close = np.flatnonzero(room < least + RELIEF_M)
    fine = _room(path, returns, close, FINE_M)
    room[close], over_m[close] = np.minimum(room[close], fine[0]), np.maximum(over_m[close], fine[1])
    return room, over_m


def _climbed(returns: Returns, along_m: FloatArray, which: NDArray[np.int64] | slice = slice(None)) -> FloatArray:
    """Return how high returns can be so far along; infinite where the climb comes first."""
    if np.isinf(returns.climb_slope):
        return np.full(along_m.shape, np.inf)
    return np.asarray(returns.up_amsl_m[which] + returns.climb_slope * along_m)


def _highest_about(path: FlownPath, returns: Returns) -> FloatArray:
    """Return the highest known ground under the circle over the landing place of each return; none where it hovers."""
    circle_m = path.return_rules.circle_m
    if circle_m == 0.0:
        return np.full(len(returns.place), -np.inf)
    angle = np.linspace(0.0, 2.0 * np.pi, 73)[:-1, None]
    ring = circle_m * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    around = path.landings_m[:, None, :] + ring[None, :, :]
    ground = path.ground.at(around.reshape(-1, 2)).reshape(len(around), -1)
    return np.asarray(np.nan_to_num(ground, nan=-np.inf).max(axis=1)[returns.place])


def _room(
    path: FlownPath, returns: Returns, which: NDArray[np.int64], spacing_m: float
) -> tuple[FloatArray, FloatArray]:
    start, end = returns.points.xy_m[which], returns.target_m[which]
    length_m = np.hypot(*(end - start).T)
    count = np.maximum(np.ceil(length_m / spacing_m).astype(np.int64), 1) + 1
    row = np.repeat(np.arange(len(which)), count)
    share = (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)) / (count - 1)[row]
    ground = np.nan_to_num(path.ground.at(start[row] + share[:, None] * (end - start)[row]), nan=-np.inf)
    up, over = returns.up_amsl_m[which][row], returns.over_amsl_m[which][row]
    climbed = _climbed(returns, share * length_m[row], which[row])
    flown = np.where(over > up, np.minimum(over, climbed), up + share * (over - up))
    asked = ground + path.brief.flight.min_agl_m - ROUNDING_M
    gliding = up - (up - asked) / np.maximum(share, 1e-9)
    wanted = np.where(asked <= up, gliding, np.where(asked <= climbed, asked, np.inf))
    room, over_m = np.full(len(which), np.inf), np.full(len(which), -np.inf)
    np.minimum.at(room, row, flown - ground)
    np.maximum.at(over_m, row, wanted)
    return room, over_m
