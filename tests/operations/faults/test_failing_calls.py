"""A night whose system calls fail one by one: killed there, out of space, or with a failing disk."""

from __future__ import annotations

import collections
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from operations.errors import NotAnOperationError
from operations.staging import LOCKS
from operations.verify import verify

FORKS = Path(__file__).with_name("night_forks.py")
CALLS = (
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "mkdir", "link", "openat", "unlink", "flock"
)  # fmt: skip
SAMPLES = 14
"""Faults tried in a quick run; `slow` tries all of them."""
_CALL = re.compile(r"^(\w+)\((.*)$")


class Forks:
    """Runs nights, each under strace."""

    def __init__(self, strace, cards, folder):
        self.strace, self.cards, self.folder, self.count = strace, cards, folder, 0
        self.server = subprocess.Popen(
            [sys.executable, str(FORKS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line):
        self.server.stdin.write(f"{line}\n")
        self.server.stdin.flush()

    def run(self, *options):
        """Return (folder, wait status, what it told) of a night under strace."""
        self.count += 1
        work = self.folder / f"night-{self.count}"
        work.mkdir()
        self.ask(f"{work} {self.cards} plain")
        number = self.server.stdout.readline().strip()
        command = [self.strace, "-p", number, "-o", str(self.folder / "trace"), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert "attached" in tracer.stderr.readline()
            self.ask("go")
            status = int(self.server.stdout.readline())
            tracer.communicate()
        return work, status, (self.folder / f"{work.name}.told").read_text()

    def close(self):
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()


@pytest.fixture(scope="module")
def forks(system_calls, cards, tmp_path_factory):
    running = Forks(system_calls.require_strace(), cards, tmp_path_factory.mktemp("failing"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def places(forks):
    """Return every call of an undisturbed night that touches the operation: (name, how manieth of its name)."""
    work, status, _ = forks.run("-y", "-e", f"trace={','.join(CALLS)}", "-s", "4096")
    assert status == 0
    counts, found = collections.Counter(), []
    for line in (forks.folder / "trace").read_text("latin-1").splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        counts[call[1]] += 1
        reads = call[1] == "openat" and "O_CREAT" not in line and "O_WRONLY" not in line
        if f"{work}/" in line and not reads:
            found.append((call[1], counts[call[1]]))
    shutil.rmtree(work)
    return found


def faults(places):
    for name, number in places:
        yield name, number, "signal=KILL"
        yield name, number, "error=ENOSPC" if name != "fsync" else "error=EIO"
        if name in {"write", "pwrite64", "rename"}:
            yield name, number, "error=EIO"


def check(forks, night, whole, fault):
    """Run a night with one fault: it holds all it acknowledged, says what failed, and can be gone on with."""
    name, number, how = fault
    # The end of the tracing (a process dies) is no call of the night's: one fault, at one call.
    work, status, told = forks.run("-e", f"trace={name}", "-e", f"inject={name}:{how}:when={number}")
    acks = [int(line.split()[1]) for line in told.splitlines() if line.startswith("ack ")]
    assert "unexpected" not in told, (fault, told)
    if how == "signal=KILL":
        assert os.WIFSIGNALED(status), fault
        assert os.WTERMSIG(status) == signal.SIGKILL
    elif os.WEXITSTATUS(status):
        assert os.WEXITSTATUS(status) == 2, (fault, told)
        sentence = told.splitlines()[-1]
        assert str(work) in sentence, (fault, told)
        assert "nothing of it was registered" in sentence, (fault, told)
    path = work / "op"
    try:
        with night.OperationStore.open(path, actor="judge", clock=night.clock(), read_only=True) as store:
            assert store.head().size >= (acks[-1] if acks else 0), fault
        assert verify(path).findings == (), fault
    except NotAnOperationError:
        assert not acks, fault
    night.main(work, forks.cards)
    with night.OperationStore.open(path, actor="judge", clock=night.clock(), read_only=True) as store:
        assert night.undisturbed(store) == whole, fault
    result = verify(path)
    assert (result.findings, result.notes) == ((), ()), fault
    assert list((path / LOCKS).iterdir()) == [], fault
    assert not list(path.rglob("*.part*")), fault
    shutil.rmtree(work)


def test_a_night_makes_calls_of_every_kind(places):
    assert {name for name, _ in places} >= {"write", "pwrite64", "fsync", "rename", "mkdir", "openat", "unlink"}
    assert len(places) > 150


def test_a_fault_at_any_call_costs_nothing_that_was_acknowledged_and_the_night_can_be_gone_on_with(
    forks, places, night, whole, chance
):
    every = list(faults(places))
    for fault in chance.sample(every, SAMPLES):
        check(forks, night, whole, fault)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_fault_at_every_call(forks, places, night, whole):
    failed = []
    for fault in faults(places):
        try:
            check(forks, night, whole, fault)
        except AssertionError as error:
            failed.append((fault, str(error)[:300]))
    assert failed == []
