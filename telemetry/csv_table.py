"""Numeric columns of a comma-separated table whose first line names them."""

from __future__ import annotations

import csv
import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from geo.values import FloatArray

MAX_ROWS: Final = 5_000_000
"""A day at 50 rows a second; more is refused (FAULTS 27)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """Cells as text, by column name in lower case; every column has the same number of rows."""

    path: Path
    cells: dict[str, list[str]]
    rows: int

    def find(self, *names: str) -> str | None:
        """Return the first of the names that is a column."""
        return next((name for name in names if name in self.cells), None)

    def numbers(self, *names: str) -> FloatArray:
        """Return the first of the named columns as numbers; NaN where a cell, or the column, is missing."""
        name = self.find(*names)
        if name is None:
            return np.full(self.rows, np.nan)
        return np.array([_number(cell) for cell in self.cells[name]], dtype=np.float64)

    def texts(self, name: str) -> list[str]:
        """Return a column's cells."""
        return self.cells[name]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def column_names(line: str) -> list[str]:
    """Return the column names of a header line, in lower case and without padding; none where it is no table."""
    try:
        return [name.strip().lower() for name in next(csv.reader([line.lstrip("\ufeff")]), [])]
    except csv.Error:
        return []


def read_csv_table(path: Path, wanted: Sequence[str]) -> CsvTable:
    """Read the wanted columns (by lower-case name) of a table; a column that is there twice counts the first time.

    Raises
    ------
    SourceError
        The file cannot be read, or has more than `MAX_ROWS` rows.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return _read(path, csv.reader(file), wanted)
    except csv.Error as error:
        raise SourceError(f"{path}: not a table of comma-separated values ({error})", path=str(path)) from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error


def _read(path: Path, lines: Iterable[list[str]], wanted: Sequence[str]) -> CsvTable:
    stream = iter(lines)
    header = [name.strip().lower() for name in next(stream, [])]
    places = {name: header.index(name) for name in wanted if name in header}
    cells: dict[str, list[str]] = {name: [] for name in places}
    rows = 0
    for line in stream:
        if not line:
            continue
        rows += 1
        if rows > MAX_ROWS:
            raise SourceError(f"{path}: more than {MAX_ROWS} rows", path=str(path))
        for name, place in places.items():
            cells[name].append(line[place] if place < len(line) else "")
    return CsvTable(path=path, cells=cells, rows=rows)
