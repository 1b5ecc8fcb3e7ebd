"""The small picture that goes with a thing when it is handed on: its best hit, and nothing around that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from operations.finding.hits_of_things import hit_ids_of
from operations.redaction import redact_chip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.finding.archive import Archive
    from operations.finding.things import Things

_CHIPS: Final = "SELECT hit_id, jpeg FROM {chips} WHERE hit_id IN (SELECT unnest($ids))"
_BOXES: Final = """
SELECT hit_id, box_x0_px, box_y0_px, box_x1_px, box_y1_px FROM {hits} WHERE hit_id IN (SELECT unnest($ids))"""
_Hit = tuple[int, str, str]
"""Source, run and id of a hit."""


def redacted_chips(archive: Archive, things: Things) -> dict[int, bytes]:
    """Return JPEGs by row of `things`, everything outside the hit painted over; rows without one are left out.

    Raises
    ------
    DamagedError
        When a part with their pictures or hits is missing or cannot be read.
    """
    chosen = _chosen(archive, things)
    boxes = _of_hits(archive, "hits", _BOXES, [hit for hit, _ in chosen.values()])
    return {row: redact_chip(jpeg, boxes[hit]) for row, (hit, (jpeg,)) in chosen.items() if hit in boxes}


def _chosen(archive: Archive, things: Things) -> dict[int, tuple[_Hit, tuple[bytes]]]:
    """Return by row the hit to judge a thing by, and its chip: its best hit, or another where that has none."""
    sources, run_ids = things.number["source"].tolist(), things.text["run_id"].texts().tolist()
    best = things.ids["best_hit_id"].texts().tolist()
    wanted: list[list[_Hit]] = []
    for row, others in enumerate(hit_ids_of(archive, things)):
        wanted.append([(int(sources[row]), str(run_ids[row]), name) for name in (best[row], *others)])
    chips = _of_hits(archive, "chips", _CHIPS, [hit for hits in wanted for hit in hits])
    first = ((row, next((hit for hit in hits if hit in chips), None)) for row, hits in enumerate(wanted))
    return {row: (hit, chips[hit]) for row, hit in first if hit is not None}


def _of_hits(archive: Archive, table: str, query: str, hits: Sequence[_Hit]) -> dict[_Hit, Any]:
    """Return what a table holds of hits, a tuple of the columns after the id, run by run."""
    found: dict[_Hit, Any] = {}
    for source, run_id in sorted({hit[:2] for hit in hits}):
        parts = [one.part for one in archive.parts(table) if one.key[0] == source and one.part.run_id == run_id]
        if any(part.rows for part in parts):
            ids = sorted({name for *of, name in hits if tuple(of) == (source, run_id)})
            rows = archive.read(source, query, {table: parts}, ids=ids)
            names, *columns = (column.to_pylist() for column in rows.columns)
            for name, *values in zip(names, *columns, strict=True):
                found[source, run_id, name] = tuple(values)
    return found
