"""``vedette klv mux``: put a log or subtitles into a clip, as ST 0601."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from telemetry.recordings.stated import Stated
from vedette.commands.question_options import require_new_stream
from vedette.commands.screen import RESULTS, print_json


def mux(
    clip: Annotated[Path, typer.Argument(help="A clip without KLV; subtitles and logs of its name are found.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the copy goes (.ts).")],
    track: Annotated[Path | None, typer.Option(help="Log, table or subtitles that pose the clip.")] = None,
    offset: Annotated[str, typer.Option(help="Seconds the log's clock is ahead of the clip's, or auto.")] = "auto",
    start: Annotated[str | None, typer.Option(help="UTC of the first picture of a clip without a date.")] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the camera's clock, as +02:00.")] = None,
    home_alt_amsl_m: Annotated[float | None, typer.Option(help="Height of the take-off point.")] = None,
    mount: Annotated[str | None, typer.Option(help="YAW,PITCH,ROLL[,level] of a camera nothing is said of.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="A camera's name, or its horizontal field of view in degrees.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Copy a clip's pictures and sound with a packet of ST 0601 beside each picture that has a pose."""
    from telemetry.recordings.klv_clip_file import write_klv_clip
    from telemetry.recordings.open_recordings import open_recordings

    require_new_stream(out)
    stated = Stated(
        offset=offset, start=start, utc_offset=utc_offset, home_alt_amsl_m=home_alt_amsl_m, mount=mount, camera=camera
    )
    recording = open_recordings(clip, track=track).recordings[0]
    found = write_klv_clip(recording, stated.options(), out)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        left = f"; not carried: {', '.join(found.left_out)}" if found.left_out else ""
        RESULTS.print(
            f"{out}: {found.packets} packets of ST 0601 beside {found.pictures} pictures, {found.without_pose} "
            f"pictures without a pose{left}"
        )
    if found.without_pose:
        raise typer.Exit(1)
