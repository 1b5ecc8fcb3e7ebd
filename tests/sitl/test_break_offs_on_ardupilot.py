"""Flights broken off on a real ArduPilot, judged by the simulator's true position: the side and the judged distance.

The border has a spike between the far end of the patrol and its launch site: every straight way home from there
crosses it. The plan therefore asks for returns along the track, whatever fails.
"""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
import shapely
from pymavlink import mavutil

from geo.errors import RefusedError
from missions.airspace.ground_file import open_situation
from missions.briefs.brief_file import build_brief
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.judging.judge import subject_of
from missions.judging.rules_place import standoff_m
from missions.links.link import open_link
from missions.tasks.plan_door import plan_brief
from sitl.ardupilot import find_ardupilot, start_ardupilot, wait_until_armable
from sitl.backend import Launch
from sitl.errors import SitlError
from sitl.planned import asked_of
from sitl.vehicle import Airframe

SPEEDUP = 10.0
SPIKE = [[50.0, 8.0], [50.0, 8.006], [50.0065, 8.0085], [50.0, 8.011], [50.0, 8.018]]
LINE = [[50.0, 8.0], [50.0, 8.018]]
RALLY = [{"name": "r", "lat_deg": 50.0045, "lon_deg": 8.014}]
INSTANCE = 6
"""Its ports are not those of a simulator that somebody else runs here."""
OBSERVER = 250
SIM_STATE = 108
pytestmark = pytest.mark.timeout(2400)
WITHIN_M = 10.0
LONGEST_S = 1200.0
"""Wall seconds that a way home may take on a loaded machine."""
TRIGGERS = {
    "radio": {"SIM_RC_FAIL": 1.0},
    "link": {},
    "fence": {"FENCE_ALT_MAX": 20.0, "FENCE_TYPE": 5.0},
    "battery": {"BATT_LOW_MAH": 100_000.0},
}
"""What makes each fail in flight: the receiver falls silent, the ceiling is set below the aircraft, the battery's low
mark above what is left; for the link, our station closes it."""
SLOW_STATION = {"FS_GCS_TIMEOUT": 60.0}
"""Simulated seconds: our heartbeats come once a second of the wall clock, however fast the simulation runs."""


@pytest.fixture(scope="module")
def binary():
    try:
        return find_ardupilot(Airframe.COPTER)
    except SitlError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return a function that plans a patrol, and what its ways home were judged to keep of the border."""
    known = {}

    def plan(name):
        if name not in known:
            line, extra = (SPIKE, {}) if name == "spike" else (LINE, {"rally": RALLY, "failsafe": {"way": "straight"}})
            raw = {
                "name": name, "dialect": "ardupilot", "border": {"coordinates": line, "own_side": "left"},
                "standoff": {"asked_m": 150}, "corridor": {"depth_m": 300},
                "aircraft": {"type": "quad-survey", "count": 1},
                "launch": [{"name": "a", "lat_deg": 50.004, "lon_deg": 8.0015}], **extra,
            }  # fmt: skip
            brief = build_brief(raw, tmp_path_factory.getbasetemp())
            made = plan_brief(brief).plan
            assert made.feasible, [f.message for f in made.findings if f.severity == "error"]
            sortie = max(made.sorties, key=lambda s: max(g.lon_end_deg for g in s.legs))
            known[name] = brief, made, sortie, judged_m(brief, sortie)
        return known[name]

    return plan


def judged_m(brief, sortie) -> float:
    asks = {v.name for v in sortie.vehicle_parameters}
    brief = brief.returning(way="retrace" if "SRTL_POINTS" in asks else "straight")
    situation = open_situation(brief)
    subject = subject_of(situation, sortie)
    shapes = [*subject.legs.lines, *subject.swept.shape]
    return float(np.min(standoff_m(situation.corridor, np.array(shapes, dtype=object))))


class Observer:
    """Reads the simulator's true position on a second port, as a station whose heartbeats nobody waits for."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("tcp:").split(":")
        self.c = mavutil.mavlink_connection(f"tcp:{host}:{int(port) + 2}", source_system=OBSERVER)
        self.track: list[tuple[float, float, float]] = []
        self.modes: list[str] = []
        self.texts: list[str] = []
        self.armed = False
        self.stopping = False
        self._lock = threading.Lock()
        assert self.c.wait_heartbeat(timeout=30) is not None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.c.mav.command_long_send(INSTANCE + 1, 1, 511, 0, SIM_STATE, 2e5, 0, 0, 0, 0, 0)

    def put(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            for _ in range(3):
                self.c.mav.param_set_send(INSTANCE + 1, 1, name.encode(), value, 9)
                time.sleep(0.15)

    def _run(self) -> None:
        while not self.stopping:
            message = self.c.recv_match(blocking=True, timeout=0.5)
            if message is None:
                continue
            kind = message.get_type()
            if kind == "SIM_STATE" and self.armed:
                self.track.append((message.lat_int / 1e7, message.lon_int / 1e7, message.alt))
            elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
                self.armed = bool(message.base_mode & 128)
                mode = self.c.flightmode
                if self.armed and (not self.modes or self.modes[-1] != mode):
                    self.modes.append(mode)
            elif kind == "STATUSTEXT":
                self.texts.append(message.text)

    def close(self) -> None:
        self.stopping = True
        self._thread.join(2.0)
        self.c.close()


class _Gone(Exception):  # noqa: N818 - the station leaves
    pass


def fly(binary, tmp_path, planned, name, trigger, *, parameters=None):
    """Fly a plan with the parameters it asks for and break it off at its far end; return the observer."""
    _, plan, sortie, _ = planned(name)
    launch = Launch(
        lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m, speedup=SPEEDUP,
        instance=INSTANCE,
    )  # fmt: skip
    far = max((i for i in sortie.items if i.command == 16), key=lambda i: i.lon_deg).seq
    with start_ardupilot(launch, tmp_path / "run", airframe=Airframe.COPTER, binary=binary) as simulator:
        wait_until_armable(simulator, 240.0)
        observer = Observer(simulator.link_url)
        try:
            observer.put(asked_of(sortie) | SLOW_STATION if parameters is None else parameters | SLOW_STATION)
            broken = []

            def watch(status) -> None:
                if status.seq <= far + 1 or broken or not observer.armed:
                    return
                broken.append(status.seq)
                observer.put(TRIGGERS[trigger])
                if trigger == "fence":  # a kind of fence that is added in flight counts once the fence is switched on
                    observer.c.mav.command_long_send(INSTANCE + 1, 1, 207, 0, 1, 0, 0, 0, 0, 0, 0)
                if trigger == "link":
                    raise _Gone

            options = FlightOptions(
                dialect=plan.dialect, enable_fence=True, ready_timeout_s=240.0, max_flight_s=LONGEST_S
            )
            try:
                with open_link(simulator.link_url) as link:
                    flight = Flight(link, sortie, options, on_status=watch)
                    flight.connect()
                    flight.upload()
                    flight.check()
                    flight.take_off()
                    flight.watch()
            except _Gone:
                pass
            until = time.monotonic() + LONGEST_S
            while observer.armed and time.monotonic() < until:
                time.sleep(0.5)
            assert broken, "the far end was never reached"
        finally:
            observer.close()
    return observer


def true_distance_m(line, track) -> tuple[float, bool]:
    """Return how near the track comes to the line, metres, and whether it ever lay beyond it."""
    per_lat, per_lon = 111_229.0, 111_320.0 * math.cos(math.radians(50.0)) * 1.0013
    border = shapely.linestrings([((lon - 8.0) * per_lon, (lat - 50.0) * per_lat) for lat, lon in line])
    first, last = border.coords[0], border.coords[-1]
    beyond = [(last[0] + 9e3, last[1]), (last[0] + 9e3, 9e3), (first[0] - 9e3, 9e3), (first[0] - 9e3, first[1])]
    own = shapely.Polygon([*border.coords, *beyond])
    points = shapely.points([((lon - 8.0) * per_lon, (lat - 50.0) * per_lat) for lat, lon, _ in track])
    crossed = ~shapely.intersects(own, points)
    return float(shapely.distance(border, points).min()), bool(crossed.any())


@pytest.mark.ardupilot
@pytest.mark.parametrize("trigger", list(TRIGGERS))
@pytest.mark.parametrize("name", ["spike", "rally"])
def test_a_break_off_keeps_the_side_and_the_judged_distance(binary, tmp_path, planned, name, trigger):
    observer = fly(binary, tmp_path, planned, name, trigger)
    _, _, sortie, judged = planned(name)
    nearest, crossed = true_distance_m(SPIKE if name == "spike" else LINE, observer.track)
    print(f"{name} {trigger}: {nearest:.1f} m of {judged:.1f} m judged, {observer.modes}, {len(observer.track)} points")
    assert len(observer.track) > 100
    assert not crossed
    assert nearest >= judged - WITHIN_M
    assert ("SMART_RTL" if name == "spike" else "RTL") in observer.modes
    assert not observer.armed


@pytest.mark.ardupilot
@pytest.mark.parametrize("name", ["spike", "rally"])
def test_with_its_defaults_the_real_autopilot_is_refused(binary, tmp_path, planned, name):
    with pytest.raises(RefusedError, match="preflight"):
        fly(binary, tmp_path, planned, name, "radio", parameters={})
