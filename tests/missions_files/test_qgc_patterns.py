"""QGroundControl patterns that hold no items of their own: what they fly, rebuilt."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pyproj
import pytest
import shapely
import shapely.affinity

from geo.errors import InputError
from missions.checks.check import check_document
from missions.documents.json_place import JsonPlace
from missions.plan_files.plan_document import ComplexItem, PlanDocument
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.qgc_plan_file import parse_qgc_plan, qgc_plan_json
from missions.plan_files.qgc_transects import lane_error_m
from missions.plan_files.qgc_unembedded import flatten_structure_scan

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
    document = read_plan_file(shared_data / "missions/mavsdk/qgroundcontrol_sample_with_structured_scan.plan")
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


def survey_items(make_item, polygon, angle_deg, spacing_m, *, beyond_m=0.0):
    """Lay lanes as QGroundControl documents them, on pyproj's sphere and with shapely: an oracle of its own."""
    plane = pyproj.Proj(proj="aeqd", R=6_371_000.0, lat_0=polygon[0][1], lon_0=polygon[0][0])
    outline = np.column_stack(plane(*np.array(polygon).T))
    x0, y0, x1, y1 = shapely.Polygon(outline).bounds
    size = max(x1 - x0, y1 - y0) + 2000.0
    middle = np.array([(x0 + x1) / 2.0, (y0 + y1) / 2.0])
    items = []
    for k in range(int(size / spacing_m) + 1):
        x = middle[0] - size / 2.0 + k * spacing_m
        lane = shapely.LineString([(x, middle[1] - size), (x, middle[1] + size)])
        lane = shapely.affinity.rotate(lane, -angle_deg, origin=tuple(middle))
        part = lane.intersection(shapely.Polygon(outline).buffer(beyond_m, join_style="mitre"))
        for xy in shapely.get_coordinates(part):
            lon, lat = plane(*xy, inverse=True)
            items.append(make_item(len(items), 16, lat=lat, lon=lon, alt=50.0))
    return tuple(items)


FIELD = [(8.0, 50.0), (8.006, 50.0005), (8.0055, 50.004), (8.001, 50.0035)]


def survey(items, **settings):
    numbers = {"angle": 30.0, "AdjustedFootprintSide": 40.0, "Refly90Degrees": 0.0} | settings
    return ComplexItem(
        kind="survey", version=5, first_item=0, item_count=len(items), geometry_lonlat=tuple(FIELD),
        settings=tuple(numbers.items()),
    )  # fmt: skip


@pytest.mark.parametrize(("drawn", "flown"), [(30.0, 30.0), (0.0, 0.0), (-75.0, -75.0), (120.0, -60.0), (90.0, 90.0)])
def test_the_lanes_of_a_survey_follow_from_its_settings(make_item, drawn, flown):
    items = survey_items(make_item, FIELD, flown, 40.0, beyond_m=20.0)
    assert len(items) > 8
    assert lane_error_m(survey(items, angle=drawn), items) < 1e-4


def test_a_survey_whose_polygon_was_moved_is_found(make_item):
    items = survey_items(make_item, FIELD, 30.0, 40.0)
    pattern = survey(items)
    moved = tuple((lon + 0.0001, lat) for lon, lat in FIELD)  # 7.15 m east, 6.19 m across the lanes
    stale = dataclasses.replace(pattern, geometry_lonlat=moved)
    assert lane_error_m(stale, items) == pytest.approx(6.19, abs=0.02)
    assert lane_error_m(survey(items, AdjustedFootprintSide=41.0), items) > 5.0
    document = PlanDocument(source_format="t", dialect=None, home=None, items=items, complexes=(stale,))
    found = [f for f in check_document(document, name="t").findings if f.rule == "plan.pattern"]
    assert [(f.severity, f.seq) for f in found] == [("warning", 0)]
    assert "lie up to 6.2 m off the lanes" in found[0].message
    sound = dataclasses.replace(document, complexes=(pattern,))
    assert "plan.pattern" not in {f.rule for f in check_document(sound, name="t").findings}


def test_a_survey_flown_twice_and_one_of_a_single_lane(make_item):
    both = survey_items(make_item, FIELD, 30.0, 40.0) + survey_items(make_item, FIELD, 120.0, 40.0)
    assert lane_error_m(survey(both), both) > 1.0
    assert lane_error_m(survey(both, Refly90Degrees=1.0), both) < 1e-4
    one = survey_items(make_item, FIELD, 0.0, 4000.0)
    assert math.isnan(lane_error_m(survey(one[:1]), one))


@pytest.mark.parametrize(
    "name",
    ["mavsdk/qgroundcontrol_sample_with_survey.plan", "mavsdk/qgroundcontrol_sample_with_survey_v1full.plan"],
)
def test_surveys_made_by_qgroundcontrol_lie_on_their_lanes(shared_data, name):
    document = read_plan_file(shared_data / "missions" / name)
    surveys = [pattern for pattern in document.complexes if pattern.kind == "survey"]
    assert surveys
    assert max(lane_error_m(pattern, document.items) for pattern in surveys) < 1e-3


@pytest.mark.parametrize("clockwise", [False, True])
def test_a_structure_scan_starts_at_the_first_corner_with_every_edge_at_its_distance(clockwise):
    corners = [(8.0, 50.0), (8.002, 50.0), (8.002, 50.001), (8.0, 50.001)][:: -1 if clockwise else 1]
    scan = {
        "polygon": [[lat, lon] for lon, lat in corners], "EntranceAltitude": 30.0, "Layers": 1, "ScanBottomAlt": 10.0,
        "StructureHeight": 20.0, "StartFromTop": False, "GimbalPitch": 0.0,
        "CameraCalc": {
            "DistanceToSurface": 25.0, "AdjustedFootprintFrontal": 10.0, "AdjustedFootprintSide": 5.0,
        },
    }  # fmt: skip
    items = flatten_structure_scan(JsonPlace(scan, "scan"), 0)
    ring = [item for item in items if item.command == 16][1:6]
    assert (ring[0].lat_deg, ring[0].lon_deg) == (ring[4].lat_deg, ring[4].lon_deg)
    geod = pyproj.Geod(ellps="WGS84")
    for (lon, lat), item in zip(corners, ring, strict=False):
        assert geod.inv(lon, lat, item.lon_deg, item.lat_deg)[2] == pytest.approx(25.0 * math.sqrt(2.0), abs=0.05)
    assert all(math.isnan(item.p4) for item in ring)
