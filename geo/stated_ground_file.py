"""The ground that a person states: a terrain file, a plane at some height, or nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.terrain_file import read_terrain
from geo.terrain_plane import SeaLevelPlane, UnknownGround

if TYPE_CHECKING:
    from pathlib import Path

    from geo.values import Terrain

LOWEST_M: Final = -500.0
HIGHEST_M: Final = 8900.0
"""From the shore of the Dead Sea (-430 m) to the highest summit (8849 m), with some room."""


def read_stated_ground(terrain: Path | None, flat_alt_amsl_m: float | None, *, datum: str | None = None) -> Terrain:
    """Return the ground to place hits on; unknown ground when nothing was said about it.

    Parameters
    ----------
    terrain
        GeoTIFF, ``.hgt``, DTED, or a folder of tiles.
    flat_alt_amsl_m
        A plane at this height instead.
    datum
        What the terrain's heights count from where it does not say, as `read_terrain` takes it.

    Raises
    ------
    InputError
        When both are stated, a datum without a terrain, the height is no number, or the file cannot be read.
    """
    if datum is not None and terrain is None:
        raise InputError("--terrain-datum says what the heights of --terrain count from: give that, or leave it out")
    if terrain is not None and flat_alt_amsl_m is not None:
        raise InputError("--terrain and --flat-alt-amsl-m exclude each other: keep one of them")
    if terrain is not None:
        return read_terrain(terrain, datum=datum)
    if flat_alt_amsl_m is None:
        return UnknownGround()
    if not math.isfinite(flat_alt_amsl_m):
        raise InputError(f"--flat-alt-amsl-m needs a height in metres, got {flat_alt_amsl_m}")
    if not LOWEST_M <= flat_alt_amsl_m <= HIGHEST_M:
        raise InputError(
            f"--flat-alt-amsl-m {flat_alt_amsl_m:g}: no ground lies there; it is metres over mean sea level, from "
            f"{LOWEST_M:g} to {HIGHEST_M:g}"
        )
    return SeaLevelPlane(alt_amsl_m=flat_alt_amsl_m)
