"""Faults on a real autopilot's simulation: which dial each turns and turns back, and what there is no dial for."""

from __future__ import annotations

import math

import pytest

from geo.geodesy import inverse
from missions.links.link import Link, Station
from missions.links.link_transport import Received, Transport
from missions.plan_files.dialect import Dialect
from sitl.ardupilot import patience
from sitl.cut_link import CutTransport
from sitl.dynamics_power import WindSpec
from sitl.errors import ScenarioError
from sitl.faults import Fault, FaultKind, Part, Word
from sitl.real_faults import RealFaults, cannot_have
from sitl.scenarios.scenario import Scenario
from sitl.scenarios.scenario_backend import for_backend
from sitl.scenarios.scenario_real import Backend
from sitl.vehicle import Airframe

AT = {"at_s": 10.0, "for_s": 5.0}
MARKS = {"BATT_LOW_MAH": 3571.0, "BATT_CRT_MAH": 1714.0}
WIND = WindSpec(speed_mps=4.0, from_deg=180.0)


class Turned:
    """What was turned, in order."""

    def __init__(self) -> None:
        self.sticks = True
        self.said: list[object] = []

    def put(self, values, kind=9, *, times=3):
        self.said.append(dict(values))

    def command(self, number, *values):
        self.said.append((number, *values))


def turned(fault: Fault, dialect: Dialect = Dialect.ARDUPILOT) -> tuple[list[object], list[object], Turned]:
    """Return what is turned when a fault begins and what when it ends."""
    dials, faults = Turned(), RealFaults([fault], dialect, WIND, 47.0, MARKS)
    faults.step(9.9, dials)
    assert not dials.said
    faults.step(10.0, dials)
    begun, dials.said = dials.said, []
    faults.step(15.0, dials)
    return begun, dials.said, dials


def test_a_jump_of_the_receiver_is_that_many_metres_in_the_simulators_degrees():
    (begun,), (ended,), _ = turned(Fault(kind=FaultKind.GPS_JUMP, north_m=-300.0, east_m=40.0, **AT))
    north, east = begun["SIM_GPS1_GLTCH_X"], begun["SIM_GPS1_GLTCH_Y"]
    away, azimuth = inverse(47.0, 8.0, 47.0 + north, 8.0 + east)
    assert away * math.cos(math.radians(azimuth)) == pytest.approx(-300.0, abs=0.5)
    assert away * math.sin(math.radians(azimuth)) == pytest.approx(40.0, abs=0.5)
    assert ended == {"SIM_GPS1_GLTCH_X": 0.0, "SIM_GPS1_GLTCH_Y": 0.0}


def test_a_gust_blows_on_top_of_the_weather_and_the_weather_comes_back():
    (begun,), (ended,), _ = turned(Fault(kind=FaultKind.GUST, speed_mps=3.0, from_deg=270.0, **AT))
    assert begun["SIM_WIND_SPD"] == pytest.approx(5.0)
    assert begun["SIM_WIND_DIR"] == pytest.approx(180.0 + math.degrees(math.atan2(3.0, 4.0)))
    assert ended == {"SIM_WIND_SPD": pytest.approx(4.0), "SIM_WIND_DIR": pytest.approx(180.0)}


def test_a_battery_that_sags_stays_down():
    """ArduPilot takes the stages that a reset passes for acted on, so it has none while it is reset."""
    none = {"BATT_LOW_MAH": 0.0, "BATT_CRT_MAH": 0.0}
    begun, ended, _ = turned(Fault(kind=FaultKind.BATTERY_SAG, to_pct=22.0, **AT))
    assert (begun, ended) == ([none, (42651, 1.0, 22.0), MARKS], [])
    on_px4 = turned(Fault(kind=FaultKind.BATTERY_SAG, to_pct=22.0, **AT), Dialect.PX4)
    assert on_px4[:2] == ([{"SIM_BAT_MIN_PCT": 22.0, "SIM_BAT_DRAIN": 1.0}], [])


def test_a_radio_is_lost_by_its_dial_or_by_letting_go_of_the_sticks():
    radio = Fault(kind=FaultKind.RADIO_LOSS, **AT)
    assert turned(radio)[:2] == ([{"SIM_RC_FAIL": 1.0}], [{"SIM_RC_FAIL": 0.0}])
    dials, faults = Turned(), RealFaults([radio], Dialect.PX4, WIND, 47.0)
    faults.step(11.0, dials)
    assert not dials.sticks
    faults.step(15.0, dials)
    assert dials.sticks


def test_a_part_fails_and_is_mended():
    off = Fault(kind=FaultKind.PART, part=Part.GPS, word=Word.OFF, **AT)
    assert turned(off)[:2] == ([{"SIM_GPS1_ENABLE": 0.0}], [{"SIM_GPS1_ENABLE": 1.0}])
    assert turned(off, Dialect.PX4)[:2] == ([{"SIM_GPS_USED": 0.0}], [{"SIM_GPS_USED": 10.0}])


class Pipe(Transport):
    """Echoes nothing, says one thing for ever."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data):
        self.sent.append(data)

    def receive(self, timeout_s):
        return Received(b"said")

    def close(self):
        self.sent.clear()


def test_a_link_that_is_cut_passes_nothing_either_way():
    pipe = Pipe()
    transport = CutTransport(pipe)
    faults, dials = RealFaults([Fault(kind=FaultKind.LINK_LOSS, **AT)], Dialect.PX4, WIND, 47.0), Turned()
    faults.link = transport
    for flown_s, passes in ((9.0, True), (10.0, False), (15.0, True)):
        faults.step(flown_s, dials)
        transport.send(b"x")
        assert (transport.receive(0.0).data == b"said") is passes
        assert (pipe.sent == [b"x"]) is passes
        pipe.sent.clear()
    assert isinstance(Link(transport, station=Station(heartbeat=False)), Link)


@pytest.mark.parametrize(
    ("fault", "dialect", "said"),
    [
        (Fault(kind=FaultKind.PART, part=Part.GIMBAL, word=Word.STUCK, at_s=0.0), Dialect.ARDUPILOT, "no dial that"),
        (Fault(kind=FaultKind.PART, part=Part.COMPASS, word=Word.OFF, at_s=0.0), Dialect.PX4, "compass off"),
        (Fault(kind=FaultKind.LINK, loss=0.3, at_s=0.0), Dialect.ARDUPILOT, "whole or cut"),
        (Fault(kind=FaultKind.GUST, speed_mps=5.0, at_s=0.0), Dialect.PX4, "no wind"),
        (Fault(kind=FaultKind.GPS_JUMP, north_m=5.0, at_s=0.0), Dialect.PX4, "displaced"),
    ],
)
def test_what_a_simulation_has_no_dial_for_is_said(fault, dialect, said):
    assert said in cannot_have(fault, dialect)
    vehicle = {"name": "one", "home_m": [0, -250], "route_m": [[-150, -150, 30]]}
    origin = {"lat_deg": 47.385, "lon_deg": 112.59}
    expect = [{"metric": "landed", "min": 1}]
    scenario = Scenario.model_validate({"name": "s", "origin": origin, "vehicle": [vehicle], "expect": expect})
    broken = scenario.model_copy(update={"vehicle": (scenario.vehicle[0].model_copy(update={"fault": (fault,)}),)})
    with pytest.raises(ScenarioError, match=rf"{dialect} cannot fly 's': .*\(vehicle 'one'\)"):
        for_backend(broken, Backend(name=str(dialect)))
    assert for_backend(broken, Backend()) == broken
    assert for_backend(scenario, Backend(name="px4")).vehicle[0].dialect is Dialect.PX4


def test_timers_of_a_station_grow_with_the_speed_of_time_up_to_their_largest_value():
    assert patience(Airframe.COPTER, 1.0) == {"FS_GCS_TIMEOUT": 5.0, "DISARM_DELAY": 10.0}
    assert patience(Airframe.COPTER, 4.0) == {"FS_GCS_TIMEOUT": 60.0, "DISARM_DELAY": 60.0}
    assert patience(Airframe.PLANE, 100.0) == {"FS_LONG_TIMEOUT": 300.0}
