"""Which stretch of border is flown from which launch site by which type, cut into sorties a battery can carry."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.paths.lanes import cut
from missions.performance.energy import reach_m

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.paths.lanes import Lane, LanePiece
    from missions.paths.path_maker import FlightPath, PathMaker

    FloatArray = NDArray[np.float64]

STATION_STEP_M: Final = 50.0
"""Spacing at which the border asks which launch site is nearest."""
SHORTEST_SECTION_M: Final = 150.0
"""A sortie that could watch less border than this is not worth its transit."""
MOST_ALONE: Final = 4
"""Lanes of one place that are worth a sortie each."""
PRECISION_M: Final = 50.0
"""How finely the end of a section is searched."""


class Unflown(enum.StrEnum):
    """Why a part of the border is in no sortie."""

    NO_WAY = "no way"
    WIND = "wind"
    BATTERY = "battery"
    NO_LANE = "no lane"
    TURN = "turn"


MENDABLE: Final = frozenset({Unflown.NO_WAY, Unflown.WIND, Unflown.BATTERY, Unflown.TURN})
"""Reasons that another type of aircraft may not have."""
SAME_M: Final = 100.0
"""Lengths of border left unflown that are this near count as equal."""
DIVIDED: Final = (2, 3)
"""Parts every sortie is also divided into where there are several types to share them."""
MAX_DIVIDED: Final = 24
"""Most sorties a divided cut may have."""
MAX_CUTS: Final = 12
"""Most cuts of the border into sorties that are worked out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detachment:
    """The aircraft of one type: its place among the brief's, its paths, and the sites it may start from."""

    fleet: int
    maker: PathMaker
    sites: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the border, by stations along it."""

    chain: int
    start_m: float
    end_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of border, by stations along it, that one site looks after with one type of aircraft."""

    site: int
    fleet: int
    chain: int
    start_m: float
    end_m: float

    @property
    def length_m(self) -> float:
        """Length along the border."""
        return self.end_m - self.start_m


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One sortie's share of a stretch with its path, or the reason it has none."""

    stretch: Stretch
    path: FlightPath | None = None
    reason: Unflown | None = None
    needed_wh: float = float("nan")
    alone_wh: float = float("nan")
    """Battery above what is kept with which all of it is reached, a sortie for each lane; NaN where nobody knows."""
    pieces: tuple[LanePiece, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """A whole border cut into sections, and for each that is flown the paths of every (site, type) that can."""

    sections: tuple[Section, ...]
    paths: tuple[dict[tuple[int, int], FlightPath], ...]

    @property
    def unflown_m(self) -> float:
        """Length of border another cut may fly and this one does not."""
        return sum(s.stretch.length_m for s in self.sections if s.reason in MENDABLE)


def stretches(corridor: Corridor, detachment: Detachment, spans: Sequence[Span]) -> tuple[list[Stretch], list[Stretch]]:
    """Give every part of some border to the nearest of a type's launch sites; second, the parts it cannot reach."""
    near: list[Stretch] = []
    far: list[Stretch] = []
    reach = reach_m(detachment.maker.aircraft, detachment.maker.wind.strongest_mps)
    tree = shapely.STRtree(np.asarray(shapely.points(corridor.sites[list(detachment.sites)])))
    for span in spans:
        length = span.end_m - span.start_m
        count = max(int(np.ceil(length / STATION_STEP_M)), 1)
        middle = (np.arange(count) + 0.5) * length / count
        points = shapely.points(corridor.along.at(span.start_m + middle))
        found, distance = tree.query_nearest(points, all_matches=False, return_distance=True)
        order = np.argsort(found[0], kind="stable")
        site, away = found[1][order], distance[order] > reach
        edges = np.concatenate([[0], np.flatnonzero((np.diff(site) != 0) | (np.diff(away) != 0)) + 1, [count]])
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            start, end = span.start_m + a * length / count, span.start_m + b * length / count
            stretch = Stretch(
                site=detachment.sites[int(site[a])], fleet=detachment.fleet, chain=span.chain, start_m=start, end_m=end
            )
            (far if away[a] else near).append(stretch)
    return near, far


def whole_border(corridor: Corridor) -> list[Span]:
    """Return every chain of the border as a span."""
    ends = np.concatenate([[0.0], np.cumsum([line.length for line in corridor.border.geoms])]).tolist()
    return [Span(chain=k, start_m=a, end_m=b) for k, (a, b) in enumerate(itertools.pairwise(ends))]


def sections(corridor: Corridor, pieces: list[LanePiece], own: Detachment, spans: Sequence[Span]) -> list[Section]:
    """Cut border into sorties of one type: a whole stretch where a battery allows it, else outward from its site."""
    near, far = stretches(corridor, own, spans)
    found = [section for stretch in near for section in _Cutter(stretch, pieces, corridor, own.maker).sections()]
    return [*found, *(Section(stretch=s, reason=Unflown.BATTERY) for s in far)]


def cuts(corridor: Corridor, lanes: Sequence[Lane], detachments: Sequence[Detachment]) -> list[Cut]:
    """Return the cuts of the border that the types suggest: each type alone, what it leaves to another, and so on.

    The first is that of the first type; there are at most `MAX_CUTS`.
    """
    pieces = [piece for lane in lanes for piece in lane.pieces]
    found: list[Cut] = []

    def go_on(done: list[Section], spans: list[Span], left: list[Detachment]) -> None:
        for detachment in left:
            if len(found) >= MAX_CUTS:
                return
            mine = sections(corridor, pieces, detachment, spans)
            open_m = [s for s in mine if s.reason in MENDABLE]
            if done and len(open_m) == len(mine):
                continue
            whole = sorted([*done, *mine], key=lambda s: s.stretch.start_m)
            found.append(Cut(sections=tuple(whole), paths=tuple(_paths(whole, corridor, detachments))))
            if open_m:
                kept = [s for s in mine if s.reason not in MENDABLE]
                go_on([*done, *kept], [span_of(s.stretch) for s in open_m], [s for s in left if s is not detachment])

    go_on([], whole_border(corridor), [s for s in detachments if s.sites])
    if len(detachments) > 1:
        shared = [_divided(cut, parts, corridor, pieces, detachments) for parts in DIVIDED for cut in found]
        found += [cut for cut in shared if cut is not None]
    return found[:MAX_CUTS]


def _divided(
    cut: Cut, parts: int, corridor: Corridor, pieces: list[LanePiece], detachments: Sequence[Detachment]
) -> Cut | None:
    """Return a cut with every sortie divided into so many, so that types can share what one flies alone, or None."""
    flown = [s for s in cut.sections if s.path is not None]
    if len(flown) * parts > MAX_DIVIDED:
        return None
    makers = {detachment.fleet: detachment.maker for detachment in detachments}
    shares = [
        share for s in flown for share in _Cutter(s.stretch, pieces, corridor, makers[s.stretch.fleet]).divided(parts)
    ]
    if any(s.path is None for s in shares):
        return None
    whole = sorted([*shares, *(s for s in cut.sections if s.path is None)], key=lambda s: s.stretch.start_m)
    return Cut(sections=tuple(whole), paths=tuple(_paths(whole, corridor, detachments)))


def span_of(stretch: Stretch) -> Span:
    """Return the part of the border a stretch is."""
    return Span(chain=stretch.chain, start_m=stretch.start_m, end_m=stretch.end_m)


class _Cutter:
    """Cuts one stretch into sections, longest first from the station nearest to the site."""

    def __init__(self, stretch: Stretch, pieces: list[LanePiece], corridor: Corridor, maker: PathMaker) -> None:
        self.stretch = stretch
        self.corridor = corridor
        self.maker = maker
        self.site = corridor.sites[stretch.site]
        whole = pieces_between(pieces, stretch)
        self.pieces = [p for p in whole if maker.router.joined(self.site, p.xy_m[0])]
        self.cut_off = bool(whole) and not self.pieces

    def divided(self, parts: int) -> list[Section]:
        """Return the stretch in so many sections of one length."""
        ends = np.linspace(self.stretch.start_m, self.stretch.end_m, parts + 1).tolist()
        return [self._exact(a, b) for a, b in itertools.pairwise(ends)]

    def sections(self) -> Iterator[Section]:
        if not self.pieces:
            yield Section(stretch=self.stretch, reason=Unflown.NO_WAY if self.cut_off else Unflown.NO_LANE)
            return
        whole = self._exact(self.stretch.start_m, self.stretch.end_m)
        if whole.path is not None or whole.reason in (Unflown.WIND, Unflown.NO_LANE):
            yield whole
            return
        mine = self.corridor.along.at(np.linspace(self.stretch.start_m, self.stretch.end_m, 200))
        nearest = int(np.argmin(np.hypot(*(mine - self.site).T)))
        middle = self.stretch.start_m + nearest / 199.0 * self.stretch.length_m
        yield from self._outward(middle, self.stretch.start_m)
        yield from self._outward(middle, self.stretch.end_m)

    def _outward(self, start: float, end: float) -> Iterator[Section]:
        """Take the longest section a battery carries, then the next, until none is worth flying."""
        sign = 1.0 if end > start else -1.0
        here = start
        while sign * (end - here) > PRECISION_M:
            section = self._affordable(here, sign, abs(end - here))
            if section.reason is Unflown.BATTERY:
                a, b = sorted((here, end))
                rest = dataclasses.replace(self.stretch, start_m=a, end_m=b)
                yield from self._lane_by_lane(rest, section.needed_wh)
                return
            yield section
            here += sign * section.stretch.length_m

    def _lane_by_lane(self, rest: Stretch, needed_wh: float) -> list[Section]:
        """Return what lies beyond the last section with a sortie for each of its lanes, or that a lane is too far.

        Nothing shorter sees it: out to its end and back, with no metre beside.
        """
        mine = pieces_between(self.pieces, rest)
        beyond = Section(stretch=rest, reason=Unflown.BATTERY, needed_wh=needed_wh)
        if len(mine) > MOST_ALONE:
            return [beyond]
        alone = [self._flown(rest, [piece]) for piece in mine]
        if all(section.path is not None for section in alone):
            return alone
        ways = [self.maker.path(self.maker.tour(self.site, [piece])) for piece in mine]
        alone_wh = max((way.needed_wh for way in ways if way is not None), default=float("nan"))
        return [dataclasses.replace(beyond, alone_wh=alone_wh)]

    def _affordable(self, here: float, sign: float, room: float) -> Section:
        """Return the longest section from here that one battery carries, or the shortest worth flying if none does.

        The estimate, which never exceeds the real cost, gives the first try; then bisection on the real cost.
        """
        high = self._longest(here, room, sign)
        low = min(SHORTEST_SECTION_M, room)
        if high >= low:
            longest = self._exact(*sorted((here, here + sign * high)))
            if longest.reason is not Unflown.BATTERY:
                return longest
        best = self._exact(*sorted((here, here + sign * low)))
        while best.reason is not Unflown.BATTERY and high - low > max(0.1 * high, PRECISION_M):
            middle = (low + high) / 2.0
            tried = self._exact(*sorted((here, here + sign * middle)))
            if tried.reason is Unflown.BATTERY:
                high = middle
            else:
                low, best = middle, tried
        return best

    def _longest(self, here: float, room: float, sign: float) -> float:
        """Return the longest step whose estimated cost a battery covers, by bisection."""
        low, high = 0.0, room
        if self._estimate_wh(here, here + sign * room) <= self.maker.usable_wh:
            return room
        while high - low > PRECISION_M:
            middle = (low + high) / 2.0
            if self._estimate_wh(here, here + sign * middle) <= self.maker.usable_wh:
                low = middle
            else:
                high = middle
        return low

    def _estimate_wh(self, start: float, end: float) -> float:
        a, b = sorted((start, end))
        mine = pieces_between(self.pieces, dataclasses.replace(self.stretch, start_m=a, end_m=b))
        return self.maker.estimate_wh(self.maker.tour(self.site, mine)) if mine else 0.0

    def _exact(self, start: float, end: float) -> Section:
        part = dataclasses.replace(self.stretch, start_m=start, end_m=end)
        mine = pieces_between(self.pieces, part)
        return self._flown(part, mine) if mine else Section(stretch=part, reason=Unflown.NO_LANE)

    def _flown(self, part: Stretch, mine: list[LanePiece]) -> Section:
        """Return the section that flies some pieces of lanes, or why it cannot."""
        tour = self.maker.tour(self.site, mine)
        estimate = self.maker.estimate_wh(tour)
        if not np.isfinite(estimate):
            return Section(stretch=part, reason=Unflown.WIND)
        if estimate > self.maker.usable_wh:
            return Section(stretch=part, reason=Unflown.BATTERY, needed_wh=estimate)
        path = self.maker.path(tour)
        if path is None:
            return Section(stretch=part, reason=Unflown.TURN if self.maker.radius_m > 0.0 else Unflown.NO_WAY)
        if not np.isfinite(path.cost.total_wh):
            return Section(stretch=part, reason=Unflown.WIND)
        if path.needed_wh > self.maker.usable_wh:
            return Section(stretch=part, reason=Unflown.BATTERY, needed_wh=path.needed_wh)
        return Section(stretch=part, path=path, pieces=tuple(mine))


def pieces_between(pieces: list[LanePiece], part: Stretch) -> list[LanePiece]:
    """Return what of the lane pieces lies between a stretch's stations."""
    cuts = (cut(p, part.start_m, part.end_m) for p in pieces if p.chain == part.chain)
    return [c for c in cuts if c is not None and len(c.xy_m) >= 2]


def _paths(
    flown: Sequence[Section], corridor: Corridor, detachments: Sequence[Detachment]
) -> list[dict[tuple[int, int], FlightPath]]:
    """Return, for each section with a path, the paths of every (site, type) that can fly it on one battery.

    With more pairs than `MAX_PAIRS` only the one it was cut for, whose path is known, is offered.
    """
    mine = [s for s in flown if s.path is not None]
    paths = [{(s.stretch.site, s.stretch.fleet): s.path} for s in mine if s.path is not None]
    pairs = [(detachment, site) for detachment in detachments for site in detachment.sites]
    if len(mine) * len(pairs) > MAX_PAIRS:
        return paths
    for section, known in zip(mine, paths, strict=True):
        for detachment, site in pairs:
            if (site, detachment.fleet) in known:
                continue
            path = _affordable(section, detachment.maker, corridor.sites[site])
            if path is not None:
                known[site, detachment.fleet] = path
    return paths


def _affordable(section: Section, maker: PathMaker, site_m: FloatArray) -> FlightPath | None:
    """Return the path of a section from a site, or None where one battery does not fly it."""
    if not maker.router.joined(site_m, section.pieces[0].xy_m[0]):
        return None
    tour = maker.tour(site_m, list(section.pieces))
    path = maker.path(tour) if maker.estimate_wh(tour) <= maker.usable_wh else None
    return path if path is not None and path.needed_wh <= maker.usable_wh else None


MAX_PAIRS: Final = 120
"""Most section-site pairs whose alternatives are worked out."""
