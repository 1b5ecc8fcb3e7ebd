"""Which ground a camera sees: inside the picture, within range, and not behind a hill."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import geodetic_to_ecef, metres_per_degree
from geo.locate import MAX_RANGE_M, project
from geo.march import CODE, first_hits
from geo.rays import towards
from geo.values import Pose, Poses, Unplaced

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.terrain import GridTerrain
    from geo.values import CameraModel, FloatArray, Terrain

TARGET_HEIGHT_M: Final = 0.5
"""How far above the ground a place counts as seen, unless told otherwise: a crouching person."""
_TOUCHING_M: Final = 0.1
_CLEAR: Final = (CODE[Unplaced.OUT_OF_RANGE], CODE[Unplaced.ABOVE_HORIZON])
"""A ray that ends just before its target without meeting ground."""
_MARGIN: Final = 1.1


def seen(
    *,
    poses: Pose | Poses,
    camera: CameraModel | None,
    terrain: Terrain,
    places_deg: ArrayLike,
    target_height_m: float = TARGET_HEIGHT_M,
    max_range_m: float = MAX_RANGE_M,
) -> NDArray[np.bool_]:
    """Say which ground points are seen, by one pose or by one each.

    Parameters
    ----------
    poses
        Where the camera is and how it is turned.
    camera
        Points outside its picture are not seen; None looks everywhere (a viewshed).
    terrain
        Ground that carries the points and casts the shadows; where it is unknown nothing is seen.
    places_deg
        The points, (n, 2): latitude and longitude.
    target_height_m
        Height above ground that must be visible.
    max_range_m
        Nothing beyond it is seen.
    """
    table = Poses.of(poses) if isinstance(poses, Pose) else poses
    lat, lon = np.asarray(places_deg, dtype=np.float64).T
    alt = terrain.height_hae_m(lat, lon) + target_height_m
    result = np.zeros(lat.shape, dtype=bool)
    candidates = np.isfinite(alt)
    if camera is not None:
        candidates &= _in_picture(table, camera, lat, lon, alt)
    rows = np.flatnonzero(candidates)
    rays, distance = towards(_part(table, rows), geodetic_to_ecef(lat[rows], lon[rows], alt[rows]))
    hits = first_hits(rays, terrain, np.maximum(distance - _TOUCHING_M, 0.0))
    result[rows] = (distance <= max_range_m) & np.isin(hits.reason_code, _CLEAR)
    return result


def seen_posts(
    *,
    pose: Pose,
    camera: CameraModel | None,
    terrain: GridTerrain,
    target_height_m: float = TARGET_HEIGHT_M,
    max_range_m: float = MAX_RANGE_M,
) -> NDArray[np.bool_]:
    """Say for every post of a grid whether it is seen, with terrain shadow; shape (rows, columns)."""
    rows, columns = terrain.heights_hae_m.shape
    per_lat, per_lon = metres_per_degree(pose.lat_deg)
    row, column = terrain.row_column(np.array([pose.lat_deg]), np.array([pose.lon_deg]))
    reach_rows = max_range_m * _MARGIN / (per_lat * terrain.lat_step_deg)
    reach_columns = max_range_m * _MARGIN / (np.maximum(per_lon, 1.0) * terrain.lon_step_deg)
    down = _window(float(row[0]), float(reach_rows), rows)
    right = _window(float(column[0]), float(reach_columns), columns)
    lat, lon = np.meshgrid(
        terrain.north_deg - terrain.lat_step_deg * np.arange(down.start, down.stop),
        terrain.west_deg + terrain.lon_step_deg * np.arange(right.start, right.stop),
        indexing="ij",
    )
    mask = np.zeros((rows, columns), dtype=bool)
    mask[down, right] = seen(
        poses=pose,
        camera=camera,
        terrain=terrain,
        places_deg=np.stack([lat.ravel(), lon.ravel()], axis=1),
        target_height_m=target_height_m,
        max_range_m=max_range_m,
    ).reshape(lat.shape)
    return mask


def _window(centre: float, reach: float, size: int) -> slice:
    """Return the indices within `reach` of `centre` that a grid has."""
    return slice(int(np.clip(centre - reach, 0, size)), int(np.clip(centre + reach + 2.0, 0, size)))


def _in_picture(
    poses: Poses, camera: CameraModel, lat_deg: FloatArray, lon_deg: FloatArray, alt_hae_m: FloatArray
) -> NDArray[np.bool_]:
    uv = project(poses=poses, camera=camera, lat_deg=lat_deg, lon_deg=lon_deg, alt_hae_m=alt_hae_m)
    with np.errstate(invalid="ignore"):
        inside = (uv >= 0.0).all(axis=1) & (uv[:, 0] <= camera.width_px) & (uv[:, 1] <= camera.height_px)
    return np.asarray(inside)


def _part(poses: Poses, rows: NDArray[np.intp]) -> Poses:
    """Return some of n poses, or the one pose unchanged."""
    if len(poses) == 1:
        return poses
    columns = {field.name: getattr(poses, field.name) for field in dataclasses.fields(poses)}
    return Poses(**{name: value if name == "gimbal_frame" else value[rows] for name, value in columns.items()})
