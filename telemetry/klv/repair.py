"""Packets whose key lost its first bytes on the way (cut by an extractor): told, and made readable."""

from __future__ import annotations

import re
from typing import Final

from telemetry.klv.packets import UAS_KEY
from telemetry.tracks.pose_track import Problem

_LOST: Final = 5
_CUT_KEY: Final = re.compile(rb"(?<!" + re.escape(UAS_KEY[:_LOST]) + rb")" + re.escape(UAS_KEY[_LOST:]))
"""The key without its first five bytes, where those five do not stand before it."""


def restore_cut_keys(data: bytes) -> tuple[bytes, tuple[Problem, ...]]:
    """Give a stream without one whole ST 0601 key its keys back.

    Nothing is changed in a stream that has whole keys. The checksum covers the
    key, so a restored packet still has to prove itself.
    """
    if UAS_KEY in data:
        return data, ()
    restored, count = _CUT_KEY.subn(UAS_KEY, data)
    if not count:
        return data, ()
    first = data.find(UAS_KEY[_LOST:])
    message = (
        f"{count} ST 0601 keys lack their first {_LOST} bytes (the first at byte {first}); they were restored "
        "for reading, and byte offsets count the restored bytes"
    )
    return restored, (Problem(kind="key", message=message, offset=first),)
