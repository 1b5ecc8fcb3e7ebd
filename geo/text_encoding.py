"""How a text file is encoded, by its first bytes."""

from __future__ import annotations

import codecs
from typing import Final

UNMARKED: Final = "utf-8-sig"
"""UTF-8, with its own mark or none."""
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The longer marks first: that of UTF-32 begins with that of UTF-16."""


def encoding_of(head: bytes) -> str:
    """Return what a byte order mark says (The Unicode Standard, 23.8); UTF-8 where there is none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), UNMARKED)


def decoded(data: bytes) -> str:
    """Return the text of bytes; what is no character becomes U+FFFD."""
    return data.decode(encoding_of(data), "replace")
