"""An alarm answered from the ground and from the air: judged, released by a person, flown by a vehicle in flight."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from geo.geodesy import inverse
from missions.briefs.brief_file import read_brief
from missions.checks.check import check_document
from missions.errors import PlanRefusedError
from missions.fleet.whereabouts import midair, whereabouts
from missions.flight.divert import DivertOptions, divert
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.plan import LegKind, Severity
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.tasks.plan_door import plan_brief
from missions.tasks.response import LEAD_S, respond
from vedette.main import main

BRIEF = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
FORD = (47.38, 112.6)


@pytest.fixture(scope="module")
def planned():
    return plan_brief(read_brief(BRIEF))


@pytest.fixture(scope="module")
def folder(planned, tmp_path_factory):
    out = tmp_path_factory.mktemp("respond") / "plan"
    write_plan_folder(planned, out)
    return out


def ways(planned, at_s):
    return {w.aircraft: w for w in whereabouts(planned.plan, at_s, {"quad-survey": 180.0})}


def test_the_schedule_says_where_everybody_is(planned):
    first = min(planned.plan.flights, key=lambda f: (f.t_takeoff_s, f.aircraft))
    at = ways(planned, first.t_takeoff_s + 100.0)[first.aircraft]
    assert at.sortie is not None
    here = midair(at.sortie, first.t_takeoff_s + 100.0)
    flown_m = sum(float(inverse(g.lat_start_deg, g.lon_start_deg, g.lat_end_deg, g.lon_end_deg)[0]) for g in here.flown)
    by_hand = sum(
        leg.speed_mps * min(leg.t_end_s - leg.t_start_s, max(0.0, first.t_takeoff_s + 100.0 - leg.t_start_s))
        for leg in at.sortie.legs[1:]
    )
    assert flown_m == pytest.approx(by_hand, abs=10.0)
    landed = ways(planned, first.t_landing_s + 60.0)[first.aircraft]
    assert landed.sortie is None
    assert landed.ready_in_s == pytest.approx(120.0, abs=0.01)


@pytest.mark.parametrize("at_s", [120.0, 600.0])
def test_a_response_keeps_every_rule_and_watches_the_place(planned, at_s):
    response = respond(planned.plan, planned.situation, lat_deg=FORD[0], lon_deg=FORD[1], at_s=at_s)
    (sortie,) = response.planned.plan.sorties
    assert response.planned.plan.feasible
    found = check_document(document_from_sortie(sortie, "ardupilot"), name="s", brief=planned.situation.brief).findings
    assert [f.message for f in found if f.severity is Severity.ERROR] == []
    hold = next(leg for leg in sortie.legs if leg.kind is LegKind.TURN and leg.speed_mps == 0.0)
    assert float(inverse(hold.lat_end_deg, hold.lon_end_deg, *FORD)[0]) < 1000.0
    assert hold.t_start_s - at_s == pytest.approx(response.arrives_in_s)
    bearing = float(inverse(hold.lat_end_deg, hold.lon_end_deg, *FORD)[1])
    assert abs((hold.gimbal_yaw_deg - bearing + 180.0) % 360.0 - 180.0) < 2.0
    if response.who.sortie is not None:
        there = sortie.items[response.first_item]
        last = midair(response.who.sortie, at_s + LEAD_S).last
        assert float(inverse(there.lat_deg, there.lon_deg, last.lat_end_deg, last.lon_end_deg)[0]) < 0.1


def test_unknown_ground_is_refused(planned):
    with pytest.raises(PlanRefusedError, match=r"the terrain has no height at 47.200000, 112.600000"):
        respond(planned.plan, planned.situation, lat_deg=47.2, lon_deg=112.6, at_s=0.0)


def test_a_place_nobody_reaches_is_refused_with_each_reason(planned):
    brief = planned.situation.brief
    small = tuple(fleet.model_copy(update={"battery_wh": 4.0}) for fleet in brief.fleets)
    situation = dataclasses.replace(planned.situation, brief=brief.model_copy(update={"fleets": small}))
    with pytest.raises(PlanRefusedError, match=r"no aircraft of plan .* can watch .*") as told:
        respond(planned.plan, situation, lat_deg=FORD[0], lon_deg=FORD[1], at_s=0.0)
    assert str(told.value).count("has not enough battery") == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--at", "112.6,47.38", "--now", "+4"],
            "is no place on Earth; latitude comes first: they look swapped, write 47.38,112.6",
        ),
        (["--at", "here", "--now", "+4"], "is not LAT,LON"),
        (["--at", "47.38,112.6", "--now", "soon"], "is no time with a zone"),
        (["--at", "47.38,112.6", "--now", "+x"], "is not +MINUTES"),
        (["--at", "47.38,112.6"], "give --at LAT,LON, --now TIME and --out FOLDER"),
    ],
)
def test_what_cannot_be_used_is_said(folder, tmp_path, capsys, options, says):
    arguments = ["respond", str(folder), "--brief", str(BRIEF), "--out", str(tmp_path / "alarm"), *options]
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "alarm").exists()


@pytest.fixture
def vehicle(planned):
    """A vehicle that flies the first sortie, ten times as fast as a clock, and the flight that watches it."""
    from sitl.vehicle import VehicleConfig, start_vehicle

    sortie = planned.plan.sorties[0]
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        speedup=10.0, parameters=(*((v.name, v.value) for v in sortie.vehicle_parameters), ("FENCE_TYPE", 4.0)),
    )  # fmt: skip
    with start_vehicle(config) as running:
        yield running, sortie


def test_a_released_response_is_flown_by_the_aircraft_in_the_air(vehicle, planned):
    running, sortie = vehicle
    flight = next(f for f in planned.plan.flights if f.sortie == sortie.name)
    leg = sortie.legs[len(sortie.legs) // 2]
    at_s = flight.t_takeoff_s + leg.t_start_s - sortie.t_start_s - LEAD_S
    place = {"lat_deg": leg.lat_end_deg - 0.001, "lon_deg": leg.lon_end_deg}
    response = respond(planned.plan, planned.situation, **place, at_s=at_s)
    assert response.who.sortie is not None
    assert response.who.sortie.name == sortie.name
    (made,) = response.planned.plan.sorties
    with open_link(running.link_url) as link:
        first = Flight(link, sortie, FlightOptions(dialect="ardupilot", enable_fence=True))
        first.connect()
        first.upload()
        first.check()
        first.take_off()
        first.attend(lambda: first.state.seq >= response.first_item)
        done = divert(link, made, DivertOptions(dialect="ardupilot", first_item=response.first_item))
        assert done.seconds < 20.0
        assert done.items == len(made.items) + 1
        hold = next(item for item in made.items if item.command == 19)

        def away_m():
            return float(inverse(first.state.lat_deg, first.state.lon_deg, hold.lat_deg, hold.lon_deg)[0])

        first.attend(lambda: away_m() < 15.0 or not first.state.armed)
        assert away_m() < 15.0


def test_a_release_is_asked_of_a_person_and_logged(vehicle, planned, tmp_path, capsys):
    running, sortie = vehicle
    response = respond(planned.plan, planned.situation, lat_deg=FORD[0], lon_deg=FORD[1], at_s=120.0)
    write_plan_folder(response.planned, tmp_path / "alarm")
    told = {"plan_sha256": response.planned.plan.sha256, "first_item": response.first_item, "airborne": True}
    (tmp_path / "alarm" / "response.json").write_text(json.dumps(told))
    nobody = ["respond", str(tmp_path / "alarm"), "--link", running.link_url]
    assert main(nobody) == 2
    assert "a person's name and a reason" in capsys.readouterr().err
    assert main([*nobody, "--release", "A. Name", "--reason", "group at the ford"]) == 3
    assert "flies no mission" in capsys.readouterr().err
    events = [json.loads(row)["event"] for row in (tmp_path / "alarm" / "flight-log.jsonl").read_text().splitlines()]
    assert events == ["approved", "refused"]
    told["plan_sha256"] = "0" * 64
    (tmp_path / "alarm" / "response.json").write_text(json.dumps(told))
    assert main([*nobody, "--release", "A. Name", "--reason", "group at the ford"]) == 3
    assert "is of another plan" in capsys.readouterr().err
