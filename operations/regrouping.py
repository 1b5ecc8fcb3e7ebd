"""Tracks set right: one that was two things is split at a moment, several that are one thing are joined.

The rows of a run are never changed. What people say of them, and what the program takes for likely, is a record of the
log, undone by a later one about the same track, and every door reads the tracks as they stand by it.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, Final, Self

from geo.errors import InputError
from operations.case_file import Draft
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operations.log.leaves import Leaf
    from operations.store import OperationStore

JOINED: Final = "joined tracks "
"""Begins the subject of a record of what was joined; the newest of a subject holds."""
SPLIT: Final = "split track "
PROBABILITIES: Final = "probabilities"
"""In the body of a record that the program made by itself: how likely each track is the one before it."""
MOST_JOINED: Final = 100
"""Tracks that one thing is joined of."""
MOST_CUTS: Final = 20
"""Moments at which one track is split."""
FIRST_NS: Final = -(2**62)
LAST_NS: Final = 2**62
_PIECE: Final = "~"
Track = tuple[str, str]
"""Id of a run, and of a track in it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of time of a split track: a thing of its own."""

    name: str
    from_ns: int
    to_ns: int
    """The first moment that is not in it any more."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Regrouping:
    """What people set right in one operation."""

    cuts: Mapping[Track, tuple[int, ...]]
    """Moments at which a track is split, in order."""
    joins: Mapping[Track, tuple[Track, ...]]
    """All tracks that one is joined with, itself among them."""

    @classmethod
    def of(cls, store: OperationStore) -> Self:
        """Read what the log says now."""
        cuts: dict[Track, tuple[int, ...]] = {}
        joins: dict[Track, tuple[Track, ...]] = {}
        for leaf in store.newest(LeafKind.NOTE):
            if leaf.subject.startswith(JOINED):
                tracks = tuple(tracks_of(leaf))
                joins |= dict.fromkeys(tracks, tracks)
            elif leaf.subject.startswith(SPLIT):
                cuts |= split_by(leaf)
        return cls(cuts=cuts, joins=joins)

    def pieces(self, track: Track) -> list[Piece]:
        """Return the things that a track was split into; none where it is whole."""
        if track not in self.cuts:
            return []
        edges = [FIRST_NS, *self.cuts[track], LAST_NS]
        return [
            Piece(name=f"{track[1]}{_PIECE}{number}", from_ns=start, to_ns=end)
            for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False), start=1)
        ]

    def name_at(self, track: Track, t_utc_ns: int) -> str:
        """Return the name of what a track was at a moment."""
        if track not in self.cuts:
            return track[1]
        return f"{track[1]}{_PIECE}{bisect.bisect_right(self.cuts[track], t_utc_ns) + 1}"

    def of_run(self, run_id: str) -> list[tuple[str, Piece]]:
        """Return the pieces of a run's split tracks, each with the track it is of."""
        return [(track, piece) for run, track in self.cuts if run == run_id for piece in self.pieces((run, track))]


def whole_of(name: str) -> str:
    """Return the track that a piece is of; a track's own name for a track."""
    return name.rpartition(_PIECE)[0] or name


def split(store: OperationStore, track: Track, at_utc_ns: Sequence[int]) -> None:
    """Split a track at moments, or make it whole again by none, in the name the store was opened in.

    Raises
    ------
    InputError
        When no run that counts has such a track, or a moment does not lie within it.
    """
    if len(at_utc_ns) > MOST_CUTS:
        raise InputError(f"a track is split at up to {MOST_CUTS} moments, not {len(at_utc_ns)}")
    tracks = store.tracks(runs=[track[0]])
    if track[1] not in tracks.track_id:
        raise InputError(f"run {track[0][:16]} has no track {track[1][:80]!a}: take both from 'vedette find --json'")
    row = tracks.track_id.index(track[1])
    times = tracks.t_utc_ns[int(tracks.offsets[row]) : int(tracks.offsets[row + 1])]
    cuts = sorted(set(at_utc_ns))
    if cuts and not times.min() < cuts[0] <= cuts[-1] <= times.max():
        raise InputError(f"track {track[1][:80]!a} does not go on through that moment: nothing would be split")
    body = {"run": track[0], "track": track[1], "at_t_utc_ns": cuts}
    store.append(LeafKind.NOTE, SPLIT + _short(track), body)


def join(store: OperationStore, tracks: Sequence[Track]) -> None:
    """Take tracks for one thing, in the name the store was opened in.

    Raises
    ------
    InputError
        When they are fewer than two, or too many.
    """
    if not 2 <= len(tracks) <= MOST_JOINED:
        raise InputError(f"pick 2 to {MOST_JOINED} tracks to join, not {len(tracks)}")
    draft = joined_draft(tracks)
    store.append(draft.kind, draft.subject, draft.body)


def joined_draft(tracks: Sequence[Track], probabilities: Sequence[float] = ()) -> Draft:
    """Return the record that tracks are one thing; with the probability of each next one where the program says so."""
    body: dict[str, Any] = {"tracks": [list(track) for track in tracks]}
    if probabilities:
        body[PROBABILITIES] = [round(one, 3) for one in probabilities]
    return Draft(kind=LeafKind.NOTE, subject=JOINED + _short(tracks[0]), body=body)


def parted_draft(subject: str, *, by_program: bool = False) -> Draft:
    """Return the record that what was joined stands apart again."""
    return Draft(kind=LeafKind.NOTE, subject=subject, body={"tracks": []} | ({PROBABILITIES: []} if by_program else {}))


def tracks_of(leaf: Leaf) -> Iterable[Track]:
    """Yield the tracks that a record joins."""
    listed: Any = leaf.body.get("tracks")
    for pair in listed if isinstance(listed, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield str(pair[0]), str(pair[1])


def split_by(leaf: Leaf) -> dict[Track, tuple[int, ...]]:
    """Return the track that a record splits, with the moments in order; none where it makes it whole again."""
    moments = leaf.body.get("at_t_utc_ns")
    if not isinstance(moments, list) or not moments:
        return {}
    return {(str(leaf.body["run"]), str(leaf.body["track"])): tuple(sorted(map(int, moments)))}


def _short(track: Track) -> str:
    return hashlib.sha256("\n".join(track).encode("utf-8", "replace")).hexdigest()[:16]
