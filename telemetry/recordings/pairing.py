"""Which logs and subtitles of a card belong to which of its clips: by name, by their length together, by time."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.errors import TelemetryError
from telemetry.logs.subtitle_file import read_subtitle_cues
from telemetry.recordings.card_file import CardFile, stem
from telemetry.recordings.mounts import has_camera_angles
from telemetry.recordings.recording import Pairing, PoseSource, Recording, SourceKind
from telemetry.tracks.sources import SourceFormat, read_track

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

COVER_NS: Final = 60_000_000_000
"""A container's date may be written up to a minute after its first picture, and clocks differ."""
TOGETHER_S: Final = 2.0
"""Subtitles end with the last of the clips they were written for, to within a cue, which is at most a second long."""
_UNREAD: Final = ("dbgi", "tmcd", "rtmd", "fdsc", "mebx")


def source_of(file: CardFile, pairing: Pairing) -> PoseSource:
    """Return a log, table or subtitle file as a source of poses."""
    subtitles = file.format is SourceFormat.SUBTITLES
    kind = SourceKind.SUBTITLE_FILE if subtitles else SourceKind.TRACK_FILE
    return PoseSource(kind=kind, path=file.path, pairing=pairing, format="" if file.format is None else file.format)


def by_name(clip: CardFile, clips: Sequence[CardFile], logs: Sequence[CardFile]) -> list[PoseSource]:
    """Find what has a clip's name: beside it, else in one other folder where no other folder has a clip of that name.

    Cameras begin to count anew in each folder, so that a name that two folders have tells nothing across them.
    """
    name, folder = stem(clip.path), clip.path.parent
    named = [log for log in logs if stem(log.path) == name]
    beside = [log for log in named if log.path.parent == folder]
    if not beside and len({log.path.parent for log in named}) == 1:
        alike = {other.path.parent for other in clips if stem(other.path) == name}
        beside = named if alike == {folder} else []
    return [source_of(file, Pairing.NAME) for file in _best_first(beside)]


def _best_first(files: Iterable[CardFile]) -> list[CardFile]:
    """Put subtitles first: they share the clip's own time."""
    return sorted(files, key=lambda file: (file.format is not SourceFormat.SUBTITLES, file.path.name))


def paired(clips: list[Recording], logs: Sequence[CardFile]) -> list[Recording]:
    """Give clips that nothing poses a source that was not taken: of the clips before, of their time, or the only one.

    A clip whose own subtitles or tables say nothing of where the camera looks is given a log of its time, too.

    Parameters
    ----------
    clips
        Clips in order of path, with what lies in them and what has their names.
    logs
        Every log, table and subtitle file of the card.
    """
    found = _with_shared(clips)
    taken = {source.path for one in found for source in one.sources}
    free = [log for log in logs if log.path not in taken]
    lacking = [index for index, one in enumerate(found) if not _posed_by_itself(one) or _lacks_angles(one)]
    for index in lacking:
        extra = _by_time(found[index], free, alone=len(lacking) == 1 and len(free) == 1)
        found[index] = _with_sources(found[index], *extra)
    return found


def _posed_by_itself(recording: Recording) -> bool:
    return any(source.format.split(" ")[0] not in _UNREAD for source in recording.sources)


def _lacks_angles(recording: Recording) -> bool:
    """Tell whether all that may pose a clip are files beside it that say nothing of where the camera looks."""
    return all(source.pairing in (Pairing.NAME, Pairing.SHARED) for source in recording.sources) and not any(
        _read(source.path).has_angles for source in recording.sources
    )


def why_spare(log: CardFile, clips: Sequence[Recording]) -> str:
    """Say why a log poses no clip here."""
    if any(_covers(log, clip) for clip in clips):
        return (
            "a log whose time covers a clip here, as another source's or log's does; state it with --track if it is "
            "the clip's"
        )
    return "a log or table that belongs to no clip here by name or time; state it with --track if it does"


def _with_sources(recording: Recording, *extra: PoseSource) -> Recording:
    return dataclasses.replace(recording, sources=(*recording.sources, *extra))


def _with_shared(clips: list[Recording]) -> list[Recording]:
    """Cut subtitles that are as long as their clip and the clips after it together, as cameras that split files do."""
    found = list(clips)
    for index, one in enumerate(found):
        own = next((s for s in one.sources if s.kind is SourceKind.SUBTITLE_FILE and s.pairing is Pairing.NAME), None)
        ends_s = _shared_ends_s(found, index, own) if own is not None else []
        begins_s = [0.0, *ends_s]
        for at, (begin, end) in enumerate(zip(begins_s, ends_s, strict=False), start=index):
            if own is None:
                break
            cut = dataclasses.replace(own, stretch_s=(begin, end))
            if at == index:
                others = tuple(cut if source is own else source for source in found[at].sources)
                found[at] = dataclasses.replace(found[at], sources=others)
            else:
                found[at] = _with_sources(found[at], dataclasses.replace(cut, pairing=Pairing.SHARED))
    return found


def _shared_ends_s(clips: Sequence[Recording], index: int, own: PoseSource) -> list[float]:
    """Return where in a clip's subtitles it and each of the clips after it end; nothing where they are its alone."""
    folder = clips[index].paths[0].parent
    ends_s = [clips[index].duration_s]
    for after in clips[index + 1 :]:
        if after.paths[0].parent != folder or _posed_by_itself(after) or not math.isfinite(after.duration_s):
            break
        ends_s.append(ends_s[-1] + after.duration_s)
        last_s = _last_cue_s(own.path)
        if last_s - ends_s[0] > TOGETHER_S >= abs(last_s - ends_s[-1]):
            return ends_s
    return []


@functools.lru_cache(maxsize=256)
def _last_cue_s(subtitles: Path) -> float:
    """Return where the last cue ends; NaN where there is none."""
    try:
        starts_s = read_subtitle_cues(subtitles).start_ns * 1e-9
    except TelemetryError:
        return math.nan
    return float(starts_s[-1] + (np.median(np.diff(starts_s)) if len(starts_s) > 1 else 0.0))


def _by_time(recording: Recording, logs: Sequence[CardFile], *, alone: bool) -> list[PoseSource]:
    """Find the one log whose time covers the clip's date, else the only log beside the only clip without one.

    Of several that cover it, the only one that says where a camera looks: a phone or a ground station that was logged
    meanwhile says nothing of it.
    """
    covering = [log for log in logs if _covers(log, recording)]
    if len(covering) > 1:
        covering = [log for log in covering if _read(log.path).has_angles] or covering
    if len(covering) == 1:
        return [source_of(covering[0], Pairing.TIME)]
    return [source_of(logs[0], Pairing.ALONE)] if alone and not covering else []


def _covers(log: CardFile, clip: Recording) -> bool:
    known = _read(log.path)
    return clip.created_utc_ns >= 0 and known.first_ns - COVER_NS <= clip.created_utc_ns <= known.last_ns + COVER_NS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """First and last UTC of a log (0 where it gives no track), and whether it says where a camera looks."""

    first_ns: int = 0
    last_ns: int = 0
    has_angles: bool = False


@functools.lru_cache(maxsize=256)
def _read(log: Path) -> _Known:
    try:
        track = read_track(log)
    except TelemetryError:
        return _Known()
    return _Known(first_ns=int(track.t_utc_ns[0]), last_ns=int(track.t_utc_ns[-1]), has_angles=has_camera_angles(track))
