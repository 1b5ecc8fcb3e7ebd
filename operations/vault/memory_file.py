"""A decrypted file for another process of ours, in memory only: it never lies on a disk in clear.

Limits: pages may be swapped out (encrypt the swap or turn it off), and whoever may trace our
processes can read them; both need rights over the running machine, not the stolen one. The whole
file has to fit into memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SPARE: Final = 0.8
"""How much of the free memory a file may take: the decoder needs some beside it."""


@contextlib.contextmanager
def in_memory(pieces: Iterable[bytes], size: int, path: Path) -> Iterator[Path]:
    """Copy bytes into a nameless file in memory and give a path to it that our processes can open.

    Parameters
    ----------
    pieces
        What to copy.
    size
        How many bytes it is at most.
    path
        The stored file, for messages.

    Raises
    ------
    RefusedError
        When it does not fit into memory, or the system has no nameless files (Linux has).
    """
    if not hasattr(os, "memfd_create"):
        raise RefusedError("reading an encrypted original needs Linux (memfd): decode it on such a machine")
    free = _free_memory_bytes()
    if size > free * _SPARE:
        raise RefusedError(
            f"{path.name} takes {size / 1e9:.1f} GB of memory to be decoded without touching the disk, of "
            f"{free / 1e9:.1f} GB that are free: close other programs or use a larger machine",
            size=size,
            free=free,
        )
    descriptor = os.memfd_create("vedette-original", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for piece in pieces:
            with memoryview(piece) as view:
                written = 0
                while written < len(view):
                    written += os.write(descriptor, view[written:])
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _free_memory_bytes() -> int:
    """Return the memory that can be had without swapping (proc(5), MemAvailable)."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0
