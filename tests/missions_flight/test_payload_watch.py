"""Alarms of gimbal, camera, video and traffic: each from the message a vehicle sends, and none where all is well."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pymavlink.quaternion import QuaternionBase

from missions.flight.finding_log import FindingLog
from missions.flight.payload_watch import SETTLE_S, PayloadWatch, closest
from missions.flight.run import Flight
from missions.flight.state import VehicleState
from missions.flight.values import FlightOptions
from missions.links.link import open_link
from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect
from sitl.faults import Fault, FaultKind, Part, Word
from sitl.vehicle import VehicleConfig, start_vehicle

ITEMS = (
    MissionItem(seq=0, command=22, frame=3, alt_m=50.0),
    MissionItem(seq=1, command=1000, frame=2, p1=-45.0),
    MissionItem(seq=2, command=2500, frame=2),
    MissionItem(seq=3, command=16, frame=3, lat_deg=47.0, lon_deg=8.0, alt_m=50.0),
    MissionItem(seq=4, command=2501, frame=2),
    MissionItem(seq=5, command=20, frame=2),
)


class Told:
    """A watch whose vehicle flies to item 3 at 50 m above 47 N 8 E, 10 m/s to the north."""

    def __init__(self) -> None:
        self.state = VehicleState()
        self.state.armed, self.state.seq, self.state.t_boot_s = True, 3, 100.0
        self.state.lat_deg, self.state.lon_deg, self.state.alt_amsl_m = 47.0, 8.0, 550.0
        self.state.velocity_mps = (10.0, 0.0)
        self.log = FindingLog("S1")
        self.watch = PayloadWatch(ITEMS, self.state, self.log)

    def after(self, seconds: float, message) -> list[str]:
        """Return the rules found once this message has been said again for so long."""
        self.watch.hear(message)
        self.state.t_boot_s += seconds
        self.watch.hear(message)
        return [f.rule for f in self.log.all()]


def gimbal(pitch_deg: float):
    q = list(QuaternionBase([0.0, math.radians(pitch_deg), 0.0]).q)
    return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, 0, q, 0, 0, 0, 0)


def capture(video_status: int):
    return mavlink.MAVLink_camera_capture_status_message(0, 0, video_status, 0.0, 0, 0.0, 0)


@pytest.mark.parametrize(("pitch_deg", "seconds", "found"), [
    (-45.0, 20.0, []), (-42.0, 20.0, []), (-20.0, SETTLE_S - 1.0, []), (-20.0, SETTLE_S, ["gimbal"]),
    (0.0, 20.0, ["gimbal"]),
])  # fmt: skip
def test_a_gimbal_that_does_not_follow_is_an_alarm_once_it_had_time_to_turn(pitch_deg, seconds, found):
    assert Told().after(seconds, gimbal(pitch_deg)) == found


def test_an_old_mount_is_understood_too():
    assert Told().after(20.0, mavlink.MAVLink_mount_orientation_message(0, 0.0, -10.0, 0.0)) == ["gimbal"]


def test_a_gimbal_that_follows_again_in_time_is_none():
    told = Told()
    told.after(SETTLE_S - 1.0, gimbal(-20.0))
    told.after(1.0, gimbal(-45.0))
    assert told.after(SETTLE_S - 1.0, gimbal(-20.0)) == []


def test_a_gimbal_that_never_says_anything_is_said():
    told = Told()
    told.watch.look()
    told.state.t_boot_s += 31.0
    told.watch.look()
    assert [f.rule for f in told.log.all()] == ["gimbal_silent"]


@pytest.mark.parametrize(("seq", "video_status", "found"), [(3, 1, []), (3, 0, ["camera"]), (2, 0, []), (5, 0, [])])
def test_a_camera_that_does_not_record_is_an_alarm_while_it_should(seq, video_status, found):
    told = Told()
    told.state.seq = seq
    assert told.after(20.0, capture(video_status)) == found


def test_nothing_is_an_alarm_on_the_ground():
    told = Told()
    told.state.armed = False
    assert told.after(20.0, capture(0)) == []


@pytest.mark.parametrize(("flags", "found"), [(1, []), (0, ["video"])])
def test_a_stream_that_does_not_run_is_an_alarm(flags, found):
    message = mavlink.MAVLink_video_stream_status_message(1, flags, 25.0, 640, 480, 0, 0, 60)
    assert Told().after(20.0, message) == found


def traffic(
    north_m: float, up_m: float, speed_mps: float, course_deg: float, tslc: int = 1, callsign: bytes = b"LX-1\x1b["
):
    lat = round((47.0 + north_m / 111_180.0) * 1e7)
    return mavlink.MAVLink_adsb_vehicle_message(
        0xABCDEF, lat, 80_000_000, 0, round((550.0 + up_m) * 1e3), round(course_deg * 100), round(speed_mps * 100), 0,
        b"LX-1\x1b[", 0, tslc, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(("message", "found"), [
    (traffic(3000.0, 50.0, 60.0, 180.0), ["traffic"]),  # comes towards us: closest in 43 s
    (traffic(3000.0, 50.0, 60.0, 0.0), []),  # flies away
    (traffic(3000.0, 800.0, 60.0, 180.0), []),  # high above
    (traffic(9000.0, 50.0, 60.0, 180.0), []),  # not within a minute
    (traffic(800.0, 50.0, 60.0, 0.0), ["traffic"]),  # is near already
    (traffic(3000.0, 50.0, 60.0, 180.0, 30), []),  # what is known of it is old
])  # fmt: skip
def test_traffic_is_warned_of_by_how_close_it_comes_and_when(message, found):
    told = Told()
    assert told.after(0.0, message) == found
    for finding in told.log.all():
        assert "traffic LX1: " in finding.message
        assert "\x1b" not in finding.message
        assert "closest in" in finding.message


def test_closest_approach_against_brute_force():
    rng = np.random.default_rng(3)
    for _ in range(50):
        away, speed = rng.normal(0.0, 2000.0, 2), rng.normal(0.0, 60.0, 2)
        times = np.linspace(0.0, 60.0, 6001)
        distances = np.hypot(*(away[:, None] + speed[:, None] * times))
        in_s, metres = closest(away, speed)
        assert metres == pytest.approx(distances.min(), abs=0.5)
        assert in_s == pytest.approx(times[distances.argmin()], abs=0.1)


@pytest.mark.parametrize("part", [None, Part.GIMBAL, Part.CAMERA])
def test_a_flight_whose_gimbal_sticks_or_camera_fails_says_so(square_sortie, part):
    """Over a real link, from a vehicle that flies the plan."""
    first, *rest = square_sortie.items
    asked = [MissionItem(seq=0, command=1000, frame=2, p1=-60.0), MissionItem(seq=0, command=2500, frame=2)]
    items = tuple(dataclasses.replace(item, seq=k) for k, item in enumerate([first, *asked, *rest]))
    sortie = dataclasses.replace(square_sortie, items=items)
    faults = () if part is None else (Fault(kind=FaultKind.PART, part=part, word=Word.STUCK, at_s=0.0),)
    config = VehicleConfig(
        home_lat_deg=sortie.home_lat_deg, home_lon_deg=sortie.home_lon_deg, home_alt_amsl_m=sortie.home_alt_amsl_m,
        dialect=Dialect.ARDUPILOT, speedup=40.0, faults=faults,
    )  # fmt: skip
    with start_vehicle(config) as vehicle, open_link(vehicle.link_url) as link:
        flight = Flight(link, sortie, FlightOptions(preflight=None, upload_fence=False, upload_rally=False))
        flight.connect()
        flight.upload()
        flight.take_off()
        flight.watch()
        rules = {f.rule for f in flight.report(lambda track, flown: 100.0).findings}
    expected = set() if part is None else {"gimbal" if part is Part.GIMBAL else "camera"}
    assert rules & {"gimbal", "camera", "video", "traffic", "gimbal_silent"} == expected
