"""An encrypted file that grows: what a live stream leaves on the disk, readable also when its writer died.

Layout (integers big-endian)::

    magic      8   "VEDETTE" and the version, 2
    length     2   of the sealed key
    key            the file's key, sealed as a record of the vault under the file's name
    chunks         each 4 bytes of length, then ciphertext and a tag of 16 bytes

Chunk ``i`` is AES-256-GCM under the file's key with the nonce ``i``. The key comes first, where a finished file has it
last (`operations.vault.sealed_stream`): a file that was cut short is read up to its last whole chunk. That nothing is
missing at its end is what the size and hash say that are noted in the log while it grows.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from operations.durable_file import FILE_MODE
from operations.vault.errors import SealedFileError
from operations.vault.sealed_stream import CHUNK_BYTES, KEY_BYTES, NONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAGIC: Final = b"VEDETTE\x02"
_LENGTH_BYTES: Final = 4
_MOST_KEY_BYTES: Final = 1024


def open_new(path: Path) -> BinaryIO:
    """Make a new file that only its owner may read; one that exists is never overwritten."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")


class GrowingFile(io.RawIOBase):
    """Takes bytes as they come and writes them encrypted, a chunk at a time; `flush` writes what waits as well."""

    def __init__(self, path: Path, seal: Callable[[bytes], bytes]) -> None:
        super().__init__()
        key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        sealed = seal(key)
        self._cipher = AESGCM(key)
        self._count = 0
        self._waiting = bytearray()
        self._file = open_new(path)
        self._file.write(MAGIC + len(sealed).to_bytes(2, "big") + sealed)

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._waiting += data
        while len(self._waiting) >= CHUNK_BYTES:
            self._put(CHUNK_BYTES)
        return len(data)

    def _put(self, size: int) -> None:
        nonce = self._count.to_bytes(NONCE_BYTES, "big")
        chunk = self._cipher.encrypt(nonce, bytes(self._waiting[:size]), None)
        self._file.write(len(chunk).to_bytes(_LENGTH_BYTES, "big") + chunk)
        del self._waiting[:size]
        self._count += 1

    def flush(self) -> None:
        """Write what waits."""
        if self._file.closed:
            return
        if self._waiting:
            self._put(len(self._waiting))
        self._file.flush()

    def fileno(self) -> int:
        """Return the file's descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        """Write what waits, and close the file."""
        if not self._file.closed:
            self.flush()
            self._file.close()
        super().close()


def read_growing(path: Path, open_key: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Yield what a growing file holds, up to its last whole chunk.

    Raises
    ------
    SealedFileError
        It is none, or a chunk of it was changed or moved.
    """
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + 2)
        length = int.from_bytes(head[len(MAGIC) :], "big")
        if head[: len(MAGIC)] != MAGIC or not 0 < length <= _MOST_KEY_BYTES:
            raise SealedFileError(f"{path} is no encrypted recording of this version", path=str(path))
        cipher = AESGCM(open_key(file.read(length)))
        number = 0
        while chunk := _chunk(file):
            try:
                yield cipher.decrypt(number.to_bytes(NONCE_BYTES, "big"), chunk, None)
            except InvalidTag:
                text = f"{path} was changed in chunk {number}; what came before it can be read from a copy"
                raise SealedFileError(text, path=str(path)) from None
            number += 1


def _chunk(file: BinaryIO) -> bytes:
    """Return the next whole chunk; nothing where the file ends, or is cut short."""
    length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
    chunk = file.read(min(length, CHUNK_BYTES + 16))
    return chunk if len(chunk) == length else b""
