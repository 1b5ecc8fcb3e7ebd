"""The command line: a table of commands, loaded one at a time, and one place where errors end.

Exit status: 0 done, 1 done with findings, 2 wrong usage or unusable input,
3 refused by a rule, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

import click
import typer
from rich.console import Console

from geo.errors import VedetteError
from vedette import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("vedette.demo", "Plan, fly, film, ingest, map and score a bundled patrol."),
    "plan": ("vedette.plan", "Plan a patrol from a brief or from a border line."),
    "check": ("vedette.check", "Judge any plan file against a brief and the autopilots' own rules."),
    "fly": ("vedette.fly", "Upload a plan to a vehicle, verify it, and fly it."),
    "sitl": ("vedette.sitl_commands", "Simulated vehicles, downlinks and scenarios."),
    "ingest": ("vedette.ingest", "Read video, pictures and telemetry into an operation folder."),
    "map": ("vedette.map_command", "Write the self-contained map of an operation folder."),
    "klv": ("vedette.klv", "Dump, count and check the KLV of a stream."),
    "track": ("vedette.track", "Turn any telemetry source into a pose track."),
    "locate": ("vedette.locate", "Place a pixel of a picture on the ground."),
    "models": ("vedette.models", "Train, export and list detectors."),
}
"""Command name -> module holding a Typer `app`, and the line shown in `--help`."""


class LazyGroup(click.Group):
    """A click group that imports a command's module only when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in table order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(COMMANDS[cmd_name][0]).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands from the table, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, help="Plan, fly and review drone patrols of border segments.")
@click.version_option(__version__, prog_name="vedette")
def cli() -> None:
    """Hold the commands together."""


def fail(error: VedetteError) -> int:
    """Print an error's one sentence to standard error and return its exit status."""
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {_escape(error.message)}")
    return error.exit_status


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(main(arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; no traceback reaches a person."""
    try:
        result = cli.main(args=arguments, prog_name="vedette", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        Console(stderr=True).print("interrupted")
        return 130
    except VedetteError as error:
        return fail(error)
    except OSError as error:
        if os.environ.get("VEDETTE_TRACEBACK"):
            raise
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]error:[/] {_escape(error.strerror or str(error))}: {error.filename or 'no file named'}"
        )
        return 2
    except Exception as error:
        if os.environ.get("VEDETTE_TRACEBACK"):
            raise
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]error:[/] unexpected {type(error).__name__}: {_escape(str(error))} "
            "(set VEDETTE_TRACEBACK=1 to see where, and please report it)"
        )
        return 2
    return int(result) if isinstance(result, int) else 0
