"""What a page of operations is made of: tracks, hits and events, each with the operation and recording it is of."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import HIT_ID, GroundHits
from operations import schema
from operations.columns import hits_of
from operations.finding import verdict_marks
from operations.finding.hits_of_things import hit_ids_of
from operations.parts_file import with_columns_since
from operations.values import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from operations.finding.archive import Archive
    from operations.finding.things import Things

_HITS: Final = "SELECT * FROM {hits} WHERE hit_id IN (SELECT unnest($ids)) ORDER BY t_utc_ns"
_HITS_AROUND: Final = """
SELECT * FROM {hits} WHERE t_utc_ns BETWEEN $first AND $last AND lat_deg BETWEEN $south AND $north
AND lon_deg BETWEEN $west AND $east AND hit_id IN (SELECT unnest($ids)) ORDER BY t_utc_ns"""
"""Parts are ordered by place and time: most of a large one is passed over by the statistics of its row groups."""
_AROUND_DEG: Final = 0.002
"""Some 200 m beyond a track's points: its hits lie about them, and where one does not, all are read."""
DECISIONS: Final = ("nobody has decided", *verdict_marks.DECISIONS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """Tracks and hits of the operations asked, each hit with the track, operation and recording it is of."""

    things: Things
    hits: GroundHits
    thing: NDArray[np.int64]
    """Row of its track in `things`, or -1; shape (hits,)."""
    recording: NDArray[np.int64]
    """Place in `recordings`; shape (hits,)."""
    decision: NDArray[np.int64]
    """Place in `DECISIONS` of what was decided about this hit or its track; shape (hits,)."""
    recordings: tuple[tuple[int, str, str], ...]
    """Operation, run and medium of each recording that has hits or tracks."""
    events: tuple[dict[str, Any], ...]


def gather(archive: Archive, things: Things, *, whole: bool) -> Gathered:
    """Read the hits and events that go with tracks.

    Parameters
    ----------
    archive
        The operations.
    things
        Tracks, and single hits where these were asked for.
    whole
        Whether all hits are wanted, also those of no track and of tracks that are not among `things`.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    tracks = things.take(np.flatnonzero(~things.number["single"]))
    rows = _rows_by_run(tracks)
    alone = _single_ids(things)
    parts: list[tuple[GroundHits, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    places: dict[tuple[int, str, str], int] = {}
    for source, store in enumerate(archive.stores):
        for run_id, run in archive.runs(source).items():
            hits = store.hits(runs=[run_id])
            of_run = rows.get((source, run_id), {})
            by_lists = run.kind is RunKind.LIVE or bool(archive.regrouping(source).of_run(run_id))
            of_thing = _thing_by_id(archive, hits, tracks, of_run) if by_lists else _thing_of(hits, of_run)
            if not whole:
                kept = np.flatnonzero((of_thing >= 0) | np.isin(hits.hit_id, alone.get((source, run_id), _NO_IDS)))
                hits, of_thing = hits.take(kept), of_thing[kept]
            codes = [places.setdefault((source, run_id, name), len(places)) for name in hits.media.names]
            recording = np.array([*codes, 0], np.int64)[hits.media.codes]
            parts.append((hits, of_thing, recording, _decided(archive, source, run_id, hits, of_thing, tracks)))
    for key in recordings_of(tracks):
        places.setdefault(key, len(places))
    joined = GroundHits.concat([hits for hits, *_ in parts])
    order = slice(None) if np.all(np.diff(joined.t_utc_ns) >= 0) else np.argsort(joined.t_utc_ns, kind="stable")
    thing = _joined([of_thing for _, of_thing, *_ in parts])[order]
    recording = _joined([number for *_, number, _ in parts])[order]
    decision = _joined([decided for *_, decided in parts])[order]
    return Gathered(
        things=tracks,
        hits=joined if isinstance(order, slice) else joined.take(order),
        thing=thing,
        recording=recording,
        decision=decision,
        recordings=tuple(places),
        events=tuple(_events(archive, tracks, rows)),
    )


_NO_IDS: Final[NDArray[np.bytes_]] = np.zeros(0, HIT_ID)


def gather_tracks(archive: Archive, things: Things) -> Gathered:
    """Return tracks with their events and none of their hits, which are read when somebody looks at a track.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    tracks = things.take(np.flatnonzero(~things.number["single"]))
    none = np.zeros(0, np.int64)
    return Gathered(
        things=tracks,
        hits=GroundHits.of(()),
        thing=none,
        recording=none,
        decision=none,
        recordings=tuple(_recordings_of_runs(archive, tracks)),
        events=tuple(_events(archive, tracks, _rows_by_run(tracks))),
    )


def _recordings_of_runs(archive: Archive, tracks: Things) -> dict[tuple[int, str, str], None]:
    """Return every recording of the runs that tracks are of: their hits may be in any of them."""
    listed = dict.fromkeys(recordings_of(tracks))
    for source, run_id in {key[:2]: None for key in listed}:
        listed |= dict.fromkeys((source, run_id, name) for name in archive.runs(source)[run_id].media_ids)
    return listed


def gather_hits(archive: Archive, of: Gathered, row: int) -> Gathered:
    """Return the hits of one track among those gathered, in order of time.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    source, run_id = int(of.things.number["source"][row]), of.things.text["run_id"][row]
    (ids,) = hit_ids_of(archive, of.things.take(np.array([row])))
    parts = [one.part for one in archive.parts("hits") if one.source == source and one.part.run_id == run_id]
    around = _around(of.things, row)
    found = archive.read(source, _HITS_AROUND, {"hits": parts}, ids=ids, **around) if parts and around else None
    if parts and (found is None or found.num_rows < len(ids)):
        found = archive.read(source, _HITS, {"hits": parts}, ids=ids)
    hits = GroundHits.of(()) if found is None else hits_of(with_columns_since(found, schema.HITS))
    place = {key: at for at, key in enumerate(of.recordings)}
    codes = [place.get((source, run_id, name), 0) for name in hits.media.names]
    return dataclasses.replace(
        of,
        hits=hits,
        thing=np.full(len(hits), row),
        recording=np.array([*codes, 0], np.int64)[hits.media.codes],
        decision=np.zeros(len(hits), np.int64),
    )


def _around(things: Things, row: int) -> dict[str, float]:
    """Return the times and the box in which a track's hits lie, most likely all; nothing where it has no place."""
    points = slice(int(things.offsets[row]), int(things.offsets[row + 1]))
    t_ns, lat, lon = (
        things.point_t_utc_ns[points],
        things.point_lat_deg[points],
        things.point_lon_deg[points],
    )
    placed = np.isfinite(lat)
    if not placed.any():
        return {}
    (south, north), (west, east) = ((float(deg[placed].min()), float(deg[placed].max())) for deg in (lat, lon))
    return {
        "first": int(t_ns.min()), "last": int(t_ns.max()), "south": south - _AROUND_DEG, "north": north + _AROUND_DEG,
        "west": west - _AROUND_DEG, "east": east + _AROUND_DEG,
    }  # fmt: skip


def recordings_of(tracks: Things) -> list[tuple[int, str, str]]:
    """Return operation, run and medium of each track's best picture."""
    texts = (tracks.text[name].texts().tolist() for name in ("run_id", "media_id"))
    return list(zip(tracks.number["source"].tolist(), *texts, strict=True))


def _joined(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *columns])


def _rows_by_run(tracks: Things) -> dict[tuple[int, str], dict[str, int]]:
    """Return the row of every track by operation and run, then by its id."""
    rows: dict[tuple[int, str], dict[str, int]] = {}
    sources, runs = tracks.number["source"].tolist(), tracks.text["run_id"].texts().tolist()
    for row, name in enumerate(tracks.ids["thing_id"].texts().tolist()):
        rows.setdefault((sources[row], runs[row]), {})[name] = row
    return rows


def _single_ids(things: Things) -> dict[tuple[int, str], NDArray[np.bytes_]]:
    found: dict[tuple[int, str], list[str]] = {}
    runs, names = things.text["run_id"], things.ids["thing_id"]
    for row in np.flatnonzero(things.number["single"]).tolist():
        found.setdefault((int(things.number["source"][row]), runs[row]), []).append(names[row])
    return {key: np.array(listed, HIT_ID) for key, listed in found.items()}


def _thing_of(hits: GroundHits, rows: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the row of each hit's track, or -1."""
    return np.array([*(rows.get(name, -1) for name in hits.track.names), -1], np.int64)[hits.track.codes]


def _thing_by_id(archive: Archive, hits: GroundHits, tracks: Things, rows: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the row of each hit's track, or -1, by the tracks' lists: hits of a live run are written before them."""
    listed = np.array(sorted(rows.values()), np.int64)
    named = hit_ids_of(archive, tracks.take(listed))
    ids = np.array([name for names in named for name in names], HIT_ID)
    of = np.repeat(listed, [len(names) for names in named])
    order = np.argsort(ids)
    if not len(order):
        return np.full(len(hits), -1, np.int64)
    place = np.minimum(np.searchsorted(ids[order], hits.hit_id), len(order) - 1)
    return np.where(ids[order][place] == hits.hit_id, of[order][place], -1)


def _decided(
    archive: Archive, source: int, run_id: str, hits: GroundHits, of_thing: NDArray[np.int64], tracks: Things
) -> NDArray[np.int64]:
    marks = tracks.text["decision"]
    of_track = np.array([*(DECISIONS.index(name) if name else 0 for name in marks.names), 0], np.int64)[marks.codes]
    decision = np.where(of_thing >= 0, np.append(of_track, 0)[of_thing], 0)
    said = verdict_marks.of_hits(archive, source, run_id)
    for name in set(said.values()):
        ids = np.array([hit_id for hit_id, decided in said.items() if decided == name], HIT_ID)
        decision[np.isin(hits.hit_id, ids)] = DECISIONS.index(name)
    return decision


def _events(
    archive: Archive, tracks: Things, rows: Mapping[tuple[int, str], Mapping[str, int]]
) -> list[dict[str, Any]]:
    """Return the events in which any of the tracks took part."""
    found = []
    for source, store in enumerate(archive.stores):
        for event in store.table("events").to_pylist():
            of_run = rows.get((source, event["run_id"]), {})
            things = [of_run[name] for name in event["track_ids"] if name in of_run]
            if things:
                found.append(event | {"things": things, "details": _plain(event["details"])})
    return sorted(found, key=lambda event: (event["t_utc_ns"], event["event_id"]))


def _plain(details: str) -> dict[str, Any]:
    read = json.loads(details)
    return dict(read) if isinstance(read, dict) else {}
