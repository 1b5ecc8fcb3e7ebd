"""Numeric columns of a table parted by commas or semicolons whose first line names them."""

from __future__ import annotations

import csv
import dataclasses
import math
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from geo.values import FloatArray

MAX_ROWS: Final = 1_000_000
"""A day at 10 rows a second; more is refused (FAULTS 27)."""

MAX_HEADER: Final = 1 << 16
"""Characters of a header line that are looked at to tell what parts its cells."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """Columns by name in lower case, each with `rows` entries: numbers (NaN where a cell is none), or texts."""

    path: Path
    rows: int
    values: Mapping[str, FloatArray]
    texts: Mapping[str, list[str]]

    def find(self, *names: str) -> str | None:
        """Return the first of the names that is a column of numbers."""
        return next((name for name in names if name in self.values), None)

    def numbers(self, *names: str) -> FloatArray:
        """Return the first of the named columns; NaN everywhere where none is there."""
        name = self.find(*names)
        return np.full(self.rows, np.nan) if name is None else self.values[name]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _comma_number(cell: str) -> float:
    return _number(cell.replace(",", "."))


def _separator(header: str) -> str:
    """Tell by its header line what a table's cells are parted by; with semicolons, commas are decimal points."""
    return ";" if header.count(";") > header.count(",") else ","


def column_names(line: str) -> list[str]:
    """Return the column names of a header line, in lower case and without padding; none where it is no table."""
    try:
        names = next(csv.reader([line.lstrip("\ufeff")], delimiter=_separator(line)), [])
    except csv.Error:
        return []
    return [name.strip().lower() for name in names]


def read_csv_table(path: Path, numbers: Sequence[str], texts: Sequence[str] = ()) -> CsvTable:
    """Read the wanted columns (by lower-case name) of a table; a column that is there twice counts the first time.

    Raises
    ------
    SourceError
        The file cannot be read, or has more than `MAX_ROWS` rows.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            separator = _separator(file.readline(MAX_HEADER))
            file.seek(0)
            return _read(path, csv.reader(file, delimiter=separator), numbers, texts, separator)
    except csv.Error as error:
        raise SourceError(f"{path}: not a table of comma-separated values ({error})", path=str(path)) from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error


def _read(
    path: Path, lines: Iterator[list[str]], numbers: Sequence[str], texts: Sequence[str], separator: str
) -> CsvTable:
    header = [name.strip().lower() for name in next(lines, [])]
    parse = _number if separator == "," else _comma_number
    values = {name: (header.index(name), array("d")) for name in numbers if name in header}
    cells: dict[str, tuple[int, list[str]]] = {name: (header.index(name), []) for name in texts if name in header}
    rows = 0
    for line in lines:
        if not line:
            continue
        rows += 1
        if rows > MAX_ROWS:
            raise SourceError(f"{path}: more than {MAX_ROWS} rows", path=str(path))
        for place, column in values.values():
            column.append(parse(line[place]) if place < len(line) else math.nan)
        for place, text_column in cells.values():
            text_column.append(line[place] if place < len(line) else "")
    return CsvTable(
        path=path,
        rows=rows,
        values={name: np.array(column, dtype=np.float64) for name, (_, column) in values.items()},
        texts={name: column for name, (_, column) in cells.items()},
    )
