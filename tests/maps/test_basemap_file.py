"""Base maps written by other tools' writers, and files that would hurt."""

from __future__ import annotations

import base64
import contextlib
import io
import sqlite3

import pytest
from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geo.errors import InputError
from maps.basemap_file import BasemapOnDisk, read_basemap

BOX = [[50.0, 8.0], [50.02, 8.03]]


def picture(zoom, x, y):
    stream = io.BytesIO()
    Image.new("RGB", (256, 256), (zoom * 12 % 255, x % 255, y % 255)).save(stream, "PNG")
    return stream.getvalue()


def cells(zoom):
    """Return the tiles that hold the box and about a third of it around, by the slippy-map formula."""
    import math

    n = 1 << zoom
    found = set()
    for lat in (49.994, 50.0, 50.01, 50.02, 50.026):
        for lon in (7.991, 8.0, 8.015, 8.03, 8.039):
            y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
            found.add((math.floor((lon + 180) / 360 * n), math.floor(y)))
    return found


def write_mbtiles(path, zooms, *, form="png"):
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        base.execute("CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)")
        base.executemany("INSERT INTO metadata VALUES (?, ?)", [("format", form), ("attribution", "<b>someone</b>")])
        for zoom in zooms:
            for x, y in cells(zoom):
                row = (zoom, x, (1 << zoom) - 1 - y, picture(zoom, x, y))
                base.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", row)
        base.commit()


def write_pmtiles(path, zooms, kind=TileType.PNG):
    with path.open("wb") as file:
        writer = Writer(file)
        for tile_id, data in sorted((zxy_to_tileid(z, x, y), picture(z, x, y)) for z in zooms for x, y in cells(z)):
            writer.write_tile(tile_id, data)
        header = {
            "tile_type": kind, "tile_compression": Compression.NONE, "min_zoom": min(zooms), "max_zoom": max(zooms),
            "min_lon_e7": 0, "min_lat_e7": 0, "max_lon_e7": 0, "max_lat_e7": 0, "center_zoom": 0, "center_lon_e7": 0,
            "center_lat_e7": 0,
        }  # fmt: skip
        writer.finalize(header, {"attribution": "someone"})


@pytest.mark.parametrize("write", [write_mbtiles, write_pmtiles])
def test_the_tiles_of_the_ground_come_and_are_those_of_the_file(tmp_path, write):
    write(tmp_path / "base", (8, 13, 15))
    told = read_basemap(tmp_path / "base", BOX, budget_mb=5.0)
    for zoom in (8, 13, 15):
        for x, y in cells(zoom):
            kind, text = told.tiles[f"{zoom}/{x}/{y}"].split(";")
            assert kind == "png"
            assert base64.b64decode(text) == picture(zoom, x, y)
    assert told.deepest == 15
    assert "someone" in told.attribution
    assert told.note == ""


def test_a_budget_ends_at_a_whole_zoom_and_says_so(tmp_path):
    write_mbtiles(tmp_path / "base", (8, 13, 15, 16))
    one = len(base64.b64encode(picture(8, 1, 1)))
    told = read_basemap(tmp_path / "base", BOX, budget_mb=one * 8 / 1e6)
    assert told.deepest < 16
    assert f"zoom {told.deepest}" in told.note


def test_what_is_no_picture_or_elsewhere_or_never_ends_is_one_sentence(tmp_path):
    (tmp_path / "text").write_text("no map")
    write_mbtiles(tmp_path / "vector", (8,), form="pbf")
    write_pmtiles(tmp_path / "mvt", (8,), TileType.MVT)
    write_mbtiles(tmp_path / "far", (8,))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i, i, x'00' FROM n"
    with contextlib.closing(sqlite3.connect(tmp_path / "endless")) as base:
        base.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        base.execute(
            "CREATE VIEW tiles AS SELECT i AS zoom_level, i AS tile_column, i AS tile_row, x'00' AS tile_data "
            f"FROM ({endless})"
        )
        base.commit()
    (tmp_path / "cut").write_bytes((tmp_path / "mvt").read_bytes()[:60])
    for name, sentence in (
        ("text", "none of MBTiles, PMTiles"), ("vector", "damaged"), ("mvt", "damaged"),
        ("endless", "damaged"), ("cut", "damaged"), ("missing", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=sentence):
            read_basemap(tmp_path / name, BOX, budget_mb=1.0)
    with pytest.raises(InputError, match="no picture of the ground"):
        read_basemap(tmp_path / "far", [[-30.0, 150.0], [-29.9, 150.1]], budget_mb=1.0)


@pytest.mark.parametrize("write", [write_mbtiles, write_pmtiles])
def test_tiles_are_read_from_the_file_one_by_one(tmp_path, write):
    path = tmp_path / "base"
    write(path, range(9, 12))
    base = BasemapOnDisk(path)
    x, y = min(cells(11))
    assert base.tile(11, x, y) == (picture(11, x, y), "png")
    assert base.tile(11, 0, 0) is None
    assert base.tile(20, x, y) is None
    assert base.data("/api/tiles")["deepest"] == 11
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        base.tile(11, x, y)
