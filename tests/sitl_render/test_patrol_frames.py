from __future__ import annotations

import numpy as np
import shapely

from sitl.films.patrol_frames import PatrolCamera, patrol_frame
from sitl.films.render_shapes import OFF_TRACK_M, prop_places, vehicle
from sitl.films.world import World, make_world


def world(corridor_world_seed: int) -> World:
    from geo.terrain import FlatTerrain

    return make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.51]]),
        terrain=FlatTerrain(height_m=180.0),
        seed=corridor_world_seed,
        epoch_utc_ns=1_750_000_000_000_000_000,
    )


def test_a_frame_is_always_the_same_and_frames_differ() -> None:
    small = PatrolCamera(width_px=160, height_px=128)
    image, truth = patrol_frame(3, 0, small)
    again, same = patrol_frame(3, 0, small)
    assert image.shape == (128, 160, 3)
    assert np.array_equal(image, again)
    assert np.array_equal(truth.boxes_px, same.boxes_px)
    assert not np.array_equal(image, patrol_frame(3, 1, small)[0])
    assert not np.array_equal(image, patrol_frame(4, 0, small)[0])


def test_nothing_stands_on_a_track() -> None:
    """Against the geometry library: every prop is farther from every track than vehicles need."""
    made = world(9)
    lines = shapely.MultiLineString([track.tolist() for track in made.tracks_m])
    low, high = np.min(np.vstack(made.tracks_m), axis=0) - 20.0, np.max(np.vstack(made.tracks_m), axis=0) + 20.0
    x, y, _ = prop_places(made, low, high)
    gap = shapely.distance(shapely.points(x, y), lines)
    assert len(x) > 200
    assert gap.min() > OFF_TRACK_M
    assert gap.min() < OFF_TRACK_M + 2.0  # and only what stood there was taken away


def test_a_car_in_the_infrared_has_windows_and_a_hot_engine_when_it_drives() -> None:
    """Body, tail, hood, nose, windows and roof, after four wheels (`vehicle`)."""
    for seed in range(20):
        parked, driven = (vehicle(1, np.zeros(3), 0.0, moving, seed) for moving in (False, True))
        body, _, hood, _, windows, roof = driven.warmth[4:]
        assert len(driven.capsules_m) == 4
        assert abs(windows - roof) > 1.0
        assert hood - body > 20.0 or hood == 250.0
        assert (parked.warmth >= 20.0).all()
        length = driven.boxes_m[:, 1].max() - driven.boxes_m[:, 0].min()
        width = driven.boxes_m[:, 3].max() - driven.boxes_m[:, 2].min()
        assert 4.2 <= length <= 5.4
        assert 1.75 <= width <= 2.05
