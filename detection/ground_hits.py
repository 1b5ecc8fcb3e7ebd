"""Detections with their places on the ground, as columns."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.labels import Labels
from geo.values import REASONS, Unplaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

UNKNOWN_NS: Final = int(np.iinfo(np.int64).min)
"""Stands for a time that is not known; no clock reads it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundHit:
    """One detection with its place on the ground, or the reason it has none: a row of `GroundHits`.

    The machine's output is an assessment: `class_name` and the scores say what the
    detector took it for, and no field judges a person.
    """

    hit_id: str
    media_id: str
    frame_index: int
    t_utc_ns: int
    class_name: str
    score_raw: float
    """The detector's own number, 0 to 1; comparable within one model only."""
    box_px: tuple[float, float, float, float]
    score: float = math.nan
    """Calibrated probability that the class is right; NaN where the model has no calibration."""
    stream: int = 0
    """Which video stream of the recording."""
    media_t_ns: int = UNKNOWN_NS
    """Time in the recording itself, from its first frame on."""
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_hae_m: float = math.nan
    ce90_m: float = math.nan
    var_e_m2: float = math.nan
    var_n_m2: float = math.nan
    cov_en_m2: float = math.nan
    slant_m: float = math.nan
    contrast: float = math.nan
    """How much brighter than the ground around it, in spreads of its picture's levels (`detection.contrast`); NaN where
    that was not measured."""
    reason: Unplaced | None = None
    track_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundHits:
    """Columns of `GroundHit`: arrays of shape (n,); numbers without a value are NaN or `UNKNOWN_NS`.

    Boxes are x0, y0, x1, y1 in pixels from the picture's top left corner; positions
    are WGS 84 degrees and metres above the ellipsoid; variances are those of the
    east and north errors. Where `reason_code` is not 0 there is no position.
    """

    hit_id: NDArray[np.bytes_]
    """Ids of up to 20 ASCII characters."""
    media: Labels
    stream: NDArray[np.int16]
    frame_index: NDArray[np.int64]
    media_t_ns: NDArray[np.int64]
    t_utc_ns: NDArray[np.int64]
    class_name: Labels
    score_raw: NDArray[np.float32]
    score: NDArray[np.float32]
    box_px: NDArray[np.float32]
    """Shape (n, 4)."""
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    alt_hae_m: NDArray[np.float32]
    var_e_m2: NDArray[np.float32]
    var_n_m2: NDArray[np.float32]
    cov_en_m2: NDArray[np.float32]
    ce90_m: NDArray[np.float32]
    slant_m: NDArray[np.float32]
    contrast: NDArray[np.float32]
    """How much brighter than the ground around it each is (`detection.contrast`)."""
    reason_code: NDArray[np.int8]
    """Place in `geo.values.REASONS`; 0 is placed."""
    track: Labels

    @classmethod
    def of(cls, rows: Sequence[GroundHit]) -> GroundHits:
        """Turn rows into columns."""
        columns: dict[str, Any] = {
            name: np.array([getattr(row, name) for row in rows], dtype=kind) for name, kind in NUMBERS.items()
        }
        return cls(
            hit_id=np.array([row.hit_id.encode("ascii") for row in rows], dtype=HIT_ID),
            media=Labels.of(row.media_id for row in rows),
            class_name=Labels.of(row.class_name for row in rows),
            track=Labels.of(row.track_id for row in rows),
            box_px=np.array([row.box_px for row in rows], dtype=np.float32).reshape(-1, 4),
            reason_code=np.array([REASONS.index(row.reason) for row in rows], dtype=np.int8),
            **columns,
        )

    @classmethod
    def concat(cls, parts: Sequence[GroundHits]) -> GroundHits:
        """Join hits, one part after another."""
        if not parts:
            return cls.of([])
        joined: dict[str, Any] = {
            field.name: (Labels.concat if isinstance(getattr(parts[0], field.name), Labels) else np.concatenate)(
                [getattr(part, field.name) for part in parts]
            )
            for field in dataclasses.fields(cls)
        }
        return cls(**joined)

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    @property
    def placed(self) -> NDArray[np.bool_]:
        """True for each hit that has a place on the ground."""
        return np.asarray(self.reason_code == 0)

    @property
    def best_score(self) -> NDArray[np.float32]:
        """The calibrated score where there is one, else the detector's own number."""
        return np.where(np.isnan(self.score), self.score_raw, self.score)

    def take(self, rows: NDArray[np.generic] | slice) -> GroundHits:
        """Return the hits chosen by index, mask or slice."""
        chosen: dict[str, Any] = {}
        by_number = isinstance(rows, np.ndarray) and rows.dtype.kind in "iu"
        for field in dataclasses.fields(self):
            column = getattr(self, field.name)
            if isinstance(column, Labels):
                chosen[field.name] = column.take(rows)
            else:  # of boxes, numpy takes rows ten times as fast as it indexes them
                chosen[field.name] = column.take(rows, axis=0) if by_number else column[rows]
        return GroundHits(**chosen)

    def __getitem__(self, row: int) -> GroundHit:
        """Return one row."""
        numbers: dict[str, Any] = {name: getattr(self, name)[row].item() for name in NUMBERS}
        x0, y0, x1, y1 = (float(v) for v in self.box_px[row])
        return GroundHit(
            hit_id=bytes(self.hit_id[row]).decode(),
            media_id=self.media[row],
            class_name=self.class_name[row],
            track_id=self.track[row],
            box_px=(x0, y0, x1, y1),
            reason=REASONS[int(self.reason_code[row])],
            **numbers,
        )

    def __iter__(self) -> Iterator[GroundHit]:
        """Yield the rows one by one: for tests and small lists, not for hot paths."""
        return (self[row] for row in range(len(self)))

    def reasons(self) -> dict[str, int]:
        """Return how many hits have no place, by reason."""
        codes, counts = np.unique(self.reason_code[~self.placed], return_counts=True)
        return {str(REASONS[code]): int(count) for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}


HIT_ID: Final = "S20"
NUMBERS: Final[dict[str, type[np.generic]]] = {
    "stream": np.int16,
    "frame_index": np.int64,
    "media_t_ns": np.int64,
    "t_utc_ns": np.int64,
    "score_raw": np.float32,
    "score": np.float32,
    "lat_deg": np.float64,
    "lon_deg": np.float64,
    "alt_hae_m": np.float32,
    "var_e_m2": np.float32,
    "var_n_m2": np.float32,
    "cov_en_m2": np.float32,
    "ce90_m": np.float32,
    "slant_m": np.float32,
    "contrast": np.float32,
}
"""Columns of plain numbers, by name, with their types."""
