"""Vector tiles drawn in a quiet style: ground, woods, water, ways, bounds and places; what was found stands out on it.

Layers go by the names of three schemas in wide use: OpenMapTiles, Protomaps' basemap and Shortbread. What none of them
names is left out.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maps.vector_tile import LINE, POINT, POLYGON, layers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from maps.vector_tile import Feature

SIDE_PX: Final = 512
"""Pixels of a tile, shown on 256: sharp on screens of twice the density."""
COLOURS: Final = 48
_GROUND: Final = "#f4f3ee"
_WATER: Final = "#cbdde8"
_TEXT: Final = "#5b6166"
_HALO: Final = "#fbfaf7"
_WOODED: Final = frozenset({"wood", "forest", "nature_reserve", "park", "scrub", "orchard", "national_park", "trees"})
_GREEN: Final = frozenset(
    {"grass", "grassland", "meadow", "farmland", "farm", "heath", "wetland", "vineyard", "garden"}
)
_BUILT: Final = frozenset(
    {"residential", "commercial", "industrial", "retail", "urban_area", "suburb", "neighbourhood"}
)
_WIDE: Final = frozenset({"motorway", "trunk", "primary", "highway", "major_road", "secondary"})
_MIDDLE: Final = frozenset({"tertiary", "minor", "minor_road", "residential", "unclassified", "living_street"})
_RAIL: Final = frozenset({"rail", "transit", "light_rail", "narrow_gauge", "subway", "tram"})
_PLACES: Final = ("city", "town", "village", "locality", "hamlet", "suburb")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Stroke:
    colour: str
    px: float
    dash_px: float = 0.0


def drawn(tile: bytes) -> bytes:
    """Return a vector tile as a PNG of `SIDE_PX`.

    Raises
    ------
    ValueError
        When it is no vector tile, or a damaged one.
    """
    layers = layers_of(tile)
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), _GROUND)
    pen = ImageDraw.Draw(picture)
    for colour, feature in sorted(_areas(layers), key=lambda one: _ORDER.index(one[0])):
        _fill(pen, feature, colour)
    for stroke, feature in _lines(layers):
        for part in feature.parts:
            _line(pen, part * SIDE_PX, stroke)
    _names(pen, layers)
    stream = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


_FILLS: Final = {"wooded": "#dfe8d6", "green": "#ebefe2", "built": "#e9e6e1", "water": _WATER, "building": "#dbd6cf"}
_ORDER: Final = tuple(_FILLS.values())
_WATERS: Final = frozenset({"water", "ocean", "water_polygons"})
_GROUNDS: Final = frozenset({"landcover", "landuse", "land", "natural", "park", "sites", "pois"})
_WATERWAYS: Final = frozenset({"waterway", "water_lines", "physical_line", "water"})
_WAYS: Final = frozenset({"transportation", "roads", "streets"})
_BOUNDS: Final = frozenset({"boundary", "boundaries"})
_PLACE_LAYERS: Final = frozenset({"place", "places", "place_labels"})


def _kind(feature: Feature) -> str:
    """Return what a feature is, whichever schema says it."""
    said = (feature.tags.get(name) for name in ("class", "kind", "pmap:kind", "subclass"))
    return next((str(one) for one in said if one), "")


def _of(layers: dict[str, list[Feature]], names: Iterable[str], shape: int) -> Iterator[Feature]:
    for name in names:
        yield from (feature for feature in layers.get(name, ()) if feature.kind == shape)


def _areas(layers: dict[str, list[Feature]]) -> Iterator[tuple[str, Feature]]:
    for feature in _of(layers, _GROUNDS, POLYGON):
        kind = _kind(feature)
        name = "wooded" if kind in _WOODED else "green" if kind in _GREEN else "built" if kind in _BUILT else ""
        if name:
            yield _FILLS[name], feature
    for feature in _of(layers, _WATERS, POLYGON):
        yield _FILLS["water"], feature
    for feature in _of(layers, ("building", "buildings"), POLYGON):
        yield _FILLS["building"], feature


def _lines(layers: dict[str, list[Feature]]) -> Iterator[tuple[_Stroke, Feature]]:
    """Yield lines from the ground up: water, then all edges of ways, then the ways, bounds last."""
    for feature in _of(layers, _WATERWAYS, LINE):
        yield _Stroke(colour="#a9c6d8", px=2.5 if _kind(feature) in {"river", "canal"} else 1.2), feature
    ways = [(_kind(feature), feature) for feature in _of(layers, _WAYS, LINE)]
    for width, kinds in ((6.0, _WIDE), (4.0, _MIDDLE)):
        yield from ((_Stroke(colour="#c3bdb3", px=width), way) for kind, way in ways if kind in kinds)
    for kind, way in ways:
        if kind in _RAIL:
            yield _Stroke(colour="#a7a7ab", px=1.6, dash_px=9.0), way
        elif kind in _WIDE or kind in _MIDDLE:
            yield _Stroke(colour="#ffffff", px=4.0 if kind in _WIDE else 2.4), way
        elif kind not in {"ferry", "aeroway", "path_construction"}:
            yield _Stroke(colour="#b9ac98", px=1.3, dash_px=6.0), way
    for feature in _of(layers, _BOUNDS, LINE):
        yield _Stroke(colour="#8d7f97", px=2.2, dash_px=14.0), feature


def _fill(pen: ImageDraw.ImageDraw, feature: Feature, colour: str) -> None:
    """Fill rings by even and odd: what lies in a hole is not painted."""
    rings = [part * SIDE_PX for part in feature.parts if len(part) > 2]
    outer = [ring for ring in rings if _area(ring) > 0.0]
    holes = [ring for ring in rings if _area(ring) < 0.0]
    if not holes:
        for ring in outer or rings:
            pen.polygon(ring.ravel().tolist(), fill=colour)
        return
    mask = Image.new("1", (SIDE_PX, SIDE_PX))
    stencil = ImageDraw.Draw(mask)
    for ring in rings:  # in the order of the file: an outer ring, then its holes
        stencil.polygon(ring.ravel().tolist(), fill=int(_area(ring) > 0.0))
    pen.bitmap((0, 0), mask, fill=colour)


def _area(ring: NDArray[np.float64]) -> float:
    """Return a ring's area, positive for outer ones (Vector Tile Specification 2.1, 4.3.3.3: y points down)."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0


def _line(pen: ImageDraw.ImageDraw, points: NDArray[np.float64], stroke: _Stroke) -> None:
    width = max(1, round(stroke.px))
    if not stroke.dash_px:
        pen.line(points.ravel().tolist(), fill=stroke.colour, width=width, joint="curve")
        return
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    for start in np.arange(0.0, along[-1], 1.7 * stroke.dash_px).tolist():
        inside = (along > start) & (along < start + stroke.dash_px)
        at = np.concatenate([[start], along[inside], [min(start + stroke.dash_px, along[-1])]])
        dash = np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])
        pen.line(dash.ravel().tolist(), fill=stroke.colour, width=width)


def _names(pen: ImageDraw.ImageDraw, layers: dict[str, list[Feature]]) -> None:
    """Write the names of places, the larger first, whole within the tile and none over another."""
    taken: list[tuple[float, float, float, float]] = []
    places = [one for one in _of(layers, _PLACE_LAYERS, POINT) if one.parts and _rank(one) < len(_PLACES)]
    for feature in sorted(places, key=_rank):
        text = str(feature.tags.get("name:en") or feature.tags.get("name") or "")[:40]
        x, y = (feature.parts[0][0] * SIDE_PX).tolist()
        if not text.isprintable() or not text or not (0.0 <= x < SIDE_PX and 0.0 <= y < SIDE_PX):
            continue
        font = _font((26, 22, 19, 17, 17, 17)[_rank(feature)])
        wide, high = pen.textlength(text, font=font) / 2.0 + 4.0, 14.0
        x, y = min(max(x, wide), SIDE_PX - wide), min(max(y, high), SIDE_PX - high)
        box = (x - wide, y - high, x + wide, y + high)
        if 2.0 * wide > SIDE_PX or any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        ):
            continue
        taken.append(box)
        pen.text((x, y), text, font=font, fill=_TEXT, anchor="mm", stroke_width=3, stroke_fill=_HALO)


def _rank(feature: Feature) -> int:
    """Return how soon a place is named; beyond the last where it is none."""
    said: tuple[Any, ...] = tuple(feature.tags.get(name) for name in ("class", "kind_detail", "kind", "pmap:kind"))
    return min((_PLACES.index(str(one)) for one in said if str(one) in _PLACES), default=len(_PLACES))


@functools.cache
def _font(size_px: int) -> Any:
    """Return the typeface that comes with matplotlib, DejaVu Sans (Latin, Greek, Cyrillic), without loading that."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return ImageFont.load_default(size_px)
    return ImageFont.truetype(str(Path(found.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"), size_px)
