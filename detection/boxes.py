"""Overlap of boxes, and keeping the best of those that overlap."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Overlap(enum.StrEnum):
    """What the shared area is divided by."""

    UNION = "iou"
    SMALLER = "ios"
    """The smaller box: a thing cut by a tile's edge lies wholly inside the whole one."""


def overlap(a_px: NDArray[np.floating], b_px: NDArray[np.floating], by: Overlap = Overlap.UNION) -> NDArray[np.float64]:
    """Overlap of every box of `a_px` (n, 4) with every one of `b_px` (m, 4), shape (n, m), 0..1."""
    a, b = np.asarray(a_px, dtype=np.float64), np.asarray(b_px, dtype=np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    area_a, area_b = (np.prod(np.clip(v[:, 2:] - v[:, :2], 0.0, None), axis=-1) for v in (a, b))
    whole = (
        np.minimum(area_a[:, None], area_b[None]) if by is Overlap.SMALLER else area_a[:, None] + area_b[None] - shared
    )
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0.0))


def suppress(
    boxes_px: NDArray[np.floating],
    scores: NDArray[np.floating],
    classes: NDArray[np.int64],
    *,
    threshold: float,
    by: Overlap = Overlap.UNION,
    most: int = 1000,
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression within each class; rows kept, best first, at most `most`.

    The usual algorithm (Neubeck and Van Gool 2006, Efficient Non-Maximum
    Suppression): take the best box, drop what overlaps it by more than
    `threshold`, repeat.
    """
    left = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    kept: list[int] = []
    while left.size and len(kept) < most:
        best, rest = left[0], left[1:]
        kept.append(int(best))
        shared = overlap(boxes_px[best : best + 1], boxes_px[rest], by)[0]
        left = rest[(shared <= threshold) | (classes[rest] != classes[best])]
    return np.array(kept, dtype=np.int64)
