"""Hits and tracks as people set them right, as SQL: rows of a split track go by the names of its pieces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from operations.regrouping import LAST_NS
from operations.values import RunKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from operations.finding.archive import Archive

_LINKED: Final = """(SELECT h.* REPLACE (coalesce(m.track_id, h.track_id::VARCHAR) AS track_id)
    FROM {rows} h LEFT JOIN (SELECT run_id, track_id, unnest(hit_ids) AS hit_id FROM {tracks}) m
    ON m.run_id = h.run_id AND m.hit_id = h.hit_id)"""
"""Hits of a live run are written before there are tracks: which of these each belongs to, the tracks say."""
_LISTS: Final = ("t_utc_ns", "lat_deg", "lon_deg", "ce90_m", "hit_ids")
_FOLLOWED: Final = """(SELECT run_id, track_id, arg_max(class_name, t_utc_ns[-1]) AS class_name,
    arg_max(existence, t_utc_ns[-1]) AS existence, arg_max(speed_mps, t_utc_ns[-1]) AS speed_mps,
    arg_max(heading_deg, t_utc_ns[-1]) AS heading_deg, {lists} FROM {rows} GROUP BY run_id, track_id)""".replace(
    "{lists}", ", ".join(f"flatten(list({name} ORDER BY t_utc_ns[1])) AS {name}" for name in _LISTS)
)
"""A live run adds a row with a track's new points whenever it has followed it further."""
_CUT: Final = """{rows} r LEFT JOIN (SELECT unnest($piece_run) AS of_run, unnest($piece_track) AS of_track,
    unnest($piece_name) AS name, unnest($piece_from) AS from_ns, unnest($piece_to) AS to_ns) p
    ON p.of_run = r.run_id AND p.of_track = r.track_id AND r.t_utc_ns >= p.from_ns AND r.t_utc_ns < p.to_ns"""
_CUT_HITS: Final = """(SELECT r.* REPLACE (coalesce(p.name, r.track_id::VARCHAR) AS track_id) FROM {cut})""".replace(
    "{cut}", _CUT
)
_POINTS: Final = """(SELECT run_id, track_id::VARCHAR AS track_id, class_name, existence, speed_mps, heading_deg,
    {lists} FROM {rows})""".replace("{lists}", ", ".join(f"unnest({name}) AS {name}" for name in _LISTS))
_CUT_TRACKS: Final = (
    """(SELECT run_id, coalesce(name, track_id) AS track_id, any_value(class_name) AS class_name,
    any_value(existence) AS existence,
    any_value(CASE WHEN name IS NULL OR to_ns = {last} THEN speed_mps END) AS speed_mps,
    any_value(CASE WHEN name IS NULL OR to_ns = {last} THEN heading_deg END) AS heading_deg, {lists}
    FROM {cut} GROUP BY run_id, coalesce(name, track_id))""".replace("{cut}", _CUT.replace("{rows}", _POINTS))
    .replace("{lists}", ", ".join(f"list({name} ORDER BY t_utc_ns) AS {name}" for name in _LISTS))
    .replace("{last}", str(LAST_NS))
)
"""Speed and course are a track's last: only the last piece has them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RegroupedRows:
    """SQL for rows of some runs; `{hits}` and `{tracks}` stand in it for their parts, and its parameters go with it."""

    hits: str
    tracks: str
    parameters: dict[str, list[str] | list[int]]

    @classmethod
    def of(cls, archive: Archive, source: int, runs: Collection[str]) -> RegroupedRows:
        """Return what stands for the hits and the tracks of runs of one operation."""
        hits, tracks, known = "{hits}", "{tracks}", archive.runs(source)
        if not any(one.source == source and one.part.run_id in runs for one in archive.parts("tracks")):
            return cls(hits=hits, tracks=tracks, parameters={})
        if any(known[run_id].kind is RunKind.LIVE for run_id in runs if run_id in known):
            hits, tracks = _LINKED.replace("{rows}", hits), _FOLLOWED.replace("{rows}", tracks)
        pieces = [(run_id, *one) for run_id in sorted(runs) for one in archive.regrouping(source).of_run(run_id)]
        if not pieces:
            return cls(hits=hits, tracks=tracks, parameters={})
        return cls(
            hits=_CUT_HITS.replace("{rows}", hits),
            tracks=_CUT_TRACKS.replace("{rows}", tracks),
            parameters={
                "piece_run": [run_id for run_id, *_ in pieces],
                "piece_track": [track for _, track, _ in pieces],
                "piece_name": [piece.name for *_, piece in pieces],
                "piece_from": [piece.from_ns for *_, piece in pieces],
                "piece_to": [piece.to_ns for *_, piece in pieces],
            },
        )
