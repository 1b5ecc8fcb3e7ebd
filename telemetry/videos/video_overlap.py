"""Frames that show new ground: a hovering drone does not give a thousand equal pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.locate import project
from geo.march import first_hits
from geo.rays import cast, pixel_directions
from geo.values import CameraModel, Poses

if TYPE_CHECKING:
    from geo.march import Hits
    from geo.values import FloatArray, Pose, Terrain
    from telemetry.videos.frame import Frame

GRID: Final = 7
"""Points a side that stand for a picture's ground; 49 of them tell overlap to about 2 %."""

MAX_RANGE_M: Final = 20_000.0
"""Ground further away than this is too small in the picture to count."""


class OverlapFilter:
    """Lets a frame through when enough of its ground, or of the last one's, is not on both.

    Parameters
    ----------
    terrain
        Ground heights.
    max_overlap
        Largest share of common ground between frames let through, 0 to 1.
    """

    def __init__(self, terrain: Terrain, max_overlap: float) -> None:
        self._terrain = terrain
        self._max_overlap = max_overlap
        self._last: tuple[Pose, CameraModel, Hits] | None = None

    def wants(self, frame: Frame) -> bool:
        """Tell whether a frame shows enough new ground; frames that cannot be placed always pass."""
        if frame.pose is None or frame.pose.hfov_deg is None:
            return True
        height, width = frame.image.shape[:2]
        camera = CameraModel.from_fov(
            hfov_deg=frame.pose.hfov_deg, vfov_deg=frame.pose.vfov_deg, width_px=width, height_px=height
        )
        rays = cast(Poses.of(frame.pose), pixel_directions(camera, _grid(camera)))
        ground = first_hits(rays, self._terrain, MAX_RANGE_M)
        if not np.isfinite(ground.lat_deg).any():
            return True
        if self._last is not None:
            pose, lens, before = self._last
            common = min(_share_seen(before, frame.pose, camera), _share_seen(ground, pose, lens))
            if common > self._max_overlap:
                return False
        self._last = (frame.pose, camera, ground)
        return True


def _grid(camera: CameraModel) -> FloatArray:
    across = (np.arange(GRID) + 0.5) / GRID
    u, v = np.meshgrid(across * camera.width_px, across * camera.height_px)
    return np.stack([u.ravel(), v.ravel()], axis=1)


def _share_seen(ground: Hits, pose: Pose, camera: CameraModel) -> float:
    """Return the share of placed ground points that lie inside a picture."""
    placed = np.isfinite(ground.lat_deg)
    seen = project(
        poses=pose,
        camera=camera,
        lat_deg=ground.lat_deg[placed],
        lon_deg=ground.lon_deg[placed],
        alt_hae_m=ground.alt_hae_m[placed],
    )
    with np.errstate(invalid="ignore"):
        inside = (seen >= 0.0) & (seen <= np.array([camera.width_px, camera.height_px]))
    return float(np.mean(inside.all(axis=1)))
