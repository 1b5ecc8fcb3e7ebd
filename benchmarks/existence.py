"""Learn how often each kind of evidence of a track counts (`detection.existence.WEIGHTS`), on simulated patrols.

Not a comparison: `python -m benchmarks.existence 8000 45 1 8300 20 3` prints the weights of 45 half hours from 8000
on, each over new ground, and twenty from world 8300 on that pass three times.
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
from scipy.optimize import minimize

from detection.existence import Weights, factors
from detection.ground_drift import GroundDrift
from detection.ground_tracker import TrackerSettings, follow
from detection.placed_hits import Placed
from detection.scoring import InView, match
from detection.seen_again import seen_again
from vedette.commands.eval_follow import Followed, simulated

NAMES = tuple(field.name for field in dataclasses.fields(Weights) if field.name != "base")


def labelled(one: Followed) -> tuple[np.ndarray, np.ndarray]:
    """Return factors (n, kinds) of what a recording took for persons, and whether most boxes of each are on one."""
    placed, drift = Placed.of(one.hits), GroundDrift.of(one.looks)
    paths = follow(placed, TrackerSettings(), one.looks, drift)
    paths = paths.chosen(seen_again(paths, placed))
    found = factors(paths, placed, one.looks, drift)
    wrong = np.zeros(len(one.hits))
    wrong[match(one.hits, one.truth, view=InView()).false_hits] = 1.0
    person = found.class_code == placed.class_names.index("person")
    rows = np.flatnonzero(person & (paths.lengths > 1))
    right = paths.mean(wrong[placed.index[paths.rows]])[rows] <= 0.5
    return np.column_stack([getattr(found, name)[rows] for name in NAMES]), right


def learned(evidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return base and weights by logistic regression, held a little to 1."""
    sign = np.where(right, 1.0, -1.0)

    def loss(given: np.ndarray) -> float:
        return float(
            np.logaddexp(0.0, -sign * (given[0] + evidence @ given[1:])).sum() + ((given[1:] - 1.0) ** 2).sum()
        )

    return np.asarray(minimize(loss, np.array([0.0] + [1.0] * len(NAMES))).x)


def main(worlds: list[int]) -> None:
    """Print what is learned of worlds, given as the first, how many, and passes, once or several times."""
    flown = [
        simulated(count / 2.0, first, passes)
        for first, count, passes in zip(worlds[::3], worlds[1::3], worlds[2::3], strict=True)
    ]
    evidence, right = (
        np.concatenate(column) for column in zip(*(labelled(one) for part in flown for one in part), strict=True)
    )
    told = ", ".join(
        f"{name} {value:.2f}" for name, value in zip(("base", *NAMES), learned(evidence, right), strict=True)
    )
    print(f"{len(right)} things taken for persons, {int((~right).sum())} of them none: {told}")  # noqa: T201


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
