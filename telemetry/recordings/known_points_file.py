"""Sightings of known points, as a person writes them down: a table of moments, pixels and places."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from geo.values import FloatArray
    from telemetry.tracks.datums import Undulation

COLUMNS: Final = ("media_s", "u_px", "v_px", "lat_deg", "lon_deg")
MOST_ROWS: Final = 100_000
_LIMITS: Final = {"lat_deg": 90.0, "lon_deg": 180.0, "u_px": 1e5, "v_px": 1e5, "media_s": 1e6, "alt_m": 1e5}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoints:
    """Columns of the table, heights over the ellipsoid; each of shape (n,)."""

    media_s: FloatArray
    u_px: FloatArray
    v_px: FloatArray
    lat_deg: FloatArray
    lon_deg: FloatArray
    alt_hae_m: FloatArray


def read_known_points(path: Path, undulation: Undulation) -> KnownPoints:
    """Read a CSV with the columns `COLUMNS` and ``alt_amsl_m`` or ``alt_hae_m``.

    Raises
    ------
    InputError
        A column is missing, or a cell is no number that can stand there; the message names line and column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or []]
            height = next((name for name in ("alt_hae_m", "alt_amsl_m") if name in names), "")
            missing = [name for name in COLUMNS if name not in names] + ([] if height else ["alt_amsl_m"])
            if missing:
                raise InputError(
                    f"{path} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)} and alt_amsl_m or "
                    "alt_hae_m",
                    path=str(path),
                )
            reader.fieldnames = names
            taken = itertools.islice(reader, MOST_ROWS + 1)
            rows = [[_cell(row, name, path, reader.line_num) for name in (*COLUMNS, height)] for row in taken]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read as a table: {why.lower()}", path=str(path)) from error
    if not rows or len(rows) > MOST_ROWS:
        held = "no rows" if not rows else f"more than {MOST_ROWS} rows"
        raise InputError(f"{path} holds {held}; one to {MOST_ROWS} are taken", path=str(path))
    table = np.array(rows)
    columns = dict(zip(COLUMNS, table.T[:5], strict=True))
    up = table[:, 5]
    if height == "alt_amsl_m":
        up = up + undulation(columns["lat_deg"], columns["lon_deg"])
    return KnownPoints(**columns, alt_hae_m=up)


def _cell(row: dict[str, str], name: str, path: Path, number: int) -> float:
    try:
        value = float(row.get(name) or "")
    except (TypeError, ValueError):
        value = math.nan
    if not abs(value) <= _LIMITS.get(name, _LIMITS["alt_m"]):
        raise InputError(f"{path}, line {number}: {name} is no number that can stand there: {row.get(name)!r}")
    return value
