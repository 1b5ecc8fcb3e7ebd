"""A recording without telemetry is settled with the log of the link that came beside it."""

from __future__ import annotations

import dataclasses
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from operations.ingest import ingest
from operations.log.leaves import LeafKind
from operations.recorded_streams import (
    finish_left_over,
    record_folder,
    recording_into,
    segments_of,
    settle_recording,
)
from operations.store import OperationStore
from operations.watching import WatchJob, start_subject
from telemetry.live.recorder_file import LINK_LOG
from telemetry.recordings.open_recordings import open_recordings

START_NS = 1_767_225_600_000_000_000


def write_pictures(path, count=12):
    """Write pictures without any telemetry, two a second: too far apart for their motion to tell anything."""
    rng = np.random.default_rng(4)
    with av.open(str(path), "w", format="mpegts") as target:
        stream = target.add_stream("libx264", rate=2, options={"preset": "ultrafast", "bf": "0", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for k in range(count):
            image = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(20, axis=0).repeat(20, axis=1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 2)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def write_link(path, seconds=10):
    """Write what a vehicle says while it flies north at 10 m/s, looking 45 degrees down."""
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    down = [float(np.cos(np.radians(22.5))), 0.0, -float(np.sin(np.radians(22.5))), 0.0]
    earth = dialect.GIMBAL_DEVICE_FLAGS_YAW_LOCK | dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
    with path.open("wb") as log:
        for k in range(seconds * 10):
            boot, moment_us = 1000 + k * 100, START_NS // 1000 - 1_000_000 + k * 100_000
            lat = 500_000_000 + round((k * 0.1 - 1.0) * 10.0 / 111_230.0 * 1e7)
            for message in (
                dialect.MAVLink_system_time_message(moment_us, boot),
                dialect.MAVLink_gimbal_device_attitude_status_message(0, 0, boot, earth, down, 0, 0, 0, 0),
                dialect.MAVLink_camera_fov_status_message(boot, 0, 0, 0, 0, 0, 0, [1.0, 0, 0, 0], 32.0, 24.0),
                dialect.MAVLink_attitude_message(boot, 0.0, 0.0, 0.0, 0, 0, 0),
                dialect.MAVLink_global_position_int_message(boot, lat, 80_000_000, 300_000, 100_000, 0, 0, 0, 0),
            ):
                log.write(struct.pack(">Q", moment_us + 40_000) + message.pack(link))


@pytest.fixture
def job(store, centre_box, settings):
    return WatchJob(store=store, detector=centre_box(), model="centre box", settings=settings)


def test_a_recording_is_posed_by_its_link_from_the_start_that_was_told(job, store, tmp_path, clock):
    folder = record_folder(store)
    write_pictures(folder / "000001.ts")
    write_link(folder / LINK_LOG)
    for start in (5, START_NS):
        store.append(LeafKind.NOTE, start_subject(folder.name, 1), {"what": "first picture", "start_utc_ns": start})
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("000001.ts", LINK_LOG):
        (kept / name).write_bytes((folder / name).read_bytes())
    (settled,) = settle_recording(job, segments_of(store, folder), analyse=True)
    run = settled.done.run
    assert run.counts["frames_with_pose"] == run.counts["frames"] == 12
    assert run.settings["stated"] == {"start_utc_ns": START_NS}
    frames = store.frames(runs=[run.run_id])
    since_s = frames.media_t_ns * 1e-9 - frames.media_t_ns[0] * 1e-9
    np.testing.assert_allclose(frames.lat_deg, 50.0 + since_s * 10.0 / 111_230.0, atol=2e-6)
    assert sorted(member.path for member in settled.media.members) == ["000001.ts", LINK_LOG]
    assert not (store.path / "record").exists()
    by_hand = open_recordings(kept / "000001.ts", track=kept / LINK_LOG).recordings[0]
    stated = dataclasses.replace(job.settings.stated, start_utc_ns=START_NS)
    settings = dataclasses.replace(job.settings, stated=stated)
    with OperationStore.create(tmp_path / "other", name="File", actor="analyst", clock=clock) as other:
        ingest(by_hand, store=other, detector=job.detector, model="centre box", settings=settings)
        ours = {part.file: part.sha256 for part in store.parts(runs=[run.run_id])}
        assert ours == {part.file: part.sha256 for part in other.parts()}


def test_a_recording_that_is_only_sealed_keeps_its_link_with_it(job, store):
    folder = record_folder(store)
    write_pictures(folder / "000001.ts")
    write_link(folder / LINK_LOG)
    (settled,) = settle_recording(job, segments_of(store, folder), analyse=False)
    assert sorted(member.path for member in settled.media.members) == ["000001.ts", LINK_LOG]


def test_a_recording_under_way_is_not_taken_for_one_that_was_left(store):
    with recording_into(store) as ours:
        (ours / "000001.ts.part").write_bytes(b"bytes")
        with recording_into(store) as another:
            assert another != ours
        assert finish_left_over(store) == []
        assert (ours / "000001.ts.part").exists()
    assert [path.name for path, _ in finish_left_over(store)] == ["000001.ts"]
