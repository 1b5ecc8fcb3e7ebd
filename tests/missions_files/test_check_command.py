"""`vedette check` as a build server and an integrator run it: sources, exit status, JSON, JUnit, parameters."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET

import pytest

from missions.plan_files.plan_document import Home, PlanDocument
from missions.plan_files.qgc_plan_file import write_qgc_document
from vedette.main import main

HOME = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=200.0)


@pytest.fixture
def plans(tmp_path, make_item):
    """Return a folder with a sound plan and a broken one, both PX4's."""

    def write(name, *rows):
        document = PlanDocument(source_format="test", dialect="px4", home=HOME, items=rows, vehicle_type=2)
        write_qgc_document(document, tmp_path / name)

    takeoff = make_item(0, 22, lat=50.0, lon=8.0, alt=30.0)
    write("good.plan", takeoff, make_item(1, 16, lat=50.001, lon=8.0, alt=60.0), make_item(2, 20))
    write("low.plan", make_item(0, 22, lat=50.0, lon=8.0, alt=2.0), make_item(1, 20))
    return tmp_path


@pytest.fixture
def run(capsys):
    def command(*arguments):
        status = main(["check", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def test_a_sound_plan_gives_0_and_a_broken_one_1(run, plans):
    assert run(plans / "good.plan")[0] == 0
    assert run(plans / "low.plan")[0] == 1


def test_a_folder_of_files_is_judged_file_by_file(run, plans):
    (plans / "notes.txt").write_text("not a plan")
    status, out, _ = run(plans, "--json")
    assert status == 1
    told = json.loads(out)
    assert [(p["name"].rsplit("/", 1)[-1], p["errors"]) for p in told["plans"]] == [("good.plan", 0), ("low.plan", 1)]
    (plans / "none").mkdir()
    status, _, err = run(plans / "none")
    assert (status, "none: the folder holds no plan.json and no plan file" in err) == (2, True)


def test_a_plan_on_standard_input(run, plans, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((plans / "low.plan").read_bytes())))
    status, out, _ = run("-", "--json")
    assert status == 1
    assert json.loads(out)["plans"][0]["name"] == "standard input"


def test_a_file_that_cannot_be_read_does_not_hide_the_others(run, plans):
    (plans / "broken.plan").write_text('{"fileType": "Plan",')
    status, out, err = run(plans / "broken.plan", plans / "low.plan", "--json", "--junit", plans / "out.xml")
    assert status == 2
    told = json.loads(out)
    assert [f["rule"] for f in told["plans"][0]["findings"]] == ["px4.takeoff-too-low"]
    (broken,) = told["unreadable"]
    assert broken["name"].endswith("broken.plan")
    assert "is not JSON" in broken["message"]
    assert broken["message"] in err.replace("\n", "")
    errors = ET.parse(plans / "out.xml").getroot().findall("testsuite/testcase/error")
    assert [e.get("message") for e in errors] == [broken["message"]]


KEYS = {
    "plan": {"name", "format", "dialect", "vehicle", "items", "length_m", "errors", "warnings", "findings"},
    "finding": {
        *("rule", "severity", "message", "lat_deg", "lon_deg", "sortie", "seq", "measured", "limit", "unit"),
        "relaxation",
        "advice",
    },
}


def test_the_keys_of_the_json_are_those_that_are_documented(run, plans):
    _, out, _ = run(plans / "low.plan", "--json")
    told = json.loads(out)
    assert set(told) == {"schema", "plans", "unreadable"}
    assert told["schema"] == 1
    assert KEYS["plan"] <= set(told["plans"][0])
    assert KEYS["finding"] <= set(told["plans"][0]["findings"][0])


def test_junit_has_the_parts_that_its_schema_asks_for(run, plans):
    (plans / "bad\x08name.plan").write_text("[")
    run(plans / "good.plan", plans / "low.plan", plans / "bad\x08name.plan", "--junit", plans / "out.xml")
    root = ET.parse(plans / "out.xml").getroot()
    assert root.tag == "testsuites"
    assert [suite.tag for suite in root] == ["testsuite"] * 3
    for suite in root:
        cases = list(suite)
        assert {case.tag for case in cases} == {"testcase"}
        assert int(suite.get("tests")) == len(cases)
        for kind in ("failure", "error"):
            assert int(suite.get(kind + "s")) == sum(case.find(kind) is not None for case in cases)
        for case in cases:
            assert case.get("name")
            assert case.get("classname") == suite.get("name")
            assert {child.tag for child in case} <= {"failure", "error"}
            assert all(child.get("type") and child.get("message") for child in case)


def test_the_vehicles_own_parameters_decide(run, plans):
    (plans / "v.params").write_text(
        "# Stack: PX4 Pro\n1\t1\tMAV_TYPE\t2\t6\n1\t1\tNAV_ACC_RAD\t0.9\t9\n1\t1\tMIS_DIST_1WP\t900\t9\n"
        "1\t1\tMIS_TKO_LAND_REQ\t2\t6\n1\t1\tRTL_RETURN_ALT\t30\t9\n1\t1\tGF_MAX_VER_DIST\t50\t9\n"
        "NAV_RCL_ACT 2\nNAV_DLL_ACT 2\nGF_ACTION 3\nCOM_LOW_BAT_ACT 3\nRTL_TYPE 0\n"
    )
    assert run(plans / "low.plan", "--params", plans / "v.params", "--takeoff-landing", "0")[0] == 0
    status, out, _ = run(plans / "good.plan", "--params", plans / "v.params")
    assert status == 1
    assert "item 2 is 60 m above home; the vehicle's GF_MAX_VER_DIST is 50 m" in out
    assert "px4.takeoff-landing" in out
    (plans / "v.params").write_text("NAV_ACC_RAD 3\nSYS_AUTOSTART 4001\n")
    _, out, _ = run(plans / "good.plan", "--params", plans / "v.params")
    assert "v.params has no MIS_DIST_1WP, MIS_TKO_LAND_REQ, RTL_RETURN_ALT; the autopilot's default is taken" in out
    assert "radio control lost: NAV_RCL_ACT is not told, so it is not known what the vehicle does then" in out


def test_parameters_that_cannot_be_read_end_the_check(run, plans):
    (plans / "v.param").write_text("RTL_ALT,high\n")
    status, _, err = run(plans / "good.plan", "--params", plans / "v.param")
    assert status == 2
    assert "v.param: line 1: the value 'high' of RTL_ALT is not a number" in err.replace("\n", " ")


def test_a_dialect_other_than_the_files_is_said(run, plans):
    status, out, _ = run(plans / "good.plan", "--dialect", "ardupilot")
    assert status == 1
    assert "the file was made for px4 and is judged for ardupilot" in out
    assert run(plans / "good.plan", "--dialect", "betaflight")[0] == 2


@pytest.mark.parametrize("option", ["--junit", "--map"])
def test_a_report_replaces_a_report_and_nothing_else(run, plans, option):
    out = plans / "report"
    assert run(plans / "good.plan", option, out)[0] == 0
    assert run(plans / "low.plan", option, out)[0] == 1
    out.write_text("somebody's own file")
    status, _, said = run(plans / "good.plan", option, out)
    assert status == 3
    assert "give another name, or --force" in said
    assert out.read_text() == "somebody's own file"
    assert run(plans / "good.plan", option, out, "--force")[0] == 0
    assert "vedette" in out.read_text().lower()
