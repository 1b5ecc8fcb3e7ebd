"""Scores beside what people said of them: what a calibration is made of, and how far it can be trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from operations.exports.boxes import boxes_of
from operations.learning.unflagged import looked, sample, words

if TYPE_CHECKING:
    from operations.exports.handed import Handed


def score_table(handed: Handed) -> bytes:
    """Return JSON: one row a box with class, score, height, decision and outcome, and counts of both by class.

    A curve fitted to it has the bias of its readers: what nobody looked at is in neither column. What a model never
    boxed is in no row at all: `unflagged_pictures` says by operation in how many of the pictures without any box that
    people looked at there was something.
    """
    rows = [_row(handed, source, hit, said) for source, hit, said in boxes_of(handed)]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        of_class = counts.setdefault(row["class"], {"decision": {}, "patrol_found": {}})
        for column, told in of_class.items():
            told[str(row[column])] = told.get(str(row[column]), 0) + 1
    sources = range(len(handed.archive.stores))
    unflagged = [looked(sample(handed.archive, k), words(handed.archive.stores[k])).body() for k in sources]
    whole = {"about": handed.origin, "boxes_by_class": counts, "unflagged_pictures": unflagged, "boxes": rows}
    return (json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _row(handed: Handed, source: int, hit: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    run = handed.archive.runs(source).get(hit["run_id"])
    return {
        "class": hit["class_name"],
        "score_raw": round(hit["score_raw"], 6),
        "score": None if hit["score"] is None else round(hit["score"], 6),
        "height_px": round(hit["box_y1_px"] - hit["box_y0_px"], 3),
        "model": None if run is None else str(run.settings.get("model", "")),
        "hit_id": hit["hit_id"],
        **said,
    }
