"""Mutated files of every format, in great numbers: read, or refused by our own error, and nothing else."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin

from geo.errors import InputError
from geo.gis import door_file
from geo.gis.door_file import read_vector
from geo.gis.raster_file import open_raster
from geo.terrain_file import read_terrain

FEW, MANY = 60, 10_000
MOST_MB = 4500
VECTOR = ("geojson", "kml", "kmz", "gpkg", "shp", "fgb", "zip")
RASTER = ("tif", "utm.tif", "hgt", "dt1", "asc", "gtx")


def vector(folder: Path, kind: str) -> Path:
    import geopandas
    import shapely

    line = shapely.LineString([(9.0, 48.0), (9.1, 48.05), (9.2, 48.0)])
    area = shapely.Polygon([(9.0, 48.0), (9.1, 48.05), (9.2, 48.0)], [[(9.09, 48.01), (9.1, 48.02), (9.11, 48.01)]])
    drivers = {"geojson": "GeoJSON", "kml": "KML", "gpkg": "GPKG", "fgb": "FlatGeobuf", "shp": "ESRI Shapefile"}
    drawn = [line] if kind in ("shp", "zip", "fgb") else [line, area]
    frame = geopandas.GeoDataFrame({"a": range(len(drawn))}, geometry=drawn, crs=4326)
    base = {"kmz": "kml", "zip": "shp"}.get(kind, kind)
    path = folder / f"x.{base}"
    frame.to_file(path, driver=drivers[base], engine="pyogrio")
    if kind in ("kmz", "zip"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for part in [path] if kind == "kmz" else sorted(folder.glob("x.*")):
                archive.write(part, "doc.kml" if kind == "kmz" else part.name)
        path = folder / f"x.{kind}"
        path.write_bytes(packed.getvalue())
    return path


def raster(folder: Path, kind: str) -> Path:
    rng = np.random.default_rng(1)
    size = 1201 if kind in ("hgt", "dt1") else 60
    step, crs, (west, north) = 1 / 1200, 4326, (8.0 - 1 / 2400, 46.0 + 1 / 2400)
    if kind == "utm.tif":
        step, crs, (west, north) = 25.0, 32632, (500_000.0, 5_080_000.0)
    source = folder / "source.tif"
    with rasterio.open(source, "w", driver="GTiff", width=size, height=size, count=1, dtype="int16", crs=crs,
                       transform=from_origin(west, north, step, step), compress="deflate") as grid:  # fmt: skip
        grid.write(rng.integers(100, 400, (size, size)).astype("int16"), 1)
    path = folder / {"hgt": "N45E008.hgt", "dt1": "x.dt1", "asc": "x.asc"}.get(kind, "x.tif")
    if kind in ("hgt", "dt1", "asc"):
        copy(source, path, driver={"hgt": "SRTMHGT", "dt1": "DTED", "asc": "AAIGrid"}[kind])
    elif kind == "gtx":
        path = folder / "x.gtx"
        head = np.array([40.0, 5.0, 0.25, 0.25], ">f8").tobytes() + np.array([60, 60], ">i4").tobytes()
        path.write_bytes(head + rng.uniform(40, 50, (60, 60)).astype(">f4").tobytes())
    else:
        path.write_bytes(source.read_bytes())
    return path


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    """Flip, overwrite, cut, repeat or move bytes; half of it near the beginning, where the structure is."""
    data = bytearray(whole)
    for _ in range(int(rng.integers(1, 6))):
        room = len(data) if rng.random() < 0.5 else min(len(data), 600)
        at, way = int(rng.integers(0, max(room, 1))), rng.random()
        if way < 0.4:
            data[at : at + 1] = bytes([int(rng.integers(0, 256))])
        elif way < 0.6:
            data[at : at + 4] = (0xFFFFFFFF, 0x7FFFFFFF, 0, 0x80000000)[int(rng.integers(0, 4))].to_bytes(4, "little")
        elif way < 0.75:
            del data[at : at + int(rng.integers(1, 60))]
        elif way < 0.9:
            part = data[at : at + int(rng.integers(1, 60))]
            data[at:at] = part * int(rng.integers(1, 8))
        else:
            del data[max(at, 4) :]
    return bytes(data) if len(data) > 3 else whole[:100]


def read(path: Path) -> None:
    if path.name.endswith((".gtx", ".tif", ".hgt", ".dt1", ".asc")):
        if path.suffix == ".gtx":
            grid = open_raster(path)
            facts = grid.facts()
            grid.window(0, 0, min(facts["height"], 64), min(facts["width"], 64))
            return
        terrain = read_terrain(path, datum="hae", cache_mb=4.0)
        south, west, north, east = terrain.bounds_deg
        terrain.height_hae_m(np.linspace(south, north, 9), np.linspace(west, east, 9))
    else:
        read_vector(path)


def fuzz(folder: Path, kind: str, count: int, seed: int) -> dict[str, int]:
    path = vector(folder, kind) if kind in VECTOR else raster(folder, kind)
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    told = {"read": 0, "refused": 0, "died": 0, "wordy": 0}
    for _ in range(count):
        path.write_bytes(mutated(whole, rng))
        try:
            read(path)
            told["read"] += 1
        except InputError as error:
            told["wordy"] += len(error.message.splitlines()) != 1
            told["died" if "died" in error.message else "refused"] += 1
    return told


def peak_mb(kind: str) -> float:
    number = door_file.child_number("vector" if kind in VECTOR else "raster")
    status = Path(f"/proc/{number}/status").read_text()
    return int(status.split("VmPeak:")[1].split()[0]) / 1024.0


@pytest.mark.parametrize("kind", [*VECTOR, *RASTER])
def test_mutated_files_are_read_or_refused(kind, tmp_path):
    told = fuzz(tmp_path, kind, FEW, seed=7)
    assert told["read"] + told["refused"] + told["died"] == FEW
    assert told["wordy"] == 0
    assert told["refused"] + told["died"] > 0 or kind in ("hgt", "dt1")
    if os.path.isdir("/proc/self"):
        assert peak_mb(kind) < MOST_MB


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", [*VECTOR, *RASTER])
def test_ten_thousand_mutated_files_are_read_or_refused(kind, tmp_path):
    told = fuzz(tmp_path, kind, MANY, seed=11)
    print(kind, told, f"peak {peak_mb(kind):.0f} MB")
    assert told["read"] + told["refused"] + told["died"] == MANY
    assert told["wordy"] == 0
    assert told["died"] < MANY // 100
