from __future__ import annotations

import contextlib
import hashlib
import threading

import pytest

from operations.backup import backup
from operations.errors import BrokenSealError, DamagedError, MediumBusyError, OperationExistsError
from operations.log.leaves import LeafKind
from operations.new_folder import new_folder
from operations.store import OperationStore
from operations.vault.errors import SecretError
from operations.vault.keys_file import open_vault
from operations.verify import verify


@pytest.fixture(scope="module")
def work(night, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nights")
    night.make_card(folder / "a", (1, 2))
    night.make_card(folder / "b", (2, 3))
    night.main(folder, folder)
    night.main(folder, folder, night.KEY, name="encrypted")
    return folder


def contents(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def opened(night, path, secret=None):
    return OperationStore.open(path, actor="judge", clock=night.clock(), secret=secret, read_only=True)


@pytest.mark.parametrize("kind", ["op", "encrypted"])
def test_a_backup_is_the_same_operation_and_verifies(night, work, tmp_path, kind):
    secret = night.KEY if kind == "encrypted" else None
    result = backup(work / kind, tmp_path / "copy", secret=secret)
    assert result.findings == ()
    with opened(night, work / kind, secret) as first, opened(night, tmp_path / "copy", secret) as copy:
        assert night.state(copy) == night.state(first)
    again = verify(tmp_path / "copy", vault=open_vault(tmp_path / "copy", secret))
    assert again == result
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700
    # every file is the same, byte for byte, but the case file, which lies otherwise on its pages
    apart = {name for name, _ in contents(work / kind).items() ^ contents(tmp_path / "copy").items()}
    assert apart <= {"operation.sqlite"}
    with OperationStore.open(tmp_path / "copy", actor="ana", clock=night.clock(), secret=secret) as store:
        store.append(LeafKind.NOTE, "weather", {"text": "work goes on in the copy"})


def test_an_encrypted_operation_needs_its_key(work, tmp_path):
    with pytest.raises(SecretError):
        backup(work / "encrypted", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_while_others_write_is_one_committed_moment(night, work, tmp_path):
    backup(work / "op", tmp_path / "op")
    stop, errors = threading.Event(), []

    def write():
        try:
            with OperationStore.open(tmp_path / "op", actor="ben", clock=night.clock()) as store:
                number = 0
                while not stop.is_set():
                    number += 1
                    store.append(LeafKind.NOTE, f"n{number}", {"number": number})
        except Exception as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = [backup(tmp_path / "op", tmp_path / f"copy{i}").head.size for i in range(4)]
    finally:
        stop.set()
        writer.join()
    assert not errors
    assert sizes == sorted(sizes)
    for number in range(4):
        result = verify(tmp_path / f"copy{number}")
        assert (result.findings, result.notes) == ((), ())
        assert verify(tmp_path / "op", head=result.head).findings == ()


def test_a_damaged_operation_is_not_backed_up_and_nothing_is_left(night, work, tmp_path):
    backup(work / "op", tmp_path / "op")
    original = next((tmp_path / "op" / "media").iterdir())
    data = original.read_bytes()
    original.write_bytes(data[:-1] + b"!")
    with pytest.raises(BrokenSealError, match=r"P\d.jpg was changed"):
        backup(tmp_path / "op", tmp_path / "copy")
    original.unlink()
    with pytest.raises(DamagedError, match="cannot be read"):
        backup(tmp_path / "op", tmp_path / "copy")
    assert [p.name for p in tmp_path.iterdir()] == ["op"]


def test_an_existing_folder_is_never_written_into(work, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "letter.txt").write_text("mine")
    with pytest.raises(OperationExistsError):
        backup(work / "op", tmp_path / "copy")
    assert (tmp_path / "copy" / "letter.txt").read_text() == "mine"


def test_a_record_that_leads_out_of_the_folder_is_refused(night, work, tmp_path):
    backup(work / "op", tmp_path / "op")
    with OperationStore.open(tmp_path / "op", actor="mallory", clock=night.clock()) as store:
        part = store.parts()[0].body() | {"file": "../../stolen.parquet"}
        store.append(LeafKind.PART, "../../stolen.parquet", part)
    with pytest.raises(DamagedError, match="leads out of the folder"):
        backup(tmp_path / "op", tmp_path / "copy")
    assert any("leads out of the folder" in f.sentence for f in verify(tmp_path / "op").findings)


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path):
    (tmp_path / "x.part").mkdir()
    (tmp_path / "x.part" / "left").write_text("by a dead process")
    with new_folder(tmp_path / "x") as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("1")
        with pytest.raises(MediumBusyError), new_folder(tmp_path / "x"):
            pass
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["file"]
    with contextlib.suppress(FileExistsError), new_folder(tmp_path / "y") as folder:
        (folder / "deep").mkdir()
        (folder / "deep").mkdir()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x"]
