"""One recording: its media, what may pose it, how its time is known, and what was used and what not."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geo.values import CameraModel
    from telemetry.recordings.mounts import Mount
    from telemetry.videos.clock_map import ClockMap


class RecordingKind(enum.StrEnum):
    """What the pictures are stored as."""

    CLIP = "clip"
    PICTURES = "pictures"


class Pairing(enum.StrEnum):
    """How a pose source was found to belong to a recording, surest first."""

    INSIDE = "inside the file"
    STATED = "stated"
    NAME = "same name"
    TIME = "its time covers the clip's date"
    ALONE = "the only log beside the only clip without one"
    SHARED = "as long as the clips before and this one together"


class SourceKind(enum.StrEnum):
    """What a pose source is."""

    KLV = "KLV"
    SUBTITLES = "subtitle track"
    METADATA = "metadata track"
    PICTURE_TAGS = "EXIF and XMP"
    SUBTITLE_FILE = "subtitle file"
    TRACK_FILE = "log or table"
    LINK = "MAVLink link"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MediaStream:
    """One stream of pictures: number among the file's video streams, track id or PID, program (-1: none), format.

    `turned_deg` is by how much players turn its pictures clockwise; they are read as they are stored.
    """

    index: int
    number: int
    program: int = -1
    format: str = ""
    turned_deg: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoseSource:
    """One thing that may say where the camera was.

    `path` is the file it lies in; `number` its track id or PID there (-1: the file itself), `program`
    the transport stream's program that it belongs to (-1: none). `stretch_s` is the part of its own time that belongs
    to this recording where it belongs to several (None: all of it).
    """

    kind: SourceKind
    path: Path
    pairing: Pairing
    number: int = -1
    format: str = ""
    program: int = -1
    stretch_s: tuple[float, float] | None = None

    def describe(self) -> str:
        """Say what it is and why it belongs to the recording."""
        what = self.kind.value if self.pairing is Pairing.INSIDE else self.path.name
        if self.format and self.pairing is Pairing.INSIDE:
            what = f"{what} '{self.format}'"
        return f"{what} ({self.pairing.value})"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file, stream or source that was not used, and why."""

    name: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One stretch of pictures from one camera, or several looking together.

    Attributes
    ----------
    name
        What a person calls it: the file's name, or the folder's with a slash.
    kind
        A clip or a folder of stills.
    paths
        The media: one file for a clip, every picture of a folder.
    streams
        Streams of pictures; those of one clip share its clock (day and night cameras side by side).
    sources
        What may pose it, in the order in which it is tried.
    created_utc_ns
        When the container says it was made; -1 where it does not.
    duration_s
        How long the container says it is; NaN where it does not.
    clock, camera, mount
        Settled by reading: how time is known, the lens that was stated, the mount that was.
    used, unused
        Settled by reading: what was used, and what was not and why.
    """

    name: str
    kind: RecordingKind
    paths: tuple[Path, ...]
    streams: tuple[MediaStream, ...] = ()
    sources: tuple[PoseSource, ...] = ()
    created_utc_ns: int = -1
    duration_s: float = math.nan
    clock: ClockMap | None = None
    camera: CameraModel | None = None
    mount: Mount | None = None
    used: tuple[str, ...] = ()
    unused: tuple[LeftOut, ...] = ()

    def elsewhere(self, places: Mapping[Path, Path]) -> Recording:
        """Return the same recording with its files at other places: a sealed copy is read so.

        Files that `places` does not name stay where they are.
        """
        sources = tuple(dataclasses.replace(one, path=places.get(one.path, one.path)) for one in self.sources)
        return dataclasses.replace(self, paths=tuple(places.get(path, path) for path in self.paths), sources=sources)

    @property
    def beside(self) -> tuple[Path, ...]:
        """Files beside the media that may pose it: to be kept with them."""
        inside = Pairing.INSIDE
        return tuple(dict.fromkeys(one.path for one in self.sources if one.pairing is not inside))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a path holds: its recordings, and every file that belongs to none of them, with the reason."""

    recordings: tuple[Recording, ...]
    left_out: tuple[LeftOut, ...]
