"""Hits, tracks, frames and chips between arrays and Arrow tables, without a Python object a row."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detection.ground_hits import HIT_ID, UNKNOWN_NS, GroundHits
from detection.ground_hits import NUMBERS as HIT_NUMBERS
from detection.ground_tracks import NUMBERS as TRACK_NUMBERS
from detection.ground_tracks import POINTS, GroundTracks
from detection.labels import NONE, Labels
from geo.values import REASONS
from operations import schema
from operations.frames import FRAME_NUMBERS, Frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detection.events import Event

_BOX: Final = ("box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px")
_REASON_NAMES: Final = tuple(str(reason) for reason in REASONS[1:])


def hits_table(hits: GroundHits, *, run_id: str) -> pa.Table:
    """Return hits as a table of `schema.HITS`."""
    columns = {
        "hit_id": _ids(hits.hit_id),
        "run_id": _names(Labels.repeated(run_id, len(hits))),
        "media_id": _names(hits.media),
        "class_name": _names(hits.class_name),
        "track_id": _names(hits.track),
        "reason": _names(Labels(names=_REASON_NAMES, codes=hits.reason_code.astype(np.int32) - 1)),
        **{name: pa.array(np.ascontiguousarray(hits.box_px[:, i])) for i, name in enumerate(_BOX)},
        **{name: _numbers(getattr(hits, name), schema.HITS.field(name)) for name in HIT_NUMBERS},
    }
    return _table(columns, schema.HITS)


def hits_of(table: pa.Table) -> GroundHits:
    """Return the columns of a table of `schema.HITS`."""
    reason = labels_of(table["reason"])
    to_code = np.array([*(_REASON_NAMES.index(name) + 1 for name in reason.names), 0], dtype=np.int8)
    return GroundHits(
        hit_id=ids_of(table["hit_id"]),
        media=labels_of(table["media_id"]),
        class_name=labels_of(table["class_name"]),
        track=labels_of(table["track_id"]),
        reason_code=to_code[reason.codes],
        box_px=np.stack([numbers_of(table[name], np.float32) for name in _BOX], axis=1),
        **{name: numbers_of(table[name], kind) for name, kind in HIT_NUMBERS.items()},
    )


def tracks_table(tracks: GroundTracks, *, run_id: str) -> pa.Table:
    """Return tracks as a table of `schema.TRACKS`."""
    count = len(tracks)
    offsets = pa.array(tracks.offsets.astype(np.int32))
    columns = {
        "track_id": pa.array(tracks.track_id, pa.string()),
        "run_id": _names(Labels.repeated(run_id, count)),
        "class_name": _names(tracks.class_name),
        "hit_ids": pa.ListArray.from_arrays(offsets, _ids(tracks.hit_id)),
        **_posterior(tracks),
        "ended": _names(tracks.ended),
        "parents": pa.nulls(count, pa.list_(pa.string())),
        **{name: _numbers(getattr(tracks, name), schema.TRACKS.field(name)) for name in TRACK_NUMBERS},
        **{name: pa.ListArray.from_arrays(offsets, pa.array(getattr(tracks, name))) for name in POINTS},
    }
    return _table(columns, schema.TRACKS)


def tracks_of(table: pa.Table) -> GroundTracks:
    """Return the columns of a table of `schema.TRACKS`."""
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(table["t_utc_ns"]).to_numpy())]).astype(np.int64)
    classes, posterior = _posterior_of(table)
    numbers: dict[str, Any] = {name: numbers_of(table[name], np.float32) for name in TRACK_NUMBERS}
    points: dict[str, Any] = {name: numbers_of(pc.list_flatten(table[name]), kind) for name, kind in POINTS.items()}
    return GroundTracks(
        track_id=tuple(table["track_id"].to_pylist()),
        class_name=labels_of(table["class_name"]),
        ended=labels_of(table["ended"]),
        posterior_classes=classes,
        posterior=posterior,
        offsets=offsets,
        hit_id=ids_of(pc.list_flatten(table["hit_ids"])),
        **numbers,
        **points,
    )


def joined_tracks(table: pa.Table) -> pa.Table:
    """Join the rows of one track: a live run adds one with new points whenever it has followed a thing further.

    The points of all its rows in order of time, and all else of its last row; a table without such rows stays as it is.
    """
    keys = list(zip(table["run_id"].to_pylist(), table["track_id"].to_pylist(), strict=True))
    if len(set(keys)) == len(keys):
        return table
    number_of = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    track_of_row = np.array([number_of[key] for key in keys])
    lengths = pc.list_value_length(table["t_utc_ns"]).to_numpy()
    track_of_point = np.repeat(track_of_row, lengths)
    order = np.lexsort([pc.list_flatten(table["t_utc_ns"]).to_numpy(), track_of_point])
    offsets = pa.array(np.concatenate([[0], np.cumsum(np.bincount(track_of_point))]).astype(np.int32))
    last = np.zeros(len(number_of), dtype=np.int64)
    np.maximum.at(last, track_of_row, np.arange(len(keys)))
    joined = table.take(pa.array(last))
    for name in ("hit_ids", *POINTS):
        flat = pc.list_flatten(table[name]).take(pa.array(order)).combine_chunks()
        place = joined.schema.get_field_index(name)
        joined = joined.set_column(place, joined.schema.field(name), pa.ListArray.from_arrays(offsets, flat))
    return joined


def _posterior(tracks: GroundTracks) -> dict[str, pa.Array]:
    """Return the classes and their probabilities as lists; null where they were not worked out."""
    known = ~np.isnan(tracks.posterior)
    offsets = pa.array(np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32))
    unknown = pa.array(~known.any(axis=1))
    _, column = np.nonzero(known)
    names = pa.array(np.array([*tracks.posterior_classes, ""], dtype=object)[column], pa.string())
    return {
        "posterior_classes": pa.ListArray.from_arrays(offsets, names, mask=unknown),
        "posterior": pa.ListArray.from_arrays(offsets, pa.array(tracks.posterior[known]), mask=unknown),
    }


def _posterior_of(table: pa.Table) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    names = labels_of(pc.list_flatten(table["posterior_classes"]))
    classes = tuple(sorted(names.names))
    column = np.array([*(classes.index(name) for name in names.names), 0], dtype=np.int64)[names.codes]
    counts = pc.fill_null(pc.list_value_length(table["posterior_classes"]), 0).to_numpy()
    posterior = np.full((table.num_rows, len(classes)), np.nan, dtype=np.float32)
    values = numbers_of(pc.list_flatten(table["posterior"]), np.float32)
    posterior[np.repeat(np.arange(table.num_rows), counts), column] = values
    return classes, posterior


def events_table(events: Sequence[Event], *, run_id: str) -> pa.Table:
    """Return events as a table of `schema.EVENTS`."""
    rows = [{**dataclasses.asdict(one), "run_id": run_id, "details": json.dumps(dict(one.details))} for one in events]
    return pa.Table.from_pylist(rows, schema=schema.EVENTS)


def frames_table(frames: Frames, *, run_id: str) -> pa.Table:
    """Return frames as a table of `schema.FRAMES`."""
    rings = pa.array((frames.ring_offsets * 2).astype(np.int32))
    empty = pa.array(np.diff(frames.ring_offsets) == 0)
    footprint = pa.ListArray.from_arrays(rings, pa.array(frames.ring_lon_lat.reshape(-1)), mask=empty)
    columns = {
        "run_id": _names(Labels.repeated(run_id, len(frames))),
        "media_id": _names(frames.media),
        "pose_reason": _names(frames.pose_reason),
        "footprint": footprint,
        **{name: _numbers(getattr(frames, name), schema.FRAMES.field(name)) for name in FRAME_NUMBERS},
    }
    return _table(columns, schema.FRAMES)


def frames_of(table: pa.Table) -> Frames:
    """Return the columns of a table of `schema.FRAMES`."""
    lengths = pc.fill_null(pc.list_value_length(table["footprint"]), 0).to_numpy() // 2
    return Frames(
        media=labels_of(table["media_id"]),
        pose_reason=labels_of(table["pose_reason"]),
        ring_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ring_lon_lat=numbers_of(pc.list_flatten(table["footprint"]), np.float64).reshape(-1, 2),
        **{name: numbers_of(table[name], kind) for name, kind in FRAME_NUMBERS.items()},
    )


def chips_table(chips: Mapping[str, bytes]) -> pa.Table:
    """Return the small pictures of hits, by hit id, as a table of `schema.CHIPS`."""
    return pa.table({"hit_id": list(chips), "jpeg": list(chips.values())}, schema=schema.CHIPS)


def chips_of(table: pa.Table) -> dict[str, bytes]:
    """Return the small pictures by hit id."""
    return dict(zip(table["hit_id"].to_pylist(), table["jpeg"].to_pylist(), strict=True))


def _table(columns: Mapping[str, Any], wanted: pa.Schema) -> pa.Table:
    return pa.table([columns[name] for name in wanted.names], schema=wanted)


def _numbers(values: NDArray[Any], field: pa.Field) -> pa.Array:
    """Return a column of numbers; where the schema allows, NaN and unknown times become null."""
    mask = None
    if field.nullable:
        mask = np.isnan(values) if values.dtype.kind == "f" else values == UNKNOWN_NS
    return pa.array(values, field.type, mask=mask)


def numbers_of(column: pa.ChunkedArray | pa.Array, kind: type[np.generic]) -> NDArray[Any]:
    """Return a column of numbers; null becomes NaN or an unknown time."""
    if column.null_count:
        column = pc.fill_null(column, float("nan") if np.issubdtype(kind, np.floating) else UNKNOWN_NS)
    return np.asarray(column.to_numpy(), dtype=kind)


def _names(labels: Labels) -> pa.DictionaryArray:
    codes = pa.array(labels.codes, pa.int32(), mask=labels.codes == NONE)
    return pa.DictionaryArray.from_arrays(codes, pa.array(labels.names, pa.string()))


def labels_of(column: pa.ChunkedArray) -> Labels:
    """Return a column of repeated strings; a plain string column is coded first."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    parts = [
        Labels(
            names=tuple(chunk.dictionary.to_pylist()),
            codes=pc.fill_null(chunk.indices, NONE).to_numpy(zero_copy_only=False).astype(np.int32),
        )
        for chunk in column.chunks
    ]
    return Labels.concat(parts)


def _ids(ids: NDArray[np.bytes_]) -> pa.Array:
    """Return short ASCII ids as a string column, from their bytes at once."""
    ids = np.ascontiguousarray(ids, dtype=HIT_ID)
    lengths = np.char.str_len(ids)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    flat = ids.view(np.uint8).reshape(len(ids), -1) if len(ids) else np.zeros((0, 20), np.uint8)
    data = flat[np.arange(flat.shape[1])[None] < lengths[:, None]].tobytes()
    return pa.Array.from_buffers(pa.string(), len(ids), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def ids_of(column: pa.ChunkedArray | pa.Array) -> NDArray[np.bytes_]:
    """Return a string column of short ASCII ids as fixed bytes."""
    fixed = np.zeros(len(column), dtype=HIT_ID)
    if not len(column):
        return fixed
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    offsets = np.frombuffer(whole.buffers()[1], np.int32)[whole.offset : whole.offset + len(whole) + 1]
    data = np.frombuffer(whole.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    lengths = np.diff(offsets)
    keep = np.arange(fixed.dtype.itemsize)[None] < lengths[:, None]
    flat = np.zeros(keep.shape, np.uint8)
    flat[keep] = data
    return flat.reshape(-1).view(HIT_ID)
