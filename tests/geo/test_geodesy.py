"""Geodesy against pyproj (PROJ) and hand-known points."""

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import geodesy
from geo.values import Geodetic

TO_ECEF = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)


def world(rng, count=5000):
    return rng.uniform(-90, 90, count), rng.uniform(-180, 180, count), rng.uniform(-10_000, 600_000, count)


def test_to_ecef_agrees_with_proj(rng):
    lat, lon, alt = world(rng)
    expected = np.stack(TO_ECEF.transform(lon, lat, alt), axis=-1)
    np.testing.assert_allclose(geodesy.geodetic_to_ecef(lat, lon, alt), expected, atol=1e-8)


def test_from_ecef_agrees_with_proj(rng):
    lat, lon, alt = world(rng)
    got = geodesy.ecef_to_geodetic(np.stack(TO_ECEF.transform(lon, lat, alt), axis=-1))
    np.testing.assert_allclose(got[0], lat, atol=1e-9)
    np.testing.assert_allclose((got[1] - lon + 180) % 360 - 180, 0, atol=1e-9)
    np.testing.assert_allclose(got[2], alt, atol=1e-6)


def test_one_pass_is_good_enough_for_rays(rng):
    lat, lon, alt = world(rng)
    x, y, z = TO_ECEF.transform(lon, lat, alt)
    got = geodesy.ecef_components_to_geodetic(np.asarray(x), np.asarray(y), np.asarray(z), passes=1)
    np.testing.assert_allclose(np.degrees(got[0]), lat, atol=2e-11)
    np.testing.assert_allclose(got[2], alt, atol=1e-8)


@pytest.mark.parametrize(
    ("xyz", "place"),
    [
        ((0.0, 0.0, 6_356_752.314245), (90.0, 0.0, 0.0)),
        ((0.0, 0.0, -6_356_852.314245), (-90.0, 0.0, 100.0)),
        ((6_378_137.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((-6_378_147.0, 0.0, 0.0), (0.0, 180.0, 10.0)),
    ],
)
def test_poles_and_equator(xyz, place):
    np.testing.assert_allclose(geodesy.ecef_to_geodetic(xyz), place, atol=1e-6)


@given(
    lat=st.floats(-89.9, 89.9),
    lon=st.floats(-180, 180),
    enu=st.tuples(*[st.floats(-20_000, 20_000)] * 3),
)
def test_enu_round_trip(lat, lon, enu):
    origin = Geodetic(lat_deg=lat, lon_deg=lon, alt_hae_m=100.0)
    back = geodesy.geodetic_to_enu(*geodesy.enu_to_geodetic(np.array(enu), origin), origin)
    np.testing.assert_allclose(back, enu, atol=1e-6)


def test_enu_agrees_with_proj_topocentric(rng):
    lat, lon, alt = 60.0 + rng.uniform(-0.1, 0.1, 50), 20.0 + rng.uniform(-0.1, 0.1, 50), rng.uniform(0, 500, 50)
    pipeline = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        "+step +proj=topocentric +ellps=WGS84 +lon_0=20 +lat_0=60 +h_0=50"
    )
    expected = np.stack(pipeline.transform(lon, lat, alt), axis=-1)
    got = geodesy.geodetic_to_enu(lat, lon, alt, Geodetic(lat_deg=60.0, lon_deg=20.0, alt_hae_m=50.0))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_matrices_turn_local_axes_into_ecef():
    north = geodesy.ned_to_ecef_matrix(0.0, 0.0) @ [1.0, 0.0, 0.0]
    down = geodesy.ned_to_ecef_matrix(0.0, 0.0) @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(north, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(down, [-1, 0, 0], atol=1e-12)


def test_inverse_flinders_peak_to_buninyong():
    # Published worked example of the Geocentric Datum of Australia technical manual (GRS 80; WGS 84 differs by < 1 mm).
    distance, azimuth = geodesy.inverse(
        -(37 + 57 / 60 + 3.72030 / 3600),
        144 + 25 / 60 + 29.52440 / 3600,
        -(37 + 39 / 60 + 10.15610 / 3600),
        143 + 55 / 60 + 35.38390 / 3600,
    )
    assert distance == pytest.approx(54_972.271, abs=2e-3)
    assert azimuth == pytest.approx(306 + 52 / 60 + 5.37 / 3600, abs=1e-5)


def test_forward_undoes_inverse_across_the_antimeridian():
    distance, azimuth = geodesy.inverse(10.0, 179.9, [10.1, 9.9], [-179.9, -179.8])
    lat, lon = geodesy.forward(10.0, 179.9, azimuth, distance)
    np.testing.assert_allclose(lat, [10.1, 9.9], atol=1e-9)
    np.testing.assert_allclose(lon, [-179.9, -179.8], atol=1e-9)
    assert np.all(distance < 40_000)


def test_metres_per_degree_against_geodesics():
    per_lat, per_lon = geodesy.metres_per_degree([0.0, 45.0, 70.0])
    north, _ = geodesy.inverse([-0.0005, 44.9995, 69.9995], 0, [0.0005, 45.0005, 70.0005], 0)
    east, _ = geodesy.inverse([0.0, 45.0, 70.0], 0, [0.0, 45.0, 70.0], 0.001)
    np.testing.assert_allclose(per_lat, north / 0.001, rtol=1e-6)
    np.testing.assert_allclose(per_lon, east / 0.001, rtol=1e-6)


def test_wrap_longitude():
    np.testing.assert_allclose(geodesy.wrap_longitude_deg([181.0, -181.0, 540.0, 0.0]), [-179.0, 179.0, -180.0, 0.0])
