"""Choose tiles by what a pixel covers on the ground: a person is to be high enough in the model's input to be found.

Near ground is looked at scaled down, far ground at the picture's own scale, both as coarse as a person of that height
allows. Enlarging adds nothing, so where a person is too low at that scale nothing is looked at, and sky is not either.
A detector that can glance gets coarser tiles, and what it sees is looked at again, closer (`detection.closer_look`).
Ground that tiles covered less than a second ago is passed over: at 30 frames a second the same ground would be
looked at 30 times.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.closer_look import AROUND_PX
from detection.georeference import SIZES_M
from detection.sheets import GAP_PX, Tile, laid_out
from detection.tiling import input_of
from detection.values import Glancing
from geo.geodesy import metres_per_degree
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import Poses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detection.values import Detector
    from geo.values import CameraModel, Pose, Terrain

    FloatArray = NDArray[np.float64]

PERSON_MIN_PX: Final = 12.0
"""Least height of a person in the model's input: below it most are missed (`detection/models/vedette-small.md`)."""
GLANCE_SHARE: Final = 2.0 / 3.0
"""A glance may be so much coarser: 8 px of the 12 of a look (docs/decisions/1043)."""
CLOSER_TIMES: Final = 2.0
"""What was seen in a glance is looked at again at so many times its scale, but never enlarged."""
METRE_MIN_PX: Final = 1.5
"""Where a metre is fewer pixels than this at the picture's own scale, nothing is looked for: a car has seven."""
SHARED_M: Final = 3.0
"""Tiles overlap by so much: a person is whole in one of them with ground around, and of a car of 5 m each of two tiles
shows four fifths, enough of them in common to be one thing (`detection.tiling.MERGE_ABOVE`)."""
ROWS_OF_PARTS: Final = (1, 2, 3)
"""How many rows of parts a sheet may have: with more, most of it would be overlap."""
AGAIN_NS: Final = 1_000_000_000
RIM: Final = 0.05
"""New ground along a tile's edge, as a share of it, that waits for the next second."""
ROW_STEP_PX: Final = 8
COLUMNS: Final = 9
"""Places along a row at which it is asked how high a person is, beside the one straight below: there one is lowest."""
SCALES: Final = 48
"""How many scales are tried for a band of rows."""
_GRID: Final = np.array([(u, v) for v in (RIM, 0.5, 1.0 - RIM) for u in (RIM, 0.5, 1.0 - RIM)])
_CORNERS: Final = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
"""Places of a tile across and down, as shares of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """What is to be looked at of one picture."""

    tiles: tuple[Tile, ...]
    first_row_px: int
    """Rows above it are sky or too far: nothing there is looked at."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """What the rows of a picture show, every few pixels from its top to its last row, as columns."""

    at_px: NDArray[np.int64]
    needed: FloatArray
    """Least scale at which a person there is high enough; 1 where none is."""
    shared_px: FloatArray
    """By how much tiles overlap there."""

    def shared_at(self, row_px: float) -> int:
        """Return by how much tiles overlap at a row between."""
        return math.ceil(float(np.interp(row_px, self.at_px, self.shared_px)))


@dataclasses.dataclass(frozen=True, slots=True)
class _Band:
    """Rows of a picture that are looked at at one scale."""

    top_px: int
    bottom_px: int
    scale: float


def plan_tiles(
    pose: Pose,
    camera: CameraModel,
    terrain: Terrain,
    *,
    input_px: tuple[int, int],
    person_min_px: float,
    glance: bool = False,
) -> TilePlan:
    """Choose tiles for a picture; the ground's height under the camera stands for all that it shows.

    A picture no larger than the input, one whose lowest person is high enough when it is scaled down whole, and one
    over ground of unknown height is one tile; one that shows nothing but sky and ground too far is none.

    Parameters
    ----------
    pose, camera
        Where and with what it was taken.
    terrain
        Ground.
    input_px
        Width and height of the model's input.
    person_min_px
        Least height of a person in it.
    glance
        Whether the tiles are for a glance, after which what was seen is looked at closer.
    """
    width, height = camera.width_px, camera.height_px
    whole = min(input_px[0] / width, input_px[1] / height)
    if whole >= 1.0:
        return whole_picture(width, height)
    above_m = _above_ground_m(pose, terrain)
    if not above_m > 1.0:
        return whole_picture(width, height)
    at_px = np.append(np.arange(0, height, ROW_STEP_PX), height - 1)
    person, metre, longest = _heights(pose, camera, above_m, at_px)
    seen = np.flatnonzero(metre >= METRE_MIN_PX)
    if not len(seen):
        return TilePlan(tiles=(), first_row_px=height)
    if whole * person[seen].min() >= person_min_px:
        return whole_picture(width, height)
    least_px = person_min_px * (GLANCE_SHARE if glance else 1.0)
    if whole * person[seen].min() >= least_px:
        return _at_a_glance(whole_picture(width, height), whole)
    needed = np.clip(least_px / np.maximum(person, 1e-6), whole, 1.0)
    first = int(at_px[seen[0]])
    rows = _Rows(at_px, needed, np.maximum(SHARED_M * metre, longest))
    plan = TilePlan(tiles=_fewest_sheets(rows, width, first, input_px), first_row_px=first)
    return _at_a_glance(plan, whole) if glance else plan


def _at_a_glance(plan: TilePlan, whole: float) -> TilePlan:
    """Return a plan that says at which scale what is seen is looked at again; `whole` is that of a whole picture."""
    scales = [(tile, tile.scale or whole) for tile in plan.tiles]
    tiles = [
        dataclasses.replace(tile, closer=min(CLOSER_TIMES * scale, 1.0)) if scale < 1.0 else tile
        for tile, scale in scales
    ]
    return dataclasses.replace(plan, tiles=tuple(tiles))


def whole_picture(width_px: int, height_px: int) -> TilePlan:
    """Return the plan that looks at everything at once."""
    return TilePlan(tiles=(Tile(left_px=0, top_px=0, width_px=width_px, height_px=height_px),), first_row_px=0)


def _above_ground_m(pose: Pose, terrain: Terrain) -> float:
    """Return the camera's height over the ground under it; NaN where that is unknown."""
    ground = terrain.height_hae_m(np.array([pose.lat_deg]), np.array([pose.lon_deg]))
    return pose.alt_hae_m - float(np.asarray(ground)[0])


def _heights(
    pose: Pose, camera: CameraModel, above_m: float, at_px: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return for each row a person's least height in pixels, a metre in pixels, and the longest person; 0 for sky.

    Away from a lens's axis what is drawn is longer, by the square of one over the cosine.
    """
    to_ned = camera_to_ned(Poses.of(pose))[0]
    ahead, aside, _ = (float(v) for v in to_ned[2])  # straight down, in the camera's axes
    below = camera.cx_px + camera.fx_px * aside / max(ahead, 1e-3)
    columns = np.append(np.linspace(0.5, camera.width_px - 0.5, COLUMNS), np.clip(below, 0.5, camera.width_px - 0.5))
    uv = np.stack(np.broadcast_arrays(columns[None], at_px[:, None] + 0.5), axis=-1).reshape(-1, 2)
    rays = pixel_directions(camera, uv)
    down = (to_ned @ rays)[2].reshape(len(at_px), len(columns))
    drawn_longer = 1.0 / rays[0].reshape(down.shape) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slant = np.where(down > 1e-3, above_m / down, np.inf)
    tall, deep = SIZES_M["person"]
    metre = camera.fy_px / slant
    person = metre * (tall * np.sqrt(np.clip(1.0 - down**2, 0.0, 1.0)) + deep * np.clip(down, 0.0, 1.0))
    longest = np.nan_to_num(person * drawn_longer).max(axis=1)
    return np.nan_to_num(person).min(axis=1), np.nan_to_num(metre).max(axis=1), longest


def _fewest_sheets(rows: _Rows, width_px: int, first_px: int, input_px: tuple[int, int]) -> tuple[Tile, ...]:
    """Return tiles of all rows from the first on that the model sees on the fewest inputs."""
    layouts = []
    for count in ROWS_OF_PARTS:
        high = (input_px[1] - (count - 1) * GAP_PX) // count
        layouts.append(tuple(_in_lines(_bands(rows, first_px, high), rows, width_px, input_px[0])))
    return min(layouts, key=lambda tiles: len(laid_out(tiles, input_px)))


def _bands(rows: _Rows, first_px: int, high_px: int) -> Iterator[_Band]:
    """Yield bands from the lowest row up, each so coarse and high that it fills `high_px` of the input."""
    scales = np.geomspace(float(rows.needed.min()), 1.0, SCALES)
    bottom = int(rows.at_px[-1]) + 1
    while True:
        tops = np.maximum(first_px, np.ceil(bottom - high_px / scales).astype(np.int64))
        inside = rows.at_px < bottom
        most = np.maximum.accumulate(rows.needed[inside][::-1])[::-1]
        most = most[np.searchsorted(rows.at_px[inside], tops, side="right") - 1]
        chosen = int(np.flatnonzero(most <= scales + 1e-9)[0])
        top = int(tops[chosen])
        yield _Band(top, bottom, min(float(most[chosen]), high_px / (bottom - top)))
        if top <= first_px:
            return
        bottom = min(bottom - 1, top + rows.shared_at(top))


def _in_lines(bands: Iterator[_Band], rows: _Rows, width_px: int, line_px: int) -> Iterator[Tile]:
    """Cut bands into tiles as text is broken into lines of the input's width: each goes on where the last one ended."""
    left = 0
    for band in bands:
        at, shared = 0, rows.shared_at(band.bottom_px - 1)
        while True:
            room = int((line_px - left) / band.scale)
            if left and room < min(width_px - at, 2 * shared):
                left, room = 0, int(line_px / band.scale)
            wide = min(room, width_px - at)
            tile = Tile(
                left_px=at, top_px=band.top_px, width_px=wide, height_px=band.bottom_px - band.top_px, scale=band.scale
            )
            yield tile
            left += tile.shown_px[0] + GAP_PX
            if at + wide >= width_px:
                break
            at += wide - min(shared, wide // 2)


class GroundTiler:
    """Chooses what of posed pictures is looked at, and remembers which ground was.

    Parameters
    ----------
    detector
        What will look at each tile; its `input_px`, where it has one, is the size tiles are scaled to.
    terrain
        Ground; its height under the camera stands for all that a picture shows.
    """

    def __init__(self, detector: Detector, terrain: Terrain) -> None:
        self._terrain = terrain
        self._input_px = input_of(detector)
        self._glances = isinstance(detector, Glancing) and min(self._input_px) >= AROUND_PX
        self._origin: tuple[float, float] | None = None
        self._recent: list[tuple[int, FloatArray]] = []

    def plan(
        self,
        shape: tuple[int, ...],
        pose: Pose | None,
        camera: CameraModel | None,
        person_min_px: float = PERSON_MIN_PX,
        *,
        glance: bool = True,
    ) -> tuple[tuple[Tile, ...], TilePlan | None]:
        """Choose what of a picture of this shape is looked at; no plan where ground is passed over.

        It is glanced at where the detector can, unless `glance` says no.
        Without a pose, a lens or ground, where the whole picture is fine enough, and where a person's least height in
        the model's input is 0, that is all of it.
        """
        plan = self._plan(pose, camera, shape, person_min_px, glance=glance and self._glances)
        if len(plan.tiles) < 2 or pose is None or camera is None:
            return plan.tiles, plan
        self._recent = [(t, quad) for t, quad in self._recent if 0 <= pose.t_utc_ns - t < AGAIN_NS]
        inner, whole = self._places(plan.tiles, pose, camera)
        seen = [self._seen_before(*both, pose.t_utc_ns) for both in zip(inner, whole, strict=True)]
        fresh = tuple(tile for tile, before in zip(plan.tiles, seen, strict=True) if not before)
        return fresh, plan if len(fresh) == len(plan.tiles) else None

    def _plan(
        self,
        pose: Pose | None,
        camera: CameraModel | None,
        shape: tuple[int, ...],
        person_min_px: float,
        *,
        glance: bool,
    ) -> TilePlan:
        high, wide = shape[:2]
        if pose is None or camera is None or person_min_px <= 0.0:
            return whole_picture(wide, high)
        if (camera.width_px, camera.height_px) != (wide, high):
            return whole_picture(wide, high)
        return plan_tiles(
            pose, camera, self._terrain, input_px=self._input_px, person_min_px=person_min_px, glance=glance
        )

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
            reach = np.where(ray[2] > 1e-3, _above_ground_m(pose, self._terrain) / ray[2], np.nan)
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
