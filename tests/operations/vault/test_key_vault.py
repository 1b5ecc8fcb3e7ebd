from __future__ import annotations

import os
import subprocess
import sys

import pytest

from geo.errors import RefusedError
from operations.vault import PlainVault, memory_file
from operations.vault.errors import SealedFileError
from operations.vault.key_ring import KeyRing, Secret
from operations.vault.key_vault import KeyVault
from telemetry.videos.video_file import read_video

RING = KeyRing.create(Secret(value=bytes(range(32)), from_key_file=True))
OTHER = KeyRing.create(Secret(value=bytes(range(32)), from_key_file=True))


@pytest.fixture(params=[PlainVault(), KeyVault(RING)], ids=["plain", "encrypted"])
def vault(request):
    return request.param


def store(vault, path, data):
    path.parent.mkdir(exist_ok=True)
    staged = path.with_name(".part-1")
    assert vault.write([data], staged, final=lambda: path) == staged.stat().st_size
    return staged.rename(path)


def test_records_and_files_come_back(vault, tmp_path):
    assert vault.open(vault.seal(b"record", context="leaf 7"), context="leaf 7") == b"record"
    path = store(vault, tmp_path / "media" / "a.ts", b"film" * 50_000)
    assert vault.read(path) == b"film" * 50_000
    with vault.reader(path) as reader:
        reader.seek(4000)
        assert reader.read(8) == b"filmfilm"
    with vault.lend(path) as lent:
        assert lent.read_bytes() == b"film" * 50_000


def test_labels_are_stable_and_tell_nothing_when_encrypted():
    vault = KeyVault(RING)
    assert vault.label("T1") == vault.label("T1") != vault.label("T2")
    assert vault.label("T1") != KeyVault(OTHER).label("T1")
    assert vault.file_name("abc") == vault.label("abc").hex()
    assert PlainVault().label("T1") == b"T1"
    assert PlainVault().file_name("abc") == "abc"
    assert len(vault.label("card\udce9.ts")) == 32


def test_equal_records_look_different_and_are_bound_to_their_place():
    vault = KeyVault(RING)
    sealed = vault.seal(b"record", context="leaf 7")
    assert vault.seal(b"record", context="leaf 7") != sealed
    for data, context, opener in (
        (sealed, "leaf 8", vault),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), "leaf 7", vault),
        (sealed[:5], "leaf 7", vault),
        (b"", "leaf 7", vault),
        (sealed, "leaf 7", KeyVault(OTHER)),
    ):
        with pytest.raises(SealedFileError, match=context):
            opener.open(data, context=context)


def test_a_lent_file_is_readable_by_a_child_and_lies_on_no_disk(tmp_path):
    vault = KeyVault(RING)
    path = store(vault, tmp_path / "media" / "a.ts", b"plaintext of a film" * 1000)
    with vault.lend(path) as lent:
        script = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
        read = subprocess.run([sys.executable, "-c", script, str(lent)], capture_output=True, check=True).stdout
        assert read == b"plaintext of a film" * 1000
        assert os.readlink(lent).startswith("/memfd:")
        with lent.open("r+b", buffering=0) as file, pytest.raises(OSError, match="not permitted"):
            file.write(b"x")
    assert not lent.exists()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.ts"]
    assert b"plaintext" not in path.read_bytes()


def test_a_film_is_decoded_from_an_encrypted_original_without_a_file_in_clear(night, tmp_path):
    clip = night.make_clip(tmp_path / "clip.ts")
    with read_video(clip) as reader:
        wanted = [frame.image.tobytes() for frame in reader.frames()]
    vault = KeyVault(RING)
    path = store(vault, tmp_path / "media" / "a.ts", clip.read_bytes())
    clip.unlink()
    with vault.lend(path) as lent, read_video(lent) as reader:
        assert [frame.image.tobytes() for frame in reader.frames()] == wanted
        assert reader.klv_packets == len(wanted) == 6
        assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.ts"]


def test_what_does_not_fit_into_memory_is_refused_with_its_size(tmp_path, monkeypatch):
    vault = KeyVault(RING)
    path = store(vault, tmp_path / "media" / "a.ts", b"film" * 1000)
    monkeypatch.setattr(memory_file, "_free_memory_bytes", lambda: 1000)
    with pytest.raises(RefusedError, match=r"a\.ts takes 0\.0 GB of memory"), vault.lend(path):
        pass
