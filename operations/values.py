"""What an operation folder keeps: sealed media, seen frames, lines of the audit log."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MediaRecord:
    """One original, sealed by the hash of its bytes before anything was derived from it."""

    sha256: str
    name: str
    kind: str
    """``video`` or ``pictures``."""
    size_bytes: int
    ingested_t_utc_ns: int
    frames: int
    frames_with_pose: int
    klv_packets: int
    klv_bad_checksum: int
    hits: int
    partial: bool
    problems: tuple[str, ...]
    model: str
    """Name and hash of the detector, so that a derived record can be made again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """Where one analysed frame was taken from, and what ground it showed."""

    media_sha256: str
    frame_index: int
    t_utc_ns: int
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_hae_m: float = math.nan
    pose_reason: str = ""
    footprint_lon_lat: tuple[tuple[float, float], ...] = ()
    """Ring of longitude, latitude pairs; empty when the frame shows no ground we can place."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the hash chain: who did what, when, and the hash of the line before."""

    seq: int
    t_utc_ns: int
    actor: str
    action: str
    details: str
    previous_sha256: str
    sha256: str
