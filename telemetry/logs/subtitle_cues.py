"""What DJI and Autel aircraft write into subtitle cues: every public variant of it, as columns.

Traps, read off real files: Autel's ``.ASS`` letters its numbers, as in ``GPS(W: -100.5, N: 31.5, ..)``.
``GPS()`` of DJI holds longitude first, except where its altitude ends in ``M`` (Matrice 300: latitude
first), and except where a number over 90 shows that it is no latitude; its third number is the
satellite count, except there; ``RTK()`` stands in its place when the receiver has corrections;
``fnum`` and ``focal_len`` are literal or times 100 and 10; ``longtitude`` is misspelt; a cue may
begin at ``00:00:60,000``; ``H``, ``rel_alt``, ``BAROMETER`` and ``Hb`` are heights over the take-off point.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.vertical import FOOT_M
from telemetry.logs.wall_clock import find_wall_clock, utc_ns
from telemetry.pictures.picture_numbers import number
from telemetry.tracks.track_cleaning import stand_exchanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from geo.values import FloatArray

_TIMING: Final = re.compile(
    r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{1,2}[,.]\d{1,3}"
)
_PLACE: Final = re.compile(r"\b(?:GPS|RTK) ?\(([^()]{3,80})\)")
_PART: Final = re.compile(r"(?:([NSEW])\s*:?)?\s*([-+]?\d*\.?\d+)\s*°?\s*([NSEWM]?)")
_DIALOGUE: Final = re.compile(
    r"^Dialogue:[^,]*,\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[.:](\d{1,3})\s*,(.*)$", re.MULTILINE | re.IGNORECASE
)
_TRIPLE: Final = re.compile(r"\b([FG])\.PRY ?\(\s*([-+.\d]+)[^,)]*,\s*([-+.\d]+)[^,)]*,\s*([-+.\d]+)[^)]*\)")
_PAIR: Final = re.compile(
    r"\b([A-Za-z_]+)\s*[:=]\s*([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)(?![\d:])(?:\s?(ft|feet)\b)?"
)
_HEIGHT: Final = re.compile(r"\b(?:H ([-+.\d]+)(m|ft)\b|BAROMETER ?\(\s*([-+.\d]+)\s*\))")

SENSOR_WIDTH_35MM: Final = 34.61
"""Width in millimetres of a 4:3 frame with the diagonal of 36 x 24 mm, which equivalent focal lengths refer to."""
_SCALED_FOCAL: Final = 120.0
"""A focal_len from here on is ten times the equivalent millimetres; no such aircraft films wider than 12 mm."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """Columns of a subtitle file, one row a cue; NaN (or -1 for times) where the cue does not say.

    `stamp_ns` is the camera's local wall clock as if it were UTC, or UTC where `states_zone` says that the cues name a
    zone; `whole_seconds` says that it was written without a fraction.
    """

    start_ns: NDArray[np.int64]
    stamp_ns: NDArray[np.int64]
    whole_seconds: bool
    states_zone: bool
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.start_ns)


COLUMNS: Final = (
    "lat_deg", "lon_deg", "alt_amsl_m", "alt_unstated_m", "alt_rel_home_m",
    "yaw_deg", "pitch_deg", "roll_deg", "gimbal_yaw_deg", "gimbal_pitch_deg", "gimbal_roll_deg", "hfov_deg",
)  # fmt: skip


def split_cues(text: str) -> Iterator[tuple[int, str]]:
    """Give each cue's start in nanoseconds and its text; a file cut short ends with what there is."""
    matches = _TIMING.finditer(text)
    following: re.Match[str] | None = next(matches, None)
    while (match := following) is not None:
        following = next(matches, None)
        end = len(text) if following is None else following.start()
        hours, minutes, seconds = (int(match.group(i) or 0) for i in (1, 2, 3))
        milliseconds = int(match.group(4).ljust(3, "0"))
        yield (
            ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + milliseconds * 1_000_000,
            text[match.end() : end],
        )


def split_dialogue(text: str) -> Iterator[tuple[int, str]]:
    """Give start in nanoseconds and text of each line of an Advanced SubStation Alpha script."""
    for match in _DIALOGUE.finditer(text):
        hours, minutes, seconds = (int(match.group(i)) for i in (1, 2, 3))
        fraction_ms = int(match.group(4).ljust(3, "0"))
        start_ns = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction_ms * 1_000_000
        yield start_ns, match.group(5).replace("\\N", "\n").replace("\\n", "\n")


def is_subtitles(text: str) -> bool:
    """Tell whether a text holds a cue of SubRip or WebVTT, or a line of Advanced SubStation Alpha."""
    return _TIMING.search(text) is not None or _DIALOGUE.search(text) is not None


def read_cues(text: str) -> Cues:
    """Read every cue of a subtitle file: SubRip, WebVTT or Advanced SubStation Alpha."""
    return cue_columns(split_dialogue(text) if _DIALOGUE.search(text) else split_cues(text))


def cue_columns(cues: Iterable[tuple[int, str]]) -> Cues:
    """Read cues given as start (nanoseconds of presentation time) and text, as a subtitle track holds them."""
    starts, stamps, rows = array("q"), array("q"), array("d")
    fractions = zones = 0
    for start_ns, body in cues:
        values = _values(body)
        clock = find_wall_clock(body)
        fractions += clock is not None and clock.has_fraction
        zones += clock is not None and clock.moment.tzinfo is not None
        starts.append(start_ns)
        stamps.append(-1 if clock is None else utc_ns(clock.moment, 0.0))
        rows.extend(map(values.get, COLUMNS, itertools.repeat(math.nan)))
    table = np.array(rows, dtype=np.float64).reshape(len(starts), len(COLUMNS))
    _settle_order(table)
    return Cues(
        start_ns=np.array(starts, dtype=np.int64),
        stamp_ns=np.array(stamps, dtype=np.int64),
        whole_seconds=fractions == 0,
        states_zone=zones > 0,
        columns={name: table[:, i] for i, name in enumerate(COLUMNS)},
    )


def _settle_order(table: FloatArray) -> None:
    """Exchange latitude and longitude of a whole file where a latitude over 90 shows that they were taken wrongly."""
    lat, lon = COLUMNS.index("lat_deg"), COLUMNS.index("lon_deg")
    if stand_exchanged(table[:, lat], table[:, lon]):
        table[:, [lat, lon]] = table[:, [lon, lat]]


def _values(body: str) -> dict[str, float]:
    pairs = {
        name.lower(): number(value.replace(",", ".")) * (FOOT_M if unit else 1.0)
        for name, value, unit in _PAIR.findall(body)
    }
    values: dict[str, float] = {}
    ranks: dict[str, int] = {}
    for key in pairs.keys() & _COLUMN_OF.keys():
        name, rank = _COLUMN_OF[key]
        if rank < ranks.get(name, len(_COLUMN_OF)):
            values[name], ranks[name] = pairs[key], rank
    if "GPS" in body or "RTK" in body:
        values |= _place(body)
        if (height := _HEIGHT.search(body)) is not None:
            unit_m = FOOT_M if height.group(2) == "ft" else 1.0
            values.setdefault("alt_rel_home_m", number(height.group(1) or height.group(3)) * unit_m)
    for letter, pitch, roll, yaw in _TRIPLE.findall(body) if ".PRY" in body else ():
        prefix = "gimbal_" if letter == "G" else ""
        values |= {
            f"{prefix}pitch_deg": number(pitch),
            f"{prefix}roll_deg": number(roll),
            f"{prefix}yaw_deg": number(yaw),
        }
    if (hfov := _hfov(pairs)) is not None:
        values["hfov_deg"] = hfov
    return values


_NAMED: Final[dict[str, tuple[str, ...]]] = {
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
}
"""What each column is called in cues; of several names in one cue the first counts."""
_COLUMN_OF: Final = {key: (name, rank) for name, keys in _NAMED.items() for rank, key in enumerate(keys)}


def _place(body: str) -> dict[str, float]:
    """Read the place in parentheses: by its letters, or by DJI's order."""
    found = _PLACE.search(body)
    parts = [_PART.fullmatch(part.strip()) for part in _parts(found.group(1))] if found is not None else []
    if len(parts) < 2 or parts[0] is None or parts[1] is None:  # noqa: PLR2004
        return {}
    (first, first_side), (second, second_side) = _number_and_side(parts[0]), _number_and_side(parts[1])
    if first_side in ("N", "S") and second_side in ("E", "W"):
        return {"lat_deg": first, "lon_deg": second}
    if first_side in ("E", "W") and second_side in ("N", "S"):
        return {"lon_deg": first, "lat_deg": second}
    if first_side or second_side:
        return {}
    if len(parts) > 2 and parts[2] is not None and parts[2].group(3) == "M":  # noqa: PLR2004
        return {"lat_deg": first, "lon_deg": second}
    return {"lon_deg": first, "lat_deg": second}


def _parts(inside: str) -> list[str]:
    """Part what stands in parentheses; commas part numbers, unless they are all the decimal points there are."""
    if ";" in inside:
        return inside.replace(",", ".").split(";")
    if "." in inside or "," not in inside:
        return inside.split(",")
    if ", " in inside:
        return [part.replace(",", ".") for part in inside.split(", ")]
    parts = inside.split(",")
    whole = len(parts) - len(parts) % 2
    return [f"{parts[i]}.{parts[i + 1]}" for i in range(0, whole, 2)] if len(parts) > 3 else parts  # noqa: PLR2004


def _number_and_side(part: re.Match[str]) -> tuple[float, str]:
    """Return a number and the letter beside it: S and W make it negative, N and E leave what its sign says."""
    side = part.group(1) or part.group(3)
    value = number(part.group(2))
    return (value, "") if side in ("", "M") else (-abs(value) if side in "SW" else value, side)


def _hfov(pairs: dict[str, float]) -> float | None:
    """Return the view that the 35 mm equivalent focal length and the digital zoom give over the whole sensor width."""
    focal_mm = pairs.get("focal_len", 0.0)
    if not focal_mm > 0.0:
        return None
    if focal_mm >= _SCALED_FOCAL or pairs.get("fnum", 0.0) > 64.0:
        focal_mm /= 10.0
    zoom = pairs.get("dzoom_ratio", 1.0)
    zoom = zoom / 10_000.0 if zoom >= 1000.0 else zoom
    return float(np.degrees(2.0 * np.arctan(SENSOR_WIDTH_35MM / 2.0 / (focal_mm * max(zoom, 1.0)))))
