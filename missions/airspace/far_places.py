"""Places so far from the launch sites that they cannot be meant: another country, or degrees the wrong way round."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import InputError
from geo.geodesy import inverse
from missions.airspace.situation import MAX_DEPTH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.briefs.brief import Brief

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FarPlace:
    """The farthest of some places, by number, and what is to be said of it."""

    number: int
    away_m: float
    text: str


def far_place(brief: Brief, lat_deg: FloatArray, lon_deg: FloatArray) -> FarPlace | None:
    """Return the place farthest from the launch sites, where it is farther than own side is ever worked out."""
    away = _away_m(brief, lat_deg, lon_deg)
    if not np.isfinite(away).any() or float(np.nanmax(away)) <= MAX_DEPTH_M:
        return None
    k = int(np.nanargmax(away))
    lat, lon = float(lat_deg[k]), float(lon_deg[k])
    turned = abs(lon) <= 90.0 and float(_away_m(brief, np.array([lon]), np.array([lat]))[0]) <= MAX_DEPTH_M
    meant = "; latitude and longitude are swapped" if turned else "; is it the right place, and the right brief?"
    text = f"{lat:.5f}, {lon:.5f} lies {away[k] / 1000.0:.0f} km from every launch site of the brief{meant}"
    return FarPlace(number=k, away_m=float(away[k]), text=text)


def refuse_far_places(brief: Brief, lat_deg: FloatArray, lon_deg: FloatArray, what: str) -> None:
    """Refuse, as an `InputError`, places that cannot be meant."""
    far = far_place(brief, lat_deg, lon_deg)
    if far is not None:
        raise InputError(f"{what} {far.text}", measured=far.away_m, limit=MAX_DEPTH_M)


def _away_m(brief: Brief, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
    same = np.ones(len(lat_deg))
    each = [inverse(site.lat_deg * same, site.lon_deg * same, lat_deg, lon_deg)[0] for site in brief.launch]
    return np.asarray(np.min(each, axis=0))
