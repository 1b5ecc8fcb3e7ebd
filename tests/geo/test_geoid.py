"""EGM96 against the test points published with it, the source grid, and its own symmetries."""

import numpy as np
import pytest
from scipy.interpolate import BarycentricInterpolator

from geo import geoid
from geo.errors import InputError

PUBLISHED = [
    # latitude, longitude, undulation: NGA's OUTPUT.DAT for the EGM96 harmonic synthesis program F477.
    (38.6281550, 269.7791550, -31.628),
    (-14.6212170, 305.0211140, -2.969),
    (46.8743190, 102.4487290, -43.575),
    (-23.6174460, 133.8747120, 15.871),
    (38.6254730, 359.9995000, 50.066),
    (-0.4667440, 0.0023000, 17.329),
]


@pytest.mark.parametrize(("lat", "lon", "expected"), PUBLISHED)
def test_published_points(lat, lon, expected):
    assert float(geoid.undulation_m(lat, lon)) == pytest.approx(expected, abs=0.012)


def test_world_extremes_have_the_right_sign():
    # The low south of India and the high over New Guinea (NASA/TP-1998-206861).
    assert float(geoid.undulation_m(4.75, 78.75)) == pytest.approx(-106.99, abs=0.02)
    assert float(geoid.undulation_m(-8.25, 147.25)) == pytest.approx(85.39, abs=0.02)


def test_mean_sea_level_and_ellipsoid_heights():
    assert float(geoid.amsl_to_hae_m(38.6254730, -0.0005, 100.0)) == pytest.approx(150.066, abs=0.02)
    assert float(geoid.hae_to_amsl_m(38.6254730, 359.9995, 150.066)) == pytest.approx(100.0, abs=0.02)


def test_agrees_with_the_source_grid(shared_data):
    raw = (shared_data / "terrain/egm96.dat").read_bytes()
    grid = np.frombuffer(raw[24:], ">f4").reshape(721, 1441)
    lat, lon = np.meshgrid(np.linspace(90, -90, 721), np.linspace(0, 360, 1441), indexing="ij")
    np.testing.assert_allclose(geoid.undulation_m(lat, lon), grid, atol=0.00501)


def test_smooth_over_seam_and_poles():
    lon = np.array([359.999999, 0.0, 0.000001, -0.000001, 360.0])
    assert np.ptp(geoid.undulation_m(51.3, lon)) < 1e-4
    for pole in (90.0, -90.0):
        ring = geoid.undulation_m(pole * (1 - 1e-7), np.arange(0.0, 360.0, 7.0))
        np.testing.assert_allclose(ring, geoid.undulation_m(pole, 0.0), atol=1e-3)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_cubic_goes_on_over_the_pole(pole):
    """Beside a pole the fourth post lies on the far meridian."""
    step = -0.25 * np.sign(pole)
    posts = [
        geoid.undulation_m(pole + step, 270.0),
        geoid.undulation_m(pole, 90.0),
        geoid.undulation_m(pole + step, 90.0),
        geoid.undulation_m(pole + 2 * step, 90.0),
    ]
    oracle = BarycentricInterpolator([-1.0, 0.0, 1.0, 2.0], posts)
    assert geoid.undulation_m(pole + 0.5 * step, 90.0) == pytest.approx(float(oracle(0.5)), abs=1e-9)


def test_nowhere_is_nan_not_zero():
    assert np.isnan(geoid.undulation_m([90.1, np.nan, 0.0], [0.0, 0.0, np.nan])).all()


def test_table_is_made_from_the_source(shared_data, tmp_path):
    out = tmp_path / "egm96_15min.npz"
    geoid.write_table(shared_data / "terrain/egm96.dat", out)
    with np.load(out) as made, np.load(geoid.TABLE) as bundled:
        np.testing.assert_array_equal(made["second_differences"], bundled["second_differences"])
    assert geoid.TABLE.stat().st_size < 1_500_000


def test_a_file_that_is_no_geoid_grid_is_refused(tmp_path):
    (tmp_path / "x.dat").write_bytes(b"not a grid")
    with pytest.raises(InputError, match="not a 15-minute world geoid grid"):
        geoid.write_table(tmp_path / "x.dat", tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
