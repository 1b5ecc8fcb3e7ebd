"""Plans flown on the simulated vehicle take the time and the battery they promise.

The vehicle knows nothing of the planner's reckoning: it steps velocities, drag and gusts at 50 Hz under its own
guidance and counts its own watts. What is compared is what a unit sees: from the start of the mission to the motors
off, and the battery left then.
"""

from __future__ import annotations

import math

import pytest

from missions.briefs.brief_file import build_brief
from missions.plan_files.dialect import MissionType, wire_items
from missions.tasks.plan_door import plan_brief
from sitl.dynamics import offset_m
from sitl.planned import planned_vehicle
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import Vehicle
from sitl.vehicle.wire import WireItem

BENT = [[50.0, 8.0], [50.0, 8.02], [50.008, 8.035]]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return a function that plans one patrol of a bent border."""

    def plan(aircraft, wind, dialect="ardupilot", **changes):
        raw = {
            "name": "as planned", "dialect": dialect, "border": {"coordinates": BENT, "own_side": "left"},
            "standoff": {"asked_m": 150}, "corridor": {"depth_m": 600}, "aircraft": {"type": aircraft, "count": 1},
            "launch": [{"name": "a", "lat_deg": 50.015, "lon_deg": 8.01}], "wind": wind, **changes,
        }  # fmt: skip
        brief = build_brief(raw, tmp_path_factory.getbasetemp())
        return brief, plan_brief(brief).plan

    return plan


def wire(item) -> WireItem:
    lat, lon = (0.0 if math.isnan(v) else v for v in (item.lat_deg, item.lon_deg))
    return WireItem(
        seq=item.seq, command=item.command, frame=item.frame, p1=item.p1, p2=item.p2, p3=item.p3, p4=item.p4,
        x=round(lat * 1e7), y=round(lon * 1e7), z=item.alt_m,
    )  # fmt: skip


def fly(brief, sortie, **changes) -> tuple[Vehicle, float]:
    """Fly a sortie to the end; return the vehicle and the seconds from its start to its motors' end."""
    vehicle = Vehicle(planned_vehicle(brief, sortie, **changes), lambda message, to: None)
    vehicle.step()
    vehicle.servers[MissionType.MISSION].items = [wire(item) for item in wire_items(sortie, brief.dialect)]
    assert vehicle.autopilot.set_mode(Mode.AUTO)
    assert vehicle.autopilot.arm(force=True)
    assert vehicle.autopilot.start_mission()
    start_s = vehicle.t_s
    longest_s = 1.5 * (sortie.legs[-1].t_end_s - sortie.t_start_s) + 60.0
    while vehicle.autopilot.armed and vehicle.t_s - start_s < longest_s:
        vehicle.step()
    return vehicle, vehicle.t_s - start_s


def compare(brief, plan, **changes) -> None:
    assert plan.sorties
    for sortie in plan.sorties:
        vehicle, flown_s = fly(brief, sortie, **changes)
        last = sortie.legs[-1]
        planned_s, planned_pct = last.t_end_s - sortie.t_start_s, 100.0 - last.battery_end_pct
        flown_pct = 100.0 - vehicle.battery.remaining_pct
        assert vehicle.autopilot.landings == 1, f"{sortie.name} did not land"
        state = vehicle.state
        off = offset_m(sortie.home_lat_deg, sortie.home_lon_deg, state.lat_deg, state.lon_deg)
        assert math.hypot(*off) < 60.0, f"{sortie.name} landed {off} m from its site"
        assert -0.02 <= planned_s / flown_s - 1.0 <= 0.05, (sortie.name, planned_s, flown_s)
        assert -0.02 <= planned_pct / flown_pct - 1.0 <= 0.05, (sortie.name, planned_pct, flown_pct)


def test_a_multirotor_in_wind_takes_the_time_and_the_battery_planned(planned):
    compare(*planned("quad-survey", {"speed_mps": 7, "from_deg": 250}))


def test_a_fixed_wing_flies_its_whole_plan_in_the_time_planned(planned):
    """Catapulted into the wind, climbing circle, lanes, descending circle, glide to its site."""
    compare(*planned("wing-2m", {"speed_mps": 7, "from_deg": 250}))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
@pytest.mark.parametrize(("wind_mps", "from_deg"), [(0.0, 0.0), (4.0, 200.0), (9.0, 30.0)])
def test_fixed_wings_take_the_time_and_the_battery_planned(planned, wind_mps, from_deg, dialect):
    compare(*planned("wing-2m", {"speed_mps": wind_mps, "from_deg": from_deg}, dialect))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
@pytest.mark.parametrize("wind_mps", [0.0, 9.0])
@pytest.mark.parametrize("aircraft", ["quad-500", "quad-survey", "quad-heavy"])
def test_every_multirotor_takes_the_time_and_the_battery_planned(planned, aircraft, wind_mps, dialect):
    compare(*planned(aircraft, {"speed_mps": wind_mps, "from_deg": 30}, dialect))


@pytest.mark.slow
def test_a_wind_that_changes_with_height_is_planned_as_it_is_flown(planned):
    layers = [{"alt_amsl_m": 300, "speed_mps": 1, "from_deg": 90}, {"alt_amsl_m": 400, "speed_mps": 11, "from_deg": 60}]
    compare(*planned("quad-survey", {"layer": layers}, terrain={"flat_amsl_m": 280}))


@pytest.mark.slow
def test_gusts_do_not_change_the_time_planned(planned):
    compare(*planned("quad-survey", {"speed_mps": 4, "from_deg": 250, "gust_mps": 9}), seed=5)
