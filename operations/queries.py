"""Which parts can hold an answer at all, by what their records say, and the engine that reads the others.

It runs in memory, without extensions, and opens nothing but the files named to it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.values import PartRecord

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
