"""Things that were found: tracks, and hits that belong to no track, as columns with their places."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import UNKNOWN_NS
from detection.labels import Labels
from operations.finding.ids import Ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing: a machine's assessment of what stood somewhere at some time; a row of `Things`."""

    thing_id: str
    """Id of its track, or of the hit where it is a single one."""
    run_id: str
    source: int
    """Which of the operations asked it is of, from 0."""
    single: bool
    """Whether it is one hit that belongs to no track."""
    class_name: str
    hits: int
    first_utc_ns: int
    last_utc_ns: int
    existence: float
    """Probability that there was such a thing; NaN where it was not worked out."""
    score: float
    """Best score of its hits."""
    calibrated: bool
    """Whether `score` is a probability; otherwise it is the detector's own number."""
    speed_mps: float
    heading_deg: float
    best_hit_id: str
    """The hit with the best score; media, frame and times of the picture are this one's."""
    media_id: str
    stream: int
    frame_index: int
    media_t_ns: int
    shown_utc_ns: int
    t_utc_ns: int
    """When it was at the place given: the last moment that was asked for."""
    lat_deg: float
    lon_deg: float
    alt_hae_m: float
    ce90_m: float
    reason: str
    """Why there is no place; empty where there is one."""
    border_m: float = math.nan
    border_bearing_deg: float = math.nan
    closest_m: float = math.nan
    """Least distance from the border in the time asked for."""
    closest_utc_ns: int = UNKNOWN_NS
    decision: str = ""
    """What people decided, `CONFLICT` where two of them decided differently; empty where nobody has."""
    decided_by: str = ""
    """Who decided what."""
    joined_with: str = ""
    """Ids of the tracks that people took for the same thing."""

    @property
    def probability(self) -> float:
        """Probability that there was such a thing: of the track, else of its best hit; NaN where neither is known."""
        if math.isnan(self.existence):
            return self.score if self.calibrated else math.nan
        return self.existence

    @property
    def placed(self) -> bool:
        """Whether its place is known."""
        return not self.reason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Things:
    """Columns of `Thing`, and of each its points in order of time, one thing after another.

    Points of thing i are those from `offsets[i]` to `offsets[i + 1]`.
    """

    ids: dict[str, Ids]
    text: dict[str, Labels]
    number: dict[str, NDArray[Any]]
    offsets: NDArray[np.int64]
    point_t_utc_ns: NDArray[np.int64]
    point_lat_deg: NDArray[np.float64]
    point_lon_deg: NDArray[np.float64]
    point_ce90_m: NDArray[np.float32]

    @classmethod
    def none(cls) -> Things:
        """Return no things."""
        return cls(
            ids={name: Ids.of(()) for name in IDS},
            text={name: Labels.of(()) for name in TEXTS},
            number={name: np.zeros(0, kind) for name, kind in NUMBERS.items()},
            offsets=np.zeros(1, np.int64),
            point_t_utc_ns=np.zeros(0, np.int64),
            point_lat_deg=np.zeros(0),
            point_lon_deg=np.zeros(0),
            point_ce90_m=np.zeros(0, np.float32),
        )

    @classmethod
    def concat(cls, parts: Sequence[Things]) -> Things:
        """Join things, one after another."""
        if len(parts) < 2:
            return parts[0] if parts else cls.none()
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            ids={name: Ids.concat([part.ids[name] for part in parts]) for name in IDS},
            text={name: Labels.concat([part.text[name] for part in parts]) for name in TEXTS},
            number={name: np.concatenate([part.number[name] for part in parts]) for name in NUMBERS},
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in POINTS},
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: NDArray[np.int64]) -> Things:
        """Return some things with their points."""
        of_thing, points = self.points_of(rows)
        lengths = np.bincount(of_thing, minlength=len(rows))
        return Things(
            ids={name: column.take(rows) for name, column in self.ids.items()},
            text={name: column.take(rows) for name, column in self.text.items()},
            number={name: column[rows] for name, column in self.number.items()},
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            **{name: getattr(self, name)[points] for name in POINTS},
        )

    def points_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for all points of some things: which of `rows` each is of, and where it stands."""
        start, length = self.offsets[rows], np.diff(self.offsets)[rows]
        of_thing = np.repeat(np.arange(len(rows)), length)
        before = np.cumsum(length) - length
        return of_thing, np.arange(int(length.sum())) - before[of_thing] + start[of_thing]

    def with_numbers(self, **columns: NDArray[Any]) -> Things:
        """Return the same things with some columns of numbers replaced."""
        return dataclasses.replace(self, number=self.number | columns)

    def __getitem__(self, row: int) -> Thing:
        """Return one row."""
        fields: dict[str, Any] = {name: column[row].item() for name, column in self.number.items()}
        fields |= {name: column[row] for columns in (self.ids, self.text) for name, column in columns.items()}
        return Thing(**fields)

    def __iter__(self) -> Iterator[Thing]:
        """Yield the rows one by one: for what is shown or written, not for searching."""
        return (self[row] for row in range(len(self)))


IDS: Final = ("thing_id", "best_hit_id")
"""Columns of strings that are nearly all different."""
TEXTS: Final = ("run_id", "class_name", "media_id", "reason", "decision", "decided_by", "joined_with")
"""Columns of strings that come again and again."""
NUMBERS: Final[dict[str, type[np.generic]]] = {
    "source": np.int32,
    "single": np.bool_,
    "hits": np.int32,
    "first_utc_ns": np.int64,
    "last_utc_ns": np.int64,
    "existence": np.float32,
    "score": np.float32,
    "calibrated": np.bool_,
    "speed_mps": np.float32,
    "heading_deg": np.float32,
    "stream": np.int16,
    "frame_index": np.int64,
    "media_t_ns": np.int64,
    "shown_utc_ns": np.int64,
    "t_utc_ns": np.int64,
    "lat_deg": np.float64,
    "lon_deg": np.float64,
    "alt_hae_m": np.float32,
    "ce90_m": np.float32,
    "border_m": np.float64,
    "border_bearing_deg": np.float64,
    "closest_m": np.float64,
    "closest_utc_ns": np.int64,
}
"""Columns of one number a thing, with their types."""
POINTS: Final = ("point_t_utc_ns", "point_lat_deg", "point_lon_deg", "point_ce90_m")
