"""What the decoding process found in a container before any picture: its facts, its KLV, its clock."""

from __future__ import annotations

import dataclasses
import socket
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode, KlvStream, decode
from telemetry.klv.klv_track import utc_ns
from telemetry.videos.frame import NO_PTS
from telemetry.videos.video_clock import StreamClock, arrival_pts_s, build_clock
from telemetry.videos.video_source import FILE_FORMATS, OpenPlan, judge_live, scheme_of
from telemetry.videos.video_whole_file import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from telemetry.videos.video_process import DecoderProcess


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClipTelemetry:
    """The KLV of a clip, the clock it gives the pictures, their times, and whether all of it was taken."""

    klv: KlvStream
    clock: StreamClock
    picture_pts_s: NDArray[np.float64]
    truncated: bool


def plan_source(source: str | Path, *, allowed: Sequence[str] = ()) -> OpenPlan:
    """Decide how a source may be opened, or refuse it (see `telemetry.videos.video_source`)."""
    text = str(source)
    if not isinstance(source, Path) and scheme_of(text):
        return judge_live(text, allowed=allowed, resolve=_resolve)
    path = Path(text)
    if not path.exists():
        raise MediaError(f"{path}: no such file", path=text)
    if not path.is_file():
        raise MediaError(f"{path} is not a file; give a clip, or a folder of pictures to the picture reader", path=text)
    options = {"protocol_whitelist": "file", "format_whitelist": FILE_FORMATS}
    return OpenPlan(url=str(path.absolute()), shown=str(path), live=False, options=options)


def _resolve(host: str) -> list[str]:
    return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None)})


def wait_for(
    process: DecoderProcess, kind: str, plan: OpenPlan, note: Callable[[dict[str, Any]], None] | None = None
) -> tuple[dict[str, Any], bytes]:
    """Return the next message of one kind; others go to `note`.

    Raises
    ------
    MediaError
        The process reported an error, or ended.
    """
    while (message := process.next_message()) is not None:
        if message[0]["type"] == kind:
            return message
        if message[0]["type"] == "error":
            why = str(message[0]["message"])
            why = why if plan.live else why_unreadable(Path(plan.url), why)
            raise MediaError(f"{plan.shown} cannot be read as video: {why}", path=plan.shown)
        if note is not None:
            note(message[0])
    status = process.close()
    reason = f"{plan.shown} could not be read: the decoding process ended with status {status}"
    raise MediaError(reason, path=plan.shown, status=status)


def read_scan(header: dict[str, Any], payload: bytes, facts: dict[str, Any], checksum: ChecksumMode) -> ClipTelemetry:
    """Decode the message of a scan: two columns of (time stamp, place) and the sizes, then the KLV itself."""
    rows, pictures = int(header["klv"]), int(header["video"])
    klv = np.frombuffer(payload, dtype="<i8", count=2 * rows).reshape(-1, 2)
    video = np.frombuffer(payload, dtype="<i8", count=2 * pictures, offset=16 * rows).reshape(-1, 2)
    place = 16 * (rows + pictures)
    sizes = np.frombuffer(payload, dtype="<i8", count=rows, offset=place)
    stream = decode(payload[place + 8 * rows :], checksum=checksum)
    stamped = rows > 0 and bool(np.all(klv[:, 0] != NO_PTS))
    shown_s = seconds(video[:, 0], Fraction(*(facts.get("time_base") or [1, 90_000])))
    if stamped:
        pts_s = seconds(klv[:, 0], Fraction(*header["klv_time_base"]))
    else:
        pts_s = arrival_pts_s(klv[:, 1], video[:, 1], shown_s)
    piece = np.searchsorted(np.cumsum(sizes), stream.offset, side="right")
    packet_pts = pts_s[np.minimum(piece, rows - 1)] if rows else np.empty(0)
    clock = build_clock(packet_pts, utc_ns(stream), stamped=stamped)
    return ClipTelemetry(klv=stream, clock=clock, picture_pts_s=shown_s, truncated=bool(header["truncated"]))


def seconds(pts: NDArray[np.int64], time_base: Fraction) -> NDArray[np.float64]:
    """Return presentation times in seconds, NaN where a packet has none.

    One division, so that each equals ``float(pts * time_base)`` to the last bit.
    """
    known = pts != NO_PTS
    values: NDArray[np.float64] = np.where(
        known, np.where(known, pts, 0) * time_base.numerator / time_base.denominator, np.nan
    )
    return values
