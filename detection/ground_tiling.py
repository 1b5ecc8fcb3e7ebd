"""Choose tiles by what a pixel covers on the ground: a person is to be high enough in the model's input to be found.

Near ground is looked at in few large tiles, scaled down; far ground in small ones at the picture's own scale.
Enlarging adds nothing, so where a person is too low at that scale nothing is looked at, and sky is not either.
Ground that tiles covered less than a second ago is passed over: at 30 frames a second the same ground would be
looked at 30 times.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.georeference import SIZES_M
from detection.tiling import Tile, tiles_over
from geo.geodesy import metres_per_degree
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detector
    from geo.values import CameraModel, Pose, Terrain

    FloatArray = NDArray[np.float64]

PERSON_MIN_PX: Final = 12.0
"""Least height of a person in the model's input: below it most are missed (`detection/models/vedette-small.md`)."""
METRE_MIN_PX: Final = 1.5
"""Where a metre is fewer pixels than this at the picture's own scale, nothing is looked for: a car has seven."""
LARGEST_M: Final = 5.0
"""Tiles overlap by a thing of this size."""
AGAIN_NS: Final = 1_000_000_000
RIM: Final = 0.05
"""New ground along a tile's edge, as a share of it, that waits for the next second."""
INPUT_PX: Final = (640, 512)
"""Width and height of the model's input, where a detector does not say."""
ROW_STEP_PX: Final = 8
_GRID: Final = np.array([(u, v) for v in (RIM, 0.5, 1.0 - RIM) for u in (RIM, 0.5, 1.0 - RIM)])
_CORNERS: Final = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
"""Places of a tile across and down, as shares of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """What is to be looked at of one picture."""

    tiles: tuple[Tile, ...]
    first_row_px: int
    """Rows above it are sky or too far: nothing there is looked at."""


def plan_tiles(
    pose: Pose, camera: CameraModel, ground_hae_m: float, *, input_px: tuple[int, int], person_min_px: float
) -> TilePlan:
    """Choose tiles for a picture over level ground of this height.

    A picture whose lowest person is high enough when it is scaled down whole is one tile.
    """
    width, height = camera.width_px, camera.height_px
    whole = _whole_scale(width, height, input_px)
    if whole >= 1.0:
        return whole_picture(width, height)
    rows = np.append(np.arange(0, height, ROW_STEP_PX), height - 1)
    person, metre = _heights(pose, camera, ground_hae_m, rows)
    seen = np.flatnonzero(metre >= METRE_MIN_PX)
    if not len(seen) or whole * person[seen].min() >= person_min_px:
        return whole_picture(width, height)
    first = int(rows[seen[0]])
    needed = np.clip(person_min_px / np.maximum(person, 1e-6), whole, 1.0)
    tiles: list[Tile] = []
    bottom = height
    while bottom > first:
        scale, top = _band(rows, needed, bottom, first, input_px[1])
        size = int(input_px[0] / scale), int(input_px[1] / scale)
        shared = LARGEST_M * float(np.interp(top, rows, metre))
        tiles += tiles_over(width, (top, bottom), size, (shared, shared))
        if top <= first:
            break
        bottom = min(bottom - 1, top + round(shared))
    return TilePlan(tiles=tuple(tiles), first_row_px=first)


def _whole_scale(width_px: int, height_px: int, input_px: tuple[int, int]) -> float:
    """Return how large the model sees a picture that it is shown whole; 1 and more is nothing to gain by tiles."""
    return min(input_px[0] / width_px, input_px[1] / height_px)


def whole_picture(width_px: int, height_px: int) -> TilePlan:
    """Return the plan that looks at everything at once."""
    return TilePlan(tiles=(Tile(left_px=0, top_px=0, width_px=width_px, height_px=height_px),), first_row_px=0)


def _heights(
    pose: Pose, camera: CameraModel, ground_hae_m: float, rows: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Return the least height of a person in pixels at each row, and the pixels of a metre; 0 for sky and too near."""
    columns = np.array([0.5, camera.width_px / 2.0, camera.width_px - 0.5])
    uv = np.stack(np.broadcast_arrays(columns[None], rows[:, None] + 0.5), axis=-1).reshape(-1, 2)
    down = (camera_to_ned(Poses.of(pose))[0] @ pixel_directions(camera, uv))[2].reshape(len(rows), 3)
    above = pose.alt_hae_m - ground_hae_m
    with np.errstate(divide="ignore", invalid="ignore"):
        slant = np.where((down > 1e-3) & (above > 1.0), above / down, np.inf)
    tall, deep = SIZES_M["person"]
    metre = camera.fy_px / slant
    person = metre * (tall * np.sqrt(np.clip(1.0 - down**2, 0.0, 1.0)) + deep * np.clip(down, 0.0, 1.0))
    return np.nan_to_num(person).min(axis=1), np.nan_to_num(metre).max(axis=1)


def _band(
    rows: NDArray[np.int64], needed: FloatArray, bottom: int, first: int, input_high_px: int
) -> tuple[float, int]:
    """Return the least scale whose tile, standing on `bottom`, is fine enough for its own upper edge, and that edge."""
    for scale in np.geomspace(float(needed.min()), 1.0, 16):
        top = max(first, bottom - int(input_high_px / scale))
        if float(np.interp(top, rows, needed)) <= scale + 1e-9:
            return float(scale), top
    return 1.0, max(first, bottom - input_high_px)


class GroundTiler:
    """Chooses what of posed pictures is looked at, and remembers which ground was.

    Parameters
    ----------
    detector
        What will look at each tile; its `input_px`, where it has one, is the size tiles are scaled to.
    terrain
        Ground; its height under the camera stands for all that a picture shows.
    person_min_px
        Least height of a person in the model's input; 0 looks at whole pictures only.
    """

    def __init__(self, detector: Detector, terrain: Terrain, person_min_px: float = PERSON_MIN_PX) -> None:
        self._terrain, self._person_min_px = terrain, person_min_px
        self._input_px = getattr(detector, "input_px", INPUT_PX)
        self._origin: tuple[float, float] | None = None
        self._recent: list[tuple[int, FloatArray]] = []

    def plan(
        self, shape: tuple[int, ...], pose: Pose | None, camera: CameraModel | None
    ) -> tuple[tuple[Tile, ...], TilePlan | None]:
        """Choose what of a picture of this shape is looked at; no plan where ground is passed over.

        Without a pose, a lens or ground, and where the whole picture is fine enough, that is all of it.
        """
        plan = self._plan(pose, camera, shape)
        if len(plan.tiles) < 2 or pose is None or camera is None:
            return plan.tiles, plan
        self._recent = [(t, quad) for t, quad in self._recent if 0 <= pose.t_utc_ns - t < AGAIN_NS]
        inner, whole = self._places(plan.tiles, pose, camera)
        seen = [self._seen_before(*both, pose.t_utc_ns) for both in zip(inner, whole, strict=True)]
        fresh = tuple(tile for tile, before in zip(plan.tiles, seen, strict=True) if not before)
        return fresh, plan if len(fresh) == len(plan.tiles) else None

    def _plan(self, pose: Pose | None, camera: CameraModel | None, shape: tuple[int, ...]) -> TilePlan:
        high, wide = shape[:2]
        whole = whole_picture(wide, high)
        if (
            pose is None
            or camera is None
            or self._person_min_px <= 0.0
            or _whole_scale(wide, high, self._input_px) >= 1.0
            or (camera.width_px, camera.height_px) != (wide, high)
        ):
            return whole
        ground = self._ground_m(pose)
        if not np.isfinite(ground):
            return whole
        return plan_tiles(pose, camera, ground, input_px=self._input_px, person_min_px=self._person_min_px)

    def _ground_m(self, pose: Pose) -> float:
        return float(np.asarray(self._terrain.height_hae_m(np.array([pose.lat_deg]), np.array([pose.lon_deg])))[0])

    def _seen_before(self, places: FloatArray, corners: FloatArray, t_utc_ns: int) -> bool:
        """Tell whether tiles of the last second cover nine places of a tile; remember its corners where they do not."""
        covered = np.zeros(len(places), dtype=bool)
        for _, quad in self._recent:
            covered |= _inside(places, quad)
        if covered.all():
            return True
        if np.isfinite(corners).all():
            self._recent.append((t_utc_ns, corners))
        return False

    def _places(self, tiles: Sequence[Tile], pose: Pose, camera: CameraModel) -> tuple[FloatArray, FloatArray]:
        """Return nine places within each tile's rim, (n, 9, 2), and its corners in turn, (n, 4, 2).

        They are metres north and east, on the level under the camera, of where the first tile was looked at.
        """
        box = np.array([(tile.left_px, tile.top_px, tile.width_px, tile.height_px) for tile in tiles], dtype=np.float64)
        shares = np.concatenate([_GRID, _CORNERS])
        uv = (box[:, None, :2] + shares * box[:, None, 2:]).reshape(-1, 2)
        ray = camera_to_ned(Poses.of(pose))[0] @ pixel_directions(camera, uv)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(ray[2] > 1e-3, (pose.alt_hae_m - self._ground_m(pose)) / ray[2], np.nan)
        if self._origin is None:
            self._origin = pose.lat_deg, pose.lon_deg
        north, east = (float(v) for v in metres_per_degree(self._origin[0]))
        here = (pose.lat_deg - self._origin[0]) * north, (pose.lon_deg - self._origin[1]) * east
        at = np.stack([here[0] + reach * ray[0], here[1] + reach * ray[1]], axis=1)
        at = at.reshape(len(tiles), len(shares), 2)
        return at[:, : len(_GRID)], at[:, len(_GRID) :]


def _inside(points: FloatArray, quad: FloatArray) -> NDArray[np.bool_]:
    """Tell which points lie in a convex quadrilateral, its edge included; NaN lies nowhere."""
    edge = np.roll(quad, -1, axis=0) - quad
    off = points[:, None] - quad[None]
    side = edge[:, 0] * off[..., 1] - edge[:, 1] * off[..., 0]
    slack = 1e-6 * np.abs(edge).max() ** 2
    return np.asarray((side >= -slack).all(axis=1) | (side <= slack).all(axis=1))
