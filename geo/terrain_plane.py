"""Level ground for places without a height model: asked for by name, never assumed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from geo.geoid import undulation_m

if TYPE_CHECKING:
    from geo.values import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeaLevelPlane:
    """Ground at one height above mean sea level (EGM96) everywhere."""

    max_slope: ClassVar[float] = 1e-3
    """No geoid slope is as steep (deflections of the vertical stay under 120 arc seconds)."""

    alt_amsl_m: float

    @property
    def lowest_m(self) -> float:
        """The plane's height where the geoid lies lowest (EGM96: -107 m), above the ellipsoid."""
        return self.alt_amsl_m - 107.0

    @property
    def highest_m(self) -> float:
        """The plane's height where the geoid lies highest (EGM96: +85.4 m), above the ellipsoid."""
        return self.alt_amsl_m + 85.4

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the plane's height above the ellipsoid, NaN where a coordinate is NaN."""
        known = np.isfinite(lat_deg) & np.isfinite(lon_deg)
        undulation = undulation_m(np.where(known, lat_deg, 0.0), np.where(known, lon_deg, 0.0))
        return np.where(known, self.alt_amsl_m + undulation, np.nan)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnknownGround:
    """No ground model at all: every ray ends with the reason "no terrain"."""

    def height_hae_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return NaN for each point."""
        return np.full(np.broadcast(lat_deg, lon_deg).shape, np.nan)
