"""A plan file against a brief: whose aircraft, which home, and every leg and way home by the rules of the patrol."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.geodesy import inverse
from missions.airspace.far_places import far_place
from missions.airspace.situation import MAX_DEPTH_M
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, settings_for
from missions.checks.check_failsafes import ways_flown
from missions.checks.parameter_file import Parameters
from missions.checks.vehicle_parameters import with_parameters
from missions.errors import BriefError
from missions.failsafes.landing_sequence import MissionWays, landing_starts
from missions.failsafes.reading import NEWEST
from missions.failsafes.return_path import return_path_of
from missions.judging.feasibility import flight_findings
from missions.judging.flown_path import Landing, landings_of
from missions.judging.judge import Homeward, judge_legs
from missions.performance.aircraft import AircraftKind
from missions.plan import Finding, Severity
from missions.plan_files.dialect import has_position
from missions.plan_files.plan_document import Home

if TYPE_CHECKING:
    from missions.airspace.far_places import FarPlace
    from missions.airspace.situation import Situation
    from missions.airspace.terrain_profile import GroundHeights
    from missions.briefs.brief import Brief
    from missions.execution.execute import Execution
    from missions.plan import Leg
    from missions.plan_files.dialect import Dialect
    from missions.plan_files.plan_document import PlanDocument


FAR_OFF: Final = "plan.far-off"
FLOWN_TYPES: Final = frozenset((1, 2, 3, 4, 13, 14, 15, *range(19, 26), 29, 35, 43))
"""MAV_TYPEs that fly as a fixed wing, a multirotor or a VTOL does; the others are rovers, boats, balloons and parts."""


def narrowed(brief: Brief, document: PlanDocument, aircraft: str | None) -> Brief:
    """Return the brief with the type of aircraft that flies a plan."""
    labels = [fleet.label for fleet in brief.fleets]
    if aircraft is not None or document.aircraft in labels:
        return brief.only(aircraft or document.aircraft)
    vehicle = settings_for(document.vehicle_type).vehicle if document.vehicle_type else None
    alike = [f.label for f in brief.fleets if vehicle is not None and f.aircraft.kind.value == vehicle.value]
    if len(labels) == 1 or len(alike) == 1:
        return brief.only((alike or labels)[0])
    raise BriefError(
        f"the brief has several types of aircraft; say which one flies the plan with --aircraft {' or '.join(labels)}"
    )


def of_another_kind(document: PlanDocument, settings: VehicleSettings, brief: Brief | None) -> tuple[str, ...]:
    """Say where a plan is for another kind of vehicle than is judged: what is no aircraft, or not the brief's."""
    number = document.vehicle_type
    if number and number not in FLOWN_TYPES:
        named = mavlink.enums["MAV_TYPE"].get(number)
        kind = "" if named is None else f", {str(named.name).removeprefix('MAV_TYPE_').replace('_', ' ').lower()}"
        return (f"the file is for another kind of vehicle (MAV_TYPE {number}{kind}); it is judged as a multirotor",)
    aircraft = None if brief is None else brief.performances[0].aircraft
    if aircraft is None or not settings.vehicle_told:
        return ()
    if (settings.vehicle is VehicleClass.MULTIROTOR) is (aircraft.kind is AircraftKind.MULTIROTOR):
        return ()
    said = f"the plan is for a {settings.vehicle}, and the brief's {aircraft.name!r} is a {aircraft.kind}"
    return (f"{said.replace('_', ' ')}: its battery, speeds and turns are not the ones that fly; name the aircraft",)


def as_planned(settings: VehicleSettings, document: PlanDocument, dialect: Dialect) -> VehicleSettings:
    """Return the settings with the returns a plan folder asks for, where nothing else tells the vehicle's."""
    if not document.vehicle_parameters:
        return settings
    values = {p.name: p.value for p in document.vehicle_parameters}
    held = Parameters(where="the plan", values={"FENCE_ENABLE": 1.0, **values}, dialect=dialect, version=NEWEST)
    asked = with_parameters(settings, held, dialect).settings
    told = settings.from_vehicle
    return dataclasses.replace(
        settings,
        return_alt_m=asked.return_alt_m if settings.return_alt_m is None else settings.return_alt_m,
        failsafes=settings.failsafes if told else asked.failsafes,
        landing=settings.landing if told else asked.landing,
        circling_m=settings.circling_m if told else asked.circling_m,
    )


def _for_vehicle(brief: Brief, settings: VehicleSettings) -> Brief:
    """Return the brief with the return height that the vehicle has."""
    told: dict[str, object] = {} if settings.return_alt_m is None else {"return_alt_m": settings.return_alt_m}
    return brief.returning(**told)


def against_brief(
    document: PlanDocument, flown: Execution, situation: Situation, settings: VehicleSettings
) -> tuple[Finding, ...]:
    """Judge every leg and way home of a mission in a situation, each way home from the home that holds there."""
    if not flown.legs:
        return ()
    brief = _for_vehicle(situation.brief, settings)
    homes = _homeward(document, flown) or [
        Homeward(landings=_sites(brief, situation.ground.heights), legs=np.ones(len(flown.legs), dtype=bool))
    ]
    places = [(leg.lat_end_deg, leg.lon_end_deg) for leg in flown.legs]
    ends = [(p.lat_deg, p.lon_deg) for home in homes for p in home.landings]
    lat, lon = np.array([*places, *ends], dtype=float).T
    if (far := far_place(brief, lat[: len(places)], lon[: len(places)])) is not None:
        return (_far_off(flown.legs[far.number], far),)
    situation = dataclasses.replace(situation, brief=brief).holding(lat, lon)
    aircraft = dataclasses.replace(brief.performances[0], circling_m=settings.circling_m)
    found = dict.fromkeys(flight_findings(situation, flown.legs))
    for way in ways_flown(aircraft, settings) or (brief.failsafe.way,):
        told = situation.returning(way=way)
        found |= dict.fromkeys(judge_legs(told, aircraft, flown.legs, homes, settings.landing))
    return tuple(found)


def _far_off(leg: Leg, far: FarPlace) -> Finding:
    """Say where a plan goes that this brief cannot be about; nothing else of the brief is then judged."""
    return Finding(
        rule=FAR_OFF, severity=Severity.ERROR, lat_deg=leg.lat_end_deg, lon_deg=leg.lon_end_deg, seq=leg.seq,
        measured=round(far.away_m, 1), limit=MAX_DEPTH_M, unit="m",
        message=f"item {leg.seq + 1} at {far.text}; the plan is not judged against the brief",
    )  # fmt: skip


def _homeward(document: PlanDocument, flown: Execution) -> list[Homeward]:
    """Return where break-offs end under each home that some leg is flown under."""
    held, path = np.array(flown.home_of_leg), return_path_of(document.items)
    legs_out = None if path is None else next(k for k, leg in enumerate(flown.legs) if leg.seq > path.turn)
    ways = MissionWays(legs_out=legs_out, landing_starts=landing_starts(document.items))
    return [
        Homeward(
            landings=landings_of((home.lat_deg, home.lon_deg, home.alt_amsl_m), document.rally),
            legs=held == number,
            ways=ways,
        )
        for number, home in enumerate(flown.homes)
        if number == 0 or (held == number).any()
    ]


def _sites(brief: Brief, ground: GroundHeights) -> tuple[Landing, ...]:
    lat, lon = np.array([s.lat_deg for s in brief.launch]), np.array([s.lon_deg for s in brief.launch])
    heights = ground.amsl_m(lat, lon)
    return tuple(
        Landing(lat_deg=s.lat_deg, lon_deg=s.lon_deg, alt_amsl_m=float(h))
        for s, h in zip(brief.launch, heights, strict=True)
    )


def with_site_as_home(document: PlanDocument, brief: Brief, ground: GroundHeights) -> PlanDocument:
    """Give a plan without home the launch site nearest to its first place, and say so."""
    first = next((item for item in document.items if has_position(item)), None)
    if first is None:
        return document
    site = min(brief.launch, key=lambda s: float(inverse(first.lat_deg, first.lon_deg, s.lat_deg, s.lon_deg)[0]))
    height_m = float(ground.amsl_m(np.array([site.lat_deg]), np.array([site.lon_deg]))[0])
    return dataclasses.replace(
        document,
        home=Home(lat_deg=site.lat_deg, lon_deg=site.lon_deg, alt_amsl_m=height_m),
        problems=(*document.problems, f"the plan has no home; it is judged from launch site {site.name!r}"),
    )


def with_home_height(document: PlanDocument, ground: GroundHeights | None) -> PlanDocument:
    """Give a home without a height that of the ground where it lies, and say so; it stays unknown where that is."""
    home = document.home
    if home is None or not math.isnan(home.alt_amsl_m):
        return document
    said = "the plan's home has no height"
    if ground is not None:
        height_m = float(ground.amsl_m(np.array([home.lat_deg]), np.array([home.lon_deg]))[0])
        home = dataclasses.replace(home, alt_amsl_m=height_m)
        said += "" if math.isnan(height_m) else f"; the ground's is taken, {height_m:.0f} m above sea level"
    return dataclasses.replace(document, home=home, problems=(*document.problems, said))
