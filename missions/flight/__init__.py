"""Flying one sortie: connect, upload and prove it, arm, AUTO, watch until it is down.

Everything that waits does so on a monotonic wall clock, and everything that
measures the flight uses the vehicle's own time, so the same code watches an
aircraft and a simulator at thirty times real time. One call flies one sortie
and may run in a thread beside others.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from geo.errors import InputError
from missions.flight.deviation import work_flown_pct
from missions.flight.dronekit_adapter import channel_to
from missions.flight.run import Flight
from missions.flight.values import FlightOptions, FlightReport, PilotCommand
from missions.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.values import FlightStatus
    from missions.plan import Sortie


def fly(
    vehicle: Any,
    plan: Plan | Sortie,
    *,
    sortie: str = "",
    options: FlightOptions | None = None,
    on_status: Callable[[FlightStatus], None] | None = None,
    pilot: Callable[[], PilotCommand | None] | None = None,
) -> FlightReport:
    """Upload a sortie, prove the upload, fly it in AUTO and watch it until it is down.

    Parameters
    ----------
    vehicle
        A `missions.links.link.Link`, or a connected `dronekit.Vehicle`.
    plan, sortie
        A sortie, or a plan and the name of the sortie in it (needed only when it has several).
    options
        Limits, waits, the border line; see `FlightOptions`.
    on_status
        Called about ten times a second with leg, battery, time to go and findings.
    pilot
        Asked as often for a person's command, or None.

    Returns
    -------
    FlightReport
        Also for a flight that was cut short; `completed` and `findings` say so.

    Raises
    ------
    LinkError
        When no vehicle answers.
    RefusedError
        When the upload cannot be proven or the vehicle will not arm: nothing has flown.
    """
    chosen = choose_sortie(plan, sortie)
    settings = options or FlightOptions()
    if isinstance(plan, Plan):
        standoff_m = settings.required_standoff_m or plan.required_standoff_m
        settings = dataclasses.replace(settings, required_standoff_m=standoff_m, dialect=plan.dialect)
    with channel_to(vehicle) as channel:
        flight = Flight(channel, chosen, settings, on_status=on_status, pilot=pilot)
        flight.connect()
        flight.upload()
        flight.check()
        flight.take_off()
        flight.watch()
        return flight.report(work_flown_pct)


def choose_sortie(plan: Plan | Sortie, name: str = "") -> Sortie:
    """Return the named sortie of a plan, or its only one.

    Raises
    ------
    InputError
        When the plan has several and none, or an unknown one, is named.
    """
    if not isinstance(plan, Plan):
        return plan
    names = [s.name for s in plan.sorties]
    if not name and len(names) == 1:
        return plan.sorties[0]
    for candidate in plan.sorties:
        if candidate.name == name:
            return candidate
    asked = f"there is no sortie {name!r}" if name else "name the sortie to fly"
    raise InputError(f"plan {plan.name!r}: {asked}; it has: {', '.join(names) or 'none'}", sortie=name)
