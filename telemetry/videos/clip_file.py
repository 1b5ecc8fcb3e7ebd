"""Cut a stretch out of a clip by media time; its KLV travels with it, and nothing is encoded anew."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode, decode
from telemetry.klv.klv_file import read_clip_telemetry
from telemetry.klv.klv_track import utc_ns
from telemetry.videos.decoding_job import KLV_STARTS
from telemetry.videos.frame import VideoLimits
from telemetry.videos.stream_copy_file import TIME_BASE, StreamCopy, ticks_of
from telemetry.videos.video_segments import SegmentCounter

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.videos.clock_map import ClockMap

AROUND_S: Final = 1.0
"""Telemetry kept on either side: the widest gap that positions are interpolated over, so that every picture of the
cut is posed as it was in the whole."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClipCut:
    """What was cut: presentation times of its first and last picture, packets by kind, and what it does not carry.

    The first picture may lie before the time asked for: it is the nearest one that decodes without others.
    """

    first_pts_s: float
    last_pts_s: float
    pictures: int
    klv_packets: int
    left_out: tuple[str, ...] = ()


def cut_clip(source: Path, out: Path, *, first_s: float, last_s: float, segment: int = 0) -> ClipCut:
    """Write the stretch of a clip between two presentation times into a file of its own.

    Parameters
    ----------
    source, out
        The clip (any container that is read as video), and where the cut goes: an MPEG transport stream,
        written beside its name first. Presentation times stay those of the source.
    first_s, last_s
        Presentation times, seconds, as a frame's `media_t_ns` states them.
    segment
        Which segment of a clip whose presentation time begins anew.

    Raises
    ------
    MediaError
        The clip cannot be read, or has no picture between these times.
    """
    if not (math.isfinite(first_s) and math.isfinite(last_s) and first_s <= last_s):
        raise MediaError(f"a cut goes from an earlier to a later time, not from {first_s:g} s to {last_s:g} s")
    with StreamCopy(source, out) as copy:
        numbers = copy.data_streams()
        for number in numbers:
            copy.add_klv(number)
        wanted = _Wanted(source, copy, first_s, last_s, segment)
        for packet in copy.packets():
            if not wanted.take(packet):
                break
        if not wanted.pictures:
            raise MediaError(
                f"{source} has no picture from {first_s:g} s to {last_s:g} s of presentation time"
                + (f" in segment {segment + 1}" if segment else "")
                + "; 'vedette track' and the frames of an operation say which times it has",
                path=str(source),
            )
        return ClipCut(
            first_pts_s=wanted.shown[0],
            last_pts_s=wanted.shown[1],
            pictures=wanted.pictures,
            klv_packets=wanted.klv_packets,
            left_out=tuple(copy.left_out),
        )


class _Wanted:
    """Holds back what came since the last picture that decodes alone, until the time asked for is reached."""

    def __init__(self, source: Path, copy: StreamCopy, first_s: float, last_s: float, segment: int) -> None:
        self._copy = copy
        self._source = source
        self._clock: ClockMap | None = None
        self._first, self._last, self._segment = first_s, last_s, segment
        self._counter = SegmentCounter()
        self._main: int | None = None
        self._held: list[Any] = []
        self._telemetry: list[tuple[int, float, bytes]] = []
        self._begun = False
        self._now_s = math.nan
        self.pictures = self.klv_packets = 0
        self.shown = (math.inf, -math.inf)

    def take(self, packet: Any) -> bool:
        """Take the next packet; False once nothing more is wanted."""
        if not self._copy.is_carried(packet):
            self._take_data(packet)
            return True
        main = packet.stream.type == "video" and self._main in (None, packet.stream.index)
        if not main:
            self._pass(packet)
            return True
        self._main = packet.stream.index
        stamp = packet.dts if packet.dts is not None else packet.pts
        decoded_s = None if stamp is None else float(stamp * Fraction(packet.time_base))
        self._counter.step(None if stamp is None else stamp * Fraction(packet.time_base))
        ticks = ticks_of(packet)
        self._now_s = self._now_s if ticks is None else float(ticks * TIME_BASE)
        if self._counter.segment < self._segment:
            return True
        if self._counter.segment > self._segment or (decoded_s is not None and decoded_s > self._last + AROUND_S):
            return False
        if packet.is_keyframe and self._now_s <= self._first:
            self._held.clear()
        self._pass(packet)
        return True

    def _pass(self, packet: Any) -> None:
        """Hold a packet back, or write it with everything held once the wanted time is reached."""
        if self._counter.segment != self._segment or self._main is None:
            return
        if not self._begun and not self._held and not (packet.stream.index == self._main and packet.is_keyframe):
            return
        if not self._begun:
            self._held.append(packet)
            if self._now_s < self._first:
                return
            self._begin()
            return
        self._write(packet)

    def _begin(self) -> None:
        ticks = [ticks_of(packet) for packet in self._held]
        begin_s = min((float(one * TIME_BASE) for one in ticks if one is not None), default=self._first)
        self._begun = True
        for number, at_s, payload in self._telemetry:
            if at_s >= begin_s - AROUND_S:
                self._put(number, at_s, payload)
        self._telemetry.clear()
        for packet in self._held:
            self._write(packet)
        self._held.clear()

    def _write(self, packet: Any) -> None:
        ticks = ticks_of(packet)
        at_s = self._now_s if ticks is None else float(ticks * TIME_BASE)
        if at_s > self._last:
            return
        if packet.stream.index == self._main:
            self.pictures += 1
            self.shown = (min(self.shown[0], at_s), max(self.shown[1], at_s))
        self._copy.copy(packet)

    def _take_data(self, packet: Any) -> None:
        payload = bytes(packet)
        if self._counter.segment != self._segment or not payload.startswith(KLV_STARTS):
            return
        ticks = ticks_of(packet)
        at_s = self._clock_says(payload) if ticks is None else float(ticks * TIME_BASE)
        if not math.isfinite(at_s) or at_s > self._last + AROUND_S:
            return
        if self._begun:
            self._put(packet.stream.index, at_s, payload)
            return
        self._telemetry.append((packet.stream.index, at_s, payload))
        if len(self._telemetry) > MOST_HELD:
            del self._telemetry[: MOST_HELD // 2]

    def _clock_says(self, payload: bytes) -> float:
        """Return when telemetry without a presentation time belongs, by the clock that the whole clip gives it."""
        moments = utc_ns(decode(payload))
        if not len(moments) or moments[0] < 0:
            return self._now_s
        if self._clock is None:
            self._clock = read_clip_telemetry(self._source, checksum=ChecksumMode.STRICT, limits=VideoLimits()).clock
        known = any(len(segment.clock.pts_s) for segment in self._clock.segments)
        return self._clock.pts_of(int(moments[0])) if known else self._now_s

    def _put(self, number: int, at_s: float, payload: bytes) -> None:
        self._copy.put_klv(payload, round(at_s / TIME_BASE), number)
        self.klv_packets += 1


MOST_HELD: Final = 20_000
"""KLV payloads held before the cut begins; at 30 a second and stream, the last minutes."""
