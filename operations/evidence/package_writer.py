"""Files of an evidence package: written synced, each hash remembered for the manifest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from operations import durable_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class PackageWriter:
    """Writes the files of a package, synced, and remembers their hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self.anchors: dict[str, list[str]] = {}
        """By size of each earlier head, the proof that the log is that one grown."""
        self.left_out: list[str] = []
        """What could not be put in, in sentences."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the package."""
        self.write_chunks(name, iter((data,)))

    def write_json(self, name: str, value: Any) -> None:
        """Write JSON, with keys in order."""
        self.write(name, json.dumps(value, indent=1, sort_keys=True).encode("ascii") + b"\n")

    def write_chunks(self, name: str, chunks: Iterator[bytes]) -> None:
        """Write a file piece by piece."""
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk

        path = self.folder / name
        durable_file.make_folder(path.parent)
        durable_file.write(path, hashed())
        self.files[name] = digest.hexdigest()
