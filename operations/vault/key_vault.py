"""The vault of an encrypted operation: AES-256-GCM over records and files, keyed labels for names."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from operations import durable_file
from operations.vault.errors import SealedFileError
from operations.vault.growing_file import GrowingFile, read_growing
from operations.vault.memory_file import in_memory
from operations.vault.sealed_stream import CHUNK_BYTES, NONCE_BYTES, SealedReader, seal_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from operations.vault.key_ring import KeyRing


_PIECE_BYTES: Final = 1 << 20


class KeyVault:
    """Encrypts what is stored.

    Records are sealed with random nonces of 96 bits under one key, which is safe for
    2^32 of them (NIST SP 800-38D section 8.3); an operation's log is a thousand times smaller.

    Parameters
    ----------
    ring
        The operation's opened keys.
    """

    encrypted = True

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._records = AESGCM(ring.derived("records"))
        self._files = AESGCM(ring.derived("files"))
        self._labels = ring.derived("labels")

    def seal(self, data: bytes, *, context: str) -> bytes:
        """Return nonce, ciphertext and tag; the context is authenticated with them."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._records.encrypt(nonce, data, context.encode())

    def open(self, data: bytes, *, context: str) -> bytes:
        """Return the bytes sealed in this context.

        Raises
        ------
        SealedFileError
            When they were changed, or sealed in another context or operation.
        """
        try:
            return self._records.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            message = f"the {context} in the case file is not what was sealed there: restore it from a copy"
            raise SealedFileError(message, context=context) from error

    def label(self, text: str) -> bytes:
        """Return the keyed hash (HMAC-SHA-256) of a text."""
        return hmac.digest(self._labels, text.encode("utf-8", "surrogateescape"), hashlib.sha256)

    def file_name(self, text: str) -> str:
        """Return the keyed hash of a text as 64 hexadecimal digits."""
        return self.label(text).hex()

    def write(self, chunks: Iterable[bytes], target: Path, *, final: Callable[[], Path] | None = None) -> int:
        """Write a new encrypted file and sync it; see `operations.vault.sealed_stream`."""
        return durable_file.write(target, seal_stream(chunks, self._files, final or (lambda: target)))

    def reader(self, path: Path) -> io.BufferedReader:
        """Open a stored file for reading, with seeking, in constant memory."""
        return io.BufferedReader(SealedReader(path, self._files), CHUNK_BYTES)

    def read(self, path: Path) -> bytes:
        """Return all bytes of a stored file."""
        with SealedReader(path, self._files) as reader:
            return reader.readall()

    @contextlib.contextmanager
    def lend(self, path: Path) -> Iterator[Path]:
        """Decrypt a file into memory, and give a path to it that our decoding process can open."""
        with self.reader(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            with in_memory(iter(lambda: stream.read(_PIECE_BYTES), b""), size, path) as lent:
                yield lent

    def grow(self, path: Path, name: str) -> BinaryIO:
        """Make a new encrypted file that is written as bytes come; see `operations.vault.growing_file`."""
        return GrowingFile(path, lambda key: self.seal(key, context=f"recording {name}"))  # type: ignore[return-value]

    @contextlib.contextmanager
    def lend_grown(self, path: Path, name: str) -> Iterator[Path]:
        """Decrypt such a file into memory as far as it goes, and give a path to it that our processes can open."""
        pieces = read_growing(path, lambda sealed: self.open(sealed, context=f"recording {name}"))
        with in_memory(pieces, path.stat().st_size, path) as lent:
            yield lent
