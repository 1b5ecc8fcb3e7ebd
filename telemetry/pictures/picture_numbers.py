"""Numbers and texts as EXIF and XMP write them."""

from __future__ import annotations

import math


def number(value: object) -> float:
    """Return a number from an EXIF or XMP value (fractions as ``"n/d"``, decimal commas), NaN where it is none."""
    written = str(value).strip().replace(",", ".") if value is not None else ""
    top, slash, bottom = written.partition("/")
    try:
        result = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
    return result if math.isfinite(result) else math.nan


def text(value: object) -> str:
    """Return an EXIF text without its padding; empty where there is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).split("\x00")[0].strip() if value is not None else ""
