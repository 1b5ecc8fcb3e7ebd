"""Briefs and the independent oracle the planner's tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from missions.briefs.brief_file import build_brief

ROOT = Path(__file__).resolve().parents[2]


def line_of(brief):
    """Return the border of a brief in (lon, lat)."""
    return shapely.multilinestrings(
        [shapely.linestrings(np.c_[line.lon_deg, line.lat_deg]) for line in brief.border.lines]
    )


def nearest_m(plan, border):
    """Return how near any leg comes to a (lon, lat) border: Gauss-Kruger about each sortie, not the planner's plane."""
    worst = np.inf
    for sortie in plan.sorties:
        lon = np.array([sortie.home_lon_deg, *(leg.lon_end_deg for leg in sortie.legs)])
        lat = np.array([sortie.home_lat_deg, *(leg.lat_end_deg for leg in sortie.legs)])
        lon0, lat0 = sortie.home_lon_deg, sortie.home_lat_deg
        lon = lon0 + (lon - lon0 + 180.0) % 360.0 - 180.0
        plane = pyproj.Transformer.from_crs(
            "EPSG:4326", f"+proj=tmerc +lat_0={lat0} +lon_0={lon0} +datum=WGS84 +units=m", always_xy=True
        )
        local = []
        for part in shapely.get_parts(border):
            xy = shapely.get_coordinates(part)
            dx = (xy[:, 0] - lon0 + 180.0) % 360.0 - 180.0
            near = (np.abs(xy[:, 1] - lat0) < 3.0) & (np.abs(dx) < 5.0 / max(np.cos(np.radians(lat0)), 0.05))
            for run in np.split(np.flatnonzero(near), np.flatnonzero(np.diff(np.flatnonzero(near)) > 1) + 1):
                if len(run) >= 2:
                    local.append(shapely.linestrings(np.c_[plane.transform(lon0 + dx[run], xy[run, 1])]))
        if local:
            path = shapely.linestrings(np.c_[plane.transform(lon, lat)])
            worst = min(worst, float(shapely.distance(path, shapely.multilinestrings(local))))
    return worst


@pytest.fixture
def oracle():
    return nearest_m


@pytest.fixture
def border_line():
    return line_of


@pytest.fixture
def make_brief():
    """Return a function that builds a brief from a border of [lat, lon] points and changes to the defaults."""

    def make(points=None, *, folder=ROOT, **changes):
        raw = {
            "name": "test",
            "border": {"coordinates": points, "own_side": "left"},
            "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 500},
            "aircraft": {"type": "quad-survey", "count": 2},
            "launch": [{"name": "a", "lat_deg": 50.01, "lon_deg": 8.02}],
            "terrain": {"flat_amsl_m": 0.0},
        }
        for key, value in changes.items():
            raw[key] = raw[key] | value if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
        if "file" in raw["border"]:
            raw["border"].pop("coordinates")
        return build_brief(raw, folder)

    return make


@pytest.fixture(scope="session")
def demo_brief_path():
    return ROOT / "examples" / "demo" / "brief.toml"


STRAIGHT = [[50.0, 8.0], [50.0, 8.05]]


@pytest.fixture
def straight():
    """A border of 3.6 km due east; left is north."""
    return STRAIGHT
