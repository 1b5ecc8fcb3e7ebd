"""Take-offs of many aircraft in one rhythm, so that flights that would meet never do, however long the patrol.

Where every base repeats its sorties in the same period, two sorties always meet at the same place or
never: it depends only on the time between their take-offs, modulo the period. Which of these times are
bad is worked out once for each pair; the take-offs are then laid one after another at the first good one.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.fleet.closest_approach import APART_M, APART_UP_M, first_conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from missions.plan import Turn

    FloatArray = NDArray[np.float64]

PHASE_S: Final = 5
"""Take-offs are laid on multiples of this."""
SLOWER: Final = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.5)
"""How many times the period is tried, where nothing shorter keeps the aircraft apart."""


class Meetings:
    """The times between two sorties' take-offs at which their aircraft come too close.

    Parameters
    ----------
    tracks
        For each sortie (n, 4): seconds from take-off, east, north, height, metres.
    near
        Pairs of sorties whose paths come near each other at all.
    """

    def __init__(self, tracks: Mapping[str, FloatArray], near: frozenset[tuple[str, str]]) -> None:
        self._tracks = tracks
        self._sampled = {name: _every_second(track) for name, track in tracks.items()}
        self._fastest = {name: _fastest_mps(track) for name, track in tracks.items()}
        self._near = near
        self._known: dict[tuple[str, str], NDArray[np.int64]] = {}

    def bad_s(self, first: str, second: str) -> NDArray[np.int64]:
        """Return the multiples of `PHASE_S` by which the second may not take off after the first."""
        if (first, second) not in self._near:
            return np.zeros(0, dtype=np.int64)
        if (first, second) not in self._known:
            a, b = self._sampled[first], self._sampled[second]
            delays = np.arange(-(len(b) // PHASE_S) * PHASE_S, len(a), PHASE_S)
            bad = [d for d in delays.tolist() if self._meet(first, second, d)]
            self._known[first, second] = np.array(bad, dtype=np.int64)
        return self._known[first, second]

    def _meet(self, first: str, second: str, delay: int) -> bool:
        """Tell exactly whether they meet; most that do not are far apart in every whole second, too."""
        a, b = self._sampled[first], self._sampled[second]
        start, end = max(0, delay), min(len(a), len(b) + delay)
        if end <= start:
            return False
        away = a[start:end] - b[start - delay : end - delay]
        between = self._fastest[first] + self._fastest[second]
        level = np.abs(away[:, 2]) < APART_UP_M + between[1]
        if not (level & (away[:, 0] ** 2 + away[:, 1] ** 2 < (APART_M + between[0]) ** 2)).any():
            return False
        return first_conflict(self._tracks[first], self._tracks[second], float(delay)) is not None

    def clash(self, first: str, at_s: int, second: str, later_s: int, period_s: int) -> bool:
        """Tell whether two sorties repeated in one period ever meet; one with itself a period later too."""
        bad = self.bad_s(first, second)
        if first == second:
            bad = bad[bad != 0]
        return bool((bad % period_s == (later_s - at_s) % period_s).any())


def _every_second(track: FloatArray) -> FloatArray:
    t = np.arange(0.0, track[-1, 0] + 1.0)
    return np.stack([np.interp(t, track[:, 0], track[:, c]) for c in (1, 2, 3)], axis=1)


def _fastest_mps(track: FloatArray) -> FloatArray:
    """Return how fast a track is flown at most, across and up or down: so far it leads between two whole seconds."""
    step = np.diff(track, axis=0)
    took = step[:, 0] > 0.0
    speeds = np.stack([np.hypot(step[took, 1], step[took, 2]), np.abs(step[took, 3])]) / step[took, 0]
    return np.asarray(speeds.max(axis=1, initial=0.0))


def in_rhythm(
    turns: Sequence[Turn], seconds: Mapping[str, float], period_s: float, most_s: float, meetings: Meetings
) -> list[Turn] | None:
    """Return the turns in one common period in which no two aircraft ever meet, or None where none was found.

    Parameters
    ----------
    turns
        As staggered evenly, each base's at its own pace.
    seconds
        Flight time of each sortie.
    period_s, most_s
        The slowest base's period, and the longest that may come of it.
    """
    groups = [list(group) for _, group in itertools.groupby(turns, key=lambda t: t.base)]
    for slower in SLOWER:
        period = PHASE_S * math.ceil(slower * period_s / PHASE_S)
        if period > max(most_s, period_s + PHASE_S):
            break
        for order in (groups, groups[::-1]):
            laid = _laid(order, seconds, period, meetings)
            if laid is not None:
                return sorted(laid, key=lambda t: (t.base, t.start_s))
    return None


def _laid(
    groups: Sequence[Sequence[Turn]], seconds: Mapping[str, float], period_s: int, meetings: Meetings
) -> list[Turn] | None:
    placed: list[tuple[str, int]] = []
    found: list[Turn] = []
    for group in groups:
        starts = _starts(group, seconds, period_s, placed, meetings)
        if starts is None:
            return None
        names = group[0].sorties
        placed += zip(names, starts, strict=True)
        whole = len(group) * period_s
        nexts = [*starts[1:], starts[0] + whole]
        gaps = tuple(round(after - at - seconds[name], 3) for name, at, after in zip(names, starts, nexts, strict=True))
        found += [
            dataclasses.replace(turn, gaps_s=gaps, start_s=float(starts[0] + k * period_s), cycle_s=float(whole))
            for k, turn in enumerate(group)
        ]
    return found


def _starts(
    group: Sequence[Turn],
    seconds: Mapping[str, float],
    period_s: int,
    placed: Sequence[tuple[str, int]],
    meetings: Meetings,
) -> list[int] | None:
    """Return when a base's first aircraft takes off for each of its sorties, meeting nobody placed before."""
    turn, whole = group[0], len(group) * period_s
    busy = [seconds[n] + g for n, g in zip(turn.sorties, turn.gaps_s, strict=True)]
    for first in range(0, period_s, PHASE_S):
        starts: list[int] = []
        earliest = float(first)
        for k, name in enumerate(turn.sorties):
            latest = first + whole - sum(busy[k:])
            known = [*placed, *zip(turn.sorties, starts, strict=False)]
            at = _first_good(name, earliest, min(latest, earliest + period_s), known, period_s, meetings)
            if at is None or (k == 0 and at != first):
                break
            starts.append(at)
            earliest = at + busy[k]
        if len(starts) == len(turn.sorties):
            return starts
    return None


def _first_good(
    name: str, earliest_s: float, latest_s: float, known: Sequence[tuple[str, int]], period_s: int, meetings: Meetings
) -> int | None:
    if meetings.clash(name, 0, name, 0, period_s):
        return None
    for at in range(PHASE_S * math.ceil(earliest_s / PHASE_S), math.floor(latest_s) + 1, PHASE_S):
        if not any(meetings.clash(other, then, name, at, period_s) for other, then in known):
            return at
    return None
