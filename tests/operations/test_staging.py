from __future__ import annotations

import os
import subprocess
import sys

import pytest

from operations.errors import MediumBusyError
from operations.staging import Staging, in_flight, is_unfinished

DIES = """
import os, pathlib, sys
from operations.staging import Staging
operation = pathlib.Path(sys.argv[1])
staging = Staging(operation, is_recorded=lambda name: False)
staging.claim("ab", "clip")
for name in ("recorded", "listed"):
    path = staging.place("media", name)
    path.write_bytes(b"x")
    staging.publish([(path, operation / "media" / name)])
    part = staging.place("parts", name)
    part.write_bytes(b"x")
    staging.publish([(part, operation / "parts" / name / "hits-0000.parquet")])
staging.place("media", "half").write_bytes(b"x")
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def dead(tmp_path):
    """Return an operation in which a writer died; it had recorded half of what it had put in place."""
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    (tmp_path / "media" / "unlisted").write_bytes(b"an original whose record was lost")
    return tmp_path


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def recorded(name):
    return "recorded" in name


def test_what_a_dead_writer_listed_and_nobody_recorded_is_removed_and_nothing_else(dead):
    assert len(files(dead)) == 8  # with its two locks and its half file
    with Staging(dead, is_recorded=recorded):
        pass
    assert files(dead) == {"media/recorded", "media/unlisted", "parts/recorded/hits-0000.parquet"}
    assert not (dead / "parts" / "listed").exists()


def test_a_living_writers_files_are_left_alone(tmp_path):
    with Staging(tmp_path, is_recorded=lambda name: False) as living:
        half = living.place("media", "half")
        half.write_bytes(b"x")
        done = living.place("media", "done")
        done.write_bytes(b"x")
        living.publish([(done, tmp_path / "media" / "done")])
        with Staging(tmp_path, is_recorded=lambda name: False):
            assert half.exists()
            assert in_flight(tmp_path) == {"media/done"}
        assert (tmp_path / "media" / "done").exists()
    assert files(tmp_path) == set()
    assert in_flight(tmp_path) == set()


def test_a_file_that_another_living_writer_has_listed_too_is_not_removed_by_one_that_fails(tmp_path):
    with Staging(tmp_path, is_recorded=lambda name: False) as living:
        with Staging(tmp_path, is_recorded=lambda name: False) as failing:
            for writer in (living, failing):
                path = writer.place("media", "same")
                path.write_bytes(b"x")
                writer.publish([(path, tmp_path / "media" / "same")])
        assert (tmp_path / "media" / "same").exists()
    assert not (tmp_path / "media" / "same").exists()


def test_a_list_that_came_with_a_foreign_operation_reaches_nothing_outside(tmp_path):
    operation = tmp_path / "op"
    for folder in ("locks", "media", "parts"):
        (operation / folder).mkdir(parents=True)
    (tmp_path / "letter").write_text("keep me")
    (operation / "operation.sqlite").write_text("keep me")
    names = ["../letter", "operation.sqlite", "media/../operation.sqlite", str(tmp_path / "letter"), "media", "parts/a"]
    (operation / "media" / "link").symlink_to(tmp_path / "letter")
    (operation / "locks" / "00.writer").write_text("".join(f"{name}\n" for name in [*names, "media/link"]))
    with Staging(operation, is_recorded=lambda name: False):
        pass
    assert (tmp_path / "letter").read_text() == "keep me"
    assert (operation / "operation.sqlite").exists()
    assert {p.name for p in operation.iterdir()} == {"locks", "media", "parts", "operation.sqlite"}


def test_a_name_that_was_being_written_when_the_power_went_is_passed_over(tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "ab").write_bytes(b"x")
    (tmp_path / "locks" / "00.writer").write_bytes(b"media/ab")
    with Staging(tmp_path, is_recorded=lambda name: False):
        pass
    assert (tmp_path / "media" / "ab").exists()


def test_a_medium_has_one_writer(tmp_path):
    with Staging(tmp_path, is_recorded=recorded) as first, Staging(tmp_path, is_recorded=recorded) as second:
        first.claim("ab", "clip.ts")
        first.claim("ab", "clip.ts")
        with pytest.raises(MediumBusyError, match=r"clip\.ts is being read into .* by another process") as told:
            second.claim("ab", "clip.ts")
        assert told.value.exit_status == 3
        second.claim("cd", "other.ts")
        first.close()
        second.claim("ab", "clip.ts")


def test_names_are_listed_and_synced_before_a_file_has_its_place(tmp_path, monkeypatch):
    asked = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def call(first, *more, _name=name, _real=real):
            shown = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else os.fspath(first)
            asked.append((_name, shown.rsplit(".", 1)[-1] if "writer" in shown else os.path.basename(shown)[:5]))
            return _real(first, *more)

        monkeypatch.setattr(os, name, call)
    with Staging(tmp_path, is_recorded=recorded) as writer:
        asked.clear()
        path = writer.place("media", "x")
        path.write_bytes(b"x")
        writer.publish([(path, tmp_path / "media" / "recorded")])
    assert asked == [("fsync", "writer"), ("fsync", "locks"), ("replace", ".part"), ("fsync", "media")]


@pytest.mark.parametrize(
    ("name", "unfinished"), [(".part-00-x.ts", True), ("log.head.part", True), ("ab.ts", False), ("part.ts", False)]
)
def test_unfinished_files_are_known_by_their_names(name, unfinished):
    assert is_unfinished(name) is unfinished
