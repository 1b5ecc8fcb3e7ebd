"""The ground a plan is made over: a terrain file's heights above mean sea level, or one flat height."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geo.geoid import undulation_m
from missions.airspace.situation import Situation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Terrain
    from geo.vertical import TerrainProblem
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief, Ground

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlatGround:
    """One height above mean sea level, everywhere."""

    height_amsl_m: float

    @property
    def flat(self) -> bool:
        """Always: see `PlaneGround.flat`."""
        return True

    def amsl_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the height for each point."""
        return np.full(np.broadcast(lat_deg, lon_deg).shape, self.height_amsl_m)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TerrainGround:
    """A terrain model's heights, brought from the ellipsoid to mean sea level (EGM96)."""

    terrain: Terrain
    problems: tuple[TerrainProblem, ...] = ()
    """What is doubtful about the heights: a reference that was assumed, contradicted, or is not modelled."""

    def amsl_m(self, lat_deg: FloatArray, lon_deg: FloatArray) -> FloatArray:
        """Return the ground's height for each point, NaN where the model has none."""
        return np.asarray(self.terrain.height_hae_m(lat_deg, lon_deg) - undulation_m(lat_deg, lon_deg))


def read_ground(spec: Ground) -> GroundHeights:
    """Open the ground a brief names."""
    if spec.file is None:
        return FlatGround(height_amsl_m=spec.flat_amsl_m or 0.0)
    from geo.terrain_file import read_terrain

    terrain = read_terrain(Path(spec.file), datum=spec.datum)
    return TerrainGround(terrain=terrain, problems=terrain.problems)


def open_situation(brief: Brief) -> Situation:
    """Open the ground a brief names, once, and work out the situation it describes.

    Raises
    ------
    BriefError, PlanRefusedError
        As `missions.airspace.corridor.build_corridor`.
    """
    return Situation.of(brief, read_ground(brief.terrain))
