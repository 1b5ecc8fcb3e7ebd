"""Derived rows as Parquet files that are only ever added, each with what its record says of it."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from geo.errors import VedetteError
from operations import schema
from operations.errors import DamagedError
from operations.space_curve import curve_order
from operations.staging import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from operations.values import PartRecord
    from operations.vault.vault import Vault

ROW_GROUP_ROWS: Final = 16_384
"""Small enough that a box of ground leaves most groups unread, large enough that their heads cost nothing.

With LZ4, and dictionaries only for names that repeat by the thousand, a million hits are read four times as fast as
with the writer's own choices, in a file of the same size.
"""


def part_name(run_id: str, table: str, number: int) -> str:
    """Return a part's path inside the operation folder."""
    return f"{PARTS}/{run_id}/{table}-{number:04d}.parquet"


def write_part(table: pa.Table, path: Path, *, final: Path, vault: Vault, record: PartRecord) -> PartRecord:
    """Write rows into a new file that will be `final`, synced; returns `record` with what the rows are.

    Rows with a single place each are ordered along a space-filling curve, then by time.
    """
    table = _ordered(table)
    sink = pa.BufferOutputStream()
    few = [field.name for field in table.schema if pa.types.is_dictionary(field.type) and field.name != "track_id"]
    pq.write_table(table, sink, compression="lz4", row_group_size=ROW_GROUP_ROWS, use_dictionary=few)
    data = sink.getvalue().to_pybytes()
    vault.write((data,), path, final=lambda: final)
    return dataclasses.replace(
        record,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        rows=table.num_rows,
        bbox_deg=_bbox(table),
        seen_bbox_deg=_seen_bbox(table),
        t_utc_ns=_span(table),
        classes=_classes(table),
    )


def read_part(folder: Path, part: PartRecord, *, vault: Vault, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a part's rows; columns that were added since it was written are null.

    Raises
    ------
    DamagedError
        When the file is missing or no Parquet file.
    """
    try:
        with vault.reader(folder / part.file) as stream:
            rows = _by_this_thread(pa.PythonFile(stream, mode="r"), columns)
    except FileNotFoundError as error:
        raise DamagedError(f"{folder / part.file} is missing: {_AGAIN}", path=part.file) from error
    except (OSError, ValueError, KeyError, VedetteError, pa.ArrowException) as error:
        raise DamagedError(f"{folder / part.file} cannot be read ({error}): {_AGAIN}", path=part.file) from error
    return rows if columns is not None else with_columns_since(rows, schema.TABLES[part.table])


def _by_this_thread(file: pa.NativeFile, columns: Sequence[str] | None) -> pa.Table:
    """Read a Parquet file in the thread that asks.

    Arrow's own threads, when they read through a Python file, now and then abort or hold up a process that ends
    (apache/arrow 34314, 50482); a part is read as soon without.
    """
    rows = pq.ParquetFile(file, pre_buffer=False).read(columns=columns, use_threads=False)
    return rows if columns is None else rows.select(columns)


def with_columns_since(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Put in columns that a part of before does not have, so that its rows go with those of newer parts."""
    for place, field in enumerate(wanted):
        if field.name not in rows.column_names:
            rows = rows.add_column(place, field, pa.nulls(rows.num_rows, field.type))
    return rows


def part_is_sound(folder: Path, part: PartRecord, *, vault: Vault) -> bool:
    """Tell whether a part's bytes are those its record tells of."""
    try:
        data = vault.read(folder / part.file)
    except (OSError, VedetteError):
        return False
    return len(data) == part.size_bytes and hashlib.sha256(data).hexdigest() == part.sha256


_AGAIN: Final = "ingest its recording again, which makes it anew"


def _ordered(table: pa.Table) -> pa.Table:
    if not {"lat_deg", "lon_deg", "t_utc_ns", "class_name"} <= set(table.column_names) or not _has_points(table):
        return table
    rows = curve_order(_floats(table["lat_deg"]), _floats(table["lon_deg"]), table["t_utc_ns"].to_numpy())
    return table.take(pa.array(rows))


def _has_points(table: pa.Table) -> bool:
    return "lat_deg" in table.column_names and pa.types.is_floating(table.schema.field("lat_deg").type)


def _floats(column: pa.ChunkedArray) -> Any:
    return pc.fill_null(column, float("nan")).to_numpy()


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.list_flatten(column) if pa.types.is_list(column.type) else column


def _bbox(table: pa.Table) -> tuple[float, float, float, float] | None:
    if not {"lat_deg", "lon_deg"} <= set(table.column_names):
        return None
    lat, lon = _floats(_flat(table["lat_deg"])), _floats(_flat(table["lon_deg"]))
    known = np.isfinite(lat) & np.isfinite(lon)
    if not known.any():
        return None
    lat, lon = lat[known], lon[known]
    return float(lat.min()), float(lon.min()), float(lat.max()), float(lon.max())


def _seen_bbox(table: pa.Table) -> tuple[float, float, float, float] | None:
    if "footprint" not in table.column_names:
        return None
    lon, lat = pc.list_flatten(table["footprint"]).to_numpy().reshape(-1, 2).T
    if not len(lon):
        return None
    west, east = float(lon.min()), float(lon.max())
    if west < -180.0 or east > 180.0:  # a footprint that goes on beyond the antimeridian
        west, east = -180.0, 180.0
    return float(lat.min()), west, float(lat.max()), east


def _span(table: pa.Table) -> tuple[int, int] | None:
    if "t_utc_ns" not in table.column_names:
        return None
    ends = pc.min_max(_flat(table["t_utc_ns"])).as_py()
    return None if ends["min"] is None else (int(ends["min"]), int(ends["max"]))


def _classes(table: pa.Table) -> tuple[str, ...]:
    if "class_name" not in table.column_names:
        return ()
    return tuple(sorted(name for name in pc.unique(table["class_name"]).to_pylist() if name))
