"""QGroundControl patterns that hold no items of their own: what they fly, rebuilt."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import shapely

from geo.errors import InputError
from missions.plan_files.qgc_plan_file import parse_qgc_plan, qgc_plan_json, read_qgc_plan

GEOD = pyproj.Geod(ellps="WGS84")
SQUARE = [[47.6, 8.5], [47.6, 8.504], [47.603, 8.504], [47.603, 8.5]]


def plan(item, *more):
    mission = {"version": 2, "firmwareType": 12, "vehicleType": 1, "items": [item, *more]}
    return json.dumps({"fileType": "Plan", "version": 1, "mission": mission})


def read(item, *more):
    return parse_qgc_plan(plan(item, *more), where="x.plan")


OLD_SURVEY = {
    "type": "ComplexItem",
    "complexItemType": "survey",
    "version": 3,
    "polygon": SQUARE,
    "cameraTriggerDistance": 25.0,
    "fixedValueIsAltitude": True,
    "manualGrid": True,
    "grid": {"altitude": 60.0, "relativeAltitude": True, "angle": 0.0, "spacing": 40.0, "turnAroundDistance": 15.0},
}


def test_an_early_survey_is_rebuilt_as_lanes_that_cover_its_polygon():
    document = read(OLD_SURVEY)
    (survey,) = document.complexes
    assert (survey.kind, survey.version, survey.item_count) == ("survey", 3, len(document.items))
    assert "rebuilt" in document.problems[0]
    places = [item for item in document.items if item.command == 16]
    assert {item.alt_m for item in places} == {60.0}
    triggers = [item.p1 for item in document.items if item.command == 206]
    assert triggers == [25.0, 0.0] * (len(places) // 4)
    lon_m = GEOD.inv(8.5, 47.6, 8.501, 47.6)[2] * 1000.0
    lat_m = GEOD.inv(8.5, 47.6, 8.5, 47.601)[2] * 1000.0
    xy = np.array([((i.lon_deg - 8.5) * lon_m, (i.lat_deg - 47.6) * lat_m) for i in places]).reshape(-1, 4, 2)
    seen = shapely.union_all([shapely.LineString(lane[1:3]).buffer(20.3, cap_style="flat") for lane in xy])
    square = shapely.Polygon([((lon - 8.5) * lon_m, (lat - 47.6) * lat_m) for lat, lon in SQUARE])
    assert square.difference(seen.buffer(0.5)).area < 1.0
    heads = np.degrees(np.arctan2(*(xy[:, 2] - xy[:, 1]).T)) % 180.0
    assert np.minimum(heads, 180.0 - heads).max() < 0.1
    before = np.hypot(*(xy[:, 1] - xy[:, 0]).T)
    assert before == pytest.approx(np.full(len(xy), 15.0), abs=0.1)


def test_the_second_version_named_its_type_differently():
    old = OLD_SURVEY | {"type": "survey", "version": 2}
    old.pop("complexItemType")
    assert len(read(old).items) == len(read(OLD_SURVEY).items)
    assert qgc_plan_json(read(old))["mission"]["items"][0] == old


def test_a_structure_scan_flies_around_the_structure_on_every_layer(shared_data):
    document = read_qgc_plan(shared_data / "missions/mavsdk/qgroundcontrol_sample_with_structured_scan.plan")
    (scan,) = document.complexes
    flown = document.items[scan.first_item : scan.first_item + scan.item_count]
    places = [item for item in flown if item.command == 16]
    assert sorted({item.alt_m for item in places}) == [50.0, 62.5, 87.5]
    ring = shapely.Polygon([(lon, lat) for lon, lat in scan.geometry_lonlat])
    assert not any(ring.contains(shapely.Point(i.lon_deg, i.lat_deg)) for i in places)
    apart = [
        min(GEOD.inv(i.lon_deg, i.lat_deg, lon, lat)[2] for lon, lat in np.array(ring.segmentize(1e-6).exterior.coords))
        for i in places
    ]
    assert min(apart) == pytest.approx(50.0, abs=1.0) or min(apart) > 50.0
    assert [item.p1 for item in flown if item.command == 206] == [25.0, 0.0, 25.0, 0.0]
    assert (flown[0].lat_deg, flown[0].alt_m) == (flown[-1].lat_deg, 50.0)
    assert document.items[0].command == 530


LANDING = {
    "type": "ComplexItem",
    "complexItemType": "fwLandingPattern",
    "version": 2,
    "altitudesAreRelative": True,
    "landCoordinate": [47.61, 8.51, 0.0],
    "landingApproachCoordinate": [47.615, 8.515, 40.0],
    "loiterRadius": 75.0,
    "loiterClockwise": False,
    "stopTakingPhotos": True,
    "stopVideoPhotos": True,
    "useLoiterToAlt": True,
}


def test_a_landing_pattern_is_a_land_start_an_approach_and_a_landing():
    document = read(LANDING)
    assert [item.command for item in document.items] == [189, 206, 2001, 2501, 31, 21]
    approach, land = document.items[-2:]
    assert (approach.p2, approach.alt_m, approach.frame) == (-75.0, 40.0, 3)
    assert (land.lat_deg, land.lon_deg) == (47.61, 8.51)
    straight = LANDING | {"useLoiterToAlt": False, "altitudesAreRelative": False, "stopTakingPhotos": False}
    assert [(i.command, i.frame) for i in read(straight).items] == [(189, 2), (2501, 2), (16, 0), (21, 0)]


def test_a_vtol_lands_vertically():
    vtol = LANDING | {"complexItemType": "vtolLandingPattern", "version": 1}
    assert read(vtol).items[-1].command == 85


def test_a_pattern_keeps_its_place_between_simple_items():
    simple = {"type": "SimpleItem", "command": 16, "frame": 3, "autoContinue": True, "doJumpId": 1}
    simple["params"] = [0, 0, 0, None, 47.6, 8.5, 50]
    document = read(simple, LANDING, simple | {"doJumpId": 8})
    assert [p.first_item for p in document.complexes] == [1]
    written = qgc_plan_json(document)["mission"]["items"]
    assert [i["type"] for i in written] == ["SimpleItem", "ComplexItem", "SimpleItem"]
    assert written[1] == LANDING


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (LANDING | {"version": 7}, "is a fwLandingPattern of version 7; readable: 2"),
        (LANDING | {"landCoordinate": [47.6, 8.5]}, "needs an altitude as its third number"),
        (LANDING | {"complexItemType": "spiral"}, "is a pattern 'spiral' that is not readable"),
        (OLD_SURVEY | {"polygon": [[47.6, 8.5]]}, "at least three are needed"),
        (OLD_SURVEY | {"polygon": [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]}, "polygon: the area is not a simple"),
        (OLD_SURVEY | {"grid": OLD_SURVEY["grid"] | {"spacing": 0}}, "spacing must be above 0 m"),
        (OLD_SURVEY | {"grid": None}, "must be an object"),
    ],
)
def test_a_broken_pattern_is_named_with_its_place(item, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(item)
    assert "x.plan: mission.items[0]" in str(caught.value)


def test_a_long_mission_is_read_and_one_item_too_many_refused(monkeypatch):
    simple = {"type": "SimpleItem", "command": 16, "frame": 3, "params": [0, 0, 0, None, 47.6, 8.5, 50]}
    assert len(read(*[simple] * 10_000).items) == 10_000
    monkeypatch.setattr("missions.plan_files.qgc_plan_file.MAX_ITEMS", 3)
    with pytest.raises(InputError, match=r"items\[3\] is item 4; a vehicle can hold at most 3"):
        read(*[simple] * 5)
