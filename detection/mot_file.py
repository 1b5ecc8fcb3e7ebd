"""Boxes with identities in the text format of the MOT challenges: frame, id, left, top, width, height, and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from detection.errors import TruthError
from detection.track_scoring import Boxes

if TYPE_CHECKING:
    from pathlib import Path

FILE_BYTES_MAX: Final = 500_000_000
PEDESTRIAN: Final = 1
"""The class of MOT16 and later that counts; 2DMOT2015 has no class column."""


def read_mot(path: Path, *, truth: bool) -> Boxes:
    """Read a MOT file (Milan et al. 2016, arXiv 1603.00831, section 4).

    Parameters
    ----------
    path
        Comma-separated rows of six numbers or more.
    truth
        Whether it says what was there: rows whose seventh number is 0, or whose class is no pedestrian, do not count.

    Raises
    ------
    TruthError
        When the file cannot be read so.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError("too large")
        rows = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise TruthError(
            f"{path}: cannot be read as a MOT file ({str(error)[:80]}); "
            "give rows of frame, id, left, top, width, height",
            path=str(path),
        ) from error
    if not rows.size:
        rows = np.zeros((0, 6))
    if rows.shape[1] < 6 or not np.isfinite(rows[:, :6]).all() or (rows[:, 4:6] <= 0.0).any():
        raise TruthError(f"{path}: a MOT row has frame, id, left, top, and a width and height above 0", path=str(path))
    if truth and rows.shape[1] > 6:
        rows = rows[rows[:, 6] != 0.0]
        if rows.shape[1] > 8:
            rows = rows[rows[:, 7] == PEDESTRIAN]
    return Boxes(
        frame=rows[:, 0].astype(np.int64),
        identity=rows[:, 1].astype(np.int64),
        boxes_px=np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]),
        class_names=np.full(len(rows), "person"),
    )
