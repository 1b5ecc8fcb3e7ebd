"""Terrain in pages: 200 tiles against one file and rasterio's sample() over a VRT; borders against geopandas."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from benchmarks import Row
from geo.gis.door_file import close_door, read_vector
from geo.terrain_file import read_terrain

PLACES = 1_000_000
RIVAL_PLACES = 20_000
SIDE, ACROSS, DOWN = 256, 20, 10
STEP = 1 / 3600
VERTICES = 1_000_000


def _write(path: Path, heights: np.ndarray, row: int, column: int) -> None:
    place = from_origin(8.0 + column * STEP, 50.0 - row * STEP, STEP, STEP)
    shape = {"width": heights.shape[1], "height": heights.shape[0], "count": 1, "dtype": "int16"}
    with rasterio.open(
        path, "w", driver="GTiff", crs=4326, transform=place, tiled=True, blockxsize=256, blockysize=256,
        compress="deflate", **shape,
    ) as raster:  # fmt: skip
        raster.write(heights, 1)


def _tiles(folder: Path, heights: np.ndarray) -> str:
    """Write the tiles of a ground and return a VRT of them, for the rival alone."""
    (folder / "tiles").mkdir()
    parts = []
    for k in range(ACROSS * DOWN):
        row, column = (n * SIDE for n in divmod(k, ACROSS))
        path = folder / "tiles" / f"{k:03d}.tif"
        _write(path, heights[row : row + SIDE, column : column + SIDE], row, column)
        parts.append(
            f"<SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" xSize="{SIDE}" ySize="{SIDE}"/>'
            f'<DstRect xOff="{column}" yOff="{row}" xSize="{SIDE}" ySize="{SIDE}"/></SimpleSource>'
        )
    rows, columns = heights.shape
    band = f'<VRTRasterBand dataType="Int16" band="1">{"".join(parts)}</VRTRasterBand>'
    place = f"8.0, {STEP!r}, 0, 50.0, 0, {-STEP!r}"
    return (
        f'<VRTDataset rasterXSize="{columns}" rasterYSize="{rows}"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{band}</VRTDataset>"
    )


def _seconds(path: Path, lat: np.ndarray, lon: np.ndarray) -> tuple[float, np.ndarray]:
    """Open a ground and look up places, with nothing held from before but a running child."""
    start = time.perf_counter()
    heights = read_terrain(path, datum="hae").height_hae_m(lat, lon)
    return time.perf_counter() - start, heights


def run() -> list[Row]:
    rng = np.random.default_rng(1)
    heights = rng.integers(100, 900, (SIDE * DOWN, SIDE * ACROSS)).astype("int16")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vrt = _tiles(folder, heights)
        _write(folder / "one.tif", heights, 0, 0)
        _write(folder / "warm.tif", heights[:300, :300], 0, 0)
        lat = 50.0 - STEP * rng.uniform(1.0, heights.shape[0] - 2.0, PLACES)
        lon = 8.0 + STEP * rng.uniform(1.0, heights.shape[1] - 2.0, PLACES)
        _seconds(folder / "warm.tif", lat[:10], lon[:10])
        one, of_one = _seconds(folder / "one.tif", lat, lon)
        many, of_many = _seconds(folder / "tiles", lat, lon)
        np.testing.assert_array_equal(of_one, of_many)
        start = time.perf_counter()
        with rasterio.open(vrt) as raster:
            list(raster.sample(np.stack([lon, lat], axis=1)[:RIVAL_PLACES]))
        rival = (time.perf_counter() - start) * PLACES / RIVAL_PLACES
        held, _ = _seconds(folder / "tiles", lat, lon)
        border = _border(folder)
    anew, sample = "10^6 places over 200 tiles, opened anew", "rasterio sample() of a VRT"
    return [
        Row(what=anew, ours=many, rival=one, rival_name="ours over one file", unit="s", goal=">= 0.67"),
        Row(what=anew, ours=many, rival=rival, rival_name=sample, unit="s"),
        Row(what="10^6 places over 200 tiles, held", ours=held, rival=rival, rival_name=sample, unit="s"),
        border,
    ]


def _border(folder: Path) -> Row:
    import geopandas
    import shapely

    way = np.linspace(0.0, 1.0, VERTICES)
    line = shapely.LineString(np.stack([9.0 + 2.0 * way, 48.0 + 0.1 * np.sin(40.0 * way)], axis=1))
    path = folder / "border.geojson"
    geopandas.GeoDataFrame({"a": [1]}, geometry=[line], crs=4326).to_file(path, driver="GeoJSON", engine="pyogrio")
    start = time.perf_counter()
    shapely.get_coordinates(geopandas.read_file(path, engine="pyogrio").geometry.array)
    rival = time.perf_counter() - start
    close_door()
    start = time.perf_counter()
    read_vector(path)
    ours = time.perf_counter() - start
    return Row(what="border of 10^6 vertices, the child's start included", ours=ours, rival=rival,
               rival_name="geopandas.read_file", unit="s", goal=">= 0.77")  # fmt: skip
