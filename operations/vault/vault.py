"""The seam between an operation's records and its disk: every stored byte passes a vault."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

from operations import durable_file
from operations.vault.growing_file import open_new

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class Vault(Protocol):
    """How bytes, names and files lie on disk."""

    encrypted: bool
    """Whether anybody without a key can read what lies there."""

    def seal(self, data: bytes, *, context: str) -> bytes:
        """Return what is stored of some bytes; `context` says what they are (``leaf 7``) and must be given again."""
        ...

    def open(self, data: bytes, *, context: str) -> bytes:
        """Return the bytes that were sealed in this context; raises `SealedFileError` when they are others."""
        ...

    def label(self, text: str) -> bytes:
        """Return what stands for a text in an index: always the same, and telling nothing."""
        ...

    def file_name(self, text: str) -> str:
        """Return what stands for a text in a file name: always the same, and telling nothing."""
        ...

    def write(self, chunks: Iterable[bytes], target: Path, *, final: Callable[[], Path] | None = None) -> int:
        """Write a new file and sync it; returns its size on disk.

        Parameters
        ----------
        chunks
            The bytes, in pieces of any size.
        target
            Where to write.
        final
            Asked after the last piece for the path under which the file will be read, where that is another
            one: its name and its folder's name are bound to the bytes, so that no other file passes for it.
        """
        ...

    def reader(self, path: Path) -> io.BufferedReader:
        """Open a stored file for reading, with seeking; raises `SealedFileError` where it is not what was sealed."""
        ...

    def read(self, path: Path) -> bytes:
        """Return all bytes of a stored file."""
        ...

    def lend(self, path: Path) -> AbstractContextManager[Path]:
        """Give a path under which another process of ours can read the file, while the context is open."""
        ...

    def grow(self, path: Path, name: str) -> BinaryIO:
        """Make a new file that is written as bytes come; `name` says which, and must be given again to read it."""
        ...

    def lend_grown(self, path: Path, name: str) -> AbstractContextManager[Path]:
        """Give a path under which such a file can be read, as far as it goes, while the context is open."""
        ...


class PlainVault:
    """Everything as it is."""

    encrypted = False

    def seal(self, data: bytes, *, context: str) -> bytes:  # noqa: ARG002 - the protocol's
        """Return the bytes."""
        return data

    def open(self, data: bytes, *, context: str) -> bytes:  # noqa: ARG002 - the protocol's
        """Return the bytes."""
        return data

    def label(self, text: str) -> bytes:
        """Return the text as UTF-8; what is no valid text (a name from a card) keeps its bytes."""
        return text.encode("utf-8", "surrogateescape")

    def file_name(self, text: str) -> str:
        """Return the text."""
        return text

    def write(self, chunks: Iterable[bytes], target: Path, *, final: Callable[[], Path] | None = None) -> int:  # noqa: ARG002
        """Write the pieces."""
        return durable_file.write(target, chunks)

    def reader(self, path: Path) -> io.BufferedReader:
        """Open the file."""
        return path.open("rb")

    def read(self, path: Path) -> bytes:
        """Read the file."""
        return path.read_bytes()

    @contextlib.contextmanager
    def lend(self, path: Path) -> Iterator[Path]:
        """Give the path itself."""
        yield path

    def grow(self, path: Path, name: str) -> BinaryIO:  # noqa: ARG002 - the protocol's
        """Make the file."""
        return open_new(path)

    @contextlib.contextmanager
    def lend_grown(self, path: Path, name: str) -> Iterator[Path]:  # noqa: ARG002 - the protocol's
        """Give the path itself."""
        yield path
