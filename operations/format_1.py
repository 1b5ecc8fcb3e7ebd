"""Operations of format 1: how they lie on disk, read as what format 2 keeps.

There were `operation.sqlite` with the tables operation, media and audit (a chain of
hashes), `media/<sha256><suffix>` (a folder for pictures), and four Parquet tables in
`derived/<sha256>/`. Nothing here writes into such a folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operations import schema
from operations.case_access import HEAD_FILE, connect
from operations.errors import DamagedError
from operations.originals import identify, look_over, suffix_of
from operations.values import MediaKind, MediaRecord, Member, RunKind, RunRecord, RunState, run_id_of

if TYPE_CHECKING:
    from pathlib import Path

DERIVED: Final = "derived"
_AUDIT: Final = ("seq", "t_utc_ns", "actor", "action", "details", "previous_sha256", "sha256")
_GENESIS: Final = "0" * 64
_COUNTS: Final = ("frames", "frames_with_pose", "klv_packets", "klv_bad_checksum", "hits")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OldOriginal:
    """One recorded original with its run and rows; without a run where its tables cannot be read."""

    media: MediaRecord
    files: tuple[Path, ...]
    """Where its members lie, in their order."""
    run: RunRecord | None
    tables: dict[str, pa.Table]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OldOperation:
    """Everything a folder of format 1 holds, but for the rows."""

    folder: Path
    name: str
    created_t_utc_ns: int
    records: tuple[dict[str, Any], ...]
    audit: tuple[dict[str, Any], ...]
    head: str
    """What `log.head` says; empty where it is gone."""

    @classmethod
    def read(cls, folder: Path) -> OldOperation:
        """Read the case file; the log's chain is not judged here.

        Raises
        ------
        DamagedError
            When it is no case file of format 1 any more.
        """
        try:
            with contextlib.closing(connect(folder, read_only=True)) as access:
                name, created = access.database.execute("SELECT name, created_t_utc_ns FROM operation").fetchone()
                media = access.database.execute("SELECT record FROM media ORDER BY rowid").fetchall()
                audit = access.database.execute(f"SELECT {', '.join(_AUDIT)} FROM audit ORDER BY seq").fetchall()  # noqa: S608
            records = tuple(json.loads(row[0]) for row in media)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise DamagedError(
                f"the case file of {folder} cannot be read as format 1 ({error}): restore it from a copy",
                path=str(folder),
            ) from error
        return cls(
            folder=folder,
            name=str(name),
            created_t_utc_ns=int(created),
            records=records,
            audit=tuple(dict(zip(_AUDIT, row, strict=True)) for row in audit),
            head=_head(folder),
        )

    def problems(self) -> tuple[str, ...]:
        """Name every place where the old log's chain of hashes does not hold."""
        found, previous = [], _GENESIS
        for place, entry in enumerate(self.audit):
            if entry["seq"] != place:
                found.append(f"line {place} of the log of format 1 is missing")
                break
            fields = [entry[name] for name in _AUDIT[:-1]]
            digest = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
            if entry["previous_sha256"] != previous or digest != entry["sha256"]:
                found.append(f"line {place} of the log of format 1 was changed")
            previous = entry["sha256"]
        count, _, last = self.head.partition(" ")
        if not count.isdigit():
            found.append("the head of the log of format 1 is gone")
        elif int(count) > len(self.audit) or (int(count) and self.audit[int(count) - 1]["sha256"] != last):
            found.append(f"the log of format 1 had {count} lines when its head was kept, and is not that log any more")
        return tuple(found)

    def original(self, record: dict[str, Any]) -> tuple[OldOriginal, tuple[str, ...]]:
        """Read one original's record and rows; returns what is wrong with them, too."""
        sha256 = str(record["sha256"])
        media, files, problems = self._media(sha256, record)
        settings = {"model": str(record["model"]), "format": 1}
        run = RunRecord(
            run_id=run_id_of([sha256], settings, 0),
            media_ids=(sha256,),
            kind=RunKind.RECORD,
            state=RunState.FINISHED,
            settings=settings,
            finished_t_utc_ns=int(record["ingested_t_utc_ns"]),
            problems=tuple(map(str, record["problems"])),
            partial=bool(record["partial"]),
        )
        try:
            tables = {
                name: convert(pq.read_table(self.folder / DERIVED / sha256 / f"{name}.parquet"), run.run_id)
                for name, convert in _CONVERT.items()
            }
        except (OSError, KeyError, pa.ArrowException) as error:
            problems += (f"the tables of {media.name} cannot be read ({error}): ingest it again",)
            return OldOriginal(media=media, files=files, run=None, tables={}), problems
        counts = {name: int(record[name]) for name in _COUNTS}
        counts |= {
            "hits_placed": int(pc.sum(pc.is_null(tables["hits"]["reason"])).as_py() or 0),
            "tracks": tables["tracks"].num_rows,
        }
        run = dataclasses.replace(run, counts=counts)
        return OldOriginal(media=media, files=files, run=run, tables=tables), problems

    def _media(self, sha256: str, record: dict[str, Any]) -> tuple[MediaRecord, tuple[Path, ...], tuple[str, ...]]:
        """Return an original's record and its files where they lie."""
        name, size = str(record["name"]), int(record["size_bytes"])
        kind = MediaKind(record["kind"])
        if kind is MediaKind.VIDEO:
            found = sorted((self.folder / "media").glob(f"{sha256}*"))
            suffix = suffix_of(found[0].name) if found else suffix_of(name)
            member = Member(path=name, size_bytes=size, sha256=sha256, suffix=suffix)
            media = MediaRecord(id=sha256, name=name, kind=kind, size_bytes=size, members=(member,))
            gone = () if found else (f"the original {name} is gone from the media folder",)
            return media, tuple(found[:1]), gone
        folder = self.folder / "media" / sha256
        if not folder.is_dir() or not any(folder.iterdir()):
            media = MediaRecord(id=sha256, name=name, kind=kind, size_bytes=size, members=())
            return media, (), (f"the original {name} is gone from the media folder",)
        offered = look_over(folder)
        media = identify(offered)
        problems = () if media.id == sha256 else (f"the original {name} was changed",)
        files = tuple(path for _, path in offered.files)
        return dataclasses.replace(media, id=sha256, name=name), files, problems


def _head(folder: Path) -> str:
    try:
        return (folder / HEAD_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _hits(old: pa.Table, run_id: str) -> pa.Table:
    box = pc.list_flatten(old["box_px"]).to_numpy().reshape(-1, 4)
    edges = {name: box[:, i] for i, name in enumerate(("box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px"))}
    renamed = {"media_id": old["media_sha256"], "score_raw": old["score"], **edges}
    return _table(old, {**renamed, "score": None}, run_id, schema.HITS)


def _tracks(old: pa.Table, run_id: str) -> pa.Table:
    return _table(old, {}, run_id, schema.TRACKS)


def _frames(old: pa.Table, run_id: str) -> pa.Table:
    points = old["footprint_lon_lat"].combine_chunks()
    lengths = pc.list_value_length(points)
    offsets = pc.multiply(points.offsets, 2)
    ring = pa.ListArray.from_arrays(offsets, points.values.flatten(), mask=pc.equal(lengths, 0))
    reason = pc.if_else(pc.equal(old["pose_reason"], ""), None, old["pose_reason"])
    return _table(
        old, {"media_id": old["media_sha256"], "pose_reason": reason, "footprint": ring}, run_id, schema.FRAMES
    )


def _chips(old: pa.Table, _run_id: str) -> pa.Table:
    return _table(old, {}, "", schema.CHIPS)


_CONVERT: Final = {"hits": _hits, "tracks": _tracks, "frames": _frames, "chips": _chips}


def _table(old: pa.Table, renamed: dict[str, Any], run_id: str, wanted: pa.Schema) -> pa.Table:
    """Return old columns under new names; what format 1 did not have is null, or stream 0."""
    columns = []
    for field in wanted:
        if field.name == "run_id":
            column: Any = pa.array([run_id] * old.num_rows, pa.string())
        elif field.name == "stream":
            column = pa.array([0] * old.num_rows, pa.int16())
        elif field.name in renamed:
            column = renamed[field.name]
        else:
            column = old[field.name] if field.name in old.column_names else None
        columns.append(_cast(column, field, old.num_rows))
    return pa.table(columns, schema=wanted)


def _cast(column: Any, field: pa.Field, count: int) -> Any:
    if column is None:
        return pa.nulls(count, field.type)
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        column = pa.array(column)
    if field.nullable and pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_dictionary(field.type):
        empty = pc.equal(column, "")
        column = pc.if_else(empty, pa.scalar(None, pa.string()), column) if field.nullable else column
        return pc.dictionary_encode(column).cast(field.type)
    return column.cast(field.type)
