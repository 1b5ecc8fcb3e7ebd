"""From frames to rows: detect, place, link, and note what ground was seen. Writes nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from detection.events import Watched, find_events
from detection.georeference import FrameBoxes, Surroundings, place_boxes
from detection.ground_hits import GroundHits
from detection.ground_tracker import track
from detection.looking import SILENT_MAX, InProcess, Planner, looked_at
from detection.looks import Look
from detection.pose_errors import settled
from geo.footprint import footprints
from geo.locate import MAX_RANGE_M
from geo.terrain_plane import UnknownGround
from geo.values import PoseSigmas
from operations import columns
from operations.chips import cut_chip
from operations.frames import FrameRecord, Frames
from telemetry.recordings.reading_options import ReadingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from detection.events import Event
    from detection.ground_tracks import GroundTracks
    from detection.looking import Executor, Planned, Seen
    from detection.values import Detections, Detector
    from geo.values import CameraModel, Pose, Terrain
    from telemetry.tracks.pose_track import Problem
    from telemetry.videos.frame import Frame

FOOTPRINT_RANGE_M: Final = MAX_RANGE_M
"""Ground is shown as seen as far away as hits are placed: a vehicle at several kilometres is a hit like any other."""
PLACED_TOGETHER: Final = 64
"""Pictures whose boxes are placed at once."""
PROBLEMS_MAX: Final = 50
"""Problems of frames that a run tells one by one."""
_CUT_SHORT: Final = {"partial", "container", "decoder", "error", "duration"}
"""Kinds of reading problems that mean that not all of an original was seen."""


class Reader(Protocol):
    """What is read: a clip, a folder of pictures, or a recording."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong so far."""
        ...

    @property
    def klv_packets(self) -> int:
        """Telemetry packets it holds."""
        ...

    @property
    def klv_bad_checksum(self) -> int:
        """How many of them are damaged."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield its pictures with their poses."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """How an original is to be read, and on what ground its hits are placed."""

    terrain: Terrain
    terrain_identity: str = ""
    """Name and hash of the ground model: what tells two of them apart."""
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    every_s: float | None = None
    footprint_every_s: float = 4.0
    footprint_range_m: float = FOOTPRINT_RANGE_M
    max_chips: int = 4_000
    """Small pictures of hits that are kept until they are written: a live run writes them with each commit."""
    person_min_px: float | None = None
    """Large pictures are looked at in tiles, so that a person is this high in the model's input; 0 for never, None for
    what the model needs."""
    watched: Watched = dataclasses.field(default_factory=Watched)
    """Lines and zones that tracks may cross and enter."""
    stated: ReadingOptions = dataclasses.field(default_factory=ReadingOptions)
    """What a person states of the recordings; time between frames, errors and ground are those above."""
    executor: Executor | None = None
    """Where pictures are looked at, by detectors like the one given; here if there is none. It decides no result."""

    def reading(self) -> ReadingOptions:
        """Return how recordings are to be read."""
        ground = None if isinstance(self.terrain, UnknownGround) else self.terrain
        return dataclasses.replace(self.stated, every_s=self.every_s, sigmas=self.sigmas, terrain=ground)

    def canonical(self, model: str) -> dict[str, Any]:
        """Return all that decides the result, as JSON: the same gives the same run."""
        stated = self.stated.stated()
        watched = {} if self.watched == Watched() else {"watched": self.watched.stated()}
        return (
            ({"stated": stated} if stated else {})
            | watched
            | {
                "model": model,
                "terrain": self.terrain_identity or type(self.terrain).__name__,
                "sigmas": dataclasses.asdict(self.sigmas),
                "every_s": self.every_s,
                "footprint_every_s": self.footprint_every_s,
                "footprint_range_m": self.footprint_range_m,
                "max_chips": self.max_chips,
                "person_min_px": self.person_min_px,
            }
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything found in one recording."""

    hits: GroundHits
    tracks: GroundTracks
    frames: Frames
    events: Sequence[Event]
    chips: Mapping[str, bytes]
    problems: tuple[str, ...]
    partial: bool
    corrections: Mapping[str, float]
    """What the poses were found to be wrong by, and was taken off the hits (`detection.pose_errors`)."""
    counts: Mapping[str, int]

    def tables(self, run_id: str) -> dict[str, pa.Table]:
        """Return the rows of a run, by table."""
        return {
            "hits": columns.hits_table(self.hits, run_id=run_id),
            "tracks": columns.tracks_table(self.tracks, run_id=run_id),
            "frames": columns.frames_table(self.frames, run_id=run_id),
            "events": columns.events_table(self.events, run_id=run_id),
            "chips": columns.chips_table(self.chips),
        }


def analyse(
    reader: Reader,
    detector: Detector,
    settings: IngestSettings,
    *,
    media_id: str,
    on_frame: Callable[[int], None] | None = None,
) -> Analysis:
    """Analyse every frame of an open reader.

    Parameters
    ----------
    reader
        An open clip, folder of pictures, or recording.
    media_id
        Its id, part of every hit's.
    on_frame
        Called with the number of frames analysed so far.
    """
    found = FrameAnalysis(media_id=media_id, settings=settings, class_names=detector.class_names)
    planner = Planner(detector, settings.terrain, settings.person_min_px)
    looks = looked_at(planner.plan_all(reader.frames()), settings.executor or InProcess(detector))
    for count, (planned, seen) in enumerate(looks, start=1):
        found.take(planned, seen)
        if found.silent >= SILENT_MAX:
            break
        if on_frame is not None:
            on_frame(count)
    flown = settled(found.placed_hits(), found.looks, settings.terrain, settings.sigmas)
    hits, tracks = track(flown.hits, looks=flown.looks)
    events = find_events(tracks, settings.watched, flown.looks)
    return Analysis(
        hits=hits,
        tracks=tracks,
        frames=Frames.of(found.frames),
        events=events,
        chips=found.chips,
        problems=(*(problem.message for problem in reader.problems), *found.told()),
        partial=found.silent >= SILENT_MAX or any(problem.kind in _CUT_SHORT for problem in reader.problems),
        corrections=flown.record,
        counts={
            **found.counts,
            "klv_packets": reader.klv_packets,
            "klv_bad_checksum": reader.klv_bad_checksum,
            "hits": len(hits),
            "tracks": len(tracks),
            "events": len(events),
        },
    )


@dataclasses.dataclass(slots=True, kw_only=True)
class FrameAnalysis:
    """What is found in a recording, frame after frame; a live run drains it as it goes."""

    media_id: str
    settings: IngestSettings
    class_names: tuple[str, ...]
    hits: list[GroundHits] = dataclasses.field(default_factory=list)
    waiting: list[FrameBoxes] = dataclasses.field(default_factory=list)
    """What is not placed yet: many pictures' boxes are placed ten times as fast together as one by one."""
    frames: list[FrameRecord] = dataclasses.field(default_factory=list)
    chips: dict[str, bytes] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)
    """The first of them; `problems_beyond` were counted and not kept."""
    problems_beyond: int = 0
    looks: list[Look] = dataclasses.field(default_factory=list)
    with_pose: int = 0
    count: int = 0
    placed: int = 0
    without_chip: int = 0
    """Hits of which no small picture was kept."""
    silent: int = 0
    """Frames without an answer of the detector, in a row up to now."""
    only_sky: int = 0
    """Frames that by their poses show nothing but sky and ground too far: nothing of them was looked at."""
    last_footprint_ns: int | None = None
    without_outline: list[tuple[int, Pose, CameraModel]] = dataclasses.field(default_factory=list)
    """Which of `frames` have yet to be told what ground they show: asked for together, as places are."""
    on_terrain: int = 0
    off_terrain: int = 0
    """Places from which footprints were asked for, and whether the terrain reaches them."""

    def take(self, planned: Planned, seen: Seen) -> None:
        """Note what was found in a frame, and where it was taken."""
        frame, detections = planned.frame, seen.detections
        if len(detections):
            self._take_boxes(frame, detections)
        if self.count % PLACED_TOGETHER == PLACED_TOGETHER - 1:
            self._place()
        self._note(frame.index, detections.problems)
        self.silent = 0 if detections.answered else self.silent + 1
        self.with_pose += frame.pose is not None
        self.only_sky += planned.plan is not None and not planned.plan.tiles
        if planned.pose is not None and planned.camera is not None and planned.plan is not None:
            first_row_px = planned.plan.first_row_px
            self.looks.append(Look(planned.pose, planned.camera, first_row_px, seen.shift, frame.sigmas))
        if frame.pose is not None and planned.camera is not None and self._is_footprint_due(frame.t_utc_ns):
            self._note_terrain(frame.pose)
            self.without_outline.append((len(self.frames), frame.pose, planned.camera))
            self.last_footprint_ns = frame.t_utc_ns
        self.frames.append(self._frame_record(frame))
        self.count += 1

    def _take_boxes(self, frame: Frame, detections: Detections) -> None:
        """Cut small pictures of a frame's boxes, and put these with those that wait for a place."""
        boxes = FrameBoxes.of(frame, detections, self.class_names, self.media_id)
        for hit_id, box in zip(boxes.hit_id.tolist(), boxes.boxes_px.astype(np.float32).tolist(), strict=True):
            if len(self.chips) < self.settings.max_chips:
                self.chips[hit_id.decode("ascii")] = cut_chip(frame.image, box)
            else:
                self.without_chip += 1
        self.waiting.append(boxes)

    def _place(self) -> None:
        """Place the boxes that wait, and outline the ground of pictures that wait for that."""
        hits = place_boxes(self.waiting, Surroundings(terrain=self.settings.terrain, sigmas=self.settings.sigmas))
        self.hits.append(hits)
        self.placed += int(hits.placed.sum())
        self.waiting = []
        taken = [(pose, camera) for _, pose, camera in self.without_outline]
        rings = footprints(taken, terrain=self.settings.terrain, max_range_m=self.settings.footprint_range_m)
        for (row, _, _), ring in zip(self.without_outline, rings, strict=True):
            places = () if ring is None else tuple((float(lon), float(lat)) for lon, lat in ring)
            self.frames[row] = dataclasses.replace(self.frames[row], footprint_lon_lat=places)
        self.without_outline = []

    def placed_hits(self) -> GroundHits:
        """Return all hits that were not drained, in order of their pictures."""
        self._place()
        return GroundHits.concat(self.hits)

    @property
    def counts(self) -> dict[str, int]:
        """Return how much was found so far."""
        counts = {"frames": self.count, "frames_with_pose": self.with_pose, "hits_placed": self.placed}
        return counts | ({"on_terrain": self.on_terrain, "off_terrain": self.off_terrain} if self.off_terrain else {})

    def drain(self, run_id: str) -> dict[str, pa.Table]:
        """Return the rows found since the last call, by table, and forget them and the looks they came from."""
        rows = {
            "hits": columns.hits_table(self.placed_hits(), run_id=run_id),
            "frames": columns.frames_table(Frames.of(self.frames), run_id=run_id),
            "chips": columns.chips_table(self.chips),
        }
        self.hits, self.frames, self.chips, self.looks = [], [], {}, []
        return rows

    def _note(self, frame_index: int, problems: Sequence[str]) -> None:
        """Keep the first problems, and count the rest: a night of them is no list that anybody reads."""
        kept = problems[: max(0, PROBLEMS_MAX - len(self.problems))]
        self.problems.extend(f"frame {frame_index}: {problem}" for problem in kept)
        self.problems_beyond += len(problems) - len(kept)

    def told(self) -> list[str]:
        """Return what was wrong with frames: the first of very many, and whether the detector was given up."""
        told = list(self.problems)
        if self.problems_beyond:
            told.append(f"and {self.problems_beyond} more problems of frames")
        if self.off_terrain:
            asked = self.off_terrain + self.on_terrain
            told.append(
                f"the terrain does not reach {self.off_terrain} of the {asked} places that were looked from: nothing "
                "there has a place; give terrain that covers it, and --redo"
            )
        if self.only_sky:
            told.append(
                f"{self.only_sky} of {self.count} frames were not looked at: by their poses they show nothing but sky "
                "and ground too far to find a person on; where that is wrong, correct the gimbal's angles, or give "
                "--person-min-px 0, and --redo"
            )
        if self.without_chip:
            told.append(
                f"{self.without_chip} hits beyond the first {self.settings.max_chips} have no picture of their own; "
                "the recording shows them"
            )
        if self.silent >= SILENT_MAX:
            told.append(f"the detector gave no answer to {self.silent} frames in a row: the rest was not looked at")
        return told

    def _frame_record(self, frame: Frame) -> FrameRecord:
        common: dict[str, Any] = {
            "media_id": self.media_id,
            "frame_index": frame.index,
            "media_t_ns": round(frame.pts_s * 1_000_000_000),
            "t_utc_ns": frame.t_utc_ns,
        }
        pose = frame.pose
        if pose is None:
            return FrameRecord(**common, pose_reason=frame.pose_reason)
        return FrameRecord(**common, lat_deg=pose.lat_deg, lon_deg=pose.lon_deg, alt_hae_m=pose.alt_hae_m)

    def _is_footprint_due(self, t_utc_ns: int) -> bool:
        """Tell whether a picture is far enough from the last footprint in time; pictures of a folder may step back."""
        if self.last_footprint_ns is None or t_utc_ns < 0:
            return t_utc_ns >= 0
        return not 0 <= t_utc_ns - self.last_footprint_ns < round(self.settings.footprint_every_s * 1e9)

    def _note_terrain(self, pose: Pose) -> None:
        """Count a place that was looked from as one that the terrain reaches, or does not."""
        terrain = self.settings.terrain
        if not isinstance(terrain, UnknownGround):
            below = terrain.height_hae_m(np.array([pose.lat_deg]), np.array([pose.lon_deg]))
            self.on_terrain += bool(np.isfinite(below[0]))
            self.off_terrain += not np.isfinite(below[0])
