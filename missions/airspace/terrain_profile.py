"""Heights of a path over the ground: waypoints put in where the ground needs them, and nowhere else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame

    FloatArray = NDArray[np.float64]

SAMPLE_M: Final = 20.0
"""Spacing at which the ground under a leg is looked up (under the 30 m posts of common terrain models)."""


class GroundHeights(Protocol):
    """Ground height above mean sea level."""

    def amsl_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the ground's height for each point, NaN where unknown."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlaneGround:
    """Ground heights looked up by plane coordinates."""

    frame: LocalFrame
    heights: GroundHeights

    @property
    def flat(self) -> bool:
        """Whether the ground is one height everywhere, so that places need not be looked up and hide nothing."""
        return bool(getattr(self.heights, "flat", False))

    def at(self, xy_m: FloatArray) -> FloatArray:
        """Return ground height above mean sea level of (n, 2) plane points, NaN where unknown."""
        if self.flat:
            nowhere = np.zeros(len(np.atleast_2d(xy_m)))
            return self.heights.amsl_m(nowhere, nowhere)
        lat, lon = self.frame.to_degrees(np.atleast_2d(xy_m))
        return self.heights.amsl_m(lat, lon)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FollowRules:
    """How closely a path follows the ground."""

    alt_agl_m: float
    tolerance_m: float
    max_slope: float
    """Steepest climb or descent the aircraft can fly at its ground speed, metres up per metre along."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A path with heights: plane points, heights, and which original leg each new leg belongs to."""

    xy_m: FloatArray
    alt_amsl_m: FloatArray
    leg: NDArray[np.int64]


def follow(path_m: FloatArray, ground: PlaneGround, rules: FollowRules) -> Profile:
    """Give a path heights that keep `alt_agl_m` over the ground within a tolerance.

    The ground is sampled every 20 m; heights wanted are the ground plus `alt_agl_m`, raised
    where the aircraft could not climb or descend as steeply (so the ground is never approached
    for want of climb rate). Samples are then dropped while the straight line between those kept
    stays within the tolerance (Douglas and Peucker 1973, on height against distance).

    Parameters
    ----------
    path_m
        (n, 2) corners of the path in the plane; all of them are kept.
    """
    xy, leg, corner = sample_path(path_m)
    ground_m = ground.at(xy)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    wanted = _slope_limited(along, _filled(ground_m) + rules.alt_agl_m, rules.max_slope)
    keep = _thinned(along, wanted, corner, rules.tolerance_m)
    index = np.flatnonzero(keep)
    return Profile(xy_m=xy[index], alt_amsl_m=wanted[index], leg=leg[index[1:] - 1])


def sample_path(
    path_m: FloatArray, spacing_m: float = SAMPLE_M
) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.bool_]]:
    """Return points every `spacing_m` or less along a path, the leg each starts, and which are corners."""
    length = np.hypot(*np.diff(path_m, axis=0).T)
    count = np.maximum(np.ceil(length / spacing_m).astype(int), 1)
    leg = np.repeat(np.arange(len(count)), count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    share = (np.arange(len(leg)) - first[leg]) / count[leg]
    xy = path_m[:-1][leg] + share[:, None] * np.diff(path_m, axis=0)[leg]
    corner = np.append(share == 0.0, True)
    return np.concatenate([xy, path_m[-1:]]), np.append(leg, len(count) - 1), corner


def _filled(ground_m: FloatArray) -> FloatArray:
    known = np.isfinite(ground_m)
    if known.all() or not known.any():
        return ground_m
    return np.asarray(np.interp(np.arange(len(ground_m)), np.flatnonzero(known), ground_m[known]))


def _slope_limited(along: FloatArray, wanted: FloatArray, slope: float) -> FloatArray:
    """Return the lowest profile above `wanted` that is nowhere steeper than `slope`."""
    rise = slope * along
    forward = np.maximum.accumulate(wanted + rise) - rise
    backward = np.maximum.accumulate((wanted - rise)[::-1])[::-1] + rise
    return np.asarray(np.maximum(forward, backward))


def _thinned(along: FloatArray, height: FloatArray, corner: NDArray[np.bool_], tolerance_m: float) -> NDArray[np.bool_]:
    keep = corner.copy()
    fixed = np.flatnonzero(corner)
    off = np.abs(height - np.interp(along, along[fixed], height[fixed]))
    strays = np.maximum.reduceat(off, fixed[:-1]) > tolerance_m
    stack = list(zip(fixed[:-1][strays].tolist(), fixed[1:][strays].tolist(), strict=True))
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        inner = slice(a + 1, b)
        line = np.interp(along[inner], [along[a], along[b]], [height[a], height[b]])
        off = np.abs(height[inner] - line)
        worst = int(np.argmax(off))
        if off[worst] > tolerance_m:
            split = a + 1 + worst
            keep[split] = True
            stack += [(a, split), (split, b)]
    return keep
