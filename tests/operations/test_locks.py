from __future__ import annotations

import os
import subprocess
import sys
import threading

from operations import locks

HOLD = (
    "import sys, pathlib; from operations import locks\n"
    "print(locks.take(pathlib.Path(sys.argv[1])) is not None, flush=True); sys.stdin.read()"
)


def holder(path):
    """Return another process that holds a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    return process


def test_a_lock_that_another_process_holds_is_not_to_be_had_until_that_is_killed(tmp_path):
    path = tmp_path / "lock"
    with holder(path) as other:
        assert locks.take(path) is None
        assert locks.is_held(path)
        other.kill()
        other.wait()
        assert path.exists()
        assert not locks.is_held(path)
        descriptor = locks.take(path)
        assert descriptor is not None
        locks.let_go(descriptor, path)
    assert not path.exists()


def test_asking_makes_no_file(tmp_path):
    assert not locks.is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_removed_while_it_was_taken_is_taken_anew(tmp_path, monkeypatch):
    path, real, removed = tmp_path / "lock", locks.fcntl.flock, []

    def flock(descriptor, how):
        if not removed:
            removed.append(path.unlink())
        return real(descriptor, how)

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    descriptor = locks.take(path)
    assert os.fstat(descriptor).st_ino == path.stat().st_ino
    locks.let_go(descriptor, path)


def test_of_many_at_once_one_at_a_time_holds_it(tmp_path):
    path, inside, most = tmp_path / "lock", [], []

    def work():
        done = 0
        while done < 20:
            descriptor = locks.take(path)
            if descriptor is None:
                continue
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            locks.let_go(descriptor, path)
            done += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert not path.exists()


def test_turns_are_taken_one_after_another(tmp_path):
    order = []

    def wait_for_turn():
        order.append("asked")
        with locks.turn(tmp_path):
            order.append("second")

    with locks.turn(tmp_path):
        thread = threading.Thread(target=wait_for_turn)
        thread.start()
        while "asked" not in order:
            pass
        order.append("first")
    thread.join()
    assert order == ["asked", "first", "second"]
    assert list(tmp_path.iterdir()) == []
