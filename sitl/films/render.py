"""Pictures of the simulated world, with the truth of what is in them.

Ground is ray-cast on a coarse grid; people, vehicles and props are drawn part
by part, far ones first, with anti-aliasing; then the sensor spoils the picture.
The camera is a pinhole: distortion coefficients are not drawn.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from sitl.films.render_draw import Parts, draw_shapes
from sitl.films.render_ground import Grid, paint_ground
from sitl.films.render_look import Look, sense
from sitl.films.render_shapes import UNLABELLED, Shape, labelled_shapes, prop, prop_places
from sitl.films.render_view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import CameraModel, Pose
    from sitl.films.world import Movers, World

    FloatArray = NDArray[np.float64]

PROP_RANGE_M: Final = 450.0
"""Props further away than this are not drawn."""
MOVER_RANGE_M: Final = 1500.0
SMALLEST_PX: Final = 1.2
"""A metre must cover this many pixels for a prop to be drawn."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TruthBoxes:
    """What is in one picture, as columns, nearest last; boxes are x0, y0, x1, y1, clipped to the picture."""

    object_id: NDArray[np.int64]
    kind: NDArray[np.int64]
    boxes_px: FloatArray
    visible: FloatArray
    """Share of the thing inside the picture and not behind a tree or rock, 0..1."""
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    speed_mps: FloatArray
    heading_deg: FloatArray

    def __len__(self) -> int:
        return len(self.object_id)


def render(
    world: World, pose: Pose, camera: CameraModel, t_utc_ns: int, look: Look
) -> tuple[NDArray[np.uint8], TruthBoxes]:
    """Picture of `world` from `pose` at `t_utc_ns`; the same arguments give the same picture.

    Returns
    -------
    image
        RGB, shape (height, width, 3); in the infrared the three channels are equal.
    truth
        Every person and vehicle that touches the picture.
    """
    view = View.of(world, pose, camera)
    grid = view.ground_grid()
    picture = paint_ground(view, look, grid)
    movers = world.at(t_utc_ns)
    places = view.enu(movers.lat_deg, movers.lon_deg, movers.alt_hae_m)
    rows = _in_view(view, places, MOVER_RANGE_M, margin_m=4.0)
    shapes = labelled_shapes(world, movers, places, rows) + _props(view, grid)
    parts = Parts.of(view, shapes)
    draw_shapes(picture, parts, look)
    rng = np.random.default_rng([world.seed & 0xFFFFFFFF, t_utc_ns & 0xFFFFFFFF, t_utc_ns >> 32])
    return sense(picture, look, rng), _truth(parts, shapes, movers, camera)


def in_sight(world: World, pose: Pose, camera: CameraModel, t_utc_ns: int) -> TruthBoxes:
    """Return what `render` would show, without drawing it and without the trees in between."""
    view = View.of(world, pose, camera)
    movers = world.at(t_utc_ns)
    places = view.enu(movers.lat_deg, movers.lon_deg, movers.alt_hae_m)
    shapes = labelled_shapes(world, movers, places, _in_view(view, places, MOVER_RANGE_M, margin_m=4.0))
    return _truth(Parts.of(view, shapes), shapes, movers, camera)


def _in_view(view: View, places_enu_m: FloatArray, range_m: float, margin_m: float) -> NDArray[np.int64]:
    pixels, depth = view.pixels(places_enu_m)
    camera = view.camera
    reach = margin_m * camera.fx_px / np.maximum(depth, 1.0)
    with np.errstate(invalid="ignore"):
        inside = (pixels[:, 0] > -reach) & (pixels[:, 0] < camera.width_px + reach)
        inside &= (pixels[:, 1] > -reach) & (pixels[:, 1] < camera.height_px + 2.0 * reach)
    return np.flatnonzero(inside & (depth > 3.0) & (depth < range_m))


def _props(view: View, grid: Grid) -> list[Shape]:
    x, y, slant = grid
    reach = min(PROP_RANGE_M, view.camera.fx_px / SMALLEST_PX)
    near = slant < reach
    if not near.any():
        return []
    low = np.array([x[near].min(), y[near].min()]) - 8.0
    high = np.array([x[near].max(), y[near].max()]) + 8.0
    px, py, lots = prop_places(view.world, low, high)
    places = view.map_to_enu(px, py)
    rows = _in_view(view, places, reach, margin_m=11.0)
    return [prop(int(lots[row]), places[row]) for row in rows]


def _truth(parts: Parts, shapes: list[Shape], movers: Movers, camera: CameraModel) -> TruthBoxes:
    chosen, boxes, visible = [], [], []
    for index in np.argsort(-parts.depth):
        if shapes[index].label == UNLABELLED:
            continue
        box = parts.box_px(int(index))
        x0, x1 = np.clip(box[[0, 2]], 0.0, camera.width_px)
        y0, y1 = np.clip(box[[1, 3]], 0.0, camera.height_px)
        area = (box[2] - box[0]) * (box[3] - box[1])
        if not (x1 > x0 and y1 > y0 and area > 0.0):
            continue
        chosen.append(shapes[index].object_id)
        boxes.append((x0, y0, x1, y1))
        visible.append((x1 - x0) * (y1 - y0) / area * parts.unhidden(int(index)))
    rows = np.array(chosen, dtype=np.int64)
    return TruthBoxes(
        object_id=movers.object_id[rows],
        kind=movers.kind[rows],
        boxes_px=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        visible=np.array(visible, dtype=np.float64),
        lat_deg=movers.lat_deg[rows],
        lon_deg=movers.lon_deg[rows],
        alt_hae_m=movers.alt_hae_m[rows],
        speed_mps=movers.speed_mps[rows],
        heading_deg=movers.heading_deg[rows],
    )
