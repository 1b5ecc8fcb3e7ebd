"""Missions of QGroundControl, ArduPilot and MAVSDK: judged, written in every format, read back; losses are named."""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path

import pytest

from geo.errors import InputError
from missions.checks.check import check_document
from missions.plan_files.losses import losses
from missions.plan_files.plan_file import read_plan_file, write_plan_file

FOLDER = Path(os.environ.get("VEDETTE_MISSIONS", Path(__file__).resolve().parents[3] / "shared/data/missions"))
MIRRORED = (".plan", ".waypoints", ".kml", ".geojson", ".gpx")
"""Formats whose losses are what reading them back shows."""

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"{FOLDER} is not there; name the folder of public missions with VEDETTE_MISSIONS"
)


def found():
    endings = (".plan", ".txt", ".waypoints", ".mission", ".kml")
    return sorted(p for p in FOLDER.rglob("*") if p.is_file() and p.suffix in endings) if FOLDER.is_dir() else []


def tried(read):
    """Return what a reader or writer gives, and what it refuses with."""
    try:
        return read(), ""
    except InputError as error:
        return None, error.message


@pytest.mark.parametrize("path", found(), ids=lambda p: str(p.relative_to(FOLDER)))
def test_every_public_mission_goes_through_every_format(path, tmp_path):
    document, refused = tried(lambda: read_plan_file(path))
    if document is None:
        assert refused.startswith(str(path))
        assert "\n" not in refused
        return
    assert check_document(document, name=path.name).source_format == document.source_format
    for ending in (*MIRRORED, ".csv", ".kmz"):
        out = tmp_path / f"out{ending}"
        said, refused = tried(functools.partial(write_plan_file, document, out))
        assert "\n" not in refused
        assert bool(refused) != out.exists() or (ending == ".csv" and (tmp_path / "out-1.csv").exists())
        if said is not None and ending in MIRRORED:
            dialect = None if document.dialect is None else str(document.dialect)
            lost = losses(document, dataclasses.replace(read_plan_file(out, dialect), dialect=document.dialect))
            assert set(lost) <= set(said)


def test_most_of_them_are_read():
    read = [path for path in found() if tried(functools.partial(read_plan_file, path))[0] is not None]
    assert len(read) == 61  # eight of the 69 are broken on purpose
