"""What a picture covers on the ground: the outline of its footprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.locate import MAX_RANGE_M
from geo.march import first_hits
from geo.rays import cast, join, pixel_directions
from geo.values import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.rays import Rays
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
    return footprints([(pose, camera)], terrain=terrain, max_range_m=max_range_m)[0]


def footprints(
    taken: Sequence[tuple[Pose, CameraModel]], *, terrain: Terrain, max_range_m: float = MAX_RANGE_M
) -> list[FloatArray | None]:
    """Return the same of several pictures, each by its pose and camera: five take little more than one."""
    if not taken:
        return []
    hits = first_hits(join([_rays(pose, camera, _EDGE) for pose, camera in taken]), terrain, max_range_m)
    edges = np.stack([hits.lon_deg, hits.lat_deg, hits.reason_code == 0], axis=1).reshape(len(taken), -1, 3)
    rings: list[FloatArray | None] = []
    for (pose, camera), edge in zip(taken, edges, strict=True):
        at = np.zeros((*_EDGE.shape, 3))
        at[_EDGE] = edge
        if not edge[:, 2].all():  # of sky, or of ground that is not known: what of the picture there is of it
            whole = first_hits(_rays(pose, camera, np.ones_like(_EDGE)), terrain, max_range_m)
            at = np.stack([whole.lon_deg, whole.lat_deg, whole.reason_code == 0], axis=1).reshape(at.shape)
        rings.append(_ring(at[..., :2], at[..., 2] > 0.0))
    return rings


def _rays(pose: Pose, camera: CameraModel, asked: NDArray[np.bool_]) -> Rays:
    """Return the rays of some pixels of a grid over a picture."""
    rows, columns = asked.shape
    u, v = np.meshgrid(np.linspace(0.0, camera.width_px, columns), np.linspace(0.0, camera.height_px, rows))
    return cast(Poses.of(pose), pixel_directions(camera, np.column_stack([u[asked], v[asked]])))


def _ring(lon_lat: FloatArray, placed: NDArray[np.bool_]) -> FloatArray | None:
    """Return the outline of the pixels of a grid that have a place, once around and back to its beginning."""
    if not placed.any():
        return None
    outline = np.array([lon_lat[place] for place in _outline(placed)])
    outline[:, 0] = outline[0, 0] + (outline[:, 0] - outline[0, 0] + 180.0) % 360.0 - 180.0
    return np.vstack([outline, outline[:1]]) if len(outline) >= 3 else None


def _outline(placed: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Walk the edge of the placed part of a pixel grid: along the top, down the right, back, and up the left."""
    columns = [c for c in range(placed.shape[1]) if placed[:, c].any()]
    tops = [(int(np.argmax(placed[:, c])), c) for c in columns]
    bottoms = [(placed.shape[0] - 1 - int(np.argmax(placed[::-1, c])), c) for c in columns]
    right = [(r, columns[-1]) for r in range(tops[-1][0] + _STEP, bottoms[-1][0], _STEP) if placed[r, columns[-1]]]
    left = [(r, columns[0]) for r in range(tops[0][0] + _STEP, bottoms[0][0], _STEP) if placed[r, columns[0]]]
    walk = [*tops, *right, *bottoms[::-1], *left[::-1]]
    return [place for index, place in enumerate(walk) if index == 0 or place != walk[index - 1]]
