"""Is this plan fit to fly? Any plan, also one made elsewhere, against its autopilot, its fence and a brief."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError
from geo.geodesy import inverse
from missions.airspace.ground_file import FlatGround, read_ground
from missions.airspace.situation import Situation
from missions.checks.autopilot_rules import autopilot_findings
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, settings_for
from missions.checks.autopilot_rules_vehicle import vehicle_findings
from missions.checks.check_brief import (
    FAR_OFF,
    against_brief,
    as_planned,
    narrowed,
    of_another_kind,
    with_home_height,
    with_site_as_home,
)
from missions.checks.check_failsafes import FAILSAFE_RULES, failsafe_findings
from missions.checks.check_fence import fence_findings
from missions.checks.check_heights import height_findings, home_on_ground
from missions.execution.execute import Conduct, execute
from missions.judging.feasibility import WHOLE_FLIGHT_RULES
from missions.judging.judge import RULE_NAMES
from missions.judging.return_rules import own_returns
from missions.patterns.plane import frame_about
from missions.plan import Finding, Severity
from missions.plan_files.dialect import Dialect, has_position, places_as_flown
from missions.plan_files.qgc_transects import lane_error_m
from missions.plan_files.wpml_file import FORMAT as DJI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.execution.execute import Execution
    from missions.plan import Leg
    from missions.plan_files.plan_document import PlanDocument

PLAN_RULES: Final = (
    "plan.problem",
    "plan.pattern",
    "plan.null-island",
    "plan.leap",
    "fence.drawing",
    "fence.home",
    "fence.leg",
    "fence.rally",
    "fence.margin",
    "plan.height",
    "execution.endless",
    "execution.order",
    "execution.unfollowed",
    "execution.fence-off",
    *FAILSAFE_RULES,
)
AUTOPILOT_RULES: Final = {
    Dialect.PX4: (
        "px4.empty", "px4.capacity", "px4.unsupported-command", "px4.frame", "px4.vehicle-type", "px4.starts-with-land",
        "px4.actuator", "px4.roi", "px4.relative-without-home", "px4.below-home", "px4.takeoff-too-low",
        "px4.takeoff-not-first", "px4.first-waypoint", "px4.gate-too-close", "px4.takeoff-landing", "px4.land-start",
        "px4.approach", "px4.glide-slope", "px4.storage", "px4.fence-distance", "px4.fence-height",
        "px4.waypoint-radius",
    ),
    Dialect.ARDUPILOT: (
        "ardupilot.empty", "ardupilot.capacity", "ardupilot.jumps", "ardupilot.unsupported-command", "ardupilot.frame",
        "ardupilot.altitude", "ardupilot.terrain-frame", "ardupilot.unset-parameter", "ardupilot.takeoff",
        "ardupilot.no-place", "ardupilot.storage", "ardupilot.fence-corners", "ardupilot.fence-distance",
        "ardupilot.fence-height", "ardupilot.fence-floor", "ardupilot.waypoint-radius", "ardupilot.arming-items",
        "ardupilot.terrain-disabled",
    ),
}  # fmt: skip
_EMBEDDED_SURVEY: Final = 4
"""Surveys of this version and later hold their own items."""
_LANE_TOLERANCE_M: Final = 0.5
"""Lanes of plans made by QGroundControl lie on theirs to a centimetre."""
_LEAP_M: Final = 100_000.0
"""A leg longer than this is a slip of the finger: no aircraft planned for here flies it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was judged by which rules, and what was found."""

    name: str
    source_format: str
    dialect: Dialect
    vehicle: VehicleClass
    items: int
    length_m: float
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]
    legs: tuple[Leg, ...] = ()
    """Every leg as it would be flown; its number is that of the item it leads to."""

    @property
    def errors(self) -> int:
        """How many findings forbid the flight."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def check_document(
    document: PlanDocument,
    *,
    name: str,
    dialect: Dialect | None = None,
    settings: VehicleSettings | None = None,
    brief: Brief | Situation | None = None,
    aircraft: str | None = None,
) -> Judgement:
    """Judge a plan.

    Parameters
    ----------
    document
        The plan, from `missions.plan_files.plan_file.read_plan_file`.
    name
        What it is called in the report.
    dialect
        Whose rules count; by default what the file says, then the brief, then ArduPilot.
    settings
        The vehicle's parameters; by default the autopilot's own, for the vehicle the file names.
    brief
        Border, zones, ground, aircraft and weather to judge the legs against; a situation of them where several
        plans are judged against one brief, so that its air is worked out once.
    aircraft
        Which of the brief's aircraft flies it; by default what the plan says, or the only one of its kind.

    Raises
    ------
    BriefError
        When the brief has several types of aircraft and nothing says which one flies the plan.
    """
    situation = brief if isinstance(brief, Situation) else None
    brief = brief.brief if isinstance(brief, Situation) else brief
    if brief is not None:
        brief = narrowed(brief, document, aircraft)
    chosen = dialect or document.dialect or (Dialect(brief.dialect) if brief else Dialect.ARDUPILOT)
    told = as_planned(_of_kind(settings or settings_for(document.vehicle_type), brief), document, chosen)
    ground = None if brief is None else _ground(brief, situation, document)
    if brief is not None and ground is not None and document.home is None:
        document = with_site_as_home(document, brief, ground)
    document = with_home_height(document, ground)
    document = dataclasses.replace(document, items=places_as_flown(document.items, chosen))
    if dialect is not None and document.dialect not in (None, dialect):
        said = f"the file was made for {document.dialect} and is judged for {dialect}"
        document = dataclasses.replace(document, problems=(*document.problems, said))
    problems = (*document.problems, *of_another_kind(document, told, brief))
    document = dataclasses.replace(document, problems=problems)
    flown = execute(document, _conduct(told, chosen, ground, brief))
    foreign = dialect is None and document.source_format == DJI  # what ArduPilot stores does not bind DJI
    union = chosen is Dialect.PX4 or told.fence_union
    findings = [*_of_file(document, flown, union=union), *failsafe_findings(document, told, chosen)]
    rules: tuple[str, ...] = PLAN_RULES
    if not foreign:
        findings += [*autopilot_findings(document, chosen, told), *vehicle_findings(document, flown.legs, told, chosen)]
        rules += AUTOPILOT_RULES[chosen]
    if brief is not None and ground is not None:
        rules += (FAR_OFF, *RULE_NAMES, *WHOLE_FLIGHT_RULES)
        brief = brief.model_copy(update={"dialect": chosen})
        held = situation is not None and situation.ground.heights is ground
        world = dataclasses.replace(situation, brief=brief) if held and situation else Situation.of(brief, ground)
        findings += against_brief(document, flown, world, told)
        findings += home_on_ground(document.home, ground)
    return Judgement(
        name=name,
        source_format=document.source_format,
        dialect=chosen,
        vehicle=told.vehicle,
        items=len(document.items),
        length_m=_length_m(flown.legs),
        rules=rules,
        findings=tuple(sorted(findings, key=lambda f: (f.severity is Severity.WARNING, f.seq, f.rule))),
        legs=flown.legs,
    )


def _ground(brief: Brief, situation: Situation | None, document: PlanDocument) -> GroundHeights:
    """Return the ground: the brief's, or level with the plan's home where the brief does not know it."""
    if not brief.terrain.known and document.home is not None:
        return FlatGround(height_amsl_m=document.home.alt_amsl_m)
    return read_ground(brief.terrain) if situation is None else situation.ground.heights


def _of_file(document: PlanDocument, flown: Execution, *, union: bool) -> Iterator[Finding]:
    """Judge what a file says for itself, whoever flies it."""
    yield from _problems(document, flown)
    yield from height_findings(document)
    yield from _patterns(document)
    yield from _places(document)
    yield from _fence(document, flown, union=union)


def _problems(document: PlanDocument, flown: Execution) -> Iterator[Finding]:
    for text in dict.fromkeys(document.problems):
        yield Finding(rule="plan.problem", severity=Severity.WARNING, message=text)
    for remark in flown.remarks:
        item = document.items[remark.seq]
        message = f"item {remark.seq + 1} {remark.text}"
        yield Finding(
            rule=remark.rule, severity=remark.severity, message=message, seq=remark.seq,
            lat_deg=item.lat_deg, lon_deg=item.lon_deg,
        )  # fmt: skip


def _patterns(document: PlanDocument) -> Iterator[Finding]:
    """Warn of a survey whose items are not what its own polygon, angle and spacing give."""
    for pattern in document.complexes:
        if pattern.kind != "survey" or pattern.version < _EMBEDDED_SURVEY:
            continue
        error_m = lane_error_m(pattern, document.items)
        if error_m > _LANE_TOLERANCE_M:
            first = document.items[pattern.first_item]
            yield Finding(
                rule="plan.pattern",
                severity=Severity.WARNING,
                message=f"the items of the survey at item {pattern.first_item + 1} lie up to {error_m:.1f} m off the "
                "lanes that its polygon, angle and spacing give; one was changed without the other, and opening it "
                "in QGroundControl may change the flight",
                lat_deg=first.lat_deg,
                lon_deg=first.lon_deg,
                seq=pattern.first_item,
                measured=error_m,
                limit=_LANE_TOLERANCE_M,
                unit="m",
            )


def _places(document: PlanDocument) -> Iterator[Finding]:
    placed = [item for item in document.items if has_position(item)]
    for item in placed:
        if item.lat_deg == 0.0 and item.lon_deg == 0.0:
            yield Finding(
                rule="plan.null-island",
                severity=Severity.ERROR,
                message=f"item {item.seq + 1} lies at 0, 0: its place was never set",
                lat_deg=0.0,
                lon_deg=0.0,
                seq=item.seq,
            )
    lat, lon = np.array([(item.lat_deg, item.lon_deg) for item in placed]).reshape(-1, 2).T
    away_m = inverse(lat[:-1], lon[:-1], lat[1:], lon[1:])[0]
    for (before, item), distance_m in zip(itertools.pairwise(placed), away_m.tolist(), strict=True):
        if distance_m > _LEAP_M:
            yield Finding(
                rule="plan.leap",
                severity=Severity.ERROR,
                message=f"item {item.seq + 1} is {distance_m / 1000:.0f} km from item {before.seq + 1}; "
                "one of the two is misplaced",
                lat_deg=item.lat_deg,
                lon_deg=item.lon_deg,
                seq=item.seq,
                measured=distance_m,
                limit=_LEAP_M,
                unit="m",
            )
    yield from _far_rally(document)


def _far_rally(document: PlanDocument) -> Iterator[Finding]:
    """Find rally points that no aircraft here reaches from home."""
    home = document.home
    for number, item in enumerate(document.rally, start=1):
        if home is None:
            return
        away_m, swapped_m = (
            float(inverse(home.lat_deg, home.lon_deg, *place)[0]) if abs(place[0]) <= 90.0 else math.inf
            for place in ((item.lat_deg, item.lon_deg), (item.lon_deg, item.lat_deg))
        )
        if away_m > _LEAP_M:
            why = "its latitude and longitude are swapped" if swapped_m <= _LEAP_M else "one of the two is misplaced"
            yield Finding(
                rule="plan.leap",
                severity=Severity.ERROR,
                message=f"rally point {number} lies {away_m / 1000:.0f} km from home; {why}",
                lat_deg=item.lat_deg,
                lon_deg=item.lon_deg,
                measured=away_m,
                limit=_LEAP_M,
                unit="m",
            )


def _fence(document: PlanDocument, flown: Execution, *, union: bool) -> tuple[Finding, ...]:
    if not document.fence:
        return ()
    corners = [(item.lon_deg, item.lat_deg) for item in document.fence]
    try:
        frame = frame_about(np.array(corners))
    except InputError as error:
        return (Finding(rule="fence.drawing", severity=Severity.ERROR, message=f"the fence cannot be judged: {error}"),)
    return tuple(fence_findings(document, flown.legs, frame, union=union))


def _of_kind(settings: VehicleSettings, brief: Brief | None) -> VehicleSettings:
    """Return the settings of the brief's kind of aircraft, where neither file nor person says what flies the plan."""
    if settings.vehicle_told or brief is None or not brief.performances[0].wing:
        return settings
    return dataclasses.replace(settings, vehicle=VehicleClass.FIXED_WING, vehicle_told=True)


def _conduct(settings: VehicleSettings, dialect: Dialect, ground: GroundHeights | None, brief: Brief | None) -> Conduct:
    wing = settings.vehicle is VehicleClass.FIXED_WING
    returns = own_returns(dialect, wing=wing)
    if settings.return_alt_m is not None:
        returns = dataclasses.replace(returns, return_alt_m=settings.return_alt_m)
    conduct = Conduct(wing=wing, returns=returns, ground=ground, px4=dialect is Dialect.PX4)
    if brief is None:
        return conduct
    flown = brief.performances[0]
    climb_mps, descent_mps = flown.aircraft.climb_mps, flown.aircraft.descent_mps
    return dataclasses.replace(conduct, climbs=climb_mps / flown.speed_mps, sinks=descent_mps / flown.speed_mps)


def _length_m(legs: tuple[Leg, ...]) -> float:
    if not legs:
        return 0.0
    ends = [(leg.lat_start_deg, leg.lon_start_deg, leg.lat_end_deg, leg.lon_end_deg) for leg in legs]
    return float(np.sum(inverse(*np.array(ends).T)[0]))


def as_json(judgement: Judgement) -> dict[str, object]:
    """Return a judgement for programs; numbers that are not known are null."""
    return {
        "name": judgement.name,
        "format": judgement.source_format,
        "dialect": str(judgement.dialect),
        "vehicle": str(judgement.vehicle),
        "items": judgement.items,
        "length_m": round(judgement.length_m, 1),
        "errors": judgement.errors,
        "warnings": len(judgement.findings) - judgement.errors,
        "findings": [
            {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in dataclasses.asdict(f).items()}
            for f in judgement.findings
        ],
    }
