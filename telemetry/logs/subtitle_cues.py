"""What DJI and Autel aircraft write into subtitle cues, as columns; what stands where is `cue_layout`'s.

Traps, read off real files: ``fnum`` and ``focal_len`` are literal or times 100 and 10; a cue may begin at
``00:00:60,000``.
"""

from __future__ import annotations

import dataclasses
import re
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.logs.cue_layout import NAMED, CueLayouts
from telemetry.logs.wall_clock import utc_ns
from telemetry.tracks.track_cleaning import stand_exchanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.logs.cue_layout import CueLayout

_BEGIN: Final = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})\Z")
_BEGIN_LENGTH: Final = len("000:00:00,000")
_ARROW: Final = re.compile(r"-->\s*(?:\d{1,3}:)?\d{1,2}:\d{1,2}[,.]\d{1,3}")
_DIALOGUE_MARK: Final = "dialogue:"
_DIALOGUE: Final = re.compile(
    r"^Dialogue:[^,]*,\s*(\d{1,3}):(\d{1,2}):(\d{1,2})[.:](\d{1,3})\s*,(.*)$", re.MULTILINE | re.IGNORECASE
)

SENSOR_WIDTH_35MM: Final = 34.61
"""Width in millimetres of a 4:3 frame with the diagonal of 36 x 24 mm, which equivalent focal lengths refer to."""
_SCALED_FOCAL: Final = 120.0
"""A focal_len from here on is ten times the equivalent millimetres; no such aircraft films wider than 12 mm."""
_SCALED_F_NUMBER: Final = 64.0
"""An fnum over this is a hundred times the f-number, and then focal_len is scaled, too."""
_SCALED_ZOOM: Final = 1000.0
"""A dzoom_ratio from here on is ten thousand times the zoom."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """Columns of a subtitle file, one row a cue; NaN (or -1 for times) where the cue does not say.

    `stamp_ns` is the camera's local wall clock as if it were UTC, or UTC where `states_zone` says that the cues name a
    zone; `whole_seconds` says that it was written without a fraction, `either_order` that nothing tells whether dates
    begin with the day or the month (the month was taken).
    """

    start_ns: NDArray[np.int64]
    stamp_ns: NDArray[np.int64]
    whole_seconds: bool
    states_zone: bool
    either_order: bool
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.start_ns)


def split_cues(text: str) -> Iterator[tuple[int, str]]:
    """Give each cue's start in nanoseconds and its text; a file cut short ends with what there is."""
    timings = _timings(text)
    following = next(timings, None)
    while (timing := following) is not None:
        following = next(timings, None)
        begin, arrow = timing
        yield _cue_ns(begin), text[arrow.end() : len(text) if following is None else following[0].start()]


def _timings(text: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Find the two times of each cue by the arrow between them: digits are everywhere, arrows are not."""
    free = 0
    for arrow in _ARROW.finditer(text):
        last = arrow.start()
        while last > free and text[last - 1].isspace():
            last -= 1
        begin = _BEGIN.search(text, max(last - _BEGIN_LENGTH, free), last)
        if begin is not None:
            free = arrow.end()
            yield begin, arrow


def split_dialogue(text: str) -> Iterator[tuple[int, str]]:
    """Give start in nanoseconds and text of each line of an Advanced SubStation Alpha script."""
    for match in _DIALOGUE.finditer(text):
        yield _cue_ns(match), match.group(5).replace("\\N", "\n").replace("\\n", "\n")


def _cue_ns(time: re.Match[str]) -> int:
    """Return a time in nanoseconds from groups of hours (which may be absent), minutes, seconds and a fraction."""
    hours, minutes, seconds, fraction = time.group(1, 2, 3, 4)
    whole_s = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole_s * 1_000_000_000 + int(fraction.ljust(3, "0")) * 1_000_000


def is_subtitles(text: str) -> bool:
    """Tell whether a text holds a cue of SubRip or WebVTT, or a line of Advanced SubStation Alpha."""
    return next(_timings(text), None) is not None or _is_dialogue(text)


def _is_dialogue(text: str) -> bool:
    return _DIALOGUE_MARK in text.lower() and _DIALOGUE.search(text) is not None


def read_cues(text: str) -> Cues:
    """Read every cue of a subtitle file: SubRip, WebVTT or Advanced SubStation Alpha."""
    return cue_columns(split_dialogue(text) if _is_dialogue(text) else split_cues(text))


def cue_columns(cues: Iterable[tuple[int, str]]) -> Cues:
    """Read cues given as start (nanoseconds of presentation time) and text, as a subtitle track holds them."""
    starts, rows, layouts, stamps = array("q"), array("d"), CueLayouts(), _Stamps()
    for start_ns, cue in cues:
        layout = layouts.of(cue)
        stamps.add(layout, cue)
        starts.append(start_ns)
        rows.extend(layout.row(cue))
    table = np.array(rows, dtype=np.float64).reshape(len(starts), len(NAMED))
    table[np.isinf(table)] = np.nan
    columns = dict(zip(NAMED, table.T, strict=True))
    _settle_order(columns)
    columns["hfov_deg"] = _hfov_deg(columns.pop("focal_len"), columns.pop("f_number"), columns.pop("zoom"))
    return Cues(
        start_ns=np.array(starts, dtype=np.int64),
        stamp_ns=stamps.settled(),
        whole_seconds=not stamps.fractions,
        states_zone=stamps.zones > 0,
        either_order=stamps.unsure and stamps.day_first is None,
        columns=columns,
    )


class _Stamps:
    """The dates of cues, both ways where day and month could be exchanged, until one of them shows which is meant."""

    def __init__(self) -> None:
        self._month_first, self._day_first = array("q"), array("q")
        self.fractions = self.zones = 0
        self.day_first: bool | None = None
        self.unsure = False

    def add(self, layout: CueLayout, cue: str) -> None:
        """Take the next cue."""
        clock = layout.wall_clock(cue)
        if clock is None:
            self._month_first.append(-1)
            self._day_first.append(-1)
            return
        self.fractions += clock.has_fraction
        self.zones += clock.moment.tzinfo is not None
        stamp_ns = utc_ns(clock.moment, 0.0)
        self._month_first.append(stamp_ns)
        if clock.shows_day_first is not None and self.day_first is None:
            self.day_first = clock.shows_day_first
        if clock.either_order and (other := layout.wall_clock(cue, day_first=True)) is not None:
            self.unsure = True
            stamp_ns = utc_ns(other.moment, 0.0)
        self._day_first.append(stamp_ns)

    def settled(self) -> NDArray[np.int64]:
        """Return the time of each cue as if it were UTC, -1 where it has none."""
        return np.array(self._day_first if self.day_first else self._month_first, dtype=np.int64)


def _settle_order(columns: dict[str, FloatArray]) -> None:
    """Exchange latitude and longitude of a whole file where a latitude over 90 shows that they were taken wrongly."""
    if stand_exchanged(columns["lat_deg"], columns["lon_deg"]):
        columns["lat_deg"], columns["lon_deg"] = columns["lon_deg"], columns["lat_deg"]


def _hfov_deg(focal_len: FloatArray, f_number: FloatArray, zoom: FloatArray) -> FloatArray:
    """Return the view that the 35 mm equivalent focal length and the digital zoom give over the whole sensor width."""
    with np.errstate(invalid="ignore"):
        scaled = (focal_len >= _SCALED_FOCAL) | (f_number > _SCALED_F_NUMBER)
        focal_mm = np.where(focal_len > 0.0, np.where(scaled, focal_len / 10.0, focal_len), np.nan)
        zoom = np.where(zoom >= _SCALED_ZOOM, zoom / 10_000.0, zoom)
    return np.asarray(np.degrees(2.0 * np.arctan(SENSOR_WIDTH_35MM / 2.0 / (focal_mm * np.fmax(zoom, 1.0)))))
