from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.vault.errors import SealedFileError
from operations.vault.sealed_stream import CHUNK_BYTES, SealedReader, destroy_key, seal_stream

if TYPE_CHECKING:
    from pathlib import Path

WRAPPING = AESGCM(bytes(range(32)))
STORED_CHUNK = CHUNK_BYTES + 16
HEAD, FOOT = 12, 68


def pattern(size):
    return bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1) if size else b""


def write(path: Path, data: bytes, piece=50_000) -> Path:
    pieces = (data[start : start + piece] for start in range(0, len(data), piece))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(seal_stream(pieces, WRAPPING, lambda: path)))
    return path


def read(path):
    with SealedReader(path, WRAPPING) as reader:
        return reader.readall()


def opened_by_the_book(path: Path) -> bytes:
    """Read a file following docs/reference/operation-folder.md alone."""
    stored = path.read_bytes()
    assert stored[:8] == b"VEDETTE\x01"
    assert stored[-8:] == b"VEDETTE\xff"
    size = int.from_bytes(stored[8:12], "big")
    nonce, wrapped = stored[-68:-56], stored[-56:-8]
    key = WRAPPING.decrypt(nonce, wrapped, stored[:8] + f"{path.parent.name}/{path.name}".encode())
    body, out, number = stored[12:-68], b"", 0
    while True:
        piece, body = body[: size + 16], body[size + 16 :]
        out += AESGCM(key).decrypt(number.to_bytes(11, "big") + bytes([not body]), piece, stored[:12])
        number += 1
        if not body:
            return out


@pytest.fixture
def film(tmp_path):
    return write(tmp_path / "media" / "film.ts", pattern(4 * CHUNK_BYTES + 77))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 300_001])
@pytest.mark.parametrize("piece", [1000, CHUNK_BYTES, 10_000_000])
def test_a_file_reads_back_and_by_the_documented_format_too(tmp_path, size, piece):
    data = pattern(size)[:size]
    path = write(tmp_path / "media" / "film.ts", data, piece)
    assert read(path) == data
    assert opened_by_the_book(path) == data
    assert path.stat().st_size == size + HEAD + FOOT + 16 * max(1, -(-size // CHUNK_BYTES))


def test_nothing_of_the_plaintext_lies_in_the_file(tmp_path):
    text = b"the village by the ford " * 5000
    stored = write(tmp_path / "media" / "film.ts", text).read_bytes()
    assert not any(text[i : i + 8] in stored for i in range(24))
    assert write(tmp_path / "media" / "film.ts", text).read_bytes() != stored


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5 * CHUNK_BYTES), st.integers(0, 2 * CHUNK_BYTES)), max_size=8))
def test_seeking_and_reading_anywhere_is_as_in_a_plain_file(film, moves):
    plain = io.BytesIO(read(film))
    with io.BufferedReader(SealedReader(film, WRAPPING), CHUNK_BYTES) as reader:
        for start, size in moves:
            assert reader.seek(start) == plain.seek(start)
            assert reader.read(size) == plain.read(size)
            assert reader.seek(-3, io.SEEK_END) == plain.seek(-3, io.SEEK_END)
            assert reader.tell() == plain.tell()


def chunks_of(path):
    stored = path.read_bytes()
    body = stored[HEAD:-FOOT]
    return stored[:HEAD], [body[i : i + STORED_CHUNK] for i in range(0, len(body), STORED_CHUNK)], stored[-FOOT:]


def spoil(path, name):
    """Attack a stored file of five chunks."""
    stored, (head, chunks, foot) = path.read_bytes(), chunks_of(path)
    other = write(path.with_name("other.ts"), pattern(4 * CHUNK_BYTES + 77))
    other_head, other_chunks, other_foot = chunks_of(other)
    spoilt = {
        "cut inside": stored[: len(stored) // 2],
        "cut to nothing": b"",
        "cut to its head": head,
        "grown": stored + b"x",
        "last chunk dropped": head + b"".join(chunks[:-1]) + foot,
        "middle chunk dropped": head + b"".join(chunks[:2] + chunks[3:]) + foot,
        "chunk repeated": head + b"".join([*chunks[:2], chunks[1], *chunks[2:]]) + foot,
        "chunks reordered": head + b"".join([chunks[1], chunks[0], *chunks[2:]]) + foot,
        "bit flipped": stored[: HEAD + 2 * STORED_CHUNK + 5]
        + bytes([stored[HEAD + 2 * STORED_CHUNK + 5] ^ 1])
        + stored[HEAD + 2 * STORED_CHUNK + 6 :],
        "chunk of another file": head + b"".join([chunks[0], other_chunks[1], *chunks[2:]]) + foot,
        "key of another file": head + b"".join(chunks) + other_foot,
        "another file": other.read_bytes(),
        "plain bytes": b"G" * 5000,
        "other version": b"VEDETTE\x02" + stored[8:],
        "other chunk size": stored[:8] + (4096).to_bytes(4, "big") + stored[12:],
        "chunk size nought": stored[:8] + bytes(4) + stored[12:],
        "key overwritten": stored[:-FOOT] + bytes(60) + stored[-8:],
    }
    path.write_bytes(spoilt[name])


SPOILT = {
    "cut inside": "cut short",
    "cut to nothing": "no encrypted file",
    "cut to its head": "cut short",
    "grown": "cut short, or something was added",
    "last chunk dropped": "cut short",
    "middle chunk dropped": "reordered|cut short",
    "chunk repeated": "reordered",
    "chunks reordered": "number 0 was written as number 1",
    "bit flipped": "changed in chunk 2 of 5",
    "chunk of another file": "changed in chunk 1",
    "key of another file": "swapped",
    "another file": "swapped",
    "plain bytes": "no encrypted file",
    "other version": "no encrypted file",
    "other chunk size": "changed|cut short",
    "chunk size nought": "head that was changed",
    "key overwritten": "key was destroyed",
}


@pytest.mark.parametrize("name", SPOILT)
def test_an_attack_is_one_clear_sentence(film, name):
    spoil(film, name)
    with pytest.raises(SealedFileError, match=SPOILT[name]) as caught:
        read(film)
    assert str(film) in caught.value.message
    assert "restore it" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_renamed_or_moved_is_not_taken_for_another(film):
    moved = film.rename(film.with_name("elsewhere.ts"))
    with pytest.raises(SealedFileError, match="swapped"):
        read(moved)
    back = moved.rename(film)
    folder = film.parent.rename(film.parent.with_name("parts"))
    with pytest.raises(SealedFileError, match="swapped"):
        read(folder / back.name)


def test_another_wrapping_key_does_not_open_it(film):
    with pytest.raises(SealedFileError, match="swapped"):
        SealedReader(film, AESGCM(bytes(32)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_no_flipped_bit_passes(film, data):
    stored = bytearray(film.read_bytes())
    before = read(film)
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= 1 << data.draw(st.integers(0, 7))
    original = film.read_bytes()
    film.write_bytes(stored)
    try:
        with pytest.raises(SealedFileError):
            assert read(film) == before
    finally:
        film.write_bytes(original)


def test_a_destroyed_key_leaves_nothing_readable(film):
    destroy_key(film)
    with pytest.raises(SealedFileError, match="key was destroyed"):
        read(film)


def test_the_name_is_asked_for_after_the_last_byte(tmp_path):
    asked = []

    def pieces():
        yield b"abc"
        assert not asked

    def final():
        asked.append(True)
        return tmp_path / "media" / "x.ts"

    assert b"".join(seal_stream(pieces(), WRAPPING, final))
    assert asked == [True]


def test_files_stay_closed_after_a_failure(film):
    before = len(os.listdir("/proc/self/fd"))
    spoil(film, "another file")
    for _ in range(20):
        with pytest.raises(SealedFileError):
            read(film)
    assert len(os.listdir("/proc/self/fd")) == before
