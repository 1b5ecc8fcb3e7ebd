"""What the pages of the documentation name: a brief and its plan, nights, recordings, logs and people's keys."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from operations.store import OperationStore
from tests.docs.pages import ROOT
from tests.operations.finding.conftest import T0_NS, made_operation
from tests.operations.night import make_clip
from tests.telemetry.recordings.conftest import write_mp4, write_srt
from vedette.main import main

if TYPE_CHECKING:
    from pathlib import Path

PLACE = (47.376, 112.580)
RETENTION = "[keep_days]\nempty = 3\ndismissed = 7\nundecided = 30\nconfirmed = 365\n"


def square(lat, lon, half_deg):
    ring = [[lon + x * half_deg, lat + y * half_deg] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


def line(*places):
    return json.dumps({"type": "LineString", "coordinates": [[lon, lat] for lat, lon in places]})


def ends_of(geojson):
    while "coordinates" not in geojson:
        geojson = geojson["features"][0] if "features" in geojson else geojson["geometry"]
    return geojson["coordinates"]


@pytest.fixture(scope="session")
def steppe(tmp_path_factory):
    """Return a folder with the example's brief, ground and border, its plan, and what searches ask for."""
    folder = tmp_path_factory.mktemp("steppe")
    shutil.copytree(ROOT / "examples" / "demo", folder, dirs_exist_ok=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    border = json.loads((folder / "border.geojson").read_text())
    (folder / "line.geojson").write_text(line(*[(lat, lon) for lon, lat, *_ in reversed(ends_of(border))]))
    shutil.copy(folder / "terrain.tif", folder / "dem.tif")
    (folder / "dem").mkdir()
    shutil.copy(folder / "terrain.tif", folder / "dem" / "a.tif")
    (folder / "field.geojson").write_text(square(*PLACE, 0.004))
    (folder / "depot.geojson").write_text(square(*PLACE, 0.002))
    (folder / "road.geojson").write_text(line(PLACE, (47.377, 112.592)))
    with (folder / "brief.toml").open("a") as brief:
        brief.write("\n[time]\nstart_utc = 2026-01-15T18:00:00Z\n")
    assert main(["plan", str(folder / "brief.toml"), "--out", str(folder / "plan")]) == 0
    shutil.copy(folder / "plan" / "S01.plan", folder / "mission.plan")
    shutil.copy(folder / "plan" / "S01.waypoints", folder / "old.waypoints")
    (folder / "missions").mkdir()
    shutil.copy(folder / "mission.plan", folder / "missions" / "one.plan")
    asked = json.loads((folder / "plan" / "plan.json").read_text())["vehicle_parameters"]["quad-survey"]
    (folder / "vehicle.param").write_text("".join(f"{name},{value}\n" for name, value in asked.items()))
    return folder


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """Return a folder with two nights of things, the border beside them, and who signs."""
    folder = tmp_path_factory.mktemp("night")
    for name in ("night-1", "night-2"):
        made_operation(folder / name, nights=1)
    with OperationStore.open(folder / "night-1", actor="x", clock=lambda: T0_NS, read_only=True) as store:
        person = next(row for row in store.table("tracks").to_pylist() if row["class_name"] == "person")
    lat = person["lat_deg"][0]
    (folder / "border.geojson").write_text(line((lat, 8.0), (lat, 8.1)))
    (folder / "brief.toml").write_text(BRIEF.replace("LAT", f"{lat + 0.01:.4f}"))
    (folder / "clearing.geojson").write_text(square(50.05, 8.05, 0.01))
    for name in ("ana", "ben"):
        assert main(["keys", "new", str(folder / "media" / "usb" / f"{name}.key"), "--name", name]) == 0
        shutil.copytree(folder / "media" / "usb", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory, shared_data):
    """Return a folder with clips and logs under the names that the pages use, and ground beneath them."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "card").mkdir()
    for name in ("flight.ts", "downlink.ts", "clip.ts", "card/flight.ts"):
        make_clip(folder / name, walker=True, seed=len(name))
    for name in ("DJI_0001", "DJI_0042", "DJI_0007"):
        for where in ("card-1", "."):
            write_mp4(folder / where / f"{name}.MP4", 30)
            write_srt(folder / where / f"{name}.SRT", 30)
    shutil.copytree(folder / "card-1", folder / "media" / "card" / "DCIM")
    (folder / "media" / "usb").mkdir()
    (folder / "thermal-pictures").mkdir()
    shutil.copy(shared_data / "photos" / "openathena" / "skydio-catilina.jpg", folder / "thermal-pictures")
    for name in ("skydio-catilina.jpg", "skydio-catilina-dem.tiff"):
        shutil.copy(shared_data / "photos" / "openathena" / name, folder)
    shutil.copy(shared_data / "logs" / "ardupilot" / "vtol.tlog", folder / "flight.tlog")
    shutil.copy(shared_data / "logs" / "dronekit-la" / "log171.bin", folder / "00000071.BIN")
    write_ground(folder / "dem.tif")
    write_ground(folder / "better-dem.tif")
    (folder / "dem").mkdir()
    shutil.copy(folder / "dem.tif", folder / "dem" / "a.tif")
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory, recordings, night):
    """Return a folder with an operation that holds its original, a retention policy and who signs."""
    folder = tmp_path_factory.mktemp("kept")
    level = ["--flat-alt-amsl-m", "100"]
    assert main(["ingest", str(recordings / "clip.ts"), "--out", str(folder / "night-1"), *level]) == 0
    shutil.copytree(folder / "night-1", folder / "op")
    (folder / "retention.toml").write_text(RETENTION)
    shutil.copytree(night / "media", folder / "media")
    for key in (night / "media" / "usb").iterdir():
        shutil.copy(key, folder)
    shutil.copytree(recordings / "card", folder / "card")
    shutil.copy(recordings / "dem.tif", folder)
    return folder


def write_ground(path: Path) -> None:
    """Write a flat terrain of 100 m over the nights' square and the cards' place."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    shape = {"driver": "GTiff", "width": 500, "height": 300, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", **shape, transform=from_origin(7.0, 50.5, 0.01, 0.01)) as target:
        target.write(np.full((300, 500), 100.0, dtype=np.float32), 1)


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder, and how it is filled with copies of others."""

    def filled(*sources: Path) -> Path:
        for source in sources:
            shutil.copytree(source, tmp_path, dirs_exist_ok=True, symlinks=True)
        return tmp_path

    return filled


BRIEF = """
name = "page"
border = { file = "border.geojson", own_side = "left" }
standoff = { asked_m = 300 }
corridor = { depth_m = 500 }
aircraft = { type = "quad-500" }
launch = [{ name = "A", lat_deg = LAT, lon_deg = 8.05 }]
"""
