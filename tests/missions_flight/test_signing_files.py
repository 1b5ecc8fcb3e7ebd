"""Keys and marks on the disk: owner only, durable, only ever rising, over kills, two processes and wrong clocks."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.errors import InputError
from missions.links.signing import Signer, Verdict
from missions.links.signing_key import SigningKey
from missions.links.signing_key_file import make_key, open_signer, read_key
from missions.links.signing_marks_file import MarksFile

KEY = bytes(range(50, 82))
NOW_S = 1_800_000_000.0
TICKS = int((NOW_S - 1_420_070_400) * 100_000)
VEHICLE = (3, 1, 1)


def frame_at(ticks: int, *, system: int = 1, key: bytes = KEY) -> bytes:
    mav = mavlink.MAVLink(None, srcSystem=system, srcComponent=1)
    mav.signing.secret_key, mav.signing.sign_outgoing = key, True
    mav.signing.timestamp, mav.signing.link_id = ticks, 3
    return bytes(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3).pack(mav))


def signer_at(path, unix_s: float = NOW_S) -> Signer:
    return Signer(SigningKey(KEY), marks=MarksFile(path, SigningKey(KEY)), unix_s=lambda: unix_s)


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def wide_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_keys_and_marks_are_for_their_owner_alone(tmp_path, wide_umask) -> None:
    make_key(tmp_path / "key")
    assert mode_of(tmp_path / "key") == 0o600
    assert read_key(tmp_path / "key").fingerprint != SigningKey(KEY).fingerprint
    with pytest.raises(InputError, match="a key is never overwritten"):
        make_key(tmp_path / "key")
    with pytest.raises(InputError, match="cannot be written"):
        make_key(tmp_path / "none" / "key")
    signer = open_signer(tmp_path / "key", "../S 1")
    marks = tmp_path / "key...%2FS%201.marks"
    assert mode_of(marks) == 0o600
    marks.chmod(0o644)
    signer.save()
    assert mode_of(marks) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key", marks.name], "no leftovers"


def test_marks_are_synced_before_and_after_they_are_renamed(tmp_path, monkeypatch) -> None:
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(stat.S_IFMT(os.fstat(fd).st_mode)), fsync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), replace(a, b))[1])
    whole = [stat.S_IFREG, "rename", stat.S_IFDIR]
    clock = [0.0]
    with MarksFile(tmp_path / "marks", SigningKey(KEY), clock=lambda: clock[0]) as marks:
        assert done == whole
        marks.set_heard(VEHICLE, 5)
        assert done == whole, "not for each frame"
        clock[0] = 1.0
        marks.set_heard(VEHICLE, 6)
        assert done == whole * 2
    assert done == whole * 3


def test_a_killed_process_forgets_no_frame(tmp_path) -> None:
    """SIGKILL between two syncs: the newest mark is in the file all the same."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from missions.links.signing_key import SigningKey; from missions.links.signing_marks_file import MarksFile\n"
        f"marks = MarksFile(Path(sys.argv[1]), SigningKey({KEY!r}), clock=lambda: 0.0)\n"
        "for t in range(1000): marks.set_heard((3, 1, 1), t); marks.set_sent((0, 255, 190), t)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "marks")], check=False)
    assert ended.returncode == -signal.SIGKILL
    with MarksFile(tmp_path / "marks", SigningKey(KEY)) as marks:
        assert (marks.heard, marks.sent) == ({VEHICLE: 999}, {(0, 255, 190): 999})


def test_marks_only_rise(tmp_path) -> None:
    with MarksFile(tmp_path / "marks", SigningKey(KEY)) as one, MarksFile(tmp_path / "marks", SigningKey(KEY)) as two:
        two.set_heard(VEHICLE, 10)
        two.close()
        one.set_heard(VEHICLE, 5)
        one.set_heard(VEHICLE, 4)
    with MarksFile(tmp_path / "marks", SigningKey(KEY)) as marks:
        assert marks.heard[VEHICLE] == 10


def test_a_record_cut_short_by_the_end_of_power_costs_that_record_alone(tmp_path) -> None:
    path = tmp_path / "marks"
    with MarksFile(path, SigningKey(KEY)) as marks:
        marks.set_heard(VEHICLE, 7)
        marks.set_heard((3, 2, 1), 8)
    path.write_bytes(path.read_bytes()[:-5])
    with MarksFile(path, SigningKey(KEY)) as marks:
        assert marks.heard == {VEHICLE: 7}


@pytest.mark.parametrize("data", [b"", b"VDTMARK1", bytes(64)])
def test_a_file_that_is_no_marks_is_for_a_person_to_decide(tmp_path, data) -> None:
    (tmp_path / "marks").write_bytes(data)
    with pytest.raises(InputError, match="damaged file of signing marks"):
        MarksFile(tmp_path / "marks", SigningKey(KEY))
    assert (tmp_path / "marks").read_bytes() == data


def test_no_room_for_marks_is_said_once_and_ends_no_flight(tmp_path, monkeypatch, caplog) -> None:
    signer = signer_at(tmp_path / "marks")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    frames = [frame_at(TICKS + i) for i in range(3)]
    assert [signer.judge(f, known=True) for f in frames] == [Verdict.ACCEPTED] * 3
    assert signer.judge(frames[1], known=True) is Verdict.REPLAYED
    assert caplog.text.count("No space left on device") == 1


def test_a_forged_frame_of_the_far_future_changes_no_mark(tmp_path) -> None:
    signer = signer_at(tmp_path / "marks")
    signer.judge(frame_at(TICKS), known=True)
    before = (tmp_path / "marks").read_bytes()
    assert signer.judge(frame_at(2**48 - 1, key=bytes(32)), known=True) is Verdict.FORGED
    assert signer.judge(frame_at(2**48 - 1, key=bytes(32), system=255), known=True, own=True) is Verdict.FORGED
    assert (tmp_path / "marks").read_bytes() == before
    assert signer.judge(frame_at(TICKS + 1), known=True) is Verdict.ACCEPTED


def test_a_clock_that_was_far_ahead_leaves_time_that_only_rises(tmp_path) -> None:
    """A year ahead once, right again now: we sign on from there, the vehicle goes on, and a person is told."""
    packer = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    year_s = 365 * 86_400.0
    ahead = signer_at(tmp_path / "marks", NOW_S + year_s)
    ahead.equip(packer)
    far = packer.signing.timestamp
    assert ahead.judge(frame_at(far + 50), known=True) is Verdict.ACCEPTED, "it follows our time, as MAVLink has it"
    ahead.save()
    right = signer_at(tmp_path / "marks")
    assert right.marks_ahead_s == pytest.approx(year_s, abs=1.0)
    right.equip(packer)
    assert packer.signing.timestamp == far + 51
    assert right.judge(frame_at(far + 50), known=True) is Verdict.REPLAYED
    assert right.judge(frame_at(far + 60), known=True) is Verdict.ACCEPTED
    assert right.judge(frame_at(TICKS, system=9), known=True) is Verdict.REPLAYED, "a year old by our marks"


def test_time_that_is_used_up_is_said(tmp_path) -> None:
    signer = signer_at(tmp_path / "marks", 1_420_070_400 + 2**48 / 100_000)
    with pytest.raises(InputError, match="no signing time is left: this computer's clock"):
        signer.equip(mavlink.MAVLink(None, srcSystem=255, srcComponent=190))


def test_a_new_link_signs_on_where_another_with_the_key_left_off(tmp_path) -> None:
    path = tmp_path / "key"
    make_key(path)
    packer = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    one = open_signer(path, "S1")
    one.equip(packer)
    sent = packer.signing.timestamp
    behind = Signer(
        read_key(path),
        marks=MarksFile(tmp_path / "key.S2.marks", read_key(path), siblings=lambda: tmp_path.glob("key.*.marks")),
        unix_s=lambda: NOW_S - 86_400.0 * 3000,
    )
    behind.equip(packer)
    assert packer.signing.timestamp == sent + 1
