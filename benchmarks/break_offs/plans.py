"""The patrols and searches that are broken off: each kind of aircraft, each way home."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from missions.briefs.brief_file import build_brief, read_brief
from missions.judging.judge import subject_of
from missions.patterns.values import PatternKind, PatternRequest
from missions.performance.aircraft import AircraftKind
from missions.plan_files.dialect import Dialect
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search

if TYPE_CHECKING:
    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.judging.subject import Subject
    from missions.plan import Sortie

DEMO: Final = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
LINE: Final = [[50.0, 8.0], [50.0, 8.018]]
SPIKE: Final = [[50.0, 8.0], [50.0, 8.006], [50.0065, 8.0085], [50.0, 8.011], [50.0, 8.018]]
"""Every straight way home from beyond the spike crosses the border."""
LONG: Final = [[50.0, 8.0], [50.0, 8.04]]
COPTER: Final[dict[str, Any]] = {
    "dialect": "ardupilot", "border": {"coordinates": LINE, "own_side": "left"}, "standoff": {"asked_m": 150},
    "corridor": {"depth_m": 300}, "aircraft": {"type": "quad-survey", "count": 1},
    "launch": [{"name": "a", "lat_deg": 50.004, "lon_deg": 8.0015}], "failsafe": {"way": "straight"},
}  # fmt: skip
WING: Final[dict[str, Any]] = {
    **COPTER, "border": {"coordinates": LONG, "own_side": "left"}, "corridor": {"depth_m": 600},
    "standoff": {"asked_m": 250}, "aircraft": {"type": "wing-2m", "count": 1},
    "launch": [{"name": "a", "lat_deg": 50.016, "lon_deg": 8.015}],
}  # fmt: skip
PX4: Final = {"dialect": "px4"}
RALLY: Final = {"rally": [{"name": "r", "lat_deg": 50.0045, "lon_deg": 8.014}]}
RETRACE: Final = {
    "border": {"coordinates": SPIKE, "own_side": "left"}, "failsafe": {"way": "retrace"},
    "corridor": {"depth_m": 300, "lanes": 2},
}  # fmt: skip
BRIEFS: Final[dict[str, dict[str, Any]]] = {
    "straight": COPTER,
    "retrace": {**COPTER, **RETRACE},
    "rally": {**COPTER, **RALLY},
    "mission": {**COPTER, **RETRACE, "failsafe": {"way": "mission"}},
    "search": COPTER,
    "wing": WING,
    "px4-straight": {**COPTER, **PX4},
    "px4-retrace": {**COPTER, **RETRACE, **PX4},
    "px4-rally": {**COPTER, **RALLY, **PX4},
    "px4-search": {**COPTER, **PX4},
    "px4-wing": {**WING, **PX4},
}
BENT: Final[dict[str, Any]] = {
    **WING, "border": {"coordinates": [[50.0, 8.0], [50.0, 8.02], [50.008, 8.035]], "own_side": "left"},
    "launch": [{"name": "a", "lat_deg": 50.02, "lon_deg": 8.01}],
}  # fmt: skip
NEAR: Final[dict[str, Any]] = {
    **WING, "corridor": {"depth_m": 1000}, "launch": [{"name": "a", "lat_deg": 50.0066, "lon_deg": 8.02}],
}  # fmt: skip
"""Home is nearer to the line than a lane that leads away from it: the turn for home goes to the line's side."""
OTHERS: Final[dict[str, dict[str, Any]]] = {"wing-bent": BENT, "px4-wing-bent": {**BENT, **PX4}, "wing-near": NEAR}
"""Flown whole to be timed (`benchmarks.flight_times`), or broken off at a moment chosen by hand."""
AREA: Final = ((8.006, 50.0022), (8.006, 50.0052), (8.014, 50.0052), (8.014, 50.0022))
"""The searched area, longitude and latitude."""
NAMES: Final = (*BRIEFS, "demo")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patrol:
    """One sortie that is broken off, and what was judged of it."""

    name: str
    brief: Brief
    sortie: Sortie
    corridor: Corridor
    subject: Subject

    @property
    def dialect(self) -> Dialect:
        """The autopilot it is made for."""
        return Dialect(self.brief.dialect)

    @property
    def fixed_wing(self) -> bool:
        """Whether a fixed wing flies it."""
        return self.subject.aircraft.kind is AircraftKind.FIXED_WING

    @property
    def retraces(self) -> bool:
        """Whether it returns along its path."""
        return self.subject.return_rules.retrace

    @functools.cached_property
    def flown_m(self) -> np.ndarray:
        """How near each leg comes to the line, metres, (n,)."""
        return self.subject.kept_m

    @functools.cached_property
    def swept_m(self) -> np.ndarray:
        """How near each piece of air that ways home sweep comes to it, (m,)."""
        return self.corridor.standoff_m(self.subject.swept.shape)

    @property
    def strays_m(self) -> float:
        """How far a fixed wing strays from its path in turns: part of the margin it is judged with."""
        margin = self.corridor.margin
        return margin.turn_overshoot_m + margin.tracking_m if self.fixed_wing else 0.0

    @property
    def unbroken_m(self) -> float:
        """How near the whole flight may come to the line, not broken off."""
        return float(self.flown_m.min()) - self.strays_m

    def judged_m(self, leg: int, share: float, about_m: float = 120.0) -> float:
        """Return how near a flight broken off there may come to the line by what was judged.

        That is its path so far, the ways home from about there, the circles over where they lead to, and the glide
        of a fixed wing that lands by its mission.

        Parameters
        ----------
        leg, share
            Where along the flight it is broken off.
        about_m
            Ways home that begin this near to there count.
        """
        legs, points, swept = self.subject.legs, self.subject.returns.points, self.subject.swept
        here = legs.start_m[leg] + share * (legs.end_m[leg] - legs.start_m[leg])
        flown = self.flown_m if self.subject.return_rules.forward_too else self.flown_m[: leg + 2]
        if self.subject.landing_starts:
            flown = np.append(flown, self.flown_m[-1])
        begun = (np.hypot(*(points.xy_m - here).T) <= about_m) & (np.abs(points.leg - leg) <= 2)
        ends = np.unique(self.subject.returns.place[begun])
        near = np.where(swept.about < 0, begun[swept.first], np.isin(swept.about, ends))
        return float(min(flown.min(), self.swept_m[near].min(initial=np.inf))) - self.strays_m

    def truth_m(self, lat_deg: np.ndarray, lon_deg: np.ndarray) -> tuple[float, bool]:
        """Return how near a flown track came to the line, metres, and whether any of it lay beyond."""
        xy = self.corridor.frame.to_plane(lat_deg, lon_deg)
        points = np.asarray(shapely.points(xy))
        away = self.corridor.standoff_m(points)
        return float(away.min()), bool((~shapely.covers(self.corridor.own, points)).any())


@functools.cache
def patrol(name: str) -> Patrol:
    """Plan one of `NAMES` or `OTHERS`; its longest reach along the line is the sortie that is broken off."""
    brief = read_brief(DEMO) if name == "demo" else build_brief({"name": name, **{**BRIEFS, **OTHERS}[name]}, Path())
    search = Search(request=PatternRequest(kind=PatternKind.AREA, polygons=((AREA,),), swath_m=80.0))
    planned = plan_brief(brief, search) if name.endswith("search") else plan_brief(brief)
    errors = [f.message for f in planned.plan.findings if f.severity == "error"]
    if errors:
        raise ValueError(f"{name} has no feasible plan: {errors}")
    sortie = max(planned.plan.sorties, key=lambda s: max(abs(g.lon_end_deg - s.home_lon_deg) for g in s.legs))
    situation = planned.situation
    return Patrol(
        name=name, brief=brief, sortie=sortie, corridor=situation.corridor, subject=subject_of(situation, sortie)
    )
