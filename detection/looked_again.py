"""When places of tracks were looked at: who is not seen there although it was looked at has gone, or was missed.

A look is a recording's pictures of one place without a break. Who stood or went there may have been seen at each look
after its track ended, and whoever comes at a first look is likelier a newcomer than at the fifth.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_tracks import GroundTracks
    from detection.traces import Traces

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

AGAIN_S: Final = 10.0
"""Pictures within so many seconds of each other, or of a track's end, are of the same look."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Ground that a recording's pictures showed, and until when each."""

    rings: tuple[NDArray[np.float64], ...]
    """Outlines, each of shape (k, 2): longitude and latitude in degrees."""
    to_ns: IntArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Looks at places, one place after another, as columns."""

    first: IntArray
    """Where each place's looks begin, and behind the last one: shape (places + 1,)."""
    run: IntArray
    """Which recording each is of, …"""
    from_ns: IntArray
    to_ns: IntArray
    """… and from when to when."""

    def of(self, places: IntArray) -> tuple[IntArray, IntArray]:
        """Return the looks at some places, one after another, and which of these places each is of."""
        counts = np.diff(self.first)[places]
        owner = np.repeat(np.arange(len(places)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.first[places][owner] + within, owner

    def after(self, traces: Traces, rows: IntArray, tracks: IntArray) -> NDArray[np.bool_]:
        """Tell of looks whether whoever each track is of may be seen at it again.

        Of recordings at the same time the earlier one's tracks are looked at again by the later one.
        """
        since = traces.end_ns[tracks] + round(AGAIN_S * 1e9)
        since = np.where(self.run[rows] > traces.run[tracks], traces.begin_ns[tracks], since)
        return np.asarray(self.to_ns[rows] > since)

    def before(self, traces: Traces, rows: IntArray, tracks: IntArray) -> NDArray[np.bool_]:
        """Tell of looks whether whoever each track is of may have been seen at it before."""
        until = traces.begin_ns[tracks] - round(AGAIN_S * 1e9)
        until = np.where(self.run[rows] < traces.run[tracks], traces.end_ns[tracks], until)
        return np.asarray(self.from_ns[rows] < until)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Looks at where each track ended, and at where it began; one place a track."""

    ends: Looks
    begins: Looks

    def left(self, traces: Traces) -> FloatArray:
        """How often the place where each track ended was looked at afterwards, shape (n,)."""
        rows, owner = self.ends.of(np.arange(len(traces)))
        return np.bincount(owner, self.ends.after(traces, rows, owner), len(traces)).astype(np.float64)

    def begun(self, traces: Traces) -> tuple[FloatArray, FloatArray, FloatArray]:
        """How often the place where each track begins was looked at: before, so by other recordings, by its own in all.

        Each of shape (n,).
        """
        rows, owner = self.begins.of(np.arange(len(traces)))
        seen, own = self.begins.before(traces, rows, owner), self.begins.run[rows] == traces.run[owner]
        counts = [np.bincount(owner, some, len(traces)).astype(np.float64) for some in (seen, seen & ~own, own)]
        return counts[0], counts[1], counts[2]

    def skipped(self, traces: Traces, before: IntArray, after: IntArray) -> FloatArray:
        """How often whoever both of a pair are of was looked at between them: the less of both places, shape (n,)."""
        counts = []
        for looks, places in ((self.ends, before), (self.begins, after)):
            rows, owner = looks.of(places)
            between = looks.after(traces, rows, before[owner]) & looks.before(traces, rows, after[owner])
            counts.append(np.bincount(owner, between, len(before)))
        return np.asarray(np.minimum(*counts))


def looked_again(recordings: Sequence[tuple[GroundTracks, Shown]]) -> Looked | None:
    """Return the looks at where each track, all recordings' one after another, ended and began.

    None where no recording has an outline: nothing is known of looks.
    """
    if not any(len(shown.rings) for _, shown in recordings):
        return None
    trees = [
        shapely.STRtree([shapely.make_valid(shapely.Polygon(ring)) for ring in shown.rings]) for _, shown in recordings
    ]
    until = [shown.to_ns for _, shown in recordings]
    tracks = [some for some, _ in recordings]
    found = []
    for places in ([some.offsets[1:] - 1 for some in tracks], [some.offsets[:-1] for some in tracks]):
        lon = np.concatenate([some.lon_deg[rows] for some, rows in zip(tracks, places, strict=True)])
        lat = np.concatenate([some.lat_deg[rows] for some, rows in zip(tracks, places, strict=True)])
        found.append(_looks(np.asarray(shapely.points(lon, lat)), trees, until))
    return Looked(ends=found[0], begins=found[1])


def _looks(places: NDArray[np.object_], trees: Sequence[shapely.STRtree], until: Sequence[IntArray]) -> Looks:
    """Gather the pictures that show each place into looks."""
    columns = []
    for run, (tree, to_ns) in enumerate(zip(trees, until, strict=True)):
        place, picture = tree.query(places, predicate="intersects")
        columns.append(np.stack([place, np.full(len(place), run), to_ns[picture]]))
    place, run, t_ns = np.concatenate(columns, axis=1).astype(np.int64)
    order = np.lexsort([t_ns, run, place])
    place, run, t_ns = place[order], run[order], t_ns[order]
    new = (np.diff(place, prepend=-1) != 0) | (np.diff(run, prepend=-1) != 0)
    new |= np.diff(t_ns, prepend=0) > AGAIN_S * 1e9
    begin = np.flatnonzero(new)
    end = np.append(begin[1:], len(place))[: len(begin)] - 1
    first = np.searchsorted(place[begin], np.arange(len(places) + 1))
    return Looks(first=first, run=run[begin], from_ns=t_ns[begin], to_ns=t_ns[end])
