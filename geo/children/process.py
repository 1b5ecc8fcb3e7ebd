"""A child process that runs one of our modules: started, spoken to by pipes, ended for certain."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder our packages lie in; the child finds them there too."""
_LAST_WORDS_S: Final = 5.0


def environment_of_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a Python finds our packages, and imports nothing from the folder it stands in.

    That folder may be a card somebody else has filled: a `geo.py` on it is theirs.
    """
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


class ChildProcess:
    """One child running ``python -m module``; its two pipes are its only way to speak.

    Parameters
    ----------
    module
        A module of ours with a main part.
    arguments
        Its command line.
    environment
        What the child sees of the environment. Whatever it says, Python finds our packages, imports nothing from
        the folder it happens to stand in, and starts one thread of linear algebra.
    descriptors
        Descriptors the child inherits, by their numbers.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            env={**environment_of_ours(environment), "OPENBLAS_NUM_THREADS": "1"},
            bufsize=0,
        )
        self._closed = False

    @property
    def number(self) -> int:
        """The operating system's number of the process."""
        return self._process.pid

    def waited_for_processor_s(self) -> float:
        """Return how long its threads, all together, were ready to run and had no processor (Linux; else 0).

        Second number of `schedstat`: see the kernel's Documentation/scheduler/sched-stats.rst.
        """
        waited_ns = 0
        for path in Path(f"/proc/{self.number}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, ValueError, IndexError):  # a thread that has just ended
                waited_ns += int(path.read_text(encoding="ascii").split()[1])
        return waited_ns / 1e9

    @property
    def output(self) -> IO[bytes]:
        """What the child writes."""
        return self._process.stdout  # type: ignore[return-value]

    @property
    def input(self) -> IO[bytes]:
        """What the child reads."""
        return self._process.stdin  # type: ignore[return-value]

    def kill(self) -> None:
        """End the process at once. May be called from any thread."""
        self._process.kill()

    def close(self) -> int:
        """End the process and return its exit status (negative: the signal that killed it)."""
        if not self._closed:
            self._closed = True
            if self._process.poll() is None:
                self._process.kill()
            self.input.close()
            self.output.close()
        return self._process.wait()

    def exit_status(self) -> int:
        """Wait for a process that has ended its messages, and return its exit status."""
        try:
            return self._process.wait(timeout=_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return self.close()
