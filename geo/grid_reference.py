"""Military Grid Reference System: a position as one short word, to the metre (NGA.STND.0037)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgrs import MGRS


def mgrs_of(lat_deg: float, lon_deg: float) -> str:
    """Return the one-metre MGRS reference of a point on WGS 84; polar zones included."""
    return str(_converter().toMGRS(lat_deg, lon_deg))


@functools.cache
def _converter() -> MGRS:
    from mgrs import MGRS

    return MGRS()
