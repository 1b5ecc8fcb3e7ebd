"""A process that has everything loaded and forks a night on demand, to be traced from its first system call on.

Reads lines ``work cards kind`` from standard input. For each it forks a child, prints its
number, waits for a line, lets the child begin, and prints the child's wait status.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import night  # noqa: E402

from geo.errors import VedetteError  # noqa: E402


def child(begin, work, cards, kind):
    os.read(begin, 1)
    told = os.open(Path(work).parent / f"{Path(work).name}.told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(told, 2)
    try:
        night.main(Path(work), Path(cards), night.KEY if kind == "encrypted" else None)
    except VedetteError as error:
        os.write(2, f"error {type(error).__name__} {error.message}\n".encode())
        os._exit(error.exit_status)
    except BaseException as error:
        os.write(2, f"unexpected {type(error).__name__} {error}\n".encode())
        os._exit(70)
    os._exit(0)


def main():
    for line in sys.stdin:
        begin, go = os.pipe()
        number = os.fork()
        if not number:
            child(begin, *line.split())
        print(number, flush=True)
        sys.stdin.readline()
        os.write(go, b"!")
        _, status = os.waitpid(number, 0)
        os.close(begin)
        os.close(go)
        print(status, flush=True)


if __name__ == "__main__":
    main()
