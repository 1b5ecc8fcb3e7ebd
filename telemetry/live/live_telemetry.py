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
from telemetry.live.link_clock import LinkClock
from telemetry.recordings.candidates import Candidate, for_motion
from telemetry.recordings.reading import finished
from telemetry.recordings.recording import Pairing, PoseSource, Recording, RecordingKind, SourceKind
from telemetry.recordings.settling import NO_LENS, settle
from telemetry.videos.clip_clock import clip_clock
from telemetry.videos.clock_map import ClockMap
from telemetry.videos.frame import Frame
from telemetry.videos.posing import Posing
from telemetry.videos.video_file import StreamFacts
from telemetry.videos.video_moments import FrameMoments
from telemetry.videos.video_scan import ClipTelemetry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.live.link_poses import LinkPoses
    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.tracks.pose_track import Problem

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
    link
        A MAVLink link beside the stream.
    """

    def __init__(self, shown: str, options: ReadingOptions, link: LinkPoses | None = None) -> None:
        self._recording = Recording(name=shown, kind=RecordingKind.CLIP, paths=(Path(shown),))
        self._options = options
        self._link = link
        self._link_clock = LinkClock(options.offset_s)
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
        self._link_clock.begin()

    def turned(self, step: tuple[float, float, float]) -> None:
        """Note how the pictures turned: moment (presentation time), pan and tilt."""
        self._link_clock.turned(step)

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

    def arrived(self, pts_s: float, came_ns: int) -> None:
        """Note that a picture came at a reading of the monotonic clock: it is joined to the link by that at first."""
        moment = None if self._link is None else self._link.utc_ns(came_ns)
        if moment is not None:
            self._link_clock.arrived(pts_s, moment)

    def settles(self, pts_s: float) -> bool:
        """Tell whether nothing is gained by waiting: telemetry from a picture's time on has come, or none ever does."""
        if self._link is not None and self._link.messages:
            known = self._link_clock.segment(pts_s, pts_s)
            return known is None or self._link.covers(int(known.clock.t_utc_ns[0]))
        return self._newest_s >= pts_s if self._packets else not self.packets

    def begun_utc_ns(self, first_pts_s: float) -> int | None:
        """Return UTC of a piece's first picture, as far as the link beside it tells by now."""
        known = self._link_clock.segment(first_pts_s, first_pts_s)
        return None if known is None else int(known.clock.t_utc_ns[0])

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
        linked = self._linked(clip)
        self.posing = settle(clip, facts, self._recording, self._options, linked).posing
        if linked is None and self._link is not None:
            self.posing = dataclasses.replace(self.posing, no_pose=self._link.why)
        self.problems.pop(NO_LENS, None)  # streams tell their lens now and then: it is not known yet
        for problem in self.posing.problems:
            self.problems.setdefault(problem.kind, problem)
        return self.posing

    def _linked(self, clip: ClipTelemetry) -> Candidate | None:
        """Return the link as what may pose the pictures; None where there is none, or nothing has come over it."""
        track = None if self._link is None else self._link.track()
        if self._link is None or track is None:
            return None
        self._link_clock.compare(for_motion(track, self._options))
        span = float(clip.picture_pts_s.min()), float(clip.picture_pts_s.max())
        clock = self._link_clock.segment(*span)
        if clock is None:
            return None
        source = PoseSource(kind=SourceKind.LINK, path=Path(self._link.shown), pairing=Pairing.STATED)
        problems = (*track.problems, *self._link_clock.problems())
        return Candidate(
            source=source, posing=Posing(clock=ClockMap(segments=(clock,)), tracks=(track,), problems=problems)
        )

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
