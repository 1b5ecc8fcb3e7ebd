"""From the samples of a metadata track to a pose track, or why there is none in it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.metadata_tracks.camm import read_camm
from telemetry.metadata_tracks.djmd import read_djmd
from telemetry.metadata_tracks.fix import Fix
from telemetry.metadata_tracks.gpmf import read_gpmf
from telemetry.metadata_tracks.parrot import PROTO_MIME, V3_MIME, read_proto, read_v3
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.time_bases import middle_of
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

MAX_SAMPLES: Final = 2_000_000
"""Samples of one track; ten hours at 50 a second."""
_READERS: Final[dict[str, Callable[[Iterable[tuple[float, bytes]]], list[Fix]]]] = {
    "djmd": read_djmd,
    "gpmd": read_gpmf,
    "camm": read_camm,
    V3_MIME: read_v3,
    PROTO_MIME: read_proto,
}
UNREAD: Final = {
    "dbgi": "DJI's debug track, whose meaning is not public",
    "rtmd": "Sony's track, whose meaning is not public",
    "fdsc": "GoPro's own recovery data",
    "tmcd": "a time code of hours, minutes, seconds and frames, without a date",
    "mebx": "a track of Apple's cameras",
}
"""Tracks that are named as present and unread."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetadataTrack:
    """A pose track, the clock that its samples are, and whether they state a date."""

    track: PoseTrack
    pts_s: FloatArray
    t_utc_ns: NDArray[np.int64]
    dated: bool


def read_metadata_track(
    format_name: str, pts_s: FloatArray, payloads: Sequence[bytes], *, start_utc_ns: int, undulation: Undulation
) -> MetadataTrack:
    """Read the samples of one track.

    Parameters
    ----------
    format_name
        Its sample entry, with the type that a ``mett`` entry names.
    pts_s, payloads
        Presentation time (NaN: none) and bytes of each sample.
    start_utc_ns
        UTC of presentation time zero where the samples state no date.
    undulation
        Geoid of the heights.

    Raises
    ------
    SourceError
        The meaning of the track is not publicly known, or no sample has a place.
    """
    reader = next((reader for mark, reader in _READERS.items() if mark in format_name), None)
    if reader is None:
        why = UNREAD.get(format_name.split(" ")[0], "a track whose meaning is not publicly known")
        raise SourceError(f"present and unread: {why}")
    samples = [(pts, payload) for pts, payload in zip(pts_s.tolist(), payloads, strict=True) if math.isfinite(pts)]
    if len(samples) > MAX_SAMPLES:
        raise SourceError(f"more than {MAX_SAMPLES} samples")
    fixes = sorted(reader(samples), key=lambda fix: fix.pts_s)
    table = {field.name: np.array([getattr(fix, field.name) for fix in fixes]) for field in dataclasses.fields(Fix)}
    if not fixes or not np.isfinite(table["lat_deg"]).any():
        raise SourceError(f"none of its {len(samples)} samples states a place (no fix)")
    times, dated = _times(table, start_utc_ns)
    return MetadataTrack(
        track=_track(table, times, format_name.split(" ")[0], undulation),
        pts_s=table["pts_s"].astype(np.float64),
        t_utc_ns=times,
        dated=dated,
    )


def _times(table: dict[str, NDArray[np.generic]], start_utc_ns: int) -> tuple[NDArray[np.int64], bool]:
    """Return UTC of each sample: presentation time plus the middle lag of the dates that samples state."""
    pts_ns = np.rint(table["pts_s"].astype(np.float64) * 1e9).astype(np.int64)
    stated = table["t_utc_ns"].astype(np.int64)
    known = np.flatnonzero(stated >= 0)
    if not len(known):
        return pts_ns + start_utc_ns, False
    return np.asarray(pts_ns + middle_of(stated[known] - pts_ns[known]), dtype=np.int64), True


def _track(
    table: dict[str, NDArray[np.generic]], times: NDArray[np.int64], name: str, undulation: Undulation
) -> PoseTrack:
    def columns(*names: str, prefix: str = "") -> Samples | None:
        chosen = {one: table[prefix + one].astype(np.float64) for one in names}
        if not any(np.isfinite(values).any() for values in chosen.values()):
            return None
        return Samples(t_ns=times, columns=chosen)

    position = columns("lat_deg", "lon_deg", "alt_amsl_m", "alt_hae_m")
    if position is None:
        raise SourceError("no sample states a place")
    return assemble(
        Sampled(
            position=position,
            attitude=columns("yaw_deg", "pitch_deg", "roll_deg"),
            gimbal=columns("yaw_deg", "pitch_deg", "roll_deg", prefix="gimbal_"),
            gimbal_frame=GimbalFrame.EARTH,
            view=columns("hfov_deg", "vfov_deg"),
            accuracy=columns("sigma_h_m", "sigma_v_m"),
            beside=columns("alt_rel_home_m"),
        ),
        undulation=undulation,
        source=name,
        problems=[],
    )
