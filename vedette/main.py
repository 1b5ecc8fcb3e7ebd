"""The command line: a table of commands, loaded one at a time, and one place where errors end.

Exit status: 0 done, 1 done with findings, 2 wrong usage or unusable input,
3 refused by a rule, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table
from typer.core import TyperGroup

from geo.errors import VedetteError
from vedette import __version__
from vedette.commands.screen import CLOSED_PIPE, ERRORS, RESULTS, line, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("vedette.commands.demo", "Plan, fly, film, ingest, map and score a bundled patrol."),
    "plan": ("vedette.commands.plan", "Plan a patrol from a brief or from a border line."),
    "search": ("vedette.commands.search", "Plan a search of an area, a point or a line, or an IAMSAR pattern."),
    "check": ("vedette.commands.check", "Judge any plan file against a brief and the autopilots' own rules."),
    "convert": ("vedette.commands.convert", "Turn any plan file into another format."),
    "fly": ("vedette.commands.fly", "Upload a plan to a vehicle, verify it, and fly it."),
    "respond": ("vedette.commands.respond", "Answer an alarm at a place with a judged sortie, and release it."),
    "cue": (
        "vedette.commands.cue",
        "Take alarms in by MQTT or CoT: a card each, and a sortie that waits for a person.",
    ),
    "sitl": ("vedette.commands.sitl_commands", "Simulated vehicles, downlinks and scenarios."),
    "ingest": ("vedette.commands.ingest", "Read video, pictures and telemetry into an operation folder."),
    "watch": ("vedette.commands.watch", "Read a live downlink into an operation while it is flown."),
    "map": ("vedette.commands.map_command", "Write the self-contained map of an operation folder."),
    "keys": ("vedette.commands.keys", "Make, show, rotate and revoke the keys that sign heads and packages."),
    "head": ("vedette.commands.head", "Sign the head of a log, anchor it outside, prove records against it."),
    "review": ("vedette.commands.review", "Serve the console: look at what was found, decide, hand it on."),
    "accounts": ("vedette.commands.accounts", "Keep the accounts of the review console."),
    "find": ("vedette.commands.find", "Find things in operations: near the border, in an area, at a time."),
    "seen": ("vedette.commands.seen", "Say when the flights of operations saw a piece of ground."),
    "join": ("vedette.commands.join", "Join tracks that are likely one thing, across passes, sorties and aircraft."),
    "outcome": ("vedette.commands.outcome", "Record what a patrol found on the spot."),
    "evidence": ("vedette.commands.evidence", "Pack evidence that stands up elsewhere; report who saw what."),
    "retention": ("vedette.commands.retention", "What is due, what is held, and erasing by two people."),
    "export": ("vedette.commands.export", "Hand things on: CoT, GeoJSON, KML, CSV, COCO, ... or to a TAK server."),
    "clip": ("vedette.commands.clip", "Cut the stretch that shows a thing out of a recording, with its telemetry."),
    "case": ("vedette.commands.case", "Set case and reason once for what you look at in an operation."),
    "migrate": ("vedette.commands.migrate", "Turn an operation of an earlier format into one of today's."),
    "backup": ("vedette.commands.backup", "Copy an operation, verified, also while it is written to."),
    "merge": ("vedette.commands.merge", "Make one operation of several, as of two laptops of one night."),
    "rekey": ("vedette.commands.rekey", "Change the passphrase or key file of an encrypted operation."),
    "verify": ("vedette.commands.verify", "Check that an operation is still what was sealed."),
    "klv": ("vedette.commands.klv", "Dump, count and check the KLV of a stream."),
    "calibrate": ("vedette.commands.calibrate", "Find how a camera is mounted, and its lens, from known points."),
    "track": ("vedette.commands.track", "Turn any telemetry source into a pose track."),
    "locate": ("vedette.commands.locate", "Place a pixel of a picture on the ground."),
    "eval": ("vedette.commands.eval", "Score a detector on pictures, films and simulated patrols."),
    "models": ("vedette.commands.models", "Train, export and list detectors."),
    "doctor": ("vedette.commands.doctor", "Say what is installed, and what is missing for which command."),
}
"""Command name -> module holding a Typer `app`, and the line shown in `--help`."""


class LazyGroup(TyperGroup):
    """A command group that imports a command's module only when the command is named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the command names in table order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one command, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(COMMANDS[cmd_name][0]).app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands from the table, without importing any of them."""
        RESULTS.print(line("Usage: ", ("vedette", "bold"), " [--version] COMMAND ..."))
        RESULTS.print()
        RESULTS.print("Plan drone patrols of border segments, fly them, read the downlink, map what was seen.")
        RESULTS.print()
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name, (_, text) in COMMANDS.items():
            table.add_row(line((name, "bold cyan")), text)
        RESULTS.print(table, soft_wrap=False)
        RESULTS.print()
        RESULTS.print("'vedette COMMAND --help' shows a command's options with an example.")


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        RESULTS.print(f"vedette {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # noqa: ARG001, FBT002
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Plan, fly and review drone patrols of border segments."""


def _say(sentence: str) -> None:
    ERRORS.print(line(("error:", "bold red"), f" {sentence}"), soft_wrap=True)


_UsageError: Final[Any] = typer.BadParameter.__mro__[1]
"""Of click, or of the copy of click that Typer carries."""


_UNFINISHED: Final = re.compile(r"(?:(?<=/)|^)\.([^/]+)\.(?:[a-z0-9_]{8}|\d+\.part)(?=/|$)")
"""What a file is called until it is whole: the name that was asked for, between a full stop and an ending."""
_NUMBERS: Final = {"float_parsing": "number", "int_parsing": "whole number"}
"""Kinds of wrong value of Typer's own readers, and what was wanted."""
_UNITS: Final = {
    "m": "metres", "mps": "metres a second", "s": "seconds", "min": "minutes", "deg": "degrees", "pct": "per cent",
    "px": "pixels", "mb": "megabytes", "days": "days",
}  # fmt: skip
"""Unit in which an option whose name ends so is given."""


def _explain(error: Exception) -> int:
    """Turn any error into its one sentence on standard error; return the exit status."""
    if isinstance(error, _UsageError):
        return _correct(error)
    if os.environ.get("VEDETTE_TRACEBACK"):
        raise error
    if isinstance(error, VedetteError):
        _say(error.message)
        return error.exit_status
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    if isinstance(error, OSError):
        _say(f"{_where(error)}: {error.strerror or error}")
        return 2
    _say(
        f"unexpected {type(error).__name__}: {error} "
        "(this is a fault of the program; VEDETTE_TRACEBACK=1 shows where, please report it)"
    )
    return 2


def _where(error: OSError) -> str:
    """Return the name that was asked for of what could not be read or written."""
    return _UNFINISHED.sub(r"\1", str(error.filename or "what was to be printed or sent"))


def _correct(error: Any) -> int:
    """Show what is wrong with a command, in Typer's way; its words may be a file's name."""
    from typer import rich_utils

    error.message = shown(_number_wanted(error) or error.message.replace("Value error, ", ""))
    rich_utils.rich_format_error(error)
    return int(error.exit_code)


def _number_wanted(error: Any) -> str:
    """Say which number an option wants, and in which unit, where it was given no number; else nothing."""
    wrong: list[Any] = getattr(error.__cause__, "errors", list)()
    if not wrong or wrong[0]["type"] not in _NUMBERS:
        return ""
    unit = _UNITS.get(str(error.param.name).rpartition("_")[2])
    return f"{wrong[0]['input']!r} is no {_NUMBERS[wrong[0]['type']]}" + (f": give {unit}, and no unit" if unit else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; no traceback reaches a person."""
    try:
        status = typer.main.get_command(app).main(
            args=list(sys.argv[1:] if arguments is None else arguments), prog_name="vedette", standalone_mode=False
        )
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 - the one place where every error ends
        return _explain(error)
    return status if isinstance(status, int) else 0
