"""The local metric plane a patrol is planned in, and how far its metres may be wrong."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

MEAN_RADIUS_M: Final = 6_371_008.8
"""Mean Earth radius R1 (IUGG, GRS 80)."""

DRAWN_EDGE_M: Final = 0.2
"""How far a plane chord may lie beside the edge somebody drew; the planner keeps half a metre in hand for it."""


def cut_edges(lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Insert points into edges that are straight in degrees but would bend in a plane, antimeridian included.

    An edge of length s along a parallel at latitude p leaves its chord by s^2 tan(p) / (8 R), the
    sagitta of a circle of radius R / tan(p).
    """
    d_lat = np.diff(lat_deg)
    d_lon = (np.diff(lon_deg) + 180.0) % 360.0 - 180.0
    steep = np.radians(np.minimum(np.maximum(np.abs(lat_deg[:-1]), np.abs(lat_deg[1:])), 89.0))
    flat = np.radians(np.minimum(np.abs(lat_deg[:-1]), np.abs(lat_deg[1:])))
    length = MEAN_RADIUS_M * np.hypot(np.radians(d_lat), np.radians(d_lon) * np.cos(flat))
    sagitta = length**2 * np.tan(steep) / (8.0 * MEAN_RADIUS_M)
    pieces = np.nan_to_num(np.ceil(np.sqrt(sagitta / DRAWN_EDGE_M)), nan=1.0)
    pieces = np.clip(pieces, 1.0, 10_000.0).astype(np.int64)
    if (pieces == 1).all():
        return lat_deg, lon_deg
    edge = np.repeat(np.arange(len(pieces)), pieces)
    share = (np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[edge]
    lat = np.append(lat_deg[edge] + share * d_lat[edge], lat_deg[-1])
    lon = np.append(lon_deg[edge] + share * d_lon[edge], lon_deg[-1])
    return lat, (lon + 180.0) % 360.0 - 180.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LocalFrame:
    """Azimuthal equidistant plane on WGS 84 about one point; east and north in metres.

    Distances from the centre are true. Across them the plane is stretched by
    ``c / sin c`` at angular distance c (Snyder 1987, eq. 25-2 with h' = 1), so a
    true distance is never shown shorter than it is; `stretch` bounds by how much longer.
    The plane has no seam at the antimeridian and works at the poles.
    """

    lat_deg: float
    lon_deg: float
    forward: pyproj.Transformer
    inverse: pyproj.Transformer

    @classmethod
    def about(cls, lat_deg: FloatArray, lon_deg: FloatArray) -> LocalFrame:
        """Centre a plane on the middle of a cloud of points, wherever on Earth it lies."""
        lat, lon = np.radians(lat_deg), np.radians(lon_deg)
        xyz = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        x, y, z = (xyz.min(axis=1) + xyz.max(axis=1)) / 2.0
        lat0 = round(float(np.degrees(np.arctan2(z, np.hypot(x, y)))), 6)
        lon0 = round(float(np.degrees(np.arctan2(y, x))), 6)
        plane = f"+proj=aeqd +lat_0={lat0} +lon_0={lon0} +ellps=WGS84"
        radians, degrees = "+proj=unitconvert +xy_in=deg +xy_out=rad", "+proj=unitconvert +xy_in=rad +xy_out=deg"
        return cls(
            lat_deg=lat0,
            lon_deg=lon0,
            # pipelines, because looking up the way between two reference systems takes 40 times as long as this
            forward=pyproj.Transformer.from_pipeline(f"+proj=pipeline +step {radians} +step {plane}"),
            inverse=pyproj.Transformer.from_pipeline(f"+proj=pipeline +step +inv {plane} +step {degrees}"),
        )

    def to_plane(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return (n, 2) east, north in metres."""
        east, north = self.forward.transform(np.asarray(lon_deg, dtype=float), np.asarray(lat_deg, dtype=float))
        return np.stack([np.asarray(east), np.asarray(north)], axis=-1)

    def line_to_plane(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return (m, 2) east, north of a drawn line whose edges are straight in longitude and latitude.

        That is what RFC 7946 section 3.1.1 and every map mean by an edge. A long one is cut until
        a straight piece of the plane lies within `DRAWN_EDGE_M` of it.
        """
        lat, lon = cut_edges(np.asarray(lat_deg, dtype=float), np.asarray(lon_deg, dtype=float))
        return self.to_plane(lat, lon)

    def to_degrees(self, east_north_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return latitudes and longitudes, rounded to the 1e-7 degree a mission item holds."""
        lon, lat = self.inverse.transform(east_north_m[..., 0], east_north_m[..., 1])
        return np.round(np.asarray(lat), 7), np.round(np.asarray(lon), 7)

    def stretch(self, radius_m: float) -> float:
        """Return how many plane metres a true metre may become within `radius_m` of the centre."""
        c = min(radius_m / MEAN_RADIUS_M, 3.0)
        return float(c / np.sin(c)) if c > 0.0 else 1.0
