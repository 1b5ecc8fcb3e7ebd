"""``vedette ingest``: read a clip or a folder of pictures into an operation folder."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import InputError
from vedette.screen import ERRORS, line, print_json, progress, tell_terrain_problems, utc_now_ns
from vedette.secret_options import KeyFile, PassphraseFile, new_secret, secret_for

if TYPE_CHECKING:
    from geo.values import Terrain
    from operations.ingest import Ingested
    from operations.store import OperationStore
    from operations.vault.key_ring import Secret

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
    redo: Annotated[
        bool, typer.Option("--redo", help="Analyse a known recording anew; the run before stays, superseded.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of a new operation.")] = "operation",
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt a new operation at rest.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
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
    settings = IngestSettings(
        terrain=read_ground(terrain, flat_alt_amsl_m),
        terrain_identity=ground_identity(terrain, flat_alt_amsl_m),
        every_s=every_s,
    )
    detector, described = load_detector(model)
    secret = _secret(out, key_file, passphrase_file, encrypt=encrypt)
    with open_operation(out, name=name, actor=actor, secret=secret) as store, progress() as bars:
        task = bars.add_task("reading", total=None)
        done = ingest(
            source,
            store=store,
            detector=detector,
            model=described,
            settings=settings,
            redo=redo,
            on_frame=lambda count: bars.update(task, completed=count),
        )
    report(done, out=out, as_json=as_json)


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


def ground_identity(terrain: Path | None, flat_alt_amsl_m: float | None) -> str:
    """Return what tells one ground from another: name and hash of a file or of a folder's files, or a height."""
    from operations.originals import identify, look_over

    if terrain is not None:
        return f"{terrain.name} sha256:{identify(look_over(terrain)).id}"
    return "unknown" if flat_alt_amsl_m is None else f"plane at {flat_alt_amsl_m:g} m above mean sea level"


def _secret(path: Path, key_file: Path | None, passphrase_file: Path | None, *, encrypt: bool) -> Secret | None:
    """Return what opens an operation, or is to open a new one."""
    from operations.case_access import CASE_FILE

    there = (path / CASE_FILE).exists()
    if not there:
        if encrypt:
            return new_secret(key_file, passphrase_file)
        if key_file is not None or passphrase_file is not None:
            raise InputError(f"{path} is a new operation: add --encrypt, or leave the key or passphrase out")
        return None
    secret = secret_for(path, key_file, passphrase_file)
    if encrypt and secret is None:
        raise InputError(
            f"{path} is there and not encrypted: make an encrypted one of it ('vedette merge {path} --into NEW "
            "--encrypt')",
            path=str(path),
        )
    return secret


def open_operation(path: Path, *, name: str, actor: str | None, secret: Secret | None = None) -> OperationStore:
    """Open an operation folder, or make one where there is none."""
    from operations.case_access import CASE_FILE
    from operations.errors import OperationExistsError
    from operations.store import OperationStore

    who = actor or getpass.getuser()
    if not (path / CASE_FILE).exists():
        try:
            return OperationStore.create(path, name=name, actor=who, clock=utc_now_ns, secret=secret)
        except OperationExistsError:
            if not (path / CASE_FILE).exists():  # else another process made it just now
                raise
    return OperationStore.open(path, actor=who, clock=utc_now_ns, secret=secret)


def log_view(store: OperationStore, what: dict[str, Any]) -> bool:
    """Log that somebody looked; where that cannot be, say so and go on."""
    from operations.log.leaves import LeafKind

    if store.why_not_writable:
        told = f" this view of {store.path} is in no log, as {store.why_not_writable}"
        ERRORS.print(line(("not logged:", "yellow"), told))
        return False
    store.append(LeafKind.VIEW, "map", what)
    return True


def report(done: Ingested, *, out: Path, as_json: bool) -> None:
    """Say what was read, and what was wrong with it."""
    run, counts = done.run, done.run.counts
    for problem in run.problems[:10]:
        ERRORS.print(line(("problem:", "yellow"), f" {problem}"))
    if len(run.problems) > 10:
        ERRORS.print(line((f"... and {len(run.problems) - 10} more problems, kept in the operation", "yellow")))
    if as_json:
        print_json(
            {
                "operation": str(out),
                "sha256": done.media.id,
                "run": run.run_id,
                "supersedes": run.supersedes,
                "known": done.known,
                "made_again": list(done.made_again),
                "verdicts_proposed": done.verdicts_proposed,
                "verdicts_left": done.verdicts_left,
                **counts,
                "partial": run.partial,
                "problems": list(run.problems),
            }
        )
        return
    ERRORS.print(_sentence(done, out))


def _sentence(done: Ingested, out: Path) -> str:
    """Return what was done with an original, for a person."""
    run, counts = done.run, done.run.counts
    known = "already known, nothing was derived anew" if done.known else f"run {run.run_id}"
    parts = [
        f"{done.media.name}: {counts['frames']} frames ({counts['frames_with_pose']} with a pose), "
        f"{counts['klv_packets']} KLV packets ({counts['klv_bad_checksum']} with a wrong checksum), "
        f"{counts['hits']} hits ({counts['hits_placed']} placed), {counts['tracks']} ground tracks in {out}, {known}"
    ]
    if run.partial:
        parts.append("partial")
    if run.supersedes and not done.known:
        parts.append(f"run {run.supersedes} is superseded")
    if done.made_again:
        parts.append(f"made again: {', '.join(done.made_again)}")
    if done.verdicts_proposed or done.verdicts_left:
        parts.append(
            f"{done.verdicts_proposed} verdicts proposed anew for confirmation, {done.verdicts_left} left behind"
        )
    return "; ".join(parts)
