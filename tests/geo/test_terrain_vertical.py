"""Units and vertical references of terrain files: honoured where the file says them, said aloud where it does not."""

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin

from geo.errors import InputError
from geo.geoid import undulation_m
from geo.terrain_file import read_terrain

LAT, LON = np.array([49.99]), np.array([8.01])
GEOID = float(undulation_m(49.99, 8.01))


def write(path, value, *, crs="EPSG:4326", unit=None, dtype="float32", north=50.0, west=8.0, step=0.001, size=40):
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=1, dtype=dtype, crs=crs,
        transform=from_origin(west, north, step, step),
    ) as raster:  # fmt: skip
        raster.write(np.full((size, size), value, dtype=dtype), 1)
        if unit:
            raster.units = (unit,)
    return path


def height(terrain):
    return float(terrain.height_hae_m(LAT, LON)[0])


@pytest.mark.parametrize(
    ("crs", "unit", "expected_m", "kinds"),
    [
        ("EPSG:4326", None, 100.0 + GEOID, ["vertical_assumed"]),
        ("EPSG:4326", "m", 100.0 + GEOID, ["vertical_assumed"]),
        ("EPSG:4326", "ft", 30.48 + GEOID, ["vertical_assumed"]),
        ("EPSG:4326", "US survey foot", 30.480061 + GEOID, ["vertical_assumed"]),
        ("EPSG:4326", "cm", 1.0 + GEOID, ["vertical_assumed"]),
        ("EPSG:4979", None, 100.0, []),
        ("EPSG:4326+5773", None, 100.0 + GEOID, []),
        ("EPSG:4326+3855", None, 100.0 + GEOID, ["vertical_not_modelled"]),
        ("EPSG:4269+5703", None, 100.0 + GEOID, ["vertical_not_modelled"]),
        ("EPSG:4269+6360", None, 30.480061 + GEOID, ["vertical_not_modelled"]),
        ("EPSG:4326+5773", "ft", 30.48 + GEOID, ["unit_contradiction"]),
    ],
)
def test_what_a_file_says_of_its_heights_counts(crs, unit, expected_m, kinds, tmp_path):
    terrain = read_terrain(write(tmp_path / "a.tif", 100.0, crs=crs, unit=unit))
    assert height(terrain) == pytest.approx(expected_m, abs=2e-3)
    assert [problem.kind for problem in terrain.problems] == kinds
    assert all("a.tif" in problem.message for problem in terrain.problems)


@pytest.mark.parametrize(
    ("crs", "stated", "expected_m", "kinds"),
    [
        ("EPSG:4326", "hae", 100.0, []),
        ("EPSG:4326", "egm96", 100.0 + GEOID, []),
        ("EPSG:4979", "egm96", 100.0, ["vertical_contradiction"]),
        ("EPSG:4326+5773", "hae", 100.0 + GEOID, ["vertical_contradiction"]),
        ("EPSG:4979", "hae", 100.0, []),
    ],
)
def test_a_person_settles_what_a_file_leaves_open_and_nothing_else(crs, stated, expected_m, kinds, tmp_path):
    terrain = read_terrain(write(tmp_path / "a.tif", 100.0, crs=crs), datum=stated)
    assert height(terrain) == pytest.approx(expected_m, abs=2e-3)
    assert [problem.kind for problem in terrain.problems] == kinds


@pytest.mark.parametrize(
    ("crs", "expected_m", "kinds"),
    [
        ("EPSG:4326", 147.25, []),
        ("EPSG:4326+3855", 147.25, []),
        ("EPSG:4269+5703", 147.25, []),
        ("EPSG:4979", 100.0, ["vertical_contradiction"]),
        ("EPSG:4326+5773", 100.0 + GEOID, ["vertical_contradiction"]),
    ],
)
def test_heights_count_from_a_geoid_given_by_file_where_the_terrain_does_not_say_otherwise(
    crs, expected_m, kinds, tmp_path
):
    """The geoid is 47 m at 8 E and 48 m a degree east of it: a quarter of the way, at 8.25 E, 47.25 m."""
    lon = np.arange(7.0, 10.0)
    with rasterio.open(
        tmp_path / "geoid.tif", "w", driver="GTiff", width=3, height=3, count=1, dtype="float32", crs="EPSG:4326",
        transform=from_origin(6.5, 51.5, 1.0, 1.0),
    ) as raster:  # fmt: skip
        raster.write(np.broadcast_to(lon + 39.0, (3, 3)).astype("float32"), 1)
    file = write(tmp_path / "a.tif", 100.0, crs=crs, west=8.24)
    terrain = read_terrain(file, datum=tmp_path / "geoid.tif")
    found = float(terrain.height_hae_m(LAT, np.array([8.25]))[0])
    at = float(undulation_m(49.99, 8.25)) if crs.endswith("5773") else GEOID
    assert found == pytest.approx(expected_m - GEOID + at, abs=2e-3)
    assert [problem.kind for problem in terrain.problems] == kinds


def test_a_geoid_that_ends_leaves_the_ground_unknown(tmp_path):
    geoid = write(tmp_path / "geoid.tif", 47.0, north=60.0, west=8.0, step=0.1)
    terrain = read_terrain(write(tmp_path / "a.tif", 100.0), datum=str(geoid))
    assert np.isnan(height(terrain))


def test_a_datum_that_is_neither_word_nor_file_is_named(tmp_path):
    file = write(tmp_path / "a.tif", 100.0)
    with pytest.raises(InputError, match="terrain datum 'egm2008' is neither egm96 nor hae, nor a geoid's grid file"):
        read_terrain(file, datum="egm2008")
    with pytest.raises(InputError, match=r"b\.tif: its heights reach beyond 120 m, so it is no geoid"):
        read_terrain(file, datum=write(tmp_path / "b.tif", 500.0))


def test_a_unit_nobody_knows_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.tif has heights in an unknown unit \(fathom\); convert them to metres"):
        read_terrain(write(tmp_path / "a.tif", 100.0, unit="fathom"))


def test_feet_are_metres_before_voids_are_sought(tmp_path):
    """29 000 ft is Everest, not a void; -9999 ft is none."""
    terrain = read_terrain(write(tmp_path / "a.tif", 29_000.0, unit="ft"), datum="hae")
    assert height(terrain) == pytest.approx(8839.2)
    with pytest.raises(InputError, match="holds no height"):
        read_terrain(write(tmp_path / "b.tif", -9999.0, unit="ft"))


@pytest.mark.parametrize(
    ("unit", "number", "crs"),
    [
        ("cm", 53_000, "EPSG:4326"),
        ("dm", 88_000, "EPSG:4326"),
        ("mm", 8_800_000, "EPSG:4326"),
        ("km", 0.53, "EPSG:4326"),
        ("mm", -400_000, "EPSG:4326+5773"),
        (None, 29_000, "EPSG:4269+6360"),
        (None, -8_000, "EPSG:4326+5715"),
    ],
)
def test_heights_of_any_unit_are_heights(unit, number, crs, tmp_path):
    """From the Dead Sea to Everest in the file's own unit, however large its numbers; a depth counts downwards."""
    terrain = read_terrain(write(tmp_path / "a.tif", number, unit=unit, crs=crs, dtype="float64"))
    metres = {"cm": 0.01, "dm": 0.1, "mm": 0.001, "km": 1000.0}.get(unit, 1200 / 3937 if number > 0 else -1.0)
    assert height(terrain) == pytest.approx(number * metres + GEOID, abs=2e-3)


@pytest.mark.parametrize(("unit", "number"), [("cm", 30), ("m", 20_000), ("km", 100), ("mm", -900_000)])
def test_numbers_that_are_no_heights_in_their_unit_are_refused(unit, number, tmp_path):
    """Thirty centimetres are a height; 20 km, 100 km and 900 m under the sea are none."""
    path = write(tmp_path / "a.tif", number, unit=unit)
    if unit == "cm":
        assert height(read_terrain(path)) == pytest.approx(0.3 + GEOID, abs=2e-3)
    else:
        with pytest.raises(InputError, match="holds no height"):
            read_terrain(path)


def test_a_folder_of_tiles_of_every_kind_is_one_ground(tmp_path):
    """A plane through four tiles: SRTM, a GeoTIFF in feet, a finer one in UTM."""
    import pyproj

    def plane(lat, lon):
        return 200.0 + 3000.0 * (lat - 46.0) + 2000.0 * (lon - 8.0)

    row, column = np.mgrid[0:1201, 0:1201]
    lat, lon = 46.0 - row / 1200, 8.0 + column / 1200
    source = tmp_path / "source.tif"
    with rasterio.open(source, "w", driver="GTiff", width=1201, height=1201, count=1, dtype="int16", crs=4326,
                       transform=from_origin(8 - 1 / 2400, 46 + 1 / 2400, 1 / 1200, 1 / 1200)) as raster:  # fmt: skip
        raster.write(np.round(plane(lat, lon) + 4000.0).astype("int16"), 1)
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    copy(source, tiles / "N45E008.hgt", driver="SRTMHGT")
    step = 1 / 700
    lat, lon = 46.0 - step * (np.arange(700)[:, None] + 0.5), 9.0 + step * (np.arange(700) + 0.5)
    with rasterio.open(tiles / "feet.tif", "w", driver="GTiff", width=700, height=700, count=1, dtype="float32",
                       crs="EPSG:4326+5773",
                       transform=from_origin(9.0, 46.0, step, step)) as raster:  # fmt: skip
        raster.write(((plane(lat, lon) + 4000.0) / 0.3048).astype("float32"), 1)
        raster.units = ("ft",)
    x, y = 500_000.0 + 25.0 * (np.arange(400) + 0.5), 5_080_000.0 - 25.0 * (np.arange(400) + 0.5)[:, None]
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(*np.broadcast_arrays(x, y))
    with rasterio.open(tiles / "utm.tif", "w", driver="GTiff", width=400, height=400, count=1, dtype="float32",
                       crs="EPSG:32632+5773", transform=from_origin(500_000, 5_080_000, 25, 25)) as raster:  # fmt: skip
        raster.write((plane(lat, lon) + 4000.0).astype("float32"), 1)
    terrain = read_terrain(tiles)
    rng = np.random.default_rng(2)
    for box in ((45.05, 8.05, 45.95, 8.95), (45.1, 9.1, 45.9, 9.9), (45.80, 9.01, 45.86, 9.1)):
        lat, lon = rng.uniform(box[0], box[2], 500), rng.uniform(box[1], box[3], 500)
        expected = plane(lat, lon) + 4000.0 + undulation_m(lat, lon)
        np.testing.assert_allclose(terrain.height_hae_m(lat, lon), expected, atol=0.6)
    assert np.isnan(terrain.height_hae_m(np.array([45.5, 46.1, 44.9]), np.array([10.2, 8.5, 8.5]))).all()
    assert {problem.kind for problem in terrain.problems} == {"unit_contradiction"}


def test_tiles_that_touch_leave_no_gap_between_them(tmp_path):
    """Pixels side by side: the last post of one tile and the first of the next are neighbours."""
    for k in range(3):
        write(tmp_path / f"{k}.tif", 100.0, west=8.0 + 0.04 * k)
    terrain = read_terrain(tmp_path, datum="hae")
    lon = np.linspace(8.0006, 8.1194, 5000)
    np.testing.assert_allclose(terrain.height_hae_m(np.full(5000, 49.98), lon), 100.0, atol=1e-4)
    assert np.isnan(terrain.height_hae_m(np.array([49.98, 49.98]), np.array([8.0004, 8.1196]))).all()


def test_the_same_files_are_opened_once_and_changed_ones_anew(tmp_path):
    path = write(tmp_path / "a.tif", 100.0)
    first = read_terrain(path)
    assert read_terrain(path) is first
    write(path, 500.0, size=50)
    assert height(read_terrain(path)) == pytest.approx(500.0 + GEOID, abs=2e-3)


def test_a_file_that_changes_while_it_is_used_is_not_read_on(tmp_path):
    from geo.gis import door_file

    path = write(tmp_path / "a.tif", 100.0)
    terrain = read_terrain(path)
    door_file.close_door()
    write(path, 500.0, size=50)
    with pytest.raises(InputError, match=r"a\.tif changed while it was being read"):
        terrain.height_hae_m(LAT, LON)


def test_sixteen_degrees_of_srtm1_need_no_gigabyte(tmp_path):
    """Sixteen one-degree tiles of 3601 x 3601 posts: opened, and looked up at a few places, within a few pages."""
    for row in range(4):
        for column in range(4):
            name = f"N{44 + row:02d}E{8 + column:03d}.hgt"
            with (tmp_path / name).open("wb") as tile:  # sparse: every post is zero
                tile.truncate(2 * 3601 * 3601)
    terrain = read_terrain(tmp_path, cache_mb=16.0)
    assert terrain.bounds_deg == pytest.approx((44.0, 8.0, 48.0, 12.0))
    lat, lon = np.array([44.5, 46.0, 47.9]), np.array([8.5, 10.0, 11.9])
    np.testing.assert_allclose(terrain.height_hae_m(lat, lon), undulation_m(lat, lon), atol=1e-3)
    assert terrain.pages_read <= 4
    assert terrain.cached_mb <= 16.0
    assert terrain.problems == ()


def test_an_ascii_grid_takes_its_place_from_the_file_beside_it(tmp_path):
    (tmp_path / "a.asc").write_text(
        "ncols 3\nnrows 2\nxllcorner 8\nyllcorner 49\ncellsize 0.5\nNODATA_value -9999\n1 2 3\n4 5 -9999\n"
    )
    with pytest.raises(InputError, match=r"a\.asc has no georeference"):
        read_terrain(tmp_path / "a.asc")
    (tmp_path / "a.prj").write_text(rasterio.crs.CRS.from_epsg(4326).to_wkt(version="WKT1_ESRI"))
    (tmp_path / "b.asc").write_text((tmp_path / "a.asc").read_text())
    (tmp_path / "b.prj").write_text((tmp_path / "a.prj").read_text())
    grid = read_terrain(tmp_path / "b.asc", datum="hae").whole()
    np.testing.assert_array_equal(grid.heights_hae_m, [[1, 2, 3], [4, 5, np.nan]])
    assert (grid.north_deg, grid.west_deg) == (49.75, 8.25)
