"""From an original to a record: seal, decode, detect, place, link, write, and only then register.

The order is the guarantee: bytes are sealed before anything is derived, and the
record goes in last. A run that was cut short leaves no record, and the next run
makes the same derived tables again.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import TYPE_CHECKING, Any, Final

from detection.georeference import camera_of, place
from detection.ground_tracker import track
from geo.footprint import footprint
from geo.values import PoseSigmas
from operations import columns_file
from operations.chips import cut_chip
from operations.seal_file import seal
from operations.values import FrameRecord, MediaRecord
from telemetry.videos.video_file import read_video
from telemetry.videos.video_pictures_file import read_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detection.values import Detector, GroundHit
    from geo.values import CameraModel, Pose, Terrain
    from operations.store import OperationStore
    from telemetry.videos.frame import Frame

_CUT_SHORT: Final = {"partial", "container", "decoder", "error", "duration"}
"""Kinds of reading problems that mean that not all of an original was seen."""
FOOTPRINT_RANGE_M: Final = 3_000.0
"""Ground farther away than this is not counted as seen: a person is then below one pixel."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """How an original is to be read."""

    terrain: Terrain
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    every_s: float | None = None
    footprint_every_s: float = 4.0
    max_chips: int = 4_000


@dataclasses.dataclass(slots=True, kw_only=True)
class _Analysis:
    """What has been found so far in one original."""

    sha256: str
    settings: IngestSettings
    hits: list[GroundHit] = dataclasses.field(default_factory=list)
    frames: list[FrameRecord] = dataclasses.field(default_factory=list)
    chips: dict[str, bytes] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)
    with_pose: int = 0
    next_footprint_ns: int = 0

    def take(self, frame: Frame, detector: Detector) -> None:
        """Detect in one frame, place what was found, and note where the frame was taken."""
        detections = detector.detect([frame.image])[0]
        height_px, width_px = frame.image.shape[:2]
        camera = frame.camera or camera_of(frame.pose, width_px, height_px)
        found = place(
            frame,
            detections,
            camera,
            self.settings.terrain,
            self.settings.sigmas,
            class_names=detector.class_names,
            media_sha256=self.sha256,
        )
        for hit in found:
            if len(self.chips) < self.settings.max_chips:
                self.chips[hit.hit_id] = cut_chip(frame.image, hit)
        self.hits.extend(found)
        self.problems.extend(f"frame {frame.index}: {problem}" for problem in detections.problems)
        self.with_pose += frame.pose is not None
        self.frames.append(self._frame_record(frame, camera))

    def _frame_record(self, frame: Frame, camera: CameraModel | None) -> FrameRecord:
        common: dict[str, Any] = {"media_sha256": self.sha256, "frame_index": frame.index, "t_utc_ns": frame.t_utc_ns}
        if frame.pose is None:
            return FrameRecord(**common, pose_reason=frame.pose_reason)
        ring: tuple[tuple[float, float], ...] = ()
        if camera is not None and frame.t_utc_ns >= self.next_footprint_ns:
            ring = _ring(frame.pose, camera, self.settings.terrain)
            self.next_footprint_ns = frame.t_utc_ns + round(self.settings.footprint_every_s * 1e9)
        pose = frame.pose
        return FrameRecord(
            **common, lat_deg=pose.lat_deg, lon_deg=pose.lon_deg, alt_hae_m=pose.alt_hae_m, footprint_lon_lat=ring
        )


def _ring(pose: Pose, camera: CameraModel, terrain: Terrain) -> tuple[tuple[float, float], ...]:
    ring = footprint(pose=pose, camera=camera, terrain=terrain, max_range_m=FOOTPRINT_RANGE_M)
    return () if ring is None else tuple((float(lon), float(lat)) for lon, lat in ring)


def ingest(
    source: Path,
    *,
    store: OperationStore,
    detector: Detector,
    model: str,
    settings: IngestSettings,
    on_frame: Callable[[int], None] | None = None,
) -> MediaRecord:
    """Read one clip or one folder of pictures into an operation.

    Parameters
    ----------
    source
        A video file with or without KLV, or a folder of pictures.
    model
        Name and hash of the detector, kept with the record.
    on_frame
        Called with the number of frames analysed so far.

    Returns
    -------
    MediaRecord
        The new record, or the existing one when these bytes were ingested before.

    Raises
    ------
    geo.errors.InputError
        When no frame at all can be read. Nothing is registered then.
    """
    is_folder = source.is_dir()
    sha256, sealed = seal(source, store.path / "media")
    known = {record.sha256: record for record in store.media()}
    if sha256 in known:
        store.log("media offered again", {"sha256": sha256, "name": source.name})
        return known[sha256]
    analysis = _Analysis(sha256=sha256, settings=settings)
    reader_of = read_pictures if is_folder else read_video
    with reader_of(sealed, every_s=settings.every_s) as reader:
        for count, frame in enumerate(reader.frames(), start=1):
            analysis.take(frame, detector)
            if on_frame is not None:
                on_frame(count)
        cut_short = any(problem.kind in _CUT_SHORT for problem in reader.problems)
        problems = (*(problem.message for problem in reader.problems), *analysis.problems)
        klv = (reader.klv_packets, reader.klv_bad_checksum)
    hits, tracks = track(analysis.hits)
    folder = store.derived(sha256)
    unfinished = folder.with_name(folder.name + ".part")
    for leftover in (unfinished, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    columns_file.write_hits(hits, unfinished / "hits.parquet")
    columns_file.write_tracks(tracks, unfinished / "tracks.parquet")
    columns_file.write_frames(analysis.frames, unfinished / "frames.parquet")
    columns_file.write_chips(analysis.chips, unfinished / "chips.parquet")
    os.replace(unfinished, folder)
    record = MediaRecord(
        sha256=sha256,
        name=source.name,
        kind="pictures" if is_folder else "video",
        size_bytes=_size_bytes(sealed),
        ingested_t_utc_ns=store.clock(),
        frames=len(analysis.frames),
        frames_with_pose=analysis.with_pose,
        klv_packets=klv[0],
        klv_bad_checksum=klv[1],
        hits=len(hits),
        partial=cut_short,
        problems=problems,
        model=model,
    )
    store.record_media(record)
    return record


def _size_bytes(path: Path) -> int:
    return sum(p.stat().st_size for p in path.iterdir()) if path.is_dir() else path.stat().st_size
