"""Pixels to rays and back: pinhole with Brown-Conrady distortion.

D. C. Brown, Decentering distortion of lenses, Photogrammetric Engineering 32
(1966); coefficient order and signs as in OpenCV's calib3d.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from geo.values import CameraModel, FloatArray

_NEWTON_STEPS: Final = 12
_CONVERGED: Final = 1e-10


def is_distorted(camera: CameraModel) -> bool:
    """Return whether any distortion coefficient is not zero."""
    return any((camera.k1, camera.k2, camera.k3, camera.p1, camera.p2))


def distort(camera: CameraModel, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move ideal normalised image points (x right, y down, depth 1) to where the lens puts them."""
    r2 = x * x + y * y
    radial = 1.0 + r2 * (camera.k1 + r2 * (camera.k2 + r2 * camera.k3))
    return (
        x * radial + 2.0 * camera.p1 * x * y + camera.p2 * (r2 + 2.0 * x * x),
        y * radial + camera.p1 * (r2 + 2.0 * y * y) + 2.0 * camera.p2 * x * y,
    )


def _distortion_jacobian(
    camera: CameraModel, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return d(xd)/dx, d(xd)/dy = d(yd)/dx, and d(yd)/dy."""
    r2 = x * x + y * y
    radial = 1.0 + r2 * (camera.k1 + r2 * (camera.k2 + r2 * camera.k3))
    slope = 2.0 * (camera.k1 + r2 * (2.0 * camera.k2 + 3.0 * r2 * camera.k3))
    xx = radial + slope * x * x + 2.0 * camera.p1 * y + 6.0 * camera.p2 * x
    xy = slope * x * y + 2.0 * camera.p1 * x + 2.0 * camera.p2 * y
    yy = radial + slope * y * y + 6.0 * camera.p1 * y + 2.0 * camera.p2 * x
    return xx, xy, yy


def undistort(camera: CameraModel, xd: FloatArray, yd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Undo `distort` by Newton's method; NaN where the lens model folds back and has no inverse."""
    x, y = xd.copy(), yd.copy()
    if not is_distorted(camera):
        return x, y
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(_NEWTON_STEPS):
            at_x, at_y = distort(camera, x, y)
            error_x, error_y = at_x - xd, at_y - yd
            xx, xy, yy = _distortion_jacobian(camera, x, y)
            determinant = xx * yy - xy * xy
            x -= (yy * error_x - xy * error_y) / determinant
            y -= (xx * error_y - xy * error_x) / determinant
            if not np.any(np.abs(error_x) + np.abs(error_y) > _CONVERGED):
                break
        at_x, at_y = distort(camera, x, y)
        xx, xy, yy = _distortion_jacobian(camera, x, y)
        good = (np.abs(at_x - xd) + np.abs(at_y - yd) < 1e-8) & (xx * yy - xy * xy > 0.0) & (xx + yy > 0.0)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def pixels_to_normalised(camera: CameraModel, u_px: FloatArray, v_px: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ideal normalised image points (ray = 1 forward, x right, y down) of pixels."""
    return undistort(camera, (u_px - camera.cx_px) / camera.fx_px, (v_px - camera.cy_px) / camera.fy_px)


def normalised_to_pixels(camera: CameraModel, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return pixels, shape (..., 2), of ideal normalised image points; NaN where the lens folds back."""
    xd, yd = distort(camera, x, y)
    if is_distorted(camera):
        xx, xy, yy = _distortion_jacobian(camera, x, y)
        folded = (xx * yy - xy * xy <= 0.0) | (xx + yy <= 0.0)
        xd, yd = np.where(folded, np.nan, xd), np.where(folded, np.nan, yd)
    return np.stack([xd * camera.fx_px + camera.cx_px, yd * camera.fy_px + camera.cy_px], axis=-1)


def hfov_deg(camera: CameraModel) -> float:
    """Return the horizontal field of view of the undistorted camera, in degrees."""
    left, right = camera.cx_px / camera.fx_px, (camera.width_px - camera.cx_px) / camera.fx_px
    return float(np.degrees(np.arctan(left) + np.arctan(right)))
