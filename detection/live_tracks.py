"""Tracks of a live stream while it runs: the last half minute is followed anew, and what is new of it is told.

A thing that is followed further is told of again, by the same name and with its new points only, so that rows can be
added as they come and nothing grows with the length of a night. What came before the window is settled: the run over
the recording, not this, joins tracks over long gaps.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.ground_tracks import NUMBERS, POINTS, GroundTracks
from detection.looks import Looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.looks import Look

WINDOW_S: Final = 30.0
"""Long enough for evidence of many looks (a thing outside all pictures is let go after four seconds), and short
enough that following it anew costs some hundredths of a second."""
MOST_PICTURES: Final = 300
"""What is kept at most, should the stream's clock stand still."""
_SETTINGS: Final = TrackerSettings(stitch_gap_s=0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Hits that came together, and where the pictures they came from looked."""

    hits: GroundHits
    looks: tuple[Look, ...]
    newest_ns: int


class LiveTracks:
    """Follows hits as they come.

    Parameters
    ----------
    settings
        Noise, gates and gaps; joining over gaps is left to the run over the recording.
    window_s
        How much of the stream is followed anew each time.
    """

    def __init__(self, settings: TrackerSettings = _SETTINGS, window_s: float = WINDOW_S) -> None:
        self._settings = settings
        self._window_ns = round(window_s * 1e9)
        self._batches: collections.deque[_Batch] = collections.deque(maxlen=MOST_PICTURES)
        self._track_of: dict[bytes, str] = {}
        self.count = 0
        """How many tracks were told of."""

    def follow(self, hits: GroundHits, looks: Sequence[Look]) -> GroundTracks:
        """Take new hits and looks; returns tracks with those of their points that were not told before.

        Parameters
        ----------
        hits
            Hits since the last call.
        looks
            Each picture since then, those without a hit too.
        """
        times = [*hits.t_utc_ns[hits.placed].tolist(), *(look.pose.t_utc_ns for look in looks)]
        if not times:
            return GroundTracks.of([])
        newest_ns = max(times)
        batch = _Batch(hits=hits, looks=tuple(looks), newest_ns=newest_ns)
        self._batches.append(batch)
        while abs(newest_ns - self._batches[0].newest_ns) > self._window_ns:
            self._batches.popleft()
        held = GroundHits.concat([batch.hits for batch in self._batches])
        seen = [look for batch in self._batches for look in batch.looks]
        _, tracks = track(held, self._settings, Looks.of(seen) if seen else None)
        known = set(held.hit_id.tolist())
        self._track_of = {hit: name for hit, name in self._track_of.items() if hit in known}
        return self._news(tracks)

    def _news(self, tracks: GroundTracks) -> GroundTracks:
        """Return what was not told of tracks, under the names that they had."""
        names = list(tracks.track_id)
        fresh = np.zeros(len(tracks.hit_id), dtype=bool)
        taken: set[str] = set()
        for row in range(len(tracks)):
            hits = tracks.hit_id[tracks.points_of(row)].tolist()
            told = collections.Counter(self._track_of[hit] for hit in hits if hit in self._track_of)
            new = [hit for hit in hits if hit not in self._track_of]
            name = next((name for name, _ in told.most_common() if name not in taken), "")
            if not name and new:
                name = f"T-{new[0].decode()[:10]}"
                self.count += 1
            names[row] = name
            taken.add(name)
            self._track_of |= dict.fromkeys(new, name)
            fresh[tracks.points_of(row)] = np.isin(tracks.hit_id[tracks.points_of(row)], new)
        return _of_points(dataclasses.replace(tracks, track_id=tuple(names)), fresh)


def _of_points(tracks: GroundTracks, wanted: NDArray[np.bool_]) -> GroundTracks:
    """Return tracks with the points wanted; those that keep none are left out."""
    counts = np.add.reduceat(wanted, tracks.offsets[:-1]) if len(tracks) else np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(counts)
    points: dict[str, Any] = {name: getattr(tracks, name)[wanted] for name in (*POINTS, "hit_id")}
    numbers: dict[str, Any] = {name: getattr(tracks, name)[rows] for name in NUMBERS}
    return dataclasses.replace(
        tracks,
        track_id=tuple(tracks.track_id[row] for row in rows),
        class_name=tracks.class_name.take(rows),
        ended=tracks.ended.take(rows),
        posterior=tracks.posterior[rows],
        offsets=np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64),
        **numbers,
        **points,
    )
