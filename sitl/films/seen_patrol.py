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
from scipy.special import expit

from detection.georeference import SIZES_M, Surroundings, place
from detection.ground_hits import GroundHits
from detection.looks import Look, Looks, Shift
from detection.truth import FilmTruth
from detection.values import Detections
from geo.geodesy import geodetic_to_enu, metres_per_degree
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas
from sitl.films.sensor_errors import SensorErrors
from sitl.films.world import make_world
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sitl.films.world import Movers, World

    FloatArray = NDArray[np.float64]

CLASS_NAMES: Final = ("person", "vehicle")
WIDTH_M: Final = (0.6, 3.0)
"""Mean width of a person and of a vehicle across the line of sight."""
GROUND_HAE_M: Final = 180.0
START_LAT_LON: Final = (52.0, 23.5)
EPOCH_UTC_NS: Final = 1_750_000_000_000_000_000
FAR_M: Final = 1500.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DetectorErrors:
    """A detector's faults; the defaults are near those of the bundled model on simulated patrols.

    Scores are chances that are right by construction: a number x is drawn from a normal distribution about
    `thing_mean` or `clutter_mean`, part of its variance once an object and the rest each time, and the chance
    is Bayes' for things making up `right_share` of all boxes.
    """

    recall: float = 0.9
    """Of large things; a thing of `half_height_px` is found half as often."""
    half_height_px: float = 6.0
    height_spread_px: float = 1.5
    hidden_share: float = 0.2
    """Share of misses that last (a posture, a bush), for `hidden_s` on average."""
    hidden_s: float = 3.0
    jitter_px: float = 0.5
    jitter_share: float = 0.03
    """One-sigma error of a box edge: a fixed part, and a share of the box's height."""
    thing_mean: float = 1.0
    clutter_mean: float = -1.0
    object_share: float = 0.3
    right_share: float = 0.85
    flickers_per_frame: float = 0.02
    clutter_per_km2: float = 16.0
    """Lasting things that are taken for a person now and then: rocks, stumps, and animals, which move."""
    clutter_found: float = 0.4
    clutter_moving: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatrolShape:
    """How the patrol is flown: to and fro along a line, the camera looking across it to the north."""

    seconds: float = 100.0
    fps: Fraction = Fraction(3)
    line_m: float = 4000.0
    speed_mps: float = 12.0
    alt_agl_m: float = 100.0
    depression_deg: float = 45.0
    hfov_deg: float = 35.0
    groups_per_km: float = 12.0
    vehicles_per_km: float = 5.0
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    registration_sigma_m: float = 0.1
    """Error of comparing pictures with the ones before, as on rendered films; not finite: they are not compared."""

    @property
    def camera(self) -> CameraModel:
        """The lens: 640 x 512 pixels."""
        return CameraModel.from_fov(hfov_deg=self.hfov_deg, width_px=640, height_px=512)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeenPatrol:
    """What was found, what was there, and where every picture looked (by the telemetry, with its errors)."""

    hits: GroundHits
    truth: FilmTruth
    looks: Looks
    ground: FlatTerrain
    sigmas: PoseSigmas
    seconds: float


def seen_patrol(seed: int, shape: PatrolShape | None = None, errors: DetectorErrors | None = None) -> SeenPatrol:
    """Fly a patrol over world `seed` and find what such a detector finds; the same arguments give the same patrol."""
    shape, errors = shape or PatrolShape(), errors or DetectorErrors()
    rng = np.random.default_rng([seed, 4711])
    ground = FlatTerrain(height_m=GROUND_HAE_M)
    north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
    ends = np.array([START_LAT_LON, (START_LAT_LON[0], START_LAT_LON[1] + shape.line_m / east)])
    world = make_world(
        corridor_lat_lon=ends, terrain=ground, seed=seed, epoch_utc_ns=EPOCH_UTC_NS,
        groups_per_km=shape.groups_per_km, vehicles_per_km=shape.vehicles_per_km,
    )  # fmt: skip
    count = int(shape.seconds * shape.fps)
    step_ns = [int(Fraction(k * 1_000_000_000) / shape.fps) // 1000 * 1000 for k in range(count)]
    times = EPOCH_UTC_NS + np.array(step_ns, dtype=np.int64)
    true = _poses(shape, times, (north, east))
    measured = _measured(true, SensorErrors.draw(times, shape.sigmas, rng), (north, east))
    scene = _Scene.of(world, shape, errors, rng)
    return scene.watch(true, measured, ground)


def _poses(shape: PatrolShape, times: NDArray[np.int64], per_degree: tuple[float, float]) -> list[Pose]:
    travelled = shape.speed_mps * (times - times[0]) / 1e9
    lap = np.mod(travelled, 2.0 * shape.line_m)
    along = np.where(lap > shape.line_m, 2.0 * shape.line_m - lap, lap)
    back_m = shape.alt_agl_m / np.tan(np.radians(shape.depression_deg))
    return [
        Pose(
            t_utc_ns=int(t),
            lat_deg=START_LAT_LON[0] - back_m / per_degree[0],
            lon_deg=START_LAT_LON[1] + float(x) / per_degree[1],
            alt_hae_m=GROUND_HAE_M + shape.alt_agl_m,
            yaw_deg=float(2.0 * np.sin((t - times[0]) / 3e9)),
            pitch_deg=0.0,
            roll_deg=0.0,
            gimbal_pitch_deg=-shape.depression_deg,
            gimbal_frame=GimbalFrame.BODY,
        )
        for t, x in zip(times.tolist(), along.tolist(), strict=True)
    ]


def _measured(true: list[Pose], errors: SensorErrors, per_degree: tuple[float, float]) -> list[Pose]:
    return [
        dataclasses.replace(
            pose,
            lat_deg=pose.lat_deg + float(errors.north_m[row]) / per_degree[0],
            lon_deg=pose.lon_deg + float(errors.east_m[row]) / per_degree[1],
            alt_hae_m=pose.alt_hae_m + float(errors.up_m[row]),
            yaw_deg=pose.yaw_deg + float(errors.yaw_deg[row]),
            pitch_deg=pose.pitch_deg + float(errors.pitch_deg[row]),
            roll_deg=pose.roll_deg + float(errors.roll_deg[row]),
        )
        for row, pose in enumerate(true)
    ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """Columns of everything that may be taken for something: things first, then clutter."""

    kind: NDArray[np.int64]
    size: FloatArray
    """Size over the class's mean."""
    score: FloatArray
    """Each object's own part of the score."""
    thing: NDArray[np.bool_]
    home_lat_lon: FloatArray
    """Where clutter lies, and how it moves a second."""
    rate_lat_lon: FloatArray


@dataclasses.dataclass(slots=True, kw_only=True)
class _Scene:
    world: World
    shape: PatrolShape
    errors: DetectorErrors
    rng: np.random.Generator
    objects: _Objects
    hidden_until_s: FloatArray

    @classmethod
    def of(cls, world: World, shape: PatrolShape, errors: DetectorErrors, rng: np.random.Generator) -> _Scene:
        """Put clutter on the ground, and give every object its own size and score."""
        things = len(world.routes)
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        deep_m = 200.0
        clutter = int(rng.poisson(errors.clutter_per_km2 * shape.line_m * 2.0 * deep_m / 1e6))
        place = rng.uniform((-deep_m, 0.0), (deep_m, shape.line_m), (clutter, 2)) / (north, east)
        moving = rng.random(clutter) < errors.clutter_moving
        rate = np.where(moving[:, None], rng.normal(0.0, 0.8, (clutter, 2)), 0.0) / (north, east)
        kind = np.concatenate([world.routes.kind, np.zeros(clutter, np.int64)])
        spread = np.concatenate([np.where(world.routes.kind == 0, 0.08, 0.2), np.full(clutter, 0.5)])
        own = np.sqrt(errors.object_share) * rng.standard_normal(things + clutter)
        thing = np.arange(things + clutter) < things
        objects = _Objects(
            kind=kind,
            size=np.exp(spread * rng.standard_normal(things + clutter)),
            score=own + np.where(thing, errors.thing_mean, errors.clutter_mean),
            thing=thing,
            home_lat_lon=place + START_LAT_LON,
            rate_lat_lon=rate,
        )
        return cls(
            world=world, shape=shape, errors=errors, rng=rng, objects=objects,
            hidden_until_s=np.full(things + clutter, -1.0),
        )  # fmt: skip

    def watch(self, true: list[Pose], measured: list[Pose], ground: FlatTerrain) -> SeenPatrol:
        """Look at every frame."""
        camera, sigmas = self.shape.camera, self.shape.sigmas
        looks = Looks.of([Look(pose, camera) for pose in true])
        matrices = looks.matrices(self.world.origin)
        image = np.broadcast_to(np.zeros(1, np.uint8), (camera.height_px, camera.width_px, 3))
        around = Surroundings(terrain=ground, sigmas=sigmas)
        found: list[GroundHits] = []
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
                found.append(place(frame, detections, around, class_names=CLASS_NAMES))
        return SeenPatrol(
            hits=GroundHits.concat(found),
            truth=_truth(looks, camera, self.shape, seen),
            looks=Looks.of(self._compared(true, measured)),
            ground=ground,
            sigmas=sigmas,
            seconds=self.shape.seconds,
        )

    def _compared(self, true: list[Pose], measured: list[Pose]) -> list[Look]:
        """Return looks as the telemetry has them, each compared with the one before, with an error."""
        camera, sigma = self.shape.camera, self.shape.registration_sigma_m
        if not np.isfinite(sigma):
            return [Look(pose, camera) for pose in measured]
        off = self._middles_m(measured) - self._middles_m(true)
        steps = np.diff(off, axis=0) + self.rng.normal(0.0, sigma, (len(off) - 1, 2))
        shifts = [None, *(Shift(float(east), float(north), sigma) for east, north in steps)]
        return [Look(pose, camera, shift=shift) for pose, shift in zip(measured, shifts, strict=True)]

    def _middles_m(self, poses: list[Pose]) -> FloatArray:
        """Metres east and north of the world's origin (n, 2) at which the middle of each picture meets the ground."""
        looks = Looks.of([Look(pose, self.shape.camera) for pose in poses])
        forward = looks.to_camera[:, 0]
        eye = np.asarray(geodetic_to_enu(looks.lat_deg, looks.lon_deg, looks.alt_hae_m, self.world.origin))
        reach = (looks.alt_hae_m - GROUND_HAE_M) / -forward[:, 2]
        return np.asarray(eye[:, :2] + reach[:, None] * forward[:, :2])

    def _boxes(self, t_utc_ns: int, matrix: FloatArray, looks: Looks, row: int) -> dict[str, Any]:
        """Return the true boxes of everything in one picture."""
        movers = self.world.at(t_utc_ns)
        objects, camera = self.objects, self.shape.camera
        lat, lon = self._where(movers, t_utc_ns)
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        origin = self.world.origin
        enu = np.column_stack([(lon - origin.lon_deg) * east, (lat - origin.lat_deg) * north, np.zeros(len(lat))])
        homogeneous = enu @ matrix[:, :3].T + matrix[:, 3]
        depth = np.where(homogeneous[:, 2] > 1.0, homogeneous[:, 2], np.nan)
        foot = homogeneous[:, :2] / depth[:, None]
        drop = self.shape.alt_agl_m
        away = np.hypot((lat - looks.lat_deg[row]) * north, (lon - looks.lon_deg[row]) * east)
        slant = np.hypot(away, drop)
        sizes = np.array([SIZES_M[name] for name in CLASS_NAMES])[objects.kind]
        flat = sizes[:, 1] * drop / slant
        tall = sizes[:, 0] * away / slant
        high = camera.fy_px / slant * objects.size * (tall + flat)
        wide = camera.fx_px / slant * objects.size * np.array(WIDTH_M)[objects.kind]
        bottom = foot[:, 1] + 0.5 * flat / (tall + flat) * high
        whole = np.column_stack([foot[:, 0] - wide / 2, bottom - high, foot[:, 0] + wide / 2, bottom])
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

    def _detect(self, boxes: dict[str, Any], t_s: float) -> Detections:
        """Miss, shake, score, and add what flickers."""
        errors, rng, camera = self.errors, self.rng, self.shape.camera
        who, thing, box = boxes["object_id"], boxes["truth"], boxes["boxes_px"]
        high = box[:, 3] - box[:, 1]
        recall = errors.recall * expit((high - errors.half_height_px) / errors.height_spread_px)
        rate = np.where(thing, recall, errors.clutter_found) * (boxes["visible"] > 0.5)
        missed = rng.random(len(who)) >= rate
        lasts = missed & thing & (rng.random(len(who)) < errors.hidden_share * (t_s > self.hidden_until_s[who] + 5.0))
        self.hidden_until_s[who[lasts]] = t_s + rng.exponential(errors.hidden_s, int(lasts.sum()))
        kept = np.flatnonzero(~missed & (t_s >= self.hidden_until_s[who]))
        shake = errors.jitter_px + errors.jitter_share * high[kept, None]
        flickers = int(rng.poisson(errors.flickers_per_frame))
        middle = rng.uniform((8, 12), (camera.width_px - 8, camera.height_px - 12), (flickers, 2))
        half = np.array([3.0, 7.0]) * np.exp(0.4 * rng.standard_normal((flickers, 1)))
        found = np.vstack(
            [box[kept] + shake * rng.standard_normal((len(kept), 4)), np.hstack([middle - half, middle + half])]
        )
        each = np.sqrt(1.0 - errors.object_share) * rng.standard_normal(len(found))
        own = np.concatenate(
            [
                self.objects.score[who[kept]],
                errors.clutter_mean + np.sqrt(errors.object_share) * rng.standard_normal(flickers),
            ]
        )
        odds = (errors.thing_mean - errors.clutter_mean) * (
            own + each - (errors.thing_mean + errors.clutter_mean) / 2.0
        )
        chance = expit(odds + np.log(errors.right_share / (1.0 - errors.right_share))).astype(np.float32)
        return Detections(
            boxes_px=found.astype(np.float32),
            classes=np.concatenate([boxes["class_number"][kept], np.zeros(flickers, np.int64)]),
            scores=chance,
            probabilities=chance,
        )


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
