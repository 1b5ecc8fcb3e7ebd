"""Text from outside, made harmless for where it goes: a screen or page, an XML file, a spreadsheet.

Names of clips, classes, plans and vehicles are written by others. Each kind of place they are shown
in has characters that mean more than themselves there; each has its one function here.
"""

from __future__ import annotations

import functools
import html
import re
from typing import Final

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 and C1 controls (terminal escapes begin with one: ECMA-48 5.3), line and paragraph separators, what reorders the
text around it (embeddings, overrides and isolates: Unicode Standard Annex 9, 2.1 to 2.4), and lone surrogates."""
_PASSWORD: Final = re.compile(r"(?<=[A-Za-z0-9]:/)(/?)[^\s/@:]*:[^\s@]*@")
"""User and password of an address (RFC 3986, 3.2.1), also where it was taken for a path and lost one of its strokes."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Cells a spreadsheet may run (OWASP, CSV injection)."""


def visible(text: str) -> str:
    r"""Return text in which every character can be seen: controls become escapes such as ``\x1b`` or ``\u202e``.

    What is left moves no cursor, starts no line and reorders nothing; a line break becomes ``\n``.
    """
    return _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def without_passwords(text: str) -> str:
    """Return text in which every address has lost its user and password, for messages that many may read."""
    return _PASSWORD.sub(r"\1", text)


@functools.cache
def _not_xml() -> re.Pattern[str]:
    """Return what XML 1.0 cannot hold, not even as a character reference (2.2, Characters); few commands write any."""
    return re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Return text for an element or a quoted attribute of XML 1.0; what it cannot hold becomes U+FFFD."""
    return html.escape(_not_xml().sub("\N{REPLACEMENT CHARACTER}", text))


def csv_text(text: str) -> str:
    """Return text for a cell that no spreadsheet runs (a leading quote), with every character visible.

    For text only: a number below zero stays the number it is.
    """
    return "'" + visible(text) if text.startswith(_FORMULA_STARTS) else visible(text)
