"""A plan against its own fence: drawn soundly, home inside, and every leg (not only every waypoint) within it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.fence import ERROR_M
from missions.plan import Finding, Severity
from missions.plan_files.qgc_fence import CIRCLE, fence_polygons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor_frame import LocalFrame
    from missions.plan import Leg, MissionItem
    from missions.plan_files.plan_document import PlanDocument

_ANTIMERIDIAN_SPAN_DEG: Final = 180.0
_TOLERANCE_M: Final = 0.05


def fence_findings(document: PlanDocument, legs: tuple[Leg, ...], frame: LocalFrame) -> Iterator[Finding]:
    """Judge the fence itself and every leg against it."""
    if not document.fence:
        return
    keep_in, keep_out, faults = _shapes(document.fence, frame)
    yield from faults
    if keep_in is None and keep_out.is_empty:
        return
    yield from _home(document, keep_in, keep_out, frame)
    yield from _rally(document, keep_in, keep_out, frame)
    lines = _lines(legs, frame)
    held = np.ones(len(legs), dtype=bool) if keep_in is None else shapely.covers(keep_in, lines)
    met = shapely.intersects(keep_out, lines)
    kept_legs = [leg for leg, inside_it in zip(legs, held.tolist(), strict=True) if inside_it]
    yield from _margin(document, kept_legs, lines[held], keep_in, frame)
    for leg, line, inside_it, meets in zip(legs, lines, held.tolist(), met.tolist(), strict=True):
        if keep_in is not None and not inside_it:
            outside = line.difference(keep_in) if line.length > 0.0 else line
            yield _leg_finding(leg, outside, frame, f"leaves the inclusion fence for {outside.length:.0f} m")
        if meets:
            inside = line.intersection(keep_out)
            if inside.length > _TOLERANCE_M:
                yield _leg_finding(leg, inside, frame, f"crosses an exclusion fence for {inside.length:.0f} m")


def _lines(legs: tuple[Leg, ...], frame: LocalFrame) -> NDArray[np.object_]:
    """Return the legs in the plane."""
    lat = np.array([(leg.lat_start_deg, leg.lat_end_deg) for leg in legs]).reshape(-1)
    lon = np.array([(leg.lon_start_deg, leg.lon_end_deg) for leg in legs]).reshape(-1)
    return np.asarray(shapely.linestrings(frame.to_plane(lat, lon).reshape(-1, 2, 2)))


def _shapes(
    fence: tuple[MissionItem, ...], frame: LocalFrame
) -> tuple[BaseGeometry | None, BaseGeometry, list[Finding]]:
    """Return the air to stay in (None: everywhere), the air to keep out of, and what is wrong with the drawing."""
    wanted: list[BaseGeometry] = []
    unwanted: list[BaseGeometry] = []
    faults: list[Finding] = []
    for number, (inclusion, ring) in enumerate(fence_polygons(fence), start=1):
        fault = _ring_fault(number, ring, frame)
        if fault is not None:
            faults.append(fault)
            continue
        shape = shapely.Polygon(_plane(ring, frame))
        (wanted if inclusion else unwanted).append(shape)
    for item in fence:
        if item.command in CIRCLE.values():
            centre = _plane([(item.lat_deg, item.lon_deg)], frame)[0]
            disc = shapely.buffer(shapely.Point(centre), item.p1, quad_segs=32)
            (wanted if item.command == CIRCLE[True] else unwanted).append(disc)
    keep_in = shapely.buffer(shapely.union_all(wanted), _TOLERANCE_M) if wanted else None
    return keep_in, shapely.union_all(unwanted), faults


def _plane(ring: list[tuple[float, float]], frame: LocalFrame) -> np.ndarray:
    points = np.array(ring, dtype=float)
    return frame.to_plane(points[:, 0], points[:, 1])


def _ring_fault(number: int, ring: list[tuple[float, float]], frame: LocalFrame) -> Finding | None:
    if len(ring) < 3:
        return _fault(number, 0, ring[0], f"has {len(ring)} corners; at least three are needed")
    lon = [p[1] for p in ring]
    for index in range(len(ring)):
        if abs(lon[index] - lon[index - 1]) > _ANTIMERIDIAN_SPAN_DEG:
            return _fault(number, index, ring[index], "crosses the antimeridian; autopilots cannot hold that")
    polygon = shapely.Polygon(_plane(ring, frame))
    if polygon.is_valid and polygon.area > 0.0:
        return None
    index = _crossing_corner(_plane(ring, frame))
    return _fault(number, index, ring[index], "crosses itself; draw it again without crossing lines")


def _crossing_corner(corners: np.ndarray) -> int:
    """Return the first corner whose edge meets an edge that is not its neighbour."""
    count = len(corners)
    edges = np.asarray(shapely.linestrings(np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)))
    for index in range(count):
        others = [k for k in range(count) if k not in (index, (index + 1) % count, (index - 1) % count)]
        if others and shapely.intersects(edges[index], edges[others]).any():
            return index
    return 0


def _fault(number: int, index: int, corner: tuple[float, float], what: str) -> Finding:
    return Finding(
        rule="fence.drawing",
        severity=Severity.ERROR,
        message=f"fence polygon {number}, corner {index + 1} ({corner[0]:.6f}, {corner[1]:.6f}): {what}",
        lat_deg=corner[0],
        lon_deg=corner[1],
    )


def _home(
    document: PlanDocument, keep_in: BaseGeometry | None, keep_out: BaseGeometry, frame: LocalFrame
) -> Iterator[Finding]:
    if document.home is not None:
        home = document.home.lat_deg, document.home.lon_deg
        breach = "home {what}; the aircraft would breach it before take-off"
        yield from _landing(home, keep_in, keep_out, frame, ("fence.home", breach))


def _rally(
    document: PlanDocument, keep_in: BaseGeometry | None, keep_out: BaseGeometry, frame: LocalFrame
) -> Iterator[Finding]:
    """Find rally points that the aircraft breaches its fence to reach."""
    for number, item in enumerate(document.rally, start=1):
        breach = f"rally point {number} {{what}}; a return to it breaches the fence"
        yield from _landing((item.lat_deg, item.lon_deg), keep_in, keep_out, frame, ("fence.rally", breach))


def _landing(
    place: tuple[float, float],
    keep_in: BaseGeometry | None,
    keep_out: BaseGeometry,
    frame: LocalFrame,
    told: tuple[str, str],
) -> Iterator[Finding]:
    """Find a place to land at that lies beyond the fence; `told` are the rule and what to say, with `{what}` in it."""
    point = shapely.Point(_plane([place], frame)[0])
    distance_m = 0.0 if keep_in is None else float(keep_in.distance(point))
    if distance_m <= 0.0 and not keep_out.contains(point):
        return
    what = f"lies {distance_m:.0f} m outside the fence" if distance_m > 0.0 else "lies in an exclusion fence"
    rule, text = told
    yield Finding(
        rule=rule,
        severity=Severity.ERROR,
        message=text.format(what=what),
        lat_deg=place[0],
        lon_deg=place[1],
        measured=distance_m,
        limit=0.0,
        unit="m",
    )


def _margin(
    document: PlanDocument,
    legs: Sequence[Leg],
    lines: NDArray[np.object_],
    keep_in: BaseGeometry | None,
    frame: LocalFrame,
) -> Iterator[Finding]:
    """Warn of the place nearest to the fence's edge from inside, where errors and turns carry the aircraft over it."""
    if keep_in is None:
        return
    edge = shapely.boundary(keep_in)
    away_m = shapely.distance(lines, edge) - _TOLERANCE_M
    nearest = int(np.argmin(away_m)) if len(legs) else -1
    kept: list[tuple[float, str, int, BaseGeometry]] = []
    if nearest >= 0:
        seq = legs[nearest].seq
        kept.append((float(away_m[nearest]), f"the leg to item {seq + 1}", seq, lines[nearest]))
    if document.home is not None:
        home = shapely.Point(_plane([(document.home.lat_deg, document.home.lon_deg)], frame)[0])
        if keep_in.covers(home):
            kept.append((float(shapely.distance(home, edge)) - _TOLERANCE_M, "home", -1, home))
    distance_m, what, seq, shape = min(kept, key=lambda k: k[0], default=(math.inf, "", -1, edge))
    if distance_m >= ERROR_M:
        return
    x, y = shapely.get_coordinates(shapely.shortest_line(shape, edge))[0]
    lat, lon = frame.to_degrees(np.array([[x, y]]))
    yield Finding(
        rule="fence.margin",
        severity=Severity.WARNING,
        message=f"{what} is {max(distance_m, 0.0):.1f} m inside the fence; GNSS and tracking errors need "
        f"{ERROR_M:.1f} m, or the fence is breached in a flight without a fault",
        lat_deg=float(lat[0]),
        lon_deg=float(lon[0]),
        seq=seq,
        measured=round(max(distance_m, 0.0), 2),
        limit=ERROR_M,
        unit="m",
        advice=f"a fence {ERROR_M:.0f} m or more outside the path",
    )


def _leg_finding(leg: Leg, part: BaseGeometry, frame: LocalFrame, what: str) -> Finding:
    x, y = shapely.get_coordinates(part)[0]
    lat, lon = frame.to_degrees(np.array([[x, y]]))
    return Finding(
        rule="fence.leg",
        severity=Severity.ERROR,
        message=f"the leg to item {leg.seq + 1} {what}, first at {lat[0]:.6f}, {lon[0]:.6f}",
        lat_deg=float(lat[0]),
        lon_deg=float(lon[0]),
        seq=leg.seq,
        measured=float(part.length) if not math.isnan(part.length) else math.nan,
        limit=0.0,
        unit="m",
    )
