"""How far a flight is from its plan: off the path, off the height, near the line, and how much of the work is flown."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from missions.failsafes.return_path import flown_items
from missions.plan import LegKind
from missions.plan_files.dialect import PATH_COMMANDS, has_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.flight.values import FlownTrack
    from missions.plan import MissionItem, Sortie

    Floats = NDArray[np.float64]

_RELATIVE_FRAMES = frozenset({3, 6})
_TERRAIN_FRAMES = frozenset({10, 11})
_BORDER_STEP_DEG = 0.005
_NEAR_DEG = 1.0
_COVER_TOLERANCE_M = 25.0
_RETURN = 20
_CIRCLED = {17: "p3", 18: "p3", 19: "p3", 31: "p2"}
"""Items that are circled, and which parameter holds the radius (MAVLink common.xml)."""
_VEHICLES_CIRCLE_M = 80.0
"""WP_LOITER_RAD and NAV_LOITER_RAD as ArduPlane and PX4 have them by default."""


class LocalPlane:
    """Metres east and north of a point: azimuthal equidistant on WGS 84 (Snyder 1987, section 25)."""

    def __init__(self, lat_deg: float, lon_deg: float) -> None:
        local = pyproj.CRS.from_proj4(f"+proj=aeqd +lat_0={lat_deg!r} +lon_0={lon_deg!r} +datum=WGS84 +units=m")
        self._centre = (lat_deg, lon_deg)
        self._forward = pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def xy(self, lat_deg: Floats | float, lon_deg: Floats | float) -> Floats:
        """Return (n, 2) metres east, north."""
        east, north = self._forward.transform(np.atleast_1d(lon_deg), np.atleast_1d(lat_deg))
        return np.column_stack([east, north])

    def project(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a longitude/latitude geometry in metres, its long sides made short first.

        What is farther than a degree is cut away, unless that is all there is: a
        country's whole border must not slow down every position.
        """
        lat, lon = self._centre
        near = shapely.clip_by_rect(geometry, lon - _NEAR_DEG, lat - _NEAR_DEG, lon + _NEAR_DEG, lat + _NEAR_DEG)
        fine = shapely.segmentize(geometry if near.is_empty else near, _BORDER_STEP_DEG)
        return shapely.transform(fine, lambda lonlat: self.xy(lonlat[:, 1], lonlat[:, 0]))


def segment_distances(point: Floats, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Return the distance from a point to each segment, and where along it (0..1) the nearest place is."""
    along = ends - starts
    length2 = np.einsum("ij,ij->i", along, along)
    share = np.einsum("ij,ij->i", point - starts, along) / np.where(length2 > 0, length2, 1.0)
    share = np.clip(share, 0.0, 1.0)
    return np.hypot(*(point - starts - share[:, None] * along).T), share


class LineWatch:
    """How near a way comes to the line, piece by piece as it is flown."""

    def __init__(self, plane: LocalPlane, line: BaseGeometry | None) -> None:
        self._plane, self._line = plane, line
        self._before: Floats | None = None

    def standoff_m(self, lat_deg: float, lon_deg: float) -> float:
        """Return metres from the line to the piece since the last call; 0 when it was crossed, NaN without a line."""
        if self._line is None:
            return math.nan
        point = self._plane.xy(lat_deg, lon_deg)[0]
        before = point if self._before is None else self._before
        self._before = point
        piece = shapely.linestrings([before, point]) if not np.array_equal(before, point) else shapely.points(point)
        return float(shapely.distance(self._line, piece))

    def leave(self) -> None:
        """End this way: the next place is no piece's end."""
        self._before = None


class PathWatch:
    """Compare positions with the path that the uploaded items describe.

    The path runs from home over every item the aircraft flies to. A position
    is compared with the segment it is flying now, the one before and the one
    after: telemetry may be a message late, and passes of one patrol lie close
    to each other, so the nearest segment of all would hide a wrong one.

    Parameters
    ----------
    sortie
        The flight; its legs give the planned times and battery.
    items
        The mission as on the wire.
    home_offset
        How many items the wire has before the sortie's first (1 for ArduPilot).
    border
        The line to stand off from, longitude/latitude.
    """

    def __init__(
        self, sortie: Sortie, items: Sequence[MissionItem], *, home_offset: int, border: BaseGeometry | None = None
    ) -> None:
        self._plane = LocalPlane(sortie.home_lat_deg, sortie.home_lon_deg)
        self._sortie = sortie
        flown = flown_items(items[home_offset:])
        stops = [i for i in flown if i.command in PATH_COMMANDS and has_position(i)]
        self.goal_seq = stops[-1].seq if stops else -1
        """The wire number of the last item with a place to fly to; -1 without any."""
        stops += [_at_home(i, sortie) for i in items[home_offset:] if i.command == _RETURN and i.seq > self.goal_seq][
            :1
        ]
        self._seqs = np.array([i.seq for i in stops], dtype=np.int64)
        home_xy = self._plane.xy(sortie.home_lat_deg, sortie.home_lon_deg)
        places = [home_xy, *(self._plane.xy(i.lat_deg, i.lon_deg) for i in stops)]
        self._points = np.vstack(places)
        home_alt = sortie.home_alt_amsl_m
        self._alts = np.array([home_alt, *(_alt_amsl_m(i, home_alt) for i in stops)])
        self._radii = np.array([0.0, *(_circle_m(i) for i in stops)])
        self._lengths = np.hypot(*np.diff(self._points, axis=0).T) if len(stops) else np.zeros(0)
        line = None if border is None else self._plane.project(border)
        self.flown = LineWatch(self._plane, line)
        self.elsewhere = LineWatch(self._plane, line)
        """The way flown if not the vehicle's position is right but what differs from it."""

    def _segments(self, seq: int) -> NDArray[np.int64]:
        target = int(np.searchsorted(self._seqs, seq))
        return np.arange(max(0, target - 1), min(len(self._seqs), target + 2))

    def off_path_m(self, lat_deg: float, lon_deg: float, seq: int) -> float:
        """Return metres off the path while flying to item `seq`; NaN without a path."""
        near = self._segments(seq)
        if not len(near):
            return math.nan
        point = self._plane.xy(lat_deg, lon_deg)[0]
        distances, _ = segment_distances(point, self._points[near], self._points[near + 1])
        about = np.unique([near, near + 1])
        circled = np.hypot(*(self._points[about] - point).T) - self._radii[about]
        return float(max(0.0, min(distances.min(), circled[self._radii[about] > 0.0].min(initial=math.inf))))

    def height_error_m(self, lat_deg: float, lon_deg: float, alt_amsl_m: float, seq: int) -> float:
        """Return metres outside the heights that the flown segment spans; NaN where no height is planned."""
        near = self._segments(seq)
        if not len(near):
            return math.nan
        heights = np.concatenate([self._alts[near], self._alts[near + 1]])
        low, high = np.min(heights), np.max(heights)
        return float(max(low - alt_amsl_m, alt_amsl_m - high, 0.0))

    def stop_before(self, seq: int) -> int:
        """Return the wire number of the place that the segment to `seq` starts from; -1 before the first."""
        target = int(np.searchsorted(self._seqs, seq))
        return int(self._seqs[target - 1]) if 0 < target <= len(self._seqs) else -1

    def has_passed_goal(self, track: FlownTrack, within_m: float) -> bool:
        """Whether the track comes within reach of the last place to fly to (loiters are flown round it).

        What was flown before that place was flown to does not count: paths come by it earlier.
        """
        late = track.mission_seq >= self.goal_seq
        if not late.any() or self.goal_seq < 0:
            return False
        goal = self._points[1 + int(np.searchsorted(self._seqs, self.goal_seq))]
        away = np.hypot(*(self._plane.xy(track.lat_deg[late], track.lon_deg[late]) - goal).T)
        return bool(away.min() <= within_m)

    def remaining_s(self, lat_deg: float, lon_deg: float, seq: int) -> float:
        """Return planned seconds from here to the landing, by the share of the path still to fly."""
        total_m = float(self._lengths.sum())
        if not self._sortie.legs or total_m == 0.0:
            return math.nan
        return self.planned_s * (1.0 - self.progress(lat_deg, lon_deg, seq))

    def progress(self, lat_deg: float, lon_deg: float, seq: int) -> float:
        """Return the share of the path flown, 0..1."""
        total_m = float(self._lengths.sum())
        target = int(np.searchsorted(self._seqs, seq))
        if total_m == 0.0 or target >= len(self._seqs):
            return 1.0
        left = np.hypot(*(self._points[target + 1] - self._plane.xy(lat_deg, lon_deg)[0]))
        left += self._lengths[target + 1 :].sum()
        return float(np.clip(1.0 - left / total_m, 0.0, 1.0))

    @property
    def planned_s(self) -> float:
        """How long the plan says the flight takes; NaN without legs."""
        legs = self._sortie.legs
        return legs[-1].t_end_s - legs[0].t_start_s if legs else math.nan

    def planned_battery_pct(self, progress: float) -> float:
        """Return what the plan says is left in the battery at this share of the path."""
        legs = self._sortie.legs
        if not legs:
            return math.nan
        times = [legs[0].t_start_s, *(leg.t_end_s for leg in legs)]
        charges = [100.0, *(leg.battery_end_pct for leg in legs)]
        return float(np.interp(times[0] + progress * self.planned_s, times, charges))


def _circle_m(item: MissionItem) -> float:
    """Return the radius of the circle an item is flown on, 0 for none; the vehicle's own where it names none."""
    field = _CIRCLED.get(item.command)
    if field is None:
        return 0.0
    radius = abs(getattr(item, field))
    return radius if radius > 0.0 else _VEHICLES_CIRCLE_M


def _at_home(item: MissionItem, sortie: Sortie) -> MissionItem:
    """Give a return-to-launch the place it flies to, so that the way home counts as path."""
    return dataclasses.replace(item, lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_m=0.0, frame=3)


def _alt_amsl_m(item: MissionItem, home_alt_amsl_m: float) -> float:
    if item.frame in _TERRAIN_FRAMES:
        return math.nan
    return item.alt_m + home_alt_amsl_m if item.frame in _RELATIVE_FRAMES else item.alt_m


def work_flown_pct(track: FlownTrack, sortie: Sortie) -> float:
    """Return the share of the work legs' length that was flown within 25 m, per cent.

    The default measure of coverage; a footprint-based one can be passed to the
    flight instead. NaN when the sortie has no work legs.
    """
    work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
    if not work:
        return math.nan
    if len(track) < 2:
        return 0.0
    plane = LocalPlane(sortie.home_lat_deg, sortie.home_lon_deg)
    flown = shapely.buffer(shapely.linestrings(plane.xy(track.lat_deg, track.lon_deg)), _COVER_TOLERANCE_M)
    starts = plane.xy(np.array([leg.lat_start_deg for leg in work]), np.array([leg.lon_start_deg for leg in work]))
    ends = plane.xy(np.array([leg.lat_end_deg for leg in work]), np.array([leg.lon_end_deg for leg in work]))
    lines = shapely.linestrings(np.stack([starts, ends], axis=1))
    total_m = float(shapely.length(lines).sum())
    covered_m = float(shapely.length(shapely.intersection(lines, flown)).sum())
    return 100.0 * covered_m / total_m if total_m else math.nan
