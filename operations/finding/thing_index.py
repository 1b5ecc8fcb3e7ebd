"""All things of an archive's runs that were asked for so far, as arrays in memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detection.ground_hits import UNKNOWN_NS
from detection.labels import Labels
from geo.geodesy import metres_per_degree
from operations import schema
from operations.columns import labels_of, numbers_of
from operations.finding.ids import Ids
from operations.finding.regrouped_rows import RegroupedRows
from operations.finding.things import IDS, NUMBERS, TEXTS, Things
from operations.finding.verdict_marks import decisions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from operations.finding.archive import Archive, SourcePart
    from operations.finding.verdict_marks import Marks
    from operations.values import PartRecord

_BEST: Final = """
SELECT run_id, track_id, count(*) AS hits,
    arg_max({{'best_hit_id': hit_id, 'media_id': media_id, 'stream': stream, 'frame_index': frame_index,
        'media_t_ns': media_t_ns, 'shown_utc_ns': t_utc_ns, 'reason': reason,
        'score': coalesce(score, score_raw), 'calibrated': score IS NOT NULL,
        'lat_deg': lat_deg, 'lon_deg': lon_deg, 'alt_hae_m': alt_hae_m, 'ce90_m': ce90_m}},
        (coalesce(score, score_raw), hit_id)) AS best
FROM {hits} WHERE track_id IS NOT NULL GROUP BY ALL"""
"""Each track's best hit; of equals the one with the last id, so that the same question has the same answer."""
_TRACKS: Final = """
WITH best AS ({best})
SELECT t.track_id AS thing_id, t.run_id AS run_id, false AS single, t.class_name AS class_name,
    t.existence AS existence, t.speed_mps AS speed_mps, t.heading_deg AS heading_deg, coalesce(b.hits, 0) AS hits,
    list_min(t.t_utc_ns) AS first_utc_ns, list_max(t.t_utc_ns) AS last_utc_ns, unnest(b.best),
    t.t_utc_ns AS point_t_utc_ns, t.lat_deg AS point_lat_deg, t.lon_deg AS point_lon_deg, t.ce90_m AS point_ce90_m
FROM {tracks} t LEFT JOIN best b ON b.run_id = t.run_id AND b.track_id = t.track_id"""
_SINGLES: Final = """
SELECT hit_id AS thing_id, run_id, true AS single, class_name, 1 AS hits, t_utc_ns AS first_utc_ns,
    t_utc_ns AS last_utc_ns, hit_id AS best_hit_id, media_id, stream, frame_index, media_t_ns,
    t_utc_ns AS shown_utc_ns, reason, coalesce(score, score_raw) AS score, score IS NOT NULL AS calibrated,
    lat_deg, lon_deg, alt_hae_m, ce90_m
FROM {hits} WHERE track_id IS NULL"""
_POINT_OF_HIT: Final = {
    "point_t_utc_ns": "first_utc_ns", "point_lat_deg": "lat_deg", "point_lon_deg": "lon_deg", "point_ce90_m": "ce90_m",
}  # fmt: skip
_POINTS: Final[dict[str, type[np.generic]]] = {
    "point_t_utc_ns": np.int64,
    "point_lat_deg": np.float64,
    "point_lon_deg": np.float64,
    "point_ce90_m": np.float32,
}

_Run = tuple[int, str]
"""Number of an operation and id of a run."""
_BATCH_HITS: Final = 250_000
_PER_DEGREE_M: Final = 111_694.0
"""A degree of latitude at the poles, where it is longest (WGS 84)."""
_CURVED: Final = 1.01


class ThingIndex:
    """Things of the runs that some question needed, with their points and the boxes around these.

    Parameters
    ----------
    archive
        The operations. Runs that were not there before, or have other parts, are read anew; the rest stays.
    singles
        Whether hits that belong to no track are wanted, too.
    """

    def __init__(self, archive: Archive, *, singles: bool = True) -> None:
        self._archive = archive
        self._singles = singles
        self._generation = archive.generation
        self._loaded: dict[_Run, frozenset[str]] = {}
        self._marks: tuple[list[object], Marks] | None = None
        self.things = Things.none()
        self.box_deg: NDArray[np.float64] = np.zeros((0, 4))
        """South, west, north, east of each thing's points; NaN without any place."""

    def load(self, may_hold: Callable[[PartRecord], bool]) -> None:
        """Read the runs that can hold an answer and were not read yet."""
        listed = (*self._archive.parts("hits"), *self._archive.parts("tracks"))
        if self._generation != self._archive.generation:
            self._forget_changed(listed)
        wanted = {one.run for one in listed if one.run not in self._loaded and may_hold(one.part)}
        if not wanted:
            return
        fresh = [
            things
            for source in sorted({number for number, _ in wanted})
            for runs in self._batches(source, sorted(run_id for number, run_id in wanted if number == source))
            for things in self._read(source, runs)
        ]
        self._loaded |= _state(self._archive, listed, wanted)
        self._keep([self.things, *fresh])

    def decisions(self) -> Marks:
        """Return what people decided about each thing."""
        sources = range(len(self._archive.stores))
        said = [told(number) for told in (self._archive.given, self._archive.regrouping) for number in sources]
        key: list[object] = [self.things, *said]
        if self._marks is None or any(known is not now for known, now in zip(self._marks[0], key, strict=True)):
            self._marks = (key, decisions(self._archive, self.things))
        return self._marks[1]

    def _forget_changed(self, listed: Sequence[SourcePart]) -> None:
        """Drop the things of runs that are no longer there or have other parts than when they were read."""
        now = _state(self._archive, listed, self._loaded)
        changed = {run for run, files in self._loaded.items() if now.get(run) != files}
        self._generation = self._archive.generation
        if not changed:
            return
        self._loaded = {run: files for run, files in self._loaded.items() if run not in changed}
        runs, sources = self.things.text["run_id"], self.things.number["source"]
        gone = np.zeros(len(self.things), np.bool_)
        for source, run_id in changed:
            if run_id in runs.names:
                gone |= (sources == source) & (runs.codes == runs.names.index(run_id))
        self._keep([self.things.take(np.flatnonzero(~gone))])

    def _keep(self, parts: Sequence[Things]) -> None:
        self.things = Things.concat([part for part in parts if len(part)])
        self.box_deg = _boxes(self.things)

    def reach_m(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return for some things a bound on how far apart their points are."""
        south, west, north, east = self.box_deg[rows].T
        per_lat, per_lon = metres_per_degree(np.minimum(np.abs(south), np.abs(north)) * (south * north > 0.0))
        reach = _CURVED * np.hypot((north - south) * np.maximum(per_lat, _PER_DEGREE_M), (east - west) * per_lon)
        return np.asarray(np.where(west > east, np.inf, reach))

    def _batches(self, source: int, runs: list[str]) -> Iterator[set[str]]:
        """Yield runs, as many together as hold some hundred thousand hits: what is read at once has to fit."""
        hits = Counter[str]()
        for one in self._archive.parts("hits"):
            hits[one.part.run_id] += one.part.rows if one.source == source else 0
        batch, rows = set[str](), 0
        for run_id in runs:
            if batch and rows + hits[run_id] > _BATCH_HITS:
                yield batch
                batch, rows = set(), 0
            batch.add(run_id)
            rows += hits[run_id]
        yield batch

    def _read(self, source: int, runs: set[str]) -> Iterator[Things]:
        parts = {
            table: [one.part for one in self._archive.parts(table) if one.source == source and one.part.run_id in runs]
            for table in ("hits", "tracks")
        }
        tables = {name: listed for name, listed in parts.items() if listed}
        rows = RegroupedRows.of(self._archive, source, runs)
        hits = rows.hits if parts["hits"] else _no_rows(schema.HITS)
        asked = [_SINGLES] if parts["hits"] and self._singles else []
        if parts["tracks"]:
            asked.append(_TRACKS.replace("{best}", _BEST).replace("{tracks}", rows.tracks))
        for query in (one.replace("{hits}", hits) for one in asked):
            yield _things(self._archive.read(source, query, tables, **rows.parameters), source)


def _state(archive: Archive, listed: Sequence[SourcePart], runs: Collection[_Run]) -> dict[_Run, frozenset[str]]:
    """Return what the things of some runs were made of: their parts' files, and how people split their tracks."""
    found: dict[_Run, list[str]] = {}
    for one in listed:
        if one.run in runs:
            found.setdefault(one.run, []).append(one.part.file)
    for run, files in found.items():
        files += [f"{track} {piece}" for track, piece in archive.regrouping(run[0]).of_run(run[1])]
    return {run: frozenset(files) for run, files in found.items()}


def _no_rows(columns: pa.Schema) -> str:
    """Return SQL for a table of these columns without a row."""
    kinds = {pa.string(): "VARCHAR", pa.int16(): "SMALLINT", pa.int64(): "BIGINT", pa.float32(): "FLOAT"}
    listed = ", ".join(
        f"NULL::{kinds.get(field.type, 'VARCHAR' if pa.types.is_dictionary(field.type) else 'DOUBLE')} AS {field.name}"
        for field in columns
    )
    return f"(SELECT {listed} WHERE false)"


def _things(table: pa.Table, source: int) -> Things:
    count = table.num_rows
    columns: dict[str, pa.ChunkedArray] = dict(zip(table.column_names, table.columns, strict=True))
    columns["source"] = pa.chunked_array([pa.array(np.full(count, source, np.int32))])
    if "point_t_utc_ns" in columns:
        lengths = pc.fill_null(pc.list_value_length(columns["point_t_utc_ns"]), 0).to_numpy()
        points = {name: pc.list_flatten(columns[name]) for name in _POINTS}
    else:
        lengths, points = np.ones(count, np.int64), {name: columns[of] for name, of in _POINT_OF_HIT.items()}
    return Things(
        ids={name: Ids.of(columns[name]) for name in IDS},
        text={name: labels_of(columns[name]) if name in columns else Labels.repeated("", count) for name in TEXTS},
        number={name: _numbers(columns.get(name), kind, count) for name, kind in NUMBERS.items()},
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        **{name: numbers_of(points[name], kind) for name, kind in _POINTS.items()},
    )


def _numbers(column: pa.ChunkedArray | None, kind: type[np.generic], count: int) -> NDArray[Any]:
    """Return a column of numbers; what a question has still to work out is not known yet."""
    if column is None:
        return np.full(count, UNKNOWN_NS if kind is np.int64 else np.nan, kind)
    if kind in (np.bool_, np.int16, np.int32):
        column = pc.fill_null(column, False if kind is np.bool_ else 0)  # noqa: FBT003
    return numbers_of(column, kind)


def _boxes(things: Things) -> NDArray[np.float64]:
    """Return south, west, north, east of each thing's points; across the antimeridian west is greater than east."""
    start, count = things.offsets[:-1], len(things)
    boxes = np.full((count, 4), np.nan)
    if not len(things.point_lat_deg):
        return boxes
    full = np.flatnonzero(np.diff(things.offsets))
    lat, lon = things.point_lat_deg, things.point_lon_deg
    for column, reduce, values in (
        (0, np.fmin, lat), (1, np.fmin, lon), (2, np.fmax, lat), (3, np.fmax, lon),
    ):  # fmt: skip
        boxes[full, column] = reduce.reduceat(values, start[full])
    across = boxes[:, 3] - boxes[:, 1] > 180.0
    for row in np.flatnonzero(across).tolist():
        turned = lon[things.offsets[row] : things.offsets[row + 1]] % 360.0
        boxes[row, [1, 3]] = np.nanmin(turned), np.nanmax(turned) - 360.0
    return boxes
