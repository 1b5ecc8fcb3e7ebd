"""``vedette plan --learn``: what operations say of a brief's border, as the planner takes it.

The planner knows no operation, and operations know no plan; the two meet here.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from missions.airspace.situation import Situation
    from missions.emphasis import Emphasis
    from vedette.commands.question_options import Asker

SEED_BITS = 31
"""A number a person can type again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What to learn from, and how freely it may steer."""

    operations: Sequence[Path]
    asker: Asker
    random_share: float
    seed: int | None

    def emphasis(self, situation: Situation) -> Emphasis:
        """Look through the operations, and say what each stretch of the border is worth.

        Raises
        ------
        WithoutPurposeError
            Without case and reason; the attempt is logged.
        """
        from missions.airspace.stretches import stretches_of
        from operations.consultation import Access
        from operations.learning.emphasis import WALKS_MPS, emphasis_of
        from operations.learning.evidence import evidence
        from operations.learning.stretch_rates import rates_of
        from vedette.commands.purpose_options import tell_viewed

        stretches = stretches_of(situation.corridor)
        places = np.array([(one.lat_deg, one.lon_deg) for one in stretches])
        depth_m = situation.brief.corridor.depth_m
        reach_m = depth_m + max(one.end_m - one.start_m for one in stretches) / 2.0
        with self.asker.opened(self.operations, Access.VIEW, "plan --learn") as asked:
            for consultation in asked.consultations:
                tell_viewed(consultation, "plan --learn", {"stretches": len(stretches), "brief": situation.brief.name})
            names = [f"{store.name} ({store.id[:8]})" for store in asked.archive.stores]
            known = evidence(asked.archive, places, reach_m=reach_m, stay_s=depth_m / WALKS_MPS)
        rates = rates_of(known.nights)
        return emphasis_of(
            stretches, rates, seed=secrets.randbits(SEED_BITS) if self.seed is None else self.seed, depth_m=depth_m,
            random_share=self.random_share,
            sources=(f"learned from {', '.join(names)}: {known.told()}", rates.told()),
        )  # fmt: skip
