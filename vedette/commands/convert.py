"""``vedette convert``: turn any plan file into another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError, RefusedError
from vedette.commands.screen import ERRORS, RESULTS, line

if TYPE_CHECKING:
    from missions.plan_files.plan_document import PlanDocument

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command(
    epilog="Examples: vedette convert mission.plan mission.waypoints --dialect ardupilot  ·  "
    "vedette convert mission.plan mission.kmz (DJI)  ·  vedette convert card/ out/ --to .kml"
)
def convert(
    source: Annotated[
        Path, typer.Argument(help="Any plan file (found by content), a folder of them, or a plan.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(
            help="Where to write: .plan, .waypoints, .kml, .kmz (DJI), .geojson, .gpx, .csv (Litchi), .fence or "
            ".rally; with --to a folder.",
            show_default=False,
        ),
    ],
    dialect: Annotated[
        str | None, typer.Option(help="Whose numbering a waypoint file gets: ardupilot or px4; default: the source's.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Convert every plan of the source into this format, for example .kmz.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Turn plan files into another format, and say what that format cannot hold.

    Exit status: 0 everything was kept, 1 something was left out or is amiss in the source, 2 unusable input,
    3 a file is there already (the other plans of a folder are converted all the same).
    """
    from missions.plan_files.plan_file import read_plan_file

    if to is None:
        if source.is_dir():
            raise InputError(f"{source}: is a folder; say with --to what its plans become, for example --to .kml")
        lost = _write(read_plan_file(source), out, dialect, force=force)
    else:
        lost = _folder(source, out, to if to.startswith(".") else f".{to}", dialect, force=force)
    if lost:
        raise typer.Exit(1)


def _folder(source: Path, out: Path, ending: str, dialect: str | None, *, force: bool) -> bool:
    """Convert every plan of a source; tell whether anything was lost. One that cannot be used ends with its status."""
    from missions.plan_files.plan_sources_file import plan_sources, read_plans

    lost, status, taken = False, 0, set[str]()
    for file in plan_sources(source):
        try:
            for name, document in read_plans(file):
                lost |= _write(document, out / f"{_free_name(Path(name).name, taken)}{ending}", dialect, force=force)
        except (InputError, RefusedError) as error:
            status = max(status, error.exit_status)
            ERRORS.print(line(("error:", "bold red"), f" {error.message}"), soft_wrap=True)
    if status:
        raise typer.Exit(status)
    return lost


def _free_name(name: str, taken: set[str]) -> str:
    """Return a file name without its ending, or with a hyphen for the dot where another plan has that name."""
    stem = name.rpartition(".")[0] or name
    free = next(n for n in (stem, name.replace(".", "-"), *(f"{stem}-{k}" for k in range(2, 10_000))) if n not in taken)
    taken.add(free)
    return free


def _write(document: PlanDocument, out: Path, dialect: str | None, *, force: bool) -> bool:
    """Write one plan and say what was lost; tell whether anything was."""
    from missions.documents.whole_file import refuse_foreign
    from missions.plan_files.plan_file import write_plan_file

    refuse_foreign(out, force=force)
    left_out = (*document.problems, *write_plan_file(document, out, dialect))
    told = (
        f": {len(document.items)} items, {len(document.fence)} fence items, "
        f"{len(document.rally)} rally points from {document.source_format}"
    )
    RESULTS.print(line((str(out), "bold"), told))
    for sentence in left_out:
        RESULTS.print(line("  ", (sentence, "yellow")))
    return bool(left_out)
