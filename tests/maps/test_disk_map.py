"""A base map read from the disk by the page itself: files other tools wrote, held to other readers of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from PIL import Image, ImageColor
from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from maps.offline_map import write_map
from maps.operation_map import operation_map
from maps.quiet_style import STYLE, drawn
from operations.finding.archive import Archive
from operations.store import OperationStore
from tests.maps.test_vector_tile import LAKE, raw, tile_at
from tests.maps.test_workbench import opened, until
from tests.operations.finding.conftest import T0_NS, made_operation

pytestmark = pytest.mark.browser
REAL = sorted(next(iter(Path(__file__).parents[4].glob("peers/pmtiles")), Path("nowhere")).glob("[tw]*.pmtiles"))
"""The raster files beside PMTiles' specification, where somebody put them beside the checkouts."""
COUNTED = """const slice = Blob.prototype.slice; window.taken = 0;
Blob.prototype.slice = function (from, to) { window.taken += to - from; return slice.apply(this, arguments); };"""
LAYER = "Object.values(window[document.querySelector('.folium-map').id]._layers).find((l) => l.options.source)"
EVIL = "<img src=x onerror=window.pwned=1>"
EDGES = dict.fromkeys(
    ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7", "center_zoom", "center_lon_e7", "center_lat_e7"), 0
)


@pytest.fixture(scope="module")
def page_of_a_night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    made = made_operation(folder / "op", nights=1)
    with OperationStore.open(made, actor="ana", clock=lambda: T0_NS) as store, Archive([store]) as archive:
        write_map(operation_map(archive), folder / "page.html")
    return (folder / "page.html").as_uri()


def chosen(page, path):
    page.keyboard.press("y")
    page.set_input_files(".vedette-disk input", path)
    until(page, "document.querySelector('.vedette-disk').nextElementSibling.textContent !== ''")
    return page.inner_text(".vedette-disk + .note")


def shown(page, zoom, lat, lon):
    """Look at a place, and return the tiles on the screen as pictures by place, those not empty."""
    until(page, f"Boolean({LAYER})")
    page.evaluate(
        f"window[document.querySelector('.folium-map').id].setView([{lat}, {lon}], {zoom}, {{animate: false}})"
    )
    until(page, f"!{LAYER}._loading && {LAYER}._tileZoom === {zoom}")
    told = page.evaluate(f"Object.entries({LAYER}._tiles).map(([k, t]) => [k, t.el.height, t.el.toDataURL()])")
    pictures = {}
    for key, height, text in told:
        x, y, z = map(int, key.split(":"))
        if height >= 256 and z == zoom:  # a canvas on which nothing was drawn is 150 high
            pictures[z, x, y] = Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))).convert("RGB")
    return pictures


def test_tiles_are_numbered_as_the_library_numbers_them(browser, page_of_a_night):
    chance = np.random.default_rng(5)
    places = [(z, *chance.integers(0, 1 << z, 2).tolist()) for z in range(23) for _ in range(20)]
    with opened(browser, page_of_a_night) as page:
        told = page.evaluate("(places) => places.map((place) => vedette.tileId(...place))", places)
    assert told == [zxy_to_tileid(*place) for place in places]


@pytest.mark.skipif(not REAL, reason="no PMTiles in peers/pmtiles beside the checkouts (spec/v3 of protomaps/PMTiles)")
def test_real_files_look_as_they_do_to_another_reader(browser, page_of_a_night):
    for path, zoom, lat, lon in zip(REAL, (3, 13), (30.0, 36.577), (10.0, -118.29), strict=True):
        with opened(browser, page_of_a_night) as page, path.open("rb") as file:
            assert "zooms" in chosen(page, path)
            seen = shown(page, zoom, lat, lon)
            reader = Reader(MmapSource(file))
            assert len(seen) >= 4
            for place, picture in seen.items():
                wanted = Image.open(io.BytesIO(reader.get(*place))).convert("RGB")
                assert np.abs(np.asarray(picture, int) - np.asarray(wanted, int)).mean() < 1.0


def large_file(path, zoom=7):
    """Write more than a page takes in: every tile of a zoom, each a colour of its own, with directories in leaves."""
    with path.open("wb") as file:
        writer = Writer(file)
        tiles = sorted((zxy_to_tileid(zoom, x, y), x, y) for x in range(1 << zoom) for y in range(1 << zoom))
        for number, x, y in tiles:
            palette = Image.new("P", (256, 256))
            palette.putpalette([x, y, 77])
            writer.write_tile(number, _png(palette) if 64 < x < 70 and 40 < y < 47 else b"\x00" * 1300 + bytes((x, y)))
        kind = {"tile_type": TileType.PNG, "tile_compression": Compression.NONE, "min_zoom": zoom, "max_zoom": zoom}
        writer.finalize(kind | EDGES, {"attribution": EVIL})
    return path


def _png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_of_a_large_file_only_what_is_looked_at_is_read(browser, page_of_a_night, tmp_path):
    path = large_file(tmp_path / "large.pmtiles")
    assert path.stat().st_size > 20_000_000
    with opened(browser, page_of_a_night, {"viewport": {"width": 1000, "height": 700}}, before=COUNTED) as page:
        assert chosen(page, path) == "large.pmtiles: zooms 7 to 7"
        seen = shown(page, 7, 50.0, 8.0)
        assert {place for place in seen if 64 < place[1] < 70 and 40 < place[2] < 47}
        for (_, x, y), picture in seen.items():
            assert picture.getpixel((100, 100)) == (x, y, 77)
        assert page.evaluate("window.taken") < 0.02 * path.stat().st_size
        assert EVIL in page.inner_text(".leaflet-control-attribution")
        assert page.evaluate("window.pwned") is None


def test_vector_tiles_are_drawn_as_before_the_page_and_names_are_paint(browser, page_of_a_night, tmp_path):
    path = tmp_path / "lake.pmtiles"
    lake = geopandas.GeoDataFrame({"class": ["lake"], "name": [EVIL]}, geometry=[LAKE], crs=4326)
    zooms = {"MINZOOM": "9", "MAXZOOM": "13"}
    pyogrio.write_dataframe(lake, path, driver="PMTiles", layer="water", dataset_options=zooms)
    town = geopandas.GeoDataFrame(
        {"class": ["town"], "name": [EVIL]}, geometry=[shapely.Point(8.0105, 50.0105)], crs=4326
    )
    pyogrio.write_dataframe(town, tmp_path / "town.pmtiles", driver="PMTiles", layer="place", dataset_options=zooms)
    with opened(browser, page_of_a_night) as page:
        chosen(page, path)
        seen = shown(page, 13, 50.01, 8.01)
        for lat, lon, name in ((50.004, 8.004, "water"), (50.01, 8.01, "ground")):
            x, y, across, down = tile_at(path, 13, lat, lon)
            colour = ImageColor.getrgb(STYLE["fills"]["water"] if name == "water" else STYLE["ground"])
            at = seen[13, x, y].getpixel((int(across * 512), int(down * 512)))
            assert at == pytest.approx(colour, abs=3)
            ours = np.asarray(Image.open(io.BytesIO(drawn(raw(path, 13, x, y)))).convert("RGB"), int)
            assert np.abs(ours - np.asarray(seen[13, x, y], int)).mean() < 1.0
        chosen(page, tmp_path / "town.pmtiles")
        x, y, *_ = tile_at(path, 13, 50.0105, 8.0105)
        until(page, f"Boolean({LAYER})")
        (picture,) = (one for place, one in shown(page, 13, 50.01, 8.01).items() if place == (13, x, y))
        assert len(picture.getcolors(1 << 18)) > 10, "its name is painted"
        assert page.evaluate("window.pwned") is None


def test_what_is_broken_is_said_and_the_rest_goes_on(browser, page_of_a_night, tmp_path):
    whole = large_file(tmp_path / "whole", zoom=6).read_bytes()
    unread = bytearray(whole)
    unread[97] = 3  # Brotli
    broken = {
        "text.pmtiles": (b"no map at all", "it is no PMTiles file of version 3"),
        "cut.pmtiles": (whole[:130], "beyond the end"),
        "brotli.pmtiles": (bytes(unread), "compressed in a way"),
        "noise.pmtiles": (whole[:127] + bytes(range(256)) * 80, ""),
    }
    with opened(browser, page_of_a_night) as page:
        for name, (data, said) in broken.items():
            (tmp_path / name).write_bytes(data)
            told = chosen(page, tmp_path / name)
            assert told.startswith(f"{name}: ")
            assert said in told
            assert "the page goes on" in told
        (tmp_path / "tiles.pmtiles").write_bytes(whole)
        chosen(page, tmp_path / "tiles.pmtiles")
        page.evaluate("window[document.querySelector('.folium-map').id].setView([50, 8], 6, {animate: false})")
        until(page, "document.querySelector('.vedette-disk').nextElementSibling.textContent.includes('is damaged')")
        page.keyboard.press("l")
        page.keyboard.press("j")
        assert page.inner_text(".vedette-card-panel")
