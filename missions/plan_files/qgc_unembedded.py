"""What QGroundControl patterns without embedded items fly: structure scans, landings, early surveys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import InputError
from missions.patterns.lanes import lanes_across, serpentine
from missions.patterns.plane import frame_about, polygon_xy, to_lonlat
from missions.plan import MissionItem
from missions.plan_files.dialect import MAV_FRAME_GLOBAL, MAV_FRAME_GLOBAL_RELATIVE_ALT, MAV_FRAME_MISSION

if TYPE_CHECKING:
    from missions.airspace.corridor_frame import LocalFrame
    from missions.documents.json_place import JsonPlace


_WAYPOINT: Final = 16


class _Writer:
    """Collects numbered items."""

    def __init__(self, first: int, frame: int) -> None:
        self.items: list[MissionItem] = []
        self._first = first
        self._frame = frame

    def place(self, command: int, lonlat: tuple[float, float], alt_m: float, *params: float) -> None:
        """Add an item with a place; a waypoint's heading is unset, as QGroundControl leaves it."""
        params = params or ((0.0, 0.0, 0.0, math.nan) if command == _WAYPOINT else ())
        self._add(command, self._frame, params, lon_deg=float(lonlat[0]), lat_deg=float(lonlat[1]), alt_m=alt_m)

    def command(self, command: int, *params: float, **more: float) -> None:
        self._add(command, MAV_FRAME_MISSION, params, **more)

    def _add(self, command: int, frame: int, params: tuple[float, ...], **more: float) -> None:
        values = dict(zip(("p1", "p2", "p3", "p4"), params, strict=False)) | more
        self.items.append(
            MissionItem(seq=self._first + len(self.items), command=command, frame=frame, **values)  # type: ignore[arg-type]
        )


def _polygon(place: JsonPlace) -> tuple[LocalFrame, shapely.Polygon]:
    where = place.at("polygon")
    lonlat = np.array([p.lat_lon()[::-1] for p in where.each()])
    try:
        frame = frame_about(lonlat)
        return frame, polygon_xy(frame, [lonlat])
    except InputError as error:
        raise InputError(f"{where.where}: {error.message}", **error.fields) from error


def _moved_out(polygon: shapely.Polygon, distance_m: float) -> np.ndarray:
    """Return the corners of a polygon with every edge moved out, in the order drawn, sharp corners kept sharp.

    Each corner is where the two edges that meet there then cross (`QGCMapPolygon::offset`), shape (n, 2) metres.
    """
    corners = shapely.get_coordinates(polygon.exterior)[:-1]
    edges = np.roll(corners, -1, axis=0) - corners
    along = edges / np.hypot(*edges.T)[:, None]
    out = np.stack([along[:, 1], -along[:, 0]], axis=1) * (1.0 if polygon.exterior.is_ccw else -1.0)
    before, out_before = np.roll(along, 1, axis=0), np.roll(out, 1, axis=0)
    turn = before[:, 0] * along[:, 1] - before[:, 1] * along[:, 0]
    straight = np.abs(turn) < 1e-9
    shift = (out - out_before) * distance_m
    reach = (shift[:, 0] * along[:, 1] - shift[:, 1] * along[:, 0]) / np.where(straight, 1.0, turn)
    moved = corners + out_before * distance_m + before * np.where(straight, 0.0, reach)[:, None]
    return np.asarray(moved)


def flatten_structure_scan(place: JsonPlace, first: int) -> list[MissionItem]:
    """Rebuild a StructureScan: a loop around the structure on each layer, camera towards it.

    The loop is the polygon moved out by the scan distance; layers are one frontal
    footprint apart, the first half of one from the bottom or the top.
    """
    frame, polygon = _polygon(place)
    camera = place.at("CameraCalc")
    distance_m = camera.at("DistanceToSurface").number()
    if polygon.buffer(distance_m, join_style="mitre").is_empty:
        camera.at("DistanceToSurface").refuse("leaves nothing of the structure to fly around")
    around = to_lonlat(frame, _moved_out(polygon, distance_m))
    loop = [(float(lon), float(lat)) for lon, lat in np.vstack([around, around[:1]])]
    entrance_m = place.at("EntranceAltitude").number()
    layer_m, trigger_m = (camera.at(f"AdjustedFootprint{s}").number() for s in ("Frontal", "Side"))
    from_top = bool(place.at("StartFromTop").value)
    start_m = place.at("StructureHeight" if from_top else "ScanBottomAlt").number()
    writer = _Writer(first, MAV_FRAME_GLOBAL_RELATIVE_ALT)
    writer.place(16, loop[0], entrance_m)
    writer.command(196, lat_deg=place.at("GimbalPitch").number(), alt_m=90.0)
    for layer in range(place.at("Layers").integer()):
        alt_m = start_m + (-1.0 if from_top else 1.0) * (layer + 0.5) * layer_m
        writer.place(16, loop[0], alt_m)
        writer.command(206, trigger_m, 0.0, 1.0)
        for corner in loop[1:]:
            writer.place(16, corner, alt_m)
        writer.command(206, 0.0)
    writer.command(197)
    writer.place(16, loop[0], entrance_m)
    return writer.items


def flatten_landing(place: JsonPlace, first: int, *, vtol: bool) -> list[MissionItem]:
    """Rebuild a landing pattern: land start, cameras off, approach (circle down or waypoint), land."""
    relative = bool(place.at("altitudesAreRelative").value)
    writer = _Writer(first, MAV_FRAME_GLOBAL_RELATIVE_ALT if relative else MAV_FRAME_GLOBAL)
    writer.command(189)
    if place.value.get("stopTakingPhotos"):
        writer.command(206, 0.0)
        writer.command(2001)
    if place.value.get("stopVideoPhotos") or place.value.get("stopTakingVideo"):
        writer.command(2501)
    lat_deg, lon_deg, alt_m = _three(place.at("landingApproachCoordinate"))
    radius_m = place.at("loiterRadius").number() * (1.0 if place.at("loiterClockwise").value else -1.0)
    if place.value.get("useLoiterToAlt", True):
        writer.place(31, (lon_deg, lat_deg), alt_m, 1.0, radius_m, 0.0, 1.0)
    else:
        writer.place(16, (lon_deg, lat_deg), alt_m)
    lat_deg, lon_deg, alt_m = _three(place.at("landCoordinate"))
    writer.place(85 if vtol else 21, (lon_deg, lat_deg), alt_m)
    return writer.items


def _three(place: JsonPlace) -> tuple[float, float, float]:
    lat_deg, lon_deg = place.lat_lon()
    numbers = [p.number() for p in place.each()]
    if len(numbers) < 3:
        place.refuse("needs an altitude as its third number")
    return lat_deg, lon_deg, numbers[2]


def flatten_old_survey(place: JsonPlace, first: int) -> list[MissionItem]:
    """Rebuild a survey of version 2 or 3 from its grid: lanes, turnarounds, and the camera on the lanes."""
    frame, polygon = _polygon(place)
    grid = place.at("grid")
    spacing_m = grid.at("spacing").number()
    if spacing_m <= 0.0:
        grid.at("spacing").refuse(f"must be above 0 m, found {spacing_m}")
    lanes = lanes_across(polygon, direction_rad=math.radians(90.0 - grid.at("angle").number()), swath_m=spacing_m)
    relative = bool(grid.at("relativeAltitude").value)
    writer = _Writer(first, MAV_FRAME_GLOBAL_RELATIVE_ALT if relative else MAV_FRAME_GLOBAL)
    turnaround_m = grid.at("turnAroundDistance").number()
    trigger_m = place.at("cameraTriggerDistance").number() if place.has("cameraTriggerDistance") else 0.0
    for start, end in serpentine(lanes):
        _lane(writer, frame, (start, end), turnaround_m, grid.at("altitude").number(), trigger_m)
    return writer.items


def _lane(
    writer: _Writer,
    frame: LocalFrame,
    ends: tuple[np.ndarray, np.ndarray],
    turn_m: float,
    alt_m: float,
    trigger_m: float,
) -> None:
    start, end = ends
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    points = to_lonlat(frame, np.array([start - turn_m * along, start, end, end + turn_m * along]))
    before, on, off, after = ((float(lon), float(lat)) for lon, lat in points)
    if turn_m > 0.0:
        writer.place(16, before, alt_m)
    writer.place(16, on, alt_m)
    if trigger_m > 0.0:
        writer.command(206, trigger_m, 0.0, 1.0)
    writer.place(16, off, alt_m)
    if trigger_m > 0.0:
        writer.command(206, 0.0)
    if turn_m > 0.0:
        writer.place(16, after, alt_m)
