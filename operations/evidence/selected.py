"""What of an operation goes into a package: rows, the records they rest on, and what was left out by which filter."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import InputError
from operations.finding.archive import Archive
from operations.finding.hits_of_things import hit_ids_of
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import Leaf, LeafKind
from operations.regrouping import whole_of
from operations.values import PatrolOutcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operations.finding.selection import Found
    from operations.store import OperationStore

_PACKED_TABLES: Final = ("hits", "tracks", "frames")
_KINDS: Final = (
    LeafKind.OPERATION,
    LeafKind.MERGE,
    LeafKind.MEDIA,
    LeafKind.RUN,
    LeafKind.PART,
    LeafKind.VERDICT,
    LeafKind.OUTCOME,
)
_FILTERS: Final = {
    "class": ("classes",),
    "from": ("from_utc_ns",),
    "to": ("to_utc_ns",),
    "min_score": ("score_min",),
    "verdict": ("verdicts",),
    "track": ("thing_ids",),
    "area": ("area",),
    "near_border_m": ("border", "near_border_m"),
}
"""What a person asks by, and the fields of a selection that hold it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Rows of an operation, with everything that says where they come from."""

    hits: pa.Table
    tracks: pa.Table
    records: tuple[Leaf, ...]
    """The newest records of the operation, its originals, runs, tables, verdicts and outcomes that the rows rest on."""
    left_out: dict[str, Any]
    """Counts of what is not here, and why."""

    def of_kind(self, kind: LeafKind) -> list[Leaf]:
        """Return the records of a kind."""
        return [leaf for leaf in self.records if leaf.kind is kind]


def select(store: OperationStore, selection: ThingSelection) -> Selected:
    """Pick things, with all their hits and all that these rest on.

    Raises
    ------
    InputError
        When nothing fits the selection.
    """
    with Archive([store]) as archive:
        index = ThingIndex(archive)
        found = find(archive, index, selection)
        left_out = _left_out(store, selection, found, lambda single: find(archive, index, single, limit=0).total)
        hit_ids = [hit_id for listed in hit_ids_of(archive, found.things) for hit_id in listed]
    if not found.total:
        raise InputError("nothing in this operation fits the selection: nothing is packed; widen it", **left_out)
    hits, tracks = _rows(store, found, hit_ids)
    about = _Rested(
        runs=_distinct(hits, "run_id"),
        media=_distinct(hits, "media_id"),
        tracks=_distinct(hits, "track_id"),
        hits=_distinct(hits, "hit_id"),
    )
    records = sorted((leaf for leaf in _newest(store) if about.holds(leaf)), key=lambda leaf: leaf.seq)
    left_out |= {"hits_packed": hits.num_rows, "hits_in_operation": sum(part.rows for part in store.parts("hits"))}
    return Selected(hits=hits, tracks=tracks, records=tuple(records), left_out=left_out)


def _rows(store: OperationStore, found: Found, hit_ids: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return the hits of things, and their tracks; of a piece of a split track, the track as it was recorded."""
    things = found.things
    runs = sorted(set(things.text["run_id"].texts().tolist()))
    names = {name for thing in things.ids["thing_id"].texts().tolist() for name in (thing, whole_of(thing))}
    hits, tracks = store.table("hits", runs=runs), store.table("tracks", runs=runs)
    hits = hits.filter(pc.is_in(hits["hit_id"], value_set=pa.array(hit_ids, pa.string())))
    return hits, tracks.filter(pc.is_in(tracks["track_id"], value_set=pa.array(sorted(names), pa.string())))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Rested:
    """Ids of what selected rows rest on."""

    runs: frozenset[str]
    media: frozenset[str]
    tracks: frozenset[str]
    hits: frozenset[str]

    def shows(self, said: Verdict | PatrolOutcome) -> bool:
        """Return whether a verdict or an outcome is about any of them."""
        return said.track_id in self.tracks or bool(self.hits & set(said.hit_ids))

    def holds(self, leaf: Leaf) -> bool:
        if leaf.kind is LeafKind.MEDIA:
            return leaf.subject in self.media
        if leaf.kind is LeafKind.RUN:
            return leaf.subject in self.runs
        if leaf.kind is LeafKind.PART:
            return leaf.body.get("run_id") in self.runs and leaf.body.get("table") in _PACKED_TABLES
        if leaf.kind is LeafKind.VERDICT:
            return self.shows(Verdict.of(leaf.body))
        if leaf.kind is LeafKind.OUTCOME:
            return self.shows(PatrolOutcome.of(leaf.body))
        return leaf.kind in {LeafKind.OPERATION, LeafKind.MERGE}


def _newest(store: OperationStore) -> list[Leaf]:
    return [leaf for kind in _KINDS for leaf in store.newest(kind)]


def _left_out(
    store: OperationStore, selection: ThingSelection, found: Found, count: Callable[[ThingSelection], int]
) -> dict[str, Any]:
    """Count what each filter alone leaves out, and what no filter sees."""
    blank = ThingSelection(singles=selection.singles)
    every, alone = count(blank), {}
    for name, fields in _FILTERS.items():
        asked = {field: getattr(selection, field) for field in fields}
        if all(value not in (None, ()) for value in asked.values()):
            alone[name] = every - count(dataclasses.replace(blank, **asked))
    superseded = {run.run_id for run in store.runs(superseded=True)} - {run.run_id for run in store.runs()}
    return {
        "things_in_operation": every,
        "things_packed": found.total,
        "single_hits_not_asked_for": found.singles_left,
        "left_out_by_filter_alone": alone,
        "runs_superseded": len(superseded),
        "hits_of_superseded_runs": sum(part.rows for part in store.parts("hits", runs=sorted(superseded))),
    }


def _distinct(table: pa.Table, column: str) -> frozenset[str]:
    return frozenset(value for value in pc.unique(table[column]).to_pylist() if value)
