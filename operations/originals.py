"""Originals: copied byte for byte under the hash of their bytes, and found again by it.

Every file is kept on its own as `media/<label><suffix>`, also the files of a folder:
what two cards share is stored once, and no name of a card becomes a name of ours.
A folder's id is the SHA-256 of its members' lines as `sha256sum` prints them, in
order of path, so that anybody can work it out from the card.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import InputError, VedetteError
from operations import durable_file
from operations.errors import DiskError
from operations.staging import MEDIA
from operations.values import MediaKind, MediaRecord, Member
from telemetry.recordings.recording import Recording, RecordingKind
from telemetry.videos.video_pictures_file import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operations.staging import Staging
    from operations.vault.vault import Vault

_CHUNK_BYTES: Final = 1 << 20
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a person gave to be read: its files by path inside it, and what of it is not taken."""

    source: Path
    is_folder: bool
    files: tuple[tuple[str, Path], ...]
    problems: tuple[str, ...]
    recording: Recording | None = None
    """The same files as they are to be read, where that was settled before."""

    @property
    def kind(self) -> MediaKind:
        """What its pictures are: those of a folder are stills unless a recording says otherwise."""
        stills = self.is_folder if self.recording is None else self.recording.kind is RecordingKind.PICTURES
        return MediaKind.PICTURES if stills else MediaKind.VIDEO

    def as_recording(self) -> Recording:
        """Return how the files are read: as was settled, as a clip, or as a folder of pictures."""
        if self.recording is not None:
            return self.recording
        if self.is_folder:
            pictures = tuple(sorted(path for _, path in self.files if path.suffix.lower() in PICTURE_SUFFIXES))
            if not pictures:
                known = ", ".join(sorted(PICTURE_SUFFIXES))
                raise InputError(f"{self.source} holds no picture ({known})", path=str(self.source))
            return Recording(name=self.source.name, kind=RecordingKind.PICTURES, paths=pictures)
        return Recording(name=self.source.name, kind=RecordingKind.CLIP, paths=(self.source,))

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(path.stat().st_size for _, path in self.files)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Unfinished copies of an original's files, in the order of its members."""

    media: MediaRecord
    copies: tuple[Path, ...]

    def moves(self, operation: Path, vault: Vault) -> list[tuple[Path, Path]]:
        """Return each copy with its final place."""
        return [
            (copy, stored_path(operation, member, vault))
            for copy, member in zip(self.copies, self.media.members, strict=True)
        ]


def look_over(source: Path) -> Offered:
    """List the files of a clip or a folder; links and pipes are refused by name, sub-folders are read.

    Raises
    ------
    InputError
        When there is nothing to read.
    """
    if source.is_file():
        return Offered(source=source, is_folder=False, files=((source.name, source),), problems=())
    if not source.is_dir():
        raise InputError(f"{source} is no file and no folder: name a video file or a folder", path=str(source))
    files: list[tuple[str, Path]] = []
    problems: list[str] = []
    for entry in _walk(source):
        name = Path(entry.path).relative_to(source).as_posix()
        if entry.is_symlink():
            problems.append(f"{name} is a symbolic link and was not followed")
        elif entry.is_file(follow_symlinks=False):
            files.append((name, Path(entry.path)))
        else:
            problems.append(f"{name} is no file (a pipe, a socket or a device) and was not read")
    if not files:
        raise InputError(f"{source} holds no file: name a folder with pictures or clips", path=str(source))
    return Offered(source=source, is_folder=True, files=tuple(sorted(files)), problems=tuple(sorted(problems)))


def offer(recording: Recording) -> Offered:
    """Offer a recording: its media, and the files beside them that may pose it, as one original.

    A clip alone goes by the hash of its bytes; a clip with its subtitles or log goes by both.
    """
    beside = recording.beside
    if len(recording.paths) == 1 and not beside:
        (path,) = recording.paths
        return Offered(source=path, is_folder=False, files=((path.name, path),), problems=(), recording=recording)
    root = Path(os.path.commonpath([path.parent for path in recording.paths]))
    files = {path.relative_to(root).as_posix(): path for path in recording.paths}
    for path in beside:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else f"beside/{path.name}"
        files.setdefault(name, path)
    source = recording.paths[0] if recording.kind is RecordingKind.CLIP else root
    return Offered(source=source, is_folder=True, files=tuple(sorted(files.items())), problems=(), recording=recording)


def identify(offered: Offered) -> MediaRecord:
    """Return the record of what was offered by reading it, without copying."""
    return _record(offered, [_Tally.over(path) for _, path in offered.files])


UNKNOWN_GROUND: Final = "unknown"


def ground_identity(terrain: Path | None, flat_alt_amsl_m: float | None, *, datum: str | None = None) -> str:
    """Return what tells one ground from another: name and hash of a file or of a folder's files, or a height.

    A stated datum belongs to it: a word, or name and hash of a geoid's file.
    """
    if terrain is not None:
        if datum is not None:
            counted = datum if datum in ("egm96", "hae") else ground_identity(Path(datum), None)
            return f"{ground_identity(terrain, None)}, heights from {counted}"
        return f"{terrain.name} sha256:{identify(look_over(terrain)).id}"
    return UNKNOWN_GROUND if flat_alt_amsl_m is None else f"plane at {flat_alt_amsl_m:g} m above mean sea level"


def seal(offered: Offered, staging: Staging, vault: Vault) -> Sealed:
    """Copy what was offered beside its final place, synced; what is copied is hashed on its way.

    Raises
    ------
    DiskError
        When the disk is full; nothing is left behind.
    """
    tallies, copies = [], []
    for number, (name, path) in enumerate(offered.files):
        tally = _Tally(suffix_of(name))
        copy = staging.place(MEDIA, f"{number}{tally.suffix}")
        final = functools.partial(_final_path, staging.operation, tally, vault)
        with _called(copy, f"the copy of {name} in {staging.operation}"):
            vault.write(tally.through(path), copy, final=final)
        tallies.append(tally)
        copies.append(copy)
    return Sealed(media=_record(offered, tallies), copies=tuple(copies))


@contextlib.contextmanager
def _called(unfinished: Path, what: str) -> Iterator[None]:
    """Call what could not be written by what it was to become: nobody knows its name while it is unfinished."""
    try:
        yield
    except DiskError as error:
        raise DiskError(error.message.replace(str(unfinished), what), **error.fields) from error


def stored_path(operation: Path, member: Member, vault: Vault) -> Path:
    """Return where a member of an original is kept."""
    return _path_of(operation, member.sha256, member.suffix, vault)


def _path_of(operation: Path, sha256: str, suffix: str, vault: Vault) -> Path:
    return operation / MEDIA / f"{vault.file_name(sha256)}{suffix}"


def suffix_of(name: str) -> str:
    """Return a file's suffix in lower case where it is a plain one, else nothing."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def member_is_sound(operation: Path, member: Member, vault: Vault) -> bool:
    """Tell whether a kept file's bytes are those that were sealed."""
    digest = hashlib.sha256()
    try:
        with vault.reader(stored_path(operation, member, vault)) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, VedetteError):
        return False
    return digest.hexdigest() == member.sha256


def spread_out(media: MediaRecord, kept: Sequence[Path], folder: Path) -> None:
    """Lay kept files out under the names they had, as links, for a reader that goes by name."""
    for member, path in zip(media.members, kept, strict=True):
        target = folder / member.path
        if target.resolve().is_relative_to(folder.resolve()) and not target.exists():
            with durable_file.naming(target.parent, "made"):
                target.parent.mkdir(parents=True, exist_ok=True, mode=durable_file.FOLDER_MODE)
            durable_file.link(path, target)


class _Tally:
    """Size and hash of bytes on their way."""

    def __init__(self, suffix: str = "") -> None:
        self.suffix = suffix
        self.size_bytes = 0
        self._digest = hashlib.sha256()

    @classmethod
    def over(cls, path: Path) -> _Tally:
        tally = cls(suffix_of(path.name))
        for _ in tally.through(path):
            pass
        return tally

    def through(self, path: Path) -> Iterator[bytes]:
        """Yield a file's bytes, counted and hashed."""
        try:
            stream = path.open("rb")
        except OSError as error:
            raise _unreadable(path, error) from error
        with stream:
            while True:
                try:
                    chunk = stream.read(_CHUNK_BYTES)
                except OSError as error:
                    raise _unreadable(path, error) from error
                if not chunk:
                    return
                self.size_bytes += len(chunk)
                self._digest.update(chunk)
                yield chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _final_path(operation: Path, tally: _Tally, vault: Vault) -> Path:
    return _path_of(operation, tally.sha256, tally.suffix, vault)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be read ({error.strerror or error}): copy it again from its card or disk", path=str(path)
    )


def _record(offered: Offered, tallies: Sequence[_Tally]) -> MediaRecord:
    members = tuple(
        Member(path=_text(name), size_bytes=tally.size_bytes, sha256=tally.sha256, suffix=tally.suffix)
        for (name, _), tally in zip(offered.files, tallies, strict=True)
    )
    lines = b"".join(_line(tally.sha256, name) for (name, _), tally in zip(offered.files, tallies, strict=True))
    return MediaRecord(
        id=hashlib.sha256(lines).hexdigest() if offered.is_folder else members[0].sha256,
        name=_text(offered.source.name or offered.source.resolve().name),
        kind=offered.kind,
        size_bytes=sum(member.size_bytes for member in members),
        members=members,
    )


def _line(sha256: str, name: str) -> bytes:
    """Return a member's line as `sha256sum` of GNU coreutils prints it, with its marks for unusual names."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return os.fsencode(f"{mark}{sha256}  {escaped}\n")


def _text(name: str) -> str:
    """Return a file name as text that any encoding can carry."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield everything below a folder that is no folder itself."""
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield entry
