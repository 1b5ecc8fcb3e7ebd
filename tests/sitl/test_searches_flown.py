"""Searches flown on the simulated vehicle: it sees the ground it was sent to see, and lands at its site."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
import shapely

from missions.briefs.brief_file import build_brief
from missions.patterns.values import PatternKind, PatternRequest
from missions.plan_files.dialect import MissionType, wire_items
from missions.tasks.plan_door import plan_brief
from missions.tasks.search import Search
from sitl.planned import planned_vehicle
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import Vehicle
from sitl.vehicle.wire import WireItem

PLANE = pyproj.Proj(proj="aeqd", lat_0=47.985, lon_0=9.0, datum="WGS84")
AREA_XY = shapely.Polygon([(-250, 50), (-250, -300), (300, -280), (250, 80)])
SWATH_M = 60.0


def ring():
    lon, lat = PLANE(*np.array(AREA_XY.exterior.coords)[:-1].T, inverse=True)
    return tuple(zip(lon.tolist(), lat.tolist(), strict=True))


def flown_xy(brief, sortie):
    """Fly a sortie; return where it was every half second, metres in the plane of the area, and the vehicle."""
    vehicle = Vehicle(planned_vehicle(brief, sortie), lambda message, to: None)
    vehicle.step()
    vehicle.servers[MissionType.MISSION].items = [
        WireItem(
            seq=i.seq, command=i.command, frame=i.frame, p1=i.p1, p2=i.p2, p3=i.p3, p4=i.p4,
            x=round(np.nan_to_num(i.lat_deg) * 1e7), y=round(np.nan_to_num(i.lon_deg) * 1e7), z=i.alt_m,
        )
        for i in wire_items(sortie, brief.dialect)
    ]  # fmt: skip
    assert vehicle.autopilot.set_mode(Mode.AUTO)
    assert vehicle.autopilot.arm(force=True)
    assert vehicle.autopilot.start_mission()
    places, end_s = [], vehicle.t_s + 1.5 * (sortie.legs[-1].t_end_s - sortie.t_start_s) + 60.0
    count = 0
    while vehicle.autopilot.armed and vehicle.t_s < end_s:
        vehicle.step()
        count += 1
        if count % 25 == 0:
            places.append((vehicle.state.lon_deg, vehicle.state.lat_deg))
    return np.column_stack(PLANE(*np.array(places).T)), vehicle


@pytest.mark.parametrize("aircraft", ["quad-survey", "wing-2m"])
def test_a_flown_search_sees_its_area_and_lands(tmp_path, aircraft):
    raw = {
        "name": "flown", "border": {"coordinates": [[48.0, 8.95], [48.0, 9.05]], "own_side": "right"},
        "standoff": {"asked_m": 200}, "corridor": {"depth_m": 800}, "aircraft": {"type": aircraft},
        "launch": [{"name": "camp", "lat_deg": 47.976, "lon_deg": 9.0}], "terrain": {"flat_amsl_m": 300.0},
        "wind": {"speed_mps": 5.0, "from_deg": 250.0},
    }  # fmt: skip
    brief = build_brief(raw, tmp_path)
    request = PatternRequest(kind=PatternKind.AREA, swath_m=SWATH_M, polygons=((ring(),),))
    made = plan_brief(brief, Search(request=request))
    (sortie,) = made.plan.sorties
    xy, vehicle = flown_xy(brief, sortie)
    seen = shapely.buffer(shapely.LineString(xy), SWATH_M / 2.0, cap_style="flat")
    assert seen.intersection(AREA_XY).area / AREA_XY.area > 0.98
    assert vehicle.autopilot.landings == 1
    home = np.array(PLANE(sortie.home_lon_deg, sortie.home_lat_deg))
    assert math.dist(xy[-1], home) < 60.0
    assert vehicle.battery.remaining_pct > brief.fleets[0].aircraft.reserve_pct
