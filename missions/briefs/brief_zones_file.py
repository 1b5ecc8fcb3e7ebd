"""The zones of a brief: those it spells out, and every zone and obstacle of the files it names."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.errors import InputError
from geo.geodesy import inverse
from geo.gis.errors import GisFileError
from missions.briefs.places import GeoLine
from missions.errors import BriefError
from missions.performance.energy import reach_m
from missions.zone_files.validity import in_force
from missions.zone_files.values import outline
from missions.zone_files.zone_file import read_zone_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from missions.briefs.brief import Brief
    from missions.zone_files.values import ZoneShape

    FloatArray = NDArray[np.float64]

MARGIN_M: Final = 10_000.0
"""Zones farther from every launch site than the farthest flight and this are left out."""
_LIMITS: Final = ("floor_amsl_m", "floor_agl_m", "ceiling_amsl_m", "ceiling_agl_m")
HALF_WAY_ROUND_DEG: Final = 180.0
STRETCH: Final = 1.1
"""The nearest place of a box of degrees is not quite at the site's own latitude or longitude."""
_NAMED: Final = 5
"""So many of what was left out are called by name, the others counted."""


@dataclasses.dataclass(slots=True)
class Published:
    """The zone tables of a brief while they are built, and the shapes of files that some of them came from."""

    tables: list[Any] = dataclasses.field(default_factory=list)
    shapes: list[ZoneShape | None] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def add(self, table: Any, shape: ZoneShape | None = None) -> None:
        """Add one zone's table, and the shape it is of."""
        self.tables.append(table)
        self.shapes.append(shape)


def read_published(table: Mapping[str, Any], index: int, folder: Path, into: Published) -> None:
    """Read the file a zone table names: each zone and obstacle in it becomes a zone.

    The table's clearance holds for all of them, its floor and ceiling for those that have none of their own;
    `permitted` names those the unit may enter.

    Raises
    ------
    BriefError
        When the file is missing, cannot be read, or holds nothing; or when `permitted` names what it does not hold.
    """
    key = f"zone[{index}].file"
    table = dict(table)
    path = folder / str(table.pop("file"))
    permitted = table.pop("permitted", [])
    if not isinstance(permitted, list) or not all(isinstance(name, str) for name in permitted):
        raise BriefError(f"zone[{index}].permitted must be a list of names of zones", key=f"zone[{index}].permitted")
    if not path.is_file():
        raise BriefError(f"{key}: there is no file {path}; give a path relative to the brief", key=key, file=str(path))
    try:
        held = read_zone_file(path)
    except (InputError, GisFileError) as error:
        raise BriefError(f"{key}: {error.message}", key=key, **error.fields) from None
    shapes = _without(held.shapes, permitted, f"zone[{index}].permitted", into)
    into.notes += _shortened(held.left_out, path.name)
    named = table.pop("name", "")
    for shape in shapes:
        own = {k: v for k, v in dataclasses.asdict(shape.layer).items() if k in _LIMITS and v is not None}
        name = named if named and len(shapes) == 1 else f"{named} {shape.name}".strip()[:64].strip()
        into.add(_sides(table, own) | _drawn(shape) | {"name": name, "remarks": _remarks(shape, table, own)}, shape)


def _without(shapes: Iterable[ZoneShape], permitted: list[str], key: str, into: Published) -> list[ZoneShape]:
    """Leave out the zones that the brief says may be entered: those named so, or whose identifier comes first."""
    kept, used = [], set()
    for shape in shapes:
        name = next((p for p in permitted if shape.name == p or shape.name.startswith(f"{p} ")), None)
        if name is None:
            kept.append(shape)
        else:
            used.add(name)
            into.notes.append(f"zone {shape.name!r} is not kept out of: the brief says it is permitted")
    unknown = [name for name in permitted if name not in used]
    if unknown:
        raise BriefError(f"{key}: the file holds no zone {unknown[0]!r}; names are as messages give them", key=key)
    return kept


def _sides(table: dict[str, Any], own: dict[str, float]) -> dict[str, Any]:
    """Return a table with the shape's own floor and ceiling; the table's count where the shape has none."""
    sides = {key.split("_")[0] for key in own}
    return {k: v for k, v in table.items() if k not in _LIMITS or k.split("_")[0] not in sides} | own


def _remarks(shape: ZoneShape, table: dict[str, Any], own: dict[str, float]) -> tuple[str, ...]:
    """Return what was assumed of a shape; that it has no top is no longer said where the table gives one."""
    told = any(key.startswith("ceiling") for key in table) and not any(key.startswith("ceiling") for key in own)
    return (*shape.layer.remarks, *(r for r in shape.remarks if not (told and "no top" in r)))


def _drawn(shape: ZoneShape) -> dict[str, Any]:
    if shape.circle is not None:
        return {"centre": shape.circle[:2], "radius_m": shape.circle[2]}
    return {
        "polygons": tuple(tuple(_line(ring) for ring in rings) for rings in shape.polygons),
        "lines": tuple(_line(line) for line in shape.lines),
        "half_width_m": shape.half_width_m,
    }


def _line(lon_lat_deg: FloatArray) -> GeoLine:
    return GeoLine.of(lon_lat_deg[:, 1], lon_lat_deg[:, 0])


def _shortened(left_out: tuple[str, ...], file: str) -> list[str]:
    more = len(left_out) - _NAMED
    return [f"{file}: {text}" for text in left_out[:_NAMED]] + ([f"{file}: and {more} more"] if more > 0 else [])


def near_and_in_force(brief: Brief, published: Published) -> Brief:
    """Return a brief with the zones that its aircraft can come near while it runs; what was left out is noted."""
    far_m = max(reach_m(p.aircraft, p.wind.strongest_mps) for p in brief.performances) + MARGIN_M
    sites = np.array([*((s.lat_deg, s.lon_deg) for s in brief.launch), *((r.lat_deg, r.lon_deg) for r in brief.rally)])
    start, end = _utc(brief.time.start_utc), _utc(brief.time.end_utc)
    kept, notes = [], list(published.notes)
    for zone, shape in zip(brief.zone, published.shapes, strict=True):
        if shape is not None and not _near(shape, sites, far_m):
            continue
        if shape is not None and not in_force(shape.periods, start, end):
            notes.append(f"zone {zone.name!r} is not in force while the patrol runs")
            continue
        kept.append(zone)
    away = len(brief.zone) - len(kept) - (len(notes) - len(published.notes))
    if away:
        said = f"{away} of {len(brief.zone)} zones lie farther away than any aircraft of the brief flies"
        swapped = "; are latitude and longitude swapped in their file?"
        notes.append(said + (swapped if away == len(brief.zone) else ""))
    return brief.model_copy(update={"zone": tuple(kept), "zone_notes": tuple(notes)})


def _utc(time: dt.datetime | None) -> dt.datetime | None:
    """Return a time of a brief as UTC, which it is where it names no zone."""
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=dt.UTC)


def _near(shape: ZoneShape, sites: FloatArray, far_m: float) -> bool:
    """Tell whether a shape comes within so many metres of a site; roughly, and never no where it does."""
    vertices = outline(shape)
    (west, south), (east, north) = vertices.min(axis=0), vertices.max(axis=0)
    if east - west > HALF_WAY_ROUND_DEG:  # across the date line, or nearly everything
        return True
    lon = west + (sites[:, 1] - west) % 360.0  # the first at or east of the western edge
    lon = np.where(lon <= east, lon, np.where(lon - east <= west + 360.0 - lon, east, west))
    away_m = inverse(sites[:, 0], sites[:, 1], np.clip(sites[:, 0], south, north), lon)[0]
    reach_there_m = STRETCH * far_m + (0.0 if shape.circle is None else shape.circle[2])
    return bool((np.asarray(away_m) <= reach_there_m).any())
