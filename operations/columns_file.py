"""Hits, tracks, frames and chips as Parquet: one table a kind, written whole or not at all."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from detection.values import GroundHit, GroundTrack
from geo.values import Unplaced
from operations.values import FrameRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def _schema_of(value: type, **special: pa.DataType) -> pa.Schema:
    """Return the Parquet schema of a frozen value from its annotations."""
    plain = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return pa.schema([(f.name, special.get(f.name) or plain[str(f.type)]) for f in dataclasses.fields(value)])


_LIST = pa.list_
HITS = _schema_of(GroundHit, box_px=_LIST(pa.float64(), 4), reason=pa.string())
TRACKS = _schema_of(
    GroundTrack,
    t_utc_ns=_LIST(pa.int64()),
    lat_deg=_LIST(pa.float64()),
    lon_deg=_LIST(pa.float64()),
    ce90_m=_LIST(pa.float64()),
    hit_ids=_LIST(pa.string()),
)
FRAMES = _schema_of(FrameRecord, footprint_lon_lat=_LIST(_LIST(pa.float64(), 2)))
CHIPS = pa.schema([("hit_id", pa.string()), ("jpeg", pa.binary())])


def _write(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, path: Path) -> None:
    columns = {name: [row[name] for row in rows] for name in schema.names}
    temporary = path.with_suffix(".part")
    pq.write_table(pa.table(columns, schema=schema), temporary, compression="zstd")
    os.replace(temporary, path)


def _rows(values: Iterable[Any]) -> list[dict[str, Any]]:
    return [{f.name: getattr(value, f.name) for f in dataclasses.fields(value)} for value in values]


def write_hits(hits: Sequence[GroundHit], path: Path) -> None:
    """Write ground hits; an unplaced hit keeps its reason and NaN numbers."""
    _write([{**row, "reason": row["reason"] and str(row["reason"])} for row in _rows(hits)], HITS, path)


def read_hits(path: Path) -> list[GroundHit]:
    """Read ground hits back as they were written."""
    return [
        GroundHit(
            **{**row, "box_px": tuple(row["box_px"]), "reason": Unplaced(row["reason"]) if row["reason"] else None}
        )
        for row in pq.read_table(path).to_pylist()
    ]


def write_tracks(tracks: Sequence[GroundTrack], path: Path) -> None:
    """Write ground tracks."""
    _write(_rows(tracks), TRACKS, path)


def read_tracks(path: Path) -> list[GroundTrack]:
    """Read ground tracks back as they were written."""
    return [GroundTrack(**_tuples(row)) for row in pq.read_table(path).to_pylist()]


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def write_frames(frames: Sequence[FrameRecord], path: Path) -> None:
    """Write the analysed frames."""
    _write(_rows(frames), FRAMES, path)


def read_frames(path: Path) -> list[FrameRecord]:
    """Read the analysed frames back as they were written."""
    return [
        FrameRecord(**{**row, "footprint_lon_lat": tuple((p[0], p[1]) for p in row["footprint_lon_lat"])})
        for row in pq.read_table(path).to_pylist()
    ]


def write_chips(chips: Mapping[str, bytes], path: Path) -> None:
    """Write the small pictures cut around each hit, by hit id."""
    _write([{"hit_id": hit_id, "jpeg": jpeg} for hit_id, jpeg in chips.items()], CHIPS, path)


def read_chips(path: Path) -> dict[str, bytes]:
    """Read the small pictures back, by hit id."""
    return {row["hit_id"]: row["jpeg"] for row in pq.read_table(path).to_pylist()}
