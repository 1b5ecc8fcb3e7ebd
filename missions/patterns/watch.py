"""Watching a point: from where it can be seen over the terrain, and the orbit or hover that does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import RefusedError
from geo.geodesy import ecef_components_to_geodetic, forward, geodetic_to_ecef
from geo.line_of_sight import stands_above_m, steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Geodetic, Terrain

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

EYE_M: Final = 1.0
"""Height above ground that must be in sight: the middle of a standing person."""
AZIMUTHS: Final = 72


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchPosts:
    """Places around a target, by azimuth: (n,) degrees, and whether the target is in sight from each."""

    azimuth_deg: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    in_sight: BoolArray


def line_of_sight(terrain: Terrain, viewer_m: FloatArray, target: Geodetic) -> BoolArray:
    """Tell from which viewers a target is in sight.

    Parameters
    ----------
    terrain
        Ground heights above the ellipsoid; unknown ground does not hide anything.
    viewer_m
        ECEF positions, shape (n, 3).
    target
        The point looked at (not its ground).
    """
    end = geodetic_to_ecef(target.lat_deg, target.lon_deg, target.alt_hae_m)
    reach_m = np.linalg.norm(viewer_m - end, axis=1)

    def above(*places: FloatArray) -> FloatArray:
        lat, lon, alt = ecef_components_to_geodetic(*places[:3])
        ground = terrain.height_hae_m(np.degrees(lat).ravel(), np.degrees(lon).ravel())
        return ground.reshape(alt.shape) - alt

    count = steps(reach_m)
    half = 0.5 / count  # places from the viewer on, the last a step before the target, which stands on the ground
    stands_m = stands_above_m(above, tuple(viewer_m.T), tuple(end), count=count, part=(-half, 1.0 - half))
    return np.asarray(stands_m <= 0.0)


def watch_posts(target: Geodetic, terrain: Terrain, *, radius_m: float, height_m: float) -> WatchPosts:
    """Pointing at a target from a circle around it.

    Parameters
    ----------
    target
        A point of the ground.
    terrain
        Ground heights above the ellipsoid.
    radius_m
        Ground distance from the target.
    height_m
        Height of the aircraft above the target's ground, the same all around.
    """
    azimuth = np.arange(AZIMUTHS) * 360.0 / AZIMUTHS
    lat, lon = forward(target.lat_deg, target.lon_deg, azimuth, radius_m)
    alt = np.full(AZIMUTHS, target.alt_hae_m + height_m)
    seen_at = dataclasses.replace(target, alt_hae_m=target.alt_hae_m + EYE_M)
    return WatchPosts(
        azimuth_deg=azimuth,
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=alt,
        in_sight=line_of_sight(terrain, geodetic_to_ecef(lat, lon, alt), seen_at),
    )


def best_hover(posts: WatchPosts, *, from_deg: float) -> int:
    """Choose a place to hover: in sight, in the widest stretch of places in sight, then nearest to `from_deg`.

    Raises
    ------
    RefusedError
        When the target is in sight from nowhere on the circle.
    """
    if not posts.in_sight.any():
        raise RefusedError(
            "the point is in sight from nowhere on the circle; fly higher, or nearer to it", rule="line of sight"
        )
    clear = _clearance(posts.in_sight)
    turn = np.abs((posts.azimuth_deg - from_deg + 180.0) % 360.0 - 180.0)
    return int(np.lexsort((turn, -np.minimum(clear, AZIMUTHS // 12)))[0])


def _clearance(in_sight: BoolArray) -> NDArray[np.int64]:
    """Return, for each place, how many steps away the nearest hidden place is (0 when hidden)."""
    if in_sight.all():
        return np.full(len(in_sight), len(in_sight))
    hidden = np.flatnonzero(~in_sight)
    apart = np.abs(np.arange(len(in_sight))[:, None] - hidden[None, :])
    return np.asarray(np.minimum(apart, len(in_sight) - apart).min(axis=1))
