"""The judge judged: programs that sync too little are caught by the recorder and the model, sound ones are not."""

from __future__ import annotations

import sqlite3
import sys

import pytest

START = "import os, sys, sqlite3; d = sys.argv[1]\nsay = lambda text: os.write(2, f'ack {text}\\n'.encode())\n"
FOLDER = "f = os.open(d, os.O_RDONLY); os.fsync(f); os.close(f)\n"
SOUND = (
    "f = open(d + '/x.part', 'wb'); f.write(b'A' * 3000); f.flush(); os.fsync(f.fileno()); f.close()\n"
    "os.replace(d + '/x.part', d + '/x')\n" + FOLDER + "say('x')\n"
)


@pytest.fixture
def recorded(tmp_path, system_calls):
    def run(script):
        root = tmp_path / "root"
        root.mkdir()
        command = [sys.executable, "-c", START + script, str(root)]
        return root, system_calls.record(command, root, tmp_path / "trace")

    return run


def judge(disk_model, steps, root, chance, tmp_path, is_whole):
    """Return (step, cut) of every state after an acknowledgement in which what was acknowledged is not whole."""
    lost = []
    for number, cut, there in disk_model.states(steps, root, chance):
        if any(step.what == "ack" for step in steps[:number]) and not is_whole(there, tmp_path):
            lost.append((number, cut))
    return lost


def whole_file(there, _):
    return there.get("x") == b"A" * 3000


def test_the_replayed_steps_give_the_folder_as_it_is(recorded, disk_model, chance):
    root, steps = recorded(
        SOUND + "os.mkdir(d + '/s'); f = open(d + '/s/y', 'ab'); f.write(b'one'); f.flush(); f.seek(0)\n"
        "f.write(b'two'); f.close(); os.link(d + '/s/y', d + '/z'); os.truncate(d + '/z', 4); os.unlink(d + '/x')\n"
        "os.open(d + '/q', os.O_CREAT | os.O_WRONLY); os.rename(d + '/q', d + '/s/q'); os.mkdir(d + '/t')\n"
        "f = os.open(d + '/s/w', os.O_CREAT | os.O_RDWR); os.write(f, b'abcdef'); os.lseek(f, 2, 0)\n"
        "os.write(f, b'XY')\n"
        "os.pwrite(f, b'!', 9); os.rmdir(d + '/t'); os.chdir(d); os.mkdir('rel'); open('rel/v', 'w').write('v')\n"
    )
    (*_, (_, _, there)) = disk_model.states(steps, root, chance, (disk_model.Cut.KILLED,))
    real = {str(p.relative_to(root)): p.read_bytes() if p.is_file() else None for p in root.rglob("*")}
    assert there == real
    assert real["s/w"] == b"abXYef\0\0\0!"


def test_a_file_that_is_synced_renamed_and_its_folder_synced_is_whole_after_every_cut(
    recorded, disk_model, chance, tmp_path
):
    root, steps = recorded(SOUND)
    assert judge(disk_model, steps, root, chance, tmp_path, whole_file) == []
    assert [step.what for step in steps].count("sync") == 2


@pytest.mark.parametrize("fault", ["os.fsync(f.fileno())", FOLDER.strip(), "os.replace(d + '/x.part', d + '/x')"])
def test_each_omission_is_caught(recorded, disk_model, chance, tmp_path, fault):
    script = SOUND.replace(fault, "pass") + "os.path.exists(d + '/x') or os.replace(d + '/x.part', d + '/x')\n"
    root, steps = recorded(script)
    assert judge(disk_model, steps, root, chance, tmp_path, whole_file)


SQLITE = (
    "c = sqlite3.connect(d + '/c', isolation_level=None); c.execute('pragma journal_mode=wal')\n"
    "c.execute('pragma synchronous=full'); c.execute('create table t (a)')\n"
    "for i in range(3): c.execute('insert into t values (zeroblob(3000))')\n"
    "say('c'); c.execute('insert into t values (4)'); c.close()\n"
)


def three_rows(there, tmp_path):
    for name in ("c", "c-wal"):
        (tmp_path / name).unlink(missing_ok=True)
        if there.get(name) is not None:
            (tmp_path / name).write_bytes(there[name])
    database = sqlite3.connect(tmp_path / "c")
    try:
        return database.execute("select count(*) from t").fetchone()[0] >= 3
    except sqlite3.Error:
        return False
    finally:
        database.close()


def test_a_case_file_with_full_sync_keeps_what_it_committed(recorded, disk_model, chance, tmp_path):
    root, steps = recorded(SQLITE)
    assert judge(disk_model, steps, root, chance, tmp_path, three_rows) == []


@pytest.mark.parametrize("level", ["normal", "off"])
def test_a_case_file_with_less_sync_is_caught(recorded, disk_model, chance, tmp_path, level):
    root, steps = recorded(SQLITE.replace("=full", f"={level}"))
    assert judge(disk_model, steps, root, chance, tmp_path, three_rows)


def test_a_way_of_writing_that_is_not_understood_is_no_silent_hole(recorded, system_calls):
    with pytest.raises(system_calls.UnknownCallError):
        recorded("import mmap; f = open(d + '/x', 'w+b'); f.write(b'1' * 4096); f.flush(); mmap.mmap(f.fileno(), 0)\n")
