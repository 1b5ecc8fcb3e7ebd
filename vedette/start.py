"""Where the program starts: nothing heavy is imported before an interrupt has somewhere to go."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # before the next import: while these load, just go

import os
import sys

from vedette.interruption import leave_at_once, unwound_in_time


def run() -> None:
    """Run the command line and leave with its exit status."""
    leave_at_once()
    os.environ["PYTHONSAFEPATH"] = "1"  # what we start imports nothing from the folder we stand in: it may be a card
    from vedette.main import main

    with unwound_in_time():
        status = main()
    sys.exit(status)
