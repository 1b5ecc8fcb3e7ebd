from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.geodesy import inverse
from sitl.films.world import Kind, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable

T0 = 1_750_000_000_000_000_000


def test_the_same_seed_gives_the_same_world_and_another_a_different_one(world: World) -> None:
    line = np.array([[52.0, 23.5], [52.0, 23.52]])

    def places(seed: int) -> np.ndarray:
        made = make_world(corridor_lat_lon=line, terrain=world.terrain, seed=seed, epoch_utc_ns=T0)
        return made.at(T0 + 10**10).lat_deg

    assert np.array_equal(places(4), places(4))
    assert not np.array_equal(places(4), places(5))


def test_everything_moves_at_the_speed_it_says(world: World) -> None:
    before, after = world.at(T0), world.at(T0 + 500_000_000)
    gone, azimuth = inverse(before.lat_deg, before.lon_deg, after.lat_deg, after.lon_deg)
    straight = np.abs((before.heading_deg - after.heading_deg + 180.0) % 360.0 - 180.0) < 1e-6
    assert np.allclose(gone[straight], 0.5 * before.speed_mps[straight], rtol=0.01, atol=1e-3)
    moving = straight & (before.speed_mps > 0.0)
    assert moving.sum() > 10
    turn = np.abs((np.asarray(azimuth)[moving] - before.heading_deg[moving] + 180.0) % 360.0 - 180.0)
    assert turn.max() < 1.0


def test_nobody_jumps_at_the_end_of_a_route(world: World) -> None:
    fast = dataclasses.replace(
        world.routes, speed_mps=np.full(len(world.routes), 10.0), lateral_m=np.zeros(len(world.routes))
    )
    busy = dataclasses.replace(world, routes=fast)
    lengths = np.hypot(*np.moveaxis(np.diff(fast.vertices_m, axis=1), -1, 0)).sum(axis=1)
    laps = float(2.0 * lengths.max() / 10.0)
    places = [busy.at(T0 + round(t * 1e9)) for t in np.arange(0.0, laps, 1.0)]
    for a, b in zip(places[:-1], places[1:], strict=True):
        gone, _ = inverse(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)
        assert float(np.max(gone)) < 10.2


def test_a_corridor_has_people_and_vehicles_near_it(world: World) -> None:
    movers = world.at(T0)
    assert (movers.kind == Kind.PERSON).sum() > (movers.kind == Kind.VEHICLE).sum() > 0
    assert np.allclose(movers.alt_hae_m, 180.0)
    _, y_m = world.to_map(movers.lat_deg, movers.lon_deg)
    assert np.abs(y_m[movers.kind == Kind.VEHICLE]).max() < 70.0


def test_map_metres_go_there_and_back(lone_world: Callable[..., World], rng: np.random.Generator) -> None:
    made = lone_world([(0.0, 0.0)])
    x, y = rng.uniform(-5000, 5000, (2, 50))
    lat, lon = made.to_geodetic(x, y)
    assert np.allclose(made.to_map(lat, lon), (x, y), atol=1e-6)
    true, _ = inverse(52.0, 23.5, lat, lon)
    assert np.allclose(np.hypot(x, y), true, rtol=2e-3)
