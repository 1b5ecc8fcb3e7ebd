"""What of an operation goes into a package: rows, the records they rest on, and what was left out by which filter."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from geo.errors import InputError
from operations.log.leaves import Leaf, LeafKind
from operations.queries import HitSearch, HitSelection
from operations.values import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from operations.store import OperationStore

_PACKED_TABLES = ("hits", "tracks", "frames")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Rows of an operation, with everything that says where they come from."""

    hits: pa.Table
    tracks: pa.Table
    records: tuple[Leaf, ...]
    """The newest records of the operation, its originals, runs, tables and verdicts that the rows rest on."""
    left_out: dict[str, Any]
    """Counts of what is not here, and why."""

    def of_kind(self, kind: LeafKind) -> list[Leaf]:
        """Return the records of a kind."""
        return [leaf for leaf in self.records if leaf.kind is kind]


def select(store: OperationStore, selection: HitSelection) -> Selected:
    """Pick hits, and all that they rest on.

    Raises
    ------
    InputError
        When nothing fits the selection.
    """
    parts = store.parts("hits")
    with HitSearch() as search:
        hits = search.hits(store.path, parts, selection, vault=store.vault)
        left_out = _left_out(store, search, selection, hits.num_rows)
    if not hits.num_rows:
        raise InputError("no hit of this operation fits the selection: nothing is packed; widen it", **left_out)
    runs = _distinct(hits, "run_id")
    track_ids = _distinct(hits, "track_id")
    tracks = store.table("tracks", runs=sorted(runs))
    tracks = tracks.filter(pc.is_in(tracks["track_id"], value_set=_texts(track_ids)))
    about = _Rested(runs=runs, media=_distinct(hits, "media_id"), tracks=track_ids, hits=_distinct(hits, "hit_id"))
    records = sorted((leaf for leaf in _newest(store) if about.holds(leaf)), key=lambda leaf: leaf.seq)
    return Selected(hits=hits, tracks=tracks, records=tuple(records), left_out=left_out)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Rested:
    """Ids of what selected rows rest on."""

    runs: frozenset[str]
    media: frozenset[str]
    tracks: frozenset[str]
    hits: frozenset[str]

    def holds(self, leaf: Leaf) -> bool:
        if leaf.kind is LeafKind.MEDIA:
            return leaf.subject in self.media
        if leaf.kind is LeafKind.RUN:
            return leaf.subject in self.runs
        if leaf.kind is LeafKind.PART:
            return leaf.body.get("run_id") in self.runs and leaf.body.get("table") in _PACKED_TABLES
        if leaf.kind is LeafKind.VERDICT:
            verdict = Verdict.of(leaf.body)
            return verdict.track_id in self.tracks or bool(self.hits & set(verdict.hit_ids))
        return leaf.kind in {LeafKind.OPERATION, LeafKind.MERGE}


def _newest(store: OperationStore) -> list[Leaf]:
    kinds = (LeafKind.OPERATION, LeafKind.MERGE, LeafKind.MEDIA, LeafKind.RUN, LeafKind.PART, LeafKind.VERDICT)
    return [leaf for kind in kinds for leaf in store.newest(kind)]


def _left_out(store: OperationStore, search: HitSearch, selection: HitSelection, taken: int) -> dict[str, Any]:
    """Count what each filter alone leaves out, and what no filter sees."""
    parts = store.parts("hits")

    def count(single: HitSelection) -> int:
        return int(search.hits(store.path, parts, single, vault=store.vault, columns=["hit_id", "t_utc_ns"]).num_rows)

    blank = HitSelection()
    fields = [field.name for field in dataclasses.fields(HitSelection)]
    asked = {name: getattr(selection, name) for name in fields if getattr(selection, name) != getattr(blank, name)}
    every = sum(part.rows for part in parts)
    superseded = {run.run_id for run in store.runs(superseded=True)} - {run.run_id for run in store.runs()}
    return {
        "hits_in_operation": every,
        "hits_packed": taken,
        "left_out_by_filter_alone": {
            name: every - count(dataclasses.replace(blank, **{name: value})) for name, value in asked.items()
        },
        "runs_superseded": len(superseded),
        "hits_of_superseded_runs": sum(part.rows for part in store.parts("hits", runs=sorted(superseded))),
    }


def _distinct(table: pa.Table, column: str) -> frozenset[str]:
    return frozenset(value for value in pc.unique(table[column]).to_pylist() if value)


def _texts(values: frozenset[str]) -> Any:
    import pyarrow as pa

    return pa.array(sorted(values), pa.string())
