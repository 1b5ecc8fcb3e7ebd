"""CE90 with poses by MAVLink, recorded and live, judged by the truth of simulated flights.

A vehicle flies a square, its telemetry wrong as `NOISE` says, on a clock that is off as well. Random
pixels of pictures it would have taken are placed by its messages alone; where they really lie follows from where the
vehicle really was. No picture is drawn: what is judged is the way from messages to a place and its error.
"""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pyproj import Geod

from geo.accuracy import ce90_m
from geo.locate import locate
from geo.terrain import FlatTerrain
from geo.values import CameraModel, Poses
from missions.plan_files.dialect import MissionType
from sitl.films.downlink_file import interpolate_vehicle, pose_of
from sitl.vehicle.config import VehicleConfig
from sitl.vehicle.messages import Messages
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import Vehicle
from sitl.vehicle.wire import WireItem
from telemetry.live.link_poses import LinkPoses
from telemetry.recordings.reading import by_clock
from telemetry.tracks.sources import read_track
from telemetry.videos.clock_map import ClockBasis, ClockMap, fixed_segment
from telemetry.videos.frame import Frame
from telemetry.videos.posing import Posing
from vedette.demo.flight import NOISE, TELEMETRY_SIGMAS

GEOD = Geod(ellps="WGS84")
T0 = 1_767_229_200_000_000_000
HOME = (52.0, 23.5, 180.0)
SIDE_M, ALT_M = 420.0, 100.0
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)
PIXEL_PX = 2.0
CLOCKS_S = {"joined by motion": 0.02, "joined by arrival": 0.25}
"""One sigma of what two clocks are off by, as it is stated for them."""
SIGMAS = dataclasses.replace(TELEMETRY_SIGMAS, terrain_m=0.0, pixel_px=PIXEL_PX)
"""The demo's budget, over ground without posts. The gimbal holds the horizon without error; see
`Messages.gimbal_status`."""
EVERY_S, PIXELS = 4.0, 6
STANDS_S = 90.0
"""The errors begin at nothing and wander; by then they are as large as `NOISE` says."""


def square():
    corners = [(0.0, 0.0), (SIDE_M, 0.0), (SIDE_M, SIDE_M), (0.0, SIDE_M), (0.0, 0.0)]
    places = [(HOME[0] + n / 111_270.0, HOME[1] + e / 68_660.0) for n, e in corners]
    commands = [(16, 0, HOME[2]), (22, 3, ALT_M), *[(16, 3, ALT_M)] * 4, (21, 3, 0.0)]
    at = [places[0], places[0], *places[1:], places[0]]
    return [
        WireItem(seq=k, command=c, frame=f, p1=0.0, p2=0.0, p3=0.0, p4=0.0, x=round(la * 1e7), y=round(lo * 1e7), z=z)
        for k, ((c, f, z), (la, lo)) in enumerate(zip(commands, at, strict=True))
    ]


def flown(seed):
    """Return the messages of a flight, each with when it was received (UTC, microseconds), and its truth."""
    rng = np.random.default_rng([31, seed])
    place = {"home_lat_deg": HOME[0], "home_lon_deg": HOME[1], "home_alt_amsl_m": HOME[2]}
    vehicle = Vehicle(VehicleConfig(**place, seed=seed, noise=NOISE, t0_utc_ns=T0), lambda message, to: None)
    while vehicle.t_s < STANDS_S:
        vehicle.step()
    vehicle.gimbal.point(pitch_deg=-rng.uniform(35.0, 60.0), yaw_deg=rng.uniform(-90.0, 90.0), yaw_locked=seed % 2 == 0)
    vehicle.servers[MissionType.MISSION].items = square()
    assert vehicle.autopilot.set_mode(Mode.AUTO)
    assert vehicle.autopilot.arm(force=True)
    assert vehicle.autopilot.start_mission()
    messages, told, link = Messages(vehicle), [], mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    reading = mavlink.MAVLink(None)
    while vehicle.autopilot.armed and vehicle.t_s < STANDS_S + 400.0:
        vehicle.step()
        if vehicle.steps % 12 == 0:
            made = [messages.global_position(), messages.attitude(), messages.gimbal_status()]
            made += [messages.system_time()] if vehicle.steps % 48 == 0 else []
            for message in made:
                received_us = vehicle.t_utc_ns // 1000 + 60_000 + int(rng.integers(0, 30_000))
                told.append((received_us, reading.decode(bytearray(message.pack(link)))))
    return told, vehicle.truth.columns()


def recorded(told, folder):
    path = folder / "flight.tlog"
    path.write_bytes(b"".join(struct.pack(">Q", us) + bytes(message.get_msgbuf()) for us, message in told))
    return read_track(path)


def live(told, folder):
    poses = LinkPoses("udp:here", keep_s=1000.0)
    for received_us, message in told:
        poses.feed(message, received_us=received_us)
    return poses.track()


def inside(track, truth, clock_s, rng):
    """Return which of many random pixels lie inside CE90 of where the messages put them."""
    up = np.flatnonzero(truth["alt_amsl_m"] > HOME[2] + 0.9 * ALT_M)
    first_ns, last_ns = (int(truth["t_utc_ns"][row]) for row in (up[0], up[-1]))
    times = np.arange(first_ns + 5 * 10**8, last_ns - 5 * 10**8, round(EVERY_S * 1e9))
    true = interpolate_vehicle(truth, times)
    ground = FlatTerrain(height_m=float(np.median(truth["alt_hae_m"] - truth["alt_amsl_m"])) + HOME[2])
    clock = fixed_segment((0.0, 1e4), T0, ClockBasis.LOG_OFFSET)
    posing = Posing(clock=ClockMap(segments=(clock,)), tracks=(track,))
    shown = times + np.rint(rng.normal(0.0, clock_s, len(times)) * 1e9).astype(np.int64)
    poses, whole = posing.at(0, shown)
    assert whole.all()
    shares = []
    for k, moment in enumerate(shown.tolist()):
        frame = Frame(index=k, pts_s=0, t_utc_ns=moment, image=np.zeros((1, 1, 3), np.uint8), pose=poses[k])
        pixels = rng.uniform((20.0, 60.0), (620.0, 492.0), (PIXELS, 2))
        really = locate(poses=pose_of(true, k, moment), camera=CAMERA, uv_px=pixels, terrain=ground, sigmas=SIGMAS)
        seen = pixels + rng.normal(0.0, PIXEL_PX, pixels.shape)
        budget = by_clock(SIGMAS, posing, frame, clock_s)
        put = locate(poses=Poses.of(poses[k]), camera=CAMERA, uv_px=seen, terrain=ground, sigmas=budget)
        cov = put.cov_enu_m2
        radius = ce90_m(cov[:, 0, 0], cov[:, 1, 1], cov[:, 0, 1])
        apart = GEOD.inv(put.lon_deg, put.lat_deg, really.lon_deg, really.lat_deg)[2]
        shares.append(apart <= radius)
    return np.concatenate(shares)


@pytest.mark.slow
def test_nine_tenths_of_what_mavlink_places_lies_inside_ce90(tmp_path):
    shares = {(how, clock): [] for how in (recorded, live) for clock in CLOCKS_S}
    for seed in range(40):
        told, truth = flown(seed)
        tracks = {how: how(told, tmp_path) for how in (recorded, live)}
        for (how, clock), found in shares.items():
            rng = np.random.default_rng([32, seed])
            found.append(100.0 * inside(tracks[how], truth, CLOCKS_S[clock], rng).mean())
    for (how, clock), found in shares.items():
        by_flight = f"{min(found):.0f} to {max(found):.0f} by flight"
        print(f"{how.__name__}, {clock}: {np.mean(found):.1f} % inside CE90, {by_flight}")
    assert all(87.0 <= np.mean(found) <= 93.0 for found in shares.values())
