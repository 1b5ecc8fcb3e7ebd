"""Where each aircraft of a plan is at a moment, as its schedule has it: in the air on a sortie, or at a site."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from missions.plan import LegKind

if TYPE_CHECKING:
    from missions.plan import Flight, Leg, Plan, Sortie


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """One aircraft at a moment."""

    aircraft: str
    """As the schedule names it."""
    type_label: str
    site: str
    """Where it is, or lands."""
    ready_in_s: float
    """Until its battery is changed; 0 in the air."""
    sortie: Sortie | None = None
    """What it flies, its clock that of this flight; None on the ground."""


def whereabouts(plan: Plan, at_s: float, swap_s: dict[str, float]) -> tuple[Whereabouts, ...]:
    """Return where every aircraft of a plan is, `at_s` seconds after the patrol began.

    Parameters
    ----------
    swap_s
        Type of aircraft -> how long a change of battery takes, seconds.
    """
    sorties = {sortie.name: sortie for sortie in plan.sorties}
    flown: dict[str, list[Flight]] = {}
    for flight in plan.flights:
        flown.setdefault(flight.aircraft, []).append(flight)
    return tuple(_at(name, flights, sorties, at_s, swap_s) for name, flights in sorted(flown.items()))


def _at(
    name: str, flights: list[Flight], sorties: dict[str, Sortie], at_s: float, swap_s: dict[str, float]
) -> Whereabouts:
    ordered = sorted(flights, key=lambda flight: flight.t_takeoff_s)
    begun = [flight for flight in ordered if flight.t_takeoff_s <= at_s]
    last = begun[-1] if begun else ordered[0]
    kind = sorties[last.sortie].aircraft
    if begun and at_s < last.t_landing_s:
        sortie = sorties[last.sortie].starting_at(last.t_takeoff_s)
        return Whereabouts(aircraft=name, type_label=kind, site=last.site, ready_in_s=0.0, sortie=sortie)
    wait_s = max(0.0, last.t_landing_s + swap_s[kind] - at_s) if begun else 0.0
    return Whereabouts(aircraft=name, type_label=kind, site=last.site, ready_in_s=wait_s)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Midair:
    """A place on a sortie: the legs flown before it, and the leg it lies on, cut short there."""

    flown: tuple[Leg, ...]

    @property
    def last(self) -> Leg:
        """The leg that ends at the place."""
        return self.flown[-1]


def midair(sortie: Sortie, at_s: float) -> Midair | None:
    """Return where a sortie is at a moment of its clock; None where it comes down, or is down already.

    Where it still climbs out, the place is where it is a second after that.
    """
    at_s = max(at_s, sortie.legs[0].t_end_s + 1.0)
    number = next((k for k, leg in enumerate(sortie.legs) if leg.t_start_s <= at_s < leg.t_end_s), None)
    if number is None or number == len(sortie.legs) - 1 or sortie.legs[number].kind is LegKind.HOLD:
        return None
    leg = sortie.legs[number]
    share = (at_s - leg.t_start_s) / (leg.t_end_s - leg.t_start_s)
    begun_pct = sortie.legs[number - 1].battery_end_pct
    cut = dataclasses.replace(
        leg,
        t_end_s=round(at_s, 3),
        lat_end_deg=round(leg.lat_start_deg + share * (leg.lat_end_deg - leg.lat_start_deg), 8),
        lon_end_deg=round(leg.lon_start_deg + share * (leg.lon_end_deg - leg.lon_start_deg), 8),
        alt_amsl_end_m=round(leg.alt_amsl_start_m + share * (leg.alt_amsl_end_m - leg.alt_amsl_start_m), 2),
        battery_end_pct=round(begun_pct + share * (leg.battery_end_pct - begun_pct), 3),
    )
    return None if math.isnan(cut.battery_end_pct) else Midair(flown=(*sortie.legs[:number], cut))
