"""Run the command line with ``python -m vedette``, wherever one stands."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # before the next import: while these load, just go

import os
import sys


def _forget_the_working_folder() -> None:
    """Let a `maps.py` beside one's files be theirs: `-m` puts the working folder first of all places to import from."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not sys.flags.safe_path and sys.path and os.path.abspath(sys.path[0] or ".") == os.getcwd() != ours:
        del sys.path[0]


if __name__ == "__main__":
    _forget_the_working_folder()
    from vedette.start import run

    run()
