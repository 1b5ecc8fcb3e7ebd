"""Which stretch of border is flown from which launch site, cut into sorties a battery can carry."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.lanes import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from missions.corridor import Corridor
    from missions.lanes import Lane, LanePiece
    from missions.planner_paths import FlightPath, PathMaker

    FloatArray = NDArray[np.float64]

STATION_STEP_M: Final = 50.0
"""Spacing at which the border asks which launch site is nearest."""
MAX_SPLIT: Final = 64
"""A stretch cut into more sorties than this has a battery too small for its transit."""
SHORTEST_SECTION_M: Final = 100.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of border, by stations along it, that one site looks after."""

    site: int
    chain: int
    start_m: float
    end_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One sortie's share of a stretch, with its path; `path` is None where nothing can fly it."""

    stretch: Stretch
    path: FlightPath | None
    reason: str = ""


def stretches(corridor: Corridor) -> list[Stretch]:
    """Give every part of the border to its nearest launch site."""
    found: list[Stretch] = []
    before = 0.0
    for chain, line in enumerate(corridor.border.geoms):
        count = max(int(np.ceil(line.length / STATION_STEP_M)), 1)
        middle = (np.arange(count) + 0.5) * line.length / count
        points = shapely.get_coordinates(shapely.line_interpolate_point(line, middle))
        nearest = shapely.STRtree(shapely.points(corridor.sites)).query_nearest(
            shapely.points(points), all_matches=False
        )
        site = nearest[1][np.argsort(nearest[0])]
        edges = np.concatenate([[0], np.flatnonzero(np.diff(site)) + 1, [count]])
        found += [
            Stretch(
                site=int(site[a]), chain=chain,
                start_m=before + a * line.length / count, end_m=before + b * line.length / count,
            )
            for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        ]  # fmt: skip
        before += line.length
    return found


def sections(corridor: Corridor, lanes: Sequence[Lane], maker: PathMaker) -> list[Section]:
    """Cut every stretch into the fewest equal sections whose sorties a battery covers."""
    pieces = [piece for lane in lanes for piece in lane.pieces]
    return [section for stretch in stretches(corridor) for section in _split(stretch, pieces, corridor, maker)]


def _split(stretch: Stretch, pieces: list[LanePiece], corridor: Corridor, maker: PathMaker) -> list[Section]:
    site = corridor.sites[stretch.site]
    whole = pieces_between(pieces, stretch)
    if not whole:
        return []
    count = 1
    while True:
        tried = [_section(part, whole, site, maker) for part in _parts(stretch, count)]
        tried = [t for t in tried if t is not None]
        bad = [t for t in tried if t.path is None]
        length = (stretch.end_m - stretch.start_m) / count
        if not bad or count >= MAX_SPLIT or length < SHORTEST_SECTION_M or any(t.reason == "no way" for t in bad):
            return tried
        count += 1


def _parts(stretch: Stretch, count: int) -> list[Stretch]:
    edges = np.linspace(stretch.start_m, stretch.end_m, count + 1)
    return [
        dataclasses.replace(stretch, start_m=float(a), end_m=float(b))
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]


def _section(part: Stretch, pieces: list[LanePiece], site: FloatArray, maker: PathMaker) -> Section | None:
    mine = pieces_between(pieces, part)
    if not mine:
        return None
    path = maker.path(site, mine)
    if path is None:
        return Section(stretch=part, path=None, reason="no way")
    if not np.isfinite(path.cost.total_wh):
        return Section(stretch=part, path=None, reason="wind")
    if not maker.affordable(path):
        return Section(stretch=part, path=None, reason="battery")
    return Section(stretch=part, path=path)


def pieces_between(pieces: list[LanePiece], part: Stretch) -> list[LanePiece]:
    """Return what of the lane pieces lies between a stretch's stations."""
    cuts = (cut(p, part.start_m, part.end_m) for p in pieces if p.chain == part.chain)
    return [c for c in cuts if c is not None and len(c.xy_m) >= 2]
