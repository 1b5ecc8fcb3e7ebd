from __future__ import annotations

import errno
import os
import stat

import pytest

from operations import durable_file
from operations.errors import DiskError


@pytest.fixture
def asked(monkeypatch):
    """Return the list of what is asked of the disk: (call, name of the file)."""
    calls = []

    def watched(name, real):
        def call(first, *more, **named):
            path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else os.fspath(first)
            calls.append((name, os.path.basename(path)))
            return real(first, *more, **named)

        return call

    for name in ("fsync", "replace", "mkdir"):
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    return calls


def test_a_whole_file_is_synced_before_it_has_its_name_and_its_folder_after(tmp_path, asked):
    durable_file.write_whole(tmp_path / "log.head", b"7")
    assert asked == [("fsync", "log.head.part"), ("replace", "log.head.part"), ("fsync", tmp_path.name)]
    assert (tmp_path / "log.head").read_bytes() == b"7"


def test_a_new_folder_is_synced_into_the_one_above_it(tmp_path, asked):
    durable_file.make_folder(tmp_path / "a" / "b")
    assert asked == [("mkdir", "a"), ("fsync", tmp_path.name), ("mkdir", "b"), ("fsync", "a")]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_what_a_dead_writer_left_is_written_over(tmp_path):
    (tmp_path / "x.part").write_bytes(b"half of something longer")
    durable_file.write_whole(tmp_path / "x", b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"new"}


def test_a_file_that_exists_is_never_written_into(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(DiskError, match="x could not be written"):
        durable_file.write(tmp_path / "x", [b"new"])
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "free space"), (errno.EDQUOT, "free space"), (errno.EIO, "disk and perm")]
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_is_one_sentence_that_names_the_file_and_leaves_nothing(
    tmp_path, monkeypatch, number, said, call
):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DiskError, match=f"x.* could not be .*{said}.*nothing of it was registered") as told:
        durable_file.write_whole(tmp_path / "x", b"new")
    assert told.value.exit_status == 2
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"old"}


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    def chunks():
        yield b"one"
        raise RuntimeError("the card was pulled")

    with pytest.raises(RuntimeError):
        durable_file.write(tmp_path / "x", chunks())
    assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_no_error_and_a_link_is_not_followed(tmp_path):
    durable_file.remove(tmp_path / "nothing")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    durable_file.remove(tmp_path / "link")
    assert [p.name for p in tmp_path.rglob("*")] == ["kept", "x"]
