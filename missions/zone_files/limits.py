"""Lower and upper limits of published airspace: what is written, and between which heights that lies at most.

A limit counts from the ground, the sea, the ellipsoid or a pressure. Where what it counts from depends on the day or is
not said, the layer taken is the largest it can mean, and a sentence says so.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geoid import hae_to_amsl_m
from geo.vertical import FOOT_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LEVEL_M: Final = 100.0 * FOOT_M
"""One flight level is 100 ft of pressure altitude (ICAO Annex 2, 1)."""
MOST_M: Final = 20_000.0
"""Above this nothing planned here flies: a higher ceiling is none."""
LOWEST_AMSL_M: Final = -500.0
_STANDARD_HPA: Final = 1013.25
_LEAST_HPA: Final = 870.0
"""Lowest and highest pressure at sea level ever measured (WMO World Weather and Climate Extremes Archive)."""
_MOST_HPA: Final = 1083.8
_ISA_M: Final = 44_330.8
_ISA_EXPONENT: Final = 0.190263
"""Pressure altitude in the lower atmosphere (ICAO Doc 7488, 2.3)."""
_COLDEST: Final = 0.74
_WARMEST: Final = 1.1215
"""Air columns at -60 and 50 degrees C at the ground against the 15 degrees of the standard atmosphere."""


_UNITS_M: Final = {
    **dict.fromkeys(("M", "MT", "MTR", "METER", "METERS", "METRE", "METRES"), 1.0),
    **dict.fromkeys(("F", "FT", "FEET", "FOOT"), FOOT_M),
    "FL": LEVEL_M,
}
_NO_REFERENCE: Final = "its limits name no reference; the lowest floor and highest ceiling they can mean are taken"


class Reference(enum.StrEnum):
    """What a height counts from."""

    AGL = "above the ground"
    AMSL = "above mean sea level"
    HAE = "above the WGS 84 ellipsoid"
    FL = "of pressure altitude"
    UNKNOWN = "above nothing the file names"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A height and what it counts from."""

    value_m: float
    reference: Reference


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The heights a zone holds at most. Of two floors the lower counts, of two ceilings the higher; None is none."""

    floor_amsl_m: float | None = None
    floor_agl_m: float | None = None
    ceiling_amsl_m: float | None = None
    ceiling_agl_m: float | None = None
    remarks: tuple[str, ...] = ()


_REFERENCES: Final = {
    **dict.fromkeys(("AGL", "GND", "SFC", "ASFC", "AGND", "SURFACE", "GROUND"), Reference.AGL),
    **dict.fromkeys(("AMSL", "MSL", "ALT", "QNH", "ASL", "EGM96"), Reference.AMSL),
    **dict.fromkeys(("HAE", "WGS84", "WGS-84", "W84", "HEI"), Reference.HAE),
    **dict.fromkeys(("STD", "FL", "QNE"), Reference.FL),
}
_GROUND: Final = frozenset(("GND", "SFC", "SURFACE", "GROUND"))
_OPEN: Final = re.compile(r"^(UNL(IM(ITED)?|TD)?|UNLIMITED|NOLIMIT|INFINITY)$")
_LEVEL: Final = re.compile(r"^FL\s*(\d{1,4}(?:\.\d+)?)$")
_HEIGHT: Final = re.compile(
    r"^([-+]?\d{1,9}(?:\.\d{1,9})?)\s*(FT|FEET|METERS?|METRES?|MTR|[FM](?![A-Z])|[FM](?=AGL|A?MSL|GND|A?SFC))?"
    r"\s*([A-Z][A-Z0-9-]*)?$"
)


def reference_of(text: object) -> Reference:
    """Return what a word says heights count from; UNKNOWN for every other."""
    return _REFERENCES.get(str(text or "").strip().upper(), Reference.UNKNOWN)


def metres_of(word: object) -> float:
    """Return how many metres the unit a word names has; a flight level's is one of pressure altitude.

    Raises
    ------
    ValueError
        For a word that names none.
    """
    plain = str(word).strip().upper()
    if plain not in _UNITS_M:
        raise ValueError(f"the unit {' '.join(str(word).split())[:20]!r} is not understood; m and ft are")
    return _UNITS_M[plain]


def parse_limit(text: str, *, otherwise: Reference = Reference.UNKNOWN, unit_m: float = FOOT_M) -> Limit | None:
    """Read a limit as charts write it: ``GND``, ``500 ft AGL``, ``2500MSL``, ``300 m``, ``FL95``, ``UNL``.

    Parameters
    ----------
    otherwise, unit_m
        What it counts from, and what one unit is in metres, where it does not say.

    Returns
    -------
    Limit or None
        None for no limit.

    Raises
    ------
    ValueError
        For text that is no height.
    """
    plain = " ".join(text.upper().split())
    if _OPEN.match(plain):
        return None
    if plain in _GROUND:
        return Limit(value_m=0.0, reference=Reference.AGL)
    level = _LEVEL.match(plain)
    if level:
        return Limit(value_m=float(level.group(1)) * LEVEL_M, reference=Reference.FL)
    found = _HEIGHT.match(plain)
    if not found or (found.group(3) not in _REFERENCES and re.search(r"\d", found.group(3) or "")):
        raise ValueError(f"{' '.join(text.split())[:30]!r} is not understood")
    value, unit, reference = found.groups()
    in_m = unit_m if unit is None else FOOT_M if unit.startswith("F") else 1.0
    if reference is None and unit is None and in_m == LEVEL_M:
        otherwise = Reference.FL
    return Limit(value_m=float(value) * in_m, reference=otherwise if reference is None else reference_of(reference))


def limit_or_open(
    text: str, *, otherwise: Reference = Reference.UNKNOWN, unit_m: float = FOOT_M
) -> tuple[Limit | None, str]:
    """Read a limit as `parse_limit`; text that is no height is no limit, and a sentence says so."""
    try:
        return parse_limit(text, otherwise=otherwise, unit_m=unit_m), ""
    except ValueError as error:
        return None, f"its limit {error}; none is taken"


def layer_of(lower: Limit | None, upper: Limit | None, lon_lat_deg: FloatArray) -> Layer:
    """Return the heights a zone holds at most.

    Parameters
    ----------
    lower, upper
        Its limits; None for none.
    lon_lat_deg
        (n, 2) its outline: the geoid is looked up there.
    """
    floors, low = _lowest(lower, lon_lat_deg)
    ceilings, high = _highest(upper, lon_lat_deg)
    told = tuple(dict.fromkeys(text for text in (low, high) if text))
    for reference in (Reference.AMSL, Reference.AGL):
        if reference in floors and reference in ceilings and floors[reference] >= ceilings[reference]:
            return Layer(remarks=(*told, "its lower limit is not below its upper one; it is taken at every height"))
    return Layer(
        floor_amsl_m=floors.get(Reference.AMSL),
        floor_agl_m=floors.get(Reference.AGL),
        ceiling_amsl_m=ceilings.get(Reference.AMSL),
        ceiling_agl_m=ceilings.get(Reference.AGL),
        remarks=told,
    )


def _lowest(limit: Limit | None, lon_lat_deg: FloatArray) -> tuple[dict[Reference, float], str]:
    """Return the floors a lower limit may mean, and what to say of it."""
    if limit is None or (limit.reference in (Reference.AGL, Reference.UNKNOWN) and limit.value_m <= 0.0):
        return {}, ""
    value_m, said = min(limit.value_m, MOST_M), ""
    if limit.reference is Reference.AGL:
        return {Reference.AGL: value_m}, ""
    if limit.reference is Reference.UNKNOWN:
        said = _NO_REFERENCE
        return {Reference.AGL: value_m, Reference.AMSL: value_m}, said
    if limit.reference is Reference.HAE:
        value_m = float(np.min(hae_to_amsl_m(lon_lat_deg[:, 1], lon_lat_deg[:, 0], value_m)))
    elif limit.reference is Reference.FL:
        value_m = value_m * _COLDEST - _pressure_altitude_m(_LEAST_HPA)
        said = f"{_level(limit)} hangs on the pressure of the day; {max(value_m, 0.0):.0f} m AMSL is its lowest"
    if value_m <= 0.0:  # 0 stands for the ground, which lies below the sea in places
        return {}, said
    return {Reference.AMSL: value_m}, said


def _highest(limit: Limit | None, lon_lat_deg: FloatArray) -> tuple[dict[Reference, float], str]:
    """Return the ceilings an upper limit may mean, and what to say of it."""
    if limit is None or limit.value_m >= MOST_M:
        return {}, ""
    value_m, said = limit.value_m, ""
    lowest_m = 0.0 if limit.reference in (Reference.AGL, Reference.UNKNOWN) else LOWEST_AMSL_M
    if value_m <= lowest_m:  # some write -9998 for "no limit"; a zone in the ground is no zone
        return {}, f"its upper limit of {value_m:.0f} m lies in the ground; none is taken"
    if limit.reference is Reference.AGL:
        return {Reference.AGL: value_m}, ""
    if limit.reference is Reference.UNKNOWN:
        return {Reference.AGL: value_m, Reference.AMSL: value_m}, _NO_REFERENCE
    if limit.reference is Reference.HAE:
        value_m = float(np.max(hae_to_amsl_m(lon_lat_deg[:, 1], lon_lat_deg[:, 0], value_m)))
    elif limit.reference is Reference.FL:
        value_m = (value_m - _pressure_altitude_m(_MOST_HPA)) * _WARMEST
        said = f"{_level(limit)} hangs on the pressure of the day; {value_m:.0f} m AMSL is its highest"
    return ({} if value_m >= MOST_M else {Reference.AMSL: max(value_m, LOWEST_AMSL_M)}), said


def _pressure_altitude_m(sea_level_hpa: float) -> float:
    """Return the pressure altitude of the sea under a pressure, metres."""
    return _ISA_M * (1.0 - math.pow(sea_level_hpa / _STANDARD_HPA, _ISA_EXPONENT))


def _level(limit: Limit) -> str:
    return f"flight level {limit.value_m / LEVEL_M:.0f}"
