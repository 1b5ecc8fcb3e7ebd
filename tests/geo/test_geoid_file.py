"""A geoid from a grid file: the bundled EGM96 written out as a raster is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geo.errors import InputError
from geo.geoid import undulation_m
from geo.geoid_file import read_geoid
from telemetry.tracks.sources import SourceOptions, read_track


def write(path, values, *, west, north, step, crs="EPSG:4326", unit=None):
    profile = {
        "driver": "GTiff",
        "width": values.shape[1],
        "height": values.shape[0],
        "count": 1,
        "dtype": "float32",
        "crs": crs,
        # posts lie on whole steps, so the corner of the first cell lies half a step out
        "transform": from_origin(west - step / 2, north + step / 2, step, step),
    }
    with rasterio.open(path, "w", **profile) as grid:
        grid.write(values.astype(np.float32), 1)
        if unit:
            grid.units = (unit,)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("geoid") / "world.tif"
    lat, lon = np.meshgrid(np.arange(90.0, -90.5, -0.5), np.arange(-180.0, 180.0, 0.5), indexing="ij")
    write(path, undulation_m(lat, lon), west=-180.0, north=90.0, step=0.5)
    return read_geoid(path)


def test_posts_are_met_exactly_and_places_between_nearly(world, rng):
    lat, lon = rng.integers(-178, 179, 200) / 2, rng.integers(-360, 360, 200) / 2
    np.testing.assert_allclose(world(lat, lon), undulation_m(lat, lon), atol=1e-5)
    lat, lon = rng.uniform(-89, 89, 2000), rng.uniform(-180, 180, 2000)
    assert np.percentile(np.abs(world(lat, lon) - undulation_m(lat, lon)), 95) < 0.6  # half-degree posts, bilinear


def test_a_world_grid_closes_at_the_antimeridian(world):
    lat = np.zeros(5)
    lon = np.array([179.5, 179.75, 180.0, -179.75, 539.75])
    expected = undulation_m(lat, np.array([179.5, 179.75, 180.0, 180.25, 179.75]))
    np.testing.assert_allclose(world(lat, lon), expected, atol=0.3)


def test_outside_a_regional_grid_nothing_is_assumed(tmp_path):
    path = tmp_path / "region.tif"
    lat, lon = np.meshgrid(np.arange(48.0, 45.9, -0.25), np.arange(7.0, 10.1, 0.25), indexing="ij")
    write(path, undulation_m(lat, lon), west=7.0, north=48.0, step=0.25)
    undulation = read_geoid(path)
    inside = undulation(np.array([47.1]), np.array([8.3]))
    np.testing.assert_allclose(inside, undulation_m(47.1, 8.3), atol=0.2)
    outside = undulation(np.array([50.0, 47.0, np.nan]), np.array([8.0, 20.0, 8.0]))
    assert np.isnan(outside).all()


@pytest.mark.parametrize(
    ("values", "crs", "words"),
    [
        (np.full((4, 4), 500.0), "EPSG:4326", "no geoid"),
        (np.full((4, 4), np.nan), "EPSG:4326", "no geoid"),
        (np.zeros((4, 4)), "EPSG:32632", "in degrees"),
    ],
)
def test_what_is_no_geoid_is_refused(tmp_path, values, crs, words):
    path = tmp_path / "x.tif"
    write(path, values, west=7.0, north=48.0, step=0.25, crs=crs)
    with pytest.raises(InputError, match=words):
        read_geoid(path)


def test_a_file_that_is_no_grid(tmp_path):
    path = tmp_path / "x.tif"
    path.write_text("hello")
    with pytest.raises(InputError, match=r"x\.tif: not a grid"):
        read_geoid(path)


@pytest.mark.parametrize(
    ("unit", "metre"), [("ft", 1 / 0.3048), ("US survey foot", 3937 / 1200), ("cm", 100.0), ("metre", 1.0)]
)
def test_a_grid_in_another_unit_is_brought_to_metres(unit, metre, tmp_path):
    write(tmp_path / "g.tif", np.full((9, 9), -30.0 * metre), west=7.0, north=51.0, step=0.5, unit=unit)
    assert read_geoid(tmp_path / "g.tif")(np.array([49.1]), np.array([8.3])) == pytest.approx(-30.0, abs=1e-4)


def test_a_unit_nobody_knows_is_named(tmp_path):
    write(tmp_path / "g.tif", np.zeros((9, 9)), west=7.0, north=51.0, step=0.5, unit="fathom")
    with pytest.raises(InputError, match=r"g\.tif: its unit 'fathom' is not known; convert it to metres"):
        read_geoid(tmp_path / "g.tif")


def test_a_geoid_that_ends_before_the_flight_does_is_said(tmp_path):
    """Four fixes go east out of the grid, whose last cell ends at 8.25: two of them lie within it."""
    write(tmp_path / "g.tif", np.full((9, 9), 47.0), west=4.0, north=52.0, step=0.5)
    cues = [
        f"{k + 1}\n00:00:{k:02d},000 --> 00:00:{k + 1:02d},000\n2024-05-01 10:00:{k:02d}.000\n"
        f"[latitude: 50.0] [longitude: {8.2490 + 0.0006 * k:.4f}] [rel_alt: 1.0 abs_alt: 300.0]\n"
        for k in range(4)
    ]
    (tmp_path / "a.srt").write_text("\n".join(cues))
    track = read_track(tmp_path / "a.srt", SourceOptions(undulation=read_geoid(tmp_path / "g.tif")))
    np.testing.assert_array_equal(track.alt_hae_m, [347.0, 347.0, np.nan, np.nan])
    (said,) = [problem.message for problem in track.problems if problem.kind == "geoid_ends"]
    assert "at 2 of 4 positions (the first at 50.0000, 8.2502)" in said
    whole = read_track(tmp_path / "a.srt")
    assert not [problem for problem in whole.problems if problem.kind == "geoid_ends"]
