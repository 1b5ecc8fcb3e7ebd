"""Overlap of boxes, and keeping the best of those that overlap."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE: Final = 4.0
"""Boxes so many times higher than the median are compared with all others."""


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

    The usual result (Neubeck and Van Gool 2006, Efficient Non-Maximum
    Suppression): take the best box, drop what overlaps it by more than
    `threshold`, repeat. It is worked out on all overlapping pairs at once: in
    each round, boxes without a better rival are kept and drop theirs.
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    better, worse = _overlapping(np.asarray(boxes_px, dtype=np.float64)[order], threshold, by)
    same = classes[order][better] == classes[order][worse]
    better, worse = better[same], worse[same]
    undecided, kept = np.ones(len(order), dtype=bool), np.zeros(len(order), dtype=bool)
    while undecided.any():
        waits = np.zeros(len(order), dtype=bool)
        waits[worse[undecided[better]]] = True
        sure = undecided & ~waits
        kept |= sure
        undecided &= waits
        undecided[worse[sure[better]]] = False
        left = undecided[better] & undecided[worse]
        better, worse = better[left], worse[left]
    return np.asarray(order[kept][:most])


def _overlapping(
    boxes_px: NDArray[np.float64], threshold: float, by: Overlap
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows, the earlier first, whose overlap is above the threshold."""
    i, j = _touching(boxes_px)
    left, top, right, bottom = np.ascontiguousarray(boxes_px.T)
    high = np.minimum(bottom[i], bottom[j]) - np.maximum(top[i], top[j])
    rows = high > 0.0
    i, j, high = i[rows], j[rows], high[rows]
    shared = np.maximum(np.minimum(right[i], right[j]) - np.maximum(left[i], left[j]), 0.0) * high
    area = np.maximum(right - left, 0.0) * np.maximum(bottom - top, 0.0)
    whole = np.minimum(area[i], area[j]) if by is Overlap.SMALLER else area[i] + area[j] - shared
    close = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0.0) > threshold
    i, j = i[close], j[close]
    return np.minimum(i, j), np.maximum(i, j)


def _touching(boxes_px: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows whose boxes may touch: those of one strip or the next, by left edge; large boxes with all."""
    high = boxes_px[:, 3] - boxes_px[:, 1]
    large = high > LARGE * max(float(np.median(high)), 1.0) if len(high) else np.zeros(0, dtype=bool)
    small = np.flatnonzero(~large)
    pairs = [_touching_in_strips(boxes_px[small], small)] if len(small) > 1 else []
    for row in np.flatnonzero(large):
        others = np.flatnonzero(~large | (np.arange(len(large)) > row))
        pairs.append((np.full(len(others), row), others))
    none = np.zeros(0, dtype=np.int64)
    left, right = ([*column] for column in zip(*pairs, strict=True)) if pairs else ([none], [none])
    return np.concatenate(left), np.concatenate(right)


def _touching_in_strips(
    boxes_px: NDArray[np.float64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    top, left, wide = boxes_px[:, 1], boxes_px[:, 0], boxes_px[:, 2] - boxes_px[:, 0]
    strip = np.floor((top - top.min()) / max(float((boxes_px[:, 3] - top).max()), 1.0))
    stride = float(boxes_px[:, 2].max() - left.min() + wide.max()) * 2.0 + 1.0
    key = strip * stride + (left - left.min())
    order = np.argsort(key, kind="stable")
    known, i, j = key[order], [], []
    place = np.arange(len(order))
    for ahead, before in ((0.0, 0.0), (stride, float(wide.max()))):
        low = place + 1 if ahead == 0.0 else np.searchsorted(known, known + ahead - before)
        high = np.searchsorted(known, known + ahead + wide[order], side="right")
        counts = np.maximum(high - low, 0)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        i.append(np.repeat(place, counts))
        j.append(np.repeat(low, counts) + within)
    return rows[order[np.concatenate(i)]], rows[order[np.concatenate(j)]]
