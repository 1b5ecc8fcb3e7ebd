"""MGRS against UTM by PROJ."""

import pyproj
import pytest

from geo.grid_reference import mgrs_of


@pytest.mark.parametrize(
    ("lat", "lon", "zone"), [(50.0009, 8.0054, "32UMA"), (-33.86, 151.21, "56HLH"), (60.5, 5.0, "32VKN")]
)
def test_digits_are_those_of_utm(lat, lon, zone):
    number = int(zone[:2])
    easting, northing = pyproj.Transformer.from_crs(
        4326, (32600 if lat > 0 else 32700) + number, always_xy=True
    ).transform(lon, lat)
    expected = f"{zone}{int(easting) % 100_000:05d}{int(northing) % 100_000:05d}"
    assert mgrs_of(lat, lon) == expected


def test_polar_zone():
    assert mgrs_of(89.9, 10.0).startswith("Z")
