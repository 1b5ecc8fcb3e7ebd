"""What the planner asks of a task: the only thing in which a patrol and a search differ."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from missions.airspace.situation import Situation
    from missions.fleet.timetable import Timetable
    from missions.paths.lanes import Lane
    from missions.paths.ways import Ways
    from missions.patterns.values import PatternPath
    from missions.plan import Finding, Sortie
    from missions.sight.coverage import Coverage
    from missions.sight.pointing import LaneView
    from missions.sight.revisit import Proof


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """A task laid out: its sorties with their clock, and the lanes or the pattern they fly."""

    timetable: Timetable
    views: tuple[LaneView, ...] = ()
    pattern: PatternPath | None = None


class Task(Protocol):
    """What is to be seen."""

    def within(self, situation: Situation) -> Situation:
        """Return the situation with the air worked out as far as the task reaches."""
        ...

    def lanes(self, situation: Situation) -> tuple[Lane, ...]:
        """Return the lanes it is seen from, where it has lanes of its own."""
        ...

    def laid_out(self, situation: Situation, ways: Ways) -> Laid:
        """Lay out sorties for it.

        Raises
        ------
        PlanRefusedError
            When no part of it can be flown.
        """
        ...

    def ground(self, situation: Situation) -> BaseGeometry:
        """Return the ground that is to be seen, in the plane; empty where a path is all that is asked."""
        ...

    def proof(self, situation: Situation, sorties: Sequence[Sortie], laid: Laid) -> Proof | None:
        """Work out how often what is to be seen is promised to be seen, where that is promised."""
        ...

    def remarks(self, situation: Situation, laid: Laid, covered: Coverage, proof: Proof | None) -> list[Finding]:
        """Return what is to be said of how well the ground is seen."""
        ...
