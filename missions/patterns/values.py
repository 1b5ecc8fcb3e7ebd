"""What a search pattern is asked for, and what it answers."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING

from missions.patterns.iamsar import coverage_factor, probability_of_detection

if TYPE_CHECKING:
    from missions.plan import LegKind

    LonLat = tuple[float, float]


class PatternKind(enum.StrEnum):
    """The kinds of search this package plans."""

    AREA = "area"
    POINT = "point"
    EXPANDING_SQUARE = "expanding-square"
    SECTOR = "sector"
    PARALLEL_TRACK = "parallel-track"
    CREEPING_LINE = "creeping-line"
    ROUTE = "route"
    PERIMETER = "perimeter"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatternRequest:
    """One search. Which fields count depends on `kind`; positions are (lon, lat) degrees."""

    kind: PatternKind
    swath_m: float
    """Width seen from a track: spacing of lanes, squares and tracks."""
    sweep_width_m: float | None = None
    """Effective sweep width for the probability of detection; the swath when not given."""
    polygons: tuple[tuple[tuple[LonLat, ...], ...], ...] = ()
    """Area: its polygons, each an outer ring and holes. Perimeter: its fence."""
    line: tuple[LonLat, ...] = ()
    """Route: the line flown along."""
    datum: LonLat | None = None
    """Point watch, squares, sectors and tracks: where the search is centred."""
    direction_deg: float = 0.0
    """First leg (squares, sectors) or long side (tracks), clockwise from north."""
    length_m: float = 0.0
    width_m: float = 0.0
    radius_m: float = 0.0
    """Sector radius, or orbit radius of a point watch."""
    legs: int = 12
    laps: int = 1
    offset_m: float = 0.0
    """Route: to the right of the line. Perimeter: outside the fence."""
    reach_m: float = 0.0
    there_and_back: bool = False
    hover: bool = False
    """Point watch: hold one place in sight of the point instead of flying around it."""
    around_holes: bool = False
    """Area: its holes are flown around as well, not only left unsearched."""
    begin: LonLat | None = None
    """Where the aircraft comes from, to start the path near it."""
    finish: LonLat | None = None
    """Where it goes afterwards, to end the path near it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatternWaypoint:
    """A point of the path, and what the aircraft does on the way to it."""

    lon_deg: float
    lat_deg: float
    kind: LegKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatternPath:
    """A path ready for a sortie, and what it is worth."""

    kind: PatternKind
    waypoints: tuple[PatternWaypoint, ...]
    swath_m: float
    sweep_width_m: float
    worked_m: float
    """Length of the legs on which something is looked for."""
    length_m: float
    area_m2: float
    coverage: float = math.nan
    """IAMSAR coverage factor C = W L / A; NaN where there is no area."""
    pod: float = math.nan
    """Probability of detection of one pass, 1 - exp(-C)."""
    direction_deg: float = math.nan
    lanes: int = 0

    def over(self, area_m2: float) -> PatternPath:
        """Return the path with its coverage and chance of finding counted over an area."""
        coverage = coverage_factor(sweep_width_m=self.sweep_width_m, length_m=self.worked_m, area_m2=area_m2)
        pod = probability_of_detection(coverage)
        return dataclasses.replace(self, area_m2=area_m2, coverage=coverage, pod=pod)
