"""Sorties over a short stretch, back and forth for as long as a battery carries.

Most of a sortie of the plan lies where nobody was ever found, and half of its time is the way there and back. An extra
flight that stays over the stretch on which people were found sees whoever comes there meanwhile. Such a sortie is made
of the plan's own lanes and judged like every other; it is no part of the guarantee.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.capacity import capacity_of
from missions.fleet.sections import pieces_between
from missions.paths.sortie import build_sortie

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.situation import Situation
    from missions.emphasis import Emphasis
    from missions.fleet.sections import Cut, Detachment, Section
    from missions.paths.lanes import LanePiece
    from missions.paths.path_maker import FlightPath, PathMaker
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

LENGTHS_M: Final = (1_500.0, 3_000.0)
"""Lengths of border tried: a lap of the shorter is flown in a few minutes, one of the longer within the quarter of an
hour that somebody on foot takes through a corridor."""
STANDS_OUT: Final = 1.5
"""How many times the border's mean rate a stretch must have: where all are alike, whole sorties see more."""
MOST_LAPS: Final = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shuttle:
    """A sortie back and forth, and the stations between which it watches the border."""

    sortie: Sortie
    span_m: tuple[float, float]


class Shuttles:
    """Makes shuttles over the sections of a plan.

    Parameters
    ----------
    situation
        The world.
    cut
        The cut the plan flies.
    own
        Who flies it.
    sorties
        The plan's sorties: one for each section that is flown, in order.
    """

    def __init__(self, situation: Situation, cut: Cut, own: Sequence[Detachment], sorties: Sequence[Sortie]) -> None:
        self._situation = situation
        self._makers = {situation.brief.fleets[one.fleet].label: one.maker for one in own}
        self._flown = list(zip([s for s in cut.sections if s.path is not None], sorties, strict=True))
        self._known: dict[tuple[int, float, float], Shuttle | None] = {}

    def over(self, emphasis: Emphasis) -> list[Shuttle]:
        """Return the shuttles over what stands out, at most one of each length over each section."""
        start = np.array([rate.stretch.start_m for rate in emphasis.rates])
        end = np.array([rate.stretch.end_m for rate in emphasis.rates])
        per_m = np.array([rate.per_look for rate in emphasis.rates]) / np.maximum(end - start, 1.0)
        usual = float(per_m @ (end - start) / (end - start).sum())
        found = []
        for number, (section, _) in enumerate(self._flown):
            for length_m in LENGTHS_M:
                best = _best(section, start, end, per_m, length_m)
                if best is not None and best[0] > STANDS_OUT * usual:
                    found.append(self._over(number, *best[1]))
        return [shuttle for shuttle in found if shuttle is not None]

    def _over(self, number: int, start_m: float, end_m: float) -> Shuttle | None:
        key = (number, start_m, end_m)
        if key not in self._known:
            self._known[key] = self._made(*self._flown[number], start_m, end_m)
        return self._known[key]

    def _made(self, section: Section, like: Sortie, start_m: float, end_m: float) -> Shuttle | None:
        brief, maker = self._situation.brief, self._makers[like.aircraft]
        site = next(k for k, launch in enumerate(brief.launch) if launch.name == like.site)
        part = dataclasses.replace(section.stretch, start_m=start_m, end_m=end_m)
        pieces = pieces_between(list(section.pieces), part)
        name = f"{like.name}-m{start_m:.0f}-{end_m:.0f}"
        room = capacity_of(maker.flown.dialect, fixed_wing=maker.radius_m > 0.0).items
        for path in _affordable(maker, self._situation.corridor.sites[site], pieces):
            sortie = build_sortie(self._situation, brief.performance(like.aircraft), path, site=site, name=name)
            if len(sortie.items) <= room:
                return Shuttle(sortie=sortie, span_m=(start_m, end_m))
        return None


def _best(
    section: Section, start: FloatArray, end: FloatArray, per_m: FloatArray, length_m: float
) -> tuple[float, tuple[float, float]] | None:
    """Return the mean rate a metre of the best run of stretches about so long within a section, and its stations."""
    inside = np.flatnonzero((start >= section.stretch.start_m) & (end <= section.stretch.end_m))
    if not len(inside) or section.stretch.length_m < length_m:
        return None
    count = max(1, round(length_m / float((end - start)[inside].mean())))
    runs = [inside[k : k + count] for k in range(len(inside) - count + 1)]
    if not runs:
        return None
    mean = [float(per_m[run] @ (end - start)[run] / (end - start)[run].sum()) for run in runs]
    best = runs[int(np.argmax(mean))]
    return max(mean), (float(start[best[0]]), float(end[best[-1]]))


def _affordable(maker: PathMaker, site_m: FloatArray, pieces: list[LanePiece]) -> Iterator[FlightPath]:
    """Yield the paths of several laps that one battery carries, the longest first."""
    if not pieces:
        return
    tour = maker.tour(site_m, pieces)
    once, twice = (maker.path(tour, laps=laps) for laps in (1, 2))
    if once is None or twice is None or not twice.needed_wh <= maker.usable_wh:
        return
    a_lap_wh = max(twice.needed_wh - once.needed_wh, 1e-6)
    most = min(MOST_LAPS, 1 + int((maker.usable_wh - once.needed_wh) / a_lap_wh))
    for laps in range(most, 1, -1):
        path = maker.path(tour, laps=laps)
        if path is not None and path.needed_wh <= maker.usable_wh:
            yield path
