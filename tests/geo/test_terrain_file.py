"""Terrain files of every kind, made here, read back, and broken."""

import os
import signal

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin

from geo.errors import InputError
from geo.geoid import undulation_m
from geo.gis import door_file
from geo.terrain_file import read_terrain


def write(path, heights, *, west, north, step=1 / 1200, crs="EPSG:4326", nodata=None, driver="GTiff", dtype="float32"):
    heights = np.asarray(heights, dtype=dtype)
    half = step / 2 if crs == "EPSG:4326" else 0.0
    with rasterio.open(
        path, "w", driver=driver, width=heights.shape[1], height=heights.shape[0], count=1, dtype=dtype, crs=crs,
        transform=from_origin(west - half, north + half, step, step), nodata=nodata,
    ) as raster:  # fmt: skip
        raster.write(heights, 1)
    return path


def test_geotiff_heights_are_put_on_the_ellipsoid(tmp_path):
    path = write(tmp_path / "a.tif", [[10, 20], [30, 40]], west=8.0, north=50.0)
    geoid = undulation_m(50.0, 8.0)
    assert read_terrain(path).height_hae_m(np.array([50.0]), np.array([8.0]))[0] == pytest.approx(
        10.0 + geoid, abs=1e-4
    )
    assert read_terrain(path, datum="hae").height_hae_m(np.array([50.0]), np.array([8.0]))[0] == pytest.approx(10.0)


def test_nodata_becomes_nan(tmp_path):
    path = write(tmp_path / "a.tif", [[10, -9999], [30, 40]], west=8.0, north=50.0, nodata=-9999)
    assert np.isnan(read_terrain(path).whole().heights_hae_m[0, 1])
    unmarked = write(tmp_path / "b.tif", [[10, -32768], [30, 40]], west=8.0, north=50.0)
    assert np.isnan(read_terrain(unmarked).whole().heights_hae_m[0, 1])


def test_scaled_bands_are_scaled(tmp_path):
    path = write(tmp_path / "a.tif", [[10, 20], [30, 40]], west=8.0, north=50.0, dtype="int16")
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (0.5,), (100.0,)
    np.testing.assert_allclose(read_terrain(path, datum="hae").whole().heights_hae_m, [[105, 110], [115, 120]])


@pytest.mark.parametrize(("suffix", "driver"), [("hgt", "SRTMHGT"), ("dt1", "DTED")])
def test_srtm_and_dted_posts_lie_on_the_degree(suffix, driver, tmp_path):
    """Both name a one-degree cell whose corner posts lie exactly on the corners."""
    row, column = np.mgrid[0:1201, 0:1201]
    heights = (100 + row % 50 + column % 30).astype("int16")
    source = write(tmp_path / "source.tif", heights, west=8.0, north=46.0, dtype="int16")
    path = tmp_path / f"N45E008.{suffix}"
    copy(source, path, driver=driver)
    grid = read_terrain(path).whole()
    assert (grid.north_deg, grid.west_deg) == (pytest.approx(46.0, abs=1e-9), pytest.approx(8.0, abs=1e-9))
    lat, lon = 46.0 - row / 1200, 8.0 + column / 1200
    np.testing.assert_allclose(grid.heights_hae_m, heights + undulation_m(lat, lon), atol=1e-3)
    assert read_terrain(path).problems == ()  # the format fixes what heights count from


def test_projected_raster_is_resampled(tmp_path):
    """A plane in UTM is the same plane in latitude and longitude."""
    import pyproj

    row, column = np.mgrid[0:200, 0:200]
    path = write(tmp_path / "utm.tif", 100.0 + 0.5 * column + 0.2 * row, west=500_000, north=5_540_000, step=10.0,
                 crs="EPSG:32632")  # fmt: skip
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(501_000.0, 5_539_000.0)
    got = read_terrain(path, datum="hae").height_hae_m(np.array([lat]), np.array([lon]))[0]
    assert got == pytest.approx(100.0 + 0.5 * 99.5 + 0.2 * 99.5, abs=0.5)


def test_folder_of_tiles_across_the_antimeridian(tmp_path):
    rng = np.random.default_rng(3)
    whole = rng.uniform(0, 100, (101, 201)).astype("float32")
    write(tmp_path / "east.tif", whole[:, :101], west=179.9, north=10.0, step=0.001)
    write(tmp_path / "west.tif", whole[:, 100:], west=-180.0, north=10.0, step=0.001)
    (tmp_path / "readme.txt").write_text("not a tile")
    grid = read_terrain(tmp_path, datum="hae")
    np.testing.assert_array_equal(grid.whole().heights_hae_m, whole)
    across = grid.height_hae_m(np.array([10.0, 10.0]), np.array([179.999, -179.999]))
    np.testing.assert_allclose(across, [whole[0, 99], whole[0, 101]], atol=1e-3)


def test_real_crop_against_its_own_posts(shared_data, rng):
    """At the middle of a pixel the height is the pixel's, plus the geoid."""
    path = shared_data / "photos/openathena/cobb.tiff"
    with rasterio.open(path) as raster:
        rows, columns = rng.integers(1, raster.height - 1, 200), rng.integers(1, raster.width - 1, 200)
        lon, lat = (np.array(axis) for axis in raster.xy(rows, columns))
        expected = raster.read(1)[rows, columns] + undulation_m(lat, lon)
    np.testing.assert_allclose(read_terrain(path).height_hae_m(lat, lon), expected, atol=2e-3)


class TestRefusals:
    """One sentence each, naming the file and what to do."""

    def refuse(self, path, match, **options):
        with pytest.raises(InputError, match=match) as refused:
            read_terrain(path, **options)
        assert str(path.name) in refused.value.message or "datum" in refused.value.message

    def test_missing(self, tmp_path):
        self.refuse(tmp_path / "gone.tif", "does not exist")

    def test_empty_folder(self, tmp_path):
        self.refuse(tmp_path, "holds no terrain tiles")

    def test_not_a_raster(self, tmp_path):
        (tmp_path / "a.tif").write_bytes(b"hello")
        self.refuse(tmp_path / "a.tif", "cannot be read as a raster")

    def test_cut_short(self, tmp_path):
        path = write(tmp_path / "a.tif", np.ones((400, 400)), west=8.0, north=50.0)
        path.write_bytes(path.read_bytes()[:200_000])
        self.refuse(path, "cannot be read as a raster")

    @pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
    def test_damaged_bytes_read_or_are_refused(self, crs, tmp_path, rng):
        """Nothing but our own refusal comes out of a hundred damaged files."""
        place = (8.0, 50.0, 0.01) if crs == "EPSG:4326" else (500_000.0, 5_540_000.0, 10.0)
        path = write(tmp_path / "a.tif", rng.integers(0, 500, (40, 40)), west=place[0], north=place[1], step=place[2],
                     crs=crs, dtype="int16", nodata=-9999)  # fmt: skip
        whole, refused = path.read_bytes(), 0
        for index in range(100):
            damaged = bytearray(whole)
            for _ in range(rng.integers(1, 6)):
                damaged[rng.integers(0, len(whole) if index % 2 else 700)] = rng.integers(0, 256)
            path.write_bytes(damaged[: rng.integers(10, len(whole))] if index % 5 == 0 else damaged)
            try:
                read_terrain(path)
            except InputError:
                refused += 1
        assert 10 < refused < 95

    def test_impossible_georeference(self, tmp_path):
        self.refuse(write(tmp_path / "a.tif", np.ones((5, 5)), west=8.0, north=150.0), "impossible georeference")

    def test_no_georeference(self, tmp_path):
        path = tmp_path / "a.tif"
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            raster = rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=1, dtype="float32")
        raster.write(np.ones((1, 2, 2), dtype="float32"))
        raster.close()
        self.refuse(path, "no georeference")

    def test_tiles_too_far_apart_for_their_spacing(self, tmp_path):
        write(tmp_path / "a.tif", np.ones((5, 5)), west=8.0, north=50.0, step=1e-6)
        write(tmp_path / "b.tif", np.ones((5, 5)), west=98.0, north=10.0, step=1e-6)
        self.refuse(tmp_path, "too far apart for their spacing")

    def test_nothing_but_nodata(self, tmp_path):
        path = write(tmp_path / "a.tif", np.full((3, 3), -9999), west=8.0, north=50.0, nodata=-9999)
        self.refuse(path, "holds no height")

    def test_unknown_datum(self, tmp_path):
        self.refuse(tmp_path, "'msl' is neither egm96 nor hae, nor a geoid's grid file", datum="msl")


def tiles_of(folder, heights, side):
    """Write a ground as tiles of `side` posts, and return their paths."""
    folder.mkdir()
    step = 1 / 1200
    return [
        write(
            folder / f"{row:03d}_{column:03d}.tif",
            heights[row : row + side, column : column + side],
            west=8.0 + column * step,
            north=50.0 - row * step,
        )
        for row in range(0, heights.shape[0], side)
        for column in range(0, heights.shape[1], side)
    ]


def test_many_tiles_are_read_with_few_messages_and_a_new_child_where_theirs_dies(tmp_path, monkeypatch, rng):
    heights = rng.uniform(100.0, 900.0, (120, 200)).astype("float32")
    tiles_of(tmp_path / "tiles", heights, 20)
    messages, send = [], door_file._exchange
    monkeypatch.setattr(door_file, "_exchange", lambda *about: messages.append(about) or send(*about))
    ground = read_terrain(tmp_path / "tiles", datum="hae")
    opening = len(messages)
    assert opening <= 60 // 10, "sixty tiles"
    os.kill(door_file.child_number("raster"), signal.SIGKILL)
    np.testing.assert_array_equal(ground.whole().heights_hae_m, heights)
    del messages[:]
    np.testing.assert_array_equal(ground.whole().heights_hae_m, heights)
    assert len(messages) == 1, "the child that was started anew holds them all"


def test_the_one_bad_tile_of_many_is_named(tmp_path, rng):
    paths = tiles_of(tmp_path / "tiles", rng.uniform(100.0, 900.0, (80, 80)), 20)
    paths[6].write_bytes(paths[6].read_bytes()[:200])
    with pytest.raises(InputError, match=rf"{paths[6].name} cannot be read as a raster"):
        read_terrain(tmp_path / "tiles", datum="hae")
