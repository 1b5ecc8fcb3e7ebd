"""``vedette ingest``: read clips, pictures and whole cards into an operation folder."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import InputError
from vedette.commands.ground_options import TerrainDatum
from vedette.commands.screen import ERRORS, line, print_json, progress, tell_terrain_problems, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, new_secret, secret_for
from vedette.commands.signing_options import signed_at_close
from vedette.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from rich.progress import Progress

    from detection.looking import Executor
    from operations.ingest import IngestJob
    from operations.same_things import Likely
    from operations.store import OperationStore
    from operations.vault.key_ring import Secret
    from telemetry.recordings.recording import Card, LeftOut, Recording
    from vedette.commands.ingest_view import Bar, Outcome

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: vedette ingest /media/card --out night-1 --terrain dem/ --utc-offset +02:00")
def ingest(
    source: Annotated[
        list[Path], typer.Argument(help="Clips, pictures, folders or whole cards; files beside a clip are found.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Operation folder: a new one, or one to add to.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Ultralytics .onnx or .pt detector, or vedette-small or vedette-day (default: both)."),
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF, .hgt or folder of tiles to place hits on.")] = None,
    terrain_datum: TerrainDatum = None,
    flat_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Place hits on a flat plane at this height instead of terrain.")
    ] = None,
    every_s: Annotated[float | None, typer.Option(help="Analyse one frame each so many seconds.", min=0.0)] = None,
    overlap: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Analyse a frame of a clip only where it shares at most so much ground."),
    ] = None,
    track: Annotated[Path | None, typer.Option(help="Log, table or subtitles that pose the clips.")] = None,
    offset: Annotated[
        str, typer.Option(help="Seconds the log's or subtitles' clock is ahead of the clips', or auto.")
    ] = "auto",
    start: Annotated[
        str | None, typer.Option(help="UTC of the first picture of clips without a date, as 2024-05-01T10:00:00Z.")
    ] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the cameras' clocks, as +02:00.")] = None,
    home_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Height of the take-off point, for sources that state heights over it.")
    ] = None,
    mount: Annotated[
        str | None,
        typer.Option(help="YAW,PITCH,ROLL[,level] of a camera whose log says nothing of where it looks."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="A camera's name, or its horizontal field of view in degrees.")
    ] = None,
    stream: Annotated[int, typer.Option(min=0, help="Which of several streams of pictures.")] = 0,
    person_min_px: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Pixels of a person in the model's input until which pictures are tiled (0: never; 12, 24 by day).",
        ),
    ] = None,
    brief: Annotated[Path | None, typer.Option(help="brief.toml: its border and zones are watched for events.")] = None,
    standing_s: Annotated[float, typer.Option(min=5.0, help="Who does not move for so long stands.")] = 60.0,
    workers: Annotated[
        int,
        typer.Option(min=1, max=256, help="Processes that look at pictures; the result is the same for any number."),
    ] = 1,
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
    """Read recordings, detect, place on the ground, link into tracks, and keep all of it.

    Ends with 1 when nothing could be placed, or a recording could not be read; what was left out is listed.
    """
    from operations.ingest import IngestJob
    from vedette.commands.ingest_view import as_one_object, show

    for path in source:
        _refuse_absent(path)
    reading = Reading(
        offset=offset,
        start=start,
        utc_offset=utc_offset,
        home_alt_amsl_m=home_alt_amsl_m,
        mount=mount,
        camera=camera,
        stream=stream,
        overlap=overlap,
        terrain=terrain,
        terrain_datum=terrain_datum,
        flat_alt_amsl_m=flat_alt_amsl_m,
        model=model,
        every_s=every_s,
        person_min_px=person_min_px,
        track=track,
        brief=brief,
        standing_s=standing_s,
    )
    settings = reading.settings()
    tell_terrain_problems(settings.terrain)
    detector, described = reading.detector()
    secret = _secret(out, key_file, passphrase_file, encrypt=encrypt)
    with (
        open_or_make(out, name=name, actor=actor, secret=secret) as store,
        looking_with(workers, model, described) as executor,
        progress() as bars,
    ):
        settings = dataclasses.replace(settings, executor=executor)
        work = _Work(job=IngestJob(store=store, detector=detector, model=described, settings=settings), redo=redo)
        taken = work.take_all(reading.cards(source), bars)
    if as_json:
        joined = taken.joined
        things, at_least = (0, None) if joined is None else (len(joined.things), joined.at_least)
        told = as_one_object(taken.outcomes, taken.left_out, str(out))
        print_json(told | {"joined": things, "joined_at_least": at_least})
    else:
        show(taken.outcomes, taken.left_out, str(out), taken.joined)
    if taken.why_nothing_placed:
        ERRORS.print(line(("not placed:", "yellow"), f" {taken.why_nothing_placed}"))
    if taken.why_nothing_placed or any(outcome.failure for outcome in taken.outcomes):
        raise typer.Exit(1)


def looking_with(workers: int, model: Path | None, described: str) -> AbstractContextManager[Executor | None]:
    """Return where pictures are looked at: in so many processes of their own, or here."""
    if workers == 1:
        return contextlib.nullcontext()
    from detection.executors import LocalPool
    from detection.model_file import Reopened

    threads = max(1, (os.cpu_count() or 1) // workers)
    return LocalPool(workers, Reopened(path=model, described=described, threads=threads))


def _refuse_absent(path: Path) -> None:
    """Refuse what is not there, and an operation's own folder, which is no card."""
    from operations.case_access import CASE_FILE

    if not path.exists() and not path.is_symlink():
        if ":/" in str(path):
            raise InputError(f"{path} is an address, and ingest reads files: watch a live stream with 'vedette watch'")
        raise InputError(f"{path} does not exist: name a clip, a picture, a folder or a card", path=str(path))
    if (path / CASE_FILE).exists():
        raise InputError(f"{path} is an operation: read it with 'vedette map' or 'vedette review'", path=str(path))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What became of everything that one command was given."""

    outcomes: tuple[Outcome, ...]
    left_out: tuple[LeftOut, ...]
    joined: Likely | None
    why_nothing_placed: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every recording of one command shares."""

    job: IngestJob
    redo: bool

    def take_all(self, cards: Sequence[Card], bars: Progress) -> _Taken:
        """Ingest every recording of the cards, note what was left out, and join what is likely one thing."""
        from operations.same_things import join_same
        from vedette.commands.ingest_view import Bar, why_nothing_placed

        store = self.job.store
        recordings = [recording for card in cards for recording in card.recordings]
        bar = Bar(bars, len(recordings))
        outcomes = tuple(self.take(recording, bar, alone=len(recordings) == 1) for recording in recordings)
        left_out = tuple(one for card in cards for one in card.left_out)
        self.note(left_out)
        why = why_nothing_placed(outcomes, lambda runs: store.hits(runs=runs).reasons())
        anew = any(outcome.done and not outcome.done.known for outcome in outcomes)
        return _Taken(
            outcomes=outcomes, left_out=left_out, joined=join_same(store) if anew else None, why_nothing_placed=why
        )

    def take(self, recording: Recording, bar: Bar, *, alone: bool) -> Outcome:
        """Ingest one recording; where there are others, one that cannot be read does not end the rest."""
        from operations.ingest import ingest
        from vedette.commands.ingest_view import Outcome

        bar.begin(recording)
        try:
            done = ingest(recording, self.job, redo=self.redo, watcher=bar)
        except InputError as error:
            if alone:
                raise
            return Outcome(recording=bar.settled or recording, failure=error.message)
        return Outcome(recording=bar.settled or recording, done=done)

    def note(self, left_out: Sequence[LeftOut]) -> None:
        """Keep in the log what of the cards was not taken, and why."""
        from operations.log.leaves import LeafKind

        if left_out:
            listed = [dataclasses.asdict(one) for one in left_out[:NOTED]]
            self.job.store.append(LeafKind.NOTE, "left out", {"files": listed, "count": len(left_out)})


NOTED = 1000
"""Files left out that the log lists; the rest is counted."""


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


def open_or_make(path: Path, *, name: str, actor: str | None, secret: Secret | None = None) -> OperationStore:
    """Open an operation folder, or make one where there is none; its head is signed where a key is set."""
    from operations.arrow_alone import leave_pandas_out
    from operations.store import OperationStore

    leave_pandas_out()
    who = actor or getpass.getuser()
    store = OperationStore.open_or_create(path, name=name, actor=who, clock=utc_now_ns, secret=secret)
    return signed_at_close(store)
