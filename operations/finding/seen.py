"""When ground was seen: every stretch of time in which a recording's footprints held it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from detection.ground_hits import UNKNOWN_NS
from detection.labels import Labels
from operations.columns import labels_of, numbers_of
from operations.queries import HitSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from operations.finding.archive import Archive
    from operations.finding.ground import Ground
    from operations.values import PartRecord

JOINED_NS: Final = 10_000_000_000
"""Two looks one after the other in a recording, no farther apart than this, are one pass: a camera that held the ground
in its picture at both held it in between. Footprints are worked out each 4 s unless a run says otherwise."""
_GRAINS: Final = 65_535
_QUERY: Final = """
SELECT run_id, media_id, stream, frame_index, media_t_ns, coalesce(seen_from_ns, t_utc_ns) AS from_ns,
    coalesce(seen_to_ns, t_utc_ns) AS to_ns, footprint
FROM {frames} WHERE footprint IS NOT NULL AND len(footprint) >= 6"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One stretch of time in which one recording showed the ground; unknown times are `UNKNOWN_NS`."""

    source: int
    run_id: str
    media_id: str
    stream: int
    from_utc_ns: int
    to_utc_ns: int
    media_from_ns: int
    media_to_ns: int
    frame_index: int
    """The first frame that shows it."""
    looks: int
    """How many footprints hold it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """When ground was seen, newest first, and what the answer rests on."""

    passes: tuple[Pass, ...]
    footprints: int
    """How many footprints were looked through: what lies in none of them may yet have been seen between two."""
    recordings: int
    without_footprints: tuple[tuple[int, str], ...]
    """Runs (operation, run id) of which no footprint is known: what they saw is not known."""

    @property
    def last_utc_ns(self) -> int:
        """The last moment that is known; `UNKNOWN_NS` where the ground was not seen."""
        return max((one.to_utc_ns for one in self.passes), default=UNKNOWN_NS)


class FootprintIndex:
    """Footprints of an archive as arrays: boxes exactly, rings to 1/65535 of their box (1.5 cm on a kilometre)."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._generation = archive.generation
        self._loaded: set[tuple[int, str]] = set()
        self._parts: list[dict[str, Any]] = []
        self.column: dict[str, Any] = {}
        self.runs: set[tuple[int, str]] = set()
        """Those of which a footprint was read, by operation and run id."""

    def __len__(self) -> int:
        return len(self.column["box"]) if self.column else 0

    def load(self, may_hold: Callable[[PartRecord], bool]) -> None:
        """Read the parts of frames that can hold an answer and were not read yet."""
        if self._generation != self._archive.generation:
            self.__init__(self._archive)  # type: ignore[misc]
        fresh = [one for one in self._archive.parts("frames") if one.key not in self._loaded and may_hold(one.part)]
        for source in sorted({one.source for one in fresh}):
            parts = [one.part for one in fresh if one.source == source]
            self._parts.append(_columns(self._archive.read(source, _QUERY, {"frames": parts}), source))
        self._loaded |= {one.key for one in fresh}
        if fresh:
            whole = {name: _joined([part[name] for part in self._parts]) for name in self._parts[0]}
            whole["offset"] = np.concatenate([[0], np.cumsum(whole["length"])])
            whole["sequence"], whole["ordinal"] = _sequences(whole)
            first = np.unique(whole["sequence"], return_index=True)[1]
            self.runs = set(
                zip(whole["source"][first].tolist(), whole["run_id"].take(first).texts().tolist(), strict=True)
            )
            self.column = whole
            self._parts = [{name: whole[name] for name in self._parts[0]}]

    def corners(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Return longitudes and latitudes of some rows' rings, and which of `rows` each is of."""
        length, start = self.column["length"][rows], self.column["offset"][rows]
        of_row = np.repeat(np.arange(len(rows)), length)
        places = np.arange(len(of_row)) + (start - (np.cumsum(length) - length))[of_row]
        box = self.column["box"][rows]
        step = (box[:, 2:] - box[:, :2]) / _GRAINS
        ring = self.column["ring"][places]
        lon = box[:, 1][of_row] + ring[:, 0] * step[:, 1][of_row]
        return lon, box[:, 0][of_row] + ring[:, 1] * step[:, 0][of_row], of_row

    def rings(self, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the footprints of some rows as polygons."""
        lon, lat, _ = self.corners(rows)
        offsets = np.concatenate([[0], np.cumsum(self.column["length"][rows])])
        return np.asarray(
            shapely.from_ragged_array(
                shapely.GeometryType.POLYGON, np.stack([lon, lat], axis=1), (offsets, np.arange(len(rows) + 1))
            )
        )


def seen(
    archive: Archive,
    index: FootprintIndex,
    ground: Ground,
    *,
    from_utc_ns: int | None = None,
    to_utc_ns: int | None = None,
) -> Seen:
    """Return when a place, or any of an area, lay in a footprint.

    Raises
    ------
    DamagedError
        When a part that may hold an answer is missing or cannot be read.
    """
    archive.refresh()
    whenever = HitSelection(from_utc_ns=from_utc_ns, to_utc_ns=to_utc_ns)
    there = dataclasses.replace(whenever, box_deg=ground.box_deg)
    index.load(lambda part: _may_show(part, there, whenever))
    shown = {(one.source, one.part.run_id) for one in archive.parts("frames")}
    runs = [(source, run_id) for source in range(len(archive.stores)) for run_id in archive.runs(source)]
    if not len(index):
        return Seen(passes=(), footprints=0, recordings=len(shown), without_footprints=_dark(archive, index, runs))
    rows = np.flatnonzero(_touched(index, ground, from_utc_ns, to_utc_ns))
    rows = rows[_in_rings(index, rows, ground)]
    return Seen(
        passes=_passes(index, rows),
        footprints=len(index),
        recordings=len(shown),
        without_footprints=_dark(archive, index, runs),
    )


def _dark(archive: Archive, index: FootprintIndex, runs: list[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    """Return the runs whose frames were read, or recorded as seeing nothing, and have no footprint at all."""
    told = {(one.source, one.part.run_id) for one in archive.parts("frames") if one.part.seen_bbox_deg is not None}
    return tuple(run for run in runs if run not in told and run not in index.runs)


def _may_show(part: PartRecord, there: HitSelection, whenever: HitSelection) -> bool:
    """Tell whether a part of frames can hold a footprint over the ground; one that does not say may."""
    if part.seen_bbox_deg is None:
        return whenever.may_be_in(part)
    return there.may_be_in(dataclasses.replace(part, bbox_deg=part.seen_bbox_deg))


def _columns(table: pa.Table, source: int) -> dict[str, Any]:
    length = pc.list_value_length(table["footprint"]).to_numpy().astype(np.int64) // 2
    points = numbers_of(pc.list_flatten(table["footprint"]), np.float64)
    box, ring = np.zeros((table.num_rows, 4)), np.zeros((len(points) // 2, 2), np.uint16)
    for axis, values in enumerate((np.ascontiguousarray(points[1::2]), np.ascontiguousarray(points[::2]))):
        if len(values):
            start = np.cumsum(length) - length
            low, high = np.minimum.reduceat(values, start), np.maximum.reduceat(values, start)
            box[:, axis], box[:, axis + 2] = low, high
            grain = _GRAINS / np.maximum(high - low, 1e-12)
            ring[:, 1 - axis] = (values - np.repeat(low, length)) * np.repeat(grain, length) + 0.5
    numbers: dict[str, type[np.generic]] = {"stream": np.int16}
    numbers |= dict.fromkeys(("frame_index", "media_t_ns", "from_ns", "to_ns"), np.int64)
    return {
        "run_id": labels_of(table["run_id"]),
        "media_id": labels_of(table["media_id"]),
        "source": np.full(table.num_rows, source, np.int32),
        "box": box,
        "length": length,
        "ring": ring,
        **{name: numbers_of(table[name], kind) for name, kind in numbers.items()},
    }


def _joined(columns: list[Any]) -> Any:
    return Labels.concat(columns) if isinstance(columns[0], Labels) else np.concatenate(columns)


def _sequences(column: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which recording's stream each footprint is of, as a number, and its place in that sequence."""
    keys = (column["stream"], column["media_id"].codes, column["run_id"].codes, column["source"])
    order = np.lexsort([column["frame_index"], *keys])
    changes = np.zeros(len(order), np.bool_)
    changes[:1] = True
    for key in keys:
        changes[1:] |= np.diff(key[order]) != 0
    sequence, ordinal = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    sequence[order] = np.cumsum(changes)
    ordinal[order] = np.arange(len(order))
    return sequence, ordinal


def _touched(
    index: FootprintIndex, ground: Ground, from_utc_ns: int | None, to_utc_ns: int | None
) -> NDArray[np.bool_]:
    """Tell which footprints have a box that touches that of the ground, and stand for the time asked for."""
    box, (west, south, east, north) = index.column["box"], ground.shape.bounds
    touched = (box[:, 2] >= south) & (box[:, 0] <= north)
    if from_utc_ns is not None:
        touched &= index.column["to_ns"] >= from_utc_ns
    if to_utc_ns is not None:
        touched &= (index.column["from_ns"] <= to_utc_ns) & (index.column["from_ns"] >= 0)
    rows = np.flatnonzero(touched)
    middle = ground.beside((box[rows, 1] + box[rows, 3]) / 2.0)
    half = (box[rows, 3] - box[rows, 1]) / 2.0
    touched[rows] = (middle + half >= west) & (middle - half <= east)
    return np.asarray(touched)


def _in_rings(index: FootprintIndex, rows: NDArray[np.int64], ground: Ground) -> NDArray[np.bool_]:
    """Tell which footprints share ground with the area, or hold the place."""
    if not isinstance(ground.shape, shapely.Point) or not len(rows):
        return ground.meets(_beside(index.rings(rows), ground))
    x, y, of_row = index.corners(rows)
    middle = (index.column["box"][rows, 1] + index.column["box"][rows, 3]) / 2.0
    turned = ground.shape.x + 360.0 * np.round((middle - ground.shape.x) / 360.0)
    return _hold(x - turned[of_row], y - ground.shape.y, of_row, len(rows))


def _hold(x: NDArray[np.float64], y: NDArray[np.float64], of_ring: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Tell which closed rings, one after another, hold the origin: an odd number of edges crosses the ray to the east.

    (M. Shimrat, Algorithm 112, Comm. ACM 5, 1962.)
    """
    edge = np.flatnonzero((of_ring[1:] == of_ring[:-1]) & ((y[1:] > 0.0) != (y[:-1] > 0.0)))
    crossing = x[edge] - y[edge] * (x[edge + 1] - x[edge]) / (y[edge + 1] - y[edge])
    return np.asarray(np.bincount(of_ring[edge[crossing > 0.0]], minlength=count) % 2 == 1)


def _beside(rings: NDArray[np.object_], ground: Ground) -> NDArray[np.object_]:
    """Lay footprints beside the ground by whole turns of longitude."""
    if not len(rings):
        return rings
    west, east = shapely.bounds(rings)[:, [0, 2]].T
    turn = np.round(ground.beside((west + east) / 2.0) - (west + east) / 2.0)
    if not turn.any():
        return rings
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    coordinates[:, 0] += turn[ring]
    return np.asarray(shapely.set_coordinates(rings.copy(), coordinates))


def _passes(index: FootprintIndex, rows: NDArray[np.int64]) -> tuple[Pass, ...]:
    """Join looks that follow each other in a recording into passes, newest first."""
    if not len(rows):
        return ()
    column = index.column
    rows = rows[np.argsort(column["ordinal"][rows])]
    begin, end = column["from_ns"][rows], column["to_ns"][rows]
    begin, end = np.where(begin < 0, UNKNOWN_NS, begin), np.where(end < 0, UNKNOWN_NS, end)
    dated = (begin[1:] >= 0) & (end[:-1] >= 0)
    follows = (np.diff(column["ordinal"][rows]) == 1) & (np.diff(column["sequence"][rows]) == 0)
    follows &= dated & (np.where(dated, begin[1:] - np.where(dated, end[:-1], 0), 0) <= JOINED_NS)
    starts = np.flatnonzero(np.concatenate([[True], ~follows]))
    first, last = rows[starts], rows[np.append(starts[1:], len(rows)) - 1]
    fields = {
        "source": column["source"][first],
        "run_id": column["run_id"].take(first).texts(),
        "media_id": column["media_id"].take(first).texts(),
        "stream": column["stream"][first],
        "from_utc_ns": np.minimum.reduceat(begin, starts),
        "to_utc_ns": np.maximum.reduceat(end, starts),
        "media_from_ns": column["media_t_ns"][first],
        "media_to_ns": column["media_t_ns"][last],
        "frame_index": column["frame_index"][first],
        "looks": np.diff(np.append(starts, len(rows))),
    }
    listed = zip(*(values.tolist() for values in fields.values()), strict=True)
    found = [Pass(**dict(zip(fields, values, strict=True))) for values in listed]
    return tuple(sorted(found, key=lambda one: one.to_utc_ns, reverse=True))
