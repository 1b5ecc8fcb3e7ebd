"""WGS 84: geodetic, Earth-centred (ECEF) and local east-north-up coordinates, and geodesics.

Every function broadcasts its arguments. Constants: NIMA TR8350.2, table 3.1.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pyproj import Geod

    from geo.values import FloatArray, Geodetic

SEMI_MAJOR_M: Final = 6_378_137.0
FLATTENING: Final = 1.0 / 298.257_223_563
SEMI_MINOR_M: Final = SEMI_MAJOR_M * (1.0 - FLATTENING)
ECC2: Final = FLATTENING * (2.0 - FLATTENING)
"""First eccentricity squared."""
_ECC2_SECOND: Final = ECC2 / (1.0 - ECC2)


def wrap_longitude_deg(lon_deg: ArrayLike) -> FloatArray:
    """Bring longitudes into [-180, 180)."""
    return (np.asarray(lon_deg, dtype=np.float64) + 180.0) % 360.0 - 180.0


def geodetic_to_ecef(lat_deg: ArrayLike, lon_deg: ArrayLike, alt_hae_m: ArrayLike) -> FloatArray:
    """Convert geodetic degrees and ellipsoid heights to ECEF metres, shape (..., 3)."""
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    alt_m = np.asarray(alt_hae_m, dtype=np.float64)
    sin_lat, cos_lat = np.sin(lat), np.cos(lat)
    prime_vertical = SEMI_MAJOR_M / np.sqrt(1.0 - ECC2 * sin_lat**2)
    axial = (prime_vertical + alt_m) * cos_lat
    x, y, z = axial * np.cos(lon), axial * np.sin(lon), (prime_vertical * (1.0 - ECC2) + alt_m) * sin_lat
    xyz_m = np.empty((*np.shape(x), 3))
    xyz_m[..., 0], xyz_m[..., 1], xyz_m[..., 2] = x, y, z
    return xyz_m


def ecef_to_geodetic(xyz_m: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convert ECEF metres of shape (..., 3) to latitude, longitude (degrees) and ellipsoid height (m).

    Two passes of Bowring's formula (B. R. Bowring, Survey Review 28, 1985):
    below 1e-9 degrees and 1e-6 m from 10 km under the ellipsoid to orbit.
    """
    xyz = np.asarray(xyz_m, dtype=np.float64)
    lat, lon, alt = ecef_components_to_geodetic(xyz[..., 0], xyz[..., 1], xyz[..., 2])
    return np.degrees(lat), np.degrees(lon), alt


def ecef_components_to_geodetic(
    x_m: FloatArray, y_m: FloatArray, z_m: FloatArray, *, passes: int = 2
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convert separate ECEF columns to latitude, longitude (radians) and ellipsoid height (m).

    One pass is good to 2e-11 degrees from the deepest sea to orbit; heights are good to 1e-8 m either way.
    """
    axial = np.sqrt(x_m * x_m + y_m * y_m)
    correction = 1.0 + _ECC2_SECOND * SEMI_MINOR_M / np.sqrt(axial * axial + z_m * z_m)
    reduced_y = z_m * (1.0 - FLATTENING) * correction
    reduced_x = axial
    for _ in range(passes):
        norm = 1.0 / np.sqrt(reduced_x * reduced_x + reduced_y * reduced_y)
        sin_reduced, cos_reduced = reduced_y * norm, reduced_x * norm
        tan_y = z_m + _ECC2_SECOND * SEMI_MINOR_M * (sin_reduced * sin_reduced * sin_reduced)
        tan_x = axial - ECC2 * SEMI_MAJOR_M * (cos_reduced * cos_reduced * cos_reduced)
        reduced_y, reduced_x = (1.0 - FLATTENING) * tan_y, tan_x
    norm = 1.0 / np.sqrt(tan_x * tan_x + tan_y * tan_y)
    sin_lat, cos_lat = tan_y * norm, tan_x * norm
    alt = axial * cos_lat + z_m * sin_lat - SEMI_MAJOR_M * np.sqrt(1.0 - ECC2 * sin_lat * sin_lat)
    return np.arctan2(tan_y, tan_x), np.arctan2(y_m, x_m), alt


def enu_to_ecef_matrix(lat_deg: ArrayLike, lon_deg: ArrayLike) -> FloatArray:
    """Return the rotation from east-north-up to ECEF, shape (..., 3, 3)."""
    lat, lon = np.broadcast_arrays(np.radians(lat_deg), np.radians(lon_deg))
    sin_lat, cos_lat, sin_lon, cos_lon = np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon)
    matrix = np.zeros((*np.shape(sin_lat), 3, 3))
    matrix[..., 0, 0], matrix[..., 1, 0] = -sin_lon, cos_lon
    matrix[..., 0, 1], matrix[..., 1, 1], matrix[..., 2, 1] = -sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat
    matrix[..., 0, 2], matrix[..., 1, 2], matrix[..., 2, 2] = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat
    return matrix


def ned_to_ecef_matrix(lat_deg: ArrayLike, lon_deg: ArrayLike) -> FloatArray:
    """Return the rotation from north-east-down to ECEF, shape (..., 3, 3)."""
    enu = enu_to_ecef_matrix(lat_deg, lon_deg)
    return np.stack([enu[..., 1], enu[..., 0], -enu[..., 2]], axis=-1)


def geodetic_to_enu(lat_deg: ArrayLike, lon_deg: ArrayLike, alt_hae_m: ArrayLike, origin: Geodetic) -> FloatArray:
    """Convert geodetic points to east-north-up metres about `origin`, shape (..., 3)."""
    centre = geodetic_to_ecef(origin.lat_deg, origin.lon_deg, origin.alt_hae_m)
    offset = geodetic_to_ecef(lat_deg, lon_deg, alt_hae_m) - centre
    return np.asarray(offset @ enu_to_ecef_matrix(origin.lat_deg, origin.lon_deg))


def enu_to_geodetic(enu_m: ArrayLike, origin: Geodetic) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convert east-north-up metres of shape (..., 3) about `origin` to degrees and ellipsoid heights."""
    centre = geodetic_to_ecef(origin.lat_deg, origin.lon_deg, origin.alt_hae_m)
    return ecef_to_geodetic(np.asarray(enu_m) @ enu_to_ecef_matrix(origin.lat_deg, origin.lon_deg).T + centre)


def inverse(
    lat1_deg: ArrayLike, lon1_deg: ArrayLike, lat2_deg: ArrayLike, lon2_deg: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return geodesic distance (m) and starting azimuth (degrees, 0 to 360) from point 1 to point 2.

    C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87 (2013), through pyproj.
    """
    lat1, lon1, lat2, lon2 = _columns(lat1_deg, lon1_deg, lat2_deg, lon2_deg)
    azimuth, _, distance = _geod().inv(lon1.ravel(), lat1.ravel(), lon2.ravel(), lat2.ravel())
    return np.reshape(distance, lat1.shape), np.reshape(azimuth, lat1.shape) % 360.0


def forward(
    lat_deg: ArrayLike, lon_deg: ArrayLike, azimuth_deg: ArrayLike, distance_m: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return latitude and longitude (degrees) at a geodesic distance (m) and azimuth from a point (Karney 2013)."""
    lat, lon, azimuth, distance = _columns(lat_deg, lon_deg, azimuth_deg, distance_m)
    lon2, lat2, _ = _geod().fwd(lon.ravel(), lat.ravel(), azimuth.ravel(), distance.ravel())
    return np.reshape(lat2, lat.shape), np.reshape(lon2, lat.shape)


def metres_per_degree(lat_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return metres in a degree of latitude and of longitude on the ellipsoid at `lat_deg`."""
    lat = np.radians(lat_deg)
    root = np.sqrt(1.0 - ECC2 * np.sin(lat) ** 2)
    per_lat = np.radians(SEMI_MAJOR_M * (1.0 - ECC2) / root**3)
    per_lon = np.radians(SEMI_MAJOR_M * np.cos(lat) / root)
    return np.asarray(per_lat), np.asarray(per_lon)


def _columns(*values: ArrayLike) -> list[NDArray[np.float64]]:
    return [
        np.array(column, order="C")
        for column in np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
    ]


@functools.cache
def _geod() -> Geod:
    from pyproj import Geod

    return Geod(a=SEMI_MAJOR_M, f=FLATTENING)
