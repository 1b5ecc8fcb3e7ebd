"""``vedette watch``: read a live downlink into an operation while it is flown."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from geo.errors import InputError, RefusedError
from vedette.commands.ground_options import TerrainDatum
from vedette.commands.ingest import open_or_make
from vedette.commands.screen import ERRORS, line, print_json, progress, tell_terrain_problems
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.watch_console import console_beside
from vedette.commands.watch_session import WatchSession
from vedette.reading import Reading

if TYPE_CHECKING:
    from telemetry.live.open_link import LinkOptions

app = typer.Typer(add_completion=False)

USER: Final = "VEDETTE_STREAM_USER"
PASSWORD: Final = "VEDETTE_STREAM_PASSWORD"  # noqa: S105 - the name of a variable


@app.command(epilog="Example: vedette watch udp://239.2.3.1:5600 --out night-1 --terrain dem/")
def watch(
    address: Annotated[
        str, typer.Argument(help="udp://, rtp://, tcp:// (MPEG-TS), rtsp://, rtmp:// or srt://HOST:PORT of the stream.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Operation folder: a new one, or one to add to.")],
    record: Annotated[bool, typer.Option(help="Keep the original bytes, and seal them when the stream ends.")] = True,
    catch_up: Annotated[
        bool, typer.Option(help="When the stream has ended, analyse its recording whole; that replaces the live run.")
    ] = True,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End by itself after so long.")] = None,
    every_s: Annotated[float, typer.Option(min=0.0, help="Time between analysed frames; 0 takes each.")] = 0.3,
    model: Annotated[
        Path | None,
        typer.Option(help="Ultralytics .onnx or .pt detector, or vedette-small or vedette-day (default: both)."),
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF, .hgt or folder of tiles to place hits on.")] = None,
    terrain_datum: TerrainDatum = None,
    flat_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Place hits on a flat plane at this height instead of terrain.")
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(help="MAVLink link that poses the pictures, as udp:0.0.0.0:14550, tcp:HOST:PORT, serial:DEVICE."),
    ] = None,
    signing_key: Annotated[Path | None, typer.Option(help="File with that link's MAVLink 2 key.")] = None,
    offset: Annotated[
        str, typer.Option(help="Seconds that link is ahead of when pictures come, or auto: found by motion.")
    ] = "auto",
    start: Annotated[str | None, typer.Option(help="UTC of the first picture of streams without a date.")] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the camera's clock, as +02:00.")] = None,
    home_alt_amsl_m: Annotated[float | None, typer.Option(help="Height of the take-off point.")] = None,
    mount: Annotated[str | None, typer.Option(help="YAW,PITCH,ROLL[,level] of a camera nothing is said of.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="A camera's name, or its horizontal field of view in degrees.")
    ] = None,
    stream: Annotated[int, typer.Option(min=0, help="Which of several streams of pictures.")] = 0,
    allow: Annotated[
        list[str] | None, typer.Option(help="Network beyond the private ones that may be called, as 203.0.113.0/24.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help=f"User of the stream; the password is asked for, or {PASSWORD}.")
    ] = None,
    rtsp_over: Annotated[str, typer.Option(help="Transport of RTSP: tcp or udp.")] = "tcp",
    stale_s: Annotated[float, typer.Option(min=0.5, help="Silence after which the stream is opened again.")] = 5.0,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the review console meanwhile.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of that console; 0 takes any.")] = 8765,
    name: Annotated[str, typer.Option(help="Name of a new operation.")] = "operation",
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Annotated[str | None, typer.Option(help="Whose name goes into the log (default: the login).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
) -> None:
    """Read a live stream: record it, detect, place on the ground, and commit rows within two seconds.

    Ctrl-C ends the watching; the recording is then analysed whole like any file, and replaces what was live.
    """
    from operations.case_access import CASE_FILE
    from operations.originals import UNKNOWN_GROUND
    from operations.watching import WatchJob
    from telemetry.videos.video_scan import plan_source
    from telemetry.videos.video_source import scheme_of
    from vedette.commands.ingest_view import NO_GROUND

    _refuse_password(address)
    if not scheme_of(address):
        raise InputError(
            f"{address!r} is no address: watch reads one such as udp://239.2.3.1:5600, and a file is read with "
            "'vedette ingest'"
        )
    if rtsp_over not in {"tcp", "udp"}:
        raise InputError(f"--rtsp-over takes tcp or udp, not {rtsp_over!r}")
    reading = Reading(
        offset=offset,
        start=start,
        utc_offset=utc_offset,
        home_alt_amsl_m=home_alt_amsl_m,
        mount=mount,
        camera=camera,
        stream=stream,
        terrain=terrain,
        terrain_datum=terrain_datum,
        flat_alt_amsl_m=flat_alt_amsl_m,
        model=model,
        every_s=every_s or None,
    )
    settings = reading.settings()
    tell_terrain_problems(settings.terrain)
    link = dataclasses.replace(_link(user, tuple(allow or ()), rtsp_over), stale_s=stale_s)
    plan_source(address, allowed=link.allowed)
    detector, described = reading.detector()
    secret = secret_for(out, key_file, passphrase_file) if (out / CASE_FILE).exists() else None
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(open_or_make(out, name=name, actor=actor, secret=secret))
        if serve:
            stack.enter_context(console_beside(out, port, key_file=key_file, passphrase_file=passphrase_file))
        job = WatchJob(store=store, detector=detector, model=described, settings=settings)
        session = WatchSession(address, link, job, track=track, signing_key=signing_key)
        with progress() as bars:
            report = session.run(bars, record=record, catch_up=catch_up, seconds=seconds)
    report = {"operation": str(out), **report}
    if as_json:
        print_json(report)
    _tell(report)
    blind = settings.terrain_identity == UNKNOWN_GROUND
    if blind:
        ERRORS.print(line(("not placed:", "yellow"), f" {NO_GROUND}, and ingest the recording with --redo"))
    if blind or not report["frames_with_pose"]:
        raise typer.Exit(1)


def _refuse_password(address: str) -> None:
    """Refuse a password where every user of the machine, and every log of commands, would see it."""
    authority = address.split("://", 1)[-1].split("/", 1)[0]
    if "@" in authority and ":" in authority.rpartition("@")[0]:
        raise RefusedError(
            f"a password in the address is seen by everybody on this machine: leave it out, and set {USER} and "
            f"{PASSWORD}, or give --user and be asked"
        )


def _link(user: str | None, allowed: tuple[str, ...], transport: str) -> LinkOptions:
    from telemetry.live.open_link import LinkOptions

    who = user or os.environ.get(USER, "")
    password = os.environ.get(PASSWORD, "") if who else ""
    if user and not password:
        if not sys.stdin.isatty():
            raise InputError(f"nobody can be asked for the password of {user} here: set {PASSWORD}")
        password = getpass.getpass(f"password of {user} for the stream: ")
    return LinkOptions(allowed=allowed, user=who, password=password, rtsp_transport=transport)


def _tell(report: dict[str, Any]) -> None:
    for run in report["live_runs"]:
        for problem in run["problems"][:10]:
            ERRORS.print(line(("problem:", "yellow"), f" {problem}"))
    share = f"{100 * report['dropped_share']:.1f} % of the frames that were due were left out, the newest first"
    ERRORS.print(
        line(
            f"live: {report['frames']} frames ({report['frames_with_pose']} posed), in the operation "
            f"{report['delay_p95_s']:.2f} s after they came (95 %); {share}"
        )
    )
    for recording in report["recordings"]:
        what = f"run {recording['run'][:8]}" if recording["run"] else "sealed, not analysed yet"
        instead = f", in place of live run {recording['supersedes'][:8]}" if recording["supersedes"] else ""
        proposed = recording["verdicts_proposed"]
        verdicts = f"; {proposed} verdicts proposed anew, to be confirmed" if proposed else ""
        ERRORS.print(line(f"recording {recording['sha256'][:12]}: {what}{instead}{verdicts}"))
