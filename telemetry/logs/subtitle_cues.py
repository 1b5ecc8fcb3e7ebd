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
import datetime as dt
import re
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.pictures.picture_numbers import number
from telemetry.tracks.time_bases import is_datable, local_to_utc_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from geo.values import FloatArray

_TIMING: Final = re.compile(
    r"(\d{1,3}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
)
_GPS: Final = re.compile(r"\b(?:GPS|RTK) ?\(\s*([-+.\d]+)\s*,\s*([-+.\d]+)\s*(?:,\s*([-+.\d]+)\s*(M?))?\s*\)")
_LETTERED: Final = re.compile(r"\bGPS ?\(\s*([EW]):\s*([-+.\d]+)\s*,\s*([NS]):\s*([-+.\d]+)")
_DIALOGUE: Final = re.compile(r"^Dialogue:[^,]*,\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[.:](\d{1,3})\s*,(.*)$", re.MULTILINE)
_TRIPLE: Final = re.compile(r"\b([FG])\.PRY ?\(\s*([-+.\d]+)[^,)]*,\s*([-+.\d]+)[^,)]*,\s*([-+.\d]+)[^)]*\)")
_PAIR: Final = re.compile(r"\b([A-Za-z_]+)\s*:\s*([-+]?\d+(?:\.\d+)?)(?![\d:])")
_HEIGHT: Final = re.compile(r"\b(?:H ([-+.\d]+)m|BAROMETER ?\(\s*([-+.\d]+)\s*\))")
_MOMENT: Final = re.compile(
    r"(\d{4})[-.](\d{1,2})[-.](\d{1,2}) (\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,3}))?(?:,(\d{1,3}))?"
)

SENSOR_WIDTH_35MM: Final = 34.61
"""Width in millimetres of a 4:3 frame with the diagonal of 36 x 24 mm, which equivalent focal lengths refer to."""
_SCALED_FOCAL: Final = 120.0
"""A focal_len from here on is ten times the equivalent millimetres; no such aircraft films wider than 12 mm."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """Columns of a subtitle file, one row a cue; NaN (or -1 for times) where the cue does not say.

    `stamp_ns` is the camera's local wall clock as if it were UTC; `whole_seconds`
    says that it was written without a fraction.
    """

    start_ns: NDArray[np.int64]
    stamp_ns: NDArray[np.int64]
    whole_seconds: bool
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
        hours, minutes, seconds = (int(match.group(i)) for i in (1, 2, 3))
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
        yield start_ns, match.group(5).replace("\\N", "\n")


def read_cues(text: str) -> Cues:
    """Read every cue of a subtitle file, SubRip or Advanced SubStation Alpha."""
    return cue_columns(split_dialogue(text) if _DIALOGUE.search(text) else split_cues(text))


def cue_columns(cues: Iterable[tuple[int, str]]) -> Cues:
    """Read cues given as start (nanoseconds of presentation time) and text, as a subtitle track holds them."""
    starts, stamps, rows = array("q"), array("q"), array("d")
    fractions = 0
    for start_ns, body in cues:
        values = _values(body)
        stamp_ns, has_fraction = _stamp(body)
        fractions += has_fraction
        starts.append(start_ns)
        stamps.append(stamp_ns)
        rows.extend(values.get(name, np.nan) for name in COLUMNS)
    table = np.array(rows, dtype=np.float64).reshape(len(starts), len(COLUMNS))
    _settle_order(table)
    return Cues(
        start_ns=np.array(starts, dtype=np.int64),
        stamp_ns=np.array(stamps, dtype=np.int64),
        whole_seconds=fractions == 0,
        columns={name: table[:, i] for i, name in enumerate(COLUMNS)},
    )


def _settle_order(table: FloatArray) -> None:
    """Exchange latitude and longitude of a whole file where a latitude over 90 shows that they were taken wrongly."""
    lat, lon = COLUMNS.index("lat_deg"), COLUMNS.index("lon_deg")
    with np.errstate(invalid="ignore"):
        wrong = (np.abs(table[:, lat]) > 90.0).any() and not (np.abs(table[:, lon]) > 90.0).any()
    if wrong:
        table[:, [lat, lon]] = table[:, [lon, lat]]


def _stamp(body: str) -> tuple[int, bool]:
    match = _MOMENT.search(body)
    if match is None:
        return -1, False
    milliseconds = int((match.group(7) or "0").ljust(3, "0"))
    microseconds = milliseconds * 1000 + int(match.group(8) or 0)
    try:
        year, month, day, hour, minute, second = (int(match.group(i)) for i in range(1, 7))
        local = dt.datetime(year, month, day, hour, minute, second, microseconds)  # noqa: DTZ001 - it states no zone
    except ValueError:
        return -1, False
    if not is_datable(local):
        return -1, False
    return local_to_utc_ns(local, 0.0), match.group(7) is not None


def _values(body: str) -> dict[str, float]:
    pairs = {name.lower(): number(value) for name, value in _PAIR.findall(body)}
    values: dict[str, float] = {}
    for name, keys in _NAMED.items():
        found = next((pairs[key] for key in keys if key in pairs), None)
        if found is not None:
            values[name] = found
    if "GPS" in body or "RTK" in body:
        values |= _gps_triple(body)
        if (height := _HEIGHT.search(body)) is not None:
            values.setdefault("alt_rel_home_m", number(height.group(1) or height.group(2)))
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
    "lat_deg": ("latitude",),
    "lon_deg": ("longitude", "longtitude"),
    "alt_amsl_m": ("abs_alt",),
    "alt_unstated_m": ("altitude",),
    "alt_rel_home_m": ("rel_alt", "barometer", "hb", "reh"),
    "yaw_deg": ("drone_yaw",),
    "pitch_deg": ("drone_pitch",),
    "roll_deg": ("drone_roll",),
    "gimbal_yaw_deg": ("gb_yaw",),
    "gimbal_pitch_deg": ("gb_pitch",),
    "gimbal_roll_deg": ("gb_roll",),
}


def _gps_triple(body: str) -> dict[str, float]:
    match = _GPS.search(body)
    if match is None:
        return _lettered(body)
    first, second = number(match.group(1)), number(match.group(2))
    if match.group(4):
        return {"lat_deg": first, "lon_deg": second}
    return {"lon_deg": first, "lat_deg": second}


def _lettered(body: str) -> dict[str, float]:
    """Read Autel's longitude and latitude, whose letter tells the side whatever the sign says."""
    match = _LETTERED.search(body)
    if match is None:
        return {}
    lon, lat = abs(number(match.group(2))), abs(number(match.group(4)))
    return {"lon_deg": -lon if match.group(1) == "W" else lon, "lat_deg": -lat if match.group(3) == "S" else lat}


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
