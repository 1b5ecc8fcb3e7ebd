"""``vedette watch``: read a live downlink into an operation while it is flown."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from geo.errors import InputError, RefusedError
from telemetry.tracks.stated_times import parse_start, parse_utc_offset
from vedette.commands.ingest import open_or_make, parse_offset
from vedette.commands.screen import ERRORS, line, print_json, progress, tell_terrain_problems, utc_now_ns
from vedette.commands.secret_options import KeyFile, PassphraseFile, secret_for
from vedette.commands.watch_console import console_beside
from vedette.interruption import answered_by

if TYPE_CHECKING:
    from rich.progress import Progress

    from operations.values import RunRecord
    from operations.watching import Settled, Watched, WatchJob
    from telemetry.live.live_reader import LiveReader, LiveState
    from telemetry.live.open_link import LinkOptions
    from telemetry.live.recorder_file import SegmentRecorder

app = typer.Typer()

USER: Final = "VEDETTE_STREAM_USER"
PASSWORD: Final = "VEDETTE_STREAM_PASSWORD"  # noqa: S105 - the name of a variable
WHOLE_SEGMENTS: Final = 1 << 62
"""A segment of the recording holds one clock, however long: what came is on the disk anyway."""


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
    every_s: Annotated[float, typer.Option(min=0.0, help="Time between analysed frames; 0 takes each.")] = 1.0 / 3.0,
    model: Annotated[
        Path | None, typer.Option(help="Ultralytics .onnx or .pt detector (default: the bundled one).")
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF, .hgt or folder of tiles to place hits on.")] = None,
    flat_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Place hits on a flat plane at this height instead of terrain.")
    ] = None,
    offset: Annotated[
        str, typer.Option(help="Seconds the log's clock is ahead of the stream's, or auto: found by motion.")
    ] = "auto",
    start: Annotated[str | None, typer.Option(help="UTC of the first picture of streams without a date.")] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the camera's clock, as +02:00.")] = None,
    home_alt_amsl_m: Annotated[float | None, typer.Option(help="Height of the take-off point.")] = None,
    mount: Annotated[str | None, typer.Option(help="YAW,PITCH,ROLL[,level] of a camera nothing is said of.")] = None,
    camera: Annotated[str | None, typer.Option(help="A camera's name, or its horizontal field of view.")] = None,
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
    from detection.model_file import load_detector
    from geo.stated_ground_file import read_stated_ground
    from operations.case_access import CASE_FILE
    from operations.ingest import IngestSettings
    from operations.originals import ground_identity
    from operations.watching import WatchJob
    from telemetry.recordings.mounts import parse_mount
    from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera

    _refuse_password(address)
    if rtsp_over not in {"tcp", "udp"}:
        raise InputError(f"--rtsp-over takes tcp or udp, not {rtsp_over!r}")
    stated = ReadingOptions(
        offset_s=parse_offset(offset),
        start_utc_ns=parse_start(start),
        utc_offset_s=parse_utc_offset(utc_offset),
        home_alt_amsl_m=home_alt_amsl_m,
        mount=None if mount is None else parse_mount(mount),
        camera=None if camera is None else parse_stated_camera(camera),
        stream=stream,
    )
    ground = read_stated_ground(terrain, flat_alt_amsl_m)
    tell_terrain_problems(ground)
    settings = IngestSettings(
        terrain=ground,
        terrain_identity=ground_identity(terrain, flat_alt_amsl_m),
        every_s=every_s or None,
        stated=stated,
    )
    link = _link(user, tuple(allow or ()), rtsp_over)
    detector, described = load_detector(model)
    secret = secret_for(out, key_file, passphrase_file) if (out / CASE_FILE).exists() else None
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(open_or_make(out, name=name, actor=actor, secret=secret))
        if serve:
            stack.enter_context(console_beside(out, port, key_file=key_file, passphrase_file=passphrase_file))
        job = WatchJob(store=store, detector=detector, model=described, settings=settings)
        session = _Session(address, link, job, stale_s=stale_s)
        report = session.run(record=record, catch_up=catch_up, seconds=seconds)
    report = {"operation": str(out), **report}
    if as_json:
        print_json(report)
    _tell(report)
    if not report["frames_with_pose"]:
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


@dataclasses.dataclass(slots=True)
class _Session:
    """One watching of one address, from its first byte to the run over its recording."""

    address: str
    link: LinkOptions
    job: WatchJob
    stale_s: float

    def run(self, *, record: bool, catch_up: bool, seconds: float | None) -> dict[str, Any]:
        """Watch until interrupted or for some seconds, then settle the recording."""
        from operations import watching
        from telemetry.live.bridge_link import srt_tool_version

        store = self.job.store
        folder = watching.record_folder(store) if record else None
        left = watching.finish_left_over(store)
        if left:
            ERRORS.print(line(f"an earlier watch left {len(left)} segments of its recording; they are sealed now"))
        if self.address.lower().startswith("srt:"):
            ERRORS.print(line(f"SRT comes through {srt_tool_version()}"))
        with progress() as bars:
            watched, reader = self._live(folder, seconds, bars)
        found = [*left, *([] if folder is None else watching.segments_of(store, folder))]
        settled = watching.settle_recording(self.job, found, analyse=catch_up)
        return {"bytes": reader.received_bytes, "bytes_dropped": reader.dropped_bytes, **_report(watched, settled)}

    def _live(self, folder: Path | None, seconds: float | None, bars: Progress) -> tuple[Watched, LiveReader]:
        from operations import watching
        from telemetry.live.live_reader import LiveReader
        from telemetry.live.recorder_file import SegmentRecorder

        recorder: SegmentRecorder | None = None
        if folder is not None:
            recorder = SegmentRecorder(folder, clock=utc_now_ns, segment_bytes=WHOLE_SEGMENTS)
        job = dataclasses.replace(self.job, recording=recorder, record_name="" if folder is None else folder.name)
        view = _View(bars)
        reader = LiveReader(
            self.address,
            link=self.link,
            recorder=recorder,
            options=job.settings.reading(),
            stale_s=self.stale_s,
            on_state=view.state,
        )
        timer = threading.Timer(seconds, reader.stop) if seconds is not None else None
        with reader, answered_by(reader.stop):
            view.begin(reader)
            if timer is not None:
                timer.start()
            try:
                watched = watching.watch(reader, job, on_commit=view.committed)
            finally:
                if timer is not None:
                    timer.cancel()
            if not watched.frames:
                why = reader.waiting_for or "nothing that can be decoded came"
                raise InputError(f"nothing was seen of {reader.shown}: {why}")
        return watched, reader


class _View:
    """One line that says how the stream is doing."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("waiting for the stream", total=None)
        self._stale = False
        self._shown = ""

    def begin(self, reader: LiveReader) -> None:
        """Name the stream."""
        self._shown = reader.shown
        self._bars.update(self._task, description=f"waiting for {self._shown}")

    def state(self, state: LiveState) -> None:
        """Say when it went silent, and when it is back."""
        if state.stale != self._stale:
            self._stale = state.stale
            self._bars.console.print(line(f"{self._shown} {'went silent' if state.stale else 'is back'}"))

    def committed(self, run: RunRecord) -> None:
        """Say how far it is."""
        counts = run.counts
        text = f"{self._shown}: {counts['frames']} frames, {counts['hits_placed']} hits placed"
        self._bars.update(self._task, description=text, completed=counts["frames"])


def _report(watched: Watched, settled: list[Settled]) -> dict[str, Any]:
    return {
        "frames": watched.frames,
        "frames_with_pose": sum(run.counts["frames_with_pose"] for run in watched.runs),
        "frames_skipped": watched.skipped,
        "dropped_share": watched.dropped_share,
        "delay_p50_s": watched.delay_p50_s,
        "delay_p95_s": watched.delay_p95_s,
        "live_runs": [{"run": run.run_id, **run.counts, "problems": list(run.problems)} for run in watched.runs],
        "recordings": [_recording(one) for one in settled],
    }


def _recording(settled: Settled) -> dict[str, Any]:
    about: dict[str, Any] = {"sha256": settled.media.id, "run": "", "supersedes": "", "verdicts_proposed": 0}
    if settled.done is None:
        return about
    run = settled.done.run
    proposed = settled.done.verdicts_proposed
    return {**about, "run": run.run_id, "supersedes": run.supersedes, "verdicts_proposed": proposed, **run.counts}


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
