"""A raw pymavlink ground station flies the embedded vehicle, and the truth file says where it was."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pyproj import Geod

from sitl.dynamics_power import WindSpec
from sitl.vehicle.truth_file import read_truth

GEOD = Geod(ellps="WGS84")


def cross_track_m(truth: dict, corners: list[tuple[float, float]]) -> float:
    """Return the largest distance from the closed polyline, densified geodesically (an independent measure)."""
    path = []
    for (lat0, lon0), (lat1, lon1) in zip(corners, corners[1:], strict=False):
        az, _, length = GEOD.inv(lon0, lat0, lon1, lat1)
        along = np.arange(0.0, length, 0.5)
        lon, lat, _ = GEOD.fwd(np.full_like(along, lon0), np.full_like(along, lat0), np.full_like(along, az), along)
        path.append(np.c_[lat, lon])
    points = np.concatenate(path)
    worst = 0.0
    for lat, lon in zip(truth["lat_deg"], truth["lon_deg"], strict=True):
        north = (points[:, 0] - lat) * 111_300.0
        east = (points[:, 1] - lon) * 111_320.0 * np.cos(np.radians(lat))
        worst = max(worst, float(np.hypot(north, east).min()))
    return worst


@pytest.mark.parametrize("wind_mps", [0.0, 9.0])
def test_flies_a_square_at_15_mps_within_metres_and_lands_at_home(fly, field, wind_mps):
    vehicle, client = fly(wind=WindSpec(speed_mps=wind_mps, from_deg=250.0, gust_sigma_mps=wind_mps / 6.0), seed=4)
    assert client.upload(field.square(500.0)) == 0
    client.fly_auto()
    time.sleep(0.3)  # let it stand on the ground for a moment
    vehicle.stop()
    truth = read_truth(vehicle.truth_path)
    home, place = field.home, field.place
    corners = [home[:2], place(500, 0), place(500, 500), place(0, 500), home[:2]]
    assert cross_track_m(truth, corners) < 3.5
    assert GEOD.inv(home[1], home[0], truth["lon_deg"][-1], truth["lat_deg"][-1])[2] < 1.0
    assert truth["alt_amsl_m"].max() == pytest.approx(home[2] + 40.0, abs=1.0)
    speed = np.hypot(truth["v_n_mps"], truth["v_e_mps"])
    assert np.percentile(speed, 90) == pytest.approx(15.0, abs=0.6)
    assert np.all(np.diff(truth["t_utc_ns"]) == 100_000_000)
    assert truth["mission_seq"].max() == 6
    assert not truth["armed"][-1]
