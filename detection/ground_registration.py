"""How far one picture lies off the one before on the ground, by the ground that both show.

Nearly all of what a position is wrong by from one picture to the next is the pose's: a metre and more, as much as a
person walks in that time. The pictures themselves know better: both are laid onto one grid of the ground, and the shift
at which they agree is the peak of their normalised cross-correlation, between cells by a parabola. What moves is small
beside what does not; marks burned into the pictures are alike in both and left out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from detection.looks import Look, Looks, Shift, seen_pixels
from geo.geodesy import geodetic_to_enu, metres_per_degree
from geo.values import Geodetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geo.values import CameraModel, Pose, Terrain

    FloatArray = NDArray[np.float64]

CELLS: Final = 128
"""Side of the grid."""
GAP_S: Final = 2.5
"""Pictures further apart are not compared: trees lean over and shadows move."""
REACH_M: Final = 6.0
"""Largest shift looked for: what poses may differ by from one picture to the next."""
SHARED_MIN: Final = 0.35
"""Least share of the grid that both pictures must cover."""
AGREEMENT_MIN: Final = 0.4
"""Least correlation of the two, once shifted; the same ground with other noise has more."""
CELL_SIGMA: Final = 0.15
"""One-sigma error of the peak in cells, found on simulated films (`tests/detection/test_ground_registration.py`)."""
SURROUNDINGS_CELLS: Final = 15
RIM_CELLS: Final = 9
"""Over so many cells what lies at the rim of what both show fades away."""
DEPTH_MIN_M: Final = 1e-3
"""A grid whose corner lies in the plane of the lens is not laid out: there is no projection of it."""
MOVED_BLOCKS: Final = 3.0
"""Ground that has moved by fewer blocks is not told from marks burned into the picture."""
ALIKE_SHARE: Final = 0.1
"""Blocks that changed by less than this share of the spread of all changes are alike."""
SIDE_OF_16_BITS: Final = 16
"""Largest side of a block whose sum of 8 bits each cannot be more than 16 bits."""
STEEP_MIN: Final = 0.1
"""Pictures that look less steeply down than this (the sine of 6 degrees) show ground too unevenly to be compared."""

_SIDE: Final = np.hanning(CELLS + 2)[1:-1].astype(np.float32)
_HANN: Final = np.outer(_SIDE, _SIDE)
_STEPS: Final = np.arange(CELLS) + 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class SeenGround:
    """How a picture was taken, and the ground in its middle with half the side of the square that it shows there."""

    look: Looks
    middle: Geodetic
    half_m: float


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """One picture's brightness, and the ground it shows."""

    grey: NDArray[np.float32]
    """Made smaller by `factor`."""
    factor: int
    ground: SeenGround

    @classmethod
    def of(cls, image: NDArray[np.uint8], ground: SeenGround) -> Taken:
        """Keep what of a picture is compared."""
        return cls(*_smaller(image), ground)


def shift_between(before: Taken | None, now: Taken | None) -> Shift | None:
    """Return a picture's shift off the one before, or None where they do not agree on any, or lie too far apart."""
    if before is None or now is None:
        return None
    gap_ns = int(now.ground.look.t_utc_ns[0]) - int(before.ground.look.t_utc_ns[0])
    return _compared(before, now) if 0 < gap_ns <= GAP_S * 1e9 else None


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
        for row, middle, half_m in self._middles(looks):
            found[by_time[row]] = SeenGround(looks.take(np.array([row])), middle, half_m)
        return found

    def _middles(self, looks: Looks) -> Iterator[tuple[int, Geodetic, float]]:
        """Yield the ground in the middle of each picture and half the side of the square shown there; none of sky."""
        east, north, up = looks.to_camera[:, 0].T
        rows = np.flatnonzero(up <= -STEEP_MIN)
        east, north, up, eye_m = east[rows], north[rows], up[rows], looks.alt_hae_m[rows]
        lat_deg, lon_deg = first = looks.lat_deg[rows], looks.lon_deg[rows]
        per_north, per_east = metres_per_degree(lat_deg)
        above = np.ones(len(rows), dtype=bool)
        height_m = slant_m = np.zeros(len(rows))
        for _ in range(3):
            height_m = self._terrain.height_hae_m(lat_deg, lon_deg)
            above &= eye_m - height_m > 1.0
            slant_m = (eye_m - height_m) / -up
            lat_deg, lon_deg = first[0] + north * slant_m / per_north, first[1] + east * slant_m / per_east
        half_m = looks.size_px[rows].min(axis=1) / 2.0 * slant_m / looks.focal_px[rows].mean(axis=1)
        told = np.stack([lat_deg, lon_deg, height_m, half_m], axis=1)
        for row, (lat, lon, height, half) in zip(rows[above].tolist(), told[above].tolist(), strict=True):
            yield row, Geodetic(lat_deg=lat, lon_deg=lon, alt_hae_m=height), half


def _smaller(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
    """Return the green of a picture as means of blocks, about as many as the grid has cells, and a block's side."""
    factor = max(1, min(image.shape[:2]) // CELLS)
    rows, columns = (side // factor for side in image.shape[:2])
    green = image[: rows * factor, : columns * factor, 1].reshape(rows, factor, columns * factor)
    number = np.uint16 if factor <= SIDE_OF_16_BITS else np.uint32
    down = green.sum(axis=1, dtype=number)
    whole = down[:, ::factor].copy()
    for column in range(1, factor):  # sums of whole numbers: a tenth of the time of a mean over four axes
        whole += down[:, column::factor]
    return whole.astype(np.float32) / np.float32(factor**2), factor


def _compared(before: Taken, now: Taken) -> Shift | None:
    """Lay both onto one grid between their middles and find where they agree."""
    half_m = max(before.ground.half_m, now.ground.half_m)
    cell_m = 2.0 * half_m / CELLS
    origin, ahead = before.ground.middle, now.ground.middle
    apart = geodetic_to_enu(ahead.lat_deg, ahead.lon_deg, ahead.alt_hae_m, origin)
    centre = np.asarray(apart, dtype=np.float64).reshape(3) / 2.0
    if np.hypot(centre[0], centre[1]) > half_m:
        return None
    corner = centre - (half_m, half_m, 0.0)
    matrices = [one.ground.look.matrices(origin)[0] for one in (before, now)]
    burned = _burned_in(before, now, matrices[1])
    laid = np.empty((2, CELLS, CELLS), np.float32)
    for place, taken, matrix in zip(laid, (before, now), matrices, strict=True):
        place[:] = _laid(_without(taken.grey, burned), _grid_to_blocks(matrix, corner, cell_m, taken.factor))
    both = np.isfinite(laid[0]) & np.isfinite(laid[1])
    if np.count_nonzero(both) < SHARED_MIN * both.size:
        return None
    reach = max(2, min(CELLS // 3, int(REACH_M / cell_m)))
    window = _HANN * np.where(both, ndimage.uniform_filter(both.astype(np.float32), RIM_CELLS), np.float32(0.0))
    found = _peak(_flat(laid, both) * window, reach)
    if found is None:
        return None
    return Shift(east_m=found[0] * cell_m, north_m=found[1] * cell_m, sigma_m=CELL_SIGMA * cell_m)


def _burned_in(before: Taken, now: Taken, matrix: FloatArray) -> NDArray[np.bool_] | None:
    """Return which blocks are alike in both while the ground has moved on: marks, and not the ground.

    `matrix` turns metres about the middle of the picture before into pixels of this one.
    """
    if before.grey.shape != now.grey.shape:
        return None
    pixel, _ = seen_pixels(matrix, np.zeros((1, 3)))
    if not np.hypot(*(pixel[0] - now.ground.look.size_px[0] / 2.0)) > MOVED_BLOCKS * now.factor:
        return None
    change = np.abs(now.grey - before.grey)
    return _four_by_four(change < ALIKE_SHARE * float(change.std()))


def _four_by_four(alike: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return what lies in or beside a square of two by two that is alike; None where there is no such square.

    It is the opening of `alike` by that square, dilated by three by three.
    """
    down = alike[:-1] & alike[1:]
    square = down[:, :-1] & down[:, 1:]
    if not square.any():
        return None
    rows, columns = alike.shape
    wide = np.zeros((rows + 3, columns + 3), dtype=bool)
    wide[2 : rows + 1, 2 : columns + 1] = square
    wide = wide[:rows] | wide[1 : rows + 1] | wide[2 : rows + 2] | wide[3 : rows + 3]
    found = wide[:, :columns] | wide[:, 1 : columns + 1] | wide[:, 2 : columns + 2] | wide[:, 3 : columns + 3]
    return np.asarray(found)


def _without(grey: NDArray[np.float32], burned: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    return grey if burned is None else np.where(burned, np.float32(np.nan), grey)


def _grid_to_blocks(matrix: FloatArray, corner_m: FloatArray, cell_m: float, factor: int) -> FloatArray:
    """Return the homography (3, 3) from the grid's columns and rows to a picture's blocks times depth, and depth.

    The grid is level, so that looking at it is a projection of one plane onto another (Hartley and Zisserman, Multiple
    View Geometry, 8.1). `corner_m` is its south-western corner: metres east, north and up, as `matrix` takes them.
    """
    into = np.zeros((4, 3))
    into[0, 0] = into[1, 1] = cell_m
    into[:3, 2], into[3, 2] = corner_m, 1.0
    return np.asarray((matrix @ into) / np.array([factor, factor, 1.0])[:, None])


def _laid(grey: NDArray[np.float32], to_blocks: FloatArray) -> NDArray[np.float32]:
    """Return the brightness of a picture at places of the ground, shape (CELLS, CELLS); NaN where it shows them not."""
    depth = to_blocks[2, 2]
    if abs(depth) < DEPTH_MIN_M:
        return np.full((CELLS, CELLS), np.nan, np.float32)
    coefficients = (to_blocks / depth).ravel()[:8].tolist()
    laid = Image.fromarray(grey).transform(
        (CELLS, CELLS), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR, fillcolor=np.nan
    )
    across, down = to_blocks[2, 0] * _STEPS, to_blocks[2, 1] * _STEPS[:, None]
    if across.min() + down.min() + depth > 0.0:
        return np.asarray(laid)
    return np.where(across + down + depth <= 0.0, np.float32(np.nan), np.asarray(laid))


def _flat(laid: NDArray[np.float32], both: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what stands out from its surroundings in each of two pictures, within three sigmas."""
    filled = np.where(both, laid, np.array([[[one[both].mean()]] for one in laid], np.float32))
    fine = filled - ndimage.uniform_filter(filled, (1, SURROUNDINGS_CELLS, SURROUNDINGS_CELLS))
    limit = np.array([[[3.0 * float(one[both].std())]] for one in fine], np.float32)
    return np.asarray(np.clip(fine, -limit, limit))


def _peak(pair: NDArray[np.float32], reach: int) -> tuple[float, float] | None:
    """Return the cells east and north by which the second lies off the first; None where they do not agree."""
    energy = float(np.sqrt((pair[0] ** 2).sum() * (pair[1] ** 2).sum()))
    if energy <= 0.0:
        return None
    size = fft.next_fast_len(CELLS + reach, real=True)  # shifts up to the reach do not come round
    spectra = fft.rfft2(pair, (size, size))
    agreement = fft.irfft2(spectra[1] * np.conj(spectra[0]), (size, size))
    lags = np.arange(-reach, reach + 1)
    near = agreement[np.ix_(lags, lags)] / energy
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    if near[row, column] < AGREEMENT_MIN or not (0 < row < 2 * reach and 0 < column < 2 * reach):
        return None
    east = column - reach + _between(near[row, column - 1 : column + 2])
    north = row - reach + _between(near[row - 1 : row + 2, column])
    return float(east), float(north)


def _between(three: FloatArray) -> float:
    """Return where a parabola through three neighbours has its top, from the middle one on."""
    bend = float(three[0] - 2.0 * three[1] + three[2])
    return 0.0 if bend >= 0.0 else float(0.5 * (three[0] - three[2]) / bend)
