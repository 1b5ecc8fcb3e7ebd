"""The review console beside a watch: a process of its own, so that no reader slows what is analysed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from geo.children.process import environment_of_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

END_S: Final = 10.0
"""How long the console may take to end by itself."""


@contextlib.contextmanager
def console_beside(
    operation: Path, port: int, *, key_file: Path | None = None, passphrase_file: Path | None = None
) -> Iterator[None]:
    """Serve the console of an operation while it grows; it says itself where it is, or why it cannot be.

    Ctrl-C is the watch's: the console stays until the recording is settled, and ends with the context.
    """
    command = [sys.executable, "-m", "vedette", "review", str(operation), "--port", str(port)]
    for name, path in (("--key-file", key_file), ("--passphrase-file", passphrase_file)):
        command += [] if path is None else [name, str(path)]
    console = subprocess.Popen(  # noqa: S603 - our own interpreter and command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=environment_of_ours(os.environ),
    )
    try:
        yield
    finally:
        console.send_signal(signal.SIGINT)
        try:
            console.wait(END_S)
        except subprocess.TimeoutExpired:
            console.kill()
            console.wait(END_S)
