"""The bridging process: reads RTSP or RTMP and writes every packet, as it is, into a transport stream."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlsplit

import av

from geo.children.seal import deny_core_dumps, limit_memory
from telemetry.videos.video_source import LIVE_FORMATS, LIVE_PROTOCOLS, scheme_of

OPEN_S: Final = 10.0
TIME_BASE: Final = Fraction(1, 90_000)
MEMORY_BYTES: Final = 2 * 1024**3
_OUT: Final = {"mpegts_copyts": "1", "flush_packets": "1", "max_interleave_delta": "100000"}
"""Packets leave as they come: no more than 0.1 s is held back to order streams."""


def _options(job: dict[str, Any]) -> dict[str, str]:
    url = str(job["url"])
    scheme = scheme_of(url)
    options = {"protocol_whitelist": LIVE_PROTOCOLS[scheme], "format_whitelist": LIVE_FORMATS}
    options |= {"analyzeduration": "1000000", "probesize": "1000000"}
    if scheme == "rtsp":
        options["rtsp_transport"] = str(job["transport"])
    elif urlsplit(url).hostname in {"0.0.0.0", "::"}:  # noqa: S104 - the person asked to be called
        options["listen"] = "1"
    return options


def _bridge(job: dict[str, Any]) -> None:
    waits = (None, OPEN_S) if scheme_of(str(job["url"])) == "rtmp" else (OPEN_S, OPEN_S)
    with (
        av.open(str(job["url"]), mode="r", options=_options(job), timeout=waits) as source,
        av.open("pipe:1", "w", format="mpegts", options=_OUT) as target,
    ):
        streams: dict[int, Any] = {}
        for stream in source.streams:
            if stream.type in {"video", "audio"}:
                streams[stream.index] = target.add_stream_from_template(stream)
            elif stream.type == "data":
                data = target.add_data_stream("klv")
                data.time_base = TIME_BASE
                streams[stream.index] = data
        chosen = [stream for stream in source.streams if stream.index in streams]
        for packet in source.demux(*chosen):
            if not packet.size or packet.pts is None:
                continue
            if packet.dts is None:
                packet.dts = packet.pts
            packet.stream = streams[packet.stream.index]
            target.mux(packet)


def main() -> None:
    """Run one job read from standard input; the last word, if any, goes to a descriptor of its own."""
    job = json.loads(sys.stdin.readline())
    limit_memory(MEMORY_BYTES)
    deny_core_dumps()
    av.logging.set_level(None)
    try:
        _bridge(job)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or type(error).__name__
        os.write(int(job["saying"]), text.encode()[:4096])


if __name__ == "__main__":
    main()
