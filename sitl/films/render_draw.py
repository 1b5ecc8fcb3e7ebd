"""Draw shapes into a picture, and measure where each of them came to lie."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from sitl.films.render_look import Band, Look
from sitl.films.render_shapes import UNLABELLED, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sitl.films.render_view import View

    FloatArray = NDArray[np.float64]

# Box corners are numbered by bits: 1 = x1, 2 = y1, 4 = z1. Faces wind outwards.
_FACES: Final = np.array([[4, 5, 7, 6], [0, 1, 5, 4], [3, 2, 6, 7], [2, 0, 4, 6], [1, 3, 7, 5]])
_FACE_NORMALS: Final = np.array([[0, 0, 1], [0, -1, 0], [0, 1, 0], [-1, 0, 0], [1, 0, 0]], dtype=np.float64)
_SHADOW_LENGTH_MAX: Final = 3.0
"""Longest shadow drawn, in heights of the thing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All parts of all shapes of one picture, projected; capsules and boxes point to their shape by `..._owner`."""

    view: View
    shapes: list[Shape]
    depth: FloatArray
    first_capsule: NDArray[np.int64]
    first_box: NDArray[np.int64]
    ends_enu_m: FloatArray
    """Capsule ends, (n, 2, 3)."""
    ends_px: FloatArray
    radius_m: FloatArray
    radius_px: FloatArray
    corners_enu_m: FloatArray
    corners_px: FloatArray
    capsule_owner: NDArray[np.int64]

    @classmethod
    def of(cls, view: View, shapes: list[Shape]) -> Parts:
        """Project every part of every shape."""
        places = np.array([s.place_enu_m for s in shapes]).reshape(-1, 3)
        turn = np.array([s.heading_rad for s in shapes])
        sin, cos = np.sin(turn), np.cos(turn)
        zero = np.zeros_like(sin)
        axes = np.stack(
            [
                np.stack([sin, cos, zero], axis=1),
                np.stack([-cos, sin, zero], axis=1),
                np.tile([0.0, 0.0, 1.0], (len(shapes), 1)),
            ],
            axis=1,
        )
        capsule_counts = [len(s.capsules_m) for s in shapes]
        box_counts = [len(s.boxes_m) for s in shapes]
        owner = np.repeat(np.arange(len(shapes)), capsule_counts)
        box_owner = np.repeat(np.arange(len(shapes)), box_counts)
        capsules = np.concatenate([np.zeros((0, 7)), *(s.capsules_m for s in shapes)])
        boxes = np.concatenate([np.zeros((0, 6)), *(s.boxes_m for s in shapes)])
        ends = np.einsum("nij,njk->nik", capsules[:, :6].reshape(-1, 2, 3), axes[owner]) + places[owner][:, None]
        corners = np.einsum("nij,njk->nik", _corners(boxes), axes[box_owner]) + places[box_owner][:, None]
        ends_px, ends_depth = view.pixels(ends)
        return cls(
            view=view,
            shapes=shapes,
            depth=view.pixels(places)[1],
            first_capsule=np.concatenate([[0], np.cumsum(capsule_counts, dtype=np.int64)]).astype(np.int64),
            first_box=np.concatenate([[0], np.cumsum(box_counts, dtype=np.int64)]).astype(np.int64),
            ends_enu_m=ends,
            ends_px=ends_px,
            radius_m=capsules[:, 6],
            radius_px=capsules[:, 6] * view.camera.fx_px / np.maximum(ends_depth.mean(axis=1), 1.0),
            corners_enu_m=corners,
            corners_px=view.pixels(corners)[0],
            capsule_owner=owner,
        )

    def rows(self, index: int) -> tuple[slice, slice]:
        """Rows of one shape's capsules and boxes."""
        return (
            slice(int(self.first_capsule[index]), int(self.first_capsule[index + 1])),
            slice(int(self.first_box[index]), int(self.first_box[index + 1])),
        )

    def box_px(self, index: int) -> FloatArray:
        """Bounding box x0, y0, x1, y1 of one shape, not clipped; NaN when it reaches behind the camera."""
        capsules, boxes = self.rows(index)
        ends, radius = self.ends_px[capsules], self.radius_px[capsules][:, None, None]
        points = np.concatenate([(ends - radius).reshape(-1, 2), (ends + radius).reshape(-1, 2)])
        points = np.concatenate([points, self.corners_px[boxes].reshape(-1, 2)])
        return np.concatenate([points.min(axis=0), points.max(axis=0)])

    def unhidden(self, index: int) -> float:
        """Share of a shape's sample points that no nearer prop covers."""
        capsules, boxes = self.rows(index)
        points = np.concatenate([self.ends_px[capsules].mean(axis=1), self.corners_px[boxes].reshape(-1, 2)])
        nearer = self.depth[self.capsule_owner] < self.depth[index] - 0.3
        labels = np.array([s.label for s in self.shapes])
        cover = np.flatnonzero(nearer & (labels[self.capsule_owner] == UNLABELLED))
        a, b = self.ends_px[cover, 0][None], self.ends_px[cover, 1][None]
        step = b - a
        length2 = np.maximum((step**2).sum(axis=-1), 1e-9)
        share = np.clip(((points[:, None] - a) * step).sum(axis=-1) / length2, 0.0, 1.0)
        gap = np.linalg.norm(points[:, None] - a - share[..., None] * step, axis=-1)
        with np.errstate(invalid="ignore"):
            return 1.0 - float((gap < self.radius_px[cover]).any(axis=1).mean())


def _corners(boxes_m: FloatArray) -> FloatArray:
    bits = np.arange(8)
    return np.stack(
        [boxes_m[:, (bits & 1)], boxes_m[:, 2 + ((bits >> 1) & 1)], boxes_m[:, 4 + ((bits >> 2) & 1)]], axis=-1
    )


def draw_shapes(picture: Image.Image, parts: Parts, look: Look) -> None:
    """Draw all shapes into `picture`, far ones first."""
    sun = _sun(look)
    shadow = _shadow_px(parts, sun) if look.band is Band.DAY else None
    for index in np.argsort(-parts.depth).tolist():
        _draw_shape(picture, parts, index, look, sun, shadow)


def _sun(look: Look) -> FloatArray:
    """Return the unit vector towards the sun, east-north-up."""
    azimuth, elevation = np.radians([look.sun_azimuth_deg, look.sun_elevation_deg])
    level = np.cos(elevation)
    return np.array([level * np.sin(azimuth), level * np.cos(azimuth), np.sin(elevation)])


def _shadow_px(parts: Parts, sun: FloatArray) -> FloatArray:
    """Capsule ends cast on the ground along the sun's rays, in pixels, (n, 2, 2)."""
    base = np.array([s.place_enu_m[2] for s in parts.shapes])[parts.capsule_owner]
    height = parts.ends_enu_m[..., 2] - base[:, None]
    stretch = min(1.0 / max(float(np.tan(np.arcsin(sun[2]))), 1e-3), _SHADOW_LENGTH_MAX)
    level = sun[:2] / max(float(np.hypot(*sun[:2])), 1e-9)
    cast = parts.ends_enu_m.copy()
    cast[..., :2] -= height[..., None] * stretch * level
    cast[..., 2] = base[:, None]
    return parts.view.pixels(cast)[0]


def _draw_shape(
    picture: Image.Image, parts: Parts, index: int, look: Look, sun: FloatArray, shadow: FloatArray | None
) -> None:
    box = parts.box_px(index)
    capsules, boxes = parts.rows(index)
    if not np.isfinite(box).all():
        return
    if shadow is not None and capsules.stop > capsules.start:
        cast, reach = shadow[capsules], parts.radius_px[capsules].max()
        if np.isfinite(cast).all():
            low, high = cast.min(axis=(0, 1)) - reach, cast.max(axis=(0, 1)) + reach
            box = np.concatenate([np.minimum(box[:2], low), np.maximum(box[2:], high)])
    x0, y0 = max(int(box[0]) - 1, 0), max(int(box[1]) - 1, 0)
    x1, y1 = min(int(box[2]) + 2, picture.width), min(int(box[3]) + 2, picture.height)
    if x1 <= x0 or y1 <= y0:
        return
    size = max(x1 - x0, y1 - y0)
    scale = 4 if size < 48 else 2 if size < 120 else 1
    patch = picture.crop((x0, y0, x1, y1))
    ground = patch.getpixel((patch.width // 2, patch.height - 1))
    if scale > 1:
        patch = patch.resize((patch.width * scale, patch.height * scale), Image.Resampling.NEAREST)
    pen = _Pen(ImageDraw.Draw(patch), x0, y0, scale)
    radius = parts.radius_px[capsules].tolist()
    if shadow is not None:
        dark = tuple(int(0.55 * v) for v in ground) if isinstance(ground, tuple) else int(ground or 0)
        for ends, r in zip(shadow[capsules].tolist(), radius, strict=True):
            pen.capsule(ends, r, dark)
    colours = _colours(parts.shapes[index], look)
    for ends, r, colour in zip(parts.ends_px[capsules].tolist(), radius, colours, strict=False):
        pen.capsule(ends, r, colour)
    first = capsules.stop - capsules.start
    for number in range(boxes.start, boxes.stop):
        _draw_box(pen, parts, number, colours[first + number - boxes.start], look, sun)
    picture.paste(patch.reduce(scale) if scale > 1 else patch, (x0, y0))


def _colours(shape: Shape, look: Look) -> list[tuple[int, ...]]:
    if look.band is Band.DAY:
        tinted = np.clip(shape.colours * np.array(look.tint), 0, 255).astype(int)
        return [tuple(row) for row in tinted.tolist()]
    level = 90.0 + (shape.warmth - 90.0) * (look.target_warmth if shape.label != UNLABELLED else 1.0)
    return [(v,) for v in np.clip(level, 0, 255).astype(int).tolist()]


def _draw_box(pen: _Pen, parts: Parts, number: int, colour: tuple[int, ...], look: Look, sun: FloatArray) -> None:
    """Draw the faces of a box that turn towards the camera."""
    corners = parts.corners_px[number]
    places = parts.corners_enu_m[number]
    for face, normal in zip(_FACES, _FACE_NORMALS, strict=True):
        a, b, c = places[face[0]], places[face[1]], places[face[2]]
        outward = np.cross(b - a, c - b)
        if float(outward @ a) >= 0.0:
            continue
        if look.band is Band.DAY:
            lit = max(float(outward @ sun) / max(float(np.linalg.norm(outward)), 1e-9), 0.0)
            shade = 0.5 + 0.55 * lit
        else:
            shade = 1.0 if normal[2] > 0.0 else 0.93
        pen.polygon(corners[face].tolist(), tuple(min(int(shade * v), 255) for v in colour))


class _Pen:
    """Draws in picture pixels on an enlarged patch of the picture."""

    def __init__(self, draw: ImageDraw.ImageDraw, x0: int, y0: int, scale: int) -> None:
        self._draw = draw
        self._x0, self._y0, self._scale = x0, y0, scale

    def capsule(self, ends: list[list[float]], radius: float, colour: tuple[int, ...] | int) -> None:
        fill = colour[0] if isinstance(colour, tuple) and len(colour) == 1 else colour
        (ax, ay), (bx, by) = (self._local(p) for p in ends)
        r = radius * self._scale
        if not math.isfinite(ax + ay + bx + by):
            return
        width = max(round(2.0 * r), 1)
        if abs(ax - bx) + abs(ay - by) > 0.5:
            self._draw.line((ax, ay, bx, by), fill=fill, width=width)
        if r >= 1.0:
            self._draw.ellipse((ax - r, ay - r, ax + r, ay + r), fill=fill)
            if (ax, ay) != (bx, by):
                self._draw.ellipse((bx - r, by - r, bx + r, by + r), fill=fill)

    def polygon(self, points: list[list[float]], colour: tuple[int, ...]) -> None:
        fill = colour[0] if len(colour) == 1 else colour
        self._draw.polygon([self._local(p) for p in points], fill=fill)

    def _local(self, point: list[float]) -> tuple[float, float]:
        return (point[0] - self._x0) * self._scale - 0.5, (point[1] - self._y0) * self._scale - 0.5
