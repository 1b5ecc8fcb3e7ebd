"""The world one patrol flies in: what was asked, the air that leaves, the ground under it and the wind over it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.corridor import build_corridor
from missions.airspace.terrain_profile import PlaneGround
from missions.airspace.wind_flown import wind_flown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.performance.wind import WindProfile

    FloatArray = NDArray[np.float64]

ROOM_M: Final = 500.0
"""Own side is worked out this much farther inland than the places that are to lie in it."""
MAX_DEPTH_M: Final = 100_000.0
"""The deepest corridor a brief may ask for."""

NOT_OF_AIR: Final = frozenset({"name", "failsafe", "revisit", "time"})
"""Tables of a brief on which neither its air nor the lanes in it depend."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """Everything a plan is made in and a flight is judged in; built once and handed on."""

    brief: Brief
    corridor: Corridor
    ground: PlaneGround
    wind: WindProfile
    """The wind at the heights that can be flown here."""

    @classmethod
    def of(cls, brief: Brief, heights: GroundHeights) -> Situation:
        """Work out the air and the wind of a brief over some ground.

        Raises
        ------
        BriefError, PlanRefusedError
            As `missions.airspace.corridor.build_corridor`.
        """
        wind = wind_flown(brief, heights)
        corridor = build_corridor(brief, heights, wind)
        return cls(brief=brief, corridor=corridor, ground=PlaneGround(frame=corridor.frame, heights=heights), wind=wind)

    @property
    def frame(self) -> LocalFrame:
        """The plane all metres are in."""
        return self.corridor.frame

    def asking(self, brief: Brief) -> Situation:
        """Return the situation with another brief over the same ground; its air is worked out anew where it differs."""
        changed = {key for key in type(brief).model_fields if getattr(brief, key) is not getattr(self.brief, key)}
        return (
            dataclasses.replace(self, brief=brief)
            if changed <= NOT_OF_AIR
            else Situation.of(brief, self.ground.heights)
        )

    def returning(self, **told: object) -> Situation:
        """Return the situation with some of how a broken-off flight returns settled (keys of `Failsafe`)."""
        return dataclasses.replace(self, brief=self.brief.returning(**told))

    def holding(self, lat_deg: FloatArray, lon_deg: FloatArray) -> Situation:
        """Return the situation with own side and free air worked out as far as the given places; NaN is none.

        A corridor is worked out about the ground it watches; places farther inland are on our side all the same,
        so that it is built again as deep as they lie.
        """
        known = np.isfinite(lat_deg) & np.isfinite(lon_deg)
        points = self.frame.to_plane(lat_deg[known], lon_deg[known])
        if not len(points):
            return self
        away_m = float(np.max(shapely.distance(shapely.points(points), np.asarray(self.corridor.border)), initial=0.0))
        depth_m = min(away_m + ROOM_M, MAX_DEPTH_M)
        if depth_m <= self.brief.corridor.depth_m:
            return self
        deeper = self.brief.model_copy(update={"corridor": self.brief.corridor.model_copy(update={"depth_m": depth_m})})
        corridor = dataclasses.replace(self.asking(deeper).corridor, watched=self.corridor.watched)
        return dataclasses.replace(self, corridor=corridor)
