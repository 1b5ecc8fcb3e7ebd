"""A piece of ground with people and vehicles on seeded routes: where everything is, at any time."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import metres_per_degree
from geo.values import Geodetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import Terrain

    FloatArray = NDArray[np.float64]

ROUTE_VERTICES: Final = 8
"""Every route has this many vertices, so that all of them stack into one array."""


class Kind(enum.IntEnum):
    """What moves in the world; the value is the detector's class number."""

    PERSON = 0
    VEHICLE = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Movers:
    """Everything that is labelled, at one instant, as columns."""

    object_id: NDArray[np.int64]
    kind: NDArray[np.int64]
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray
    heading_deg: FloatArray
    speed_mps: FloatArray
    travelled_m: FloatArray
    """Distance walked or driven so far: the phase of a walking person's legs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """One row a mover: a polyline it goes along, to and fro, at a constant speed.

    `vertices_m` has shape (n, `ROUTE_VERTICES`, 2): map metres east and north of
    the world's origin. `lateral_m` moves a walker to the left of its group's line.
    """

    kind: NDArray[np.int64]
    vertices_m: FloatArray
    start_m: FloatArray
    lateral_m: FloatArray
    speed_mps: FloatArray

    def __len__(self) -> int:
        return len(self.kind)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ground, tracks and movers around `origin`; the same seed gives the same world.

    Map metres are east and north of `origin` on an equirectangular sheet: a
    name for a place, good for texture and routes. Positions handed out are
    geodetic, and only those are used for projection.
    """

    origin: Geodetic
    terrain: Terrain
    seed: int
    epoch_utc_ns: int
    routes: Routes
    tracks_m: tuple[FloatArray, ...] = ()
    """Vehicle tracks as (k, 2) polylines in map metres, drawn on the ground."""
    planted: tuple[tuple[float, float, int], ...] = ()
    """Trees, rocks, animals beside those that are there anyway: map metres east and north, and the hash that says what
    each is (`sitl.films.render_shapes.lot_of`)."""

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Metres a degree of longitude and of latitude at the origin."""
        north, east = metres_per_degree(self.origin.lat_deg)
        return float(east), float(north)

    def to_map(self, lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Geodetic degrees to map metres east and north."""
        east, north = self.metres_per_degree
        return (lon_deg - self.origin.lon_deg) * east, (lat_deg - self.origin.lat_deg) * north

    def to_geodetic(self, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Map metres to geodetic latitude and longitude."""
        east, north = self.metres_per_degree
        return self.origin.lat_deg + y_m / north, self.origin.lon_deg + x_m / east

    def at(self, t_utc_ns: int) -> Movers:
        """Where every mover is at `t_utc_ns`."""
        routes = self.routes
        travelled = routes.start_m + routes.speed_mps * ((t_utc_ns - self.epoch_utc_ns) / 1e9)
        x_m, y_m, heading = _along(routes, travelled)
        lat, lon = self.to_geodetic(x_m, y_m)
        return Movers(
            object_id=np.arange(len(routes)),
            kind=routes.kind,
            lat_deg=lat,
            lon_deg=lon,
            alt_hae_m=np.asarray(self.terrain.height_hae_m(lat, lon), dtype=np.float64),
            heading_deg=heading,
            speed_mps=routes.speed_mps,
            travelled_m=travelled,
        )


def _along(routes: Routes, travelled_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Map position and heading after `travelled_m` on each route, turning round at its ends."""
    steps = np.diff(routes.vertices_m, axis=1)
    lengths = np.maximum(np.hypot(steps[..., 0], steps[..., 1]), 1e-9)
    ends = np.cumsum(lengths, axis=1)
    total = ends[:, -1]
    lap = np.mod(travelled_m, 2.0 * total)
    back = lap > total
    distance = np.where(back, 2.0 * total - lap, lap)
    row = np.arange(len(routes))
    leg = np.minimum((distance[:, None] >= ends).sum(axis=1), lengths.shape[1] - 1)
    unit = steps[row, leg] / lengths[row, leg][:, None]
    into = distance - (ends[row, leg] - lengths[row, leg])
    place = routes.vertices_m[row, leg] + unit * into[:, None]
    place = place + np.stack([-unit[:, 1], unit[:, 0]], axis=1) * routes.lateral_m[:, None]
    heading = np.degrees(np.arctan2(unit[:, 0], unit[:, 1])) + np.where(back, 180.0, 0.0)
    return place[:, 0], place[:, 1], np.mod(heading, 360.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many move along a corridor, and how far from it they begin."""

    half_width_m: float = 60.0
    """Routes begin at most this far from the corridor line."""
    groups_per_km: float = 6.0
    vehicles_per_km: float = 3.0


def make_world(
    *, corridor_lat_lon: FloatArray, terrain: Terrain, seed: int, epoch_utc_ns: int, crowd: Crowd | None = None
) -> World:
    """Put groups of people and vehicles along a corridor.

    Parameters
    ----------
    corridor_lat_lon
        Polyline, shape (n, 2), latitude and longitude in degrees.
    terrain
        Ground the world lies on.
    seed
        The same seed gives the same routes.
    epoch_utc_ns
        Time at which every route is at its start.
    crowd
        Mean numbers along the corridor.
    """
    crowd = crowd or Crowd()
    half_width_m = crowd.half_width_m
    rng = np.random.default_rng(seed)
    lat0, lon0 = (float(v) for v in corridor_lat_lon.mean(axis=0))
    height = float(np.asarray(terrain.height_hae_m(np.array([lat0]), np.array([lon0])))[0])
    origin = Geodetic(lat_deg=lat0, lon_deg=lon0, alt_hae_m=height)
    north, east = (float(v) for v in metres_per_degree(lat0))
    line = np.stack([(corridor_lat_lon[:, 1] - lon0) * east, (corridor_lat_lon[:, 0] - lat0) * north], axis=1)
    length_km = float(np.hypot(*np.diff(line, axis=0).T).sum()) / 1000.0
    tracks = _make_tracks(line, rng, half_width_m)
    people = [
        _walk(*_point_on(line, rng.random(), rng, half_width_m), rng)
        for _ in range(max(1, round(crowd.groups_per_km * length_km)))
    ]
    vehicles = [_drive(tracks, rng) for _ in range(max(1, round(crowd.vehicles_per_km * length_km)))]
    return World(
        origin=origin,
        terrain=terrain,
        seed=seed,
        epoch_utc_ns=epoch_utc_ns,
        routes=join_routes(people + vehicles),
        tracks_m=tracks,
    )


def join_routes(parts: list[Routes]) -> Routes:
    """Stack route tables into one."""
    return Routes(
        kind=np.concatenate([p.kind for p in parts]).astype(np.int64),
        vertices_m=np.concatenate([p.vertices_m for p in parts]),
        start_m=np.concatenate([p.start_m for p in parts]),
        lateral_m=np.concatenate([p.lateral_m for p in parts]),
        speed_mps=np.concatenate([p.speed_mps for p in parts]),
    )


def group_of_people(start_m: FloatArray, heading_rad: float, rng: np.random.Generator, size: int) -> Routes:
    """Make a group that walks (or stands) together: one meandering route, people spread along and across it.

    Walking speeds are those of free pedestrians, 1.34 m/s with a spread of 0.26 m/s
    (Weidmann 1993, Transporttechnik der Fussgaenger), slowed for rough ground.
    """
    headings = heading_rad + np.cumsum(rng.normal(0.0, 0.35, ROUTE_VERTICES - 1))
    lengths = rng.uniform(30.0, 80.0, ROUTE_VERTICES - 1)
    steps = np.stack([np.sin(headings) * lengths, np.cos(headings) * lengths], axis=1)
    route = start_m + np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    standing = rng.random() < 0.15
    speed = 0.0 if standing else float(np.clip(rng.normal(1.2, 0.26), 0.5, 2.0))
    spacing = np.cumsum(rng.uniform(1.2, 3.5, size))
    return Routes(
        kind=np.full(size, Kind.PERSON, dtype=np.int64),
        vertices_m=np.broadcast_to(route, (size, *route.shape)).copy(),
        start_m=spacing,
        lateral_m=rng.normal(0.0, 0.9, size),
        speed_mps=np.full(size, speed),
    )


def one_vehicle(track_m: FloatArray, start_m: float, speed_mps: float) -> Routes:
    """Put a vehicle on a track of `ROUTE_VERTICES` points in map metres."""
    return Routes(
        kind=np.array([Kind.VEHICLE], dtype=np.int64),
        vertices_m=track_m[None],
        start_m=np.array([start_m]),
        lateral_m=np.array([0.6]),
        speed_mps=np.array([speed_mps]),
    )


def _point_on(
    line: FloatArray, share: float, rng: np.random.Generator, half_width_m: float
) -> tuple[FloatArray, float]:
    """Pick a point near the line at `share` of its length, and the line's heading there."""
    steps = np.diff(line, axis=0)
    ends = np.cumsum(np.hypot(*steps.T))
    distance = share * ends[-1]
    leg = int(np.searchsorted(ends, distance))
    leg = min(leg, len(steps) - 1)
    unit = steps[leg] / np.hypot(*steps[leg])
    place = line[leg + 1] - unit * (ends[leg] - distance)
    place = place + np.array([-unit[1], unit[0]]) * rng.uniform(-half_width_m, half_width_m)
    return place, float(np.arctan2(unit[0], unit[1]))


def _walk(start_m: FloatArray, along_rad: float, rng: np.random.Generator) -> Routes:
    size = 1 + min(int(rng.geometric(0.4)) - 1, 5)
    return group_of_people(start_m, along_rad + rng.uniform(-np.pi, np.pi), rng, size)


def _drive(tracks: tuple[FloatArray, ...], rng: np.random.Generator) -> Routes:
    track = tracks[int(rng.integers(len(tracks)))]
    parked = rng.random() < 0.3
    return one_vehicle(track, float(rng.uniform(0.0, 1500.0)), 0.0 if parked else float(rng.uniform(3.0, 11.0)))


def _make_tracks(line: FloatArray, rng: np.random.Generator, half_width_m: float) -> tuple[FloatArray, ...]:
    """Stretches of track that wander along the corridor, end to end, 700 m or so each."""
    legs = ROUTE_VERTICES - 1
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    count = max(1, round(length / (100.0 * legs)))
    knots = np.array([_point_on(line, k / (legs * count), rng, half_width_m)[0] for k in range(legs * count + 1)])
    return tuple(knots[legs * k : legs * (k + 1) + 1] for k in range(count))
