"""Run the default suite once and its timing tests three times, with six busy processes beside: ``make test-loaded``."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY = 6


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


def main(default: str, options: list[str]) -> int:
    """Return the first exit status of pytest that is not 0; `default` are the marks of the default suite."""
    runs = [default, *[f"timing and {default}"] * 3]
    with busy(BUSY):
        for marks in runs:
            status = subprocess.run([sys.executable, "-m", "pytest", "-q", *options, "-m", marks]).returncode
            if status:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
