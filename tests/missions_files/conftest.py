"""A small sortie and its parts, for the tests of plan files and checks."""

from __future__ import annotations

import json
import math

import pytest

from missions.briefs.brief_file import build_brief
from missions.plan import Leg, LegKind, MissionItem, Sortie

CAMP = (50.0, 8.0, 212.0)
CAMP_LAT = 48.0 - 0.012


def item(seq, command, *, lat=math.nan, lon=math.nan, alt=0.0, frame=None, **params):
    where = 3 if not math.isnan(lat) else 2
    return MissionItem(
        seq=seq, command=command, frame=where if frame is None else frame, lat_deg=lat, lon_deg=lon, alt_m=alt, **params
    )


def square_sortie(**changes):
    items = (
        item(0, 22, lat=50.0, lon=8.0, alt=60.0),
        item(1, 178, p1=1.0, p2=12.0, p3=-1.0),
        item(2, 16, lat=50.001, lon=8.0, alt=60.0, p4=math.nan),
        item(3, 16, lat=50.001, lon=8.002, alt=80.0),
        item(4, 177, p1=2.0, p2=3.0),
        item(5, 20),
    )
    leg = Leg(
        seq=0,
        kind=LegKind.WORK,
        lat_start_deg=50.0,
        lon_start_deg=8.0,
        alt_amsl_start_m=272.0,
        lat_end_deg=50.001,
        lon_end_deg=8.0,
        alt_amsl_end_m=272.0,
        t_start_s=0.0,
        t_end_s=10.0,
        speed_mps=12.0,
        battery_end_pct=90.0,
    )
    fence = tuple(
        item(i, 5001, lat=lat, lon=lon, p1=4.0, frame=0)
        for i, (lat, lon) in enumerate([(49.99, 7.99), (50.01, 7.99), (50.01, 8.01), (49.99, 8.01)])
    ) + (item(4, 5004, lat=50.0005, lon=8.0011, p1=20.0, frame=0),)
    rally = (item(0, 5100, lat=50.0004, lon=7.9995, alt=30.0),)
    values = {
        "name": "s1",
        "aircraft": "quad",
        "site": "camp",
        "home_lat_deg": CAMP[0],
        "home_lon_deg": CAMP[1],
        "home_alt_amsl_m": CAMP[2],
        "t_start_s": 0.0,
        "legs": (leg,),
        "items": items,
        "fence": fence,
        "rally": rally,
    }
    return Sortie(**(values | changes))


@pytest.fixture
def sortie():
    """Return a sortie with a jump, a speed change, an unset heading, a fence and a rally point."""
    return square_sortie()


@pytest.fixture
def make_item():
    """Return the item factory."""
    return item


@pytest.fixture
def make_sortie():
    """Return the sortie factory."""
    return square_sortie


@pytest.fixture
def make_brief(tmp_path):
    """Return a builder of briefs: a border along 48 N, our side south of it, flat ground at 300 m."""

    def build(line=((9.0 - 0.05, 48.0), (9.0 + 0.05, 48.0)), **tables):
        (tmp_path / "border.geojson").write_text(json.dumps({"type": "LineString", "coordinates": line}))
        raw = {
            "name": "test",
            "border": {"file": "border.geojson", "own_side": "right"},
            "standoff": {"asked_m": 200.0},
            "corridor": {"depth_m": 800.0},
            "aircraft": {"type": "quad-survey"},
            "launch": [{"name": "camp", "lat_deg": CAMP_LAT, "lon_deg": 9.0}],
            "flight": {"alt_agl_m": 100.0, "min_agl_m": 50.0, "max_agl_m": 150.0},
            "terrain": {"flat_amsl_m": 300.0},
        }
        return build_brief(raw | tables, tmp_path)

    return build
