"""Where a copter that loses its position comes down: by hand, and by a simulated one that truly drifts."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.break_offs.embedded import wire
from benchmarks.break_offs.plans import COPTER, WING
from geo.errors import RefusedError
from missions.briefs.brief_file import build_brief
from missions.flight.approval_file import approve
from missions.judging.judge import subject_of
from missions.judging.rules_position_loss import drift_m
from missions.plan import Severity
from missions.plan_files.dialect import MissionType, wire_items
from missions.tasks.plan_door import plan_brief
from sitl.dynamics import offset_m
from sitl.faults import Fault, FaultKind, Part, Word
from sitl.planned import planned_vehicle
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import Vehicle

NOW = datetime(2026, 11, 29, tzinfo=UTC)
WIND_MPS = 5.0
RULE = "position loss"


def planned(from_deg: float, **brief):
    wind = {"speed_mps": WIND_MPS, "from_deg": from_deg}
    return plan_brief(build_brief({"name": "drift", **COPTER, "wind": wind, **brief}, Path()))


def found(made):
    return [f for f in made.plan.findings if f.rule == RULE]


@pytest.fixture(scope="module")
def towards():
    """The border lies south; the wind blows there."""
    return planned(0.0)


def test_a_wind_towards_the_border_is_said_and_one_away_from_it_is_not(towards):
    (finding,) = found(towards)
    assert finding.severity is Severity.WARNING
    assert "beyond the border; who approves the plan accepts that by name" in finding.message
    assert not found(planned(180.0))


def test_a_brief_may_make_it_a_broken_rule():
    made = planned(0.0, failsafe={"way": "straight", "position_loss": "kept"})
    assert [f.severity for f in found(made)] == [Severity.ERROR]


def test_a_fixed_wing_has_none():
    made = plan_brief(build_brief({"name": "wing", **WING, "wind": {"speed_mps": 5.0, "from_deg": 0.0}}, Path()))
    assert not found(made)


def test_the_drift_is_the_wind_times_the_landing_and_the_way_of_slowing_down(towards):
    """100 m above ground: 4 s of waiting, 3 m/s down to 10 m, 0.5 m/s from there in the mean of both rates."""
    subject = subject_of(towards.situation, towards.plan.sorties[0])
    level = (subject.points.alt_amsl_m > 99.9) & subject.legs.moving[subject.points.leg]
    north = -drift_m(subject)[level][:, 1]
    east = np.abs(drift_m(subject)[level][:, 0])
    seconds = 4.0 + 90.0 / 3.0 + 10.0 / 0.5
    slowing = subject.flown.speed_mps * subject.aircraft.max_airspeed_mps / (9.80665 * math.tan(math.radians(35.0)))
    across = east > slowing - 1.0
    assert across.any()
    assert north[across] == pytest.approx(WIND_MPS * seconds, rel=0.15)
    assert east.max() == pytest.approx(slowing, rel=0.01)


def test_only_who_accepts_it_by_name_approves_the_plan(towards):
    with pytest.raises(RefusedError, match=r"approved only by .* drifts .*--override 'position loss'"):
        approve(towards.plan, name="A. Name", reason="trial", now=NOW)
    word = approve(towards.plan, name="A. Name", reason="trial", now=NOW, overrides=(RULE,))
    assert [(o.rule, o.name) for o in word.overrides] == [(RULE, "A. Name")]
    calm = dataclasses.replace(towards.plan, findings=())
    assert approve(calm, name="A. Name", reason="trial", now=NOW).overrides == ()


def test_a_simulated_copter_drifts_as_far_as_that_and_no_farther(towards):
    sortie = towards.plan.sorties[0]
    vehicle = Vehicle(planned_vehicle(towards.situation.brief, sortie), lambda message, to: None)
    vehicle.step()
    vehicle.servers[MissionType.MISSION].items = wire(wire_items(sortie, "ardupilot"))
    assert vehicle.autopilot.set_mode(Mode.AUTO)
    assert vehicle.autopilot.arm(force=True)
    assert vehicle.autopilot.start_mission()
    lost = False
    began = None
    while vehicle.autopilot.armed and vehicle.t_s < 600.0:
        vehicle.step()
        if not lost and vehicle.t_s > 120.0:
            lost = True
            vehicle.faults.add(Fault(kind=FaultKind.PART, at_s=0.0, part=Part.GPS, word=Word.OFF), from_now=True)
        if began is None and vehicle.autopilot.mode is Mode.LAND:
            began = (vehicle.state.lat_deg, vehicle.state.lon_deg)
    assert began is not None
    assert not vehicle.autopilot.armed
    subject = subject_of(towards.situation, sortie)
    here = subject.corridor.frame.to_plane(np.array([began[0]]), np.array([began[1]]))[0]
    judged = drift_m(subject)[int(np.argmin(np.hypot(*(subject.points.xy_m - here).T)))]
    north, east = offset_m(*began, vehicle.state.lat_deg, vehicle.state.lon_deg)
    flown = math.hypot(north, east)
    assert north < -100.0, "with the wind"
    assert 0.4 * math.hypot(*judged) < flown <= math.hypot(*judged) + 10.0
