"""``vedette klv``: what a stream's metadata says, how much of it there is, and whether it agrees with itself."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
import threading
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geo.errors import InputError
from geo.values import PoseSigmas
from telemetry.klv import ChecksumMode, KlvStream
from vedette.commands.klv_mux import mux
from vedette.commands.screen import ERRORS, RESULTS, plain, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.tracks.pose_track import Problem

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Dump, count and check the KLV of a stream.")

app.command(
    epilog="Example: vedette klv mux DJI_0007.MP4 --out DJI_0007.ts  ·  vedette klv mux a.mp4 --track b.BIN -o a.ts"
)(mux)

File = Annotated[Path, typer.Argument(help="Raw KLV (.klv, .bin), or a clip that carries it (MPEG-TS, MP4, MKV).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Checksum = Annotated[ChecksumMode, typer.Option(help="Packets with a wrong checksum: drop, keep and tell, or keep.")]

SHOWN_PROBLEMS = 10


def _read(file: Path, checksum: ChecksumMode) -> KlvStream:
    from telemetry.klv.klv_file import read_klv

    return read_klv(file, checksum=checksum)


def _problem(problem: Problem) -> dict[str, Any]:
    return {"kind": problem.kind, "offset": problem.offset, "message": problem.message}


def _tell(problems: tuple[Problem, ...]) -> None:
    """Show the first problems on standard error, and how many more there are."""
    for problem in problems[:SHOWN_PROBLEMS]:
        ERRORS.print(f"problem: {problem.message}", soft_wrap=True)
    if len(problems) > SHOWN_PROBLEMS:
        ERRORS.print(f"and {len(problems) - SHOWN_PROBLEMS} more problems")


@app.command(epilog="Example: vedette klv dump flight.ts --limit 3  ·  vedette klv dump flight.ts --csv > flight.csv")
def dump(
    file: File,
    limit: Annotated[int | None, typer.Option(min=1, help="Packets shown; all with --json and --csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a packet, one a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One row a packet, one column a tag.")] = False,
    checksum: Checksum = ChecksumMode.STRICT,
) -> None:
    """Print every packet's values."""
    stream = _read(file, checksum)
    writer: Callable[[KlvStream, int | None], None] = _dump_table
    if as_json:
        writer = _dump_json
    elif as_csv:
        writer = _dump_csv
    writer(stream, limit)
    _tell(stream.problems)
    if stream.problems:
        raise typer.Exit(1)


def _dump_table(stream: KlvStream, limit: int | None) -> None:
    from telemetry.klv import TAGS
    from telemetry.klv.klv_report import opened, rows, tag_name

    count = 1 if limit is None else limit
    for index, row in enumerate(islice(rows(stream), count)):
        good = "good" if stream.checksum_good[index] else "BAD"
        title = f"packet {index} at byte {stream.offset[index]}, {stream.size[index]} bytes, checksum {good}"
        table = Table("tag", "item", "value", "unit", title=title, title_justify="left")
        for tag, value in sorted(row.items()):
            shown = opened(tag, value)
            unit = TAGS[tag].unit if tag in TAGS else ""
            table.add_row(str(tag), tag_name(tag), _cell(shown), unit)
        RESULTS.print(table, soft_wrap=False)
    if len(stream) > count:
        RESULTS.print(f"{len(stream) - count} more packets; show them with --limit, --json or --csv")
    if not len(stream):
        RESULTS.print("no ST 0601 packet in this file")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(plain(value))
    if isinstance(value, float):
        return f"{value:.9g}"
    return "no value" if value is None else str(value)


def _dump_json(stream: KlvStream, limit: int | None) -> None:
    from telemetry.klv.klv_report import opened, rows

    for index, row in enumerate(islice(rows(stream), limit)):
        packet = {
            "packet": index,
            "offset": int(stream.offset[index]),
            "checksum_good": bool(stream.checksum_good[index]),
            "values": {str(tag): opened(tag, value) for tag, value in sorted(row.items())},
        }
        sys.stdout.write(json.dumps(plain(packet)) + "\n")


def _dump_csv(stream: KlvStream, limit: int | None) -> None:
    from telemetry.klv.klv_report import csv_cell, rows, tag_name

    tags = sorted(stream.columns)
    writer = csv.writer(sys.stdout)
    writer.writerow(["packet", "offset", *(f"{tag} {tag_name(tag)}" for tag in tags)])
    for index, row in enumerate(islice(rows(stream), limit)):
        writer.writerow([index, int(stream.offset[index]), *(csv_cell(row.get(tag)) for tag in tags)])


@app.command(epilog="Example: vedette klv stats flight.ts --json")
def stats(file: File, as_json: AsJson = False, checksum: Checksum = ChecksumMode.STRICT) -> None:
    """Count packets, bad checksums, the time covered and each tag."""
    from telemetry.klv.klv_report import stats as count
    from telemetry.klv.klv_report import tag_name

    stream = _read(file, checksum)
    found = count(stream)
    if as_json:
        print_json(dataclasses.asdict(found) | {"problems": [_problem(problem) for problem in stream.problems]})
    else:
        table = Table("tag", "item", "packets", title=f"{file.name}: {found.packets} packets", title_justify="left")
        for tag, packets in found.tags.items():
            table.add_row(str(tag), tag_name(tag), str(packets))
        RESULTS.print(table, soft_wrap=False)
        RESULTS.print(
            f"{found.packets} packets over {found.span_s:.3f} s ({found.rate_hz:.2f} a second), "
            f"{found.bad_checksum} with a wrong or missing checksum, {found.problems} problems"
        )
        for key, sets in found.other_sets.items():
            RESULTS.print(f"{sets} other sets with key {key}")
        _tell(stream.problems)
    if stream.problems or not found.packets:
        raise typer.Exit(1)


@app.command(epilog="Example: vedette klv check Cheyenne.bin --json")
def check(file: File, as_json: AsJson = False, checksum: Checksum = ChecksumMode.STRICT) -> None:
    """Compare the ray through the picture's centre with the stream's own frame centre."""
    from telemetry.klv.klv_check import check_centre
    from telemetry.klv.klv_report import stats as count

    stream = _read(file, checksum)
    found, centre = count(stream), check_centre(stream)
    if as_json:
        problems = [_problem(problem) for problem in stream.problems]
        counts = {"packets": found.packets, "bad_checksum": found.bad_checksum, "span_s": found.span_s}
        print_json(counts | {"centre": dataclasses.asdict(centre), "problems": problems})
    else:
        RESULTS.print(
            f"{found.packets} packets over {found.span_s:.3f} s, {found.bad_checksum} with a wrong or missing checksum"
        )
        if centre.n:
            RESULTS.print(
                f"frame centre: median {centre.median_m:.2f} m, 95 % {centre.p95_m:.2f} m, "
                f"median {centre.median_deg:.4f} deg from our ray, over {centre.n} packets"
            )
        else:
            RESULTS.print("frame centre: no packet has a whole pose and a frame centre that its ray reaches")
        if centre.unplaced:
            RESULTS.print(f"{centre.unplaced} packets state a frame centre that our ray does not reach")
        _tell(stream.problems)
    if stream.problems or not centre.n:
        raise typer.Exit(1)


@app.command(epilog="Example: vedette klv record udp://239.2.3.1:5600 --out record/ --seconds 60")
def record(
    source: Annotated[str, typer.Argument(help="udp://HOST:PORT or rtp://HOST:PORT carrying MPEG-TS.")],
    out: Annotated[Path, typer.Option(help="Folder for the segments; numbers go on where it ended.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to record.")] = 60.0,
    allow: Annotated[list[str] | None, typer.Option(help="Network that may be listened to, as 203.0.113.0/24.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record the original bytes of a live stream by segment with SHA-256, and say what was in them."""
    from telemetry.live.live_reader import LiveReader
    from telemetry.live.open_link import LinkOptions
    from telemetry.live.recorder_file import SegmentRecorder
    from vedette.commands.screen import utc_now_ns

    if not source.lower().startswith(("udp:", "rtp:")):
        raise InputError(
            f"only udp:// and rtp:// are recorded byte for byte, not {source.split(':')[0]}", source=source
        )
    with (
        SegmentRecorder(out, clock=utc_now_ns) as recorder,
        LiveReader(source, link=LinkOptions(allowed=tuple(allow or ())), recorder=recorder) as live,
    ):
        timer = threading.Timer(seconds, live.stop)
        timer.start()
        posed = sum(frame.pose is not None for frame in live.frames())
        timer.cancel()
    state = live.state
    found = dataclasses.asdict(state) | {
        "frames_with_pose": posed,
        "segments": [dataclasses.asdict(segment) for segment in recorder.segments],
    }
    if as_json:
        print_json(found)
    else:
        size = sum(segment.size_bytes for segment in recorder.segments)
        RESULTS.print(
            f"{out}: {len(recorder.segments)} segments, {size} bytes; {state.frames} frames ({posed} with a pose), "
            f"{state.klv_packets} KLV packets ({state.klv_bad_checksum} with a wrong checksum), "
            f"{state.restarts} {'restart' if state.restarts == 1 else 'restarts'}"
        )
        _tell(live.problems)
    if not recorder.segments or state.restarts:
        raise typer.Exit(1)


@app.command(epilog="Example: vedette klv offset flight.mp4 00000042.BIN --seconds 60 --json")
def offset(
    clip: Annotated[Path, typer.Argument(help="A clip; its own clock is used where it has one.")],
    log: Annotated[Path, typer.Argument(help="A log of the same flight, of any kind `vedette track` reads.")],
    seconds: Annotated[float, typer.Option(min=1.0, help="How much of the clip to look at.")] = 120.0,
    max_offset_s: Annotated[float, typer.Option(min=0.1, help="Largest offset tried, for clips with a clock.")] = 30.0,
    mount: Annotated[
        str | None, typer.Option(help="YAW,PITCH,ROLL of a fixed camera, for logs without gimbal messages.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate how far the log's clock is ahead of the clip's, from image motion and the log's turning."""
    from telemetry.recordings.joining import join_by_motion
    from telemetry.recordings.mounts import has_camera_angles, mounted, parse_mount
    from telemetry.tracks.sources import read_track

    track = read_track(log)
    if mount is not None and not has_camera_angles(track):
        track = mounted(track, parse_mount(mount), PoseSigmas())[0]
    joint = join_by_motion(clip, track, seconds=seconds, max_offset_s=max_offset_s)
    found, by_pts = joint.offset, joint.by_pts
    if as_json:
        rate = {"rate_ppm": joint.rate_ppm, "rate_sigma_ppm": joint.rate_sigma_ppm}
        told = {"clip_clock": "pts" if by_pts else "utc", "log_problems": [_problem(one) for one in track.problems]}
        print_json(dataclasses.asdict(found) | rate | told)
    elif found.reason:
        RESULTS.print(f"no offset: {found.reason} ({found.pairs} frame pairs)")
    else:
        RESULTS.print(
            f"log time = clip time + {found.offset_s:.3f} s, one sigma {found.sigma_s:.3f} s, "
            f"correlation {found.correlation:.2f} over {found.pairs} frame pairs"
        )
        if joint.rate_ppm:
            RESULTS.print(
                f"the log's clock runs {joint.rate_ppm:+.0f} ppm against the clip's, one sigma "
                f"{joint.rate_sigma_ppm:.0f}; the offset holds in the middle of what was looked at"
            )
    if not as_json:
        _tell(track.problems)
    if found.reason:
        raise typer.Exit(1)
