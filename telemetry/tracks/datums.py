"""Heights over mean sea level and over the ellipsoid: one place where the two are exchanged.

Flight logs state heights over mean sea level (the receiver's geoid, EGM96 in
practice). ``height_hae = height_amsl + undulation`` (NGA TR8350.2, section 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from geo.geoid import undulation_m as egm96_undulation_m

if TYPE_CHECKING:
    from geo.values import FloatArray


class Undulation(Protocol):
    """Height of a geoid over the WGS 84 ellipsoid, metres, NaN where unknown."""

    def __call__(self, lat_deg: FloatArray, lon_deg: FloatArray, /) -> FloatArray:
        """Return the undulation at each point."""
        ...


def egm96(lat_deg: FloatArray, lon_deg: FloatArray, /) -> FloatArray:
    """Return the bundled EGM96 undulation in metres; NaN at points that are not on the globe."""
    result = np.full(np.shape(lat_deg), np.nan)
    with np.errstate(invalid="ignore"):
        sane = (np.abs(lat_deg) <= 90.0) & (np.abs(lon_deg) <= 360.0)
    if np.any(sane):
        result[sane] = egm96_undulation_m(np.asarray(lat_deg)[sane], np.asarray(lon_deg)[sane])
    return result
