"""The legs of one flight as arrays, and the points along them that rules look at."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.airspace.terrain_profile import SAMPLE_M
from missions.plan import LegKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.terrain_profile import PlaneGround
    from missions.plan import Leg

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlownLegs:
    """Straight legs in the order flown, (n,) or (n, 2) each; heights are NaN where they are not known."""

    start_m: FloatArray
    end_m: FloatArray
    alt_start_amsl_m: FloatArray
    alt_end_amsl_m: FloatArray
    seconds: FloatArray
    """How long each leg takes; NaN where nobody has said."""
    battery_end_pct: FloatArray
    """Battery left at the end of each leg; NaN where nobody has said."""
    hold_s: FloatArray
    """How long the aircraft waits on a leg that goes nowhere; 0 on the others."""
    asked_mps: FloatArray
    """The speed an item of the mission set, where nobody has worked out the leg's cost; else NaN."""
    seq: NDArray[np.int64]
    lines: NDArray[np.object_]
    """What is passed over: the legs, and the metres beyond a glide in which the aircraft comes to rest."""
    climbs_out: bool
    glides: bool
    """Whether the first leg is a fixed wing's climb from the ground and the last its glide there, low by nature."""

    @classmethod
    def of(cls, legs: Sequence[Leg], frame: LocalFrame, *, run_out_m: float = 0.0) -> FlownLegs:
        """Bring the legs of a plan into a plane.

        Parameters
        ----------
        run_out_m
            How far the aircraft comes beyond the end of its glide: the line of that leg goes on by so much.
        """
        start = frame.to_plane(np.array([g.lat_start_deg for g in legs]), np.array([g.lon_start_deg for g in legs]))
        end = frame.to_plane(np.array([g.lat_end_deg for g in legs]), np.array([g.lon_end_deg for g in legs]))
        seconds = np.array([g.t_end_s - g.t_start_s for g in legs])
        battery = np.array([g.battery_end_pct for g in legs])
        glides, ends = _glides(legs), end.copy()
        if glides:
            ahead = end[-1] - start[-1]
            ends[-1] += run_out_m * ahead / np.hypot(*ahead)
        return cls(
            start_m=start,
            end_m=end,
            alt_start_amsl_m=np.array([g.alt_amsl_start_m for g in legs]),
            alt_end_amsl_m=np.array([g.alt_amsl_end_m for g in legs]),
            seconds=seconds,
            battery_end_pct=battery,
            hold_s=np.where([g.kind is LegKind.HOLD for g in legs], seconds, 0.0),
            asked_mps=np.where(np.isnan(battery), [g.speed_mps for g in legs], np.nan),
            seq=np.array([g.seq for g in legs], dtype=np.int64),
            lines=np.asarray(shapely.linestrings(np.stack([start, ends], axis=1))),
            climbs_out=_goes_somewhere(legs[0]) and legs[0].alt_amsl_start_m == legs[-1].alt_amsl_end_m,
            glides=glides,
        )

    def __len__(self) -> int:
        """Return how many legs there are."""
        return len(self.seq)

    @property
    def length_m(self) -> FloatArray:
        """Length of each leg over the ground, metres."""
        return np.asarray(np.hypot(*(self.end_m - self.start_m).T))

    def share_at(self, index: NDArray[np.int64], xy_m: FloatArray) -> FloatArray:
        """Return the share of its leg before each place on its line, (n,); 1 beyond its end, 0 on the spot."""
        along_m, length_m = shapely.line_locate_point(self.lines[index], shapely.points(xy_m)), self.length_m[index]
        return np.minimum(np.divide(along_m, length_m, out=np.zeros(len(index)), where=length_m > 0.0), 1.0)

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Which legs go somewhere: the others are climbs, descents and waits in place."""
        still_m = 0.01
        return np.asarray(self.length_m > still_m)


def _goes_somewhere(leg: Leg) -> bool:
    return (leg.lat_start_deg, leg.lon_start_deg) != (leg.lat_end_deg, leg.lon_end_deg)


def _glides(legs: Sequence[Leg]) -> bool:
    last = legs[-1]
    return last.kind is LegKind.RETURN and _goes_somewhere(last) and last.alt_amsl_end_m == legs[0].alt_amsl_start_m


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LegPoints:
    """Points along legs, both ends of every leg among them: (n,) or (n, 2) each."""

    leg: NDArray[np.int64]
    """Index of the leg a point lies on."""
    share: FloatArray
    xy_m: FloatArray
    alt_amsl_m: FloatArray

    def ground(self, ground: PlaneGround) -> FloatArray:
        """Return the height of the ground under each point, NaN where it is not known."""
        return ground.at(self.xy_m)


def points_along(legs: FlownLegs, spacing_m: float = SAMPLE_M, *, only: NDArray[np.bool_] | None = None) -> LegPoints:
    """Return points every `spacing_m` or less along each leg, its start and end included.

    Parameters
    ----------
    only
        (n,) which legs to take; by default all.
    """
    index = np.arange(len(legs)) if only is None else np.flatnonzero(only)
    count = np.maximum(np.ceil(legs.length_m[index] / spacing_m).astype(np.int64), 1) + 1
    leg = np.repeat(index, count)
    first = np.repeat(np.cumsum(count) - count, count)
    share = (np.arange(len(leg)) - first) / (np.repeat(count, count) - 1)
    return LegPoints(
        leg=leg,
        share=share,
        xy_m=legs.start_m[leg] + share[:, None] * (legs.end_m - legs.start_m)[leg],
        alt_amsl_m=legs.alt_start_amsl_m[leg] + share * (legs.alt_end_amsl_m - legs.alt_start_amsl_m)[leg],
    )
