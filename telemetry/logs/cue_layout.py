"""Where the numbers stand in a subtitle cue: every public variant of it.

A clip has thousands of cues, alike but for their digits. What a cue's characters mean is settled
once for a shape of cue, in which every digit is 0; in each cue of that shape only its numbers are read.

Traps, read off real files: Autel's ``.ASS`` letters its numbers, as in ``GPS(W: -100.5, N: 31.5, ..)``.
``GPS()`` of DJI holds longitude first, except where its altitude ends in ``M`` (Matrice 300: latitude
first), and except where a number over 90 shows that it is no latitude; its third number is the
satellite count, except there; ``RTK()`` stands in its place when the receiver has corrections;
``longtitude`` is misspelt; ``H``, ``rel_alt``, ``BAROMETER`` and ``Hb`` are heights over the take-off point.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from geo.vertical import FOOT_M
from telemetry.logs.wall_clock import match_clock, wall_clock
from telemetry.pictures.picture_numbers import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.logs.wall_clock import WallClock

NAMED: Final[dict[str, tuple[str, ...]]] = {
    "lat_deg": ("latitude", "lat"),
    "lon_deg": ("longitude", "longtitude", "lon", "lng"),
    "alt_amsl_m": ("abs_alt",),
    "alt_unstated_m": ("altitude", "alt"),
    "alt_rel_home_m": ("rel_alt", "barometer", "hb", "reh", "relalt"),
    "yaw_deg": ("drone_yaw",),
    "pitch_deg": ("drone_pitch",),
    "roll_deg": ("drone_roll",),
    "gimbal_yaw_deg": ("gb_yaw", "gimbal_yaw"),
    "gimbal_pitch_deg": ("gb_pitch", "gimbal_pitch"),
    "gimbal_roll_deg": ("gb_roll", "gimbal_roll"),
    "focal_len": ("focal_len",),
    "f_number": ("fnum",),
    "zoom": ("dzoom_ratio",),
}
"""What each column is called in cues; of several names in one cue the first counts."""
_RANKED: Final = {key: (column, rank) for column, keys in NAMED.items() for rank, key in enumerate(keys)}
_INDEX: Final = {column: index for index, column in enumerate(NAMED)}

SHAPES_KEPT: Final = 1000
"""Real files have up to 15 shapes; of a file whose every cue has another, no more are kept."""
_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789", b"000000000")

_PAIR: Final = re.compile(
    r"\b([A-Za-z_]+)\s*[:=]\s*((?>[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?))(?![\d:]|\s?°\s?\d)(?:\s?°)?"
    r"(?:\s?(ft|feet|[NSEW])\b(?!\s*[:=]))?"
)
"""A name and its number; none of degrees with minutes behind them, which is not the number that stands first."""
_PLACE: Final = re.compile(r"\b(?:GPS|RTK) ?\(([^()]{3,80})\)")
_SIDES: Final = ("N", "S", "E", "W")
_SIDES_OF: Final = {"lat_deg": ("N", "S"), "lon_deg": ("E", "W")}
_FEET: Final = ("ft", "feet")
_PART: Final = re.compile(r"(?:([NSEW])\s*:?)?\s*([-+]?\d*\.?\d+)\s*°?\s*([NSEWM]?)")
_ANGLE: Final = r"\s{0,9}([-+.\d]{1,40}+)"
_TRIPLE: Final = re.compile(rf"\b([FG])\.PRY ?\({_ANGLE}[^,)]{{0,20}},{_ANGLE}[^,)]{{0,20}},{_ANGLE}[^)]{{0,60}}\)")
_HEIGHT: Final = re.compile(r"\b(?:H ([-+.\d]+)(m|ft)\b|BAROMETER ?\(\s*([-+.\d]+)\s*\))")


class Number(NamedTuple):
    """Where a number stands, what one of it is in the column's unit, and whether a letter makes it negative."""

    start: int
    end: int
    unit: float = 1.0
    is_south_or_west: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class CueLayout:
    """Where cues of one shape hold what: the numbers of columns by their place in `NAMED`, the parts of a date."""

    numbers: tuple[tuple[int, Number], ...]
    clock: tuple[tuple[str, int, int], ...]

    def row(self, cue: str) -> list[float]:
        """Return a cue's number of each column of `NAMED`, NaN where it states none; unlimited where it overflows."""
        row = [math.nan] * len(NAMED)
        for column, (start, end, unit, is_south_or_west) in self.numbers:
            value = _number(cue[start:end]) * unit
            row[column] = -abs(value) if is_south_or_west else value
        return row

    def wall_clock(self, cue: str, *, day_first: bool = False) -> WallClock | None:
        """Return a cue's date and time (see `find_wall_clock`); None where it has none, or an impossible one."""
        if not self.clock:
            return None
        return wall_clock({part: cue[start:end] or None for part, start, end in self.clock}, day_first=day_first)


class CueLayouts:
    """The layouts of a file's cues, each made once."""

    def __init__(self) -> None:
        self._by_shape: dict[bytes, CueLayout] = {}

    @property
    def kept(self) -> int:
        """How many shapes are known at this moment."""
        return len(self._by_shape)

    def of(self, cue: str) -> CueLayout:
        """Return where this cue holds what."""
        shape = cue.encode("utf-8", "surrogatepass").translate(_DIGITS_ALIKE)
        layout = self._by_shape.get(shape)
        if layout is None:
            if len(self._by_shape) >= SHAPES_KEPT:
                self._by_shape.clear()
            layout = self._by_shape[shape] = read_layout(cue)
        return layout


def read_layout(cue: str) -> CueLayout:
    """Settle what stands where, by all but the digits of a cue."""
    numbers = _named(cue)
    if "GPS" in cue or "RTK" in cue:
        numbers |= _place(cue)
        if (height := _HEIGHT.search(cue)) is not None:
            group = 3 if height.group(1) is None else 1
            unit_m = FOOT_M if height.group(2) == "ft" else 1.0
            numbers.setdefault("alt_rel_home_m", Number(*height.span(group), unit_m))
    for triple in _TRIPLE.finditer(cue):
        prefix = "gimbal_" if triple.group(1) == "G" else ""
        for group, angle in enumerate(("pitch_deg", "roll_deg", "yaw_deg"), start=2):
            numbers[prefix + angle] = Number(*triple.span(group))
    clock = match_clock(cue)
    parts = () if clock is None else tuple((part, *clock.span(part)) for part in clock.groupdict())
    return CueLayout(tuple((_INDEX[column], where) for column, where in numbers.items()), parts)


def _named(cue: str) -> dict[str, Number]:
    """Find numbers that follow a name; of one name written twice the last counts."""
    pairs = {pair.group(1).lower(): pair for pair in _PAIR.finditer(cue)}
    numbers: dict[str, Number] = {}
    ranks: dict[str, int] = {}
    for key in pairs.keys() & _RANKED.keys():
        column, rank = _RANKED[key]
        where = _behind(pairs[key], _SIDES_OF.get(column))
        if where is not None and rank < ranks.get(column, len(_RANKED)):
            numbers[column], ranks[column] = where, rank
    return numbers


def _behind(pair: re.Match[str], sides: tuple[str, ...] | None) -> Number | None:
    """Return a named number with what the word behind it says; None where that is a letter of the other axis."""
    word = pair.group(3)
    if sides is None or word not in _SIDES:
        return Number(*pair.span(2), FOOT_M if word in _FEET else 1.0)
    return Number(*pair.span(2), is_south_or_west=word in ("S", "W")) if word in sides else None


def _place(cue: str) -> dict[str, Number]:
    """Find the place in parentheses: by its letters, or by DJI's order."""
    found = _PLACE.search(cue)
    parts = [] if found is None else [_part(cue, *span) for span in _spans(found.group(1), found.start(1))]
    if len(parts) < 2 or parts[0] is None or parts[1] is None:  # noqa: PLR2004
        return {}
    (first, first_side), (second, second_side) = parts[0], parts[1]
    if first_side in ("N", "S") and second_side in ("E", "W"):
        return {"lat_deg": first, "lon_deg": second}
    if first_side in ("E", "W") and second_side in ("N", "S"):
        return {"lon_deg": first, "lat_deg": second}
    if first_side in _SIDES or second_side in _SIDES:
        return {}
    if len(parts) > 2 and parts[2] is not None and parts[2][1] == "M":  # noqa: PLR2004
        return {"lat_deg": first, "lon_deg": second}
    return {"lon_deg": first, "lat_deg": second}


def _spans(inside: str, begin: int) -> Iterator[tuple[int, int]]:
    """Part what stands in parentheses; commas part numbers, unless they are all the decimal points there are."""
    mark, together = ",", 1
    if ";" in inside:
        mark = ";"
    elif "." not in inside and ", " in inside:
        mark = ", "
    elif "." not in inside and inside.count(",") > 2:  # noqa: PLR2004
        together = 2
    pieces = inside.split(mark)
    for first in range(0, len(pieces) - len(pieces) % together, together):
        length = len(mark.join(pieces[first : first + together]))
        yield begin, begin + length
        begin += length + len(mark)


def _part(cue: str, start: int, end: int) -> tuple[Number, str] | None:
    """Read a number and the letter beside it: S and W make it negative, N and E leave what its sign says."""
    part = cue[start:end].replace(",", ".")
    found = _PART.fullmatch(part.strip())
    if found is None:
        return None
    side = found.group(1) or found.group(3)
    start += len(part) - len(part.lstrip())
    first, last = found.span(2)
    return Number(start + first, start + last, is_south_or_west=side in ("S", "W")), side


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return number(written)
