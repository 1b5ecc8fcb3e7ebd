"""Asking hits by box, class and time: an operation's parts, against SQLite with an R*Tree and plain DuckDB."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from benchmarks import Row
from benchmarks._made_hits import many_hits
from detection.labels import Labels
from operations.columns import hits_table
from operations.parts_file import read_part, write_part
from operations.queries import HitSearch, HitSelection
from operations.values import PartRecord
from operations.vault.vault import PlainVault

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.ground_hits import GroundHits

NIGHT_HITS = 50_000
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
T0 = 10**18
CLASSES = ("person", "vehicle", "animal")
COLUMNS = ("hit_id", "class_name", "t_utc_ns", "lat_deg", "lon_deg", "score_raw", "track_id")
"""What a list of hits shows, and what the rival keeps at all."""
ASKED = 40
"""How many questions the median is over."""


def run() -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [_night(folder, night) for night in range(20)]
        ours, plain = _timed(_ours(folder, parts), 20), _timed(_plain(folder, parts), 20)
        with contextlib.closing(_sqlite(folder, parts)) as database:
            rows.append(_row("10⁶ hits: class, box, time", ours, _timed(_rtree(database), 20), "SQLite R*Tree", "10"))
        rows.append(_row("the same", ours, plain, "plain DuckDB, every part", "10"))
        rows.append(_table(folder, parts))
        parts += [_night(folder, night) for night in range(20, 200)]
        ours, plain = _timed(_ours(folder, parts), 200), _timed(_plain(folder, parts), 200)
        rows.append(_row("10⁷ hits: class, box, time", ours, plain, "plain DuckDB, every part", "40"))
    return rows


def _row(what: str, ours_s: float, rival_s: float, rival_name: str, goal: str) -> Row:
    return Row(what=what, ours=ours_s * 1e3, rival=rival_s * 1e3, rival_name=rival_name, unit="ms, median", goal=goal)


def _hits(night: int) -> GroundHits:
    rng = np.random.default_rng(night)
    n = NIGHT_HITS
    made = many_hits(50 + rng.random(n) * 0.5, 8 + rng.random(n))
    return dataclasses.replace(
        made,
        hit_id=np.array([f"{night:04x}{i:08x}".encode() for i in range(n)], dtype="S20"),
        t_utc_ns=T0 + night * DAY_NS + np.sort(rng.integers(0, 8 * HOUR_NS, n)),
        class_name=Labels(names=CLASSES, codes=rng.integers(0, 3, n).astype(np.int32)),
        track=Labels(
            names=tuple(f"T-{night}-{i}" for i in range(n // 50)), codes=(np.arange(n) // 50).astype(np.int32)
        ),
    )


def _night(folder: Path, night: int) -> PartRecord:
    file = f"parts/{night:016x}/hits-0000.parquet"
    path = folder / file
    path.parent.mkdir(parents=True)
    blank = PartRecord(run_id=f"{night:016x}", table="hits", file=file, size_bytes=0, sha256="", rows=0)
    return write_part(hits_table(_hits(night), run_id=blank.run_id), path, final=path, vault=PlainVault(), record=blank)


def _question(rng: np.random.Generator, nights: int) -> HitSelection:
    south, west = 50 + rng.random() * 0.45, 8 + rng.random() * 0.9
    start = T0 + int(rng.integers(0, nights)) * DAY_NS + int(rng.integers(0, 6)) * HOUR_NS
    return HitSelection(
        classes=("person",),
        box_deg=(south, west, south + 0.05, west + 0.1),
        from_utc_ns=start,
        to_utc_ns=start + 2 * HOUR_NS,
    )


def _timed(ask: Callable[[HitSelection], object], nights: int) -> float:
    rng = np.random.default_rng(1)
    ask(_question(rng, nights))
    times = []
    for _ in range(ASKED):
        question = _question(rng, nights)
        start = time.perf_counter()
        ask(question)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _ours(folder: Path, parts: list[PartRecord]) -> Callable[[HitSelection], object]:
    search = HitSearch()
    return lambda question: search.hits(folder, parts, question, vault=PlainVault(), columns=COLUMNS)


def _plain(folder: Path, parts: list[PartRecord]) -> Callable[[HitSelection], object]:
    engine = duckdb.connect()
    engine.execute("SET parquet_metadata_cache = true")
    files = [str(folder / part.file) for part in parts]

    def ask(question: HitSelection) -> object:
        condition, values = question.condition()
        text = f"SELECT {', '.join(COLUMNS)} FROM read_parquet($files) WHERE {condition}"
        return engine.sql(text, params=values | {"files": files}).to_arrow_table()

    return ask


def _sqlite(folder: Path, parts: list[PartRecord]) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "rival.sqlite")
    database.execute("CREATE TABLE hits (id INTEGER PRIMARY KEY, hit_id, class, t, lat, lon, score, track)")
    database.execute("CREATE VIRTUAL TABLE place USING rtree(id, x0, x1, y0, y1)")
    number = 0
    for part in parts:
        table = read_part(folder, part, vault=PlainVault())
        rows = list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
        ids = range(number, number + len(rows))
        number += len(rows)
        database.executemany(
            "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ((i, *row) for i, row in zip(ids, rows, strict=True))
        )
        places = ((i, row[4], row[4], row[3], row[3]) for i, row in zip(ids, rows, strict=True))
        database.executemany("INSERT INTO place VALUES (?, ?, ?, ?, ?)", places)
    database.commit()
    return database


def _rtree(database: sqlite3.Connection) -> Callable[[HitSelection], object]:
    def ask(question: HitSelection) -> object:
        assert question.box_deg is not None
        south, west, north, east = question.box_deg
        text = (
            "SELECT hits.* FROM place JOIN hits USING (id) WHERE x0 >= ? AND x1 <= ? AND y0 >= ? AND y1 <= ? "
            "AND class = ? AND t BETWEEN ? AND ?"
        )
        values = (west, east, south, north, question.classes[0], question.from_utc_ns, question.to_utc_ns)
        return database.execute(text, values).fetchall()

    return ask


def _table(folder: Path, parts: list[PartRecord]) -> Row:
    files = [str(folder / part.file) for part in parts]

    def ours() -> object:
        return [read_part(folder, part, vault=PlainVault()) for part in parts]

    def rival() -> object:
        return duckdb.sql(f"SELECT * FROM read_parquet({files!r})").to_arrow_table()

    times = [min(_clocked(call) for _ in range(3)) for call in (ours, rival)]
    return Row(
        what="10⁶ hits as a table", ours=times[0], rival=times[1], rival_name="plain DuckDB", unit="s", goal="0.3"
    )


def _clocked(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
