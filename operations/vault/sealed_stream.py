"""One encrypted file: chunks under a key of its own, and that key at the end, wrapped.

Layout (integers big-endian)::

    magic      8   "VEDETTE" and the version, 1
    chunk      4   bytes of plaintext in every chunk but the last
    chunks         each its ciphertext and a tag of 16 bytes; there is always a last one, perhaps empty
    nonce     12   for the wrapped key
    wrapped   48   the file's key, AES-256-GCM under the vault's wrapping key; associated data: magic and name
    end        8   "VEDETTE" and 0xFF

Chunk ``i`` is AES-256-GCM under the file's key with the nonce ``i`` (11 bytes) and one byte
that is 1 in the last chunk, else 0; associated data are the first twelve bytes of the file.
This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
authenticated-encryption and its nonce-reuse misuse-resistance", 2015): chunks cannot be
dropped, repeated, reordered or moved into another file. A key encrypts one file once, so
that a counter never meets the same key again. The name is the file's and its folder's
(``media/1f….ts``). The key comes last, so that a file can be named after its bytes are
known; overwriting those 60 bytes destroys the file wherever the rest may linger.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from operations.vault.errors import SealedFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MAGIC: Final = b"VEDETTE\x01"
END: Final = b"VEDETTE\xff"
CHUNK_BYTES: Final = 1 << 16
"""Small enough to seek in a film, large enough that a call costs nothing beside the cipher."""
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
"""96 bits: the length for which GCM is defined without hashing the nonce (NIST SP 800-38D, section 8.2)."""
KEY_BYTES: Final = 32
_HEAD_BYTES: Final = len(MAGIC) + 4
_WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + TAG_BYTES
FOOT_BYTES: Final = _WRAPPED_BYTES + len(END)
_DIAGNOSED: Final = 4096
"""How many places are tried to say where a misplaced chunk comes from (256 MiB)."""


def bound_name(path: Path) -> bytes:
    """Return the name that is bound to a file's bytes: its folder's and its own."""
    return os.fsencode(f"{path.parent.name}/{path.name}")


def seal_stream(chunks: Iterable[bytes], wrapping: AESGCM, final: Callable[[], Path]) -> Iterator[bytes]:
    """Yield a file's stored bytes; `final` is asked for its path once `chunks` has ended."""
    key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    cipher = AESGCM(key)
    head = MAGIC + CHUNK_BYTES.to_bytes(4, "big")
    yield head
    for number, (chunk, last) in enumerate(_even(chunks)):
        yield cipher.encrypt(_nonce(number, last=last), chunk, head)
    nonce = os.urandom(NONCE_BYTES)
    yield nonce + wrapping.encrypt(nonce, key, MAGIC + bound_name(final())) + END


def _even(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Cut pieces of any size into chunks, and say which is the last."""
    waiting = bytearray()
    for piece in chunks:
        waiting += piece
        # One byte more than a chunk has to be there before it is known not to be the last.
        whole = (len(waiting) - 1) // CHUNK_BYTES
        if whole > 0:
            with memoryview(waiting) as view:
                for start in range(0, whole * CHUNK_BYTES, CHUNK_BYTES):
                    yield bytes(view[start : start + CHUNK_BYTES]), False
            del waiting[: whole * CHUNK_BYTES]
    yield bytes(waiting), True


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + bytes([last])


class SealedReader(io.RawIOBase):
    """An encrypted file as a readable, seekable stream of its plaintext, in constant memory.

    Opening checks the key and the last chunk, and with it the length; each chunk is checked when it is read.

    Raises
    ------
    SealedFileError
        On opening or reading, when the file is not what was sealed under its name.
    """

    def __init__(self, path: Path, wrapping: AESGCM) -> None:
        super().__init__()
        self._path = path
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")
        self._file: BinaryIO = path.open("rb", buffering=0)
        try:
            self._open(wrapping)
        except BaseException:
            self._file.close()
            raise

    def _open(self, wrapping: AESGCM) -> None:
        stored = os.fstat(self._file.fileno()).st_size
        self._head = self._at(0, _HEAD_BYTES)
        if self._head[: len(MAGIC)] != MAGIC:
            raise self._error("is no encrypted file of this version: something else was put in its place")
        foot = self._at(max(0, stored - FOOT_BYTES), FOOT_BYTES)
        body = stored - _HEAD_BYTES - FOOT_BYTES
        self._chunk = int.from_bytes(self._head[len(MAGIC) :], "big")
        if body < TAG_BYTES or not foot.endswith(END):
            raise self._error("is cut short, or something was added at its end")
        if not 0 < self._chunk <= 1 << 24:
            raise self._error("has a head that was changed")
        wrapped = foot[:_WRAPPED_BYTES]
        if not any(wrapped):
            raise self._error("cannot be read any more: its key was destroyed")
        try:
            key = wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], MAGIC + bound_name(self._path))
        except InvalidTag as error:
            raise self._error("is not the file that was sealed under this name: files were swapped") from error
        self._cipher = AESGCM(key)
        self._count = -(-body // (self._chunk + TAG_BYTES))
        self._size = body - self._count * TAG_BYTES
        if body - (self._count - 1) * (self._chunk + TAG_BYTES) < TAG_BYTES:
            raise self._error("is cut short inside a chunk")
        self._held = (self._count - 1, self._opened(self._count - 1))

    def _error(self, what: str) -> SealedFileError:
        return SealedFileError(f"{self._path} {what}; restore it from a copy", path=str(self._path))

    def _at(self, start: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, start)

    def _opened(self, number: int) -> bytes:
        stored = self._at(_HEAD_BYTES + number * (self._chunk + TAG_BYTES), self._stored_bytes(number))
        last = number == self._count - 1
        try:
            return self._cipher.decrypt(_nonce(number, last=last), stored, self._head)
        except InvalidTag:
            raise self._diagnosis(number, stored, last=last) from None

    def _stored_bytes(self, number: int) -> int:
        return min(self._chunk, self._size - number * self._chunk) + TAG_BYTES

    def _diagnosis(self, number: int, stored: bytes, *, last: bool) -> SealedFileError:
        """Say why a chunk does not open: it comes from another place, the end is missing, or bytes changed."""
        for other in range(min(self._count, _DIAGNOSED) + 1):
            for flag in (False, True):
                try:
                    self._cipher.decrypt(_nonce(other, last=flag), stored, self._head)
                except InvalidTag:
                    continue
                if other == number and last:
                    return self._error(f"is cut short: chunk {number} was not its last one")
                return self._error(f"has its chunks reordered: number {number} was written as number {other}")
        return self._error(f"was changed in chunk {number} of {self._count}, from byte {number * self._chunk} on")

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that this can be sought in."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the plaintext."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"{self._path} has no byte {start + offset}")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the byte of the plaintext that comes next."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the plaintext reaches."""
        with memoryview(buffer).cast("B") as view:
            filled = 0
            while filled < len(view) and self._position < self._size:
                number, skip = divmod(self._position, self._chunk)
                if self._held[0] != number:
                    self._held = (number, self._opened(number))
                piece = self._held[1][skip : skip + len(view) - filled]
                view[filled : filled + len(piece)] = piece
                filled += len(piece)
                self._position += len(piece)
            return filled

    def readall(self) -> bytes:
        """Return everything from here on."""
        data = bytearray(max(0, self._size - self._position))
        self.readinto(data)
        return bytes(data)

    def close(self) -> None:
        """Close the file and forget the chunk held."""
        self._held = (-1, b"")
        self._file.close()
        super().close()


def destroy_key(path: Path) -> None:
    """Overwrite a file's wrapped key in place and sync it: no key opens the file any more.

    A file system that writes elsewhere, a flash drive's spare blocks and copies may still hold the old bytes.
    """
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        os.pwrite(file.fileno(), bytes(_WRAPPED_BYTES), max(0, size - FOOT_BYTES))
        os.fsync(file.fileno())
