"""Plans written as KML for a briefing: folders, styles, heights as each run of the flight has them, a tour that plays.

Every item carries its fields in `ExtendedData` (OGC KML 2.3, 9.2), so that the plan comes back whole. A line has one
altitude mode (OGC KML 2.3, 10.7): the path is cut where the reference of its heights changes. The tour is a `gx:Tour`
(Google's extension, kmlreference: gx:Tour) that flies each leg in the time it takes.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.foreign_text import xml_text
from geo.geodesy import inverse
from missions.documents.whole_file import write_whole
from missions.plan_files.item_fields import (
    FENCE,
    HOME,
    MISSION,
    RALLY,
    alt_amsl_m,
    fields_of,
    flown_places,
    plan_fields,
)
from missions.plan_files.losses import together
from missions.plan_files.qgc_fence import fence_polygons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

ABSOLUTE, ABOVE_GROUND = "absolute", "relativeToGround"
_TERRAIN_FRAMES: Final = (10, 11)
_SPEED_COMMAND: Final = 178
_WAITS: Final = {16: "p1", 19: "p1", 93: "p1", 112: "p1"}
_DEFAULT_MPS: Final = 10.0
"""Pace of a tour where the plan names no speed."""
_CAMERA_TILT_DEG: Final = 65.0
_MIN_STEP_S: Final = 0.1
_ICON: Final = "<IconStyle><color>{colour}</color><scale>{scale}</scale></IconStyle>"
_STYLES: Final = {
    "path": "<LineStyle><color>ff00ffff</color><width>3</width></LineStyle>",
    "item": _ICON.format(colour="ff00ffff", scale="0.6"),
    "home": _ICON.format(colour="ff00aa00", scale="1.1"),
    "rally": _ICON.format(colour="ffffaa00", scale="1.0"),
    "fence": "<LineStyle><color>ff00aa00</color><width>2</width></LineStyle><PolyStyle><fill>0</fill></PolyStyle>",
    "exclusion": "<LineStyle><color>ff0000ff</color><width>2</width></LineStyle>"
    "<PolyStyle><color>400000ff</color></PolyStyle>",
}  # colours are aabbggrr (OGC KML 2.3, 16.11)


def write_kml(document: PlanDocument, path: Path, *, name: str = "plan") -> tuple[str, ...]:
    """Write a plan, whole or not at all; return what is drawn otherwise than it is flown, one sentence each."""
    write_whole(path, kml_text(document, name=name))
    loose = [
        (item.seq + 1, "its height counts from a home that is not known; it is drawn above the ground")
        for item in flown_places(document.items)
        if _drawn(item, document.home)[0] == ABOVE_GROUND and item.frame not in _TERRAIN_FRAMES
    ]
    return tuple(together("item", loose))


def kml_text(document: PlanDocument, *, name: str = "plan") -> str:
    """Return the KML text of a plan."""
    styles = "".join(f'<Style id="{key}">{style}</Style>' for key, style in _STYLES.items())
    folders = (
        _folder("flight", [*_runs(document), _tour(document, name)]),
        _folder("items", _marks(document.items, MISSION, "item", document.home)),
        _folder("home", [_home_mark(document.home)] if document.home is not None else []),
        _folder("fence", [*_marks(document.fence, FENCE, "fence", document.home), *_fence_shapes(document)]),
        _folder("rally", _marks(document.rally, RALLY, "rally", document.home)),
    )
    body = "\n".join(folder for folder in folders if folder)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2" '
        'xmlns:gx="http://www.google.com/kml/ext/2.2"><Document>\n'
        f"<name>{xml_text(name)}</name>{styles}{_extended(plan_fields(document))}\n{body}\n</Document></kml>\n"
    )


def _folder(name: str, parts: Sequence[str]) -> str:
    held = "\n".join(part for part in parts if part)
    return f"<Folder><name>{name}</name>\n{held}\n</Folder>" if held else ""


def _drawn(item: MissionItem, home: Home | None) -> tuple[str, float]:
    """Return the altitude mode and height an item is drawn at."""
    height_m = alt_amsl_m(item, home)
    return (ABOVE_GROUND, item.alt_m) if math.isnan(height_m) else (ABSOLUTE, height_m)


def _runs(document: PlanDocument) -> Iterator[str]:
    """Go over the path in runs of one altitude mode, each as a line."""
    flown = [(*_drawn(item, document.home), item) for item in flown_places(document.items)]
    runs = [(mode, list(run)) for mode, run in itertools.groupby(flown, key=lambda f: f[0])]
    if len(flown) < 2:
        return
    for number, (mode, run) in enumerate(runs, start=1):
        name = "flight path" if len(runs) == 1 else f"flight path {number}"
        places = run if len(run) > 1 else run * 2
        triples = " ".join(f"{item.lon_deg!r},{item.lat_deg!r},{height!r}" for _, height, item in places)
        yield (
            f"<Placemark><name>{name}</name><styleUrl>#path</styleUrl><LineString><altitudeMode>{mode}</altitudeMode>"
            f"<coordinates>{triples}</coordinates></LineString></Placemark>"
        )


def _tour(document: PlanDocument, name: str) -> str:
    """Return a tour along the flown places in the time each leg takes, with its waits."""
    flown = flown_places(document.items)
    if len(flown) < 2:
        return ""
    lat, lon = np.array([i.lat_deg for i in flown]), np.array([i.lon_deg for i in flown])
    away_m, bearing_deg = inverse(lat[:-1], lon[:-1], lat[1:], lon[1:])
    heading_deg = np.append(bearing_deg, bearing_deg[-1])
    steps = [_camera(flown[0], document.home, float(heading_deg[0]), _MIN_STEP_S)]
    paces, waits = _paces(document, flown)
    for k in range(1, len(flown)):
        (_, before), (_, after) = (_drawn(flown[n], document.home) for n in (k - 1, k))
        seconds = max(math.hypot(float(away_m[k - 1]), after - before) / paces[k], _MIN_STEP_S)
        steps.append(_camera(flown[k], document.home, float(heading_deg[k]), seconds))
        if waits[k] > 0.0:
            steps.append(f"<gx:Wait><gx:duration>{waits[k]:.1f}</gx:duration></gx:Wait>")
    steps_text = "\n".join(steps)
    return f"<gx:Tour><name>fly {xml_text(name)}</name><gx:Playlist>\n{steps_text}\n</gx:Playlist></gx:Tour>"


def _paces(document: PlanDocument, flown: Sequence[MissionItem]) -> tuple[list[float], list[float]]:
    """Return the speed on the way to each flown place (m/s) and how long it is waited there (s)."""
    told = [m for m in (document.hover_speed_mps, document.cruise_speed_mps) if m > 0.0]
    pace = told[0] if told else _DEFAULT_MPS
    here = {id(item): k for k, item in enumerate(flown)}
    paces, waits, last = [pace] * len(flown), [0.0] * len(flown), -1
    for item in document.items:
        if item.command == _SPEED_COMMAND and item.p2 > 0.0:
            pace = item.p2
        last = here.get(id(item), last)
        if id(item) in here:
            paces[last] = pace
        wait = getattr(item, _WAITS.get(item.command, ""), 0.0) if item.command in _WAITS else 0.0
        if last >= 0 and wait > 0.0:
            waits[last] += wait
    return paces, waits


def _camera(item: MissionItem, home: Home | None, heading_deg: float, seconds: float) -> str:
    mode, height_m = _drawn(item, home)
    return (
        f"<gx:FlyTo><gx:duration>{seconds:.1f}</gx:duration><gx:flyToMode>smooth</gx:flyToMode><Camera>"
        f"<longitude>{item.lon_deg!r}</longitude><latitude>{item.lat_deg!r}</latitude><altitude>{height_m!r}</altitude>"
        f"<heading>{heading_deg:.1f}</heading><tilt>{_CAMERA_TILT_DEG:g}</tilt><altitudeMode>{mode}</altitudeMode>"
        "</Camera></gx:FlyTo>"
    )


def _marks(items: Sequence[MissionItem], held_in: str, style: str, home: Home | None) -> list[str]:
    marks = []
    for item in items:
        nowhere = math.isnan(item.lat_deg) or math.isnan(item.lon_deg) or abs(item.lat_deg) > 90.0
        point = "" if nowhere or held_in == FENCE else _point(item, home)
        marks.append(_mark(f"{held_in} {item.seq + 1}", fields_of(item, held_in), point, style))
    return marks


def _point(item: MissionItem, home: Home | None) -> str:
    mode, height_m = _drawn(item, home)
    return (
        f"<Point><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{item.lon_deg!r},{item.lat_deg!r},{height_m!r}</coordinates></Point>"
    )


def _home_mark(home: Home) -> str:
    fields = {"list": HOME, "seq": "0", "command": "16", "frame": "0", "autocontinue": "1"}
    fields |= {"p1": "0.0", "p2": "0.0", "p3": "0.0", "p4": "0.0"}
    fields |= {"lat": repr(home.lat_deg), "lon": repr(home.lon_deg), "alt": repr(home.alt_amsl_m)}
    point = f"<Point><coordinates>{home.lon_deg!r},{home.lat_deg!r}</coordinates></Point>"
    return _mark("home", fields, point, "home")


def _mark(name: str, fields: dict[str, str], geometry: str, style: str) -> str:
    head = f"<name>{xml_text(name)}</name><styleUrl>#{style}</styleUrl>"
    return f"<Placemark>{head}{_extended(fields)}{geometry}</Placemark>"


def _extended(fields: dict[str, str]) -> str:
    data = "".join(f'<Data name="{key}"><value>{xml_text(value)}</value></Data>' for key, value in fields.items())
    return f"<ExtendedData>{data}</ExtendedData>" if data else ""


def _fence_shapes(document: PlanDocument) -> Iterator[str]:
    for inclusion, ring in fence_polygons(document.fence):
        closed = " ".join(f"{lon!r},{lat!r}" for lat, lon in (*ring, ring[0]))
        kind = "fence" if inclusion else "exclusion"
        yield (
            f"<Placemark><name>{kind}</name><styleUrl>#{kind}</styleUrl><Polygon><outerBoundaryIs><LinearRing>"
            f"<coordinates>{closed}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )
