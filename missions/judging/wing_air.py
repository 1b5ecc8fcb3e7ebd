"""The air a fixed wing needs to change its mind in: the turn towards where it returns to, and the circles it flies.

It cannot turn on the spot. Where it is broken off it turns by the shorter side (ArduPlane's `AP_L1_Control` and PX4's
`npfg` both take the sign of the angle between the ground track and the way wanted), on a circle no wider than the one
it is judged with, and leaves that on its tangent. Flying nearly straight away from its goal, either side may be the
shorter one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

EITHER_SIDE_DEG: Final = 5.0
"""How far from straight behind a goal may lie for either side to be the shorter one: what a track over ground sways."""
CORNERS: Final = 25
"""Places a turn is drawn with: its chords lie at most a hundredth of the radius inside a full circle."""
CIRCLES_UP: Final = 3.0
"""Radii about the place where it circles up that it stays within: one to the circle's far side, for it begins in the
circle's middle and cannot turn any closer; at the height wanted it leaves with a turn of its own, to either side."""


def sides(along: FloatArray, to_goal_m: FloatArray) -> NDArray[np.bool_]:
    """Tell for each place whether a turn to the left, and one to the right, may be the shorter one, (n, 2).

    Parameters
    ----------
    along
        (n, 2) the course flown, unit vectors.
    to_goal_m
        (n, 2) from the place to where it wants to go.
    """
    left_rad = np.arctan2(_cross(along, to_goal_m), (along * to_goal_m).sum(axis=1))
    behind = np.abs(left_rad) > math.pi - math.radians(EITHER_SIDE_DEG)
    return np.stack([(left_rad > 0.0) | behind, (left_rad < 0.0) | behind], axis=1)


def turns(start_m: FloatArray, along: FloatArray, goal_m: FloatArray, radius_m: float) -> FloatArray:
    """Return places on the turns to the left and to the right, (n, 2, CORNERS, 2), until each heads for its goal.

    A goal inside the turning circle is never headed for: there it is the whole circle.
    """
    side = np.array([1.0, -1.0])[None, :]
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    centre = start_m[:, None, :] + radius_m * side[..., None] * left[:, None, :]
    way = goal_m[:, None, :] - centre
    far = np.hypot(way[..., 0], way[..., 1])
    ahead = (way * along[:, None, :]).sum(axis=2)
    bearing = np.arctan2(side * (way * left[:, None, :]).sum(axis=2), ahead)
    turned = bearing + np.arcsin(np.minimum(radius_m / np.maximum(far, 1e-9), 1.0))
    slack = 1e-3  # straight ahead is no full circle, to rounding
    turned = (turned + slack) % (2.0 * np.pi) - slack
    turned = np.where(far < radius_m, 2.0 * np.pi, np.maximum(turned, 0.0))
    angle = turned[..., None] * np.linspace(0.0, 1.0, CORNERS)
    forward = radius_m * np.sin(angle)[..., None] * along[:, None, None, :]
    aside = radius_m * (1.0 - np.cos(angle))[..., None] * side[..., None, None] * left[:, None, None, :]
    return np.asarray(start_m[:, None, None, :] + forward + aside)


def turned_ways(pairs_m: FloatArray, goal_m: FloatArray, radius_m: float) -> NDArray[np.object_]:
    """Return the ground between two places of a leg each, (n, 2, 2), and a goal, with the turns towards it.

    Between the two it may be broken off anywhere; the turns and the straight ways that follow them lie in the hull.
    """
    along = _unit(pairs_m[:, 1] - pairs_m[:, 0])
    used = sides(along, goal_m - pairs_m[:, 0]) | sides(along, goal_m - pairs_m[:, 1])
    arcs = [
        np.where(used[:, :, None, None], turns(place, along, goal_m, radius_m), place[:, None, None, :])
        for place in (pairs_m[:, 0], pairs_m[:, 1])
    ]
    return _hulls(np.concatenate([*(a.reshape(len(a), -1, 2) for a in arcs), goal_m[:, None, :]], axis=1))


def turned_back(pairs_m: FloatArray, radius_m: float) -> NDArray[np.object_]:
    """Return the ground of turns back along the leg flown, to either side, from anywhere between two of its places."""
    along = _unit(pairs_m[:, 1] - pairs_m[:, 0])
    behind = pairs_m[:, 0] - 1e6 * along
    arcs = [
        turns(place, along, behind, radius_m).reshape(len(place), -1, 2) for place in (pairs_m[:, 0], pairs_m[:, 1])
    ]
    return _hulls(np.concatenate(arcs, axis=1))


def _hulls(places_m: FloatArray) -> NDArray[np.object_]:
    return np.asarray(shapely.convex_hull(shapely.linestrings(places_m)), dtype=object)


def _unit(way_m: FloatArray) -> FloatArray:
    return np.asarray(way_m / np.maximum(np.hypot(*way_m.T), 1e-9)[:, None])


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
