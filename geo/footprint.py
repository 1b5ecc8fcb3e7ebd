"""What a picture covers on the ground: the outline of its footprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.locate import MAX_RANGE_M
from geo.march import first_hits
from geo.rays import cast, pixel_directions
from geo.values import Poses

if TYPE_CHECKING:
    from geo.values import CameraModel, FloatArray, Pose, Terrain

_PER_EDGE: Final = 8
_SCAN_ROWS: Final = 33
_STEP: Final = (_SCAN_ROWS - 1) // _PER_EDGE
_EDGE: Final = np.zeros((_SCAN_ROWS, _PER_EDGE + 1), dtype=bool)
_EDGE[[0, -1], :] = _EDGE[::_STEP, [0, -1]] = True
"""Pixels of a grid that an outline of the whole picture goes through."""


def footprint(
    *, pose: Pose, camera: CameraModel, terrain: Terrain, max_range_m: float = MAX_RANGE_M
) -> FloatArray | None:
    """Return the closed outline of the picture on the ground, shape (k, 2) of longitude, latitude; None without ground.

    The picture's edges are followed at eight points a side. A column whose top
    looks over the horizon, past `max_range_m`, or off the terrain starts at the
    highest pixel that still meets the ground.
    """
    u, v = np.meshgrid(np.linspace(0.0, camera.width_px, _PER_EDGE + 1), np.linspace(0.0, camera.height_px, _SCAN_ROWS))
    lon, lat, placed = np.full(u.shape, np.nan), np.full(u.shape, np.nan), np.zeros(u.shape, dtype=bool)
    for asked in (_EDGE, np.ones_like(_EDGE)):
        directions = pixel_directions(camera, np.column_stack([u[asked], v[asked]]))
        hits = first_hits(cast(Poses.of(pose), directions), terrain, max_range_m)
        lon[asked], lat[asked], placed[asked] = hits.lon_deg, hits.lat_deg, hits.reason_code == 0
        if placed[asked].all():  # as mostly: then the outline is that of the picture
            placed[:] = True
            break
    if not placed.any():
        return None
    outline = np.array([[lon[r, c], lat[r, c]] for r, c in _outline(placed)])
    outline[:, 0] = outline[0, 0] + (outline[:, 0] - outline[0, 0] + 180.0) % 360.0 - 180.0
    return np.vstack([outline, outline[:1]]) if len(outline) >= 3 else None


def _outline(placed: FloatArray) -> list[tuple[int, int]]:
    """Walk the edge of the placed part of a pixel grid: along the top, down the right, back, and up the left."""
    columns = [c for c in range(placed.shape[1]) if placed[:, c].any()]
    tops = [(int(np.argmax(placed[:, c])), c) for c in columns]
    bottoms = [(placed.shape[0] - 1 - int(np.argmax(placed[::-1, c])), c) for c in columns]
    right = [(r, columns[-1]) for r in range(tops[-1][0] + _STEP, bottoms[-1][0], _STEP) if placed[r, columns[-1]]]
    left = [(r, columns[0]) for r in range(tops[0][0] + _STEP, bottoms[0][0], _STEP) if placed[r, columns[0]]]
    walk = [*tops, *right, *bottoms[::-1], *left[::-1]]
    return [place for index, place in enumerate(walk) if index == 0 or place != walk[index - 1]]
