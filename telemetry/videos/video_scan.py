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
from telemetry.videos.clip_clock import clip_clock, own_segments
from telemetry.videos.clock_map import whole_spans
from telemetry.videos.frame import NO_PTS
from telemetry.videos.video_clock import arrival_pts_s
from telemetry.videos.video_source import FILE_FORMATS, OpenPlan, judge_live, scheme_of
from telemetry.videos.video_whole_file import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from telemetry.tracks.pose_track import Problem
    from telemetry.videos.clock_map import ClockMap
    from telemetry.videos.video_process import DecoderProcess


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SideStream:
    """What one stream beside the pictures carries: payloads with time stamps, places, and the video's segment of each.

    `kind` is ``klv``, ``text`` or ``metadata``; `number` is its PID or track id; `pts_s` is NaN where none is stated.
    """

    kind: str
    number: int
    pts_s: NDArray[np.float64]
    position: NDArray[np.int64]
    segment: NDArray[np.int64]
    payloads: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClipTelemetry:
    """Everything a container holds beside its pictures, and the pictures' own times.

    `klv` is that of the stream `klv_number` (-1: none), with the presentation time and segment of each packet;
    `stamped` tells that they are the packets' own. `clock` and `problems` are what its time stamps give.
    """

    klv: KlvStream
    klv_number: int
    klv_pts_s: NDArray[np.float64]
    klv_segment: NDArray[np.int64]
    klv_utc_ns: NDArray[np.int64]
    clock: ClockMap
    problems: tuple[Problem, ...]
    picture_pts_s: NDArray[np.float64]
    picture_segment: NDArray[np.int64]
    sides: tuple[SideStream, ...]
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
    ended = f"ended with status {status}" if process.silent_s is None else f"said nothing for {process.silent_s:g} s"
    reason = f"{plan.shown} could not be read: the decoding process {ended}"
    raise MediaError(reason, path=plan.shown, status=status)


def read_scan(
    header: dict[str, Any], payload: bytes, facts: dict[str, Any], checksum: ChecksumMode, *, prefer: Sequence[int] = ()
) -> ClipTelemetry:
    """Read the message of a scan, and decode the KLV in it.

    Parameters
    ----------
    header, payload
        The message.
    facts
        The message of the opening.
    checksum
        What to do with packets whose checksum does not hold.
    prefer
        Numbers (PID, track id) of the streams that belong to the chosen pictures; their KLV is taken before others'.
    """
    cut = _Cut(payload)
    video = cut.rows(int(header["video"]))
    shown_s = seconds(video[:, 0], Fraction(*(facts.get("time_base") or [1, 90_000])))
    sides = tuple(_side(one, cut) for one in header["streams"])
    chosen = _choose_klv(sides, prefer)
    klv, pts_s, segment, stamped = _klv_of(chosen, video, shown_s, checksum)
    clock, times, problems = clip_clock(pts_s, segment, utc_ns(klv), shown_s, video[:, 2], stamped=stamped)
    return ClipTelemetry(
        klv=klv,
        klv_number=-1 if chosen is None else chosen.number,
        klv_pts_s=pts_s,
        klv_segment=segment,
        klv_utc_ns=times,
        clock=clock,
        problems=problems,
        picture_pts_s=shown_s,
        picture_segment=video[:, 2],
        sides=sides,
        truncated=bool(header["truncated"]),
    )


class _Cut:
    """Takes one part of a message after another."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._place = 0

    def rows(self, count: int, width: int = 3) -> NDArray[np.int64]:
        found = np.frombuffer(self._payload, dtype="<i8", count=count * width, offset=self._place)
        self._place += 8 * count * width
        return found.reshape(-1, width).astype(np.int64)

    def pieces(self, sizes: list[int]) -> tuple[bytes, ...]:
        begins = np.cumsum([self._place, *sizes]).tolist()
        self._place = begins[-1]
        return tuple(self._payload[begin : begin + size] for begin, size in zip(begins, sizes, strict=False))


def _side(about: dict[str, Any], cut: _Cut) -> SideStream:
    rows = cut.rows(int(about["rows"]))
    payloads = cut.pieces(cut.rows(len(rows), 1)[:, 0].tolist())
    return SideStream(
        kind=str(about["kind"]),
        number=int(about["id"]),
        pts_s=seconds(rows[:, 0], Fraction(*(about["time_base"] or [1, 90_000]))),
        position=rows[:, 1],
        segment=rows[:, 2],
        payloads=payloads,
    )


def _choose_klv(sides: tuple[SideStream, ...], prefer: Sequence[int]) -> SideStream | None:
    """Take the pictures' own KLV, else the stream with most packets; the first of equals."""
    klv = [side for side in sides if side.kind == "klv"]
    return max(klv, key=lambda side: (side.number in prefer, len(side.payloads)), default=None)


def _klv_of(
    side: SideStream | None, video: NDArray[np.int64], shown_s: NDArray[np.float64], checksum: ChecksumMode
) -> tuple[KlvStream, NDArray[np.float64], NDArray[np.int64], bool]:
    """Decode a KLV stream: (stream, presentation time and segment of each packet, whether the times are its own)."""
    if side is None:
        return decode(b"", checksum=checksum), np.empty(0), np.empty(0, dtype=np.int64), False
    stream = decode(b"".join(side.payloads), checksum=checksum)
    stamped = bool(np.isfinite(side.pts_s).all())
    pts_s, segment = side.pts_s, side.segment
    if stamped:
        segment = own_segments(pts_s, segment, whole_spans(shown_s, video[:, 2]))
    else:
        pts_s = arrival_pts_s(side.position, video[:, 1], shown_s)
    ends = np.cumsum([len(payload) for payload in side.payloads])
    piece = np.minimum(np.searchsorted(ends, stream.offset, side="right"), len(ends) - 1)
    return stream, pts_s[piece], segment[piece], stamped


def seconds(pts: NDArray[np.int64], time_base: Fraction) -> NDArray[np.float64]:
    """Return presentation times in seconds, NaN where a packet has none.

    One division, so that each equals ``float(pts * time_base)`` to the last bit.
    """
    known = pts != NO_PTS
    values: NDArray[np.float64] = np.where(
        known, np.where(known, pts, 0) * time_base.numerator / time_base.denominator, np.nan
    )
    return values
