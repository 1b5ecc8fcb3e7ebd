"""Moving things followed on the ground, as columns with ragged histories."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import HIT_ID
from detection.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundTrack:
    """A moving thing followed on the ground, with a stable id: a row of `GroundTracks`."""

    track_id: str
    class_name: str
    t_utc_ns: tuple[int, ...]
    lat_deg: tuple[float, ...]
    lon_deg: tuple[float, ...]
    ce90_m: tuple[float, ...]
    speed_mps: float
    heading_deg: float
    hit_ids: tuple[str, ...]
    existence: float = math.nan
    """Probability that there was such a thing at all; NaN where it was not worked out."""
    posterior: tuple[tuple[str, float], ...] = ()
    """Probability of each class, if there was such a thing."""
    ended: str = ""
    """How following ended (`detection.paths.ENDINGS`)."""
    height_ln: float = math.nan
    height_ln_var: float = math.nan
    width_ln: float = math.nan
    width_ln_var: float = math.nan
    """Logarithm of its height and of its width over what its class is expected to show, and the variances of their
    measurement (`detection.track_sizes`); NaN where they are not known."""
    contrast: float = math.nan
    contrast_var: float = math.nan
    """Robust mean of its hits' contrasts, and the variance of that mean (`detection.track_contrast`)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundTracks:
    """Columns of `GroundTrack`: arrays of shape (n,), and the histories one after another.

    Points of track i are those from `offsets[i]` to `offsets[i + 1]`: UTC
    nanoseconds, WGS 84 degrees, CE90 in metres, and the hit each came from.
    """

    track_id: tuple[str, ...]
    class_name: Labels
    existence: NDArray[np.float32]
    posterior_classes: tuple[str, ...]
    posterior: NDArray[np.float32]
    """Shape (n, classes); NaN where it was not worked out."""
    ended: Labels
    speed_mps: NDArray[np.float32]
    heading_deg: NDArray[np.float32]
    height_ln: NDArray[np.float32]
    height_ln_var: NDArray[np.float32]
    width_ln: NDArray[np.float32]
    width_ln_var: NDArray[np.float32]
    """Logarithm of the height and of the width over what its class is expected to show, and the variances of their
    measurement; NaN where they are not known."""
    contrast: NDArray[np.float32]
    contrast_var: NDArray[np.float32]
    """Robust mean of the hits' contrasts, and the variance of that mean; NaN where they are not known."""
    offsets: NDArray[np.int64]
    """Shape (n + 1,)."""
    t_utc_ns: NDArray[np.int64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    ce90_m: NDArray[np.float32]
    hit_id: NDArray[np.bytes_]

    @classmethod
    def of(cls, rows: Sequence[GroundTrack]) -> GroundTracks:
        """Turn rows into columns."""
        points: dict[str, Any] = {
            name: np.array([v for row in rows for v in getattr(row, name)], dtype=kind) for name, kind in POINTS.items()
        }
        numbers: dict[str, Any] = {
            name: np.array([getattr(row, name) for row in rows], dtype=np.float32) for name in NUMBERS
        }
        classes = tuple(sorted({name for row in rows for name, _ in row.posterior}))
        shares = [[dict(row.posterior).get(name, math.nan) for name in classes] for row in rows]
        return cls(
            track_id=tuple(row.track_id for row in rows),
            class_name=Labels.of(row.class_name for row in rows),
            posterior_classes=classes,
            posterior=np.array(shares, dtype=np.float32).reshape(len(rows), len(classes)),
            ended=Labels.of(row.ended for row in rows),
            offsets=np.concatenate([[0], np.cumsum([len(row.t_utc_ns) for row in rows])]).astype(np.int64),
            hit_id=np.array([name.encode("ascii") for row in rows for name in row.hit_ids], dtype=HIT_ID),
            **numbers,
            **points,
        )

    @classmethod
    def concat(cls, parts: Sequence[GroundTracks]) -> GroundTracks:
        """Join tracks, one part after another."""
        if not parts:
            return cls.of([])
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in (*NUMBERS, *POINTS, "hit_id")
        }
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        classes = tuple(sorted({name for part in parts for name in part.posterior_classes}))
        return cls(
            track_id=tuple(name for part in parts for name in part.track_id),
            class_name=Labels.concat([part.class_name for part in parts]),
            posterior_classes=classes,
            posterior=np.concatenate([part.chances_of(classes) for part in parts]),
            ended=Labels.concat([part.ended for part in parts]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            **arrays,
        )

    def __len__(self) -> int:
        return len(self.track_id)

    def chances_of(self, class_names: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability of each of these classes, shape (n, classes); NaN where it was not worked out."""
        table = np.concatenate([self.posterior, np.full((len(self), 1), np.nan, dtype=np.float32)], axis=1)
        places = [self.posterior_classes.index(name) if name in self.posterior_classes else -1 for name in class_names]
        return np.asarray(table[:, places])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many points each track has."""
        return np.diff(self.offsets)

    def points_of(self, row: int) -> slice:
        """Return where the points of one track stand."""
        return slice(int(self.offsets[row]), int(self.offsets[row + 1]))

    def __getitem__(self, row: int) -> GroundTrack:
        """Return one row."""
        where = self.points_of(row)
        numbers: dict[str, Any] = {name: getattr(self, name)[row].item() for name in NUMBERS}
        points: dict[str, Any] = {name: tuple(getattr(self, name)[where].tolist()) for name in POINTS}
        shares = zip(self.posterior_classes, self.posterior[row].tolist(), strict=True)
        return GroundTrack(
            track_id=self.track_id[row],
            class_name=self.class_name[row],
            posterior=tuple((name, share) for name, share in shares if not math.isnan(share)),
            ended=self.ended[row],
            hit_ids=tuple(bytes(name).decode() for name in self.hit_id[where]),
            **numbers,
            **points,
        )

    def __iter__(self) -> Iterator[GroundTrack]:
        """Yield the rows one by one."""
        return (self[row] for row in range(len(self)))


SIZES: Final = ("height_ln", "height_ln_var", "width_ln", "width_ln_var")
CONTRAST: Final = ("contrast", "contrast_var")
"""Columns of how a track's thing looks; parts of before they were kept do not have them."""
NUMBERS: Final = ("existence", "speed_mps", "heading_deg", *SIZES, *CONTRAST)
"""Columns of one number a track."""
POINTS: Final[dict[str, type[np.generic]]] = {
    "t_utc_ns": np.int64,
    "lat_deg": np.float64,
    "lon_deg": np.float64,
    "ce90_m": np.float32,
}
"""Columns of one number a point, with their types."""
