"""Every file of a card: sub-folders read, links and pipes refused by name, limits on count and depth."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from telemetry.errors import MediaError
from telemetry.klv.klv_file import is_raw_klv
from telemetry.recordings.recording import LeftOut
from telemetry.tracks.sources import HEAD_BYTES, SourceFormat, sniff, why_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILES: Final = 50_000
"""Files looked at; the fullest card of stills holds a fifth of it."""
MAX_DEPTH: Final = 12
"""Folders below the one that was named; ``DCIM/100MEDIA`` is two."""
SYSTEM_NAMES: Final = frozenset({"thumbs.db", "desktop.ini", "system volume information", "$recycle.bin", ".ds_store"})

SEGMENT_LIST: Final = "segments.jsonl"
"""What a recorder of streams writes beside the segments: hashes and times of each."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CardFile:
    """One regular file: where, how large, and what its first bytes say it is (None: nothing that is known).

    `is_container` tells a video container from bare KLV; `why_unknown` says why nothing can be made of it.
    """

    path: Path
    size_bytes: int
    format: SourceFormat | None
    is_container: bool = False
    is_bitmap: bool = False
    why_unknown: str = ""


def list_card(root: Path) -> tuple[list[CardFile], list[LeftOut]]:
    """List a file, or every file below a folder, in order of path.

    Raises
    ------
    MediaError
        The path does not exist, is a link, a pipe or a device, or holds more than `MAX_FILES` files.
    """
    why = _refusal(root)
    if why is not None:
        raise MediaError(f"{root} is {why}", path=str(root))
    files: list[CardFile] = []
    left_out: list[LeftOut] = []
    for path, refused in _walk(root, root, 0):
        if refused is not None:
            left_out.append(LeftOut(name=_shown(path, root), why=refused))
            continue
        if len(files) + len(left_out) >= MAX_FILES:
            raise MediaError(f"{root} holds more than {MAX_FILES} files; name a folder inside it", path=str(root))
        try:
            files.append(_look(path))
        except OSError as error:
            left_out.append(LeftOut(name=_shown(path, root), why=f"cannot be read ({error.strerror or error})"))
    return files, left_out


def list_beside(path: Path) -> list[CardFile]:
    """List the regular files beside one that have its name and another ending; links and pipes are left out."""
    found = []
    try:
        names = sorted(os.listdir(path.parent))
    except OSError:
        return []
    for name in names[:MAX_FILES]:
        other = path.parent / name
        if other != path and stem(other) == stem(path) and _refusal(other) is None and other.is_file():
            with contextlib.suppress(OSError):
                found.append(_look(other))
    return found


_VIEWS: Final = re.compile(r"_(?:[WTZSV]|RTK|EO|IR)\Z", re.IGNORECASE)
"""Endings that name one view or the receiver of what is otherwise one recording (DJI's wide, thermal, zoom)."""


_INNER: Final = re.compile(r"\.(?:mp4|mov|m4v|m2ts|mts|ts|mkv|avi|mpe?g|[a-z]{2}(?:-[a-z]{2})?)\Z", re.IGNORECASE)
"""What stands before the last ending where a file is named after its clip's whole name, or by a language (``.en``)."""


def stem(path: Path) -> str:
    """Return what recordings and the files beside them are matched by: the name without endings and view."""
    return _VIEWS.sub("", _INNER.sub("", path.stem)).lower()


def _shown(path: Path, root: Path) -> str:
    return path.name if path == root else str(path.relative_to(root))


def _walk(path: Path, root: Path, depth: int) -> Iterator[tuple[Path, str | None]]:
    """Yield every file below a path, and whatever is refused with the reason."""
    why = _refusal(path) if path != root else None
    if why is None and (path.name.lower() in SYSTEM_NAMES or path.name.startswith("._")):
        why = "a file of the computer's own, no media"
    if why is not None:
        yield path, why
        return
    if not path.is_dir():
        yield path, None
        return
    if depth > MAX_DEPTH:
        yield path, f"more than {MAX_DEPTH} folders deep; name it by itself"
        return
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        yield path, f"cannot be listed ({error.strerror or error})"
        return
    for name in names:
        yield from _walk(path / name, root, depth + 1)


def _refusal(path: Path) -> str | None:
    """Say why a path is not followed: a link leads elsewhere, a pipe may never end; None for files and folders."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"not there or not readable ({error.strerror or error})"
    if stat.S_ISLNK(mode):
        return "a symbolic link, which is not followed; copy what it leads to"
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return "a pipe, socket or device, which is not read; give a file"


def _look(path: Path) -> CardFile:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("changed while it was looked at")
        head = file.read(HEAD_BYTES)
    kind = sniff(head)
    return CardFile(
        path=path,
        size_bytes=status.st_size,
        format=kind,
        is_container=kind is SourceFormat.KLV and not is_raw_klv(head),
        is_bitmap=head.startswith(b"BM"),
        why_unknown="" if kind is not None else why_unknown(head),
    )
