"""Pixels to rays in Earth-centred space, refraction-free, as structure-of-arrays."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.camera import pixels_to_normalised
from geo.geodesy import geodetic_to_ecef, metres_per_degree, ned_to_ecef_matrix
from geo.rotation import camera_to_ned
from geo.values import REASONS, Unplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.values import CameraModel, FloatArray, Poses

_NO_POSE: Final = REASONS.index(Unplaced.NO_POSE)
_OUTSIDE_LENS: Final = REASONS.index(Unplaced.OUTSIDE_LENS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rays:
    """Straight lines from cameras: columns are rays.

    `origin_m` is ECEF, shape (3, 1) or (3, n); `lat_deg`, `lon_deg` and `alt_hae_m` say the
    same place, shape (1,) or (n,). `ned` and `ecef` are unit directions, shape (3, n).
    """

    origin_m: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    ned: FloatArray
    ecef: FloatArray
    reason_code: NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.ned.shape[1])

    def part(self, rows: slice | NDArray[np.intp]) -> Rays:
        """Return some of the rays."""
        own = slice(None) if self.origin_m.shape[1] == 1 else rows
        return Rays(
            origin_m=self.origin_m[:, own],
            lat_deg=self.lat_deg[own],
            lon_deg=self.lon_deg[own],
            alt_hae_m=self.alt_hae_m[own],
            ned=self.ned[:, rows],
            ecef=self.ecef[:, rows],
            reason_code=self.reason_code[rows],
        )


def join(bundles: Sequence[Rays]) -> Rays:
    """Return several equally long bundles of rays as one, in order."""
    count = len(bundles[0])
    return Rays(
        origin_m=np.hstack([np.broadcast_to(rays.origin_m, (3, count)) for rays in bundles]),
        lat_deg=np.concatenate([np.broadcast_to(rays.lat_deg, count) for rays in bundles]),
        lon_deg=np.concatenate([np.broadcast_to(rays.lon_deg, count) for rays in bundles]),
        alt_hae_m=np.concatenate([np.broadcast_to(rays.alt_hae_m, count) for rays in bundles]),
        ned=np.hstack([rays.ned for rays in bundles]),
        ecef=np.hstack([rays.ecef for rays in bundles]),
        reason_code=np.concatenate([rays.reason_code for rays in bundles]),
    )


def pixel_directions(camera: CameraModel, uv_px: FloatArray) -> FloatArray:
    """Return unit rays in camera axes (forward, right, down), shape (3, n); NaN outside the lens model."""
    x, y = pixels_to_normalised(
        camera, np.ascontiguousarray(uv_px[:, 0], dtype=np.float64), np.ascontiguousarray(uv_px[:, 1], dtype=np.float64)
    )
    inverse_norm = 1.0 / np.sqrt(1.0 + x * x + y * y)
    return np.stack([inverse_norm, x * inverse_norm, y * inverse_norm])


def turn(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Turn vectors of shape (3, n) by one matrix (1, 3, 3) or by n of them (n, 3, 3)."""
    if matrices.shape[0] == 1:
        return np.asarray(matrices[0] @ vectors)
    return np.asarray(np.einsum("nij,jn->in", matrices, vectors))


def aim(rays: Rays, *, ned: FloatArray | None = None, shift_ned_m: FloatArray | None = None) -> Rays:
    """Return the same rays with other directions (3, n), or with their cameras moved by metres north, east, down."""
    lat, lon, alt = rays.lat_deg, rays.lon_deg, rays.alt_hae_m
    if shift_ned_m is not None:
        per_lat, per_lon = metres_per_degree(lat)
        lat, lon = lat + shift_ned_m[0] / per_lat, lon + shift_ned_m[1] / np.maximum(per_lon, 1.0)
        alt = alt - shift_ned_m[2]
    directions = rays.ned if ned is None else ned
    return Rays(
        origin_m=np.ascontiguousarray(geodetic_to_ecef(lat, lon, alt).T),
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=alt,
        ned=directions,
        ecef=turn(ned_to_ecef_matrix(lat, lon), directions),
        reason_code=rays.reason_code,
    )


def towards(poses: Poses, points_m: FloatArray) -> tuple[Rays, FloatArray]:
    """Return rays from one pose or n to ECEF points (n, 3), whatever the camera's attitude, and their distances (m)."""
    origin = np.ascontiguousarray(geodetic_to_ecef(poses.lat_deg, poses.lon_deg, poses.alt_hae_m).T)
    offset = points_m.T - origin
    distance = np.sqrt(np.sum(offset * offset, axis=0))
    ecef = offset / np.maximum(distance, 1e-9)
    rays = Rays(
        origin_m=origin,
        lat_deg=poses.lat_deg,
        lon_deg=poses.lon_deg,
        alt_hae_m=poses.alt_hae_m,
        ned=turn(np.swapaxes(ned_to_ecef_matrix(poses.lat_deg, poses.lon_deg), -1, -2), ecef),
        ecef=ecef,
        reason_code=np.where(np.isnan(distance), _NO_POSE, 0).astype(np.int8),
    )
    return rays, distance


def cast(poses: Poses, camera_directions: FloatArray) -> Rays:
    """Send camera-axes directions of shape (3, n) out from one pose or from n poses."""
    ned = turn(camera_to_ned(poses), camera_directions)
    origin = np.ascontiguousarray(geodetic_to_ecef(poses.lat_deg, poses.lon_deg, poses.alt_hae_m).T)
    reason = np.where(np.isnan(ned[0] + origin[0]), _NO_POSE, 0)
    return Rays(
        origin_m=origin,
        lat_deg=poses.lat_deg,
        lon_deg=poses.lon_deg,
        alt_hae_m=poses.alt_hae_m,
        ned=ned,
        ecef=turn(ned_to_ecef_matrix(poses.lat_deg, poses.lon_deg), ned),
        reason_code=np.where(np.isnan(camera_directions[0]), _OUTSIDE_LENS, reason).astype(np.int8),
    )
