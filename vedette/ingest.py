"""``vedette ingest``: read a clip or a folder of pictures into an operation folder."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.screen import ERRORS, print_json, progress, tell_terrain_problems, utc_now_ns

if TYPE_CHECKING:
    from geo.values import Terrain
    from operations.store import OperationStore
    from operations.values import MediaRecord

app = typer.Typer()


@app.command()
def ingest(
    source: Annotated[Path, typer.Argument(help="A video file, or a folder of pictures.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Operation folder: a new one, or one to add to.")],
    model: Annotated[
        Path | None, typer.Option(help="Ultralytics .onnx or .pt detector (default: the bundled one).")
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF, .hgt or folder of tiles to place hits on.")] = None,
    flat_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Place hits on a flat plane at this height instead of terrain.")
    ] = None,
    every_s: Annotated[float | None, typer.Option(help="Analyse one frame each so many seconds.", min=0.0)] = None,
    name: Annotated[str, typer.Option(help="Name of a new operation.")] = "operation",
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Decode, detect, place on the ground, link into tracks, and keep all of it.

    Example: vedette ingest clip.ts --out night-1 --terrain dem.tif
    """
    from detection.model_file import load_detector
    from operations.ingest import IngestSettings, ingest

    if not source.exists():
        raise InputError(f"{source} does not exist: name a video file or a folder of pictures", path=str(source))
    settings = IngestSettings(terrain=read_ground(terrain, flat_alt_amsl_m), every_s=every_s)
    detector, described = load_detector(model)
    with open_operation(out, name=name, actor=actor) as store, progress() as bars:
        task = bars.add_task(f"reading {source.name}", total=None)
        record = ingest(
            source,
            store=store,
            detector=detector,
            model=described,
            settings=settings,
            on_frame=lambda count: bars.update(task, completed=count),
        )
        placed = [hit for hit in store.hits_of(record.sha256) if hit.reason is None]
        tracks = len(store.tracks())
    report(record, placed=len(placed), tracks=tracks, out=out, as_json=as_json)


def read_ground(terrain: Path | None, flat_alt_amsl_m: float | None) -> Terrain:
    """Return the ground to place hits on; unknown ground when nothing was said about it."""
    from geo.terrain_plane import SeaLevelPlane, UnknownGround

    if terrain is not None and flat_alt_amsl_m is not None:
        raise InputError("--terrain and --flat-alt-amsl-m exclude each other: keep one of them")
    if terrain is not None:
        from geo.terrain_file import read_terrain

        ground = read_terrain(terrain)
        tell_terrain_problems(ground)
        return ground
    if flat_alt_amsl_m is not None:
        return SeaLevelPlane(alt_amsl_m=flat_alt_amsl_m)
    return UnknownGround()


def open_operation(path: Path, *, name: str, actor: str | None) -> OperationStore:
    """Open an operation folder, or make one where there is none."""
    from operations.store import CASE_FILE, OperationStore

    who = actor or getpass.getuser()
    if (path / CASE_FILE).exists():
        return OperationStore.open(path, actor=who, clock=utc_now_ns)
    return OperationStore.create(path, name=name, actor=who, clock=utc_now_ns)


def report(record: MediaRecord, *, placed: int, tracks: int, out: Path, as_json: bool) -> None:
    """Say what was read, and what was wrong with it."""
    for problem in record.problems[:10]:
        ERRORS.print(f"[yellow]problem:[/] {problem}", highlight=False)
    if len(record.problems) > 10:
        ERRORS.print(f"[yellow]... and {len(record.problems) - 10} more problems, kept in the operation[/]")
    if as_json:
        print_json(
            {
                "operation": str(out),
                "sha256": record.sha256,
                "frames": record.frames,
                "frames_with_pose": record.frames_with_pose,
                "klv_packets": record.klv_packets,
                "klv_bad_checksum": record.klv_bad_checksum,
                "hits": record.hits,
                "hits_placed": placed,
                "tracks": tracks,
                "partial": record.partial,
                "problems": list(record.problems),
            }
        )
        return
    ERRORS.print(
        f"{record.name}: {record.frames} frames ({record.frames_with_pose} with a pose), "
        f"{record.klv_packets} KLV packets ({record.klv_bad_checksum} with a wrong checksum), "
        f"{record.hits} hits ({placed} placed), {tracks} ground tracks in {out}"
        + (", partial" if record.partial else "")
    )
