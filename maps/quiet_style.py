"""Vector tiles drawn in a quiet style: ground, woods, water, ways, bounds and places; what was found stands out on it.

Layers go by the names of three schemas in wide use: OpenMapTiles, Protomaps' basemap and Shortbread. What none of them
names is left out.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maps.leaflet_file import own_asset
from maps.vector_tile import LINE, POINT, POLYGON, layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from maps.vector_tile import Feature


def _shared() -> Any:
    """Return the style, which the page's scripts draw in, too: the object that their file assigns is JSON."""
    text = own_asset("vedette_quiet_style.js")
    return json.loads(text[text.index("= {") + 2 : text.rindex(";")])


STYLE: Final = _shared()
SIDE_PX: Final[int] = STYLE["side_px"]
"""Pixels of a tile, shown on 256: sharp on screens of twice the density."""
COLOURS: Final = 48
_DASHES: Final = 1.7
"""From one dash's beginning to the next, in dashes."""


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
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), STYLE["ground"])
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


_FILLS: Final[dict[str, str]] = STYLE["fills"]
_ORDER: Final = tuple(_FILLS.values())
_LAYERS: Final[dict[str, list[str]]] = STYLE["layers"]
_KINDS: Final = {name: frozenset(kinds) for name, kinds in STYLE["kinds"].items()}
_STROKES: Final = {name: _Stroke(**stroke) for name, stroke in STYLE["strokes"].items()}
_PLACES: Final[list[str]] = STYLE["places"]


def _kind(feature: Feature) -> str:
    """Return what a feature is, whichever schema says it."""
    said = (feature.tags.get(name) for name in STYLE["kind_tags"])
    return next((str(one) for one in said if one), "")


def _of(layers: dict[str, list[Feature]], group: str, shape: int) -> Iterator[Feature]:
    for name in _LAYERS[group]:
        yield from (feature for feature in layers.get(name, ()) if feature.kind == shape)


def _areas(layers: dict[str, list[Feature]]) -> Iterator[tuple[str, Feature]]:
    for feature in _of(layers, "grounds", POLYGON):
        kind = _kind(feature)
        name = next((name for name in ("wooded", "green", "built") if kind in _KINDS[name]), "")
        if name:
            yield _FILLS[name], feature
    for feature in _of(layers, "waters", POLYGON):
        yield _FILLS["water"], feature
    for feature in _of(layers, "buildings", POLYGON):
        yield _FILLS["building"], feature


def _lines(layers: dict[str, list[Feature]]) -> Iterator[tuple[_Stroke, Feature]]:
    """Yield lines from the ground up: water, then all edges of ways, then the ways, bounds last."""
    for feature in _of(layers, "waterways", LINE):
        yield _STROKES["river" if _kind(feature) in _KINDS["river"] else "stream"], feature
    ways = [(_kind(feature), feature) for feature in _of(layers, "ways", LINE)]
    for name in ("wide", "middle"):
        yield from ((_STROKES[f"{name}_edge"], way) for kind, way in ways if kind in _KINDS[name])
    for kind, way in ways:
        name = next((name for name in ("rail", "wide", "middle", "not_drawn") if kind in _KINDS[name]), "path")
        if name != "not_drawn":
            yield _STROKES[name], way
    for feature in _of(layers, "bounds", LINE):
        yield _STROKES["bound"], feature


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
    for start in np.arange(0.0, along[-1], _DASHES * stroke.dash_px).tolist():
        inside = (along > start) & (along < start + stroke.dash_px)
        at = np.concatenate([[start], along[inside], [min(start + stroke.dash_px, along[-1])]])
        dash = np.column_stack([np.interp(at, along, points[:, k]) for k in (0, 1)])
        pen.line(dash.ravel().tolist(), fill=stroke.colour, width=width)


def _names(pen: ImageDraw.ImageDraw, layers: dict[str, list[Feature]]) -> None:
    """Write the names of places, the larger first, whole within the tile and none over another."""
    taken: list[tuple[float, float, float, float]] = []
    places = [one for one in _of(layers, "places", POINT) if one.parts and _rank(one) < len(_PLACES)]
    for feature in sorted(places, key=_rank):
        text = str(feature.tags.get("name:en") or feature.tags.get("name") or "")[:40]
        x, y = (feature.parts[0][0] * SIDE_PX).tolist()
        if not text.isprintable() or not text or not (0.0 <= x < SIDE_PX and 0.0 <= y < SIDE_PX):
            continue
        font = _font(STYLE["place_px"][_rank(feature)])
        wide, high = pen.textlength(text, font=font) / 2.0 + 4.0, 14.0
        x, y = min(max(x, wide), SIDE_PX - wide), min(max(y, high), SIDE_PX - high)
        box = (x - wide, y - high, x + wide, y + high)
        if 2.0 * wide > SIDE_PX or any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        ):
            continue
        taken.append(box)
        pen.text((x, y), text, font=font, fill=STYLE["text"], anchor="mm", stroke_width=3, stroke_fill=STYLE["halo"])


def _rank(feature: Feature) -> int:
    """Return how soon a place is named; beyond the last where it is none."""
    said: tuple[Any, ...] = tuple(feature.tags.get(name) for name in STYLE["place_tags"])
    return min((_PLACES.index(str(one)) for one in said if str(one) in _PLACES), default=len(_PLACES))


@functools.cache
def _typeface() -> Path | None:
    """Return DejaVu Sans (Latin, Greek, Cyrillic) as it comes with matplotlib, which is not loaded; None if missing."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
    return path if path.is_file() else None


def typeface_note() -> str:
    """Return what a reader of names should know of their letters; empty where nothing is missing."""
    return (
        "" if _typeface() else "Names on the base map are in a plain typeface: DejaVu Sans of matplotlib is not there."
    )


@functools.cache
def _font(size_px: int) -> Any:
    path = _typeface()
    return ImageFont.load_default(size_px) if path is None else ImageFont.truetype(str(path), size_px)
