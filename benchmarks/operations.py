"""Adding rows to an operation, each commit synced: our parts against rows in SQLite with an R*Tree."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Row
from benchmarks._made_hits import many_hits
from operations.columns import hits_table
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import RunKind, RunRecord, RunState

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, COMMITS = 100_000, 5
RECORDS = 200


def run() -> list[Row]:
    rng = np.random.default_rng(7)
    lat, lon = 50 + rng.normal(size=ROWS) * 0.05, 8 + rng.normal(size=ROWS) * 0.1
    table = hits_table(many_hits(lat, lon), run_id="0" * 16)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        ours = _append(Path("op"), table)
        rival = _sqlite(Path("rival.sqlite"), table)
        verdicts = _records(Path("op"))
    what = f"append {ROWS:,} hits and sync, {COMMITS} times"
    return [
        Row(
            what=what,
            ours=ours,
            rival=rival,
            rival_name="SQLite + R*Tree, WAL, FULL",
            unit="rows/s",
            goal="100,000",
            higher_is_better=True,
        ),
        Row(
            what=f"{RECORDS} records, each synced",
            ours=verdicts,
            rival=_bare_records(),
            rival_name="SQLite rows, WAL, FULL",
            unit="records/s",
            higher_is_better=True,
        ),
    ]


def _append(path: Path, table: pa.Table) -> float:
    record = RunRecord(run_id="0" * 16, media_ids=(), kind=RunKind.LIVE, state=RunState.RUNNING, settings={})
    with (
        OperationStore.create(path, name="n", actor="a", clock=time.time_ns) as store,
        store.begin_run(record) as writer,
    ):
        start = time.perf_counter()
        for _ in range(COMMITS):
            writer.add("hits", table)
            writer.commit_parts()
        return ROWS * COMMITS / (time.perf_counter() - start)


def _records(path: Path) -> float:
    with OperationStore.open(path, actor="a", clock=time.time_ns) as store:
        start = time.perf_counter()
        for number in range(RECORDS):
            store.append(LeafKind.VERDICT, f"v{number}", {"decision": "confirmed", "track_id": f"T-{number}"})
        return RECORDS / (time.perf_counter() - start)


def _sqlite(path: Path, table: pa.Table) -> float:
    names = ("hit_id", "t_utc_ns", "class_name", "score_raw", "lat_deg", "lon_deg", "ce90_m")
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    with contextlib.closing(_synced(path)) as database:
        database.execute("CREATE TABLE hits (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g)")
        database.execute("CREATE VIRTUAL TABLE place USING rtree(id, x0, x1, y0, y1)")
        start = time.perf_counter()
        for commit in range(COMMITS):
            database.execute("BEGIN")
            ids = range(commit * ROWS, (commit + 1) * ROWS)
            database.executemany(
                "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((i, *row) for i, row in zip(ids, rows, strict=True)),
            )
            database.executemany(
                "INSERT INTO place VALUES (?, ?, ?, ?, ?)",
                ((i, row[5], row[5], row[4], row[4]) for i, row in zip(ids, rows, strict=True)),
            )
            database.execute("COMMIT")
        return ROWS * COMMITS / (time.perf_counter() - start)


def _bare_records() -> float:
    with tempfile.TemporaryDirectory() as name, contextlib.closing(_synced(Path(name, "records.sqlite"))) as database:
        database.execute("CREATE TABLE verdict (id TEXT PRIMARY KEY, body TEXT)")
        start = time.perf_counter()
        for number in range(RECORDS):
            database.execute("INSERT INTO verdict VALUES (?, ?)", (f"v{number}", '{"decision": "confirmed"}'))
        return RECORDS / (time.perf_counter() - start)


def _synced(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database
