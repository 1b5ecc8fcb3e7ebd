"""A sortie against the clock: its height, the ground below, the zones under or over it, where findings lie."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import SAMPLE_M
from missions.airspace.zone_layers import drawn_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.plan import Finding, Leg, Severity, Sortie

    FloatArray = NDArray[np.float64]

MAX_SAMPLES: Final = 4000
"""More points than a picture has columns show nothing more."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCrossing:
    """Minutes a flight spends above, in or below the outline of a zone; NaN floor: ground, NaN ceiling: none."""

    name: str
    start_min: float
    end_min: float
    floor_amsl_m: float
    ceiling_amsl_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FindingMark:
    """Where on the flight a finding lies: minutes from take-off and height."""

    rule: str
    severity: Severity
    minutes: float
    alt_amsl_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightProfile:
    """Samples along a sortie, (n,) each: every leg's two ends and points between, at most about 20 m apart.

    Minutes count from take-off, metres along the path over the ground. `leg` is the place of a
    sample's leg in the sortie; the end of a leg and the start of the next are samples of their own.
    """

    minutes: FloatArray
    along_m: FloatArray
    alt_amsl_m: FloatArray
    ground_amsl_m: FloatArray
    battery_pct: FloatArray
    xy_m: FloatArray
    leg: NDArray[np.int64]
    crossings: tuple[ZoneCrossing, ...]

    @property
    def agl_m(self) -> FloatArray:
        """Height above the ground below, NaN where the ground is not known."""
        return self.alt_amsl_m - self.ground_amsl_m


def flight_profile(sortie: Sortie, situation: Situation) -> FlightProfile:
    """Sample a sortie along its way and look up the ground below it and the zones it passes."""
    ends = _ends(sortie.legs, situation.corridor)
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    spacing = max(SAMPLE_M, float(length.sum()) / MAX_SAMPLES)
    count = np.maximum(np.ceil(length / spacing).astype(int), 1) + 1
    leg = np.repeat(np.arange(len(count)), count)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(count) - count, count)) / (count[leg] - 1)
    xy = ends[leg, 0] + share[:, None] * (ends[leg, 1] - ends[leg, 0])
    minutes = _between([(g.t_start_s, g.t_end_s) for g in sortie.legs], leg, share) / 60.0
    minutes -= sortie.legs[0].t_start_s / 60.0
    left = [100.0, *(g.battery_end_pct for g in sortie.legs)]
    return FlightProfile(
        minutes=minutes,
        along_m=(np.cumsum(length) - length)[leg] + share * length[leg],
        alt_amsl_m=_between([(g.alt_amsl_start_m, g.alt_amsl_end_m) for g in sortie.legs], leg, share),
        ground_amsl_m=np.asarray(situation.ground.at(xy), dtype=float),
        battery_pct=_between(list(zip(left[:-1], left[1:], strict=True)), leg, share),
        xy_m=xy,
        leg=leg,
        crossings=tuple(_crossings(situation, xy, minutes)),
    )


def _ends(legs: Sequence[Leg], corridor: Corridor) -> FloatArray:
    """Return the ends of legs in the plane, (n, 2, 2)."""
    lat = np.array([(g.lat_start_deg, g.lat_end_deg) for g in legs])
    lon = np.array([(g.lon_start_deg, g.lon_end_deg) for g in legs])
    return corridor.frame.to_plane(lat.ravel(), lon.ravel()).reshape(len(legs), 2, 2)


def _between(pairs: list[tuple[float, float]], leg: NDArray[np.int64], share: FloatArray) -> FloatArray:
    start, end = np.array(pairs, dtype=float).T
    return np.asarray(start[leg] + share * (end - start)[leg])


def _crossings(situation: Situation, xy: FloatArray, minutes: FloatArray) -> list[ZoneCrossing]:
    found = []
    for zone, shape in zip(situation.brief.zone, situation.corridor.zones, strict=True):
        shapely.prepare(shape)
        inside = np.concatenate([[False], shapely.intersects_xy(shape, xy[:, 0], xy[:, 1]), [False]])
        turns = np.flatnonzero(np.diff(inside.astype(int)))
        for first, after in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
            below = float(np.nan_to_num(situation.ground.at(xy[[(first + after - 1) // 2]]))[0])
            floor, ceiling = drawn_between(zone, below)
            found.append(
                ZoneCrossing(
                    name=zone.name,
                    start_min=float(minutes[first]),
                    end_min=float(minutes[after - 1]),
                    floor_amsl_m=math.nan if floor is None else floor,
                    ceiling_amsl_m=math.nan if ceiling is None else ceiling,
                )
            )
    return found


def finding_marks(
    findings: Sequence[Finding], sortie: Sortie, profile: FlightProfile, corridor: Corridor
) -> list[FindingMark]:
    """Return where on a flight the findings about it lie; those that name no place on it are left out."""
    marks = []
    for finding in findings:
        place = _place(finding, sortie, profile, corridor) if finding.sortie == sortie.name else None
        if place is not None:
            marks.append(
                FindingMark(
                    rule=finding.rule,
                    severity=finding.severity,
                    minutes=float(profile.minutes[place]),
                    alt_amsl_m=float(profile.alt_amsl_m[place]),
                )
            )
    return marks


def _place(finding: Finding, sortie: Sortie, profile: FlightProfile, corridor: Corridor) -> int | None:
    """Return the sample nearest to a finding: on the leg it names, or else on the whole flight."""
    named = np.flatnonzero(np.array([leg.seq for leg in sortie.legs])[profile.leg] == finding.seq)
    if math.isnan(finding.lat_deg):
        return int(named[len(named) // 2]) if len(named) else None
    at = corridor.frame.to_plane(np.array([finding.lat_deg]), np.array([finding.lon_deg]))[0]
    among = named if len(named) else np.arange(len(profile.leg))
    return int(among[np.argmin(np.hypot(*(profile.xy_m[among] - at).T))])
