"""Places on Earth in text: degrees that are none are refused by where they stand."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from geo.errors import InputError
from missions.documents.xml_file import inside, local_name

MAX_POINTS: Final = 1_000_000
_DEGREES: Final = r"[-+]?\d+\.?\d*(?:[eE][-+]?\d{1,3})?"
_TWO_NUMBERS: Final = re.compile(rf"\s*(?:#[^\r\n]*[\r\n]+\s*)*{_DEGREES}[ \t,]+{_DEGREES}[ \t]*(?:[\r\n]|\Z)")


def begins_with_two_numbers(text: str) -> bool:
    """Tell whether a text's first line, comments (#) left out, is a latitude and a longitude and nothing else."""
    return _TWO_NUMBERS.match(text) is not None


def check_place(lat_deg: float, lon_deg: float, where: str) -> None:
    """Raise InputError when the degrees are no place on Earth."""
    if not (abs(lat_deg) <= 90.0 and abs(lon_deg) <= 180.0):
        raise InputError(f"{where} is no place on Earth: latitude {lat_deg:g}, longitude {lon_deg:g}")


def coordinates(element: Any, where: str) -> list[tuple[float, float, float]]:
    """Return the (lon, lat, alt) triples of an element's `coordinates`, each a place on Earth."""
    texts = [child.text or "" for child in inside(element, "coordinates")]
    if not texts:
        raise InputError(f"{where}: a <{local_name(element)}> has no <coordinates>; draw it again")
    triples: list[tuple[float, float, float]] = []
    for number, chunk in enumerate(" ".join(texts).split(), start=1):
        if number > MAX_POINTS:
            raise InputError(f"{where}: more than {MAX_POINTS} vertices; simplify the drawing")
        parts = chunk.split(",")
        try:
            lon_deg, lat_deg, alt_m = float(parts[0]), float(parts[1]), float(parts[2]) if len(parts) > 2 else 0.0
        except (ValueError, IndexError):
            raise InputError(
                f"{where}: vertex {number} {chunk[:40]!r} is not longitude,latitude[,height] without spaces between"
            ) from None
        check_place(lat_deg, lon_deg, f"{where}: vertex {number}")
        if not math.isfinite(alt_m):
            raise InputError(f"{where}: vertex {number} {chunk[:40]!r} has a height that is no number")
        triples.append((lon_deg, lat_deg, alt_m))
    return triples
