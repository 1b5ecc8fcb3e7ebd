"""The air that ways home sweep: turn, climb, way, the circle or descent at its end, the way on to a landing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.judging.wing_air import CIRCLES_UP, turned_back, turned_ways

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.judging.flown_path import FlownPath
    from missions.judging.returns import Returns

    FloatArray = NDArray[np.float64]

FLAT_M2: Final = 1e-6
"""Three places that span less than this lie on a line, to rounding."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Swept:
    """Air swept by returns, (n,) each: a shape in the plane, its span of heights, and where it is entered from."""

    shape: NDArray[np.object_]
    first: NDArray[np.int64]
    """Index of the judged point the return begins at, or the first of two it begins between."""
    leg: NDArray[np.int64]
    low_amsl_m: FloatArray
    high_amsl_m: FloatArray
    about: NDArray[np.int64]
    """Which landing place the air lies about, whichever return leads there; -1 for air on the way."""


def swept_by(path: FlownPath, returns: Returns) -> Swept:
    """Return everything the returns of a flight sweep beyond the path itself.

    Where they retrace it that is nothing, but for a fixed wing: it turns back, and circles over its end.
    """
    parts = [_rows(returns, np.empty(0, dtype=object), np.empty(0, dtype=np.int64), np.empty((2, 0)))]
    wing = path.return_rules.circle_m > 0.0
    if len(returns.place) and path.return_rules.retrace and wing:
        parts += [_turns_back(path, returns), _arrivals(path, returns)]
    elif len(returns.place) and not path.return_rules.retrace:
        parts += [_ways(path, returns), _climbs(path, returns), _arrivals(path, returns)]
        parts += [_to_landings(path, returns)] if path.landing_starts and wing else []
    return Swept(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Swept)}
    )  # fmt: skip


def _rows(
    returns: Returns,
    shape: NDArray[np.object_],
    first: NDArray[np.int64],
    heights: FloatArray,
    about: NDArray[np.int64] | None = None,
) -> Swept:
    return Swept(
        shape=shape, first=first, leg=returns.points.leg[first],
        about=np.full(len(first), -1) if about is None else about,
        low_amsl_m=heights.min(axis=0, initial=np.inf), high_amsl_m=heights.max(axis=0, initial=-np.inf),
    )  # fmt: skip


def _ways(path: FlownPath, returns: Returns) -> Swept:
    """Return the triangles from two judged points that follow each other on a leg to where they return to.

    A fixed wing turns there first.
    """
    points = returns.points
    first = np.flatnonzero(np.diff(points.leg, append=-1) == 0)
    other = first[returns.place[first] != returns.place[first + 1]]
    index = np.concatenate([first, other])
    goal = np.concatenate([returns.target_m[first], returns.target_m[other + 1]])
    pairs, circle_m = np.stack([points.xy_m[index], points.xy_m[index + 1]], axis=1), path.return_rules.circle_m
    if circle_m:
        shape = turned_ways(pairs, goal, circle_m)
    else:
        shape = triangles(np.concatenate([pairs, goal[:, None, :]], axis=1))
    heights = np.stack([v[index + n] for n in (0, 1) for v in (returns.up_amsl_m, returns.over_amsl_m)])
    return _rows(returns, shape, index, heights)


def triangles(corners_m: FloatArray) -> NDArray[np.object_]:
    """Return the ground between three places each, (n, 3, 2): a triangle, or the line that they lie on."""
    a, b, c = np.moveaxis(corners_m, 1, 0)
    twice_m2 = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    wide = np.abs(twice_m2) > FLAT_M2
    shape = np.empty(len(corners_m), dtype=object)
    closed, count = corners_m[wide][:, [0, 1, 2, 0]].reshape(-1, 2), int(wide.sum())
    ends = np.arange(count + 1)
    shape[wide] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, closed, (4 * ends, ends))
    shape[~wide] = shapely.convex_hull(shapely.linestrings(corners_m[~wide]))
    return shape


def _turns_back(path: FlownPath, returns: Returns) -> Swept:
    """Return the turns of a fixed wing that follows its path backwards, from where it would not go on along it."""
    points = returns.points
    index = np.flatnonzero((np.diff(points.leg, append=-1) == 0) & (points.leg < path.onward_from))
    pairs = np.stack([points.xy_m[index], points.xy_m[index + 1]], axis=1)
    heights = np.stack([points.alt_amsl_m[index], points.alt_amsl_m[index + 1]])
    return _rows(returns, turned_back(pairs, path.return_rules.circle_m), index, heights)


def _climbs(path: FlownPath, returns: Returns) -> Swept:
    """Return the columns climbed before a return; a fixed wing circles up, and goes from where the circle ends."""
    points, slack_m = returns.points, 0.1
    rise = returns.up_amsl_m - points.alt_amsl_m
    higher = np.maximum(rise, np.append(rise[1:], 0.0)) > slack_m
    index = np.flatnonzero((np.diff(points.leg, append=-1) == 0) & higher)
    lines = shapely.linestrings(np.stack([points.xy_m[index], points.xy_m[index + 1]], axis=1))
    shape = np.asarray(lines)
    if path.return_rules.circle_m:
        about = np.asarray(shapely.buffer(lines, CIRCLES_UP * path.return_rules.circle_m))
        shape = np.asarray(_hull(about, shapely.points(returns.target_m[index])))
    heights = np.stack([v[index + n] for n in (0, 1) for v in (points.alt_amsl_m, returns.up_amsl_m)])
    return _rows(returns, shape, index, heights)


def _arrivals(path: FlownPath, returns: Returns) -> Swept:
    """Return the column over each landing place that is used, from the highest arrival down; a wing circles there."""
    _, index = np.unique(returns.place, return_index=True)
    goals = shapely.points(returns.target_m[index])
    circle_m = path.return_rules.circle_m
    over = np.array([returns.over_amsl_m[returns.place == returns.place[k]].max() for k in index])
    ground = path.ground.at(returns.target_m[index])
    heights = np.stack([np.where(np.isfinite(ground), ground, over), over])
    shape = np.asarray(shapely.buffer(goals, circle_m) if circle_m else goals)
    return _rows(returns, shape, index, heights, returns.place[index])


def _to_landings(path: FlownPath, returns: Returns) -> Swept:
    """Return the way from the circle over each landing place that is used to where the mission's landing begins."""
    arrived = _arrivals(path, returns)
    parts = []
    for start in path.landing_starts:
        over = shapely.buffer(shapely.points(start.xy_m), max(start.radius_m, path.return_rules.circle_m))
        parts.append(
            dataclasses.replace(
                arrived, shape=np.asarray(_hull(arrived.shape, over)),
                high_amsl_m=np.maximum(arrived.high_amsl_m, start.alt_amsl_m),
            )
        )  # fmt: skip
    return Swept(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Swept)})


def _hull(shape: NDArray[np.object_], other: NDArray[np.object_] | shapely.Geometry) -> NDArray[np.object_]:
    """Return the ground between shapes, each with its other."""
    return np.asarray(shapely.convex_hull(shapely.union(shape, other)))
