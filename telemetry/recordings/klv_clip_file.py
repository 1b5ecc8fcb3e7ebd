"""A clip whose poses come from a log or subtitles, written anew with those poses inside, as ST 0601."""

from __future__ import annotations

import dataclasses
import heapq
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.camera import hfov_deg
from geo.values import GimbalFrame
from telemetry.errors import MediaError
from telemetry.klv import encode
from telemetry.recordings.reading import read
from telemetry.videos.stream_copy_file import TIME_BASE, StreamCopy, ticks_of
from telemetry.videos.video_segments import SegmentCounter

if TYPE_CHECKING:
    from pathlib import Path

    from geo.values import Pose
    from telemetry.recordings.reading import RecordingReader
    from telemetry.recordings.reading_options import ReadingOptions
    from telemetry.recordings.recording import Recording

UAS_LS_VERSION: Final = 19
"""ST 0601.19, the version the tags are written after."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KlvClip:
    """What was written: pictures, packets of KLV, pictures without a pose, and what the copy does not carry."""

    pictures: int
    packets: int
    without_pose: int
    left_out: tuple[str, ...]


def write_klv_clip(recording: Recording, options: ReadingOptions, out: Path) -> KlvClip:
    """Copy a clip's pictures and sound, and put a packet of ST 0601 beside every picture that has a pose.

    Parameters
    ----------
    recording
        A clip with whatever poses it.
    options
        What a person states, as for reading; the lens stated, if any, gives the field of view.
    out
        Where the copy goes: an MPEG transport stream, written beside its name first.

    Raises
    ------
    MediaError
        No picture has a pose, or the clip cannot be read.
    """
    with read(recording, options) as reader:
        if len(reader.posing.clock.segments if reader.posing else ()) == 0:
            raise MediaError(f"{recording.name} is no clip: pictures carry their own poses")
        if reader.klv_packets:
            raise MediaError(f"{recording.name} carries {reader.klv_packets} packets of ST 0601 already")
        with StreamCopy(recording.paths[0], out) as copy:
            copy.add_klv()
            found = _copy(copy, reader, _field_of_view(reader, options))
            if not found.packets:
                why = reader.posing.refusal or reader.posing.no_pose if reader.posing else ""
                raise MediaError(f"no picture of {recording.name} has a pose ({why}); state a log with --track FILE")
            return found


def _field_of_view(reader: RecordingReader, options: ReadingOptions) -> float:
    """Return the horizontal field of view that was stated, NaN where none was."""
    if options.camera is None or reader.facts is None:
        return math.nan
    return hfov_deg(options.camera.model(reader.facts.width_px, reader.facts.height_px))


def _copy(copy: StreamCopy, reader: RecordingReader, stated_hfov_deg: float) -> KlvClip:
    """Copy packet by packet; poses wait until no earlier picture can follow, for pictures come as they are decoded."""
    counter = SegmentCounter()
    pictures = packets = 0
    main: int | None = None
    waiting: list[tuple[int, bytes]] = []
    for packet in copy.packets():
        if not copy.is_carried(packet):
            continue
        if packet.stream.type == "video" and main in (None, packet.stream.index):
            main = packet.stream.index
            stamp = packet.dts if packet.dts is not None else packet.pts
            decoded_s = None if stamp is None else stamp * Fraction(packet.time_base)
            if counter.step(decoded_s):
                _put_until(math.inf, waiting, copy)
            ticks = ticks_of(packet)
            pictures += 1
            payload = None if ticks is None else _packet(reader, ticks, counter.segment, stated_hfov_deg)
            if payload is not None and ticks is not None:
                heapq.heappush(waiting, (ticks, payload))
                packets += 1
            _put_until(-math.inf if decoded_s is None else decoded_s / TIME_BASE, waiting, copy)
        copy.copy(packet)
    _put_until(math.inf, waiting, copy)
    left_out = tuple(copy.left_out)
    return KlvClip(pictures=pictures, packets=packets, without_pose=pictures - packets, left_out=left_out)


def _put_until(ticks: float | Fraction, waiting: list[tuple[int, bytes]], copy: StreamCopy) -> None:
    while waiting and waiting[0][0] <= ticks:
        at, payload = heapq.heappop(waiting)
        copy.put_klv(payload, at)


def _packet(reader: RecordingReader, ticks: int, segment: int, stated_hfov_deg: float) -> bytes | None:
    posing = reader.posing
    if posing is None or posing.refusal:
        return None
    moment = posing.clock.utc_ns(np.array([float(ticks * TIME_BASE)]), segment)
    poses, whole = posing.at(segment, moment)
    return encode(klv_of(poses[0], stated_hfov_deg)) if whole[0] and moment[0] >= 0 else None


def klv_of(pose: Pose, stated_hfov_deg: float = math.nan) -> dict[int, Any]:
    """Return the ST 0601 items of a pose.

    The items' camera angles are relative to the platform (tags 18 to 20). What a source states against the earth,
    or against the heading alone, is written with a platform that is level, or level and heading north.
    """
    body = pose.gimbal_frame is GimbalFrame.BODY
    north = pose.gimbal_frame is GimbalFrame.EARTH
    values: dict[int, Any] = {
        2: pose.t_utc_ns // 1000,
        5: 0.0 if north else pose.yaw_deg % 360.0,
        90: pose.pitch_deg if body else 0.0,
        91: pose.roll_deg if body else 0.0,
        13: pose.lat_deg,
        14: pose.lon_deg,
        104: pose.alt_hae_m,
        18: pose.gimbal_yaw_deg % 360.0,
        19: (pose.gimbal_pitch_deg + 180.0) % 360.0 - 180.0,
        20: pose.gimbal_roll_deg % 360.0,
        65: UAS_LS_VERSION,
    }
    across = stated_hfov_deg if math.isfinite(stated_hfov_deg) else pose.hfov_deg
    if across is not None:
        values[16] = across
    if pose.vfov_deg is not None and not math.isfinite(stated_hfov_deg):
        values[17] = pose.vfov_deg
    return values
