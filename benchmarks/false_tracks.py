"""False person tracks a flight hour where nine in ten visits of persons are found, on simulated patrols.

Twenty half hours over new ground all the time, and twenty that come by three times, on worlds on which nothing was
chosen, with the faults that were counted of the bundled detector (`sitl.films.seen_patrol.DetectorErrors`; counted anew
by `python -m benchmarks.detector_errors`). The rival is the same evidence of each pass by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from benchmarks import Row
from detection import existence
from detection.ground_tracker import track
from detection.track_scoring import OperatingPoint, operating_points, poisson_bound
from vedette.commands.eval_follow import ANY, simulated

if TYPE_CHECKING:
    from detection.paths import Paths
    from detection.placed_hits import Placed
    from vedette.commands.eval_follow import Followed

HOURS = 10.0
RECALL = 0.9
WORLDS = {1: 9100, 3: 9200}
"""First of twenty worlds, by passes."""
LIMITS = tuple((1.0 / (1.0 + np.exp(-np.arange(-2.0, 6.0, 0.1)))).tolist())


def _alone(paths: Paths, placed: Placed) -> list[list[int]]:  # noqa: ARG001 - in the place of `seen_again`
    return [[path] for path in range(len(paths))]


def _at_recall(recordings: list[Followed]) -> tuple[int, float, float]:
    """Return false tracks, the recall, and the limit of existence: the highest at which the recall is reached."""
    points = [operating_points(*track(one.hits, ANY, one.looks), one.truth, LIMITS) for one in recordings]
    whole = [
        OperatingPoint(
            existence_min=same[0].existence_min,
            visits=sum(one.visits for one in same),
            visits_found=sum(one.visits_found for one in same),
            false_tracks=sum(one.false_tracks for one in same),
        )
        for same in zip(*points, strict=True)
    ]
    reached = [one for one in whole if one.visits_found >= RECALL * one.visits]
    best = reached[-1] if reached else whole[0]
    return best.false_tracks, best.visits_found / best.visits, best.existence_min


def run() -> list[Row]:
    """Return the table's rows."""
    rows = []
    for passes, first in WORLDS.items():
        flown = list(simulated(HOURS, first, passes))
        false, recall, limit = _at_recall(flown)
        with mock.patch.object(existence, "seen_again", _alone):
            alone = _at_recall(flown)[0]
        what = f"false person tracks an hour, {passes} passes, at recall {recall:.3f} (existence {limit:.2f} on)"
        told = f"{false} in {HOURS:g} h, below {poisson_bound(false) / HOURS:.1f} at 95 %; wanted: 1, below 1.5"
        pairs = ((alone / HOURS, "each pass by itself"), (1.0, "goal"))
        rows += [
            Row(what=what, ours=false / HOURS, rival=rival, rival_name=name, unit="/h", goal=told)
            for rival, name in pairs
        ]
    return rows
