"""A plan against its own fence: drawn soundly, home inside, and every leg (not only every waypoint) within it."""

from __future__ import annotations

import dataclasses
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Fence:
    """The air a fence leaves, in a plane."""

    keep_in: BaseGeometry | None
    """The air to stay in; None: everywhere."""
    keep_out: BaseGeometry
    areas: int
    """How many inclusion areas the first is what they have in common of."""

    @property
    def called(self) -> str:
        return "the fence" if self.areas < 2 else f"the air that its {self.areas} inclusion areas share"


def fence_findings(
    document: PlanDocument, legs: tuple[Leg, ...], frame: LocalFrame, *, union: bool = True
) -> Iterator[Finding]:
    """Judge the fence itself and every leg against it.

    `union` tells whether the aircraft may be in any of several inclusion areas (PX4, `Geofence::checkPolygons`;
    ArduPilot with bit 1 of FENCE_OPTIONS), or must be in all at once (ArduPilot, `AC_PolyFence_loader::breached`).
    """
    if not document.fence:
        return
    fence, faults = _shapes(document.fence, frame, union=union)
    yield from faults
    if fence.keep_in is None and fence.keep_out.is_empty:
        return
    yield from _home(document, fence, frame)
    yield from _rally(document, fence, frame)
    lines = _lines(legs, frame)
    held = np.ones(len(legs), dtype=bool) if fence.keep_in is None else shapely.covers(fence.keep_in, lines)
    met = shapely.intersects(fence.keep_out, lines)
    called = fence.called if fence.areas > 1 else "the inclusion fence"
    clear = held & ~met
    kept_legs = [leg for leg, is_clear in zip(legs, clear.tolist(), strict=True) if is_clear]
    yield from _margin(document, kept_legs, lines[clear], fence, frame)
    for leg, line, inside_it, meets in zip(legs, lines, held.tolist(), met.tolist(), strict=True):
        if fence.keep_in is not None and not inside_it:
            outside = line.difference(fence.keep_in) if line.length > 0.0 else line
            yield _leg_finding(leg, outside, frame, f"leaves {called} for {outside.length:.0f} m")
        if meets:
            inside = line.intersection(fence.keep_out)
            if inside.length > _TOLERANCE_M:
                yield _leg_finding(leg, inside, frame, f"crosses an exclusion fence for {inside.length:.0f} m")


def _lines(legs: tuple[Leg, ...], frame: LocalFrame) -> NDArray[np.object_]:
    """Return the legs in the plane."""
    lat = np.array([(leg.lat_start_deg, leg.lat_end_deg) for leg in legs]).reshape(-1)
    lon = np.array([(leg.lon_start_deg, leg.lon_end_deg) for leg in legs]).reshape(-1)
    return np.asarray(shapely.linestrings(frame.to_plane(lat, lon).reshape(-1, 2, 2)))


def _shapes(fence: tuple[MissionItem, ...], frame: LocalFrame, *, union: bool) -> tuple[_Fence, list[Finding]]:
    """Return the air a fence leaves, and what is wrong with the drawing."""
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
    inside = shapely.union_all(wanted) if union else shapely.intersection_all(wanted)
    if wanted and inside.area <= 0.0:
        faults.append(_nothing_shared(len(wanted), fence[0]))
        wanted = []
    return _Fence(
        keep_in=shapely.buffer(inside, _TOLERANCE_M) if wanted else None,
        keep_out=shapely.union_all(unwanted),
        areas=1 if union else len(wanted),
    ), faults


def _nothing_shared(count: int, first: MissionItem) -> Finding:
    return Finding(
        rule="fence.drawing",
        severity=Severity.ERROR,
        message=f"the {count} inclusion areas of the fence share no air, and ArduPilot keeps the aircraft in all of "
        "them at once: it breaches one before take-off; draw one area, or set FENCE_OPTIONS bit 1 (2, their union)",
        lat_deg=first.lat_deg,
        lon_deg=first.lon_deg,
    )


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


def _home(document: PlanDocument, fence: _Fence, frame: LocalFrame) -> Iterator[Finding]:
    if document.home is not None:
        home = document.home.lat_deg, document.home.lon_deg
        breach = "home {what}; the aircraft would breach it before take-off"
        yield from _landing(home, fence, frame, ("fence.home", breach))


def _rally(document: PlanDocument, fence: _Fence, frame: LocalFrame) -> Iterator[Finding]:
    """Find rally points that the aircraft breaches its fence to reach."""
    for number, item in enumerate(document.rally, start=1):
        breach = f"rally point {number} {{what}}; a return to it breaches the fence"
        yield from _landing((item.lat_deg, item.lon_deg), fence, frame, ("fence.rally", breach))


def _landing(place: tuple[float, float], fence: _Fence, frame: LocalFrame, told: tuple[str, str]) -> Iterator[Finding]:
    """Find a place to land at that lies beyond the fence; `told` are the rule and what to say, with `{what}` in it."""
    point = shapely.Point(_plane([place], frame)[0])
    distance_m = 0.0 if fence.keep_in is None else float(fence.keep_in.distance(point))
    if distance_m <= 0.0 and not fence.keep_out.contains(point):
        return
    what = f"lies {distance_m:.0f} m outside {fence.called}" if distance_m > 0.0 else "lies in an exclusion fence"
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
    document: PlanDocument, legs: Sequence[Leg], lines: NDArray[np.object_], fence: _Fence, frame: LocalFrame
) -> Iterator[Finding]:
    """Warn of the leg, home and rally point nearest to the fence, where errors and turns carry the aircraft over it."""
    home = () if document.home is None else ((document.home.lat_deg, document.home.lon_deg),)
    rally = tuple((item.lat_deg, item.lon_deg) for item in document.rally)
    told: list[Finding] = []
    for places, names in ((home, ["home"]), (rally, [f"rally point {k}" for k in range(1, len(rally) + 1)])):
        points = [shapely.Point(xy) for xy in _plane(list(places), frame)] if places else []
        held = [
            k for k, point in enumerate(points)
            if (fence.keep_in is None or fence.keep_in.covers(point)) and not fence.keep_out.contains(point)
        ]  # fmt: skip
        kept = np.array([points[k] for k in held], dtype=object)
        told += _nearest([names[k] for k in held], [-1] * len(held), kept, fence, frame)
    seqs = [leg.seq for leg in legs]
    places_told = {(round(one.lat_deg, 6), round(one.lon_deg, 6)) for one in told}
    for one in _nearest([f"the leg to item {seq + 1}" for seq in seqs], seqs, lines, fence, frame):
        if (round(one.lat_deg, 6), round(one.lon_deg, 6)) not in places_told:  # a leg that begins or ends at home
            told.append(one)
    yield from told


def _nearest(
    names: Sequence[str], seqs: Sequence[int], shapes: NDArray[np.object_], fence: _Fence, frame: LocalFrame
) -> Iterator[Finding]:
    """Warn of the nearest of some shapes to each kind of edge, where that is nearer than errors reach."""
    if not names:
        return
    for edge, where, slack_m in (
        (fence.keep_in and shapely.boundary(fence.keep_in), "inside the fence", _TOLERANCE_M),
        (fence.keep_out, "from an exclusion fence", 0.0),
    ):
        if edge is None or edge.is_empty:
            continue
        away_m = np.maximum(shapely.distance(shapes, edge) - slack_m, 0.0)
        k = int(np.argmin(away_m))
        if away_m[k] >= ERROR_M:
            continue
        x, y = shapely.get_coordinates(shapely.shortest_line(shapes[k], edge))[0]
        lat, lon = frame.to_degrees(np.array([[x, y]]))
        yield Finding(
            rule="fence.margin",
            severity=Severity.WARNING,
            message=f"{names[k]} is {away_m[k]:.1f} m {where}; GNSS and tracking errors need "
            f"{ERROR_M:.1f} m, or the fence is breached in a flight without a fault",
            lat_deg=float(lat[0]),
            lon_deg=float(lon[0]),
            seq=seqs[k],
            measured=round(float(away_m[k]), 2),
            limit=ERROR_M,
            unit="m",
            advice=f"a fence {ERROR_M:.0f} m or more off it",
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
