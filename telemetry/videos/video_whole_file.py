"""Whether a media file is whole, told from its outer structure alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

from telemetry.videos.containers import TS_BYTES, Packing, packing_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD_BYTES: Final = 64 * 1024
"""So much of a transport stream tells how its packets lie."""
_BOX_HEADER: Final = 8
_LARGE_BOX_HEADER: Final = 16
_MAX_BOXES: Final = 10_000


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, offset, length) of the top-level boxes of an MP4 or MOV (ISO/IEC 14496-12, 4.2)."""
    offset = 0
    for _ in range(_MAX_BOXES):
        file.seek(offset)
        head = file.read(_LARGE_BOX_HEADER)
        if len(head) < _BOX_HEADER:
            return
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - offset
        if length < _BOX_HEADER:
            return
        yield head[4:8], offset, length
        offset += length


def how_cut(path: Path, container: str) -> str | None:
    """Say in what way a file ends early, or None when its outer structure is whole."""
    size = os.path.getsize(path)
    if "mpegts" in container:
        with path.open("rb") as file:
            packing = packing_of(file.read(_HEAD_BYTES)) or Packing(first=0, every=TS_BYTES)
        rest = packing.left_over(size)
        return (
            f"the file ends {rest} bytes into a transport packet of {packing.every}, at byte {size}" if rest else None
        )
    if "mp4" in container:
        with path.open("rb") as file:
            for kind, offset, length in _boxes(file, size):
                if offset + length > size:
                    name = kind.decode("latin-1")
                    reach = offset + length
                    return f"the file ends at byte {size}, inside its '{name}' box, which should reach byte {reach}"
    return None


def why_unreadable(path: Path, reason: str) -> str:
    """Say why a file did not open: for MP4 without its index, that; else the decoder's own words."""
    if not path.is_file():
        return reason
    size = os.path.getsize(path)
    if size == 0:
        return "the file is empty"
    with path.open("rb") as file:
        kinds = [kind for kind, _, _ in _boxes(file, size)]
    if kinds[:1] == [b"ftyp"] and b"moov" not in kinds:
        return "its index ('moov' box) is missing, as when recording was cut off; recover it with the camera's own tool"
    return f"{reason[:1].lower()}{reason[1:]}"
