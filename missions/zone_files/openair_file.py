"""Airspace in OpenAir text (Naviter, OpenAir format, versions 1 and 2): classes, limits, polygons, arcs and circles."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError
from geo.geodesy import forward, inverse
from missions.zone_files.limits import Layer, Limit, Reference, layer_of, limit_or_open
from missions.zone_files.validity import Period, parse_time
from missions.zone_files.values import MAX_SHAPES, ZoneFile, ZoneShape, name_of, outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

NAUTICAL_MILE_M: Final = 1852.0
"""ISO 80000-3."""
STEP_DEG: Final = 2.0
"""Arcs are cut so finely, with chords outside the circle: at 20 km they lie at most 3 m off it."""
MAX_VERTICES: Final = 1_000_000
_RECORD: Final = re.compile(r"^\s*(A[A-Z]|D[A-Z]|V|S[PB]|T[OC])(?:\s+|(?==))(.*)$")
_ALIKE: Final = re.compile(r"^\s*(AC|AN|AL|AH|DP|DC|V|AY)\s+\S", re.MULTILINE)
_PART: Final = r"(\d{1,3})(?::(\d{1,2}(?:\.\d+)?))?(?::(\d{1,2}(?:\.\d+)?))?"
_PLACE: Final = re.compile(
    rf"^\s*{_PART}\s*([NS])\s*[,;]?\s*{_PART}\s*([EW])\s*$|^\s*(\d{{1,2}}\.\d+)\s*([NS])\s*[,;]?\s*(\d{{1,3}}\.\d+)\s*([EW])\s*$",
    re.IGNORECASE,
)


def is_openair(text: str) -> bool:
    """Tell whether text is OpenAir: an airspace class, and a point, circle or arc."""
    lines = "\n".join(text[:100_000].splitlines())  # line ends of every system
    found = {m.group(1) for m in _ALIKE.finditer(lines)}
    return "AC" in found and bool(found & {"DP", "DC", "V"})


@dataclasses.dataclass(slots=True)
class _Airspace:
    """One airspace while its records are read; a variable (`V`) holds until it is changed."""

    line: int
    kind: str
    name: str = ""
    lower: Limit | None = None
    upper: Limit | None = None
    remarks: list[str] = dataclasses.field(default_factory=list)
    periods: list[Period] = dataclasses.field(default_factory=list)
    corners: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    circles: list[tuple[float, float, float]] = dataclasses.field(default_factory=list)
    centre: tuple[float, float] | None = None
    clockwise: bool = True


def read_openair(text: str, *, where: str) -> ZoneFile:
    """Read the airspaces of OpenAir text; `where` names it in errors.

    Raises
    ------
    InputError
        Naming `where`, the line and what is wrong there.
    """
    shapes: list[ZoneShape] = []
    left_out: list[str] = []
    vertices = 0
    for airspace in _airspaces(text, where):
        vertices += len(airspace.corners)
        if vertices > MAX_VERTICES or len(shapes) >= MAX_SHAPES:
            raise InputError(f"{where}: more than {MAX_SHAPES} airspaces or {MAX_VERTICES} corners; cut it down")
        made = _shapes(airspace)
        shapes += made
        if not made:
            left_out.append(f"{name_of(airspace.name)!r} (line {airspace.line}) has fewer than three corners")
    return ZoneFile(shapes=tuple(shapes), left_out=tuple(left_out))


def _airspaces(text: str, where: str) -> Iterator[_Airspace]:
    current: _Airspace | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        found = _RECORD.match(line.split("*", 1)[0])
        if found is None:
            continue
        code, rest = found.group(1), found.group(2).strip()
        if code == "AC":
            if current is not None:
                yield current
            current = _Airspace(line=number, kind=rest)
        elif current is not None:
            try:
                _take(current, code, rest)
            except ValueError as error:
                raise InputError(f"{where}: line {number} of {name_of(current.name)!r}: {error}") from None
    if current is not None:
        yield current


def _take(airspace: _Airspace, code: str, rest: str) -> None:
    """Add one record to an airspace; codes for labels, colours and radio say nothing of where and when."""
    if code == "AN":
        airspace.name = rest
    elif code == "AL":
        airspace.lower = _limit(airspace, rest)
    elif code == "AH":
        airspace.upper = _limit(airspace, rest)
    elif code == "AA":
        airspace.periods += _active(rest)
    elif code == "V":
        _variable(airspace, rest)
    elif code == "DP":
        airspace.corners.append(_place(rest))
    elif code == "DC":
        airspace.circles.append((*_centre(airspace), _radius_m(rest)))
    elif code == "DA":
        radius, start, end = _numbers(rest, 3)
        airspace.corners += _arc(_centre(airspace), radius * NAUTICAL_MILE_M, start, end, airspace.clockwise)
    elif code == "DB":
        airspace.corners += _arc_between(_centre(airspace), rest, airspace.clockwise)


def _limit(airspace: _Airspace, text: str) -> Limit | None:
    """Read a limit: OpenAir counts in feet above mean sea level where it says no more."""
    limit, said = limit_or_open(text, otherwise=Reference.AMSL)
    airspace.remarks += [said] if said else []
    return limit


def _active(text: str) -> Iterator[Period]:
    """Read `AA start/end` (version 2); NONE leaves a side open, and alone says nothing."""
    if text.strip().upper() == "NONE":
        return
    sides = [None if part.strip().upper() == "NONE" else parse_time(part) for part in text.split("/")]
    if len(sides) != 2:
        raise ValueError(f"{text[:40]!r} is not START/END")
    yield Period(start_utc=sides[0], end_utc=sides[1])


def _variable(airspace: _Airspace, rest: str) -> None:
    name, _, value = rest.partition("=")
    if name.strip().upper() == "X":
        airspace.centre = _place(value)
    elif name.strip().upper() == "D":
        airspace.clockwise = value.strip() != "-"


def _centre(airspace: _Airspace) -> tuple[float, float]:
    if airspace.centre is None:
        raise ValueError("an arc or circle has no centre before it (V X=...)")
    return airspace.centre


def _radius_m(text: str) -> float:
    radius_m = _numbers(text, 1)[0] * NAUTICAL_MILE_M
    if not 0.0 < radius_m <= 200_000.0:
        raise ValueError(f"a radius of {text[:20]} nautical miles is not usable")
    return radius_m


def _numbers(text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{text[:40]!r} is not {count} number{'s' * (count > 1)}")
    return numbers


def _place(text: str) -> tuple[float, float]:
    """Read a place, latitude and longitude: 52:05:17 N 023:33:00 E, 52:05.283 N ..., 52.0881 N ..."""
    found = _PLACE.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no place such as 52:05:17 N 023:33:00 E")
    parts = found.groups()
    if parts[8] is not None:
        lat, south, lon, west = float(parts[8]), parts[9], float(parts[10]), parts[11]
    else:
        sexagesimal = [tuple(float(part or 0) for part in angle) for angle in (parts[:3], parts[4:7])]
        if any(minutes >= 60.0 or seconds >= 60.0 for _, minutes, seconds in sexagesimal):
            raise ValueError(f"{text[:40]!r} has 60 minutes or seconds or more")
        lat, lon = (degrees + minutes / 60.0 + seconds / 3600.0 for degrees, minutes, seconds in sexagesimal)
        south, west = parts[3], parts[7]
    if lat > 90.0 or lon > 180.0:
        raise ValueError(f"{text[:40]!r} is no place on Earth")
    return (-lat if south.upper() == "S" else lat), (-lon if west.upper() == "W" else lon)


def _arc(
    centre: tuple[float, float], radius_m: float, start_deg: float, end_deg: float, clockwise: bool
) -> list[tuple[float, float]]:
    if not 0.0 < radius_m <= 1_000_000.0:
        raise ValueError(f"an arc of {radius_m:g} m radius is not usable")
    turn = (end_deg - start_deg) % 360.0 if clockwise else -((start_deg - end_deg) % 360.0)
    turn = turn or (360.0 if clockwise else -360.0)
    count = max(int(math.ceil(abs(turn) / STEP_DEG)), 1)
    bearings = start_deg + turn * np.arange(count + 1) / count
    outside_m = np.full(count + 1, radius_m / math.cos(math.radians(STEP_DEG / 2.0)))
    outside_m[[0, -1]] = radius_m
    lat, lon = forward(*centre, bearings, outside_m)
    return list(zip(lat.tolist(), lon.tolist(), strict=True))


def _arc_between(centre: tuple[float, float], rest: str, clockwise: bool) -> list[tuple[float, float]]:
    places = [_place(part) for part in rest.split(",")]
    if len(places) != 2:
        raise ValueError(f"{rest[:40]!r} is not two places")
    radii_m, bearings = inverse(*centre, *np.array(places).T)
    arc = _arc(centre, max(float(radii_m.max()), 1.0), float(bearings[0]), float(bearings[1]), clockwise)
    return [places[0], *arc[1:-1], places[1]]


def _shapes(airspace: _Airspace) -> list[ZoneShape]:
    name = name_of(airspace.name or f"class {airspace.kind} line {airspace.line}")
    nothing = Layer()
    bare = [ZoneShape(name=name, layer=nothing, circle=circle) for circle in airspace.circles]
    if len(set(airspace.corners)) >= 3:
        ring = np.array(airspace.corners)[:, ::-1]
        bare.append(ZoneShape(name=name, layer=nothing, polygons=((ring,),)))
    return [
        dataclasses.replace(
            shape,
            layer=layer_of(airspace.lower, airspace.upper, outline(shape)),
            periods=tuple(airspace.periods),
            remarks=tuple(airspace.remarks),
        )
        for shape in bare
    ]
