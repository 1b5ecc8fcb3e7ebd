"""A simulated patrol as it is flown: where the camera is, where the telemetry has it, and over which ground."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.looks import Looks
from geo.geodesy import metres_per_degree
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas
from sitl.films.render_shapes import lot_of
from sitl.films.sensor_errors import SensorErrors
from sitl.films.world import Crowd, make_world

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.looks import Look
    from detection.truth import FilmTruth
    from sitl.films.world import World

    FloatArray = NDArray[np.float64]

GROUND_HAE_M: Final = 180.0
START_LAT_LON: Final = (52.0, 23.5)
EPOCH_UTC_NS: Final = 1_750_000_000_000_000_000
SEEN_DEEP_M: Final = 200.0
"""Farthest from the line, to either side, that things are put which a patrol may see."""


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
    animals_per_km2: float = 0.0
    """Animals planted along the line, beside those that stand there anyway."""
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    registration_sigma_m: float = 0.1
    """Error of comparing pictures with the ones before, as on rendered films; not finite: they are not compared."""
    start_s: float = 0.0
    """When it begins, from the world's epoch on."""
    sortie: int = 0
    """Flights over one world have errors of their own; what is there to be seen stays what it is."""

    @property
    def camera(self) -> CameraModel:
        """The lens: 640 x 512 pixels."""
        return CameraModel.from_fov(hfov_deg=self.hfov_deg, width_px=640, height_px=512)

    def chance(self, seed: int) -> np.random.Generator:
        """Return what draws the errors of this flight over world `seed`."""
        return np.random.default_rng([seed, 4711, self.sortie] if self.sortie else [seed, 4711])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeenPatrol:
    """What was found, what was there, and where every picture looked (by the telemetry, with its errors)."""

    hits: GroundHits
    truth: FilmTruth
    taken: tuple[Look, ...]
    ground: FlatTerrain
    sigmas: PoseSigmas
    seconds: float

    @property
    def looks(self) -> Looks:
        """The looks as columns."""
        return Looks.of(self.taken)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatrolFlight:
    """One flown patrol, one pose a picture: the true ones, and those that the telemetry has."""

    world: World
    told_ground: FlatTerrain
    """The ground as a model of the terrain has it: its error is the same all through the flight."""
    true: list[Pose]
    measured: list[Pose]

    @classmethod
    def flown(cls, seed: int, shape: PatrolShape, rng: np.random.Generator) -> PatrolFlight:
        """Fly over world `seed`; `rng` draws the telemetry's errors."""
        ground = FlatTerrain(height_m=GROUND_HAE_M)
        north, east = (float(v) for v in metres_per_degree(START_LAT_LON[0]))
        ends = np.array([START_LAT_LON, (START_LAT_LON[0], START_LAT_LON[1] + shape.line_m / east)])
        crowd = Crowd(groups_per_km=shape.groups_per_km, vehicles_per_km=shape.vehicles_per_km)
        world = make_world(corridor_lat_lon=ends, terrain=ground, seed=seed, epoch_utc_ns=EPOCH_UTC_NS, crowd=crowd)
        world = dataclasses.replace(world, planted=_animals(world, ends, shape, seed))
        count = int(shape.seconds * shape.fps)
        step_ns = [int(Fraction(k * 1_000_000_000) / shape.fps) // 1000 * 1000 for k in range(count)]
        times = EPOCH_UTC_NS + round(shape.start_s * 1e9) + np.array(step_ns, dtype=np.int64)
        true = _poses(shape, times, (north, east))
        measured = _measured(true, SensorErrors.draw(times, shape.sigmas, rng), (north, east))
        wrong_m = shape.sigmas.terrain_m * float(np.random.default_rng([seed, 815]).standard_normal())
        told = FlatTerrain(height_m=GROUND_HAE_M + wrong_m)
        return cls(world=world, told_ground=told, true=true, measured=measured)

    def true_columns(self) -> tuple[NDArray[np.int64], dict[str, FloatArray]]:
        """Return the times, and the true poses as a film's truth has them: the camera's attitude over the ground."""
        columns = {
            "lat_deg": [pose.lat_deg for pose in self.true],
            "lon_deg": [pose.lon_deg for pose in self.true],
            "alt_hae_m": [pose.alt_hae_m for pose in self.true],
            "gimbal_yaw_deg": [pose.yaw_deg for pose in self.true],
            "gimbal_pitch_deg": [pose.gimbal_pitch_deg for pose in self.true],
        }
        times = np.array([pose.t_utc_ns for pose in self.true], dtype=np.int64)
        return times, {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def _animals(world: World, ends: FloatArray, shape: PatrolShape, seed: int) -> tuple[tuple[float, float, int], ...]:
    """Plant animals on the ground that a patrol along the line may see."""
    rng = np.random.default_rng([seed, 4713])
    x_m, y_m = (values.tolist() for values in world.to_map(ends[:, 0], ends[:, 1]))
    low, high = (x_m[0], y_m[0] - SEEN_DEEP_M), (x_m[1], y_m[0] + SEEN_DEEP_M)
    count = int(rng.poisson(shape.animals_per_km2 * shape.line_m * 2.0 * SEEN_DEEP_M / 1e6))
    places = rng.uniform(low, high, (count, 2)).tolist()
    return tuple((float(x), float(y), lot_of("animal", rng)) for x, y in places)


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
