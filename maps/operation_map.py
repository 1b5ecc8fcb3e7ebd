"""The page of operations: what was planned, flown, seen and found, for an analyst to work on."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import InputError
from geo.grid_reference import mgrs_of
from maps.basemap_file import read_basemap
from maps.brief_layers import brief_layers
from maps.coverage_age import coverage_age
from maps.gathering import gather
from maps.geography import between, outline_layers
from maps.hillshade import shade
from maps.hit_pictures import chips_by_hit, frames_by_hit
from maps.layers import GeometryLayer, line
from maps.offline_map import MapContent, bounds_of
from maps.operation_data import operation_data
from maps.patrol_layers import flown_layer, plan_layers
from operations.finding.border import BorderLine
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.values import Terrain
    from maps.gathering import Gathered
    from missions.briefs.brief import Brief
    from missions.briefs.places import GeoLine
    from missions.plan import Plan
    from operations.finding.archive import Archive
    from operations.finding.things import Things

ASSESSED = "Machine assessments; a person decides."
_LEAN = "This page was written lean: of hits it holds position, time, class and score, and no pictures."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is drawn around things that were found."""

    brief: Brief | None = None
    plan: Plan | None = None
    flights: Sequence[tuple[str, Sequence[tuple[float, float]]]] = ()
    """Names with longitude, latitude pairs of the tracks as flown; without them the places of the cameras stand in."""
    border: Sequence[GeoLine] = ()
    """Border lines that are not those of the brief."""
    terrain: Terrain | None = None
    zone: dt.tzinfo | None = None
    """Where local time counts in; None takes the machine's own."""
    frames_mb: float = 0.0
    """What whole frames from the originals may take of the page."""
    lean: bool = False
    """Of hits position, time, class and score alone: no ellipses, ranges, frames, ids and pictures."""
    basemap: Path | None = None
    basemap_mb: float = 0.0
    """What its tiles may take of the page."""

    @property
    def border_lines(self) -> Sequence[GeoLine]:
        """The border that things are measured to; none where neither brief nor lines are given."""
        return self.border or (self.brief.border.lines if self.brief is not None else ())


def operation_map(archive: Archive, around: Surroundings = Surroundings(), *, title: str = "") -> MapContent:  # noqa: B008 - frozen
    """Collect everything that operations hold.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    border = BorderLine(around.border_lines) if around.border_lines else None
    tracks = find(archive, ThingIndex(archive, singles=False), ThingSelection(border=border)).things
    name = title or ", ".join(store.name for store in archive.stores)
    return _content(archive, gather(archive, tracks, whole=True), around, name)


def found_map(archive: Archive, things: Things, around: Surroundings, *, title: str) -> MapContent:
    """Collect what goes with things that were asked for, and nothing else of the operations they are of."""
    return _content(archive, gather(archive, things, whole=False), around, title)


def _content(archive: Archive, gathered: Gathered, around: Surroundings, title: str) -> MapContent:
    content = content_of(archive, gathered, around, title)
    content = _without_details(content) if around.lean else _with_pictures(archive, gathered, around, content)
    content = dataclasses.replace(content, notes=[*content.notes, ASSESSED])
    if around.basemap is None or content.frame is None:
        return content
    try:
        base = read_basemap(around.basemap, content.frame, budget_mb=around.basemap_mb)
    except InputError as error:
        said = error.message.replace(str(around.basemap), around.basemap.name)
        return dataclasses.replace(content, problems=[*content.problems, f"There is no base map. {said}"])
    return dataclasses.replace(content, basemap=base, notes=[*content.notes, *([base.note] if base.note else [])])


def _with_pictures(archive: Archive, gathered: Gathered, around: Surroundings, content: MapContent) -> MapContent:
    chips, without = chips_by_hit(archive, gathered)
    found, notes = {**(content.found or {}), "chips": chips}, list(content.notes)
    if without:
        notes.append(f"{without} hits with low scores are shown without their picture: the page would be too big.")
    if around.frames_mb > 0.0:
        frames = frames_by_hit(archive, gathered, budget_mb=around.frames_mb)
        found["frames"] = frames.by_hit
        notes += frames.told()
    return dataclasses.replace(content, found=found, notes=notes)


def _without_details(content: MapContent) -> MapContent:
    found = {name: value for name, value in (content.found or {}).items() if name not in ("details", "hit_ids")}
    return dataclasses.replace(content, found=found, notes=[*content.notes, _LEAN])


def content_of(archive: Archive, gathered: Gathered, around: Surroundings, title: str) -> MapContent:
    """Collect what a page shows but pictures: those are embedded in a file, and delivered one by one by the console.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    lines = around.border_lines
    border = BorderLine(lines) if lines else None
    layers = [
        *(brief_layers(around.brief) if around.brief else [_border_layer(lines)] if lines else []),
        *(plan_layers(around.plan) if around.plan else []),
        flown_layer(around.flights or _camera_paths(archive)),
    ]
    found = operation_data(archive, gathered, border=border, zone=around.zone)
    age = coverage_age(archive)
    if age is not None:
        found["coverage"] = age.data()
    extent = _extent(gathered)
    content = MapContent(
        title=title,
        subtitle=_when_and_where(gathered, extent),
        layers=layers,
        found=found,
        extent=extent,
        notes=_notes(gathered),
    )
    drawn = [layer for layer in layers if layer.features]
    if not drawn and not extent:
        return content
    whole = bounds_of(drawn, extent)
    return dataclasses.replace(
        content,
        layers=[*outline_layers(whole), *layers],
        frame=whole,
        hillshade=shade(around.terrain, whole) if around.terrain is not None else None,
    )


def _border_layer(lines: Sequence[GeoLine]) -> GeometryLayer:
    pairs = [list(zip(one.lon_deg.tolist(), one.lat_deg.tolist(), strict=True)) for one in lines]
    return GeometryLayer(
        name="Border",
        features=[line(points, title="Border") for points in pairs],
        style={"color": "#b71c1c", "weight": 4},
        legend="border",
    )


def _camera_paths(archive: Archive) -> list[tuple[str, list[tuple[float, float]]]]:
    paths = []
    for store in archive.stores:
        frames = store.frames()
        media = frames.media.texts()
        for record in store.media():
            rows = frames.posed & (media == record.id)
            pairs = zip(frames.lon_deg[rows].tolist(), frames.lat_deg[rows].tolist(), strict=True)
            paths.append((record.name, list(pairs)))
    return paths


def _extent(gathered: Gathered) -> list[tuple[float, float]]:
    """Return longitude, latitude of the corners of all that was found; none where nothing has a place."""
    hits, placed = gathered.hits, gathered.hits.placed
    lat = np.concatenate([hits.lat_deg[placed], gathered.things.point_lat_deg])
    lon = np.concatenate([hits.lon_deg[placed], gathered.things.point_lon_deg])
    known = np.isfinite(lat)
    if not known.any():
        return []
    lat, lon = lat[known], lon[known]
    if np.ptp(lon) > 180.0:  # noqa: PLR2004 - nothing mapped is as wide; these lie across the antimeridian
        lon = np.where(lon < 0.0, lon + 360.0, lon)
    return [(float(lon.min()), float(lat.min())), (float(lon.max()), float(lat.max()))]


def _when_and_where(gathered: Gathered, extent: list[tuple[float, float]]) -> str:
    """Say the first and last moment, and the kilometre square in the middle."""
    told = []
    number = gathered.things.number
    dated = np.concatenate([gathered.hits.t_utc_ns, number["first_utc_ns"], number["last_utc_ns"]])
    dated = dated[dated >= 0]
    if len(dated):
        first, last = (dt.datetime.fromtimestamp(int(t) / 1e9, tz=dt.UTC) for t in (dated.min(), dated.max()))
        until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
        told.append(f"{first:%Y-%m-%d %H:%M} to {until} UTC")
    if extent:
        (west, south), (east, north) = extent
        lon = (west + east) / 2.0
        square = mgrs_of((south + north) / 2.0, lon - 360.0 if lon > 180.0 else lon)  # noqa: PLR2004 - a half turn
        told.append(f"around {square[:-12]} {square[-12:-10]} {square[-10:-8]} {square[-5:-3]}")
        countries = between((south + north) / 2.0, lon)
        told += [f"between {countries}"] if countries else []
    return ", ".join(told)


def _notes(gathered: Gathered) -> list[str]:
    reasons: dict[str, Any] = gathered.hits.reasons()
    if not reasons:
        return []
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return [f"{sum(reasons.values())} hits have no place on the ground: {listed}."]
