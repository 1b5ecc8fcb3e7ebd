"""A copy of a clip in which the targets we found travel with the pictures: ST 0903 inside ST 0601."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode, decode
from telemetry.klv.encode import with_item
from telemetry.klv.klv_file import read_clip_telemetry
from telemetry.klv.klv_track import utc_ns
from telemetry.klv.vmti import VMTI_VERSION, Target, Vmti, encode_vmti
from telemetry.videos.frame import VideoLimits
from telemetry.videos.stream_copy_file import TIME_BASE, StreamCopy, ticks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from telemetry.videos.clock_map import ClockMap

NEAR_NS: Final = 500_000_000
"""Targets join the packet nearest in time, when it is this near."""

VMTI_TAG: Final = 74


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VmtiReport:
    """What was written: packets of the clip, packets that got targets, targets, and those no packet was near."""

    packets: int
    packets_with_targets: int
    targets: int
    left_out: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameTargets:
    """The targets of one picture."""

    t_utc_ns: int
    targets: tuple[Target, ...]


def write_targets(
    source: Path, out: Path, frames: Sequence[FrameTargets], *, width_px: int, height_px: int, system: str = "vedette"
) -> VmtiReport:
    """Copy a clip and put targets into its KLV; pictures and sound are copied as they are.

    Parameters
    ----------
    source, out
        The clip, and where the copy goes (MPEG-TS, written beside its name first).
    frames
        Targets with the moments of their pictures; each joins the packet nearest in time.
    width_px, height_px
        Picture size, which gives pixel numbers their meaning.
    system
        Name of the detecting system (item 3).

    Raises
    ------
    MediaError
        The clip holds no KLV to put targets into, or cannot be read.
    """
    telemetry = read_clip_telemetry(source, checksum=ChecksumMode.STRICT, limits=VideoLimits())
    times = np.where(telemetry.klv.checksum_good, utc_ns(telemetry.klv), -1)
    if not (times >= 0).any():
        raise MediaError(f"{source} carries no KLV with a time stamp; targets have nowhere to go", path=str(source))
    placed, left_out = _join(times.tolist(), frames)
    sets = {
        moment: encode_vmti(
            Vmti(
                targets=targets,
                items={3: system, 4: VMTI_VERSION, 5: len(targets), 6: len(targets), 8: width_px, 9: height_px},
            )
        )
        for moment, targets in placed.items()
    }
    packets = _copy(source, out, sets, telemetry.clock)
    count = sum(len(targets) for targets in placed.values())
    return VmtiReport(packets=packets, packets_with_targets=len(placed), targets=count, left_out=left_out)


def _join(times_ns: list[int], frames: Sequence[FrameTargets]) -> tuple[dict[int, tuple[Target, ...]], int]:
    """Give each frame's targets to the packet nearest in time; (packet time -> targets, targets left out)."""
    known = np.array(sorted(moment for moment in times_ns if moment >= 0), dtype=np.int64)
    placed: dict[int, tuple[Target, ...]] = {}
    left_out = 0
    for frame in frames:
        right = min(int(np.searchsorted(known, frame.t_utc_ns)), len(known) - 1)
        choices = known[max(right - 1, 0) : right + 1]
        nearest = int(choices[np.argmin(np.abs(choices - frame.t_utc_ns))])
        if abs(nearest - frame.t_utc_ns) > NEAR_NS:
            left_out += len(frame.targets)
            continue
        placed[nearest] = placed.get(nearest, ()) + frame.targets
    return placed, left_out


def _copy(source: Path, out: Path, sets: Mapping[int, bytes], clock: ClockMap) -> int:
    packets = last_ticks = 0
    with StreamCopy(source, out) as copy:
        copy.add_klv()
        for packet in copy.packets():
            if copy.is_carried(packet):
                copy.copy(packet)
                continue
            for payload, moment in _rewritten(bytes(packet), sets):
                last_ticks = _ticks(packet, moment, clock, last_ticks)
                copy.put_klv(payload, last_ticks)
                packets += 1
    return packets


def _rewritten(payload: bytes, sets: Mapping[int, bytes]) -> list[tuple[bytes, int]]:
    """Return the packets of one payload with their moments, those that have targets rewritten."""
    stream = decode(payload)
    moments = utc_ns(stream)
    result: list[tuple[bytes, int]] = []
    for index, moment in enumerate(moments.tolist()):
        packet = stream.packet_bytes(index)
        result.append((with_item(packet, VMTI_TAG, sets[moment]) if moment in sets else packet, moment))
    return result


def _ticks(packet: Any, moment: int, clock: ClockMap, last_ticks: int) -> int:
    """Return the packet's own presentation time, else that of its moment on the clip's clock."""
    own = ticks_of(packet)
    if own is not None:
        return own
    return round(clock.pts_of(moment) / float(TIME_BASE)) if moment >= 0 else last_ticks
