"""Numeric columns of a table parted by commas, semicolons or tabs, below a line that names them."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.text_encoding import encoding_of
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from geo.values import FloatArray

MAX_ROWS: Final = 1_000_000
"""A day at 10 rows a second; more is refused (FAULTS 27)."""

MAX_HEADER: Final = 1 << 16
"""Characters of a header line that are looked at to tell what parts its cells."""
MAX_LEADING: Final = 20
"""Lines that are looked at for the header."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """Columns by name in lower case, each with `rows` entries: numbers (NaN where a cell is none), or texts.

    `with_semicolons` tells that its cells are parted so, as where numbers have decimal commas and days come first.
    """

    path: Path
    rows: int
    with_semicolons: bool
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


def _number_with_comma(cell: str) -> float:
    """Return a number of a table whose cells are not parted by commas: the last mark is the decimal point."""
    point = max(cell.rfind(","), cell.rfind("."))
    if point < 0:
        return _number(cell)
    whole = cell[:point].replace("." if cell[point] == "," else ",", "")
    return _number(f"{whole}.{cell[point + 1 :]}")


def _quoted_number(cell: str) -> float:
    """Return a number of a table whose cells are parted by commas; NaN for ``1,968``, which is two numbers."""
    if "," in cell and "." not in cell and len(cell) - cell.rfind(",") == len(",000"):
        return math.nan
    return _number_with_comma(cell) if "," in cell else _number(cell)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How many lines stand before the header, and what parts the cells."""

    skipped: int = 0
    separator: str = ","


def _shape(lines: Iterable[str]) -> _Shape:
    """Tell by the first lines: blank ones, then perhaps one that states the separator (``sep=;``), then the header."""
    stated = ""
    for number, line in enumerate(itertools.islice(lines, MAX_LEADING)):
        bare = line.lstrip("\ufeff").strip('\r\n" ')
        if bare.lower().startswith("sep="):
            stated = bare[4:5]
        elif bare.strip():
            return _Shape(skipped=number, separator=stated or _separator(line))
    return _Shape()


def _separator(header: str) -> str:
    """Tell by its header line what a table's cells are parted by; the comma, where others are no more frequent."""
    return max((",", ";", "\t"), key=header.count)


def column_names(text: str) -> list[str]:
    """Return the column names of a table, in lower case and without padding; none where a text is no table."""
    lines = text.split("\n")
    shape = _shape(lines)
    try:
        names = next(csv.reader(lines[shape.skipped : shape.skipped + 1], delimiter=shape.separator), [])
    except csv.Error:
        return []
    return [name.lstrip("\ufeff").strip().lower() for name in names]


def read_csv_table(path: Path, numbers: Sequence[str], texts: Sequence[str] = ()) -> CsvTable:
    """Read the wanted columns (by lower-case name) of a table; a column that is there twice counts the first time.

    Raises
    ------
    SourceError
        The file cannot be read, or has more than `MAX_ROWS` rows.
    """
    try:
        with path.open("rb") as raw:
            encoding = encoding_of(raw.read(4))
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            shape = _shape(iter(lambda: file.readline(MAX_HEADER), ""))
            file.seek(0)
            lines = itertools.islice(file, shape.skipped, None)
            return _read(path, csv.reader(lines, delimiter=shape.separator), numbers, texts, shape.separator)
    except csv.Error as error:
        raise SourceError(f"{path}: not a table of comma-separated values ({error})", path=str(path)) from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error


def _read(
    path: Path, lines: Iterator[list[str]], numbers: Sequence[str], texts: Sequence[str], separator: str
) -> CsvTable:
    header = [name.strip().lower() for name in next(lines, [])]
    parse = _quoted_number if separator == "," else _number_with_comma
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
        with_semicolons=separator == ";",
        values={name: np.array(column, dtype=np.float64) for name, (_, column) in values.items()},
        texts={name: column for name, (_, column) in cells.items()},
    )
