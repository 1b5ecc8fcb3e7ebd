"""A plan with everything that was worked out on the way to it: whoever shows or writes it works out nothing twice."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.paths.ways import Ways
    from missions.patterns.values import PatternPath
    from missions.plan import Plan
    from missions.sight.coverage import Coverage
    from missions.sight.revisit import Proof


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """A plan, what its cameras see, how often the border is promised to be seen, and the situation it was made in."""

    plan: Plan
    coverage: Coverage
    proof: Proof | None
    """None where no border is patrolled."""
    situation: Situation
    """With what the planner settled of the way home."""
    pattern: PatternPath | None = None
    """The path over the ground a search was planned by."""
    ways: Ways | None = None
    """What the planner found to fly along."""
