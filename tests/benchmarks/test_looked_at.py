"""A detector that says what it was told to: what it is taken to have found must be that."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks._looked_at import ANIMAL, NOTHING, PERSON, LookedAt, look_at
from detection.values import Detections
from sitl.films.patrol_flight import GROUND_HAE_M, PatrolFlight, PatrolShape
from sitl.films.render import in_sight
from sitl.films.render_ground import track_distance_m
from sitl.films.render_shapes import OFF_TRACK_M, prop_name
from sitl.films.render_view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sitl.films.world import World

SEED = 7
SHAPE = PatrolShape(
    seconds=14.0, fps=Fraction(3, 2), line_m=180.0, groups_per_km=60.0, animals_per_km2=600.0, hfov_deg=35.0
)
ROCK_M = (-40.0, 12.0)
"""A bare place that is said to be a person in every second picture, in map metres."""


@dataclasses.dataclass(slots=True)
class Told:
    """Finds every person but one, each planted animal in two pictures of three, and a place where nothing stands."""

    class_names: tuple[str, ...] = ("person", "vehicle")
    picture: int = 0
    flight: PatrolFlight = dataclasses.field(
        default_factory=lambda: PatrolFlight.flown(SEED, SHAPE, SHAPE.chance(SEED))
    )

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Return what is to be found in the next picture."""
        assert len(images) == 1
        pose, world = self.flight.true[self.picture], self.flight.world
        there = in_sight(world, pose, SHAPE.camera, pose.t_utc_ns)
        rows = (there.kind == 0) & (there.object_id != 0) & (there.visible > 0.5)
        view = View.of(world, pose, SHAPE.camera)
        wanted = [ROCK_M] if self.picture % 2 else []
        wanted += [(x, y) for x, y, _ in world.planted if _stands(world, x, y)] if self.picture % 3 else []
        spots = np.array(wanted).reshape(-1, 2)
        pixels, _ = view.pixels(view.map_to_enu(spots[:, 0], spots[:, 1]))
        shown = ((pixels > 15.0) & (pixels < (625.0, 497.0))).all(axis=1)
        made = np.hstack([pixels - (2.5, 9.5), pixels + (2.5, 1.5)])[shown]
        boxes = np.vstack([there.boxes_px[rows] + (0.5, 0.25, 0.5, 0.25), made]).astype(np.float32)
        scores = np.full(len(boxes), 0.75, dtype=np.float32)
        self.picture += 1
        return [Detections(boxes_px=boxes, classes=np.zeros(len(boxes), np.int64), scores=scores, probabilities=scores)]


def _stands(world: World, x_m: float, y_m: float) -> bool:
    """Tell whether anything is drawn there: tracks are kept clear."""
    return bool(track_distance_m(world.tracks_m, np.array([x_m]), np.array([y_m]))[0] > OFF_TRACK_M)


@pytest.fixture(scope="module")
def seen() -> LookedAt:
    return look_at(SEED, Told(), SHAPE)


def test_who_was_in_view_and_found(seen: LookedAt) -> None:
    found = seen.seen_found[seen.seen_object != 0]
    assert found.sum() > 40
    assert found.mean() > 0.95
    assert not seen.seen_found[seen.seen_object == 0].any()
    assert (np.diff(seen.seen_s)[np.diff(seen.seen_object) == 0] > 0.6).all()


def test_boxes_on_persons_are_off_by_as_much_as_they_were_put(seen: LookedAt) -> None:
    off = seen.off_px[seen.sort == PERSON]
    assert np.nanmean(off, axis=0) == pytest.approx([0.5, 0.25, 0.5, 0.25], abs=0.05)
    assert seen.log_odds == pytest.approx(np.log(3.0))


def test_animals_are_told_from_what_is_nothing(seen: LookedAt) -> None:
    animals = seen.animal_found >= 2
    assert animals.sum() >= 3
    share = seen.animal_found[animals].sum() / seen.animal_looks[animals].sum()
    assert 0.5 < share < 0.75
    assert (seen.animal_found <= seen.animal_looks).all()
    assert (seen.sort == ANIMAL).sum() == seen.animal_found.sum()
    assert seen.place_found.tolist() == [(seen.sort == NOTHING).sum()]
    assert 0.4 < seen.place_found[0] / seen.place_looks[0] <= 0.6


def test_ground_in_the_picture(seen: LookedAt) -> None:
    """Between the rays of the lens's upper and lower edge and side to side, less a little for the turning nose."""
    half = np.arctan(256.0 / SHAPE.camera.fy_px)
    near, far = (100.0 / np.tan(np.radians(45.0) + sign * half) for sign in (1.0, -1.0))
    across = (100.0 / np.sin(np.radians(45.0))) * 640.0 / SHAPE.camera.fx_px
    flown_m = 12.0 * (21 - 1) / 1.5
    assert seen.area_km2[1:].sum() == pytest.approx((far - near) * (flown_m + across) / 1e6, rel=0.1)


def test_animals_are_planted_where_the_patrol_looks() -> None:
    """As many as asked for, all of them animals, and the rest of the world is what it was."""
    shape = dataclasses.replace(SHAPE, line_m=2_000.0)
    bare = dataclasses.replace(shape, animals_per_km2=0.0)
    flown, without = (PatrolFlight.flown(3, one, one.chance(3)) for one in (shape, bare))
    assert without.world.planted == ()
    assert len(flown.world.planted) == pytest.approx(600.0 * 2.0 * 0.4, rel=0.2)
    assert {prop_name(lot) for _, _, lot in flown.world.planted} == {"animal"}
    east, north = (np.array(column) for column in list(zip(*flown.world.planted, strict=True))[:2])
    assert (np.abs(north) <= 200.0).all()
    assert (np.abs(east) <= 1_000.5).all()
    assert flown.true == without.true
    assert np.array_equal(flown.world.routes.vertices_m, without.world.routes.vertices_m)
    assert flown.world.origin.alt_hae_m == GROUND_HAE_M
