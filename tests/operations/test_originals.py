from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import subprocess

import pytest

from geo.errors import InputError
from operations.errors import DiskError
from operations.originals import identify, look_over, member_is_sound, offer, seal, spread_out, stored_path, suffix_of
from operations.staging import Staging
from operations.vault.key_ring import KeyRing, Secret
from operations.vault.key_vault import KeyVault
from operations.vault.vault import PlainVault
from telemetry.recordings.recording import Pairing, PoseSource, Recording, RecordingKind, SourceKind

SECRET = Secret(value=bytes(32), from_key_file=True)


@pytest.fixture(params=["plain", "encrypted"])
def vault(request):
    return PlainVault() if request.param == "plain" else KeyVault(KeyRing.create(SECRET))


@pytest.fixture
def staging(tmp_path):
    with Staging(tmp_path / "op", recorded=set) as opened:
        opened.claim("00", "x")
        yield opened


@pytest.fixture
def card(tmp_path):
    folder = tmp_path / "card"
    for name, data in (("DCIM/100/a.JPG", b"one"), ("DCIM/101/a.JPG", b"two"), ("b.srt", b"one")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_an_original_is_kept_byte_for_byte_under_its_hash(staging, vault, tmp_path, rng):
    clip = tmp_path / "CLIP.TS"
    clip.write_bytes(rng.bytes(3_000_000))
    sealed = seal(look_over(clip), staging, vault)
    staging.publish(sealed.moves(staging.operation, vault))
    (member,) = sealed.media.members
    assert sealed.media.id == member.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    path = stored_path(staging.operation, member, vault)
    assert path.suffix == ".ts"
    assert (path.stem == member.sha256) is not vault.encrypted
    assert vault.read(path) == clip.read_bytes()
    assert member_is_sound(staging.operation, member, vault)
    path.write_bytes(path.read_bytes()[:-1])
    assert not member_is_sound(staging.operation, member, vault)


def test_a_folder_has_the_id_that_sha256sum_gives_and_every_file_a_place_of_its_own(staging, vault, card):
    sealed = seal(look_over(card), staging, vault)
    assert sealed.media == identify(look_over(card))
    listed = subprocess.run(
        "find -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum",
        shell=True,
        cwd=card,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sealed.media.id == listed.stdout.split()[0]
    assert [member.path for member in sealed.media.members] == ["DCIM/100/a.JPG", "DCIM/101/a.JPG", "b.srt"]
    staging.publish(sealed.moves(staging.operation, vault))
    assert len(list((staging.operation / "media").iterdir())) == 3


def test_kept_files_are_laid_out_under_their_names_and_none_leaves_the_folder(staging, card, tmp_path):
    vault = PlainVault()
    sealed = seal(look_over(card), staging, vault)
    staging.publish(sealed.moves(staging.operation, vault))
    hostile = dataclasses.replace(sealed.media.members[0], path="../../outside.jpg")
    media = dataclasses.replace(sealed.media, members=(*sealed.media.members, hostile))
    kept = [stored_path(staging.operation, member, vault) for member in media.members]
    spread_out(media, kept, tmp_path / "view" / "inner")
    there = {p.relative_to(tmp_path / "view").as_posix() for p in (tmp_path / "view").rglob("*") if p.is_file()}
    assert there == {"inner/DCIM/100/a.JPG", "inner/DCIM/101/a.JPG", "inner/b.srt"}
    assert not (tmp_path / "outside.jpg").exists()


def test_links_and_pipes_are_named_and_not_followed(card):
    (card / "DCIM" / "out").symlink_to("/etc")
    os.mkfifo(card / "pipe.jpg")
    offered = look_over(card)
    assert offered.problems == (
        "DCIM/out is a symbolic link and was not followed",
        "pipe.jpg is no file (a pipe, a socket or a device) and was not read",
    )
    assert len(offered.files) == 3


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), os.mkfifo, lambda p: None])
def test_what_holds_nothing_to_read_is_refused(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(InputError, match="x "):
        look_over(tmp_path / "x")


def test_a_card_that_cannot_be_read_is_named_as_the_source_not_as_our_disk(staging, tmp_path, monkeypatch):
    offered = look_over(_file(tmp_path / "clip.ts", b"x"))
    (tmp_path / "clip.ts").unlink()
    with pytest.raises(InputError, match=r"clip\.ts cannot be read .*: copy it again from its card"):
        seal(offered, staging, PlainVault())


def test_a_full_disk_names_the_file_and_leaves_nothing(staging, tmp_path, monkeypatch, vault):
    offered = look_over(_file(tmp_path / "clip.ts", b"x" * 100))

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match=r"the copy of clip\.ts in .* could not be written .* free space on its disk"):
        seal(offered, staging, vault)
    assert list((staging.operation / "media").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("A.MP4", ".mp4"),
        ("a", ""),
        ("a.tar.gz", ".gz"),
        ("a.t$s", ""),
        ("a./../x", ""),
        ("a.\x1b[31m", ""),
        (".ts", ""),
    ],
)
def test_a_suffix_is_plain_or_none(name, suffix):
    assert suffix_of(name) == suffix


def _file(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOENT])
def test_a_folder_inside_that_cannot_be_listed_is_named_and_nothing_is_left_out(card, monkeypatch, number):
    scandir = os.scandir

    def failing(path):
        if os.fspath(path).endswith("101"):
            raise OSError(number, os.strerror(number), os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(InputError, match="101"):
        look_over(card)


def test_a_clip_alone_goes_by_the_hash_of_its_bytes_and_with_a_log_beside_it_by_both(tmp_path):
    clip, log = tmp_path / "clip.ts", tmp_path / "clip.srt"
    clip.write_bytes(b"pictures")
    log.write_bytes(b"where it flew")
    alone = Recording(name="clip.ts", kind=RecordingKind.CLIP, paths=(clip,))
    sha256 = hashlib.sha256(b"pictures").hexdigest()
    media = identify(offer(alone))
    assert (media.id, [member.path for member in media.members]) == (sha256, ["clip.ts"])
    subtitles = PoseSource(kind=SourceKind.SUBTITLE_FILE, path=log, pairing=Pairing.NAME)
    both = identify(offer(dataclasses.replace(alone, sources=(subtitles,))))
    lines = f"{hashlib.sha256(b'where it flew').hexdigest()}  clip.srt\n{sha256}  clip.ts\n"
    assert both.id == hashlib.sha256(lines.encode()).hexdigest()
    assert both.name == "clip.ts"
