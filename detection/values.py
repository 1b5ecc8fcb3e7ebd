"""Boxes in a picture, hits on the ground, and tracks of moving things."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geo.values import Unplaced


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What a detector found in one frame, as columns; boxes are x0, y0, x1, y1 in pixels."""

    boxes_px: NDArray[np.float32]
    """Shape (n, 4)."""
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.scores)


class Detector(Protocol):
    """Anything that turns pictures into detections."""

    class_names: tuple[str, ...]

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Detect in RGB pictures of shape (h, w, 3), one result each."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundHit:
    """One detection with its place on the ground, or the reason it has none.

    The machine's output is an assessment: `class_name` and `score` say what the
    detector took it for, and no field judges a person.
    """

    hit_id: str
    media_sha256: str
    frame_index: int
    t_utc_ns: int
    class_name: str
    score: float
    box_px: tuple[float, float, float, float]
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_hae_m: float = math.nan
    ce90_m: float = math.nan
    var_e_m2: float = math.nan
    var_n_m2: float = math.nan
    cov_en_m2: float = math.nan
    slant_m: float = math.nan
    reason: Unplaced | None = None
    track_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroundTrack:
    """A moving thing followed on the ground, with a stable id."""

    track_id: str
    class_name: str
    t_utc_ns: tuple[int, ...]
    lat_deg: tuple[float, ...]
    lon_deg: tuple[float, ...]
    ce90_m: tuple[float, ...]
    speed_mps: float
    heading_deg: float
    hit_ids: tuple[str, ...]
