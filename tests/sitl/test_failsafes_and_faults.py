"""Each failsafe and each fault is shown to have had its effect, on a vehicle stepped without sockets."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from missions.plan_files.dialect import Dialect, MissionType
from sitl.dynamics import metres_per_degree, offset_m
from sitl.dynamics_power import WindSpec
from sitl.errors import SitlError
from sitl.faults import Fault, FaultKind, LinkQuality, LinkShim, Part, PartFault, Word, fault_from_table
from sitl.vehicle import Airframe, SensorNoise, VehicleConfig
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import STEP_S, Vehicle
from sitl.vehicle.wire import WireItem

HOME = (54.05, 23.10, 140.0)
PER_LAT, PER_LON = metres_per_degree(HOME[0])


def item(
    seq: int,
    command: int,
    north: float = 0.0,
    east: float = 0.0,
    height: float = 40.0,
    p1: float = 0.0,
    p2: float = 0.0,
):
    x, y = round((HOME[0] + north / PER_LAT) * 1e7), round((HOME[1] + east / PER_LON) * 1e7)
    return WireItem(seq=seq, command=command, frame=3, p1=p1, p2=p2, x=x, y=y, z=height)


class Flight:
    """A vehicle in AUTO along one leg, stepped by hand."""

    def __init__(self, north_m: float = 1500.0, height: float = 40.0, speed: float = 12.0, **changes) -> None:
        self.said: list = []
        dialect = changes.get("dialect", Dialect.ARDUPILOT)
        values = {"home_lat_deg": HOME[0], "home_lon_deg": HOME[1], "home_alt_amsl_m": HOME[2], **changes}
        self.v = Vehicle(VehicleConfig(**values), lambda message, to: self.said.append(message))
        self.v.step()
        items = [
            item(0, 22, height=height),
            item(1, 178, p1=1, p2=speed),
            item(2, 16, north_m, 0.0, height),
            item(3, 17, north_m),
        ]
        if dialect is Dialect.ARDUPILOT:
            items = [item(0, 16), *items]
        self.v.servers[MissionType.MISSION].items = items
        autopilot = self.v.autopilot
        autopilot.set_mode(Mode.GUIDED)
        assert autopilot.arm()
        assert autopilot.set_mode(Mode.AUTO)
        assert autopilot.start_mission()

    def run(self, seconds: float, until=lambda v: False) -> Vehicle:
        for _ in range(round(seconds / STEP_S)):
            self.v.step()
            if until(self.v):
                break
        return self.v

    @property
    def texts(self) -> list[str]:
        return [m.text for m in self.said if m.get_type() == "STATUSTEXT"]

    @property
    def north_m(self) -> float:
        return (self.v.state.lat_deg - HOME[0]) * PER_LAT


def landed(v: Vehicle) -> bool:
    return v.state.on_ground and not v.autopilot.armed


@pytest.mark.parametrize("dialect", list(Dialect))
def test_what_stands_after_a_landing_is_not_flown(dialect):
    f = Flight(north_m=60.0, dialect=dialect)
    items = f.v.servers[MissionType.MISSION].items
    first = len(items) - 1
    items[first:] = [item(first, 21, 60.0, height=0.0), item(first + 1, 188, 200.0), item(first + 2, 16, 200.0)]
    f.run(120.0, landed)
    assert landed(f.v)
    assert f.north_m == pytest.approx(60.0, abs=5.0)
    f.run(30.0)
    assert landed(f.v)


# -- failsafes ----------------------------------------------------------------------------------------


def test_low_battery_returns_and_critical_battery_lands_where_it_is():
    acts = (("BATT_FS_LOW_ACT", 2), ("BATT_FS_CRT_ACT", 1))
    f = Flight(parameters=(("BATT_LOW_MAH", 2000.0), ("BATT_CRT_MAH", 800.0), *acts))
    f.run(60.0)
    f.v.battery.sag(24.0)
    f.run(2.0)
    assert f.v.autopilot.mode is Mode.RTL
    assert "Battery 1 is low" in f.texts
    f.v.battery.sag(9.0)
    f.run(2.0)
    assert f.v.autopilot.mode is Mode.LAND
    away = f.north_m
    assert landed(f.run(90.0, landed))
    assert f.north_m == pytest.approx(away, abs=40.0)  # the braking distance, not the way home


def test_px4_returns_at_critical_and_lands_at_emergency():
    levels = (("BAT_LOW_THR", 0.3), ("BAT_CRIT_THR", 0.2), ("BAT_EMERGEN_THR", 0.1))
    f = Flight(dialect=Dialect.PX4, parameters=(*levels, ("COM_LOW_BAT_ACT", 3)))
    f.run(40.0)
    f.v.battery.sag(18.0)
    f.run(1.0)
    assert f.v.autopilot.mode is Mode.LOITER  # COM_FAIL_ACT_T: it holds for five seconds first
    f.run(5.0)
    assert f.v.autopilot.mode is Mode.RTL
    f.v.battery.sag(8.0)
    f.run(6.0)
    assert f.v.autopilot.mode is Mode.LAND


def rc_lost(at_s: float) -> Fault:
    return Fault(kind=FaultKind.RADIO_LOSS, at_s=at_s)


@pytest.mark.parametrize(
    ("airframe", "parameters", "mode"),
    [
        ("copter", (), Mode.RTL),
        ("copter", (("FS_OPTIONS", 1),), Mode.AUTO),
        ("copter", (("FS_THR_ENABLE", 0),), Mode.AUTO),
        ("copter", (("FS_THR_ENABLE", 3),), Mode.LAND),
        ("copter", (("FS_THR_ENABLE", 5),), Mode.SMART_RTL),
        ("plane", (), Mode.AUTO),
        ("plane", (("FS_LONG_ACTN", 1),), Mode.RTL),
        ("plane", (("FS_SHORT_ACTN", 1),), Mode.LOITER),
        ("plane", (("FS_LONG_ACTN", 1), ("THR_FAILSAFE", 0)), Mode.AUTO),
    ],
)
def test_a_lost_radio_brings_what_the_vehicle_is_set_to(airframe, parameters, mode):
    f = Flight(height=60.0, airframe=Airframe(airframe), parameters=parameters, faults=(rc_lost(20.0),))
    f.run(45.0)
    assert f.v.autopilot.mode is mode


@pytest.mark.parametrize("silent", [True, False])
def test_by_default_a_copter_returns_when_the_radio_is_lost_and_a_low_battery_does_nothing(silent):
    f = Flight(
        parameters=(("BATT_LOW_MAH", 2000.0), ("BATT_CRT_MAH", 800.0)), faults=(rc_lost(30.0),) if silent else ()
    )
    f.run(40.0)
    f.v.battery.sag(5.0)
    f.run(5.0)
    assert f.v.autopilot.mode is (Mode.RTL if silent else Mode.AUTO)


def test_a_plane_with_its_defaults_flies_on_when_the_ground_station_falls_silent():
    for long_action, mode in ((0, Mode.AUTO), (1, Mode.RTL)):
        fault = Fault(kind=FaultKind.LINK_LOSS, at_s=20.0, for_s=60.0)
        held = (("FS_GCS_ENABL", 1), ("FS_LONG_ACTN", long_action))
        f = Flight(height=60.0, airframe=Airframe.PLANE, parameters=held, faults=(fault,))
        f.v._heard_station_s = 0.0
        f.run(40.0)
        assert f.v.autopilot.mode is mode


@pytest.mark.parametrize(("slope", "top_m"), [(3.0, 21.0), (0.5, 10.0), (0.0, 60.0)])
def test_the_cone_decides_how_high_a_near_return_climbs(slope, top_m):
    """Seven metres from home: three times that high, the height it has where that is more, RTL_ALT without a cone."""
    f = Flight(north_m=60.0, height=10.0, speed=3.0, parameters=(("RTL_ALT", 6000), ("RTL_CONE_SLOPE", slope)))
    f.run(60.0, lambda v: f.north_m > 6.3)
    f.run(1.0)
    f.v.autopilot.set_mode(Mode.RTL)
    top = 0.0
    for _ in range(60):
        f.run(1.0)
        top = max(top, f.v.state.alt_amsl_m - HOME[2])
    assert top == pytest.approx(top_m, abs=10.0 if slope == 3.0 else 2.0)


@pytest.mark.parametrize("hold_s", [0.0, 5.0])
def test_a_px4_that_retraces_goes_back_by_its_items(hold_s):
    held = (("RTL_TYPE", 4), ("COM_FAIL_ACT_T", hold_s), ("NAV_RCL_ACT", 2))
    f = Flight(north_m=300.0, dialect=Dialect.PX4, parameters=held, faults=(rc_lost(50.0),))
    f.v.servers[MissionType.MISSION].items[3:] = [
        item(3, 16, 300.0, 300.0),
        item(4, 16, 300.0, 900.0),
        item(5, 16, 0.0, 900.0),
    ]
    f.run(56.0)
    assert f.v.autopilot.mode is (Mode.RTL if hold_s == 0.0 else Mode.LOITER)
    nearest = math.inf
    for _ in range(1500):
        f.run(0.2)
        s = f.v.state
        nearest = min(nearest, math.hypot(*offset_m(HOME[0] + 300.0 / PER_LAT, HOME[1], s.lat_deg, s.lon_deg)))
        if landed(f.v):
            break
    assert landed(f.v)
    assert nearest < 15.0  # by way of the corner, not across
    assert abs(f.north_m) < 3.0


@pytest.mark.parametrize(
    ("action", "options", "mode"), [(1, 0, Mode.RTL), (5, 0, Mode.LAND), (1, 2, Mode.AUTO), (0, 0, Mode.AUTO)]
)
def test_a_silent_ground_station_brings_the_failsafe_it_was_set_to(action, options, mode):
    f = Flight(
        parameters=(("FS_GCS_ENABLE", action), ("FS_OPTIONS", options)),
        faults=(Fault(kind=FaultKind.LINK_LOSS, at_s=30.0, for_s=20.0),),
    )
    f.v._heard_station_s = 0.0
    f.run(25.0)
    assert f.v.autopilot.mode is Mode.AUTO
    f.run(15.0)
    assert f.v.autopilot.mode is mode
    assert ("GCS Failsafe" in f.texts) is (action > 0)


def ring(*corners: tuple[float, float], command: int = 5001) -> list[WireItem]:
    return [item(i, command, n, e, 0.0, p1=len(corners)) for i, (n, e) in enumerate(corners)]


def test_an_inclusion_fence_turns_the_vehicle_home_at_its_edge():
    f = Flight(parameters=(("FENCE_ENABLE", 1.0), ("FENCE_TYPE", 4.0)))
    f.v.servers[MissionType.FENCE].items = ring((-100, -100), (-100, 100), (400, 100), (400, -100))
    furthest = 0.0
    for _ in range(200):
        f.run(1.0)
        furthest = max(furthest, f.north_m)
    assert 400.0 <= furthest < 445.0  # the braking distance from 12 m/s at 2.5 m/s2 and the reaction
    assert f.v.failsafe.breaches == 1
    assert landed(f.v)
    assert abs(f.north_m) < 3.0


@pytest.mark.parametrize(
    ("command", "inside", "broken"), [(5002, True, True), (5002, False, False), (5003, True, False), (5004, True, True)]
)
def test_each_kind_of_fence(command, inside, broken):
    f = Flight(parameters=(("FENCE_ENABLE", 1.0),))
    at = 0.0 if inside else 500.0
    if command == 5002:
        items = ring((at - 50, -50), (at - 50, 50), (at + 50, 50), (at + 50, -50), command=command)
    else:
        items = [item(0, command, at, 0.0, 0.0, p1=60.0)]
    f.v.servers[MissionType.FENCE].items = items
    assert bool(f.v.failsafe.breach(HOME[0], HOME[1], HOME[2] + 20.0)) is broken


def test_return_goes_to_the_near_rally_point_and_home_when_it_is_too_far():
    ends = []
    for limit_km in (2.0, 0.1):
        f = Flight(parameters=(("RALLY_LIMIT_KM", limit_km),))
        f.v.servers[MissionType.RALLY].items = [item(0, 5100, 300.0, 120.0, 20.0)]
        f.run(40.0)
        f.v.autopilot.set_mode(Mode.RTL)
        assert landed(f.run(300.0, landed))
        ends.append(offset_m(*HOME[:2], f.v.state.lat_deg, f.v.state.lon_deg))
    assert ends[0] == pytest.approx((300.0, 120.0), abs=1.5)
    assert ends[1] == pytest.approx((0.0, 0.0), abs=1.5)


def test_smart_rtl_flies_back_along_the_way_it_came():
    f = Flight(north_m=300.0)
    f.v.servers[MissionType.MISSION].items.insert(4, item(4, 16, 300.0, 300.0))
    f.run(70.0)
    f.v.autopilot.set_mode(Mode.SMART_RTL)
    nearest = math.inf
    for _ in range(2000):
        f.run(0.2)
        s = f.v.state
        nearest = min(nearest, math.hypot(*offset_m(HOME[0] + 300.0 / PER_LAT, HOME[1], s.lat_deg, s.lon_deg)))
        if landed(f.v):
            break
    assert landed(f.v)
    assert nearest < 15.0  # by way of the corner, not across
    assert abs(f.north_m) < 3.0


# -- faults -------------------------------------------------------------------------------------------


def test_a_gps_jump_is_refused_then_lands_the_vehicle_without_following_it():
    f = Flight(faults=(Fault(kind=FaultKind.GPS_JUMP, at_s=30.0, for_s=60.0, north_m=-3000.0),))
    f.run(45.0)
    assert any("Glitch" in text for text in f.texts)
    assert f.v.sensors.gps[0] == pytest.approx(f.v.state.lat_deg - 3000.0 / PER_LAT, abs=1e-6)
    before = f.north_m
    f.run(60.0, landed)
    assert f.v.autopilot.mode is Mode.LAND
    assert f.north_m == pytest.approx(before, abs=60.0)


def test_a_short_gps_jump_is_sat_out():
    f = Flight(faults=(Fault(kind=FaultKind.GPS_JUMP, at_s=30.0, for_s=6.0, east_m=500.0),))
    f.run(60.0)
    assert f.v.autopilot.mode is Mode.AUTO
    assert (
        math.hypot(*offset_m(f.v.sensors.nav.lat_deg, f.v.sensors.nav.lon_deg, f.v.state.lat_deg, f.v.state.lon_deg))
        < 1.0
    )


def test_a_slowly_wrong_gps_is_believed_and_leads_the_vehicle_away():
    f = Flight()
    f.run(30.0)
    for east in range(0, 61, 2):
        f.v.sensors.jump_m = (0.0, float(east))
        f.run(1.0)
    s = f.v.state
    assert offset_m(*HOME[:2], s.lat_deg, s.lon_deg)[1] == pytest.approx(-60.0, abs=6.0)


@pytest.mark.parametrize("word", list(Word))
@pytest.mark.parametrize("part", list(Part))
def test_each_word_shows_on_each_part(part, word):
    """Against the same flight without the fault, what the part says differs while it fails, and only then."""
    fault = Fault(kind=FaultKind.PART, at_s=20.0, for_s=25.0, part=part, word=word)
    differs = [good != bad for good, bad in zip(said_of(part), said_of(part, fault), strict=True)]
    assert not any(differs[:15]), "it differs before it fails"
    assert any(differs) is (word is not Word.OK)


@functools.cache
def said_of(part, *faults):
    """Return what a part says each second of a flight."""
    f = Flight(seed=3, noise=SensorNoise(gps_h_m=0.5, gps_v_m=0.5, yaw_deg=0.5), faults=faults)
    f.v.camera.by_interval(0.7, 0)
    said = []
    for second in range(40):
        if part is Part.GIMBAL:
            f.v.gimbal.point(pitch_deg=-20.0 - second, yaw_deg=2.0 * second, yaw_locked=True)
        f.run(1.0)
        said.append(reading(f.v, part))
    return said


def reading(v: Vehicle, part: Part):
    if part is Part.GPS:
        return v.sensors.gps
    if part is Part.COMPASS:
        return round(v.sensors.nav.yaw_deg - v.state.yaw_deg, 6)
    if part is Part.BAROMETER:
        said = v.sensors.baro_amsl_m
        return None if said is None else round(said - v.state.alt_amsl_m, 6)
    if part is Part.GIMBAL:
        return round(v.gimbal.pitch_deg, 6), round(v.gimbal.yaw_deg, 6)
    if part is Part.BATTERY:
        return v.battery_seen()
    return v.camera.pictures, v.faults.camera.read((v.sensors.nav.lat_deg, v.sensors.nav.lon_deg), v.t_s)


def test_battery_sag_and_gust_have_their_effect():
    f = Flight(faults=(Fault(kind=FaultKind.BATTERY_SAG, at_s=20.0, to_pct=30.0),))
    f.run(30.0)
    assert f.v.battery.remaining_pct < 30.0
    g = Flight(faults=(Fault(kind=FaultKind.GUST, at_s=30.0, for_s=8.0, speed_mps=14.0, from_deg=270.0),))
    off = 0.0
    for _ in range(60):
        g.run(1.0)
        off = max(off, offset_m(*HOME[:2], g.v.state.lat_deg, g.v.state.lon_deg)[1])
    assert 1.0 < off < 40.0


# -- the shim and the words on their own --------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), loss=st.floats(0, 1), duplicate=st.floats(0, 1), reorder=st.floats(0, 1))
def test_the_link_shim_accounts_for_every_frame(seed, loss, duplicate, reorder):
    shim = LinkShim(
        LinkQuality(loss=loss, duplicate=duplicate, reorder=reorder, latency_s=0.05, jitter_s=0.02),
        np.random.default_rng(seed),
    )
    out = []
    for i in range(200):
        shim.push(i, i * 0.01)
        out += shim.pop(i * 0.01)
    early = list(out)
    out += shim.pop(1e9)
    assert len(out) == 200 - shim.counts.lost + shim.counts.duplicated
    assert set(out) <= set(range(200))
    assert all(i * 0.01 + 0.05 <= 2.0 for i in early)


def test_the_link_shim_loses_and_delays_as_told():
    shim = LinkShim(LinkQuality(loss=0.3, latency_s=0.2), np.random.default_rng(1))
    for i in range(10_000):
        shim.push(i, 0.0)
    assert shim.pop(0.199) == []
    got = shim.pop(0.2)
    assert len(got) == pytest.approx(7000, abs=150)  # 3 sigma of the binomial is 137
    assert got == sorted(got)
    shim.is_cut = True
    shim.push(1, 0.0)
    assert shim.pop(10.0) == []


def test_the_same_seed_gives_the_same_flight():
    def path(seed):
        f = Flight(
            seed=seed,
            wind=WindSpec(speed_mps=5.0, from_deg=80.0, gust_sigma_mps=2.0),
            noise=SensorNoise(gps_h_m=1.5, gps_v_m=2.0),
        )
        f.run(60.0)
        return f.v.state.lat_deg, f.v.state.lon_deg, f.v.battery.left_wh, f.v.sensors.gps

    assert path(5) == path(5)
    assert path(5) != path(6)


def test_part_fault_words_say_what_they_mean():
    def readings(word):
        fault = PartFault(np.random.default_rng(0), wrong=(100.0,), spread=(10.0,))
        fault.set(word)
        return [fault.read((float(t),), float(t)) for t in range(8)]

    assert readings(Word.OFF) == [None] * 8
    assert readings(Word.STUCK) == [(0.0,)] * 8
    assert readings(Word.WRONG) == [(t + 100.0,) for t in range(8)]
    assert readings(Word.SLOW) == [(float(t - t % 2),) for t in range(8)]
    assert readings(Word.DELAYED) == [(float(max(0, t - 2)),) for t in range(8)]
    gaps = readings(Word.INTERMITTENT)
    assert None in gaps
    assert any(value is not None for value in gaps)
    assert len(set(readings(Word.GARBAGE))) == 8


@pytest.mark.parametrize(("table", "said"), [
    ({"kind": "part"}, "at_s"),
    ({"kind": "boom", "at_s": 1}, "'boom'"),
    ({"kind": "part", "at_s": 1, "part": "wing"}, "gps, compass"),
    ({"kind": "gust", "at_s": 1, "speed": 3}, "no field 'speed'"),
])  # fmt: skip
def test_a_wrong_fault_table_is_refused_by_name(table, said):
    with pytest.raises(SitlError, match=said):
        fault_from_table(table)
