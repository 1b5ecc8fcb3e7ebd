"""DJI waylines: read as DJI's documentation has them, written so that they come back, every loss named."""

from __future__ import annotations

import io
import math
import zipfile

import pytest

from geo.errors import VedetteError
from geo.geoid import undulation_m
from missions.checks.check import check_document
from missions.documents.xml_file import inside, parse_xml, text_of
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.plan_file import parse_plan, read_plan_file, write_plan_file

HEAD = '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:wpml="http://www.dji.com/wpmz/1.0.6"><Document>'
CONFIG = (
    "<wpml:missionConfig><wpml:finishAction>goHome</wpml:finishAction><wpml:takeOffSecurityHeight>30"
    "</wpml:takeOffSecurityHeight><wpml:globalTransitionalSpeed>10</wpml:globalTransitionalSpeed>"
    "<wpml:globalRTHHeight>100</wpml:globalRTHHeight></wpml:missionConfig>"
)


def mark(lon, lat, height, extra=""):
    return (f"<Placemark><Point><coordinates>\n {lon},{lat}\n</coordinates></Point>"
            f"<wpml:executeHeight>{height}</wpml:executeHeight>{extra}</Placemark>")  # fmt: skip


def group(trigger, *actions, end=None):
    inner = "".join(
        f"<wpml:action><wpml:actionActuatorFunc>{name}</wpml:actionActuatorFunc><wpml:actionActuatorFuncParam>"
        + "".join(f"<wpml:{k}>{v}</wpml:{k}>" for k, v in params.items())
        + "</wpml:actionActuatorFuncParam></wpml:action>"
        for name, params in actions
    )
    last = "" if end is None else f"<wpml:actionGroupEndIndex>{end}</wpml:actionGroupEndIndex>"
    return f"<wpml:actionGroup>{last}<wpml:actionTrigger>{trigger}</wpml:actionTrigger>{inner}</wpml:actionGroup>"


REACH = "<wpml:actionTriggerType>reachPoint</wpml:actionTriggerType>"
TIMED = (
    "<wpml:actionTriggerType>multipleTiming</wpml:actionTriggerType>"
    "<wpml:actionTriggerParam>2.5</wpml:actionTriggerParam>"
)


def kmz(waylines=None, template=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in (("template.kml", template), ("waylines.wpml", waylines)):
            if text is not None:
                archive.writestr(f"wpmz/{name}", text)
    return packed.getvalue()


def wayline(*marks, mode="relativeToStartPoint", config=CONFIG):
    return (f"{HEAD}{config}<Folder><wpml:executeHeightMode>{mode}</wpml:executeHeightMode><wpml:autoFlightSpeed>9"
            f"</wpml:autoFlightSpeed>{''.join(marks)}</Folder></Document></kml>")  # fmt: skip


def brief_of(items):
    return [(i.command, i.p1, round(i.alt_m, 3)) for i in items]


def test_a_wayline_with_speeds_actions_and_the_return():
    rotate = {"gimbalHeadingYawBase": "north", "gimbalPitchRotateEnable": 1, "gimbalPitchRotateAngle": -45,
              "gimbalYawRotateEnable": 1, "gimbalYawRotateAngle": 30}  # fmt: skip
    text = wayline(
        mark(8.0, 50.0, 72.5, "<wpml:waypointSpeed>7</wpml:waypointSpeed>"
             + group(REACH, ("gimbalRotate", rotate), ("takePhoto", {}), ("focus", {}))),
        mark(8.001, 50.0, 81, group(TIMED, ("takePhoto", {}), end=2) + group(REACH, ("hover", {"hoverTime": 12}))),
        mark(8.002, 50.001, 95),
    )  # fmt: skip
    plan = parse_plan(kmz(text), where="a.kmz")
    assert plan.source_format == "DJI WPML"
    assert brief_of(plan.items) == [
        (22, 0.0, 30.0), (178, 1.0, 0.0), (16, 0.0, 72.5), (178, 1.0, 0.0), (1000, -45.0, 0.0), (2000, 0.0, 0.0),
        (16, 0.0, 81.0), (178, 1.0, 0.0), (2000, 0.0, 0.0), (93, 12.0, 0.0), (16, 0.0, 95.0), (2001, 0.0, 0.0),
        (20, 0.0, 0.0),
    ]  # fmt: skip
    assert [i.p2 for i in plan.items if i.command == 178] == [10.0, 7.0, 9.0]
    assert plan.items[4].p2 == 30.0
    assert plan.items[4].lat_deg == 16.0  # yaw from north
    assert plan.items[8].p2 == 2.5
    assert plan.vehicle_parameters[0].value == 100.0
    assert plan.problems == ("waypoint 1: the action focus has no MAVLink command; left out",)


def test_heights_above_the_ellipsoid_are_brought_to_the_sea_and_a_reference_is_home():
    template = (f"{HEAD}<wpml:missionConfig><wpml:takeOffRefPoint>50.0,8.0,260.0</wpml:takeOffRefPoint>"
                "</wpml:missionConfig></Document></kml>")  # fmt: skip
    plan = parse_plan(kmz(wayline(mark(8.0, 50.0, 300.0), mode="WGS84"), template), where="a.kmz")
    way = next(i for i in plan.items if i.command == 16)
    assert way.frame == 0
    assert way.alt_m == pytest.approx(300.0 - float(undulation_m(50.0, 8.0)), abs=0.01)
    assert plan.home.alt_amsl_m == pytest.approx(260.0 - float(undulation_m(50.0, 8.0)), abs=0.01)


def test_a_template_alone_is_read_and_one_of_another_kind_is_refused():
    place = "<Placemark><Point><coordinates>8,50</coordinates></Point><wpml:height>60</wpml:height></Placemark>"
    folder = ("<Folder><wpml:templateType>{}</wpml:templateType><wpml:waylineCoordinateSysParam><wpml:heightMode>EGM96"
              "</wpml:heightMode></wpml:waylineCoordinateSysParam>{}</Folder></Document></kml>")  # fmt: skip
    plan = parse_plan(kmz(template=f"{HEAD}{CONFIG}{folder.format('waypoint', place)}"), where="a.kmz")
    assert [(i.frame, i.alt_m) for i in plan.items if i.command == 16] == [(0, 60.0)]
    assert "template and no wayline" in plan.problems[0]
    with pytest.raises(VedetteError, match="template of type mapping2d"):
        parse_plan(kmz(template=f"{HEAD}{CONFIG}{folder.format('mapping2d', place)}"), where="a.kmz")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (wayline(mark(8.0, 95.0, 10)), "waypoint 1: vertex 1 is no place on Earth"),
        (wayline(mark(8.0, 50.0, "high")), "waypoint 1, executeHeight: 'high' is not a number"),
        (wayline(mark(8.0, 50.0, "")), "waypoint 1 has no height"),
        (wayline(mark(8.0, 50.0, 10), mode="moon"), "height mode 'moon'"),
        (wayline(), "holds no waypoint"),
        (wayline(mark(8.0, 50.0, 10))[:-9], "not well-formed"),
    ],
)
def test_broken_waylines_are_refused_by_place(text, says):
    with pytest.raises(VedetteError, match=says):
        parse_plan(kmz(text), where="a.kmz")


def test_a_return_is_judged_as_dji_flies_it(make_brief):
    """Up to the height of the file, then straight over a zone that the mission itself goes round."""
    zone = [{"name": "mast", "centre": [47.992, 9.0], "radius_m": 60.0, "ceiling_agl_m": 60.0}]
    brief = make_brief(zone=zone, terrain={"flat_amsl_m": 300.0})
    marks = [mark(9.01, 47.99, 80), mark(9.0, 47.996, 80)]
    low, high = (
        parse_plan(kmz(wayline(*marks, config=CONFIG.replace("RTHHeight>100", f"RTHHeight>{height}"))), where="a.kmz")
        for height in (85, 140)
    )
    found = [{f.rule for f in check_document(plan, name="t", brief=brief).findings} for plan in (low, high)]
    assert "failsafe zone" in found[0]
    assert "failsafe zone" not in found[1]


def document(*items, **more):
    home = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=212.0)
    return PlanDocument(**({"source_format": "t", "dialect": None, "home": home, "items": items} | more))


def test_what_is_written_comes_back_and_what_is_lost_is_named(tmp_path, make_item):
    items = (
        make_item(0, 22, alt=40.0, frame=3),
        make_item(1, 178, p1=1.0, p2=8.0, p3=-1.0),
        make_item(2, 16, lat=50.001, lon=8.0, alt=60.0, p4=90.0),
        make_item(3, 178, p1=1.0, p2=11.0, p3=-1.0),
        make_item(4, 1000, p1=-60.0, p2=math.nan, p3=math.nan, p4=math.nan, lat=0.0, lon=0.0, frame=2),
        make_item(5, 16, lat=50.002, lon=8.001, alt=70.0, p4=math.nan),
        make_item(6, 206, p1=25.0),
        make_item(7, 16, lat=50.003, lon=8.001, alt=70.0, p4=math.nan),
        make_item(8, 206, p1=0.0),
        make_item(9, 93, p1=5.0, p2=-1.0, p3=-1.0, p4=-1.0),
        make_item(10, 2500),
        make_item(11, 16, lat=50.003, lon=8.002, alt=70.0, p4=math.nan),
        make_item(12, 2501),
        make_item(13, 20),
    )
    plan = document(*items)
    said = write_plan_file(plan, tmp_path / "a.kmz")
    back = read_plan_file(tmp_path / "a.kmz")
    kept = [(i.command, i.p1, i.p2 if i.command in (178, 2000) else 0.0, i.lat_deg, i.alt_m) for i in back.items]
    asked = [(i.command, i.p1, i.p2 if i.command in (178, 2000) else 0.0, i.lat_deg, i.alt_m) for i in items]
    assert repr(kept) == repr(asked)
    assert back.home.lat_deg == 50.0
    assert back.home.alt_amsl_m == pytest.approx(212.0, abs=1e-6)
    assert said == ("the plan has no height for its return; set it in the hand controller",)


def test_losses_name_their_items(tmp_path, make_item):
    plan = document(
        make_item(0, 22, lat=50.0, lon=8.0, alt=0.5),
        make_item(1, 16, lat=50.001, lon=8.0, alt=60.0, p1=7.0),
        make_item(2, 177, p1=1.0, p2=3.0),
        make_item(3, 16, lat=50.002, lon=8.0, alt=300.0, frame=0),
        make_item(4, 17, lat=50.003, lon=8.0, alt=60.0),
        make_item(5, 21, lat=50.0, lon=8.0),
        make_item(6, 16, lat=50.0, lon=8.0),
        fence=(make_item(0, 5003, lat=50.0, lon=8.0, p1=900.0),),
    )
    said = "\n".join(write_plan_file(plan, tmp_path / "a.kmz"))
    for sentence in (
        "item 1: becomes a safe take-off height of 1.2 m", "item 1: its place has no place",
        "item 2: its wait becomes the action hover", "item 3: command 177 has no place in a wayline; left out",
        "item 4: its height above sea level becomes one above take-off",
        "item 5: becomes a waypoint; waiting without end", "item 6: a waypoint over the landing place",
        "item 7: comes after the return or landing", "1 fence items have no place in this format; left out",
        "the plan names no speed; 5 m/s is written",
    ):  # fmt: skip
        assert sentence in said
    heights = [i.alt_m for i in read_plan_file(tmp_path / "a.kmz").items if i.command == 16]
    assert heights[:3] == [60.0, 88.0, 60.0]


def test_heights_above_the_sea_are_written_above_the_ellipsoid_and_frames_that_do_not_mix_are_refused(
    tmp_path, make_item
):
    sea = document(make_item(0, 16, lat=50.0, lon=8.0, alt=300.0, frame=0), hover_speed_mps=6.0)
    write_plan_file(sea, tmp_path / "a.kmz")
    with zipfile.ZipFile(tmp_path / "a.kmz") as archive:
        assert archive.namelist() == ["wpmz/template.kml", "wpmz/waylines.wpml"]
        root = parse_xml(archive.read("wpmz/waylines.wpml"), "t")
    place = next(inside(root, "Placemark"))
    assert float(text_of(place, "executeHeight")) == pytest.approx(300.0 + float(undulation_m(50.0, 8.0)), abs=0.01)
    assert read_plan_file(tmp_path / "a.kmz").items[1].p2 == 6.0
    mixed = document(make_item(0, 16, lat=50.0, lon=8.0, alt=30.0, frame=10), make_item(1, 16, lat=50.0, lon=8.0))
    with pytest.raises(VedetteError, match="do not go into one wayline"):
        write_plan_file(mixed, tmp_path / "b.kmz")
    assert not (tmp_path / "b.kmz").exists()


def test_many_waypoints_are_said_and_too_many_refused(tmp_path, make_item):
    points = [make_item(k, 16, lat=50.0 + k * 1e-5, lon=8.0, alt=50.0, p4=math.nan) for k in range(120)]
    assert any("take 99" in s for s in write_plan_file(document(*points), tmp_path / "a.kmz"))
    assert sum(i.command == 16 for i in read_plan_file(tmp_path / "a.kmz").items) == 120


def test_what_ardupilot_can_store_does_not_bind_a_dji_aircraft(tmp_path, make_item):
    points = [make_item(k, 16, lat=50.0 + k * 1e-5, lon=8.0, alt=50.0, p4=math.nan) for k in range(900)]
    write_plan_file(document(*points), tmp_path / "a.kmz")
    plan = read_plan_file(tmp_path / "a.kmz")
    own = check_document(plan, name="t")
    assert not [f for f in own.findings if f.rule.startswith("ardupilot.")]
    flown_by_another = check_document(plan, name="t", dialect=Dialect.ARDUPILOT)
    assert "ardupilot.capacity" in {f.rule for f in flown_by_another.findings}
