"""Ask hits out of many parts at once: by box of ground, class, time and score.

Parts that cannot hold an answer are left unread by what their records say; the
rest goes to DuckDB, which passes over row groups by their own statistics. It runs
in memory, without extensions, and opens nothing but the files named here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from operations import schema
from operations.parts_file import read_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from operations.values import PartRecord
    from operations.vault.vault import Vault

_OFFLINE: Final[Mapping[str, Any]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
}
"""DuckDB fetches and loads nothing by itself."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HitSelection:
    """Which hits are wanted; what is left open does not choose.

    A box of ground chooses only hits that have a place.
    """

    classes: tuple[str, ...] = ()
    box_deg: tuple[float, float, float, float] | None = None
    """South, west, north, east; a west greater than the east spans the antimeridian."""
    from_utc_ns: int | None = None
    to_utc_ns: int | None = None
    score_min: float | None = None
    """Least calibrated score, or the detector's own where the model has no calibration."""

    def may_be_in(self, part: PartRecord) -> bool:
        """Tell whether a part can hold such a hit, by its record alone."""
        if self.classes and not set(self.classes) & set(part.classes):
            return False
        if part.t_utc_ns is not None:
            first, last = part.t_utc_ns
            if self.from_utc_ns is not None and last < self.from_utc_ns:
                return False
            if self.to_utc_ns is not None and first > self.to_utc_ns:
                return False
        return self.box_deg is None or (part.bbox_deg is not None and _touch(self.box_deg, part.bbox_deg))

    def condition(self) -> tuple[str, dict[str, Any]]:
        """Return the SQL condition and its parameters."""
        terms, values = ["true"], dict[str, Any]()
        if self.classes:
            terms.append("class_name IN (" + ", ".join(f"$class{i}" for i in range(len(self.classes))) + ")")
            values |= {f"class{i}": name for i, name in enumerate(self.classes)}
        if self.box_deg is not None:
            south, west, north, east = self.box_deg
            terms.append("lat_deg BETWEEN $south AND $north")
            terms.append(
                "lon_deg BETWEEN $west AND $east" if west <= east else "(lon_deg >= $west OR lon_deg <= $east)"
            )
            values |= {"south": south, "west": west, "north": north, "east": east}
        for term, name, value in (
            ("t_utc_ns >= $from_ns", "from_ns", self.from_utc_ns),
            ("t_utc_ns <= $to_ns", "to_ns", self.to_utc_ns),
            ("coalesce(score, score_raw) >= $score", "score", self.score_min),
        ):
            if value is not None:
                terms.append(term)
                values[name] = value
        return " AND ".join(terms), values


def _touch(box: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    south, west, north, east = box
    if other[2] < south or other[0] > north:
        return False
    return (other[3] >= west or other[1] <= east) if west > east else (other[3] >= west and other[1] <= east)


def quiet_engine(*, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Return a query engine in memory that fetches and loads nothing, and keeps the heads of files it has read."""
    engine = duckdb.connect(":memory:", config=dict(_OFFLINE))
    engine.execute(f"SET memory_limit = '{int(memory_mb)}MB'")
    engine.execute("SET parquet_metadata_cache = true")
    engine.execute("SET enable_progress_bar = false")  # standard output is for results
    return engine


class HitSearch:
    """A running query engine over one or more operations; heads of files read once are kept.

    Parameters
    ----------
    threads
        Most threads used; None lets DuckDB choose.
    memory_mb
        Most memory DuckDB may take.
    """

    def __init__(self, *, threads: int | None = None, memory_mb: int = 1_024) -> None:
        self._engine = quiet_engine(memory_mb=memory_mb)
        if threads is not None:
            self._engine.execute(f"SET threads = {int(threads)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def hits(
        self,
        folder: Path,
        parts: Sequence[PartRecord],
        selection: HitSelection,
        *,
        vault: Vault,
        columns: Sequence[str] = tuple(schema.HITS.names),
    ) -> pa.Table:
        """Return the chosen hits of an operation's parts, ordered by time, then id.

        Parts of a sealed vault are opened in memory and never as plain files.

        Raises
        ------
        DamagedError
            When a part that may hold an answer is missing or cannot be read.
        """
        listed = [part for part in parts if part.table == "hits" and selection.may_be_in(part)]
        if not listed:
            return schema.HITS.empty_table().select(list(columns))
        condition, values = selection.condition()
        picked = ", ".join(f'"{schema.HITS.field(name).name}"' for name in columns)
        if not vault.encrypted:
            source = "read_parquet($files)"
            values["files"] = [str(folder / part.file) for part in listed]
        else:
            source = "opened"
            opened = pa.concat_tables([read_part(folder, part, vault=vault) for part in listed])
            self._engine.register(source, opened)
        try:
            found = self._engine.sql(
                f"SELECT {picked} FROM {source} WHERE {condition} ORDER BY t_utc_ns, hit_id",  # noqa: S608  # names of our own schema
                params=values,
            )
            return _as_schema(found.to_arrow_table(), columns)
        except duckdb.Error:
            for part in listed:
                read_part(folder, part, vault=vault, columns=["hit_id"])
            raise
        finally:
            if source == "opened":
                self._engine.unregister(source)


def _as_schema(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    wanted = pa.schema([schema.HITS.field(name) for name in columns])
    coded = [
        column.dictionary_encode() if pa.types.is_dictionary(field.type) and pa.types.is_string(column.type) else column
        for column, field in zip(table.columns, wanted, strict=True)
    ]
    return pa.table(coded, names=wanted.names).cast(wanted)
