"""Hits as ST 0903 targets in a copy of their clip, for any VMTI reader."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from geo.errors import InputError
from telemetry.klv.vmti import Target, TargetLocation, encode_object, pixel_number
from telemetry.videos.video_file import read_video
from telemetry.videos.vmti_stream_file import FrameTargets, write_targets

if TYPE_CHECKING:
    from pathlib import Path

    from detection.ground_hits import GroundHit, GroundHits
    from operations.exports.recordings import Recording
    from telemetry.videos.vmti_stream_file import VmtiReport


def vmti(recording: Recording, hits: GroundHits, out: Path) -> VmtiReport:
    """Write a clip's hits into a copy of it; each joins the packet nearest in time.

    Raises
    ------
    InputError
        When there are no hits of this clip.
    MediaError
        When the clip holds no KLV to put targets into.
    """
    if not len(hits):
        raise InputError(f"no hit of {recording.media.name} was asked for; ask for others, or ingest it first")
    with recording.lent() as clip:
        with read_video(clip) as reader:
            width, height = reader.facts.width_px, reader.facts.height_px
        return write_targets(clip, out, frame_targets(hits, width), width_px=width, height_px=height)


def frame_targets(hits: GroundHits, width_px: int) -> list[FrameTargets]:
    """Gather hits by picture; a hit of a track keeps the track's number, the others are numbered on."""
    tracks = {name: number for number, name in enumerate(sorted(hits.track.counts()), 1)}
    frames: dict[int, list[Target]] = {}
    for spare, hit in enumerate(hits, len(tracks) + 1):
        frames.setdefault(hit.t_utc_ns, []).append(_target(hit, tracks.get(hit.track_id, spare), width_px))
    return [FrameTargets(t_utc_ns=moment, targets=tuple(targets)) for moment, targets in sorted(frames.items())]


def _target(hit: GroundHit, number: int, width_px: int) -> Target:
    left, top, right, bottom = (max(int(edge), 0) for edge in hit.box_px)
    location = None
    if hit.reason is None:
        location = TargetLocation(
            lat_deg=hit.lat_deg,
            lon_deg=hit.lon_deg,
            alt_hae_m=hit.alt_hae_m,
            sigma_east_m=math.sqrt(hit.var_e_m2),
            sigma_north_m=math.sqrt(hit.var_n_m2),
            sigma_up_m=0.0,
        )
    return Target(
        number=number,
        centroid=pixel_number((left + right) // 2, (top + bottom) // 2, width_px),
        top_left=pixel_number(left, top, width_px),
        bottom_right=pixel_number(right, bottom, width_px),
        confidence_pct=round(100 * (hit.score_raw if math.isnan(hit.score) else hit.score)),
        location=location,
        items={102: encode_object(hit.class_name)},
    )
