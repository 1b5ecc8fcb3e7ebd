"""What a camera held across the track sees of flat ground: how near, how far, and how fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from missions.briefs.camera import GRAZING_DEG

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.briefs.camera import Camera

    FloatArray = NDArray[np.float64]
    Numbers = FloatArray | float


def edges_deg(camera: Camera, depression_deg: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return how far below the horizon the lower and the upper edge of the picture look, never grazing."""
    half = camera.full_vfov_deg / 2.0
    depression = np.asarray(depression_deg, dtype=np.float64)
    return np.minimum(depression + half, 179.0), np.maximum(depression - half, GRAZING_DEG)


def near_far_m(camera: Camera, depression_deg: Numbers, alt_agl_m: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return the nearest and farthest ground seen beside the track; nearest is negative where it is behind."""
    steep, shallow = edges_deg(camera, depression_deg)
    return np.asarray(alt_agl_m / np.tan(np.radians(steep))), np.asarray(alt_agl_m / np.tan(np.radians(shallow)))


def pixels_m(camera: Camera, depression_deg: Numbers, alt_agl_m: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return the ground across the line of sight one pixel covers at the near and the far edge, metres.

    Depth along the optical axis over focal length: a ray that leaves the axis by an angle a has a depth
    of slant range times cos a.
    """
    near, far = (
        np.asarray(alt_agl_m / np.sin(np.radians(below)) * np.cos(np.radians(below - depression_deg)) / camera.focal_px)
        for below in edges_deg(camera, depression_deg)
    )
    return near, far
