"""What a shape's properties say of it: name, limits, heights of obstacles, hours; whatever program wrote them."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from geo.vertical import FOOT_M
from missions.zone_files.limits import Limit, Reference, metres_of, parse_limit, reference_of
from missions.zone_files.validity import Period, parse_hours, parse_time
from missions.zone_files.values import NARROW_M

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_RESTRICTED: Final = "NO_RESTRICTION"
"""ED-269 `restriction`, ED-318 `type`: air that is named and open."""
MOST_PERIODS: Final = 1000
_LOWER: Final = ("lower", "lowerlimit", "floor", "base", "minheight", "minaltitude", "minalt")
_UPPER: Final = ("upper", "upperlimit", "ceiling", "top", "maxheight", "maxaltitude", "maxalt")
_VALUE: Final = frozenset(("", "limit", "val", "value", "alt", "altitude", "height"))
"""Words that keys of limits carry and that say nothing: `UPPER_VAL`, `lower_limit_altitude`."""
_UNIT: Final = frozenset(("uom", "unit", "units"))
_REFERENCE: Final = frozenset(("reference", "verticalreference", "ref", "limitreference", "datum", "code"))
_UNITS: Final = {"m": "m", "meters": "m", "metres": "m", "ft": "ft", "feet": "ft"}
_DATUMS: Final = ("agl", "amsl", "msl", "hae")
_OBSTACLE_KEYS: Final = ("power", "man_made", "generator:source", "aerialway", "tower:type", "obstacle")
_NUMBER: Final = re.compile(r"^\s*(\d{1,6}(?:\.\d+)?)\s*(m|metres?|meters?|ft|feet|')?\s*$", re.IGNORECASE)


def plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties by their lower-case names, those without a value left out."""
    return {str(k).strip().lower(): v for k, v in properties.items() if v is not None and v != ""}


def limits_of(told: Mapping[str, Any]) -> tuple[Limit | None, Limit | None, bool]:
    """Return a zone's lower and upper limit, None for none, and whether the properties say either.

    Understood are `lower` and `upper` with what programs call them, as text (``500 ft AGL``) or as a number with the
    unit in the key (`lowerMeters`, `ceiling_ft`) or beside it (`uom`, `UPPER_UOM`), and with the reference in the key
    (`floor_amsl_m`) or beside it (`lowerReference`, `UPPER_CODE`). Of several ways in which one is told, the first that
    says what it counts from is taken.

    Raises
    ------
    ValueError
        Naming the key whose value is no height, or whose unit is not known.
    """
    lower, has_lower = _limit(told, _LOWER)
    upper, has_upper = _limit(told, _UPPER)
    return lower, upper, has_lower or has_upper


def _limit(told: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Limit | None, bool]:
    keys = [(key, *parts) for key in told if (parts := _parts(key, names)) is not None]
    if not keys:
        return None, False
    found = [_limit_at(told, names, *key) for key in keys]
    named = [limit for limit in found if limit is None or limit.reference is not Reference.UNKNOWN]
    return (named or found)[0], True


def _limit_at(told: Mapping[str, Any], names: tuple[str, ...], key: str, unit: str, datum: str) -> Limit | None:
    """Read the limit under one key, with the unit and the reference that the key or its neighbours name."""
    own_unit = _beside(told, names, _UNIT)
    beside = own_unit or told.get("uom") or told.get("uomdimensions") or told.get("unit") or "m"
    word = datum or _beside(told, names, _REFERENCE)
    try:
        return parse_limit(str(told[key]), otherwise=reference_of(word), unit_m=metres_of(unit or beside))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _beside(told: Mapping[str, Any], names: tuple[str, ...], meant: frozenset[str]) -> Any:
    """Return what a key beside a limit says: the one whose name is a limit's and ends in such a word."""
    for key, value in told.items():
        first, *rest = key.split("_")
        stem = _stem(first, names)
        words = [] if stem is None else [word for word in (first.removeprefix(stem), *rest) if word not in _VALUE]
        if len(words) == 1 and words[0] in meant:
            return value
    return ""


def _stem(word: str, names: tuple[str, ...]) -> str | None:
    return max((name for name in names if word.startswith(name)), key=len, default=None)


def _parts(key: str, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the unit and datum a key of a limit names, None for another key."""
    first, *rest = key.split("_")
    stem = _stem(first, names)
    if stem is None:
        return None
    words = [word for word in (first.removeprefix(stem), *rest) if word not in _VALUE]
    units = [word for word in words if word not in _DATUMS]
    if len(units) > 1 or any(word not in _UNITS for word in units):
        return None
    return (_UNITS[units[0]] if units else ""), next((word for word in words if word in _DATUMS), "")


def periods_of(told: Mapping[str, Any]) -> tuple[Period, ...]:
    """Return when a zone is in force: ED-269 `applicability`, ED-318 `limitedApplicability`, or a start and an end.

    Raises
    ------
    ValueError
        For a time that is none.
    """
    listed = told.get("limitedapplicability", told.get("applicability"))
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            listed = None
    if isinstance(listed, list):
        return tuple(_period(plain(entry)) for entry in listed[:MOST_PERIODS] if isinstance(entry, dict))
    start = parse_time(told.get("startdatetime", told.get("validfrom", told.get("valid_from"))))
    end = parse_time(told.get("enddatetime", told.get("validto", told.get("valid_to"))))
    return (Period(start_utc=start, end_utc=end),) if start or end else ()


def _period(entry: Mapping[str, Any]) -> Period:
    if str(entry.get("permanent", "")).upper() == "YES":
        return Period()
    schedule = entry.get("schedule")
    hours = tuple(
        parse_hours(_listed(daily.get("day")), daily.get("starttime"), daily.get("endtime"))
        for daily in (plain(d) for d in _listed(schedule)[:MOST_PERIODS] if isinstance(d, dict))
    )
    return Period(
        start_utc=parse_time(entry.get("startdatetime")), end_utc=parse_time(entry.get("enddatetime")), hours=hours
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def called(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a shape is called: its identifier and its name, in the first language where it has several."""
    return tuple(text for text in (_text(told.get(key)) for key in ("identifier", "designator", "name")) if text)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = next((v.get("text") for v in value if isinstance(v, dict) and v.get("text")), "")
    return str(value) if isinstance(value, str | int | float) else ""


def obstacle_of(told: Mapping[str, Any]) -> tuple[str, float, float]:
    """Return what an obstacle is, the height of its top above the ground (NaN where not said), and its half width.

    The keys are OpenStreetMap's: `power`, `man_made`, `generator:source`; `height`, `height:hub`, `rotor:diameter`.
    """
    kind = next((str(told[key]) for key in _OBSTACLE_KEYS if isinstance(told.get(key), str)), "")
    rotor_m = _metres(told.get("rotor:diameter"))
    blade_m = 0.0 if math.isnan(rotor_m) else rotor_m / 2.0
    tops = [_metres(told.get("height")), _metres(told.get("height:hub")) + blade_m]
    known = [top for top in tops if not math.isnan(top)]
    half_width_m = NARROW_M if math.isnan(rotor_m) else max(blade_m, NARROW_M)
    return kind.replace("_", " "), max(known, default=math.nan), half_width_m


def _metres(value: Any) -> float:
    found = _NUMBER.match(str(value)) if isinstance(value, str | int | float) else None
    if found is None:
        return math.nan
    return float(found.group(1)) * (FOOT_M if (found.group(2) or "m").lower()[0] in "f'" else 1.0)


def top_limit(height_m: float) -> Limit | None:
    """Return the upper limit of an obstacle so high above the ground; None, no limit, where that is not known."""
    return None if math.isnan(height_m) else Limit(value_m=height_m, reference=Reference.AGL)
