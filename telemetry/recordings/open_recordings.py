"""From the files of a card to its recordings: every file belongs to one, or is left out with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telemetry.errors import MediaError
from telemetry.recordings.card_file import SEGMENT_LIST, CardFile, list_beside, list_card
from telemetry.recordings.container_file import ContainerTrack, Layout, read_layout
from telemetry.recordings.pairing import by_name, paired, source_of, why_spare
from telemetry.recordings.recording import (
    Card,
    LeftOut,
    MediaStream,
    Pairing,
    PoseSource,
    Recording,
    RecordingKind,
    SourceKind,
)
from telemetry.tracks.sources import SourceFormat
from telemetry.videos.video_pictures_file import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COPIES: Final = {".lrf": "DJI", ".lrv": "GoPro", ".mp4.thm": "a camera", ".thm": "a camera"}
_RAW: Final = frozenset({".dng", ".raf", ".arw", ".cr2", ".nef"})
_DEVELOPED: Final = frozenset({".jpg", ".jpeg"})
METADATA_FORMATS: Final = ("gpmd", "camm", "djmd", "dbgi", "mett", "rtmd", "fdsc", "tmcd", "mebx")
"""Sample entries of tracks beside the pictures that cameras write."""


def open_recordings(path: Path, *, track: Path | None = None) -> Card:
    """Sort out what a file, a folder, a card (``DCIM/..``) or a record folder holds.

    Nothing is decoded; containers' own tables are read. Links, pipes and devices are refused by
    name, sub-folders are read.

    Parameters
    ----------
    path
        A file (those of its name beside it are looked at, too) or a folder.
    track
        A log, table or subtitle file that poses every clip of it, as a person states.

    Returns
    -------
    Card
        Recordings in order of path, stills of one folder together, and what belongs to none.

    Raises
    ------
    MediaError
        The path cannot be read, or holds no recording at all, or `track` is nothing that poses; the message says what
        there is.
    """
    files, left_out = list_card(path)
    stated = [] if track is None else _stated(track)
    clips = [file for file in files if file.is_container]
    copies = [file for file in clips if file.path.suffix.lower() in _COPIES]
    clips = [file for file in clips if file not in copies]
    logs = [file for file in files if _poses_clips(file)]
    if clips and path.is_file():
        logs += [file for file in list_beside(path) if _poses_clips(file)]
    stills = [file for file in files if _is_still(file)]
    raw = _raw_of(stills)
    known = {file.path for file in (*clips, *copies, *logs, *stills)}
    stills = [file for file in stills if file.path not in raw]
    left_out += [_copy(file, path) for file in copies]
    left_out += [LeftOut(name=str(one.relative_to(path)), why=f"the raw picture of {raw[one]}") for one in raw]
    left_out += [LeftOut(name=_shown(file, path), why=_strange(file)) for file in files if file.path not in known]
    recordings = _clips(clips, logs, stated, path)
    taken = {source.path for recording in recordings for source in recording.sources}
    spare = [file for file in logs if file.path not in taken]
    left_out += [LeftOut(name=_shown(file, path), why=why_spare(file, recordings)) for file in spare]
    recordings += _still_folders(stills, path)
    if not recordings:
        raise MediaError(_nothing(path, left_out), path=str(path))
    recordings.sort(key=lambda recording: recording.paths[0])
    return Card(recordings=tuple(recordings), left_out=tuple(sorted(left_out, key=lambda one: one.name)))


def _stated(track: Path) -> list[CardFile]:
    """Look at what a person states to pose clips; nothing else is taken in its place without a word."""
    files = list_card(track)[0]
    for file in files:
        if file.format is None:
            raise MediaError(f"{file.path} poses nothing: {file.why_unknown}", path=str(file.path))
    return files


def _poses_clips(file: CardFile) -> bool:
    """Tell whether a file says where an aircraft was, and is neither a picture nor a video."""
    return file.format is not None and file.format is not SourceFormat.PICTURE and not file.is_container


def _is_still(file: CardFile) -> bool:
    by_name = file.path.suffix.lower() in PICTURE_SUFFIXES and file.format is None and file.is_bitmap
    return (file.format is SourceFormat.PICTURE or by_name) and file.path.suffix.lower() not in _COPIES


def _raw_of(stills: Sequence[CardFile]) -> dict[Path, str]:
    """Return raw pictures beside the picture that the camera made of each: the same exposure, and its name."""
    made = {file.path.with_suffix(""): file.path.name for file in stills if file.path.suffix.lower() in _DEVELOPED}
    raw = [file.path for file in stills if file.path.suffix.lower() in _RAW]
    return {path: made[path.with_suffix("")] for path in raw if path.with_suffix("") in made}


def _shown(file: CardFile, root: Path) -> str:
    return file.path.name if file.path == root else str(file.path.relative_to(root))


def _copy(file: CardFile, root: Path) -> LeftOut:
    maker = _COPIES[file.path.suffix.lower()]
    return LeftOut(name=_shown(file, root), why=f"a small copy for viewing that {maker} writes beside the original")


def _strange(file: CardFile) -> str:
    if file.path.suffix.lower() in _COPIES:
        return "a small picture for lists, not the recording"
    if file.path.name == SEGMENT_LIST:
        return "hashes and times of the segments beside it, as they were recorded; no recording itself"
    unknown = file.why_unknown.startswith("no format")
    return "neither pictures nor anything that says where an aircraft was" if unknown else file.why_unknown


def _nothing(path: Path, left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return f"{path} holds no file; give a clip, a folder of pictures, or a card"
    if len(left_out) == 1 and path.is_file():
        return f"{path}: {left_out[0].why}; give a clip, a picture, a folder of them, or a card"
    named = "; ".join(f"{one.name}: {one.why}" for one in left_out[:3])
    more = f"; and {len(left_out) - 3} more" if len(left_out) > 3 else ""  # noqa: PLR2004
    return f"{path} holds no clip and no picture ({named}{more})"


def _clips(clips: list[CardFile], logs: list[CardFile], stated: list[CardFile], root: Path) -> list[Recording]:
    said = [source_of(file, Pairing.STATED) for file in stated]
    return paired([_clip(clip, root, [*said, *by_name(clip, clips, logs)]) for clip in clips], logs)


def _clip(file: CardFile, root: Path, beside: list[PoseSource]) -> Recording:
    try:
        layout = read_layout(file.path)
    except OSError:
        layout = Layout()
    streams = tuple(
        MediaStream(
            index=index,
            number=track.number,
            program=track.program,
            format=track.format,
            turned_deg=track.turned_deg,
        )
        for index, track in enumerate(layout.of("vide"))
    )
    stated = [source for source in beside if source.pairing is Pairing.STATED]
    rest = [source for source in beside if source.pairing is not Pairing.STATED]
    return Recording(
        name=_shown(file, root),
        kind=RecordingKind.CLIP,
        paths=(file.path,),
        streams=streams,
        sources=(*stated, *_inside(file.path, layout), *rest),
        created_utc_ns=layout.created_utc_ns,
        duration_s=layout.duration_s,
    )


def _inside(path: Path, layout: Layout) -> list[PoseSource]:
    """List what a clip carries itself; KLV is listed where tables name it, and looked for when reading anyway."""

    def source(kind: SourceKind, track: ContainerTrack) -> PoseSource:
        return PoseSource(
            kind=kind,
            path=path,
            pairing=Pairing.INSIDE,
            number=track.number,
            format=track.format,
            program=track.program,
        )

    klv = [source(SourceKind.KLV, track) for track in layout.of("klv")]
    texts = [source(SourceKind.SUBTITLES, track) for track in layout.of("text", "sbtl", "subt")]
    known = [track for track in layout.tracks if track.format.split(" ")[0] in METADATA_FORMATS]
    return [*klv, *texts, *(source(SourceKind.METADATA, track) for track in known)]


def _still_folders(stills: list[CardFile], root: Path) -> list[Recording]:
    folders: dict[Path, list[Path]] = {}
    for still in stills:
        folders.setdefault(still.path.parent, []).append(still.path)
    found = []
    for folder, paths in folders.items():
        name = paths[0].name if root.is_file() else f"{folder.relative_to(root)}/"
        name = f"{root.name}/" if name == "./" else name
        source = PoseSource(kind=SourceKind.PICTURE_TAGS, path=folder, pairing=Pairing.INSIDE)
        found.append(Recording(name=name, kind=RecordingKind.PICTURES, paths=tuple(paths), sources=(source,)))
    return found
