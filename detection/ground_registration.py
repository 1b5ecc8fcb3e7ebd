"""How far one picture lies off the one before on the ground, by the ground that both show.

Nearly all of what a position is wrong by from one picture to the next is the pose's: a metre and more, as much as a
person walks in that time. The pictures themselves know better: what stands out from its surroundings in each is laid
onto one grid of the ground, and the shift at which the two agree is the peak of their normalised cross-correlation,
between cells by a paraboloid. What is very bright or dark, and what stands out a lot, counts no more than what does a
little, so that neither hot or moving things nor marks burned into the pictures outweigh the ground.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from detection.looks import Look, Looks, Shift
from geo.geodesy import metres_per_degree
from geo.values import Geodetic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.values import CameraModel, Pose, Terrain

    FloatArray = NDArray[np.float64]
    Spectrum = NDArray[np.complex64]

CELLS: Final = 64
"""Side of the grid."""
BLOCKS: Final = 80
"""A picture is made smaller until its shorter side is about so many blocks: somewhat finer than the grid, so that what
lies between blocks is not blurred twice."""
GAP_S: Final = 2.5
"""Pictures further apart are not compared: trees lean over and shadows move."""
REACH_M: Final = 6.0
"""Largest shift looked for: what poses may differ by from one picture to the next."""
SHARED_MIN: Final = 0.35
"""Least share of the grid that both pictures must cover."""
AGREEMENT_MIN: Final = 0.45
"""Least correlation of the two, once shifted: on simulated films the same ground has 0.52 and more, other ground up to
0.39 (docs/decisions/1051)."""
CELL_SIGMA: Final = 0.1
"""One-sigma error of the shift in cells: that of the peak is 0.04 to 0.06 on simulated films, but what lies off the
middle has shifts a little other than the middle's (docs/decisions/1051)."""
EXTREME_SHARE: Final = 0.1
"""Of the brightest pixels, and of the darkest; marks burned into pictures are fewer."""
EVERY_PX: Final = 16
"""Of so many rows and columns one is asked how bright pixels are."""
STILL_SHARE: Final = 0.5
"""Least share of what is solid that stays where it is in a picture with broad marks."""
SURROUNDINGS_BLOCKS: Final = 7
FLAT: Final = 0.1
"""Grey levels: a block that differs by less from its surroundings is as flat as a saturated sky."""
DEPTH_MIN_M: Final = 1e-3
"""A grid whose corner lies in the plane of the lens is not laid out: there is no projection of it."""
ROWS_OF_A_BLOCK: Final = 6
"""Of large pictures not more than about so many rows make a block: as many as of 640 x 512 pixels."""
SIDE_OF_16_BITS: Final = 16
"""Largest side of a block whose sum of 8 bits each cannot be more than 16 bits."""
STEEP_MIN: Final = 0.1
"""Pictures that look less steeply down than this (the sine of 6 degrees) show ground too unevenly to be compared."""

_SIDE: Final = np.hanning(CELLS + 2)[1:-1].astype(np.float32)
_HANN: Final = np.outer(_SIDE, _SIDE)
_STEPS: Final = np.arange(CELLS) + 0.5
_AROUND: Final = np.array([-0.5, 0.0, 0.5])
"""Cells about the peak at which the correlation is asked for anew."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Middles:
    """What lies in the middle of those pictures that show ground there, as columns."""

    rows: NDArray[np.int64]
    lat_deg: FloatArray
    lon_deg: FloatArray
    height_m: FloatArray
    away_m: FloatArray
    """From the lens."""


@dataclasses.dataclass(frozen=True, slots=True)
class SeenGround:
    """How a picture was taken, and the ground in its middle with half the side of the square that it shows there."""

    t_utc_ns: int
    to_pixels: FloatArray
    """Turns metres east, north and up of the middle (and a 1) into pixels times depth, and depth; shape (3, 4)."""
    middle: Geodetic
    half_m: float


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What of one picture is compared, and the ground it shows."""

    detail: NDArray[np.float32]
    """By how much each block is brighter than its surroundings, within the median of that."""
    solid: NDArray[np.bool_]
    """Blocks that are as bright, or as dark, as anything is, all through."""
    factor: int
    """Side of a block in pixels."""
    ground: SeenGround

    @classmethod
    def of(cls, image: NDArray[np.uint8], ground: SeenGround) -> Taken:
        """Keep what of a picture is compared."""
        least, most = _usual_levels(image)
        grey, factor = _smaller(image, least, most)
        return cls(_detail(grey), (grey <= least) | (grey >= most), factor, ground)


def shift_between(before: Taken | None, now: Taken | None) -> Shift | None:
    """Return a picture's shift off the one before, or None where they do not agree on any, or lie too far apart."""
    if before is None or now is None:
        return None
    return _compared(before, now) if 0 < now.ground.t_utc_ns - before.ground.t_utc_ns <= GAP_S * 1e9 else None


class GroundRegistration:
    """Compares each picture with the one before it.

    Parameters
    ----------
    terrain
        Ground; its height in the middle of a picture stands for all of it.
    """

    def __init__(self, terrain: Terrain) -> None:
        self._terrain = terrain
        self._before: Taken | None = None

    def shift(self, image: NDArray[np.uint8], pose: Pose, camera: CameraModel) -> Shift | None:
        """Return this picture's shift off the one before, or None where they do not agree on any.

        Parameters
        ----------
        image
            Shape (rows, columns, 3), of the camera's size.
        pose, camera
            Where and with what it was taken.
        """
        ground = self.ground(image.shape, pose, camera)
        now = None if ground is None else Taken.of(image, ground)
        before, self._before = self._before, now
        return shift_between(before, now)

    def ground(self, shape: tuple[int, ...], pose: Pose, camera: CameraModel) -> SeenGround | None:
        """Return the ground that a picture of this shape shows; None for sky, and where the camera is another's."""
        return self.grounds([(shape, pose, camera)])[0]

    def grounds(self, taken: Sequence[tuple[tuple[int, ...], Pose, CameraModel]]) -> list[SeenGround | None]:
        """Return the same of pictures, each by its shape, pose and camera, all at once."""
        fits = [k for k, (shape, _, camera) in enumerate(taken) if shape[:2] == (camera.height_px, camera.width_px)]
        by_time = sorted(fits, key=lambda k: taken[k][1].t_utc_ns)
        looks = Looks.of([Look(*taken[k][1:]) for k in by_time])
        found: list[SeenGround | None] = [None] * len(taken)
        middles = self._middles(looks)
        shown = looks.take(middles.rows)
        half_m = shown.size_px.min(axis=1) / 2.0 * middles.away_m / shown.focal_px.mean(axis=1)
        told = np.stack([middles.lat_deg, middles.lon_deg, middles.height_m, half_m], axis=1).tolist()
        matrices, times = shown.about_the_middle(middles.away_m), shown.t_utc_ns.tolist()
        for row, t_utc_ns, matrix, (lat, lon, height, half) in zip(
            middles.rows.tolist(), times, matrices, told, strict=True
        ):
            middle = Geodetic(lat_deg=lat, lon_deg=lon, alt_hae_m=height)
            found[by_time[row]] = SeenGround(t_utc_ns, matrix, middle, half)
        return found

    def _middles(self, looks: Looks) -> _Middles:
        """Return the ground in the middle of each picture that is not of sky."""
        east, north, up = looks.to_camera[:, 0].T
        rows = np.flatnonzero(up <= -STEEP_MIN)
        east, north, up, eye_m = east[rows], north[rows], up[rows], looks.alt_hae_m[rows]
        lat_deg, lon_deg = first = looks.lat_deg[rows], looks.lon_deg[rows]
        per_north, per_east = metres_per_degree(lat_deg)
        above = np.ones(len(rows), dtype=bool)
        height_m = away_m = np.zeros(len(rows))
        for _ in range(3):
            height_m = self._terrain.height_hae_m(lat_deg, lon_deg)
            above &= eye_m - height_m > 1.0
            away_m = (eye_m - height_m) / -up
            lat_deg, lon_deg = first[0] + north * away_m / per_north, first[1] + east * away_m / per_east
        return _Middles(rows[above], lat_deg[above], lon_deg[above], height_m[above], away_m[above])


def _usual_levels(image: NDArray[np.uint8]) -> tuple[np.uint8, np.uint8]:
    """Return how dark and how bright a picture's green is but for its darkest and brightest tenth."""
    some = image[::EVERY_PX, ::EVERY_PX, 1].ravel()
    tenth = int(EXTREME_SHARE * len(some))
    some = np.partition(some, (tenth, len(some) - 1 - tenth))
    return some[tenth], some[-1 - tenth]


def _smaller(image: NDArray[np.uint8], least: np.uint8, most: np.uint8) -> tuple[NDArray[np.float32], int]:
    """Return the green of a picture as means of blocks, about BLOCKS on its shorter side, and a block's side.

    What is darker or brighter than the levels given counts as they do: lines and writing burned in are of this kind,
    and outweigh no more of the blocks that they cross than what they cover.
    """
    factor = max(1, min(image.shape[:2]) // BLOCKS)
    rows, columns = (side // factor for side in image.shape[:2])
    green = image[: rows * factor, : columns * factor, 1].reshape(rows, factor, columns * factor)
    every = max(1, factor // ROWS_OF_A_BLOCK)
    number = np.uint16 if factor <= SIDE_OF_16_BITS else np.uint32
    down = green[:, ::every].clip(least, most).sum(axis=1, dtype=number)
    whole = down[:, ::factor].copy()
    for column in range(1, factor):  # sums of whole numbers: a tenth of the time of a mean over four axes
        whole += down[:, column::factor]
    return whole.astype(np.float32) / np.float32(factor * len(range(0, factor, every))), factor


def _detail(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much each block is brighter than its surroundings, within the median of what is not flat."""
    fine = grey - ndimage.uniform_filter(grey, SURROUNDINGS_BLOCKS)
    some = np.abs(fine[::2, ::2])
    some = some[some > FLAT]
    limit = np.partition(some, len(some) // 2)[len(some) // 2] if len(some) else np.float32(0.0)
    return np.asarray(np.clip(fine, -limit, limit))


def _compared(before: Taken, now: Taken) -> Shift | None:
    """Lay both onto one grid between their middles and find where they agree."""
    half_m = max(before.ground.half_m, now.ground.half_m)
    cell_m = 2.0 * half_m / CELLS
    east_m, north_m, up_m = apart_m = _apart_m(before.ground.middle, now.ground.middle)
    if math.hypot(east_m, north_m) / 2.0 > half_m:
        return None
    corner_m = np.array([east_m / 2.0 - half_m, north_m / 2.0 - half_m, up_m / 2.0])
    marks = _marks(before, now)
    laid = np.stack([_laid(before, marks, corner_m, cell_m), _laid(now, marks, corner_m - apart_m, cell_m)])
    both = np.isfinite(laid[0]) & np.isfinite(laid[1])
    if np.count_nonzero(both) < SHARED_MIN * both.size:
        return None
    reach = max(2, min(CELLS // 3, math.ceil(REACH_M / cell_m) + 1))
    pair = np.where(both, laid, np.float32(0.0)) * _HANN
    found = _peak(pair, reach)
    if found is None:
        return None
    return Shift(east_m=found[0] * cell_m, north_m=found[1] * cell_m, sigma_m=CELL_SIGMA * cell_m)


def _apart_m(one: Geodetic, other: Geodetic) -> tuple[float, float, float]:
    """Return how far east, north and up the other place is; one plane does for both, a picture's width apart."""
    per_north, per_east = (float(metres) for metres in metres_per_degree(one.lat_deg))
    turned_deg = (other.lon_deg - one.lon_deg + 180.0) % 360.0 - 180.0
    return turned_deg * per_east, (other.lat_deg - one.lat_deg) * per_north, other.alt_hae_m - one.alt_hae_m


def _marks(before: Taken, now: Taken) -> NDArray[np.bool_] | None:
    """Return blocks that broad marks burned into both pictures hide, and those beside them; None where there are none.

    There are some where most of what is solid stays in its place in the picture. Where the ground stays, too, what is
    left of it tells as much.
    """
    if before.solid.shape != now.solid.shape:
        return None
    still = before.solid & now.solid
    fewer = min(np.count_nonzero(before.solid), np.count_nonzero(now.solid))
    if np.count_nonzero(still) <= STILL_SHARE * fewer:
        return None
    return np.asarray(ndimage.binary_dilation(still, np.ones((3, 3), dtype=bool)))


def _laid(taken: Taken, marks: NDArray[np.bool_] | None, corner_m: FloatArray, cell_m: float) -> NDArray[np.float32]:
    """Return a picture's detail at places of a level grid, shape (CELLS, CELLS), row by row from south; NaN: not shown.

    Looking at it is a projection of one plane onto another (Hartley and Zisserman, Multiple View Geometry, 8.1).
    `corner_m` is its south-western corner, metres east, north and up of the picture's own middle.
    """
    matrix = taken.ground.to_pixels
    into = np.column_stack([matrix[:, :2] * cell_m, matrix[:, :3] @ corner_m + matrix[:, 3]])
    into[:2] /= taken.factor
    across, down, depth = into[2].tolist()
    if abs(depth) < DEPTH_MIN_M:
        return np.full((CELLS, CELLS), np.nan, np.float32)
    coefficients = (into / depth).ravel()[:8].tolist()
    detail = taken.detail if marks is None else np.where(marks, np.float32(0.0), taken.detail)
    laid = Image.fromarray(detail).transform(
        (CELLS, CELLS), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR, fillcolor=np.nan
    )
    if depth + CELLS * (min(across, 0.0) + min(down, 0.0)) > 0.0:
        return np.asarray(laid)
    return np.where(across * _STEPS + down * _STEPS[:, None] + depth <= 0.0, np.float32(np.nan), np.asarray(laid))


def _peak(pair: NDArray[np.float32], reach: int) -> tuple[float, float] | None:
    """Return the cells east and north by which the second lies off the first; None where they do not agree."""
    energy = math.sqrt(float(np.vdot(pair[0], pair[0])) * float(np.vdot(pair[1], pair[1])))
    if energy <= 0.0:
        return None
    size = fft.next_fast_len(CELLS + reach, real=True)  # shifts up to the reach do not come round
    spectra = fft.rfft2(pair, (size, size))
    cross = spectra[1] * np.conj(spectra[0])
    lags = np.arange(-reach, reach + 1)
    near = fft.irfft2(cross, (size, size))[np.ix_(lags, lags)] / energy
    row, column = divmod(int(near.argmax()), len(near))
    if near[row, column] < AGREEMENT_MIN or not (0 < row < 2 * reach and 0 < column < 2 * reach):
        return None
    east = column - reach + _between(*near[row, column - 1 : column + 2].tolist())
    north = row - reach + _between(*near[row - 1 : row + 2, column].tolist())
    return _between_cells(cross, size, east, north)


def _between(left: float, middle: float, right: float) -> float:
    """Return where a parabola through three neighbours has its top, from the middle one on."""
    bend = left - 2.0 * middle + right
    return 0.0 if bend >= 0.0 else 0.5 * (left - right) / bend


def _between_cells(cross: Spectrum, size: int, east: float, north: float) -> tuple[float, float]:
    """Return the top of a paraboloid through nine places half a cell apart about a peak.

    What lies between cells is a sum of the waves of the spectrum (Guizar-Sicairos, Thurman and Fienup, Optics Letters
    33, 156, 2008). The window over both makes whatever is shifted agree less; that is divided out.
    """
    up, across = _frequencies(size)
    rows, columns = north + _AROUND, east + _AROUND
    waves = np.exp(1j * (rows[:, None] * up)), np.exp(1j * (across[:, None] * columns))
    waves[1][1 : (size + 1) // 2] *= 2.0  # the other half of the spectrum is this half's mirror image
    at = (waves[0] @ cross @ waves[1]).real / np.outer(_of_the_window(rows), _of_the_window(columns))
    west, middle, east_side = at.sum(axis=0).tolist()
    south, level, north_side = at.sum(axis=1).tolist()
    slope_e, slope_n = (east_side - west) / 6.0, (north_side - south) / 6.0  # of the least squares
    bend_e, bend_n = (west - 2.0 * middle + east_side) / 3.0, (south - 2.0 * level + north_side) / 3.0
    twist = float(at[0, 0] + at[2, 2] - at[0, 2] - at[2, 0]) / 4.0
    bent = bend_e * bend_n - twist * twist
    if bend_e >= 0.0 or bent <= 0.0:
        return east, north
    step_e, step_n = (twist * slope_n - bend_n * slope_e) / bent, (twist * slope_e - bend_e * slope_n) / bent
    return east + 0.5 * min(max(step_e, -1.0), 1.0), north + 0.5 * min(max(step_n, -1.0), 1.0)


@functools.lru_cache
def _frequencies(size: int) -> tuple[FloatArray, FloatArray]:
    """Radians a cell of the rows and columns of a spectrum of real numbers of a square of this side."""
    return 2.0 * np.pi * fft.fftfreq(size), 2.0 * np.pi * fft.rfftfreq(size)


def _of_the_window(cells: FloatArray) -> FloatArray:
    """Return the correlation of Hann's window with itself, so many cells shifted, over its greatest."""
    share = np.abs(cells) / CELLS
    turn = 2.0 * np.pi * share
    return np.asarray(((1.0 - share) * (2.0 + np.cos(turn)) + 1.5 / np.pi * np.sin(turn)) / 3.0)
