"""Video without telemetry, posed by a MAVLink link that comes beside it: first by arrival, then by motion."""

from __future__ import annotations

import dataclasses
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect
from scipy import ndimage

from sitl.films.stream_file import play
from telemetry.live.link_clock import LATENCY_S, LinkClock
from telemetry.live.link_poses import LinkPoses
from telemetry.live.live_reader import LiveReader
from telemetry.live.open_link import LinkOptions
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.videos.clock_map import ClockBasis
from telemetry.videos.clock_offset import track_motion

PX_PER_DEG = 6.0
BOOT_MS = 5_000
VEHICLE_UTC_US = 1_800_000_000_000_000
"""The vehicle's own clock when this computer's monotonic clock stood at the start of the test: years from ours."""
EVERY_S = 0.1


def pan_deg(t):
    return 12 * np.sin(0.9 * t) + 5 * np.sin(2.3 * t + 1) + 2 * np.sin(5.1 * t)


def tilt_deg(t):
    return 6 * np.sin(0.7 * t + 2) + 2 * np.sin(3.1 * t)


def messages(t):
    """Return what a vehicle says `t` seconds after the start: 10 m/s to the north, the camera looking about."""
    boot = BOOT_MS + round(t * 1000)
    cy, sy = np.cos(np.radians(pan_deg(t)) / 2), np.sin(np.radians(pan_deg(t)) / 2)
    tilt = np.radians(tilt_deg(t) - 40.0) / 2
    cp, sp = np.cos(tilt), np.sin(tilt)
    lat = 470_000_000 + round(t * 10.0 / 111_260.0 * 1e7)
    earth = dialect.GIMBAL_DEVICE_FLAGS_YAW_LOCK | dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
    return (
        dialect.MAVLink_system_time_message(VEHICLE_UTC_US + round(t * 1e6), boot),
        dialect.MAVLink_gimbal_device_attitude_status_message(
            0, 0, boot, earth, [cy * cp, -sy * sp, cy * sp, sy * cp], 0, 0, 0, 0
        ),
        dialect.MAVLink_attitude_message(boot, 0.0, 0.0, 0.0, 0, 0, 0),
        dialect.MAVLink_global_position_int_message(boot, lat, 80_000_000, 500_000, 100_000, 0, 0, 0, 0),
    )


def off_the_wire(message):
    link, reader = dialect.MAVLink(None, srcSystem=1, srcComponent=1), dialect.MAVLink(None)
    return reader.parse_buffer(message.pack(link))[0]


def told(poses, t, received_us):
    for message in messages(t):
        poses.feed(off_the_wire(message), received_us=received_us)


@pytest.fixture
def flown():
    """Return a link over which 60 s have come, each message 40 ms on its way."""
    poses = LinkPoses("udp:test")
    for t in np.arange(0.0, 60.0, EVERY_S):
        told(poses, t, 1_700_000_000_000_000 + round((t + 0.04) * 1e6))
    return poses


def steps_of(track, *, starts_s, seconds, every_s=0.1):
    """Return how pictures would turn that were taken from `starts_s` on; their time counts from 7."""
    motion = track_motion(track)
    at = np.arange(starts_s, starts_s + seconds, every_s)
    zero = track.t_utc_ns[0] * 1e-9
    pan, tilt = (0.02 * np.interp(zero + at, motion.t_s, turning) for turning in (motion.pan, motion.tilt))
    return list(zip((at - starts_s + 7.0).tolist(), pan.tolist(), tilt.tolist(), strict=True))


def test_motion_takes_over_from_arrival(flown):
    track = flown.track()
    zero_s = track.t_utc_ns[0] * 1e-9 + 20.0 - 7.0
    clock = LinkClock()
    rng = np.random.default_rng(3)
    for step in steps_of(track, starts_s=20.0, seconds=20.0):
        delay_s = 0.6 + rng.exponential(0.2)
        clock.arrived(step[0], round((zero_s + step[0] + delay_s) * 1e9))
        clock.turned(step)
    by_arrival = clock.segment(7.0, 27.0)
    assert by_arrival.basis is ClockBasis.ARRIVAL
    assert by_arrival.sigma_s == pytest.approx(0.25, abs=1e-3)
    assert by_arrival.clock.t_utc_ns[0] * 1e-9 - zero_s - 7.0 == pytest.approx(0.62 - LATENCY_S, abs=0.05)
    assert [problem.kind for problem in clock.problems()] == ["clock_not_checked"]
    clock.compare(track)
    joined = clock.segment(7.0, 27.0)
    assert joined.basis is ClockBasis.LOG_OFFSET
    assert joined.sigma_s < 0.05
    assert abs(joined.clock.t_utc_ns[0] * 1e-9 - zero_s - 7.0) < max(3 * joined.sigma_s, 0.01)
    assert clock.problems() == ()


def test_pictures_that_do_not_turn_stay_with_arrival_and_say_so(flown):
    clock = LinkClock()
    for step in steps_of(flown.track(), starts_s=20.0, seconds=20.0):
        clock.arrived(step[0], round((1_800_000_000 + step[0]) * 1e9))
        clock.turned((step[0], 0.0, 0.0))
    clock.compare(flown.track())
    assert clock.segment(7.0, 8.0).basis is ClockBasis.ARRIVAL
    (problem,) = clock.problems()
    assert "do not turn" in problem.message


def test_pictures_that_come_unevenly_are_joined_as_badly_as_they_scatter():
    clock, rng = LinkClock(), np.random.default_rng(3)
    for k in range(100):
        clock.arrived(k / 3, round((1_800_000_000 + k / 3 + rng.uniform(0.5, 4.5)) * 1e9))
    known = clock.segment(0.0, 30.0)
    assert known.sigma_s == pytest.approx(1.6, abs=0.4)
    assert abs(known.clock.t_utc_ns[0] * 1e-9 - 1_800_000_000) < known.sigma_s
    assert f"{known.sigma_s:.2g} s" in clock.problems()[0].message


def test_the_first_picture_alone_tells_the_clock_worse_and_seldom_ones_say_why(flown):
    clock, known = LinkClock(), []
    for k, late_s in enumerate([0.85, *[0.07] * 25]):
        clock.arrived(k / 1.5, round((1_800_000_000 + k / 1.5 + late_s) * 1e9))
        known.append(clock.segment(0.0, 1.0))
    errors = [abs(one.clock.t_utc_ns[0] * 1e-9 - 1_800_000_000) for one in known]
    assert errors[0] == pytest.approx(0.85 - LATENCY_S, abs=1e-3)
    assert all(error < one.sigma_s for error, one in zip(errors, known, strict=True))
    clock.compare(flown.track())
    assert "more than 0.5 s apart" in clock.problems()[0].message


def test_messages_that_queued_do_not_move_the_vehicles_clock():
    poses = LinkPoses("udp:test")
    now = time.time_ns() // 1000
    for k, queued_s in enumerate([0.02, 1.5, 0.6, 0.02, 2.0]):
        told(poses, k * EVERY_S, now + round((k * EVERY_S + queued_s) * 1e6))
        poses.track()
    really = VEHICLE_UTC_US * 1000 + time.time_ns() - now * 1000
    assert poses.utc_ns(time.monotonic_ns()) == pytest.approx(really - 20_000_000, abs=30_000_000)
    told(poses, 0.5, now + 3_600_000_000)
    poses.track()
    assert poses.utc_ns(time.monotonic_ns()) < really - 3_590_000_000_000, "this computer's clock was set"


def test_what_a_person_states_is_not_measured_over(flown):
    clock = LinkClock(-0.1)
    for step in steps_of(flown.track(), starts_s=20.0, seconds=20.0):
        clock.arrived(step[0], round((1_800_000_000 + step[0]) * 1e9))
        clock.turned(step)
    clock.compare(flown.track())
    stated = clock.segment(7.0, 8.0)
    assert (stated.basis, stated.sigma_s) == (ClockBasis.STATED_OFFSET, 0.1)
    assert stated.clock.t_utc_ns[0] == pytest.approx((1_800_000_000 + 7.0 - LATENCY_S - 0.1) * 1e9, abs=1e6)


def test_a_link_says_why_it_gives_no_track():
    poses = LinkPoses("udp:test")
    assert poses.track() is None
    assert "nothing has come" in poses.why
    poses.feed(off_the_wire(messages(0.0)[2]), received_us=1)
    assert poses.track() is None
    assert "no position" in poses.why


def test_a_link_knows_the_vehicles_time_and_how_far_it_reaches(flown):
    moment = VEHICLE_UTC_US * 1000 + 59_900_000_000
    assert flown.track().t_utc_ns[-1] == moment
    assert flown.covers(moment)
    assert not flown.covers(moment + 1_000_000)


@pytest.fixture(scope="module")
def turning_film(tmp_path_factory):
    """Return nine seconds of a turning camera's pictures, ten a second, without any telemetry."""
    path = tmp_path_factory.mktemp("turning") / "film.ts"
    scene = ndimage.gaussian_filter(np.random.default_rng(11).uniform(0, 255, (500, 700)), 2.0)
    with av.open(str(path), "w", format="mpegts") as target:
        stream = target.add_stream(
            "libx264", rate=10, options={"preset": "ultrafast", "bf": "0", "tune": "zerolatency"}
        )
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 10
        for k in range(90):
            t = k / 10
            corner = 190 - tilt_deg(t) * PX_PER_DEG, 270 + pan_deg(t) * PX_PER_DEG
            view = ndimage.affine_transform(scene, np.eye(2), offset=corner, output_shape=(120, 160), order=1)
            gray = np.clip((view - 100) * 4, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(gray[:, :, None], 3, axis=2), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 10)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


class Flight:
    """Sends a film at its own pace, while a vehicle tells where it is; the film begins a second after the vehicle."""

    def __init__(self, film, port, poses):
        self._over = threading.Event()
        self._began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._tell, args=(poses,), daemon=True),
            threading.Thread(target=self._send, args=(film, port), daemon=True),
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(30.0)

    def _tell(self, poses):
        k = 0
        while not self._over.wait(max(0.0, self._began + k * EVERY_S - time.monotonic())):
            told(poses, k * EVERY_S, time.time_ns() // 1000)
            k += 1

    def _send(self, film, port):
        if not self._over.wait(1.0):
            play(film, "127.0.0.1", port)


def test_pictures_are_posed_by_a_link_that_comes_beside_them(turning_film):
    poses = LinkPoses("udp:test")
    options = ReadingOptions(every_s=1.0 / 3.0)
    with LiveReader("udp://127.0.0.1:0", poses=poses, options=options, link=LinkOptions(stale_s=20.0)) as live:
        timer = threading.Timer(60.0, live.stop)
        timer.start()
        frames = []
        with Flight(turning_film, live.port, poses):
            for frame in live.frames():
                frames.append(dataclasses.replace(frame, image=frame.image[:1, :1]))
                if float(frame.pts_s) > 8.0:
                    break
        timer.cancel()
    posed = [frame for frame in frames if frame.pose is not None]
    assert len(posed) >= len(frames) - 2 > 5
    for frame in posed:
        since_s = (frame.t_utc_ns - VEHICLE_UTC_US * 1000) * 1e-9
        assert frame.pose.lat_deg == pytest.approx(47.0 + since_s * 10.0 / 111_260.0, abs=2e-6)
    assert posed[0].sigmas.along_n_m > 2.0, "10 m/s over a quarter of a second"
    assert posed[-1].sigmas is None, "joined by motion it deserves no more than the usual errors"
    assert (posed[-1].t_utc_ns - VEHICLE_UTC_US * 1000) * 1e-9 == pytest.approx(float(posed[-1].pts_s), abs=0.05)
    assert live.begun_utc_ns[0] > VEHICLE_UTC_US * 1000


def test_a_link_without_a_word_leaves_pictures_unposed_with_a_reason(turning_film):
    with LiveReader("udp://127.0.0.1:0", poses=LinkPoses("udp:test"), link=LinkOptions(stale_s=20.0)) as live:
        thread = threading.Thread(target=play, args=(turning_film, "127.0.0.1", live.port), daemon=True)
        thread.start()
        first = next(live.frames())
    assert first.pose is None
    assert "nothing has come over udp:test" in first.pose_reason
