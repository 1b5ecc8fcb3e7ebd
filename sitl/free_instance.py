"""Which instance of a simulator nobody runs on this machine: each has ports of its own, counted from its number."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Port = tuple[socket.SocketKind, int]


@contextlib.contextmanager
def free_instance(name: str, most: int, ports_of: Callable[[int], Sequence[Port]]) -> Iterator[int]:
    """Take the first instance that no other run has taken and none of whose ports is in use; it is free again after.

    A lock on a file of the machine's folder for temporary files holds it between runs that start at the same moment,
    and is let go of when this process ends, however it does.

    Parameters
    ----------
    name
        What the simulator is called.
    most
        How many instances there can be.
    ports_of
        The ports of an instance: the kind of socket, and the number.

    Raises
    ------
    SitlError
        When all are taken.
    """
    for instance in range(most):
        with _lock(name, instance) as mine:
            if mine and all(_is_free(port) for port in ports_of(instance)):
                yield instance
                return
    raise SitlError(f"all {most} instances of {name} run on this machine already; end one of them")


@contextlib.contextmanager
def _lock(name: str, instance: int) -> Iterator[bool]:
    """Hold the lock of one instance, or say that somebody else does."""
    path = Path(tempfile.gettempdir()) / f"vedette-{os.getuid()}-{name}-{instance}.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _is_free(port: Port) -> bool:
    kind, number = port
    with socket.socket(socket.AF_INET, kind) as tried:
        if kind is socket.SOCK_STREAM:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the simulator does: one that just ended
        try:
            tried.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True
