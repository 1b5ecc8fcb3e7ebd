"""The frames a run looked at: where each was taken from, and what ground it showed."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import UNKNOWN_NS
from detection.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """Where one analysed frame was taken from, and what ground it showed: a row of `Frames`."""

    media_id: str
    frame_index: int
    t_utc_ns: int
    stream: int = 0
    media_t_ns: int = UNKNOWN_NS
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_hae_m: float = math.nan
    pose_reason: str = ""
    footprint_lon_lat: tuple[tuple[float, float], ...] = ()
    """Ring of longitude, latitude pairs; empty when the frame shows no ground we can place."""
    seen_from_ns: int = UNKNOWN_NS
    seen_to_ns: int = UNKNOWN_NS
    """Between these moments the footprint stands for what was seen."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Columns of `FrameRecord`: arrays of shape (n,), and the footprints' rings one after another.

    The ring of frame i is `ring_lon_lat[ring_offsets[i]:ring_offsets[i + 1]]`; an empty one is no footprint.
    """

    media: Labels
    stream: NDArray[np.int16]
    frame_index: NDArray[np.int64]
    media_t_ns: NDArray[np.int64]
    t_utc_ns: NDArray[np.int64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    alt_hae_m: NDArray[np.float64]
    pose_reason: Labels
    seen_from_ns: NDArray[np.int64]
    seen_to_ns: NDArray[np.int64]
    ring_offsets: NDArray[np.int64]
    """Shape (n + 1,)."""
    ring_lon_lat: NDArray[np.float64]
    """Shape (m, 2)."""

    @classmethod
    def of(cls, rows: Sequence[FrameRecord]) -> Frames:
        """Turn rows into columns."""
        numbers: dict[str, Any] = {
            name: np.array([getattr(row, name) for row in rows], dtype=kind) for name, kind in FRAME_NUMBERS.items()
        }
        return cls(
            media=Labels.of(row.media_id for row in rows),
            pose_reason=Labels.of(row.pose_reason for row in rows),
            ring_offsets=np.concatenate([[0], np.cumsum([len(row.footprint_lon_lat) for row in rows])]).astype(
                np.int64
            ),
            ring_lon_lat=np.array([p for row in rows for p in row.footprint_lon_lat], dtype=np.float64).reshape(-1, 2),
            **numbers,
        )

    @classmethod
    def concat(cls, parts: Sequence[Frames]) -> Frames:
        """Join frames, one part after another."""
        if not parts:
            return cls.of([])
        numbers: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in FRAME_NUMBERS
        }
        rings = np.concatenate([np.diff(part.ring_offsets) for part in parts])
        return cls(
            media=Labels.concat([part.media for part in parts]),
            pose_reason=Labels.concat([part.pose_reason for part in parts]),
            ring_offsets=np.concatenate([[0], np.cumsum(rings)]).astype(np.int64),
            ring_lon_lat=np.concatenate([part.ring_lon_lat for part in parts]),
            **numbers,
        )

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    @property
    def posed(self) -> NDArray[np.bool_]:
        """True for each frame whose pose is known."""
        return np.asarray(self.pose_reason.codes < 0)

    @property
    def with_footprint(self) -> NDArray[np.int64]:
        """Rows of the frames that have a footprint."""
        return np.flatnonzero(np.diff(self.ring_offsets))

    def ring(self, row: int) -> NDArray[np.float64]:
        """Return one frame's footprint, shape (k, 2), longitude and latitude."""
        return self.ring_lon_lat[int(self.ring_offsets[row]) : int(self.ring_offsets[row + 1])]

    def __getitem__(self, row: int) -> FrameRecord:
        """Return one row."""
        numbers: dict[str, Any] = {name: getattr(self, name)[row].item() for name in FRAME_NUMBERS}
        return FrameRecord(
            media_id=self.media[row],
            pose_reason=self.pose_reason[row],
            footprint_lon_lat=tuple((float(lon), float(lat)) for lon, lat in self.ring(row)),
            **numbers,
        )

    def __iter__(self) -> Iterator[FrameRecord]:
        """Yield the rows one by one."""
        return (self[row] for row in range(len(self)))


FRAME_NUMBERS: Final[dict[str, type[np.generic]]] = {
    "stream": np.int16,
    "frame_index": np.int64,
    "media_t_ns": np.int64,
    "t_utc_ns": np.int64,
    "lat_deg": np.float64,
    "lon_deg": np.float64,
    "alt_hae_m": np.float64,
    "seen_from_ns": np.int64,
    "seen_to_ns": np.int64,
}
"""Columns of plain numbers, by name, with their types."""
