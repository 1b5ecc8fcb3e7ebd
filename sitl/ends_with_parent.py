"""Start a program that ends when the process that started it does, however that ends: run as a script, it becomes it.

A context manager stops a simulator where Python still runs; a SIGKILL leaves nobody to do so. Linux sends the signal
asked for by PR_SET_PDEATHSIG (prctl(2)), which outlives execve(2); elsewhere the program is only started. "Parent" is
the thread that starts it: it must last as long as the program is needed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG: Final = 1
"""``linux/prctl.h``."""


def ending_with_us(command: Sequence[str]) -> list[str]:
    """Return the command that starts `command` so that it ends with the process that starts it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: Sequence[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the signal was asked for
            sys.exit(1)
    os.execvp(command[0], list(command))  # noqa: S606 - the program that a person named or installed


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
