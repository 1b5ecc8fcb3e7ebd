"""Procedural ground: fields, scrub, rock, water and tracks, fixed to the world."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from sitl.films.render_look import GREY_ZERO, Band, Look, add_grey
from sitl.films.render_view import GRID_PX, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

Grid = tuple["FloatArray", "FloatArray", "FloatArray"]

TEXEL_M: Final = 0.15
"""Size of one element of the fine texture."""
SHEET: Final = 1024
"""Side of the repeating noise sheets, in elements."""
TRACK_HALF_WIDTH_M: Final = 1.7

# Land covers: ripe field, green field, ploughed, grass, meadow, scrub, rock, wood floor, water, track.
_DAY = np.array(
    [
        [176, 160, 104], [92, 122, 60], [122, 98, 76], [108, 128, 70], [134, 142, 84],
        [96, 104, 66], [146, 142, 134], [66, 84, 48], [62, 78, 90], [172, 156, 128],
    ],
    dtype=np.float64,
)  # fmt: skip
_WARMTH = np.array([96, 72, 116, 78, 86, 82, 124, 64, 52, 134], dtype=np.float64)
_ROUGHNESS = np.array([0.5, 0.45, 0.8, 0.6, 0.8, 1.3, 1.4, 1.2, 0.15, 0.4])
_WOOD, _ROCK, _WATER, _TRACK = 7, 6, 8, 9
_SKY_DAY, _SKY_WARMTH = (196.0, 208.0, 222.0), 40.0


@functools.lru_cache(maxsize=64)
def _lattice(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng([seed & 0xFFFFFFFF, 11]).random((256, 256), dtype=np.float32)


@functools.lru_cache(maxsize=4)
def _fine_sheet(seed: int) -> NDArray[np.float32]:
    """Fine texture: three octaves of grain and sparse stones, in grey levels around zero; 4 MB a world."""
    rng = np.random.default_rng([seed & 0xFFFFFFFF, 12])
    total = np.zeros((SHEET, SHEET), dtype=np.float32)
    for octave, weight in ((1, 5.0), (2, 6.0), (4, 7.0), (16, 6.0)):
        grain = Image.fromarray(rng.standard_normal((SHEET // octave,) * 2, dtype=np.float32))
        total += weight * np.asarray(grain.resize((SHEET, SHEET), Image.Resampling.BILINEAR))
    for _ in range(900):
        row, column = rng.integers(0, SHEET - 6, 2)
        tall, wide = rng.integers(1, 5, 2)
        total[row : row + tall, column : column + wide] += rng.normal(0.0, 40.0)
    return np.asarray(np.clip(total, -110, 110), dtype=np.float32)


def value_noise(seed: int, x: FloatArray, y: FloatArray) -> FloatArray:
    """Smooth noise in 0..1 with one lattice cell a unit (value noise, Perlin 1985, section on solid textures)."""
    table = _lattice(seed)
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    i0, j0 = x0.astype(np.int64) & 255, y0.astype(np.int64) & 255
    i1, j1 = (i0 + 1) & 255, (j0 + 1) & 255
    low = table[j0, i0] * (1.0 - fx) + table[j0, i1] * fx
    high = table[j1, i0] * (1.0 - fx) + table[j1, i1] * fx
    return np.asarray(low * (1.0 - fy) + high * fy)


def land_cover(seed: int, x_m: FloatArray, y_m: FloatArray) -> NDArray[np.int64]:
    """Cover number of each map point: parcels of field, then wood, rock and water where noise says so."""
    bend_x = x_m + 40.0 * value_noise(seed, x_m / 150.0, y_m / 150.0)
    bend_y = y_m + 40.0 * value_noise(seed + 1, x_m / 150.0, y_m / 150.0)
    row = np.floor(bend_y / 85.0)
    parcel = hash_cells(seed, np.floor((bend_x + 37.0 * row) / 130.0), row)
    cover = (parcel % 6).astype(np.int64)
    wild = value_noise(seed + 2, x_m / 220.0, y_m / 220.0) + 0.25 * value_noise(seed + 3, x_m / 35.0, y_m / 35.0)
    cover = np.where(wild > 0.92, _WOOD, cover)
    cover = np.where(value_noise(seed + 4, x_m / 90.0, y_m / 90.0) > 0.86, _ROCK, cover)
    return np.where(value_noise(seed + 5, x_m / 260.0, y_m / 260.0) < 0.07, _WATER, cover)


def hash_cells(seed: int, i: FloatArray, j: FloatArray) -> NDArray[np.uint64]:
    """Return a 64-bit hash of integer cells (the finaliser of SplitMix64; Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        z = i.astype(np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = z + j.astype(np.int64).view(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(seed & 0xFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def track_share(tracks_m: tuple[FloatArray, ...], x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """How much of each point is vehicle track, 0..1, fading over half a metre at the edge."""
    return np.clip((TRACK_HALF_WIDTH_M - track_distance_m(tracks_m, x_m, y_m)) / 0.5 + 0.5, 0.0, 1.0)


def track_distance_m(tracks_m: tuple[FloatArray, ...], x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """Distance of each point from the middle of the nearest track; infinite beyond a few metres."""
    distance = np.full(x_m.shape, np.inf)
    if not x_m.size:
        return distance
    for track in tracks_m:
        for a, b in zip(track[:-1], track[1:], strict=True):
            if not _near(a, b, x_m, y_m):
                continue
            step = b - a
            share = ((x_m - a[0]) * step[0] + (y_m - a[1]) * step[1]) / max(float(step @ step), 1e-9)
            share = np.clip(share, 0.0, 1.0)
            distance = np.fmin(distance, np.hypot(x_m - a[0] - share * step[0], y_m - a[1] - share * step[1]))
    return distance


def _near(a: FloatArray, b: FloatArray, x_m: FloatArray, y_m: FloatArray) -> bool:
    low, high = np.minimum(a, b) - 3.0, np.maximum(a, b) + 3.0
    return bool(x_m.min() < high[0] and x_m.max() > low[0] and y_m.min() < high[1] and y_m.max() > low[1])


def paint_ground(view: View, look: Look, grid: Grid) -> Image.Image:
    """Draw the ground as an "RGB" (day) or "L" (thermal) picture; `grid` is `view.ground_grid()`."""
    x, y, slant = grid
    sky = np.isnan(x)
    x, y, slant = (np.where(sky, 0.0, v) for v in (x, y, slant))
    seed = view.world.seed
    cover = land_cover(seed, x, y)
    patchy = value_noise(seed + 6, x / 6.0, y / 6.0) + value_noise(seed + 7, x / 23.0, y / 23.0) - 1.0
    track = track_share(view.world.tracks_m, x, y)
    if look.band is Band.DAY:
        colour = _mix(_DAY, cover, track, patchy, look) * np.array(look.tint)
        colour = _haze(colour, slant, np.array(_SKY_DAY), sky, look)
        base = Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))
    else:
        warmth = _mix(_WARMTH[:, None], cover, track, patchy, look)
        warmth = _haze(warmth, slant, np.array([90.0]), sky, look)
        warmth[sky] = _SKY_WARMTH
        base = Image.fromarray(np.clip(warmth[..., 0], 0, 255).astype(np.uint8))
    rough = np.where(sky, 0.0, _ROUGHNESS[cover] * (1.0 - track) + _ROUGHNESS[_TRACK] * track)
    rough *= np.clip(TEXEL_M * view.camera.fx_px / np.maximum(slant, 1.0), 0.15, 1.0) * look.ground_contrast
    return _grain(base, x, y, rough, seed, view)


def _mix(table: FloatArray, cover: NDArray[np.int64], track: FloatArray, patchy: FloatArray, look: Look) -> FloatArray:
    mean = table.mean(axis=0)
    painted = table[cover] * (1.0 - track[..., None]) + table[_TRACK] * track[..., None]
    patches = 1.0 + 0.28 * patchy[..., None] * look.ground_contrast
    return np.asarray((painted - mean) * look.ground_contrast + mean * patches)


def _haze(colour: FloatArray, slant_m: FloatArray, air: FloatArray, sky: NDArray[np.bool_], look: Look) -> FloatArray:
    kept = np.where(sky, 0.0, np.exp(-slant_m / look.haze_m))[..., None]
    return np.asarray(colour * kept + air * (1.0 - kept))


def _grain(base: Image.Image, x: FloatArray, y: FloatArray, rough: FloatArray, seed: int, view: View) -> Image.Image:
    """Enlarge the coarse picture and add the fine texture, looked up at every pixel's own map place."""
    width, height = view.camera.width_px, view.camera.height_px
    sheet_m = TEXEL_M * SHEET
    origin_x, origin_y = np.floor(x.min() / sheet_m) * sheet_m, np.floor(y.min() / sheet_m) * sheet_m
    texel_x = _enlarge((x - origin_x) / TEXEL_M, width, height).astype(np.int32)
    texel_y = _enlarge((y - origin_y) / TEXEL_M, width, height).astype(np.int32)
    place = ((texel_y & (SHEET - 1)) << 10) | (texel_x & (SHEET - 1))
    fine = _fine_sheet(seed).ravel().take(place) * _enlarge(rough, width, height)
    grain = Image.fromarray((fine + GREY_ZERO).clip(0.0, 255.0).astype(np.uint8))
    return add_grey(_enlarge_image(base, width, height), grain)


def _enlarge(grid: FloatArray, width: int, height: int) -> NDArray[np.float32]:
    return np.asarray(_enlarge_image(Image.fromarray(grid.astype(np.float32)), width, height))


def _enlarge_image(image: Image.Image, width: int, height: int) -> Image.Image:
    box = (1.0, 1.0, 1.0 + width / GRID_PX, 1.0 + height / GRID_PX)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
