"""What stands where something stood on an earlier pass is weighed as one thing; held against plain loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.existence import Factors, factors
from detection.ground_drift import GroundDrift
from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, follow, track
from detection.placed_hits import Placed
from detection.seen_again import seen_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detection.ground_hits import GroundHit
    from detection.paths import Paths

PASS_S = 600.0
"""From one pass to the next."""
LOOKS = 8
Placement = tuple[int, float, float, float]
"""Pass, metres east and north, and metres a second to the east."""


@pytest.fixture
def hits_of(make_hit: Callable[..., GroundHit]) -> Callable[..., GroundHits]:
    """Return a function that gives what stands or goes the hits of eight looks on its pass."""

    def make(placements: Sequence[Placement], **changes: object) -> GroundHits:
        return GroundHits.of(
            [
                make_hit(100 * number + k, one[0] * PASS_S + k / 1.5, one[1] + one[3] * k / 1.5, one[2], **changes)
                for number, one in enumerate(placements)
                for k in range(LOOKS)
            ]
        )

    return make


def followed(hits: GroundHits) -> tuple[Paths, Placed]:
    placed = Placed.of(hits)
    return follow(placed, TrackerSettings(), None, GroundDrift.of(None)), placed


def things(hits: GroundHits) -> list[list[int]]:
    """Return chains of placements, each path named by the placement whose hits it has."""
    paths, placed = followed(hits)
    name = [int(placed.hits.hit_id[paths.rows[first]]) // 100 for first in paths.first]
    assert sorted(name) == list(range(len(name))), "a path a placement"
    return sorted([name[path] for path in chain] for chain in seen_again(paths, placed))


def test_what_stands_again_is_one_thing_and_what_went_or_lies_too_far_is_not(
    hits_of: Callable[..., GroundHits],
) -> None:
    assert things(hits_of([(0, 0, 0, 0.0), (1, 5, 3, 0.0), (2, -2, 4, 0.0)])) == [[0, 1, 2]]
    assert things(hits_of([(0, 0, 0, 0.0), (1, 25, 0, 0.0)])) == [[0], [1]], "of poses with errors of four metres"
    assert things(hits_of([(0, 0, 0, 0.0), (1, 25, 0, 0.0)], sigma_m=9.0)) == [[0, 1]], "of nine"
    assert things(hits_of([(0, 0, 0, 1.2), (1, 8, 0, 1.2)])) == [[0], [1]]


def test_of_neighbours_each_is_the_nearest(hits_of: Callable[..., GroundHits]) -> None:
    assert things(hits_of([(0, 0, 0, 0.0), (0, 9, 0, 0.0), (1, 8, 1, 0.0), (1, 1, 1, 0.0)])) == [[0, 3], [1, 2]]


def test_a_thing_is_compared_with_the_next_pass_that_shows_one_and_with_no_later_one(
    hits_of: Callable[..., GroundHits],
) -> None:
    """Of two that stand there later the first is it, also where the second lies nearer."""
    assert things(hits_of([(0, 0, 0, 0.0), (1, 6, 0, 0.0), (2, 0, 0, 0.0)])) == [[0, 1, 2]]
    assert things(hits_of([(0, 0, 0, 0.0), (2, 3, 0, 0.0)])) == [[0, 1]], "it was missed once"


def test_chains_are_those_of_plain_loops(hits_of: Callable[..., GroundHits]) -> None:
    rng = np.random.default_rng(11)
    for _ in range(12):
        standing = [(int(p), 14.0 * x, 14.0 * y, 0.0) for p in range(3) for x in range(3) for y in range(2)]
        placements = [
            (p, x + rng.normal(0, 3.0), y + rng.normal(0, 3.0), v) for p, x, y, v in standing if rng.random() < 0.6
        ]
        assert things(hits_of(placements)) == _by_loops(placements, sigma_m=4.0)


def _by_loops(placements: list[Placement], sigma_m: float) -> list[list[int]]:
    pairs = []
    for i, one in enumerate(placements):
        near = [
            (j, (one[1] - two[1]) ** 2 + (one[2] - two[2]) ** 2)
            for j, two in enumerate(placements)
            if two[0] > one[0] and np.hypot(one[1] - two[1], one[2] - two[2]) < 60.0
        ]
        soonest = min((placements[j][0] for j, _ in near), default=0)
        pairs += [(d2 / (2.0 * sigma_m**2 + 2.0), i, j) for j, d2 in near if placements[j][0] == soonest]
    after: dict[int, int] = {}
    for d2, i, j in sorted(pairs):
        if d2 < 9.2 and i not in after and j not in after.values():
            after[i] = j
    chains = []
    for start in set(range(len(placements))) - set(after.values()):
        chain = [start]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        chains.append(chain)
    return sorted(chains)


def test_all_passes_of_a_thing_have_its_existence_and_a_doubtful_look_is_told_by_the_others(
    hits_of: Callable[..., GroundHits], make_hit: Callable[..., GroundHit]
) -> None:
    sure = hits_of([(0, 0, 0, 0.0)], score=0.97, score_raw=0.9)
    doubtful = GroundHits.of(
        [make_hit(900 + k, PASS_S + k / 1.5, 2.0, 1.0, score=0.5, score_raw=0.5) for k in range(0, LOOKS, 3)]
    )
    every = TrackerSettings(existence_min=0.0)
    alone = track(doubtful, every)[1].existence
    both = track(GroundHits.concat([sure, doubtful]), every)[1]
    assert len(both) == 2, "they stay two tracks"
    assert both.existence[0] == both.existence[1] > alone[0] + 0.1


def test_who_stays_for_several_passes_is_not_held_to_be_less_likely_for_it(hits_of: Callable[..., GroundHits]) -> None:
    """Whoever watches stays."""
    each = [hits_of([(p, 0, 0, 0.0) for p in range(passes)], score=0.95) for passes in (1, 2, 3)]
    existence = [float(track(hits, TrackerSettings(existence_min=0.0))[1].existence[0]) for hits in each]
    assert existence[0] <= existence[1] <= existence[2]


def walked(hits: GroundHits) -> Factors:
    paths, placed = followed(hits)
    return factors(paths, placed, None, GroundDrift.of(None))


def test_what_moves_as_people_walk_is_likelier_a_person_than_what_creeps_or_races(
    hits_of: Callable[..., GroundHits],
) -> None:
    speeds = (0.0, 0.7, 1.2, 2.6)
    still, slow, walks, races = (float(walked(hits_of([(0, 0, 0, v)], sigma_m=0.5)).walking[0]) for v in speeds)
    assert abs(still) < 0.15, "what stands has no speed that says anything"
    assert walks > 0.5
    assert races < -0.3
    assert slow < walks
