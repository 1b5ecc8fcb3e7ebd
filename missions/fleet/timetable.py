"""The sorties of a plan with their clock: what a task hands to the planner, whatever is to be seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from missions.emphasis import ExtraEffort
    from missions.plan import Finding, FleetOption, Flight, Sortie, Turn


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """Sorties, the flights in the order of their take-off, and what is wrong with them."""

    sorties: tuple[Sortie, ...]
    flights: tuple[Flight, ...]
    findings: tuple[Finding, ...]
    turns: tuple[Turn, ...] = ()
    """Who repeats what; empty where no revisit is promised."""
    options: tuple[FleetOption, ...] = ()
    extra: ExtraEffort | None = None
    """What was flown beyond the guarantee, where something was learned."""
