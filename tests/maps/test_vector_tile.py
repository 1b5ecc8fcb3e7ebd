"""Vector tiles that GDAL wrote: what is read is what GDAL reads, what is drawn is where it was, and damage is said."""

from __future__ import annotations

import base64
import contextlib
import io
import random

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from PIL import Image, ImageColor
from pmtiles.reader import MmapSource, Reader

from geo.errors import InputError
from maps.basemap_file import BasemapOnDisk, read_basemap
from maps.quiet_style import STYLE, drawn
from maps.vector_tile import POLYGON, layers_of

LAKE = shapely.box(8.0, 50.0, 8.02, 50.02).difference(shapely.box(8.008, 50.008, 8.012, 50.012))
WATER = STYLE["fills"]["water"]
BOX = [[50.0, 8.0], [50.02, 8.02]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "lake.pmtiles"
    frame = geopandas.GeoDataFrame({"class": ["lake"], "depth_m": [12.5], "name": ["Blå"]}, geometry=[LAKE], crs=4326)
    zooms = {"MINZOOM": "9", "MAXZOOM": "13"}
    pyogrio.write_dataframe(frame, path, driver="PMTiles", layer="water", dataset_options=zooms)
    return path


def tile_at(path, zoom, lat, lon):
    n = 1 << zoom
    x, y = (lon + 180.0) / 360.0 * n, (1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0 * n
    return int(x), int(y), x % 1.0, y % 1.0


def raw(path, zoom, x, y):
    import gzip

    with path.open("rb") as file:
        return gzip.decompress(Reader(MmapSource(file)).get(zoom, x, y))


def colour_at(png, across, down):
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.getpixel((int(across * picture.width), int(down * picture.height)))


def test_what_is_read_is_what_was_written(lake):
    zoom = 13
    x, y, *_ = tile_at(lake, zoom, 50.01, 8.01)
    (feature,) = layers_of(raw(lake, zoom, x, y))["water"]
    assert (feature.kind, feature.tags) == (POLYGON, {"class": "lake", "depth_m": 12.5, "name": "Blå"})
    n = 1 << zoom
    rings = [
        shapely.Polygon(
            np.column_stack(
                [
                    (x + ring[:, 0]) / n * 360.0 - 180.0,
                    np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * (y + ring[:, 1]) / n)))),
                ]
            )
        )
        for ring in feature.parts
    ]
    west, south, east, north = 360.0 * x / n - 180.0, 49.9, 360.0 * (x + 1) / n - 180.0, 50.1
    tile = shapely.box(west, south, east, north)
    read = rings[0]
    for ring in rings[1:]:
        read = read.symmetric_difference(ring)
    difference = read.symmetric_difference(LAKE).intersection(tile)
    top = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * y / n))))
    bottom = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * (y + 1) / n))))
    assert difference.intersection(shapely.box(west, bottom, east, top)).area < 1e-3 * LAKE.area


@pytest.mark.parametrize(
    ("lat", "lon", "colour"),
    [(50.004, 8.004, WATER), (50.01, 8.01, STYLE["ground"]), (49.997, 8.01, STYLE["ground"])],
)
def test_it_is_drawn_where_it_lies(lake, lat, lon, colour):
    told = read_basemap(lake, BOX, budget_mb=2.0)
    assert told.deepest == 13
    for zoom in (11, 12, 13):
        x, y, across, down = tile_at(lake, zoom, lat, lon)
        if (text := told.tiles.get(f"{zoom}/{x}/{y}")) is not None:
            kind, data = text.split(";")
            assert kind == "png"
            assert colour_at(base64.b64decode(data), across, down) == pytest.approx(ImageColor.getrgb(colour), abs=3)
            assert BasemapOnDisk(lake).tile(zoom, x, y) == (base64.b64decode(data), "png")


def test_damage_is_one_sentence_and_never_hangs(lake):
    whole = raw(lake, 13, *tile_at(lake, 13, 50.01, 8.01)[:2])
    chance = random.Random(7)
    for _ in range(400):
        data = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(ValueError):  # what else it raised, or how long it took, would show
            drawn(bytes(data))


def test_a_tile_that_grows_too_large_is_refused(tmp_path):
    import gzip

    from pmtiles.tile import Compression, TileType, zxy_to_tileid
    from pmtiles.writer import Writer

    with (tmp_path / "bomb").open("wb") as file:
        writer = Writer(file)
        writer.write_tile(zxy_to_tileid(0, 0, 0), gzip.compress(bytes(40_000_000)))
        edges = dict.fromkeys(
            ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7", "center_zoom", "center_lon_e7", "center_lat_e7"), 0
        )
        kind = {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP, "min_zoom": 0, "max_zoom": 0}
        writer.finalize(kind | edges, {})
    with pytest.raises(InputError, match="too large"):
        read_basemap(tmp_path / "bomb", BOX, budget_mb=1.0)


def test_a_geotiff_is_shown_where_it_lies_in_its_own_colours(tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    red = np.zeros((3, 400, 300), np.uint8)
    red[0, :200] = 200  # its northern half
    red[2, 200:] = 180
    with rasterio.open(
        tmp_path / "photo.tif", "w", driver="GTiff", width=300, height=400, count=3, dtype="uint8", crs="EPSG:32632",
        transform=from_origin(430_000.0, 5_541_000.0, 5.0, 5.0),
    ) as raster:  # fmt: skip
        raster.write(red)
    to_degrees = __import__("pyproj").Transformer.from_crs(32632, 4326, always_xy=True).transform
    (west, south), (east, north) = to_degrees(430_000, 5_539_000), to_degrees(431_500, 5_541_000)
    told = read_basemap(tmp_path / "photo.tif", [[south, west], [north, east]], budget_mb=3.0)
    assert told.deepest == 15
    for metres_north, wanted in ((1_500.0, (200, 0, 0)), (500.0, (0, 0, 180))):
        lon, lat = to_degrees(430_750.0, 5_539_000.0 + metres_north)
        x, y, across, down = tile_at(None, 15, lat, lon)
        text = told.tiles[f"15/{x}/{y}"]
        assert colour_at(base64.b64decode(text.split(";")[1]), across, down) == pytest.approx(wanted, abs=12)
    with rasterio.open(
        tmp_path / "heights.tif", "w", driver="GTiff", width=10, height=10, count=1, dtype="float32", crs="EPSG:4326",
        transform=from_origin(8.0, 50.02, 0.002, 0.002),
    ) as raster:  # fmt: skip
        raster.write(np.zeros((1, 10, 10), np.float32))
    with pytest.raises(InputError, match="no picture"):
        read_basemap(tmp_path / "heights.tif", BOX, budget_mb=3.0)
