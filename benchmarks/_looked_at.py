"""What a detector made of the persons, the nothing and the animals of a drawn patrol: what its faults are counted from.

Boxes are placed with the true poses, so that what stays has one place, and what lies on nothing can be told from what
lies on an animal: the simulator knows where those stand.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import logit

from detection.georeference import SIZES_M
from detection.looks import Look, Looks
from detection.scoring import InView, match
from detection.track_sizes import PERSON_WIDTH_M
from geo.geodesy import geodetic_to_enu
from sitl.films.filmed_patrol import FilmedPatrol, filmed_patrol
from sitl.films.patrol_flight import GROUND_HAE_M, SEEN_DEEP_M
from sitl.films.render_shapes import prop_name, prop_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.scoring import Matches
    from detection.truth import FilmTruth
    from detection.values import Detector
    from sitl.films.patrol_flight import PatrolFlight, PatrolShape

    FloatArray = NDArray[np.float64]

PERSON, NOTHING, ANIMAL = range(3)
"""What a box that says "person" lies on."""
IN_VIEW: Final = InView(height_min_px=2.0)
NEAR_M: Final = 2.5
"""Boxes on nothing so near one another lie on one thing; so near an animal, on it."""
EDGE_PX: Final = 6.0
"""What stands nearer to the upper edge of a picture is cut by it."""
CHANCES: Final = (0.02, 0.98)
"""No box is believed beyond these: as `detection.placed_hits` holds it."""
CELL_M: Final = 4.0
LOOKS_MAX: Final = 60


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """One patrol as columns: a row each time a person was in view, a box that says "person", a place, an animal."""

    pictures: int
    seen_object: NDArray[np.int64]
    """Who was in view, (n,), with the time, the height of the true box, and whether a box was on it."""
    seen_s: FloatArray
    seen_height_px: FloatArray
    seen_found: NDArray[np.bool_]
    sort: NDArray[np.int64]
    """What each box lies on, (m,): `PERSON`, `NOTHING` or `ANIMAL`."""
    thing: NDArray[np.int64]
    """Which person, place or animal."""
    log_odds: FloatArray
    off_px: FloatArray
    """Edges of the box less those of the person, (m, 4); NaN on nothing, on animals, and where either is cut."""
    size_px: FloatArray
    """Width and height, (m, 2)."""
    high_ln: FloatArray
    """Logarithm of the height over a standing person's, and of the width over a person's mean."""
    wide_ln: FloatArray
    azimuth_rad: FloatArray
    """Direction of sight."""
    whole: NDArray[np.bool_]
    """Whether the box is clear of the picture's edges."""
    place_looks: NDArray[np.int64]
    """Pictures that showed each place with boxes on nothing, (p,), and those of them with a box there."""
    place_found: NDArray[np.int64]
    animal_looks: NDArray[np.int64]
    """The same of every animal in view, found or not, (a,)."""
    animal_found: NDArray[np.int64]
    area_km2: FloatArray
    """Ground that was in so many pictures, (`LOOKS_MAX`,)."""


def look_at(seed: int, detector: Detector, shape: PatrolShape) -> LookedAt:
    """Draw the patrol over world `seed`, look at it with the detector, and sort what was found."""
    return sorted_out(filmed_patrol(seed, detector, shape))


def sorted_out(filmed: FilmedPatrol) -> LookedAt:
    """Say of each box what it lies on, and of each thing how often it was seen."""
    truth, flight, hits = filmed.seen.truth, filmed.flight, filmed.on_true_ground
    camera = filmed.seen.taken[0].camera
    looks = Looks.of([Look(pose, camera) for pose in flight.true])
    pairs = match(filmed.seen.hits, truth, view=IN_VIEW)
    person = hits.class_name.texts() == "person"
    alone = pairs.false_hits[person[pairs.false_hits] & hits.placed[pairs.false_hits]]
    on_person = person[pairs.hit_row]
    right, there = pairs.hit_row[on_person], pairs.truth_row[on_person]
    x_m, y_m = flight.world.to_map(hits.lat_deg, hits.lon_deg)
    animals_m, animal_looks = _animals_in_view(flight, looks)
    animal, place, places_m = _on_what(np.column_stack([x_m, y_m])[alone], animals_m)
    frame = np.searchsorted(truth.frame_t_utc_ns, hits.t_utc_ns)
    rows = np.concatenate([right, alone])
    off = np.full((len(rows), 4), np.nan)
    off[: len(right)] = hits.box_px[right] - truth.boxes_px[there]
    off[: len(right)][truth.visible[there] < 0.99] = np.nan
    thing = np.concatenate([truth.object_id[there], np.where(animal >= 0, animal, place)])
    return LookedAt(
        pictures=len(looks),
        sort=np.concatenate([np.full(len(right), PERSON), np.where(animal >= 0, ANIMAL, NOTHING)]),
        thing=thing,
        log_odds=logit(np.clip(hits.best_score[rows].astype(np.float64), *CHANCES)),
        off_px=off,
        place_looks=_in_picture(places_m, flight, looks).sum(axis=0),
        place_found=_pictures_of(place, frame[alone], len(places_m)),
        animal_looks=animal_looks,
        animal_found=_pictures_of(animal, frame[alone], len(animals_m)),
        area_km2=_area_km2(flight, looks),
        **_persons_in_view(truth, pairs),
        **_outlines(hits.take(rows), looks, frame[rows]),
    )


def _persons_in_view(truth: FilmTruth, pairs: Matches) -> dict[str, Any]:
    """Columns of every time a person was in view, by person and time."""
    found = np.zeros(len(truth.object_id), dtype=bool)
    found[pairs.truth_row] = True
    rows = np.flatnonzero(IN_VIEW.counts(truth) & (truth.class_number == truth.class_names.index("person")))
    rows = rows[np.lexsort((truth.thing_frame[rows], truth.object_id[rows]))]
    times = truth.frame_t_utc_ns
    return {
        "seen_object": truth.object_id[rows],
        "seen_s": (times[truth.thing_frame[rows]] - times[0]) / 1e9,
        "seen_height_px": truth.boxes_px[rows, 3] - truth.boxes_px[rows, 1],
        "seen_found": found[rows],
    }


def _outlines(hits: GroundHits, looks: Looks, frame: NDArray[np.int64]) -> dict[str, Any]:
    """Sizes of boxes in pixels and over a person's, and from where each was seen."""
    box, slant = hits.box_px.astype(np.float64), hits.slant_m.astype(np.float64)
    size_px = np.maximum(box[:, 2:] - box[:, :2], 1.0)
    size_m = size_px * slant[:, None] / looks.focal_px[frame]
    down = np.clip((looks.alt_hae_m[frame] - GROUND_HAE_M) / slant, 0.0, 1.0)
    tall, flat = SIZES_M["person"]
    seen = np.stack([looks.lat_deg[frame], looks.lon_deg[frame]])
    step = np.stack([hits.lat_deg, hits.lon_deg]) - seen
    whole = (box[:, :2] >= 2.0).all(axis=1) & (box[:, 2:] <= looks.size_px[frame] - 2.0).all(axis=1)
    return {
        "size_px": size_px,
        "high_ln": np.log(size_m[:, 1] / (tall * np.sqrt(1.0 - down**2) + flat * down)),
        "wide_ln": np.log(size_m[:, 0] / PERSON_WIDTH_M),
        "azimuth_rad": np.arctan2(step[1] * np.cos(np.radians(seen[0])), step[0]),
        "whole": whole,
    }


def _animals_in_view(flight: PatrolFlight, looks: Looks) -> tuple[FloatArray, NDArray[np.int64]]:
    """Map places (n, 2) of the animals that any picture shows, and in how many each is."""
    low, high = _strip_m(flight)
    x_m, y_m, lots = prop_places(flight.world, low, high)
    animal = np.array([prop_name(int(lot)) == "animal" for lot in lots], dtype=bool)
    places = np.column_stack([x_m[animal], y_m[animal]])
    count = _in_picture(places, flight, looks).sum(axis=0)
    return places[count > 0], count[count > 0]


def _strip_m(flight: PatrolFlight) -> tuple[FloatArray, FloatArray]:
    """Corners, in map metres, of the ground that the flight may see."""
    poses = flight.true
    x_m, y_m = flight.world.to_map(np.array([pose.lat_deg for pose in poses]), np.array([p.lon_deg for p in poses]))
    reach = np.array([SEEN_DEEP_M, 0.0])
    return np.array([x_m.min(), y_m.min()]) - reach, np.array([x_m.max(), y_m.max() + 2.0 * SEEN_DEEP_M]) + reach


def _in_picture(places_m: FloatArray, flight: PatrolFlight, looks: Looks) -> NDArray[np.bool_]:
    """Tell which pictures show a person's size of each place, (pictures, places)."""
    lat, lon = flight.world.to_geodetic(places_m[:, 0], places_m[:, 1])
    origin = flight.world.origin
    enu = np.asarray(geodetic_to_enu(lat, lon, np.full(len(lat), GROUND_HAE_M), origin)).reshape(-1, 3)
    homogeneous = np.einsum("nij,kj->nki", looks.matrices(origin), np.column_stack([enu, np.ones(len(enu))]))
    depth = np.where(homogeneous[..., 2] > 1.0, homogeneous[..., 2], np.nan)
    column, row = homogeneous[..., 0] / depth, homogeneous[..., 1] / depth
    width, height = looks.size_px[:, :1], looks.size_px[:, 1:]
    return np.asarray((column >= 0.0) & (column <= width) & (row >= EDGE_PX) & (row <= height))


def _area_km2(flight: PatrolFlight, looks: Looks) -> FloatArray:
    """Return how much ground was in 0, 1, 2, … pictures, by squares of `CELL_M`."""
    low, high = _strip_m(flight)
    x_m, y_m = np.meshgrid(np.arange(low[0], high[0], CELL_M), np.arange(low[1], high[1], CELL_M))
    shown = _in_picture(np.column_stack([x_m.ravel(), y_m.ravel()]), flight, looks).sum(axis=0)
    squares = np.bincount(np.minimum(shown, LOOKS_MAX - 1), minlength=LOOKS_MAX)
    return squares.astype(np.float64) * CELL_M**2 / 1e6


def _on_what(places_m: FloatArray, animals_m: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Return each box's animal and its place on nothing, -1 for neither, and the middles of those places."""
    animal = np.full(len(places_m), -1)
    if len(animals_m) and len(places_m):
        apart = np.linalg.norm(places_m[:, None] - animals_m[None], axis=2)
        animal = np.where(apart.min(axis=1) <= NEAR_M, apart.argmin(axis=1), -1)
    loose = np.flatnonzero(animal < 0)
    place = np.full(len(places_m), -1)
    if len(loose) > 1:
        place[loose] = fcluster(linkage(places_m[loose]), NEAR_M, criterion="distance") - 1
    elif len(loose):
        place[loose] = 0
    middles = [places_m[place == number].mean(axis=0) for number in range(int(place.max(initial=-1)) + 1)]
    return animal, place, np.array(middles).reshape(-1, 2)


def _pictures_of(thing: NDArray[np.int64], frame: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Count the pictures in which each thing has a box."""
    once = np.unique(np.column_stack([thing, frame]), axis=0)[:, 0]
    return np.bincount(once[once >= 0], minlength=count)
