"""The last seconds of a live stream's telemetry, settled as a clip's is: the same choice, clock, poses and checks."""

from __future__ import annotations

import collections
import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.klv import decode
from telemetry.klv.klv_track import utc_ns
from telemetry.recordings.reading import finished
from telemetry.recordings.recording import Recording, RecordingKind
from telemetry.recordings.settling import settle
from telemetry.videos.clip_clock import clip_clock
from telemetry.videos.frame import Frame
from telemetry.videos.video_file import StreamFacts
from telemetry.videos.video_moments import FrameMoments
from telemetry.videos.video_scan import ClipTelemetry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.tracks.pose_track import Problem
    from telemetry.videos.posing import Posing

MEMORY_PACKETS: Final = 300
"""KLV packets remembered: ten seconds at 30 a second, enough for every interpolation."""
MEMORY_PICTURES: Final = 300
CLOCK_STEP_S: Final = 1.0
"""A presentation time this far behind the last begins a new clock."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Packet:
    own_s: float
    shown_s: float
    payload: bytes
    number: int


class LiveTelemetry:
    """Collects telemetry packet by packet and poses pictures by what is there.

    Parameters
    ----------
    shown
        What the stream is called.
    options
        What a person states, as for a file.
    """

    def __init__(self, shown: str, options: ReadingOptions) -> None:
        self._recording = Recording(name=shown, kind=RecordingKind.CLIP, paths=(Path(shown),))
        self._options = options
        self._packets: collections.deque[_Packet] = collections.deque(maxlen=MEMORY_PACKETS)
        self._uncounted: list[bytes] = []
        self._pictures_s: collections.deque[float] = collections.deque(maxlen=MEMORY_PICTURES)
        self.posing: Posing | None = None
        self.problems: dict[str, Problem] = {}
        self.packets = self.bad_checksum = 0

    def begin(self) -> None:
        """Forget what came with another clock."""
        self._packets.clear()
        self._pictures_s.clear()

    def take(self, header: dict[str, Any], payload: bytes) -> None:
        """Take one KLV payload with its message."""
        own, shown = (math.nan if pts is None else float(Fraction(*pts)) for pts in (header["pts"], header["shown"]))
        newest = own if math.isfinite(own) else shown
        if self._packets and newest < self._newest_s - CLOCK_STEP_S:
            self.begin()
        self._packets.append(_Packet(own, shown, payload, int(header["number"])))
        self._uncounted.append(payload)
        if len(self._uncounted) >= MEMORY_PACKETS:
            self.count()

    def count(self) -> None:
        """Count the packets that came since the last time, together: one by one they cost ten times as much."""
        stream = decode(b"".join(self._uncounted), checksum=self._options.checksum)
        self._uncounted.clear()
        self.packets += len(stream)
        self.bad_checksum += stream.bad_checksum

    @property
    def _newest_s(self) -> float:
        last = self._packets[-1]
        return last.own_s if math.isfinite(last.own_s) else last.shown_s

    def settles(self, pts_s: float) -> bool:
        """Tell whether nothing is gained by waiting: telemetry from a picture's time on has come, or none ever does."""
        return self._newest_s >= pts_s if self._packets else not self.packets

    def frame(self, header: dict[str, Any], image: NDArray[np.uint8], *, came_ns: int) -> Frame:
        """Return a picture with its moment and its pose, or the reason why it has none."""
        self.count()
        pts_s = Fraction(*header["pts"])
        if self._pictures_s and float(pts_s) < self._pictures_s[-1] - CLOCK_STEP_S:
            self._pictures_s.clear()
        self._pictures_s.append(float(pts_s))
        posing = self._settled(header)
        moments = FrameMoments(posing, np.empty(0), np.empty(0, dtype=np.int64))
        moment = moments.moment(pts_s, 0, header["notes"])
        pose, reason = moments.pose(moment, 0)
        frame = Frame(
            index=header["i"],
            pts_s=pts_s,
            t_utc_ns=moment,
            image=image,
            pose=pose,
            pose_reason=reason,
            sigmas=None if pose is None else posing.sigmas,
            came_ns=came_ns,
        )
        return finished(frame, posing, self._options)

    def _settled(self, header: dict[str, Any]) -> Posing:
        clip = self._clip()
        facts = StreamFacts(
            format="mpegts", width_px=header["w"], height_px=header["h"], codec=header.get("codec", ""), duration_s=None
        )
        self.posing = settle(clip, facts, self._recording, self._options).posing
        for problem in self.posing.problems:
            self.problems.setdefault(problem.kind, problem)
        return self.posing

    def _clip(self) -> ClipTelemetry:
        """Return what a scan of a file would have found, had the file begun some seconds ago."""
        counts = collections.Counter(packet.number for packet in self._packets)
        number = max(counts, key=lambda one: counts[one], default=-1)
        packets = [packet for packet in self._packets if packet.number == number]
        klv = decode(b"".join(packet.payload for packet in packets), checksum=self._options.checksum)
        own = np.array([packet.own_s for packet in packets])
        stamped = bool(len(own)) and bool(np.isfinite(own).all())
        told = own if stamped else np.array([packet.shown_s for packet in packets])
        ends = np.cumsum([len(packet.payload) for packet in packets])
        piece = np.minimum(np.searchsorted(ends, klv.offset, side="right"), max(len(ends) - 1, 0))
        pts_s = told[piece] if len(klv) else np.empty(0)
        pictures_s = np.array(self._pictures_s)
        none, no_pictures = np.zeros(len(klv), dtype=np.int64), np.zeros(len(pictures_s), dtype=np.int64)
        clock, times, problems = clip_clock(pts_s, none, utc_ns(klv), pictures_s, no_pictures, stamped=stamped)
        return ClipTelemetry(
            klv=klv,
            klv_number=number,
            klv_pts_s=pts_s,
            klv_segment=none,
            klv_utc_ns=times,
            clock=clock,
            problems=problems,
            picture_pts_s=pictures_s,
            picture_segment=no_pictures,
            sides=(),
            truncated=False,
        )
