"""What a stretch of film showed, picture by picture: where the camera was, its footprint, and what was found in it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from operations.finding.described import utc_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from operations.finding.archive import Archive
    from operations.values import PartRecord

    FloatArray = NDArray[np.float64]

BESIDE_NS: Final = 10_000_000_000
"""Footprints are worked out each few seconds; those this far before and after a stretch are read with it."""
_FRAMES: Final = """
SELECT media_t_ns, t_utc_ns, lat_deg, lon_deg, alt_hae_m, pose_reason, footprint FROM {frames}
WHERE media_id = $media AND stream = $stream AND media_t_ns BETWEEN $from_ns AND $to_ns ORDER BY media_t_ns"""
_HITS: Final = """
SELECT media_t_ns, run_id, coalesce(track_id, hit_id) AS thing_id, class_name, coalesce(score, score_raw) AS score,
    box_x0_px, box_y0_px, box_x1_px, box_y1_px, lat_deg, lon_deg, ce90_m, reason FROM {hits}
WHERE media_id = $media AND stream = $stream AND media_t_ns BETWEEN $from_ns AND $to_ns ORDER BY media_t_ns, hit_id"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of one stream of one recording, by its own presentation time."""

    source: int
    media_id: str
    stream: int
    from_s: float
    to_s: float


def shown_in(archive: Archive, stretch: Stretch) -> dict[str, Any]:
    """Return the pictures of a stretch that were analysed, and the boxes in them, as JSON values.

    A footprint that was not worked out at a picture lies between the two that were, or moves with the camera
    beside the only one; `measured` tells which is which.
    """
    runs = {
        run.run_id for run in archive.runs(stretch.source).values() if stretch.media_id in run.media_ids
    }  # of what was superseded the archive knows nothing
    begin, end = round(stretch.from_s * 1e9), round(stretch.to_s * 1e9)
    frames = _read(archive, stretch, "frames", _FRAMES, runs, (begin - BESIDE_NS, end + BESIDE_NS))
    hits = _read(archive, stretch, "hits", _HITS, runs, (begin, end))
    return {
        "pictures": [] if frames is None else [one for one in _pictures(frames) if begin <= one.pop("ns") <= end],
        "boxes": [] if hits is None else [_box(row) for row in hits.to_pylist()],
    }


def _read(
    archive: Archive, stretch: Stretch, table: str, query: str, runs: set[str], span_ns: tuple[int, int]
) -> pa.Table | None:
    parts: list[PartRecord] = [
        one.part for one in archive.parts(table) if one.source == stretch.source and one.part.run_id in runs
    ]
    if not parts:
        return None
    asked = {"media": stretch.media_id, "stream": stretch.stream, "from_ns": span_ns[0], "to_ns": span_ns[1]}
    return archive.read(stretch.source, query, {table: parts}, **asked)


def _pictures(frames: pa.Table) -> list[dict[str, Any]]:
    rows = frames.to_pylist()
    times = np.array([row["media_t_ns"] for row in rows], dtype=np.int64)
    places = np.array([(row["lon_deg"], row["lat_deg"]) for row in rows], dtype=np.float64).reshape(-1, 2)
    rings: list[FloatArray | None] = [
        np.array(row["footprint"], dtype=np.float64).reshape(-1, 2) if row["footprint"] else None for row in rows
    ]
    known = [number for number, ring in enumerate(rings) if ring is not None]
    listed = []
    for number, row in enumerate(rows):
        posed = bool(np.isfinite(places[number]).all())
        ring = _ring_at(number, times, places, rings, known) if posed else None
        listed.append(
            {
                "ns": row["media_t_ns"],
                "t_s": row["media_t_ns"] / 1e9,
                "utc": utc_text(row["t_utc_ns"]),
                "camera": [row["lat_deg"], row["lon_deg"]] if posed else None,
                "alt_hae_m": _number(row["alt_hae_m"]),
                "why_not": row["pose_reason"] or "",
                "footprint": None if ring is None else [[lat, lon] for lon, lat in ring.round(7).tolist()],
                "measured": rings[number] is not None,
            }
        )
    return listed


def _ring_at(
    number: int, times: NDArray[np.int64], places: FloatArray, rings: Sequence[FloatArray | None], known: Sequence[int]
) -> FloatArray | None:
    """Return the footprint of a picture: its own, between its neighbours', or a neighbour's moved with the camera."""
    own = rings[number]
    if own is not None:
        return own
    at = int(np.searchsorted(known, number))
    before = known[at - 1] if at > 0 and times[number] - times[known[at - 1]] <= BESIDE_NS else None
    after = known[at] if at < len(known) and times[known[at]] - times[number] <= BESIDE_NS else None
    first = None if before is None else rings[before]
    second = None if after is None else rings[after]
    if first is not None and second is not None and before is not None and after is not None:
        if first.shape == second.shape:
            share = (times[number] - times[before]) / (times[after] - times[before])
            return np.asarray(first + share * (second - first))
        second = None if times[number] - times[before] <= times[after] - times[number] else second
    near, ring = (before, first) if second is None else (after, second)
    return None if near is None or ring is None else np.asarray(ring + (places[number] - places[near]))


def _box(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "t_s": row["media_t_ns"] / 1e9,
        "run": row["run_id"],
        "thing": row["thing_id"],
        "assessed": row["class_name"],
        "score": _number(row["score"]),
        "box_px": [round(row[f"box_{corner}_px"], 1) for corner in ("x0", "y0", "x1", "y1")],
        "place": None if row["reason"] else [row["lat_deg"], row["lon_deg"]],
        "ce90_m": _number(row["ce90_m"]),
        "why_not": row["reason"] or "",
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 4)
