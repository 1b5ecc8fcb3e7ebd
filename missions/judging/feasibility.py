"""Findings about a flight as a whole: the wind, its speed, the ground, which way the border was drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.plan import Leg

WHOLE_FLIGHT_RULES: Final = ("wind limit", "wind layers", "border direction", "zone heights")
"""Names of the rules of `flight_findings` that no rule of single legs shares."""
NAMED_ZONES: Final = 3
"""So many zones are called by name, the others counted."""
LAYER_REACH_M: Final = 100.0
"""A wind layer is taken to speak for the air up to this far above it."""


def _direction(situation: Situation) -> list[Finding]:
    """Warn when left or right was asked of a border part of which was drawn the other way."""
    brief, corridor = situation.brief, situation.corridor
    if not corridor.drawn_against(brief):
        return []
    lat_deg, lon_deg = corridor.turned.place(corridor.frame) or (math.nan, math.nan)
    return [
        Finding(
            rule="border direction", severity=Severity.WARNING, lat_deg=lat_deg, lon_deg=lon_deg,
            measured=round(100.0 * corridor.turned.share, 1), limit=0.0, unit="%",
            message=f"{corridor.turned.sentence(corridor.frame)} and was turned round; "
            f"{brief.border.own_side.hand} is meant of the larger part",
            advice="look at the map, or give border.own_side as a polygon or a point",
        )
    ]  # fmt: skip


def flight_findings(situation: Situation, legs: Sequence[Leg]) -> list[Finding]:
    """Return what is to be said of the legs of a plan or a file together, whichever door they come in by."""
    return [
        *_wind(situation.brief, legs),
        *_speed(situation.brief),
        *_unknown_ground(situation.brief),
        *_open_zones(situation.brief),
        *_direction(situation),
    ]


def _speed(brief: Brief) -> Iterator[Finding]:
    """Refuse a planned speed that a type does not fly: no autopilot makes it faster."""
    asked = brief.flight.speed_mps
    for fleet in brief.fleets:
        most = fleet.aircraft.max_airspeed_mps
        if asked is not None and asked > most:
            yield Finding(
                rule="speed", severity=Severity.ERROR, measured=asked, limit=most, unit="m/s",
                message=f"flight.speed_mps = {asked:g} is more than {fleet.label} flies ({most:g} m/s at most)",
                advice=f"flight.speed_mps = {asked / 3.6:.3g} (if {asked:g} km/h were meant), or "
                f"flight.speed_mps = {most:g}",
            )  # fmt: skip


def _unknown_ground(brief: Brief) -> Iterator[Finding]:
    """Say where nothing is known of the ground: heights above it are then promised by nobody."""
    if not brief.terrain.known:
        yield Finding(
            rule="terrain", severity=Severity.WARNING, measured=100.0, limit=0.0, unit="%",
            message="the brief names no terrain, so that no height above the ground could be judged: the ground is "
            "taken to be as high as home everywhere, and a hill on the way is not seen",
            advice="terrain.file (--terrain FILE), or terrain.flat_amsl_m where the ground is flat",
        )  # fmt: skip


def _open_zones(brief: Brief) -> Iterator[Finding]:
    """Say of which zones a file leaves heights or hours open, and what was taken instead."""
    told = [f"{zone.name!r} ({'; '.join(zone.remarks)})" for zone in brief.zone if zone.remarks]
    if told:
        more = len(told) - NAMED_ZONES
        yield Finding(
            rule="zone heights", severity=Severity.WARNING, measured=float(len(told)), limit=0.0,
            message="zones are taken larger than they may be, because their file leaves it open: "
            + ", ".join(told[:NAMED_ZONES]) + (f", and {more} more" if more > 0 else ""),
            advice="floor_amsl_m, floor_agl_m, ceiling_amsl_m or ceiling_agl_m of the [[zone]], or a file that "
            "says what its heights count from",
        )  # fmt: skip


def _wind(brief: Brief, legs: Sequence[Leg]) -> list[Finding]:
    """Judge the wind at the heights flown: an error where it is more than a type is made for, and what is not known.

    Above the highest layer of a wind by height the wind may be stronger than planned for, which is a warning.
    """
    wind = brief.wind.profile
    heights = [h for g in legs for h in (g.alt_amsl_start_m, g.alt_amsl_end_m) if not math.isnan(h)]
    if not heights:
        return []
    strongest = brief.wind.strongest_in(wind.between(min(heights), max(heights)))
    found = [
        Finding(
            rule="wind limit", severity=Severity.ERROR, measured=round(strongest, 2), limit=most, unit="m/s",
            message=f"gusts of {strongest:.3g} m/s are over the {most:g} m/s {fleet.label} is made for",
            advice=f"wait until the gusts are under {most:g} m/s, or take a type made for more",
        )
        for fleet in brief.fleets
        if strongest > (most := fleet.aircraft.max_wind_mps)
    ]  # fmt: skip
    if brief.wind.layer and max(heights) > wind.alt_amsl_m[-1] + LAYER_REACH_M:
        found.append(
            Finding(
                rule="wind layers", severity=Severity.WARNING, measured=round(max(heights), 1),
                limit=wind.alt_amsl_m[-1], unit="m",
                message=f"the plan flies up to {max(heights):.0f} m AMSL and the highest wind layer is at "
                f"{wind.alt_amsl_m[-1]:g} m; the wind above it is taken to be the same and may be stronger",
                advice=f"a [[wind.layer]] at {math.ceil(max(heights))} m AMSL or higher",
            )
        )  # fmt: skip
    return found
