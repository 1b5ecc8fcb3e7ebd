"""How honest probabilities are where nothing was learned: each group of pictures by curves of the other groups."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from detection.calibration import Calibration, fit, reliability
from detection.evaluation import joined
from detection.training.recipe import CLASS_NAMES
from geo.errors import InputError
from vedette.commands.eval_scores import probabilities, verdicts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.evaluation import Verdicts
    from vedette.commands.eval_scores import Judged
    from vedette.commands.eval_sources import Source


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """One class over all groups: of boxes at least as good as the limit, what was said and what was right."""

    name: str
    boxes: int
    calibration_error: float
    chance_error: float
    """What exactly right probabilities would show on the mean with so many boxes."""
    brier: float
    counts: tuple[int, ...]
    said: tuple[float, ...]
    happened: tuple[float, ...]
    """Boxes, mean probability and share right in each tenth of probability."""


def require_several(sources: Sequence[Source]) -> None:
    """Refuse to hold one out of one, before anything is looked at.

    Raises
    ------
    InputError
        With fewer than two groups.
    """
    if len({source.group or source.name for source in sources}) < 2:
        raise InputError("--hold-out takes at least two runs or sources: give --runs such as '0,1,2'")


def held_out(judged: Sequence[Judged], limit: float) -> tuple[HeldOut, ...]:
    """Judge each group's probabilities by curves learned from the other groups alone, and put them together."""
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(one[0].group or one[0].name, []).append(one)
    return tuple(
        _of_class(name, [verdicts_of(group, number) for group in groups.values()], limit)
        for number, name in enumerate(CLASS_NAMES)
    )


def _of_class(name: str, groups: Sequence[Verdicts], limit: float) -> HeldOut:
    said, right = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for place, mine in enumerate(groups):
        others = joined([one for k, one in enumerate(groups) if k != place])
        learned = Calibration(model_sha256="", learned_from="", curves={name: fit(others)})
        kept = mine.scores >= limit
        said.append(probabilities(mine, learned, name)[kept])
        right.append(mine.right[kept])
    bins = reliability(np.concatenate(said), np.concatenate(right))
    return HeldOut(
        name=name,
        boxes=int(bins.counts.sum()),
        calibration_error=bins.expected_error,
        chance_error=bins.chance_error,
        brier=bins.brier,
        counts=tuple(bins.counts.tolist()),
        said=tuple(bins.said.tolist()),
        happened=tuple(bins.happened.tolist()),
    )
