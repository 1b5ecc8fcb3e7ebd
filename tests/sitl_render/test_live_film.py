"""A flight filmed while it is flown: the stream shows what the truth says, however late the camera is."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
import socket
import threading
import time
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest

from geo.terrain import FlatTerrain
from geo.values import CameraModel, PoseSigmas
from sitl.films.live_film import DatagramSink, Shot, film_live
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.world import make_world
from sitl.vehicle.truth_file import COLUMNS, TruthFollower
from telemetry.klv import decode
from telemetry.klv.klv_track import track_from_klv

T0 = 1_750_000_000_000_000_000
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=160, height_px=128)


def row(k):
    """Return the truth of a vehicle that waits for two seconds, then flies east at 12 m/s."""
    east_m = max(0.0, (k - 20) * 1.2)
    flown = {"t_utc_ns": T0 + k * 100_000_000, "lat_deg": 52.0, "lon_deg": 23.5 + east_m / 68_600.0}
    looking = {"alt_amsl_m": 250.0, "yaw_deg": 90.0, "gimbal_yaw_deg": 0.0, "gimbal_pitch_deg": -40.0, "armed": True}
    return [(flown | looking).get(name, 0.0) for name in COLUMNS]


@pytest.fixture
def shot():
    world = make_world(
        corridor_lat_lon=np.array([[52.001, 23.5], [52.001, 23.51]]),
        terrain=FlatTerrain(height_m=180.0),
        seed=4,
        epoch_utc_ns=T0,
    )
    return Shot(
        world=world,
        camera=CAMERA,
        fps=Fraction(2),
        look=THERMAL,
        sigmas=PoseSigmas(position_h_m=0.0, position_v_m=0.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0),
        begins_at=(52.0, 23.5 + 24.0 / 68_600.0),
        ends_at=(52.0, 23.5 + 84.0 / 68_600.0),
        least_s=3.0,
        most_s=30.0,
        late_s=math.inf,
    )


def filmed(shot, told, *, rows, pause_s=0.0):
    """Film a flight that is told row by row; returns the truth of the film and the stream's bytes."""
    over, parts = threading.Event(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind(("127.0.0.1", 0))

        def tell():
            with told.open("w", buffering=1) as file:
                for k in range(rows):
                    file.write(json.dumps(row(k)) + "\n")
                    time.sleep(pause_s)
            over.set()

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        sink = DatagramSink("127.0.0.1", receiver.getsockname()[1])
        follower = TruthFollower(told)
        film = film_live(follower, shot, sink, rng=np.random.default_rng(1), landed=over.is_set)
        follower.close()
        sink.close()
        thread.join(30.0)
        receiver.settimeout(0.5)
        try:
            while True:
                parts.append(receiver.recv(2000))
        except TimeoutError:
            return film, b"".join(parts)


@pytest.mark.parametrize("pause_s", [0.0, 0.005])
def test_each_picture_is_taken_where_the_vehicle_was(shot, tmp_path, pause_s):
    film, stream = filmed(shot, tmp_path / "told.jsonl", rows=200, pause_s=pause_s)
    truth = film.truth
    since_s = (truth.frame_t_utc_ns - T0) * 1e-9
    np.testing.assert_allclose(truth.camera_lon_deg, 23.5 + (since_s - 2.0) * 12.0 / 68_600.0, atol=1e-7)
    assert since_s[0] == pytest.approx(2.8, abs=0.2)
    assert 84.0 - 15.0 <= (truth.camera_lon_deg[-1] - 23.5) * 68_600.0 <= 84.0
    (tmp_path / "film.ts").write_bytes(stream)
    with av.open(str(tmp_path / "film.ts")) as container:
        packets = [(packet.stream.type, bytes(packet)) for packet in container.demux() if packet.size]
    shown = [data for kind, data in packets if kind == "video"]
    klv = decode(b"".join(data for kind, data in packets if kind == "data"))
    assert len(shown) == len(klv) == len(truth.frame_t_utc_ns)
    np.testing.assert_allclose(track_from_klv(klv).lon_deg, truth.camera_lon_deg, atol=1e-6)


def test_a_camera_that_is_always_behind_sends_no_picture_and_ends_with_the_flight(shot, tmp_path):
    film, _ = filmed(dataclasses.replace(shot, late_s=1.0), tmp_path / "told.jsonl", rows=200)
    assert film is None or film.late_s < 1.0


def test_a_picture_that_grows_old_while_it_is_drawn_is_left_out(shot, tmp_path, monkeypatch):
    told = tmp_path / "told.jsonl"
    rows = iter(range(200))

    def tell(count):
        with told.open("a") as file:
            file.writelines(json.dumps(row(k)) + "\n" for _, k in zip(range(count), rows, strict=False))

    pictures, looks = itertools.count(), itertools.count()

    def slow(*about):
        tell(30 if next(pictures) in (0, 3) else 5)  # the first and the fourth take three seconds
        return render(*about)

    monkeypatch.setattr("sitl.films.live_film.render", slow)
    tell(30)
    follower, parts = TruthFollower(told), []
    with contextlib.closing(follower):
        sink = SimpleNamespace(write=parts.append, flush=lambda: None)
        in_time = dataclasses.replace(shot, late_s=1.0, ends_at=(52.0, 23.5 + 200.0 / 68_600.0))
        film = film_live(follower, in_time, sink, rng=np.random.default_rng(1), landed=lambda: next(looks) > 300)
    since_s = (film.truth.frame_t_utc_ns - film.truth.frame_t_utc_ns[0]) * 1e-9
    first_s = (film.truth.frame_t_utc_ns[0] - T0) * 1e-9
    assert first_s > 3.5, "the first was three seconds old"
    assert np.diff(since_s).max() > 2.0, "so was another"
    assert np.diff(since_s).min() == pytest.approx(0.5)


def test_a_vehicle_that_lands_before_its_work_is_not_filmed(shot, tmp_path):
    film, stream = filmed(shot, tmp_path / "told.jsonl", rows=20)
    assert (film, stream) == (None, b"")
