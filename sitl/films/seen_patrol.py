"""What a detector of stated faults would find on a simulated patrol: boxes without pictures, hours in seconds.

Geometry, poses with their errors, people and vehicles are the simulator's; the detector is an error model, so
that what comes after it (placing, following, judging) can be measured over hours. How good a real detector
is, this does not say.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit, ndtr

from detection.georeference import SIZES_M, Surroundings, place_all
from detection.looks import Look, Looks, Shift, seen_pixels
from detection.truth import FilmTruth
from detection.values import Detections
from geo.geodesy import geodetic_to_enu, metres_per_degree
from sitl.films.patrol_flight import (
    EPOCH_UTC_NS,
    GROUND_HAE_M,
    SEEN_DEEP_M,
    START_LAT_LON,
    PatrolFlight,
    PatrolShape,
    SeenPatrol,
)
from sitl.films.render_shapes import vehicle
from sitl.films.seen_contrast import SeenContrasts
from sitl.films.world import Kind
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import CameraModel, Geodetic
    from sitl.films.world import Movers, World

    FloatArray = NDArray[np.float64]

CLASS_NAMES: Final = ("person", "vehicle")
WIDTH_M: Final = (0.73, 3.0)
"""Mean width of the boxes of a person and of a vehicle across the line of sight."""
FAR_M: Final = 1500.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DetectorErrors:
    """A detector's faults; the defaults are those of the bundled model on filmed patrols of 80 s, 120 pictures each.

    On fourteen of these (`sitl.films.filmed_patrol`, worlds 1 to 10 and 5000 to 5003, persons 8 to 12 px high) 1414 of
    1569 persons were found; after a miss 0.34 were missed in the next picture, after a find 0.06; boxes of persons lay
    on nothing at 51 places, 33 of them once. Ten more over many animals (5100 to 5105, 5110 to 5113) and four through a
    wide lens (5200 to 5203) are counted, too. Scores are calibrated chances, drawn in the logarithm of their odds.
    `python -m benchmarks.detector_errors` counts them anew (`docs/decisions`, 0996). `width_ln` of persons and of
    clutter, and `turning`, are those of a model before: too few things last to count them.
    """

    recall: float = 0.911
    """Of large things; a thing of `half_height_px` is found half as often."""
    half_height_px: float = 4.76
    height_spread_px: float = 0.98
    hidden_share: float = 0.097
    """Share of misses that last (a posture, a bush), for `hidden_s` on average."""
    hidden_s: float = 11.9
    jitter_px: tuple[float, float] = (0.373, 0.442)
    jitter_share: float = 0.01
    """One-sigma error of a box's edges, left and right, top and bottom, that is new in every picture: a fixed part, and
    a share of the box's height."""
    lasting_px: tuple[float, float] = (0.215, 0.298)
    """One sigma of what an object's edges are off in all pictures alike."""
    thing_logits: tuple[float, ...] = (-0.09, 0.26, 1.02, 1.2, 1.26, 1.39, 2.2, 3.12, 3.13, 3.46, 3.89)
    clutter_logits: tuple[float, ...] = (-0.09, -0.08, -0.08, -0.07, -0.07, 0.24, 0.25, 0.26, 0.61, 1.17, 1.3)
    animal_logits: tuple[float, ...] = (-0.09, -0.07, 0.24, 0.25, 0.26, 0.51, 1.02, 1.23, 1.26, 1.3, 2.56)
    """Deciles, least to most, of the log odds that the calibration gives to boxes on persons, on nothing, and on
    animals."""
    object_share: float = 0.376
    """Share of their variance that belongs to the object."""
    flickers_per_frame: float = 0.0132
    clutter_per_km2: float = 47.0
    """Lasting things that are taken for a person now and then: rocks, bushes, stumps, and animals."""
    animal_share: float = 0.222
    clutter_found: tuple[float, float] = (0.299, 2.48)
    animal_found: tuple[float, float] = (0.094, 0.864)
    """Beta distributions of the share of pictures in which each is taken for one."""
    person_size_ln: float = 0.066
    """Spread of persons' sizes, in the logarithm."""
    flight_ln: float = 0.03
    """Spread of what sizes of things seem on one flight and not on another …"""
    flight_share: float = 0.35
    """… and the share of the variance of `lasting_px` that lasts no longer than a flight."""
    clutter_size_ln: float = 0.293
    """Spread of their sizes about a person's, in the logarithm."""
    width_ln: tuple[float, float, float] = (0.0, 0.16, 0.2)
    """Spread of the widths, of things, clutter and animals, over what their height lets expect, in the logarithm."""
    turning: tuple[float, float] = (0.15, 0.25)
    """Spread of the change of that logarithm a radian of the direction of sight, of things and clutter."""
    animal_turning: tuple[float, ...] = (-0.71, -0.03, 0.23, 0.3, 0.32, 0.36, 0.5, 0.76)
    """The same of animals, one by one: a long body turns its side."""
    animal_moving: float = 1.0 / 3.0
    """An assumption, since the animals that the simulator draws stand still."""


def seen_patrol(seed: int, shape: PatrolShape | None = None, errors: DetectorErrors | None = None) -> SeenPatrol:
    """Fly a patrol over world `seed` and find what such a detector finds; the same arguments give the same patrol."""
    shape, errors = shape or PatrolShape(), errors or DetectorErrors()
    rng = shape.chance(seed)
    flight = PatrolFlight.flown(seed, shape, rng)
    objects = _Objects.drawn(flight.world, shape, errors, np.random.default_rng([seed, 4712]))
    scene = _Scene(
        world=flight.world, shape=shape, errors=errors, rng=rng, objects=objects,
        contrasts=SeenContrasts.drawn(objects.kind, objects.thing, seed, shape.sortie),
        hidden_until_s=np.full(len(objects.kind), -1.0),
    )  # fmt: skip
    return scene.watch(flight)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """Columns of everything that may be taken for something: things first, then clutter."""

    kind: NDArray[np.int64]
    size: FloatArray
    """Size over the class's mean."""
    score: FloatArray
    """Each object's own part of the score, in spreads."""
    found: FloatArray
    """Share of pictures in which clutter is taken for something."""
    thing: NDArray[np.bool_]
    animal: NDArray[np.bool_]
    width_ln: FloatArray
    """Logarithm of the width over what the height lets expect, seen to the north, and its change a radian."""
    turning: FloatArray
    solids_m: FloatArray
    """Corners (n, k, 3) of vehicles as they are drawn, forward, left and up of their middle; 0 for all else."""
    off_px: FloatArray
    """What the edges are off in all pictures, (n, 4)."""
    seems: FloatArray
    """How large things seem on this flight, over what they are."""
    home_lat_lon: FloatArray
    """Where clutter lies, and how it moves a second."""
    rate_lat_lon: FloatArray

    @classmethod
    def drawn(cls, world: World, shape: PatrolShape, errors: DetectorErrors, rng: np.random.Generator) -> _Objects:
        """Put clutter on the ground, and give every object its own size, outline and score."""
        things = len(world.routes)
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        clutter = int(rng.poisson(errors.clutter_per_km2 * shape.line_m * 2.0 * SEEN_DEEP_M / 1e6))
        count = things + clutter
        place = rng.uniform((-SEEN_DEEP_M, 0.0), (SEEN_DEEP_M, shape.line_m), (clutter, 2)) / (north, east)
        animal = np.arange(count) >= things
        animal &= rng.random(count) < errors.animal_share
        moving = animal[things:] & (rng.random(clutter) < errors.animal_moving)
        rate = np.where(moving[:, None], rng.normal(0.0, 0.8, (clutter, 2)), 0.0) / (north, east)
        kind = np.concatenate([world.routes.kind, np.zeros(clutter, np.int64)])
        thing = np.arange(count) < things
        sort = np.where(thing, 0, np.where(animal, 2, 1))
        spread = np.where(thing, np.where(kind == 0, errors.person_size_ln, 0.0), errors.clutter_size_ln)
        size, score, width, turned = rng.standard_normal((4, count))
        turning = np.where(animal, rng.choice(errors.animal_turning, count), np.where(thing, *errors.turning) * turned)
        found = np.where(animal, rng.beta(*errors.animal_found, count), rng.beta(*errors.clutter_found, count))
        flight = np.random.default_rng([world.seed, 4714, shape.sortie]).standard_normal((count, 5))
        lasts = np.sqrt(1.0 - errors.flight_share) * rng.standard_normal((count, 4))
        return cls(
            kind=kind,
            size=np.exp(spread * size),
            score=np.sqrt(errors.object_share) * score,
            found=np.where(thing, 1.0, found),
            thing=thing,
            animal=animal,
            width_ln=np.where(kind == 0, np.array(errors.width_ln)[sort] * width, 0.0),
            turning=np.where(kind == 0, turning, 0.0),
            solids_m=_solids_m(kind, world.seed),
            off_px=np.tile(errors.lasting_px, 2) * (lasts + np.sqrt(errors.flight_share) * flight[:, 1:]),
            seems=np.exp(np.where(thing, errors.flight_ln * flight[:, 0], 0.0)),
            home_lat_lon=place + START_LAT_LON,
            rate_lat_lon=rate,
        )


@dataclasses.dataclass(slots=True, kw_only=True)
class _Scene:
    world: World
    shape: PatrolShape
    errors: DetectorErrors
    rng: np.random.Generator
    objects: _Objects
    contrasts: SeenContrasts
    hidden_until_s: FloatArray

    def watch(self, flight: PatrolFlight) -> SeenPatrol:
        """Look at every frame."""
        camera, sigmas = self.shape.camera, self.shape.sigmas
        true, measured = flight.true, flight.measured
        looks = Looks.of([Look(pose, camera) for pose in true])
        matrices = looks.matrices(self.world.origin)
        image = np.broadcast_to(np.zeros(1, np.uint8), (camera.height_px, camera.width_px, 3))
        around = Surroundings(terrain=flight.told_ground, sigmas=sigmas)
        found: list[tuple[Frame, Detections]] = []
        seen: list[dict[str, Any]] = []
        for row, pose in enumerate(measured):
            boxes = self._boxes(pose.t_utc_ns, matrices[row], looks, row)
            seen.append({name: values[boxes["truth"]] for name, values in boxes.items()})
            detections = self._detect(boxes, (pose.t_utc_ns - true[0].t_utc_ns) / 1e9)
            posed = dataclasses.replace(pose, hfov_deg=self.shape.hfov_deg)
            frame = Frame(
                index=row, pts_s=Fraction(row) / self.shape.fps, t_utc_ns=pose.t_utc_ns, image=image, pose=posed
            )
            if len(detections):
                found.append((frame, detections))
        return SeenPatrol(
            hits=place_all(found, around, class_names=CLASS_NAMES),
            truth=_truth(looks, camera, self.shape, seen),
            taken=tuple(self._compared(flight)),
            ground=flight.told_ground,
            sigmas=sigmas,
            seconds=self.shape.seconds,
        )

    def _compared(self, flight: PatrolFlight) -> list[Look]:
        """Return looks as the telemetry has them, each compared with the one before, with an error."""
        camera, sigma = self.shape.camera, self.shape.registration_sigma_m
        if not np.isfinite(sigma):
            return [Look(pose, camera) for pose in flight.measured]
        steps = self._steps_m(flight) + self.rng.normal(0.0, sigma, (len(flight.true) - 1, 2))
        shifts = [None, *(Shift(float(east), float(north), sigma) for east, north in steps)]
        return [Look(pose, camera, shift=shift) for pose, shift in zip(flight.measured, shifts, strict=True)]

    def _steps_m(self, flight: PatrolFlight) -> FloatArray:
        """Metres (n - 1, 2) by which each measured pose puts shared ground off where the one before put it.

        It is the same ground for both, between the middles of the pictures.
        """
        origin, camera = self.world.origin, self.shape.camera
        seen, told = (Looks.of([Look(pose, camera) for pose in poses]) for poses in (flight.true, flight.measured))
        middles = _grounds_m(seen, seen.centre_px, GROUND_HAE_M, origin)
        level = (middles[1:] + middles[:-1]) / 2.0
        matrices = seen.matrices(origin)
        put = []
        for rows in (slice(0, -1), slice(1, None)):
            pixels = np.stack([seen_pixels(m, p[None])[0][0] for m, p in zip(matrices[rows], level, strict=True)])
            put.append(_grounds_m(told.take(np.arange(len(told))[rows]), pixels, flight.told_ground.height_m, origin))
        return np.asarray(put[1] - put[0])[:, :2]

    def _boxes(self, t_utc_ns: int, matrix: FloatArray, looks: Looks, row: int) -> dict[str, Any]:
        """Return the true boxes of everything in one picture."""
        movers = self.world.at(t_utc_ns)
        objects, camera = self.objects, self.shape.camera
        lat, lon = self._where(movers, t_utc_ns)
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        origin = self.world.origin
        enu = np.asarray(geodetic_to_enu(lat, lon, np.full(len(lat), GROUND_HAE_M), origin)).reshape(-1, 3)
        homogeneous = enu @ matrix[:, :3].T + matrix[:, 3]
        depth = np.where(homogeneous[:, 2] > 1.0, homogeneous[:, 2], np.nan)
        foot = homogeneous[:, :2] / depth[:, None]
        drop = self.shape.alt_agl_m
        step_n, step_e = (lat - looks.lat_deg[row]) * north, (lon - looks.lon_deg[row]) * east
        away = np.hypot(step_n, step_e)
        slant = np.hypot(away, drop)
        sizes = np.array([SIZES_M[name] for name in CLASS_NAMES])[objects.kind]
        flat = sizes[:, 1] * drop / slant
        tall = sizes[:, 0] * away / slant
        high = camera.fy_px / slant * objects.size * (tall + flat)
        turned = np.exp(objects.width_ln + objects.turning * np.clip(np.arctan2(step_e, step_n), -0.6, 0.6))
        wide = camera.fx_px / slant * objects.size * np.array(WIDTH_M)[objects.kind] * turned
        bottom = foot[:, 1] + 0.5 * flat / (tall + flat) * high
        whole = np.column_stack([foot[:, 0] - wide / 2, bottom - high, foot[:, 0] + wide / 2, bottom])
        solid = np.flatnonzero(objects.kind == Kind.VEHICLE)
        corners = _turned_m(objects.solids_m[solid], movers.heading_deg[solid]) + enu[solid, None]
        seen, ahead = seen_pixels(matrix, corners.reshape(-1, 3))
        seen = np.where(ahead[:, None] > 1.0, seen, np.nan).reshape(*corners.shape[:2], 2)
        whole[solid] = np.hstack([seen.min(axis=1), seen.max(axis=1)])
        middle, reach = (whole[:, :2] + whole[:, 2:]) / 2.0, (whole[:, 2:] - whole[:, :2]) / 2.0
        reach = reach * objects.seems[:, None]
        whole = np.hstack([middle - reach, middle + reach])
        limit = np.array([camera.width_px, camera.height_px] * 2, dtype=np.float64)
        cut = np.clip(whole, 0.0, limit)
        share = np.prod(cut[:, 2:] - cut[:, :2], axis=1) / np.prod(whole[:, 2:] - whole[:, :2], axis=1)
        rows = np.flatnonzero(np.nan_to_num(share) > 0.0)
        rows = rows[slant[rows] < FAR_M]
        speed = np.concatenate([movers.speed_mps, np.zeros(len(lat) - len(movers.speed_mps))])
        heading = np.concatenate([movers.heading_deg, np.zeros(len(lat) - len(movers.heading_deg))])
        columns = {"object_id": np.arange(len(lat)), "lat_deg": lat, "lon_deg": lon, "visible": share, "boxes_px": cut}
        columns |= {"class_number": objects.kind, "speed_mps": speed, "heading_deg": heading, "truth": objects.thing}
        return {name: values[rows] for name, values in columns.items()}

    def _where(self, movers: Movers, t_utc_ns: int) -> tuple[FloatArray, FloatArray]:
        gone_s = (t_utc_ns - EPOCH_UTC_NS) / 1e9
        clutter = self.objects.home_lat_lon + self.objects.rate_lat_lon * np.mod(gone_s, 120.0)
        return np.concatenate([movers.lat_deg, clutter[:, 0]]), np.concatenate([movers.lon_deg, clutter[:, 1]])

    def _place_m(self, boxes: dict[str, Any]) -> FloatArray:
        """Metres east and north of the line's beginning."""
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        step = np.stack([boxes["lon_deg"] - START_LAT_LON[1], boxes["lat_deg"] - START_LAT_LON[0]], axis=-1)
        return np.asarray(step * (east, north))

    def _detect(self, boxes: dict[str, Any], t_s: float) -> Detections:
        """Miss, shake, score, and add what flickers."""
        errors, rng, camera = self.errors, self.rng, self.shape.camera
        who, thing, box = boxes["object_id"], boxes["truth"], boxes["boxes_px"]
        high = box[:, 3] - box[:, 1]
        recall = errors.recall * expit((high - errors.half_height_px) / errors.height_spread_px)
        rate = np.where(thing, recall, self.objects.found[who]) * (boxes["visible"] > 0.5)
        missed = rng.random(len(who)) >= rate
        lasts = missed & thing & (rng.random(len(who)) < errors.hidden_share * (t_s > self.hidden_until_s[who] + 5.0))
        self.hidden_until_s[who[lasts]] = t_s + rng.exponential(errors.hidden_s, int(lasts.sum()))
        kept = np.flatnonzero(~missed & (t_s >= self.hidden_until_s[who]))
        shake = np.tile(errors.jitter_px, 2) + errors.jitter_share * high[kept, None]
        flickers = int(rng.poisson(errors.flickers_per_frame))
        middle = rng.uniform((8, 12), (camera.width_px - 8, camera.height_px - 12), (flickers, 2))
        half = np.array([2.8, 5.6]) * np.exp(errors.clutter_size_ln * rng.standard_normal((flickers, 1)))
        found = np.vstack(
            [
                box[kept] + self.objects.off_px[who[kept]] + shake * rng.standard_normal((len(kept), 4)),
                np.hstack([middle - half, middle + half]),
            ]
        )
        own = np.concatenate(
            [self.objects.score[who[kept]], np.sqrt(errors.object_share) * rng.standard_normal(flickers)]
        )
        own += np.sqrt(1.0 - errors.object_share) * rng.standard_normal(len(found))
        right = np.concatenate([thing[kept], np.zeros(flickers, dtype=bool)])
        rank = 10.0 * ndtr(own)
        animal = np.concatenate([self.objects.animal[who[kept]], np.zeros(flickers, dtype=bool)])
        thing_odds, clutter_odds, animal_odds = (
            np.interp(rank, np.arange(11), deciles)
            for deciles in (errors.thing_logits, errors.clutter_logits, errors.animal_logits)
        )
        chance = expit(np.where(right, thing_odds, np.where(animal, animal_odds, clutter_odds))).astype(np.float32)
        contrast = self.contrasts.of(who[kept], self._place_m(boxes)[kept], boxes["speed_mps"][kept])
        return Detections(
            boxes_px=found.astype(np.float32),
            contrast=np.concatenate([contrast, self.contrasts.of_flickers(flickers)]),
            classes=np.concatenate([boxes["class_number"][kept], np.zeros(flickers, np.int64)]),
            scores=chance,
            probabilities=chance,
        )


def _solids_m(kind: NDArray[np.int64], seed: int) -> FloatArray:
    """Corners (n, 52, 3) of the boxes of vehicles, and where their wheels stand; of all else 0."""
    found = np.zeros((len(kind), 52, 3))
    for row in np.flatnonzero(kind == Kind.VEHICLE).tolist():
        shape = vehicle(row, np.zeros(3), 0.0, False, seed)
        corners = [np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1) for sides in shape.boxes_m.reshape(-1, 3, 2)]
        found[row] = np.vstack([np.reshape(corners, (-1, 3)), shape.capsules_m[:, :3] * (1.0, 1.0, 0.0)])
    return found


def _turned_m(solids_m: FloatArray, heading_deg: FloatArray) -> FloatArray:
    """Metres east, north and up of their middles (n, k, 3) of what lies forward, left and up."""
    sin, cos = (turn(np.radians(heading_deg))[:, None] for turn in (np.sin, np.cos))
    forward, left, up = np.moveaxis(solids_m, -1, 0)
    return np.stack([forward * sin - left * cos, forward * cos + left * sin, up], axis=-1)


def _grounds_m(looks: Looks, pixels: FloatArray, ground_hae_m: float, origin: Geodetic) -> FloatArray:
    """Metres east, north and up of the origin (n, 3) at which one pixel of each picture meets ground of one height."""
    ray = np.column_stack([np.ones(len(looks)), (pixels - looks.centre_px) / looks.focal_px])
    ray = np.einsum("nij,ni->nj", looks.to_camera, ray)
    eye = np.asarray(geodetic_to_enu(looks.lat_deg, looks.lon_deg, looks.alt_hae_m, origin))
    reach = (looks.alt_hae_m - ground_hae_m) / -ray[:, 2]
    return np.asarray(eye + reach[:, None] * ray)


def _truth(looks: Looks, camera: CameraModel, shape: PatrolShape, seen: list[dict[str, Any]]) -> FilmTruth:
    count = len(looks)
    joined = {name: np.concatenate([one[name] for one in seen]) for name in seen[0] if name != "truth"}
    return FilmTruth(
        width_px=camera.width_px,
        height_px=camera.height_px,
        class_names=CLASS_NAMES,
        frame_t_utc_ns=looks.t_utc_ns,
        camera_lat_deg=looks.lat_deg,
        camera_lon_deg=looks.lon_deg,
        camera_alt_hae_m=looks.alt_hae_m,
        camera_yaw_deg=np.zeros(count),
        camera_pitch_deg=np.full(count, -shape.depression_deg),
        camera_roll_deg=np.zeros(count),
        hfov_deg=np.full(count, shape.hfov_deg),
        thing_frame=np.repeat(np.arange(count), [len(one["object_id"]) for one in seen]),
        alt_hae_m=np.full(len(joined["object_id"]), GROUND_HAE_M),
        **joined,
    )
