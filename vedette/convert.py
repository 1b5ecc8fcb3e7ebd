"""``vedette convert``: turn any plan file into another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.screen import RESULTS, line

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command(epilog="Example: vedette convert mission.plan mission.waypoints --dialect ardupilot")
def convert(
    source: Annotated[Path, typer.Argument(help="Any plan file; found by content.", show_default=False)],
    out: Annotated[
        Path,
        typer.Argument(
            help="Where to write: .plan, .waypoints, .kml, .geojson, .gpx, .csv (Litchi), .fence or .rally.",
            show_default=False,
        ),
    ],
    dialect: Annotated[
        str | None, typer.Option(help="Whose numbering a waypoint file gets: ardupilot or px4; default: the source's.")
    ] = None,
) -> None:
    """Turn a plan file into another format, and say what that format cannot hold.

    Exit status: 0 everything was kept, 1 something was left out or is amiss in the source, 2 unusable input.
    """
    from missions.plan_files.plan_file import read_plan_file, write_plan_file

    document = read_plan_file(source)
    left_out = (*document.problems, *write_plan_file(document, out, dialect))
    told = (
        f": {len(document.items)} items, {len(document.fence)} fence items, "
        f"{len(document.rally)} rally points from {document.source_format}"
    )
    RESULTS.print(line((str(out), "bold"), told))
    for sentence in left_out:
        RESULTS.print(line("  ", (sentence, "yellow")))
    if left_out:
        raise typer.Exit(1)
