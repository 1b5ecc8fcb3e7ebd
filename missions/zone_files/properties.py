"""What a shape's properties say of it: name, limits, heights of obstacles, hours; whatever program wrote them."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from geo.vertical import FOOT_M
from missions.zone_files.limits import Limit, Reference, parse_limit, reference_of
from missions.zone_files.validity import Period, parse_hours, parse_time
from missions.zone_files.values import NARROW_M

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_RESTRICTED: Final = "NO_RESTRICTION"
"""ED-269 `restriction`, ED-318 `type`: air that is named and open."""
MOST_PERIODS: Final = 1000
_LOWER: Final = ("lower", "lowerlimit", "floor", "base", "minheight")
_UPPER: Final = ("upper", "upperlimit", "ceiling", "top", "maxheight")
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
    unit in the key (`lowerMeters`, `ceiling_ft`) or beside it (`uom`), and with the reference in the key
    (`floor_amsl_m`) or beside it (`lowerReference`).

    Raises
    ------
    ValueError
        Naming the key whose value is no height.
    """
    lower, has_lower = _limit(told, _LOWER)
    upper, has_upper = _limit(told, _UPPER)
    return lower, upper, has_lower or has_upper


def _limit(told: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Limit | None, bool]:
    found = next(((key, *parts) for key in told if (parts := _parts(key, names)) is not None), None)
    if found is None:
        return None, False
    key, unit, datum = found
    beside = str(told.get("uom") or told.get("uomdimensions") or told.get("unit") or "m").lower()
    unit_m = FOOT_M if (unit or beside).startswith("f") else 1.0
    side = names[0]
    word = datum or next((told[k] for k in told if k.replace("_", "") in _reference_keys(side)), "")
    try:
        return parse_limit(str(told[key]), otherwise=reference_of(word), unit_m=unit_m), True
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _reference_keys(side: str) -> tuple[str, ...]:
    return tuple(f"{side}{end}" for end in ("reference", "verticalreference", "ref", "limitreference", "datum"))


def _parts(key: str, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the unit and datum a key of a limit names, None for another key."""
    first, *rest = key.split("_")
    stem = max((name for name in names if first.startswith(name)), key=len, default=None)
    if stem is None:
        return None
    words = [word for word in (first.removeprefix(stem), *rest) if word not in ("", "limit")]
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
