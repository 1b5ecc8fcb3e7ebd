"""A recording without telemetry is settled with the log of the link that came beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from operations.ingest import IngestJob, ingest
from operations.log.leaves import LeafKind
from operations.recorded_streams import (
    finish_left_over,
    opener,
    record_folder,
    recording_into,
    segments_of,
    settle_recording,
)
from operations.store import OperationStore
from operations.vault.errors import SealedFileError
from operations.vault.key_ring import Secret
from operations.watching import WatchJob, start_subject
from telemetry.live.recorder_file import LINK_LOG, SegmentRecorder
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
        ingest(by_hand, IngestJob(store=other, detector=job.detector, model="centre box", settings=settings))
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


@pytest.fixture
def closed(tmp_path, clock):
    """Return an encrypted operation."""
    secret = Secret(value=b"k" * 40)
    with OperationStore.create(tmp_path / "closed", name="n", actor="a", clock=clock, secret=secret) as store:
        yield store


def test_an_encrypted_recording_is_settled_and_never_lies_in_the_clear(job, closed, tmp_path, clock):
    write_pictures(tmp_path / "film.ts")
    write_link(tmp_path / "flown.tlog")
    film, flown = ((tmp_path / name).read_bytes() for name in ("film.ts", "flown.tlog"))
    with recording_into(closed) as folder:
        with SegmentRecorder(folder, clock=clock, open_new=opener(closed)) as recorder:
            for at in range(0, len(film), 1316):
                recorder.write(film[at : at + 1316])
            noted = recorder.checkpoint()
            assert noted.sha256 == hashlib.sha256(film).hexdigest()
        with opener(closed)(folder / LINK_LOG) as log:
            log.write(flown)
        subject = start_subject(folder.name, 1)
        closed.append(LeafKind.NOTE, subject, {"what": "first picture", "start_utc_ns": START_NS})
        there = {path.name for path in closed.path.rglob("*") if path.is_file()}
        assert "segments.jsonl" not in there
        assert in_the_clear(closed.path, film, flown) == []
        closed_job = dataclasses.replace(job, store=closed)
        (settled,) = settle_recording(closed_job, segments_of(closed, folder), analyse=True)
    assert in_the_clear(closed.path, film, flown) == []
    assert settled.done.run.counts["frames_with_pose"] == 12
    assert [(member.path, member.sha256) for member in settled.media.members] == [
        ("000001.ts", hashlib.sha256(film).hexdigest()),
        (LINK_LOG, hashlib.sha256(flown).hexdigest()),
    ]
    assert not (closed.path / "record").exists()


def in_the_clear(folder, *secrets):
    """Return the files under a folder in which any stretch of the secrets can be read."""
    pieces = [secret[at : at + 24] for secret in secrets for at in range(0, len(secret) - 24, 188)]
    pieces = [piece for piece in pieces if len(set(piece)) > 16]
    assert len(pieces) > 20
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if any(piece in path.read_bytes() for piece in pieces)]


def test_an_encrypted_recording_that_was_cut_off_is_read_as_far_as_it_goes(closed):
    folder = record_folder(closed)
    path = folder / "000001.ts"
    whole = bytes(range(256)) * 1024
    with opener(closed)(path) as file:
        file.write(whole)
    stored = path.read_bytes()
    path.write_bytes(stored[: len(stored) - 70_000])
    with closed.vault.lend_grown(path, f"{folder.name}/000001.ts") as lent:
        held = lent.read_bytes()
    assert whole.startswith(held)
    assert len(held) == 2 * 65_536


@pytest.mark.parametrize("place", [20, 70_000])
def test_an_encrypted_recording_that_was_changed_is_refused(closed, place):
    folder = record_folder(closed)
    path = folder / "000001.ts"
    with opener(closed)(path) as file:
        file.write(bytes(200_000))
    stored = bytearray(path.read_bytes())
    stored[place] ^= 1
    path.write_bytes(stored)
    with pytest.raises(SealedFileError), closed.vault.lend_grown(path, f"{folder.name}/000001.ts"):
        pass
    with pytest.raises(SealedFileError), closed.vault.lend_grown(path, f"{folder.name}/000002.ts"):
        pass
