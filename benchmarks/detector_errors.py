"""Count the bundled detector's faults on drawn patrols: what `sitl.films.seen_patrol.DetectorErrors` is held to.

Not a comparison: `python -m benchmarks.detector_errors 5000 18` flies the patrols of eighteen worlds, draws 120
pictures of each and looks at them (a quarter of a second a picture), and prints how often persons are found and missed
again, the log odds that boxes get, and at how many places a person was seen where none was: once or again and again, on
what, and how wide.
"""

from __future__ import annotations

import dataclasses
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import logit

from detection.model_file import load_detector
from detection.scoring import InView, match
from sitl.films.filmed_patrol import filmed_patrol
from sitl.films.patrol_flight import PatrolFlight, PatrolShape
from sitl.films.render_shapes import prop_name, prop_places

if TYPE_CHECKING:
    from detection.scoring import Matches
    from detection.truth import FilmTruth
    from detection.values import Detector
    from sitl.films.filmed_patrol import FilmedPatrol

SHAPE = PatrolShape(seconds=80.0, fps=Fraction(3, 2), groups_per_km=6.0, vehicles_per_km=3.0)
ONE_PLACE_M = 4.0
"""Boxes on nothing this near to each other, placed with the true poses, are on one thing."""
ON_IT_M = 4.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Of one patrol: rows of persons (found, found in the picture before, height), log odds, and false places."""

    persons: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    places: list[tuple[str, int, float]]
    """What stands nearest, how many boxes, and their mean width in metres."""


def counted(seed: int, detector: Detector) -> Counted:
    """Fly, draw, look and count."""
    flown = filmed_patrol(seed, detector, SHAPE)
    seen = flown.seen
    pairs = match(seen.hits, seen.truth, view=InView())
    chance = logit(np.clip(seen.hits.best_score.astype(float), 0.02, 0.98))
    person = seen.hits.class_name.texts() == "person"
    on_person = pairs.hit_row[person[pairs.hit_row]]
    wrong = pairs.false_hits[person[pairs.false_hits]]
    return Counted(
        persons=_persons(seen.truth, pairs),
        right=chance[on_person],
        wrong=chance[wrong],
        places=_places(seed, flown, wrong),
    )


def _persons(truth: FilmTruth, pairs: Matches) -> np.ndarray:
    """Return each person in each picture: whether found, whether also in the picture before (-1: not in it), height."""
    rows = np.flatnonzero((truth.class_number == truth.class_names.index("person")) & InView().counts(truth))
    found = np.zeros(len(truth.object_id), dtype=bool)
    found[pairs.truth_row] = True
    rows = rows[np.lexsort([truth.thing_frame[rows], truth.object_id[rows]])]
    before = np.full(len(rows), -1.0)
    same = (np.diff(truth.object_id[rows]) == 0) & (np.diff(truth.thing_frame[rows]) == 1)
    before[1:][same] = found[rows][:-1][same]
    height = truth.boxes_px[rows, 3] - truth.boxes_px[rows, 1]
    return np.column_stack([found[rows], before, height])


def _places(seed: int, flown: FilmedPatrol, wrong: np.ndarray) -> list[tuple[str, int, float]]:
    """Gather boxes on nothing by place, and name the nearest thing that stands there."""
    hits = flown.on_true_ground.take(wrong)
    hits = hits.take(hits.placed)
    if not len(hits):
        return []
    world = PatrolFlight.flown(seed, SHAPE, SHAPE.chance(seed)).world
    x, y = world.to_map(hits.lat_deg, hits.lon_deg)
    place = np.column_stack([x, y])
    label = fcluster(linkage(place, "single"), ONE_PLACE_M, "distance") if len(place) > 1 else np.ones(1, int)
    width_m = (hits.box_px[:, 2] - hits.box_px[:, 0]) * hits.slant_m / SHAPE.camera.fx_px
    found = []
    for one in np.unique(label):
        mine = label == one
        middle = place[mine].mean(axis=0)
        px, py, lots = prop_places(world, middle - 2.0 * ON_IT_M, middle + 2.0 * ON_IT_M)
        far = np.hypot(px - middle[0], py - middle[1])
        name = prop_name(int(lots[far.argmin()])) if len(far) and far.min() < ON_IT_M else "ground"
        found.append((name, int(mine.sum()), float(width_m[mine].mean())))
    return found


def main(first: int, count: int) -> None:
    """Print what was counted."""
    detector, described = load_detector()
    parts = [counted(seed, detector) for seed in range(first, first + count)]
    persons = np.concatenate([one.persons for one in parts])
    found, before = persons[:, 0] > 0.0, persons[:, 1]
    area_km2 = count * SHAPE.speed_mps * SHAPE.seconds * metres_seen() / 1e6
    lines = [
        f"{described}; {count} worlds from {first}, {count * int(SHAPE.seconds * SHAPE.fps)} pictures",
        f"persons found: {int(found.sum())} of {len(found)}; missed after a miss {1 - found[before == 0].mean():.2f}, "
        f"after a find {1 - found[before == 1].mean():.2f}",
        f"log odds on persons, deciles: {deciles(np.concatenate([one.right for one in parts]))}",
        f"log odds on nothing, deciles: {deciles(np.concatenate([one.wrong for one in parts]))}",
    ]
    places = [place for one in parts for place in one.places]
    again = [place for place in places if place[1] > 1]
    lines.append(f"places on nothing: {len(places)} over {area_km2:.2f} km2, {len(again)} seen more than once:")
    lines += [f"  {name}: {boxes} boxes, {width:.2f} m wide" for name, boxes, width in sorted(again)]
    print("\n".join(lines))  # noqa: T201


def metres_seen() -> float:
    """Depth of the ground that a picture shows, north of the way, at the depression flown."""
    half = np.degrees(np.arctan(SHAPE.camera.height_px / 2.0 / SHAPE.camera.fy_px))
    near, far = (SHAPE.alt_agl_m / np.tan(np.radians(SHAPE.depression_deg + sign * half)) for sign in (1.0, -1.0))
    return float(far - near)


def deciles(values: np.ndarray) -> str:
    """Return eleven numbers, least to most."""
    return " ".join(f"{v:.2f}" for v in np.percentile(values, np.arange(0, 101, 10))) if len(values) else "none"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
