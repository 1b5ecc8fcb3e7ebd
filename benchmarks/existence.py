"""Learn how often each kind of evidence of a track counts (`detection.existence.WEIGHTS`), on simulated patrols.

Not a comparison: `python -m benchmarks.existence 3000 15` prints the weights of fifteen half hours from world 3000 on.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import minimize

from detection.existence import factors
from detection.ground_drift import GroundDrift
from detection.ground_tracker import TrackerSettings, follow
from detection.placed_hits import Placed
from detection.scoring import InView, match
from vedette.commands.eval_follow import Followed, simulated

NAMES = ("score", "sure", "found", "motion", "size", "width", "turning")


def labelled(one: Followed) -> tuple[np.ndarray, np.ndarray]:
    """Return factors (n, 7) of a recording's person tracks, and whether each has most of its boxes on a person."""
    placed, drift = Placed.of(one.hits), GroundDrift.of(one.looks)
    paths = follow(placed, TrackerSettings(), one.looks, drift)
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


def main(first: int, count: int) -> None:
    """Print what is learned."""
    parts = [labelled(one) for one in simulated(count / 2.0, first)]
    evidence, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    told = ", ".join(
        f"{name} {value:.2f}" for name, value in zip(("base", *NAMES), learned(evidence, right), strict=True)
    )
    print(f"{len(right)} person tracks, {int((~right).sum())} of them false: {told}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
