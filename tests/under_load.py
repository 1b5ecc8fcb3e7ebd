"""Run the default suite once and its timing tests three times, with six busy processes beside: ``make test-loaded``."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY = 6
BESIDE = ["--numprocesses", "logical", "--maxprocesses", "4", "--dist", "loadfile"]
DEFAULT = "not slow and not soak and not ardupilot and not px4"


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processes counting while the block runs."""
    counting = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def main() -> int:
    """Return the first exit status of pytest that is not 0."""
    runs = [DEFAULT, *[f"timing and {DEFAULT}"] * 3]
    with busy(BUSY):
        for marks in runs:
            status = subprocess.run([sys.executable, "-m", "pytest", "-q", *BESIDE, "-m", marks]).returncode
            if status:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
