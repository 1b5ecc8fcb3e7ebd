"""An operation's hits as one table, against plain DuckDB."""

from __future__ import annotations

import dataclasses
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


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [_table(folder, [_night(folder, night) for night in range(20)])]


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
