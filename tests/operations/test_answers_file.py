"""An ingest that was cut short goes on where it stopped, and gives what an undisturbed one gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from detection.looking import TOGETHER
from operations import answers_file
from operations.answers_file import ANSWERS
from operations.law.erasure import finish_erasures
from operations.store import OperationStore
from operations.values import MediaRecord
from operations.vault.key_ring import Secret
from operations.verify import verify

PIECE_PICTURES = TOGETHER
"""What is looked at in one go is kept together."""
FRAMES = 2 * PIECE_PICTURES + 3
DIES_AT = PIECE_PICTURES + 4
"""When one piece is written, and the second is not."""
TABLES = ("hits", "tracks", "frames", "events", "chips")
SECRET = Secret(value=bytes(range(32)), from_key_file=True)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(answers_file, "PIECE_PICTURES", PIECE_PICTURES)


@pytest.fixture
def long_clip(make_clip):
    return make_clip("long.ts", FRAMES)


@pytest.fixture(params=[None, SECRET], ids=["plain", "encrypted"])
def broken_off(request, tmp_path, clock, long_clip, read_in, centre_box):
    """Return an operation in which reading a clip failed at a picture of the second piece."""
    with OperationStore.create(tmp_path / "op2", name="n", actor="a", clock=clock, secret=request.param) as store:
        with pytest.raises(OSError, match="No space"):
            read_in(store, long_clip, detector=centre_box(dies_at=DIES_AT))
        yield store


def rows(store):
    return {name: store.table(name).to_pylist() for name in TABLES}


def undisturbed(tmp_path, clock, clip, read_in):
    with OperationStore.create(tmp_path / "whole", name="n", actor="a", clock=clock) as other:
        read_in(other, clip)
        return rows(other)


def pieces(store):
    return sorted(path for path in (store.path / ANSWERS).rglob("*") if path.is_file())


def test_the_next_ingest_of_the_same_bytes_goes_on_and_gives_the_same_rows(
    broken_off, tmp_path, clock, long_clip, read_in, centre_box
):
    assert broken_off.media() == []
    result = verify(broken_off.path, vault=broken_off.vault)
    assert result.findings == ()
    assert any("interrupted" in note for note in result.notes)
    detector = centre_box()
    done = read_in(broken_off, long_clip.rename(long_clip.with_name("renamed.ts")), detector=detector)
    assert detector.seen == FRAMES - PIECE_PICTURES
    assert done.run.counts["pictures_taken_over"] == PIECE_PICTURES
    assert rows(broken_off) == undisturbed(tmp_path, clock, long_clip.with_name("renamed.ts"), read_in)
    assert not (broken_off.path / ANSWERS).exists()
    result = verify(broken_off.path, vault=broken_off.vault)
    assert (result.findings, result.notes) == ((), ())


def test_other_models_and_other_recordings_take_nothing_over(broken_off, make_clip, long_clip, read_in, centre_box):
    detector = centre_box()
    read_in(broken_off, make_clip("other.ts", 7), detector=detector)
    assert detector.seen == 7
    assert pieces(broken_off), "what another recording's reading had found stays"
    detector = centre_box(shift_px=5)
    done = read_in(broken_off, long_clip, detector=detector, model="another model")
    assert detector.seen == FRAMES
    assert "pictures_taken_over" not in done.run.counts


def test_a_piece_that_was_changed_or_cut_short_is_as_good_as_none(
    broken_off, tmp_path, clock, long_clip, read_in, centre_box
):
    (piece,) = pieces(broken_off)
    piece.write_bytes(piece.read_bytes()[:-7])
    detector = centre_box()
    read_in(broken_off, long_clip, detector=detector)
    assert detector.seen == FRAMES
    assert rows(broken_off) == undisturbed(tmp_path, clock, long_clip, read_in)


def test_what_lies_there_encrypted_tells_no_box(broken_off):
    (piece,) = pieces(broken_off)
    assert (b"boxes_px" in piece.read_bytes()) != broken_off.vault.encrypted
    assert piece.stat().st_mode & 0o077 == 0


def test_an_erasure_takes_what_was_never_recorded_along(broken_off):
    (piece,) = pieces(broken_off)
    assert finish_erasures(broken_off) == [piece.relative_to(broken_off.path).as_posix()]
    assert not (broken_off.path / ANSWERS).exists()


def test_an_erasure_leaves_what_a_known_recording_or_a_living_writer_needs(broken_off, monkeypatch):
    (piece,) = pieces(broken_off)
    media_id = piece.parent.name
    with broken_off.staging() as staging:
        staging.claim(media_id, "the clip")
        assert finish_erasures(broken_off) == []
    record = MediaRecord(id="x", name="", kind="video", size_bytes=0, members=())
    monkeypatch.setattr(type(broken_off), "media", lambda _: [record])
    monkeypatch.setattr(type(broken_off.vault), "file_name", lambda _, text: media_id if text == "x" else text)
    assert finish_erasures(broken_off) == []
    assert pieces(broken_off) == [piece]


PROGRAM = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import night
from operations import answers_file
answers_file.PIECE_PICTURES = int(sys.argv[5])
class Killed(night.CentreBox):
    seen = 0
    def detect(self, images):
        self.seen += 1
        if self.seen == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().detect(images)
with night.OperationStore.open_or_create(Path(sys.argv[1]), name="n", actor="a", clock=night.clock()) as store:
    detector = Killed()
    job = night.IngestJob(store=store, detector=detector, model=night.MODEL, settings=night.settings())
    night.ingest(Path(sys.argv[2]), job)
    print(detector.seen)
"""


def test_a_command_that_was_killed_over_and_over_ends_with_the_same_rows(tmp_path, night, long_clip):
    """Each time it comes one piece further."""

    def run(folder, dies_at):
        command = [sys.executable, "-c", PROGRAM, tmp_path / folder, long_clip, os.path.dirname(night.__file__)]
        numbers = [str(dies_at), str(PIECE_PICTURES)]
        return subprocess.run([*command, *numbers], capture_output=True, text=True, check=False)

    assert [run("op", PIECE_PICTURES + 1).returncode for _ in range(2)] == [-signal.SIGKILL] * 2
    assert run("op", PIECE_PICTURES).stdout == f"{FRAMES - 2 * PIECE_PICTURES}\n"
    with OperationStore.create(tmp_path / "whole", name="n", actor="a", clock=night.clock()) as whole:
        night.read_in(whole, long_clip)
        with OperationStore.open(tmp_path / "op", actor="a", clock=night.clock()) as store:
            assert rows(store) == rows(whole)
