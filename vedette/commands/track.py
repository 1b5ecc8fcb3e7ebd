"""``vedette track``: turn any telemetry source into a pose track."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from telemetry.tracks.stated_times import parse_start, parse_utc_offset
from vedette.commands.screen import ERRORS, RESULTS, line, print_json, utc_now_ns

if TYPE_CHECKING:
    from telemetry.tracks.pose_track import PoseTrack
    from telemetry.tracks.sources import SourceOptions

app = typer.Typer(no_args_is_help=True, add_completion=False)

_LIVE: Final = re.compile(r"(udp|udpin|udpout|tcp|serial):")


@app.command(epilog="Example: vedette track flight.tlog -o flight.csv")
def track(
    source: Annotated[
        str,
        typer.Argument(
            help="A .tlog, .bin, .ulg, .SRT, .ASS, GPX, NMEA, picture, KLV, video with any of them, or table; "
            "or a live MAVLink link, as udp:127.0.0.1:14550."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the track here: .csv, .parquet, .geojson, .kml or .gpx.")
    ] = None,
    utc_offset: Annotated[
        str | None,
        typer.Option("--utc-offset", help="Zone of the camera's clock, as +02:00 (subtitles, pictures, tables)."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="UTC at which a recording without a date began, as 2024-05-01T10:00:00Z."),
    ] = None,
    home_alt_amsl_m: Annotated[
        float | None,
        typer.Option(
            "--home-alt-amsl-m", help="Height of the take-off point, for sources that state only heights over it."
        ),
    ] = None,
    geoid: Annotated[
        Path | None, typer.Option("--geoid", help="Geoid grid (GeoTIFF, .gtx), such as EGM2008; EGM96 is built in.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to listen to a live link.")] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print samples, span_s and problems as one JSON object.")
    ] = False,
) -> None:
    """Turn any telemetry source into a pose track, and say what is wrong with it.

    Exit status: 0 done, 1 done and the source has problems, 2 no track in the source.
    """
    from telemetry.tracks.sources import read_track
    from telemetry.tracks.track_file import write_track

    options = _options(utc_offset, start, home_alt_amsl_m, geoid)
    with ERRORS.status(line(f"reading {source}")):
        poses = _listen(source, seconds, options) if _LIVE.match(source) else read_track(source, options)
    if out is not None:
        with ERRORS.status(line(f"writing {out.name}")):
            write_track(poses, out)
    facts = _facts(poses, out)
    if as_json:
        print_json(facts)
    else:
        _say(poses, facts)
    if poses.problems:
        raise typer.Exit(1)


def _listen(url: str, seconds: float, options: SourceOptions) -> PoseTrack:
    """Collect a live link's messages for a while, or until interrupted."""
    from missions.links.link import open_link
    from telemetry.mavlink.pose import PoseTrackBuilder

    builder = PoseTrackBuilder(source=url, undulation=options.undulation, keep_s=max(seconds, 1.0))
    with open_link(url) as link:
        until_s = link.clock() + seconds
        try:
            while (left_s := until_s - link.clock()) > 0.0:
                message = link.receive(left_s)
                if message is not None:
                    builder.feed(message, received_us=utc_now_ns() // 1000)
        except KeyboardInterrupt:
            ERRORS.print("interrupted; the track so far")
    return builder.track()


def _options(
    utc_offset: str | None, start: str | None, home_alt_amsl_m: float | None, geoid: Path | None
) -> SourceOptions:
    from geo.geoid_file import read_geoid
    from telemetry.tracks.datums import egm96
    from telemetry.tracks.sources import SourceOptions

    return SourceOptions(
        utc_offset_s=parse_utc_offset(utc_offset),
        home_alt_amsl_m=home_alt_amsl_m,
        start_utc_ns=parse_start(start),
        undulation=egm96 if geoid is None else read_geoid(geoid),
    )


def _facts(poses: PoseTrack, out: Path | None) -> dict[str, Any]:
    times = poses.t_utc_ns
    return {
        "source": poses.source,
        "samples": len(poses),
        "span_s": float(times[-1] - times[0]) / 1e9,
        "start_utc": _iso(int(times[0])),
        "end_utc": _iso(int(times[-1])),
        "gimbal_frame": str(poses.gimbal_frame),
        "problems": [
            {
                "kind": problem.kind,
                "message": problem.message,
                "offset": None if problem.offset < 0 else problem.offset,
                "t_utc_ns": None if problem.t_utc_ns < 0 else problem.t_utc_ns,
            }
            for problem in poses.problems
        ],
        "out": None if out is None else str(out),
    }


def _iso(t_utc_ns: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=t_utc_ns // 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _say(poses: PoseTrack, facts: dict[str, Any]) -> None:
    RESULTS.print(f"{poses.source}: {facts['samples']} samples over {facts['span_s']:.1f} s, from {facts['start_utc']}")
    if facts["out"]:
        RESULTS.print(f"written to {facts['out']}")
    for problem in facts["problems"]:
        when = f" ({_iso(problem['t_utc_ns'])})" if problem["t_utc_ns"] is not None else ""
        told = f" {problem['kind']}: {problem['message']}{when}"
        ERRORS.print(line(("problem", "yellow"), told), soft_wrap=True)
