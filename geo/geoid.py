"""EGM96 geoid undulation: what turns heights above mean sea level into heights above the ellipsoid.

The bundled table `egm96_15min.npz` holds the 15-minute world grid of the
NGA (formerly NIMA) geoid file WW15MGH.GRD (Lemoine et al., NASA/TP-1998-206861;
public domain), in centimetres, as second differences along longitude and first
differences along latitude. `write_table` makes it from the grid in binary form.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.values import FloatArray

TABLE: Final = Path(__file__).with_name("egm96_15min.npz")
_ROWS, _COLUMNS = 721, 1440
_POSTS_PER_DEGREE: Final = 4
_MARGIN: Final = 2
_HEADER_BYTES: Final = 24
_HEADER: Final = (-90.0, 90.0, 0.0, 360.0, 0.25, 0.25)


def undulation_m(lat_deg: ArrayLike, lon_deg: ArrayLike) -> FloatArray:
    """Return the EGM96 geoid height above the WGS 84 ellipsoid, in metres.

    Cubic (four-point Lagrange) in both directions: within 1.1 cm of the full
    spherical-harmonic model at the published test points, where bilinear is
    within 6 cm. Longitudes wrap; latitudes beyond a pole give NaN.
    Ellipsoid height = height above mean sea level + undulation.
    """
    lat, lon = np.broadcast_arrays(np.asarray(lat_deg, np.float64), np.asarray(lon_deg, np.float64))
    known = (np.abs(lat) <= 90.0) & np.isfinite(lon)
    row = np.where(known, (90.0 - lat) * _POSTS_PER_DEGREE, 0.0)
    column = np.where(known, lon % 360.0 * _POSTS_PER_DEGREE, 0.0)
    top, left = np.minimum(row.astype(np.int64), _ROWS - 2), np.minimum(column.astype(np.int64), _COLUMNS - 1)
    down, right = _lagrange(row - top), _lagrange(column - left)
    grid = _grid()
    flat, width = grid.ravel(), grid.shape[1]
    corner = (top + _MARGIN - 1) * width + left + _MARGIN - 1
    total = np.zeros(lat.shape)
    for i in range(4):
        along = sum(right[j] * (flat[corner + (i * width + j)] / 100.0) for j in range(4))
        total += down[i] * along
    return np.where(known, total, np.nan)


def amsl_to_hae_m(lat_deg: ArrayLike, lon_deg: ArrayLike, alt_amsl_m: ArrayLike) -> FloatArray:
    """Return ellipsoid heights of heights above mean sea level (EGM96)."""
    return np.asarray(alt_amsl_m, dtype=np.float64) + undulation_m(lat_deg, lon_deg)


def hae_to_amsl_m(lat_deg: ArrayLike, lon_deg: ArrayLike, alt_hae_m: ArrayLike) -> FloatArray:
    """Return heights above mean sea level (EGM96) of ellipsoid heights."""
    return np.asarray(alt_hae_m, dtype=np.float64) - undulation_m(lat_deg, lon_deg)


def _lagrange(t: FloatArray) -> tuple[FloatArray, ...]:
    """Return weights of the posts at -1, 0, 1, 2 for a place t in [0, 1]."""
    return (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )


@functools.cache
def _grid() -> NDArray[np.int16]:
    """Return undulations in centimetres with a margin: over each pole the far meridian, at the seam the other side."""
    with np.load(TABLE) as table:
        centimetres = _decode(table["second_differences"])
    north = np.roll(centimetres[_MARGIN:0:-1], _COLUMNS // 2, axis=1)
    south = np.roll(centimetres[-2 : -2 - _MARGIN : -1], _COLUMNS // 2, axis=1)
    return np.pad(np.vstack([north, centimetres, south]), ((0, 0), (_MARGIN, _MARGIN)), mode="wrap")


def _decode(differences: NDArray[np.int16]) -> NDArray[np.int16]:
    """Add up in 16 bits: sums that come round on the way come back, since undulations fit."""
    columns = differences.cumsum(axis=0, dtype=np.int16)
    return np.asarray(columns.cumsum(axis=1, dtype=np.int16).cumsum(axis=1, dtype=np.int16))


def _encode(centimetres: NDArray[np.int64]) -> NDArray[np.int16]:
    along = np.diff(np.diff(centimetres, axis=1, prepend=0), axis=1, prepend=0)
    return np.diff(along, axis=0, prepend=0).astype(np.int16)


def write_table(source: Path, out: Path) -> None:
    """Make the bundled table from a 15-minute grid in binary form, north to south.

    `source` holds six big-endian 32-bit floats (south, north, west, east, steps,
    degrees) and 721 x 1441 more (metres), the last column repeating the first.

    Raises
    ------
    InputError
        When `source` is not such a grid.
    """
    raw = source.read_bytes()
    expected = _HEADER_BYTES + 4 * _ROWS * (_COLUMNS + 1)
    if len(raw) != expected or tuple(np.frombuffer(raw[:_HEADER_BYTES], ">f4")) != _HEADER:
        raise InputError(
            f"{source} is not a 15-minute world geoid grid ({expected} bytes with its six-number header expected); "
            "give the EGM96 grid in binary form",
            expected=expected,
            actual=len(raw),
        )
    metres = np.frombuffer(raw[_HEADER_BYTES:], ">f4").reshape(_ROWS, _COLUMNS + 1)[:, :_COLUMNS]
    centimetres = np.round(metres.astype(np.float64) * 100.0).astype(np.int64)
    part = out.with_suffix(".part.npz")
    np.savez_compressed(part, second_differences=_encode(centimetres))
    os.replace(part, out)
