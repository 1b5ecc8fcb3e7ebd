"""What a terrain file's heights count from, and in what unit: by its own word, and what was assumed without one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    Datum = Literal["egm96", "hae", "geoid"]
    """Mean sea level by the bundled EGM96, the WGS 84 ellipsoid, mean sea level by a geoid that a person gave."""

_EGM96: Final = (5773, 5171)
"""EPSG: EGM96 height, and its datum."""
_BY_FORMAT: Final = {"SRTMHGT": "egm96", "DTED": "egm96"}
"""Formats that fix it: SRTM (SRTM Topography, USGS, 2.2), DTED (MIL-PRF-89020B, 1.2: mean sea level, EGM96)."""
PLAUSIBLE_M: Final = (-620.0, 9_120.0)
"""The Dead Sea's shore and Everest (-430, 8849 m), with room for the geoid and for pits; all else is a void."""
FOOT_M: Final = 0.3048
"""International foot, exact (ISO 80000-3)."""
_SURVEY_FOOT: Final = 1200.0 / 3937.0
"""US survey foot (NIST Federal Register notice of 1959-07-01)."""
_UNITS: Final[dict[str, float]] = {
    **dict.fromkeys(("m", "metre", "meter", "metres", "meters", "mètre", "metro", "meter(s)"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet", "international foot", "international feet"), FOOT_M),
    **dict.fromkeys(
        ("us survey foot", "us survey feet", "us_survey_foot", "us-ft", "ftus", "us foot", "foot_us", "us feet"),
        _SURVEY_FOOT,
    ),
    **dict.fromkeys(("cm", "centimetre", "centimeter", "centimeters"), 0.01),
    **dict.fromkeys(("dm", "decimetre", "decimeter", "decimeters"), 0.1),
    **dict.fromkeys(("mm", "millimetre", "millimeter"), 0.001),
    **dict.fromkeys(("km", "kilometre", "kilometer"), 1000.0),
}
_SAME_UNIT: Final = 1e-5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TerrainProblem:
    """Something about a terrain that whoever rests on it must know."""

    kind: Literal["vertical_assumed", "vertical_not_modelled", "vertical_contradiction", "unit_contradiction"]
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerticalReference:
    """How a file's numbers become heights: metres to a number, from which surface, and what is doubtful in that."""

    to_m: float
    datum: Datum
    problems: tuple[TerrainProblem, ...] = ()


class UnknownUnitError(ValueError):
    """A unit of height that is none we know."""


def vertical_reference(facts: Mapping[str, Any], name: str, stated: Datum | None) -> VerticalReference:
    """Settle what heights mean.

    The file's own word counts most, then its format's, then what a person stated, then EGM96, and then that is
    a problem. Heights above another geoid or a national datum count from the geoid that a person gave; without one
    they are taken as EGM96's, which is a problem too.

    Parameters
    ----------
    facts
        What the raster says of itself (`geo.gis.raster_reading`): `unit`, `vertical`, `driver`.
    name
        The file, for messages.
    stated
        What a person said the heights count from, None where nothing was said.

    Raises
    ------
    UnknownUnitError
        Naming the unit.
    """
    vertical = facts.get("vertical")
    to_m, problems = _unit(str(facts.get("unit") or ""), vertical, name)
    if vertical is not None and not vertical.get("up", True):
        to_m = -to_m
    datum, doubts = _datum(vertical, _BY_FORMAT.get(str(facts.get("driver"))), name, stated)
    return VerticalReference(to_m=to_m, datum=datum, problems=(*problems, *doubts))


def _unit(unit: str, vertical: Mapping[str, Any] | None, name: str) -> tuple[float, tuple[TerrainProblem, ...]]:
    by_reference = float(vertical["to_m"]) if vertical is not None else None
    if not unit.strip():
        return by_reference or 1.0, ()
    by_band = _UNITS.get(unit.strip().lower())
    if by_band is None:
        raise UnknownUnitError(unit)
    if by_reference is not None and abs(by_reference / by_band - 1.0) > _SAME_UNIT:
        message = (
            f"{name} says its heights are in {unit.strip()}, and its vertical reference counts in units of "
            f"{by_reference:g} m; {unit.strip()} is taken: check a known height"
        )
        return by_band, (TerrainProblem(kind="unit_contradiction", message=message),)
    return by_reference or by_band, ()


def _datum(
    vertical: Mapping[str, Any] | None, by_format: str | None, name: str, stated: Datum | None
) -> tuple[Datum, tuple[TerrainProblem, ...]]:
    if vertical is None:
        if by_format is not None:
            return "egm96", _against(stated, "egm96", name, "its format fixes mean sea level (EGM96)")
        if stated is not None:
            return stated, ()
        message = (
            f"{name} does not say what its heights count from; mean sea level (EGM96) is assumed: where they are "
            "heights above the ellipsoid, every height is off by the geoid (up to 107 m)"
        )
        return "egm96", (TerrainProblem(kind="vertical_assumed", message=message),)
    own: Datum = "hae" if vertical["ellipsoidal"] else "egm96"
    modelled = vertical.get("epsg") in _EGM96 or "egm96" in str(vertical["name"]).lower()
    if own == "egm96" and not modelled and stated == "geoid":
        return stated, ()
    problems = _against(stated, own, name, f"it says itself: {vertical['name']}")
    if own == "egm96" and not modelled:
        message = (
            f"{name} has heights of {vertical['name']}, of which no model is built in; they are taken as mean sea "
            "level by EGM96, which can differ by metres: name its geoid's grid file as the terrain's datum"
        )
        problems = (*problems, TerrainProblem(kind="vertical_not_modelled", message=message))
    return own, problems


def _against(stated: Datum | None, own: Datum, name: str, why: str) -> tuple[TerrainProblem, ...]:
    if stated is None or stated == own:
        return ()
    counted = "a geoid given by file" if stated == "geoid" else stated
    message = f"{name} was stated to have heights of {counted}, but {why}; {own} is taken"
    return (TerrainProblem(kind="vertical_contradiction", message=message),)
