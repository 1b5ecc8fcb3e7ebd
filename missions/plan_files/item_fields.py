"""A mission item as named text fields, for formats that carry foreign data beside a place (KML, GPX, GeoJSON)."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.places import check_place
from missions.failsafes.return_path import flown_items
from missions.plan import MissionItem
from missions.plan_files.dialect import MAV_FRAME_GLOBAL, PATH_COMMANDS, as_dialect
from missions.plan_files.item_limits import checked_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from missions.plan_files.plan_document import Home, PlanDocument

FIELDS: Final = ("list", "seq", "command", "frame", "p1", "p2", "p3", "p4", "lat", "lon", "alt", "autocontinue")
MISSION: Final = "mission"
FENCE: Final = "fence"
RALLY: Final = "rally"
HOME: Final = "home"
_SPEEDS: Final = ("cruise_speed_mps", "hover_speed_mps")
MAX_POINTS: Final = 65_536
"""A MAVLink mission has 16-bit numbers; no drawing with more points is a plan."""


def fields_of(item: MissionItem, held_in: str) -> dict[str, str]:
    """Return an item's fields as text; `held_in` is the list it belongs to."""
    numbers = (item.p1, item.p2, item.p3, item.p4, item.lat_deg, item.lon_deg, item.alt_m)
    values = (held_in, str(item.seq), str(item.command), str(item.frame), *(repr(float(v)) for v in numbers))
    return dict(zip(FIELDS, (*values, str(int(item.autocontinue))), strict=True))


def item_of(fields: Mapping[str, str], where: str) -> tuple[str, MissionItem]:
    """Undo `fields_of`; InputError names the place and the field.

    Returns
    -------
    (list, item)
    """
    missing = [name for name in FIELDS if name not in fields]
    if missing:
        raise InputError(f"{where}: the mission item lacks {', '.join(missing)}; export the plan again")
    numbers = {name: number_or_nan(fields[name], f"{where}, field {name!r}") for name in FIELDS[1:]}
    whole = {
        name: _whole(numbers[name], f"{where}, field {name!r}") for name in ("seq", "command", "frame", "autocontinue")
    }
    item = MissionItem(
        seq=whole["seq"],
        command=whole["command"],
        frame=whole["frame"],
        p1=numbers["p1"],
        p2=numbers["p2"],
        p3=numbers["p3"],
        p4=numbers["p4"],
        lat_deg=numbers["lat"],
        lon_deg=numbers["lon"],
        alt_m=numbers["alt"],
        autocontinue=bool(whole["autocontinue"]),
    )
    return str(fields["list"]), checked_item(item, where)


def plan_fields(document: PlanDocument) -> dict[str, str]:
    """Return what a plan says beside its items, as text: whose autopilot, which vehicle, how fast."""
    fields = {"autopilot": "" if document.dialect is None else str(document.dialect)}
    fields["vehicle_type"] = str(document.vehicle_type) if document.vehicle_type else ""
    for name in _SPEEDS:
        speed_mps = getattr(document, name)
        fields[name] = "" if math.isnan(speed_mps) else repr(float(speed_mps))
    return {name: text for name, text in fields.items() if text}


def with_plan_fields(document: PlanDocument, fields: Mapping[str, str], where: str) -> PlanDocument:
    """Undo `plan_fields`; InputError names the place and the field."""
    values: dict[str, object] = {}
    if fields.get("autopilot"):
        try:
            values["dialect"] = as_dialect(str(fields["autopilot"]))
        except InputError as error:
            raise InputError(f"{where}: {error.message}", **error.fields) from error
    if fields.get("vehicle_type"):
        number = finite_number(str(fields["vehicle_type"]), f"{where}, field 'vehicle_type'")
        values["vehicle_type"] = _whole(number, f"{where}, field 'vehicle_type'")
    for name in _SPEEDS:
        if fields.get(name):
            values[name] = finite_number(str(fields[name]), f"{where}, field {name!r}")
    return dataclasses.replace(document, **values)  # type: ignore[arg-type]


def in_order(items: Iterable[MissionItem]) -> tuple[MissionItem, ...]:
    """Return items in the order of their numbers, numbered from 0."""
    return in_file_order(sorted(items, key=lambda item: item.seq))


def in_file_order(items: Iterable[MissionItem]) -> tuple[MissionItem, ...]:
    """Return items as they come, numbered from 0."""
    return tuple(dataclasses.replace(item, seq=seq) for seq, item in enumerate(items))


def number_or_nan(text: str, where: str) -> float:
    """Return the number a text spells, NaN where it says so (unset); InputError names the place otherwise."""
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise InputError(f"{where}: {text[:20]!r} is not a number") from None
    return value


def finite_number(text: str, where: str) -> float:
    """Return the finite number a text spells; InputError names the place otherwise."""
    value = number_or_nan(text, where)
    if math.isnan(value):
        raise InputError(f"{where}: {text[:20]!r} is not a number")
    return value


def _whole(value: float, where: str) -> int:
    if not value.is_integer() or not 0 <= value <= 65_535:
        raise InputError(f"{where}: {value:g} must be a whole number from 0 to 65535")
    return int(value)


def path_items(points: Iterable[tuple[float, float, float]], *, frame: int, where: str) -> tuple[MissionItem, ...]:
    """Turn (lon, lat, alt) points a person drew into waypoints; InputError names the point that is no place."""
    items: list[MissionItem] = []
    for seq, (lon_deg, lat_deg, alt_m) in enumerate(points):
        if seq >= MAX_POINTS:
            raise InputError(f"{where}: more than {MAX_POINTS} points are no mission; simplify the line")
        check_place(lat_deg, lon_deg, f"{where}: point {seq + 1}")
        item = MissionItem(seq=seq, command=16, frame=frame, lat_deg=lat_deg, lon_deg=lon_deg, alt_m=alt_m)
        items.append(checked_item(item, f"{where}: point {seq + 1}"))
    return tuple(items)


def alt_amsl_m(item: MissionItem, home: Home | None) -> float:
    """Return an item's height above mean sea level, NaN when it counts from a home or a terrain that is not known."""
    if item.frame in (MAV_FRAME_GLOBAL, 5):
        return item.alt_m
    if item.frame in (3, 6) and home is not None:
        return home.alt_amsl_m + item.alt_m
    return math.nan


def flown_places(items: Iterable[MissionItem]) -> list[MissionItem]:
    """Return the items the aircraft flies to, those with a place; a way back after the landing is none of them."""
    flown = flown_items(tuple(items))
    return [i for i in flown if i.command in PATH_COMMANDS and not math.isnan(i.lat_deg) and (i.lat_deg or i.lon_deg)]
