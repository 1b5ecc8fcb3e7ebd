"""A night, cut after every step that it asked of the disk: what was acknowledged is whole, the rest can go on."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from operations.errors import NotAnOperationError
from operations.staging import LOCKS
from operations.vault.keys_file import open_vault
from operations.verify import verify

NIGHT = Path(__file__).parents[1] / "night.py"
SAMPLES = 25
"""States looked at in a quick run; `slow` looks at all of them."""


@pytest.fixture(scope="module", params=["plain", "encrypted"])
def recording(request, night, cards, system_calls, tmp_path_factory):
    """Return (root, steps, leaves, secret) of one night, recorded."""
    work = tmp_path_factory.mktemp("recorded")
    root = work / "root"
    root.mkdir()
    command = [sys.executable, str(NIGHT), str(root), str(cards), request.param]
    steps = system_calls.record(command, root, work / "trace", os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    secret = night.KEY if request.param == "encrypted" else None
    with night.OperationStore.open(root / "op", actor="judge", clock=night.clock(), secret=secret) as store:
        leaves = list(store.leaves())
    return root, steps, leaves, secret


def acknowledged(steps, number):
    """Return how many records were acknowledged when so many steps were done."""
    acks = [step.path for step in steps[:number] if step.what == "ack"]
    return int(acks[-1].split()[0]) if acks else 0


def judge(night, folder, recording, number):
    """Hold one state of the disk against what was acknowledged; returns what is wrong with it, or nothing."""
    _, steps, leaves, secret = recording
    path = folder / "op"
    promised = acknowledged(steps, number)
    try:
        with night.OperationStore.open(
            path, actor="judge", clock=night.clock(), secret=secret, read_only=True
        ) as store:
            there = list(store.leaves())
            for name in night.TABLES:
                store.table(name, runs=[run.run_id for run in store.runs(superseded=True)])
            findings = verify(path, vault=store.vault).findings
    except NotAnOperationError as error:
        return f"{promised} records were acknowledged: {error}" if promised else ""
    if len(there) < promised or there != leaves[: len(there)]:
        return f"{promised} records were acknowledged, {len(there)} are there"
    return "; ".join(finding.sentence for finding in findings)


def finish(night, folder, cards, recording, whole):
    """Go on with an interrupted night, and hold the end against an undisturbed one."""
    secret = recording[3]
    night.main(folder, cards, secret)
    path = folder / "op"
    with night.OperationStore.open(path, actor="judge", clock=night.clock(), secret=secret, read_only=True) as store:
        assert night.undisturbed(store) == whole
    result = verify(path, vault=open_vault(path, secret))
    assert (result.findings, result.notes) == ((), ())
    assert list((path / LOCKS).iterdir()) == []
    assert not list(path.rglob("*.part*"))


def look(night, disk_model, recording, state, tmp_path, then=None):
    number, cut, there = state
    folder = tmp_path / "cut"
    folder.mkdir()
    disk_model.build(there, folder)
    told = f"after step {number} ({recording[1][number - 1]}), left: {cut}"
    assert judge(night, folder, recording, number) == "", told
    if then is not None:
        try:
            then(folder)
        except Exception as error:
            raise AssertionError(f"the night cannot go on {told}") from error
    shutil.rmtree(folder)


def test_the_recording_is_of_the_whole_night(recording, disk_model, chance):
    root, steps, leaves, _ = recording
    (*_, (_, _, there)) = disk_model.states(steps, root, chance, (disk_model.Cut.KILLED,))
    real = {str(p.relative_to(root)): p.read_bytes() if p.is_file() else None for p in root.rglob("*")}
    assert there == real
    assert acknowledged(steps, len(steps)) == len(leaves)
    assert sum(step.what == "ack" for step in steps) == 6


def test_what_was_acknowledged_is_whole_after_a_power_cut_at_any_moment(
    night, cards, whole, disk_model, recording, chance, tmp_path
):
    states = list(disk_model.states(recording[1], recording[0], chance))
    assert len(states) > 500
    for state in chance.sample(states, SAMPLES):
        look(night, disk_model, recording, state, tmp_path)
    for state in chance.sample(states, 3):
        look(night, disk_model, recording, state, tmp_path, lambda f: finish(night, f, cards, recording, whole))


def test_everything_is_durable_once_it_was_said_to_be(night, disk_model, recording, chance, tmp_path):
    """The moments of acknowledgement themselves, all of them: nothing that was not synced is there."""
    _, steps, _, _ = recording
    lost = disk_model.states(steps, recording[0], chance, (disk_model.Cut.LOST, disk_model.Cut.TORN))
    for state in lost:
        if steps[state[0] - 1].what == "ack":
            look(night, disk_model, recording, state, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_state_after_every_step(night, cards, whole, disk_model, recording, chance, tmp_path):
    for place, state in enumerate(disk_model.states(recording[1], recording[0], chance)):
        then = (lambda f: finish(night, f, cards, recording, whole)) if place % 10 == 0 else None
        look(night, disk_model, recording, state, tmp_path, then)
