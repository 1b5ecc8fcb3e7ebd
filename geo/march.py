"""Where rays first meet the ground: an adaptive march, then a bracketed root on bilinear heights.

Along a ray, latitude, longitude and height are smooth; over the part that can
touch the ground they are replaced by parabolas or cubics through exact points
(below a millimetre for 20 km and |latitude| < 75 degrees), which makes a step
cheap. The contact itself is placed exactly, and dropped if the ground there is
more than half a metre away. Over a grid, a ray skips any block of posts whose highest post it clears, and
never moves by more than half a post otherwise.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import ecef_components_to_geodetic, wrap_longitude_deg
from geo.surface import Pace, TiledSurface, surface_of
from geo.values import REASONS, Unplaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.rays import Rays
    from geo.surface import Surface
    from geo.values import FloatArray, Terrain

    Codes = NDArray[np.int8]
    Columns = tuple[FloatArray, FloatArray, FloatArray]

CODE: Final = {reason: code for code, reason in enumerate(REASONS)}
CHUNK: Final = 16_384
"""Rays at a time: their working columns then stay in the processor's cache."""
_MEAN_RADIUS_M: Final = 6_371_000.0
_SLAB_MARGIN_M: Final = 1.0
_ROOT_STEPS: Final = 40
_ROOT_TOLERANCE_M: Final = 1e-4
_UNSETTLED_M: Final = 0.5
_CROWDED: Final = 0.8
"""Finished rays are put aside once they are a fifth of the crowd."""
_PACE_ROUNDS: Final = 4
"""A ray's pace is taken anew after so many steps; over a round Earth it only sinks slower, so an old pace is safe."""
_METRES_PER_DEGREE: Final = 110_500.0
"""No degree of latitude is shorter (WGS 84: 110 574 m at the equator)."""
_SHORT_M: Final = 2_000.0
_SHORT_LATITUDE_DEG: Final = 75.0
"""Within half a span this long, parabolas through Chebyshev points are off by less than a millimetre."""


def _chebyshev(count: int) -> tuple[FloatArray, FloatArray]:
    """Return the Chebyshev points of [-1, 1] and the matrix from values there to power coefficients."""
    nodes = np.cos(np.pi * (2.0 * np.arange(count) + 1.0) / (2.0 * count))
    return nodes, np.asarray(np.linalg.inv(np.vander(nodes, count, increasing=True)))


_PARABOLA: Final = _chebyshev(3)
_CUBIC: Final = _chebyshev(4)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """First ground contacts of n rays: distance and geodetic place, or a reason code (see `REASONS`)."""

    range_m: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    reason_code: Codes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The part of each ray that can touch ground, and what it means to leave it without a contact."""

    start_m: FloatArray
    end_m: FloatArray
    miss_code: Codes


def _span(rays: Rays, surface: Surface, max_range_m: FloatArray) -> _Span:
    """Bound rays by the slab between the lowest and the highest ground, over a sphere of mean radius."""
    up = -rays.ned[2]
    curve = (1.0 - up * up) / (2.0 * _MEAN_RADIUS_M)
    above_top = rays.alt_hae_m - (surface.highest_m + _SLAB_MARGIN_M)
    above_bottom = rays.alt_hae_m - (surface.lowest_m - _SLAB_MARGIN_M)
    with np.errstate(invalid="ignore", divide="ignore"):
        enter_root = np.sqrt(up * up - 4.0 * curve * above_top)
        enter = np.where(above_top <= 0.0, 0.0, np.where(up < 0.0, 2.0 * above_top / (enter_root - up), np.nan))
        leave_top = np.where((up > 0.0) & (above_top <= 0.0), -2.0 * above_top / (enter_root + up), np.inf)
        sink_root = np.sqrt(up * up - 4.0 * curve * above_bottom)
        sink = np.where(up < 0.0, 2.0 * np.maximum(above_bottom, 0.0) / (sink_root - up), np.nan)
    sinks = ~np.isnan(sink)
    end = np.minimum(np.where(sinks, sink, leave_top), max_range_m)
    end = np.where(above_bottom <= 0.0, 1.0, end)
    miss = np.where(sinks, CODE[Unplaced.NO_TERRAIN], CODE[Unplaced.ABOVE_HORIZON])
    miss = np.where(sinks & (sink > max_range_m), CODE[Unplaced.OUT_OF_RANGE], miss)
    start = np.where(np.isnan(enter), np.inf, enter)
    return _Span(start_m=start, end_m=end, miss_code=miss.astype(np.int8))


@dataclasses.dataclass(frozen=True, slots=True)
class _Paths:
    """Plane coordinates and height along rays, as polynomials in the way from the middle of their span (m)."""

    coefficients: FloatArray
    """Shape (3 or 4, 3, n): power, then x, y, height."""
    middle_m: FloatArray

    @classmethod
    def of(cls, rays: Rays, surface: Surface, start_m: FloatArray, end_m: FloatArray) -> _Paths:
        """Fit polynomials through exact points of each ray: parabolas over short spans, else cubics."""
        middle, half = 0.5 * (start_m + end_m), np.maximum(0.5 * (end_m - start_m), 0.5)
        short = np.max(half) < _SHORT_M and np.max(np.abs(rays.lat_deg)) < _SHORT_LATITUDE_DEG
        nodes, fit = _PARABOLA if short else _CUBIC
        points = []
        for node in nodes:
            lat, lon, height = _place(rays, middle + node * half)
            points.append([*surface.plane(lat, lon, rays.lon_deg), height])
        coefficients = np.tensordot(fit, np.array(points), axes=1)
        scale = np.ones_like(half)
        for power in range(1, len(nodes)):
            scale = scale / half
            coefficients[power] *= scale
        return cls(coefficients, middle)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> _Paths:
        """Return the paths of some rays."""
        return _Paths(self.coefficients[:, :, keep], self.middle_m[keep])

    def at(self, range_m: FloatArray) -> Columns:
        """Return x, y and height at a range along each ray."""
        way = range_m - self.middle_m
        return self._along(0, way), self._along(1, way), self._along(2, way)

    def _along(self, axis: int, way: FloatArray) -> FloatArray:
        """Return one coordinate by Horner's rule, in place."""
        powers = self.coefficients[:, axis]
        total: FloatArray = powers[-1] * way
        total += powers[-2]
        for power in powers[-3::-1]:
            total *= way
            total += power
        return total

    def pace(self, range_m: FloatArray) -> Pace:
        """Return how fast each ray moves at a range."""
        way = range_m - self.middle_m
        x, y, height = self.coefficients[1] + 2.0 * way * self.coefficients[2]
        if len(self.coefficients) > 3:
            x, y, height = np.stack([x, y, height]) + 3.0 * way * way * self.coefficients[3]
        plane = np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-12)
        along = np.sqrt(np.maximum(1.0 - height * height, 0.0))
        return Pace(plane=plane, along=along, down=np.maximum(-height, 1e-12))


def _place(rays: Rays, range_m: FloatArray) -> Columns:
    """Return latitude, longitude (degrees, continuous about the camera) and height at ranges along rays."""
    x, y, z = (rays.origin_m[axis] + range_m * rays.ecef[axis] for axis in range(3))
    lon0 = np.radians(rays.lon_deg)
    cos0, sin0 = np.cos(lon0), np.sin(lon0)
    lat, lon, alt = ecef_components_to_geodetic(x * cos0 + y * sin0, y * cos0 - x * sin0, z, passes=1)
    return np.degrees(lat), rays.lon_deg + np.degrees(lon), alt


@dataclasses.dataclass(frozen=True, slots=True)
class _Brackets:
    """For each ray, the last point above ground and the first below it, or why there is none."""

    low_m: FloatArray
    high_m: FloatArray
    low_clear_m: FloatArray
    high_clear_m: FloatArray
    reason_code: Codes

    def take(self, rows: NDArray[np.intp]) -> _Brackets:
        """Return the brackets of some rays."""
        return _Brackets(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def _march(surface: Surface, paths: _Paths, span: _Span) -> _Brackets:
    """Move every ray forward until it is below ground, over unknown ground, or at the end of its span."""
    count = len(span.start_m)
    brackets = _Brackets(
        span.start_m.copy(), span.end_m.copy(), np.zeros(count), np.zeros(count), span.miss_code.copy()
    )
    where, at, end = np.arange(count), span.start_m, span.end_m
    x, y, height = paths.at(at)
    clear = surface.clearance(x, y, height)
    unknown, below = np.isnan(clear), clear <= _ROOT_TOLERANCE_M
    brackets.reason_code[unknown] = CODE[Unplaced.NO_TERRAIN]
    brackets.reason_code[below] = CODE[Unplaced.BELOW_TERRAIN]
    live, pace, rounds = ~(unknown | below), paths.pace(at), 0
    while (count := int(np.count_nonzero(live))) > 0:
        rounds += 1
        if count < _CROWDED * len(live) or rounds % _PACE_ROUNDS == 0:
            where, at, end, clear = where[live], at[live], end[live], clear[live]
            x, y, height, paths, live = x[live], y[live], height[live], paths.take(live), np.ones(count, dtype=bool)
            pace = paths.pace(at)
        ahead = np.minimum(at + surface.step(x, y, height, clear, pace), end)
        x, y, height = paths.at(ahead)
        clear_ahead = surface.clearance(x, y, height)
        crossed, unknown = live & (clear_ahead <= 0.0), live & np.isnan(clear_ahead)
        _record(brackets, where[crossed], (at[crossed], clear[crossed]), (ahead[crossed], clear_ahead[crossed]))
        brackets.reason_code[where[unknown]] = CODE[Unplaced.NO_TERRAIN]
        live &= ~(crossed | unknown | (ahead >= end))
        at, clear = ahead, clear_ahead
    return brackets


def _record(
    brackets: _Brackets,
    rows: NDArray[np.intp],
    low: tuple[FloatArray, FloatArray],
    high: tuple[FloatArray, FloatArray],
) -> None:
    """Keep the bracket of rays that crossed, as distance and clearance; ground met right after a hole is not known."""
    brackets.low_m[rows], brackets.low_clear_m[rows] = low
    brackets.high_m[rows], brackets.high_clear_m[rows] = high
    brackets.reason_code[rows] = np.where(np.isinf(low[1]), CODE[Unplaced.NO_TERRAIN], 0)


def _settle(surface: Surface, paths: _Paths, brackets: _Brackets) -> FloatArray:
    """Close each bracket to a range by the Illinois false position (Dowell and Jarratt, BIT 11, 1971)."""
    roots = brackets.high_m.copy()
    rows = np.flatnonzero(brackets.high_clear_m < -_ROOT_TOLERANCE_M)
    low, high = brackets.low_m[rows], brackets.high_m[rows]
    low_clear, high_clear = brackets.low_clear_m[rows], brackets.high_clear_m[rows]
    paths, side = paths.take(rows), np.zeros(len(rows), dtype=np.int8)
    for _ in range(_ROOT_STEPS):
        if not rows.size:
            break
        root = high - high_clear * (high - low) / (high_clear - low_clear)
        clear = surface.clearance(*paths.at(root))
        roots[rows] = root
        above = clear > 0.0
        low, high = np.where(above, root, low), np.where(above, high, root)
        low_clear = np.where(above, clear, np.where(side < 0, 0.5, 1.0) * low_clear)
        high_clear = np.where(above, np.where(side > 0, 0.5, 1.0) * high_clear, clear)
        side = np.where(above, 1, -1).astype(np.int8)
        left = np.flatnonzero(np.abs(clear) > _ROOT_TOLERANCE_M)
        if left.size < _CROWDED * rows.size:
            rows, paths, side, low, high = rows[left], paths.take(left), side[left], low[left], high[left]
            low_clear, high_clear = low_clear[left], high_clear[left]
    return roots


def first_hits(rays: Rays, terrain: Terrain, max_range_m: float | FloatArray) -> Hits:
    """Find where each ray first meets the ground within `max_range_m`, one for all or one each.

    A ray over a hole in a grid goes on; ground first met after a hole, or a
    ray that leaves the grid, is `NO_TERRAIN`.
    """
    count = len(rays)
    limits = np.broadcast_to(np.asarray(max_range_m, dtype=np.float64), (count,))
    surface = _bounded(surface_of(terrain), rays, limits)
    hits = Hits(
        range_m=np.full(count, np.nan),
        lat_deg=np.full(count, np.nan),
        lon_deg=np.full(count, np.nan),
        alt_hae_m=np.full(count, np.nan),
        reason_code=np.full(count, CODE[Unplaced.ABOVE_HORIZON], dtype=np.int8),
    )
    for first in range(0, count, CHUNK):
        rows = slice(first, min(first + CHUNK, count))
        _hit_chunk(rays.part(rows), surface, limits[rows], hits, rows)
    return hits


def _bounded(surface: Surface, rays: Rays, max_range_m: FloatArray) -> Surface:
    """Bound ground in pages by its heights about the rays: a ray above all of them has left the ground, and is lost."""
    if not isinstance(surface, TiledSurface) or not len(rays):
        return surface
    ends = _span(rays, surface, max_range_m).end_m
    reach_m = float(np.max(ends[np.isfinite(ends)], initial=0.0))
    lat, lon = rays.lat_deg, rays.lon_deg
    known = np.isfinite(lat) & np.isfinite(lon)
    if not known.any():
        return surface
    south, north = float(np.min(lat[known])), float(np.max(lat[known]))
    up = reach_m / _METRES_PER_DEGREE
    across = up / max(np.cos(np.radians(min(max(abs(south), abs(north)) + up, 89.0))), 0.01)
    west, east = float(np.min(lon[known])) - across, float(np.max(lon[known])) + across
    return surface.within(south - up, west, north + up, east)


def _hit_chunk(rays: Rays, surface: Surface, max_range_m: FloatArray, hits: Hits, rows: slice) -> None:
    """Fill one run of `hits`."""
    span = _span(rays, surface, max_range_m)
    nowhere = CODE[Unplaced.ABOVE_HORIZON if np.isfinite(surface.highest_m) else Unplaced.NO_TERRAIN]
    codes = np.where(span.start_m < np.inf, CODE[Unplaced.OUT_OF_RANGE], nowhere)
    codes = np.where(rays.reason_code > 0, rays.reason_code, codes)
    reached = np.flatnonzero((span.start_m < span.end_m) & (rays.reason_code == 0))
    if reached.size:
        aimed = rays if reached.size == len(rays) else rays.part(reached)
        span = _Span(start_m=span.start_m[reached], end_m=span.end_m[reached], miss_code=span.miss_code[reached])
        paths = _Paths.of(aimed, surface, span.start_m, span.end_m)
        brackets = _march(surface, paths, span)
        codes[reached] = brackets.reason_code
        met = np.flatnonzero(brackets.reason_code == 0)
        if met.size:
            into = rows.start + reached[met]
            met_rays = aimed if met.size == len(aimed) else aimed.part(met)
            _fill(met_rays, surface, paths.take(met), brackets.take(met), hits, into)
            codes[reached[met]] = hits.reason_code[into]
    hits.reason_code[rows] = codes


def _fill(rays: Rays, surface: Surface, paths: _Paths, brackets: _Brackets, hits: Hits, rows: NDArray[np.intp]) -> None:
    """Settle contacts, place them exactly, and drop any that the exact place does not confirm."""
    root = _settle(surface, paths, brackets)
    lat, lon, alt = _place(rays, root)
    off_m = np.abs(surface.clearance(*surface.plane(lat, lon, rays.lon_deg), alt))
    settled = off_m < _UNSETTLED_M
    hits.reason_code[rows] = np.where(settled, 0, CODE[Unplaced.NO_TERRAIN])
    for column, values in (
        (hits.range_m, root),
        (hits.lat_deg, lat),
        (hits.lon_deg, wrap_longitude_deg(lon)),
        (hits.alt_hae_m, alt),
    ):
        column[rows] = np.where(settled, values, np.nan)
