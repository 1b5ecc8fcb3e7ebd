"""Level ground for places without a height model: asked for by name, never assumed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.geoid import undulation_m

if TYPE_CHECKING:
    from geo.values import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeaLevelPlane:
    """Ground at one height above mean sea level (EGM96) everywhere."""

    alt_amsl_m: float

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
