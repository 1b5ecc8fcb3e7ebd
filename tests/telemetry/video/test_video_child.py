"""The decoding process's own work, run here: what it hands over, and how often it opens a file for it."""

from __future__ import annotations

import io
import os
import threading

import pytest

from geo.children.messages import MessageReader
from telemetry.videos import video_child
from telemetry.videos.decoding_job import Job

SLOTS = 64
SLOT_BYTES = 160 * 120 * 3


def handed_over(monkeypatch, path, most_held_bytes: int):
    """Return the messages about a clip, all of its slots, and how often the file was opened."""
    opened = []
    plain_open = video_child._open
    monkeypatch.setattr(video_child, "_open", lambda job: opened.append(job) or plain_open(job))
    monkeypatch.setattr(video_child, "HELD_MAX_BYTES", most_held_bytes)
    ring = os.memfd_create("slots")
    os.ftruncate(ring, SLOTS * SLOT_BYTES)
    job = Job(
        source=str(path), options={}, ring_fd=ring, slots=SLOTS, slot_bytes=SLOT_BYTES, max_pixels=1_000_000,
        max_duration_s=1e6, max_memory_bytes=1 << 40, max_klv_bytes=1 << 30, threads=3, every_s=None, scan=True,
        decode=True, stream=0, keep_ids=[], motion=False,
    )  # fmt: skip
    come, go = os.pipe()
    with os.fdopen(go, "wb") as out:
        writing = threading.Thread(target=lambda: (video_child._read(job, out, io.BytesIO()), out.close()))
        writing.start()
        reader, told = MessageReader(come, 1 << 30), []
        while (message := reader.next_message(20.0)) is not None:
            told.append(message)
        writing.join()
    os.close(come)
    pixels = os.pread(ring, SLOTS * SLOT_BYTES, 0)
    os.close(ring)
    monkeypatch.undo()
    return told, pixels, len(opened)


@pytest.mark.parametrize("cut", [False, True])
def test_pictures_that_are_kept_are_those_that_reading_again_gives(clip, tmp_path, monkeypatch, cut: bool):
    """Also those of a file that ends within a packet."""
    path, data = tmp_path / "clip.ts", clip.path.read_bytes()
    path.write_bytes(data[: 188 * (len(data) // 188 // 2) + 37] if cut else data)
    kept, again = (handed_over(monkeypatch, path, most) for most in (1 << 26, 0))
    assert (kept[2], again[2]) == (1, 2)
    assert [message for message in kept[0] if message[0]["type"] != "problem"] == [
        message for message in again[0] if message[0]["type"] != "problem"
    ]
    frames = [header for header, _ in kept[0] if header["type"] == "frame"]
    assert len(frames) == 24 or cut
    assert len(frames) > 5
    assert kept[1] == again[1] != bytes(len(kept[1]))


def test_a_file_that_outgrows_what_is_kept_is_read_again_from_its_beginning(clip, monkeypatch):
    told, _, opened = handed_over(monkeypatch, clip.path, 1_000)
    assert opened == 2
    assert [header["i"] for header, _ in told if header["type"] == "frame"] == list(range(24))
