"""Rally points that would mend forbidden returns: few places in free air, from each of which the way is clear.

A place is proposed only if every return of the sortie is then allowed; whether the ground there
is fit to land on is for a person to say. The choice is the greedy one for set cover (Chvatal
1979): at most ``1 + ln n`` times as many places as would do. Returns go to the *nearest* landing
place, so a new one also draws returns that were fine before; each choice counts those too.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.zone_layers import ROUNDING_M
from missions.judging.judge import subject_of
from missions.judging.rules_return_place import along_the_path, forbidden_points
from missions.judging.swept import triangles
from missions.plan import MissionItem, ProposedRally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.routing import Router
    from missions.airspace.situation import Situation
    from missions.judging.subject import Subject
    from missions.plan import Finding, Sortie

    FloatArray = NDArray[np.float64]

MOST_PROPOSED: Final = 20
"""Proposals of one plan; PX4 holds 32 safe points, ArduPilot boards with little storage fewer."""
MOST_TRIED: Final = 10
MOST_PER_SORTIE: Final = 5
LOOKED_FROM: Final = 60
"""Forbidden and allowed judged points of a sortie that candidates are compared from at first."""
ROUNDS: Final = 4
MOST_WIDE: Final = 3
"""Sorties for which more candidates are tried when the first will not do; that takes longer."""
STARTS: Final = 6
"""How many of the best first choices are followed up."""
CANDIDATES: Final = 20
"""Places along the forbidden part of a path that candidates are taken beside."""
ROUTES: Final = 6
"""Free ways home whose bends are candidates too."""
ASIDE_M: Final = (0.0, -20.0, 20.0, -80.0, 80.0, 250.0, 600.0)
"""How much farther from the border than the path candidates lie, or nearer."""
ROOM_M: Final = 5.0
"""Free air about a candidate: it is written down to a metre."""
SAMPLED: Final = (0.5, 0.25, 0.75)
"""Where ways to a candidate are sampled before all that lies between two of them is looked at."""
RALLY_ALT_M: Final = 60.0
"""Height above home a proposed place is held at, as `RallyPoint.alt_agl_m` is by default."""
RULES: Final = ("failsafe standoff", "failsafe keep-in", "failsafe zone")


def propose_rally(
    situation: Situation,
    router: Router,
    sorties: Sequence[Sortie],
    findings: Sequence[Finding],
) -> tuple[tuple[ProposedRally, ...], list[Finding]]:
    """Return proposed rally points, and the findings with what mends each in its relaxation.

    Of a plan with very many forbidden returns the first sorties are looked at, `MOST_TRIED` of them.
    """
    broken = {f.sortie for f in findings if f.rule in RULES and f.sortie}
    proposed: list[ProposedRally] = []
    hopeless: set[str] = set()
    tried = 0
    for sortie in sorted(sorties, key=lambda s: s.name not in broken):
        if tried >= MOST_TRIED or not (sortie.name in broken or _drawn(sortie, proposed)):
            continue
        tried += 1
        known = dataclasses.replace(sortie, rally=(*sortie.rally, *(_item(p) for p in proposed)))
        subject = subject_of(situation, known)
        more = _mending(situation, subject, router, known, wide=len(hopeless) < MOST_WIDE)
        if more is None:
            hopeless.add(sortie.name)
        elif len(proposed) + len(more) <= MOST_PROPOSED:
            proposed += more
    findings = [_hopeless(situation, f) if f.rule in RULES and f.sortie in hopeless else f for f in findings]
    return _settled(situation, sorties, findings, proposed)


def _hopeless(situation: Situation, finding: Finding) -> Finding:
    way = along_the_path(situation.brief.performances[0]) or "another launch site, or a smaller zone"
    return dataclasses.replace(
        finding, advice=f"{way} (no {MOST_PER_SORTIE} rally points or fewer were found that mend it)"
    )


def _drawn(sortie: Sortie, proposed: Sequence[ProposedRally]) -> bool:
    """Tell whether a proposed place could be nearer to a part of a sortie than its own home is."""
    lat, lon = np.array([(g.lat_end_deg, g.lon_end_deg) for g in sortie.legs]).T
    wide = np.cos(np.radians(sortie.home_lat_deg))

    def away(lat_deg: float, lon_deg: float) -> FloatArray:
        return np.asarray(np.hypot(lat - lat_deg, ((lon - lon_deg + 180.0) % 360.0 - 180.0) * wide))

    home, room_deg = away(sortie.home_lat_deg, sortie.home_lon_deg), 0.01
    return any(bool((away(p.lat_deg, p.lon_deg) < home + room_deg).any()) for p in proposed)


def _settled(
    situation: Situation,
    sorties: Sequence[Sortie],
    findings: Sequence[Finding],
    proposed: list[ProposedRally],
) -> tuple[tuple[ProposedRally, ...], list[Finding]]:
    """Judge every sortie anew with all proposals, and write those that mend it into its findings."""
    if not proposed:
        return (), list(findings)
    items = tuple(_item(p) for p in proposed)
    broken = {f.sortie for f in findings if f.rule in RULES and f.sortie}
    used: dict[str, list[int]] = {}
    for sortie in sorties:
        if sortie.name not in broken or not _drawn(sortie, proposed):
            continue
        known = dataclasses.replace(sortie, rally=(*sortie.rally, *items))
        subject = subject_of(situation, known)
        if not forbidden_points(subject).any():
            old = 1 + len(sortie.rally)
            used[sortie.name] = sorted({int(k) - old for k in np.unique(subject.returns.place) if k >= old})
    along = along_the_path(situation.brief.performances[0])
    told = [
        dataclasses.replace(f, relaxation=_relaxation([proposed[k] for k in used[f.sortie]]), advice=along)
        if f.rule in RULES and used.get(f.sortie)
        else f
        for f in findings
    ]
    mended = tuple(
        dataclasses.replace(p, sorties=tuple(name for name, which in used.items() if k in which))
        for k, p in enumerate(proposed)
    )
    return tuple(p for p in mended if p.sorties), told


def _relaxation(places: Sequence[ProposedRally]) -> str:
    named = [f"{p.lat_deg:.5f}, {p.lon_deg:.5f}" for p in places]
    listed = named[0] if len(named) == 1 else "; ".join(named[:-1]) + f" and {named[-1]}"
    several = "s" if len(named) > 1 else ""
    return f"rally point{several} at {listed}, if the ground is fit to land on"


def _item(place: ProposedRally) -> MissionItem:
    return MissionItem(
        seq=0, command=5100, frame=3, lat_deg=place.lat_deg, lon_deg=place.lon_deg, alt_m=place.alt_above_home_m
    )


def _mending(
    situation: Situation, subject: Subject, router: Router, sortie: Sortie, *, wide: bool
) -> list[ProposedRally] | None:
    """Return the places that mend one sortie, none where nothing is to mend, or None where no few of them do.

    Places are chosen for some of the judged points and verified from all; points the choice fails are looked at too,
    and the choice is made again.
    """
    forbidden = forbidden_points(subject)
    if not forbidden.any():
        return []
    looked = np.concatenate([_thinned(np.flatnonzero(which), LOOKED_FROM) for which in (forbidden, ~forbidden)])
    beside = _thinned(np.flatnonzero(forbidden), CANDIDATES)

    def still_forbidden(places: Sequence[ProposedRally]) -> NDArray[np.bool_]:
        known = dataclasses.replace(sortie, rally=(*sortie.rally, *(_item(p) for p in places)))
        return forbidden_points(subject_of(situation, known))

    for _ in range(ROUNDS):
        chosen = _chosen(subject, router, looked, beside, forbidden)
        left = still_forbidden(chosen) if chosen else forbidden
        if not left.any():
            break
        if not chosen and not wide:
            return None
        more = np.flatnonzero(left) if chosen else _thinned(np.arange(len(left)), 3 * CANDIDATES)
        wide = wide and bool(chosen)
        looked = np.unique(np.concatenate([looked, more]))
        beside = np.unique(np.concatenate([beside, _thinned(more, CANDIDATES)]))
    if left.any():
        return None
    return without_idle(chosen, lambda fewer: not still_forbidden(fewer).any())


def without_idle(
    chosen: Sequence[ProposedRally], mends: Callable[[Sequence[ProposedRally]], bool]
) -> list[ProposedRally]:
    """Return places that mend, without those that are not needed: one fewer would not mend; at least one is kept."""
    kept = list(chosen)
    for place in chosen:
        fewer = [one for one in kept if one is not place]
        if fewer and mends(fewer):
            kept = fewer
    return kept


def _chosen(
    subject: Subject,
    router: Router,
    looked: NDArray[np.int64],
    beside: NDArray[np.int64],
    forbidden: NDArray[np.bool_],
) -> list[ProposedRally]:
    """Choose the fewest candidates that allow the returns from all points looked at, or none where no few do."""
    returns = subject.returns
    lat, lon, places = _candidates(subject, router, beside)
    if not len(places):
        return []
    away = np.hypot(*(returns.points.xy_m[looked][:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    nearest = np.hypot(*(returns.points.xy_m - returns.target_m)[looked].T)
    clear = _clear(subject, looked, places, away < nearest[:, None])
    gain = np.where(away < nearest[:, None], clear, ~forbidden[looked][:, None]).sum(axis=0)
    first = np.argsort(-gain, kind="stable")[:STARTS]
    tried = [_greedy(away, nearest, clear, ~forbidden[looked], int(k)) for k in first]
    best = min((t for t in tried if t), key=len, default=[])
    return [ProposedRally(lat_deg=float(lat[k]), lon_deg=float(lon[k]), alt_above_home_m=RALLY_ALT_M) for k in best]


def _greedy(
    away: FloatArray, nearest: FloatArray, clear: NDArray[np.bool_], allowed: NDArray[np.bool_], first: int
) -> list[int]:
    """Take candidates, after the first always the one that allows the most returns then; none where too few do.

    Where each draws away as many returns as it mends, the one that mends the most is taken: the next mends the drawn.
    """
    chosen: list[int] = []
    best = first
    while len(chosen) < MOST_PER_SORTIE:
        chosen.append(best)
        allowed = np.where(away[:, best] < nearest, clear[:, best], allowed)
        nearest = np.minimum(nearest, away[:, best])
        if allowed.all():
            return chosen
        then = np.where(away < nearest[:, None], clear, allowed[:, None])
        best = int(np.argmax(then.sum(axis=0)))
        if then[:, best].sum() <= allowed.sum():
            best = int(np.argmax((then & ~allowed[:, None]).sum(axis=0)))
        if not (then[:, best] & ~allowed).any():
            return []
    return []


def _thinned(index: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return index[np.unique(np.linspace(0, len(index) - 1, min(most, len(index))).astype(np.int64))]


def _clear(
    subject: Subject, looked: NDArray[np.int64], places: FloatArray, asked: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell, for the pairs asked about, whether all ways from a point and on to the next are free; others are not.

    Lanes end at the very edge of the free air, where rounding decides on which side of it a point lies.
    """
    points = subject.returns.points
    same_leg = np.append(np.diff(points.leg) == 0, False)
    onward = np.where(same_leg[looked], looked + 1, looked)
    free, (point, place) = shapely.buffer(subject.corridor.free, ROUNDING_M, quad_segs=1), np.nonzero(asked)
    corners = np.stack([points.xy_m[looked[point]], points.xy_m[onward[point]], places[place]], axis=1)
    maybe = np.flatnonzero(_samples_free(free, corners))
    clear = np.zeros(asked.shape, dtype=bool)
    clear[point[maybe], place[maybe]] = shapely.covers(free, triangles(corners[maybe]))
    return clear


def _samples_free(free: BaseGeometry, corners_m: FloatArray) -> NDArray[np.bool_]:
    """Tell of triangles, (n, 3, 2), whether places on two of their edges are free: far quicker than the whole of each.

    The edges are those to the third corner, which has free air about it.
    """
    shapely.prepare(free)
    held = np.ones(len(corners_m), dtype=bool)
    for edge, share in itertools.product((0, 1), SAMPLED):
        at = corners_m[held, edge] + share * (corners_m[held, 2] - corners_m[held, edge])
        held[held] = shapely.intersects_xy(free, at[:, 0], at[:, 1])
    return held


def _candidates(
    subject: Subject, router: Router, beside: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return places (latitudes, longitudes, plane) with free air about them.

    They lie beside the path, away from the border and towards it, and at the bends of the free way home.
    """
    corridor, returns = subject.corridor, subject.returns
    beside_m = returns.points.xy_m[beside]
    out = beside_m - corridor.guarded.nearest(beside_m).xy_m
    out /= np.maximum(np.hypot(*out.T), 1e-9)[:, None]
    tried = [(beside_m[None, :, :] + np.array(ASIDE_M)[:, None, None] * out[None, :, :]).reshape(-1, 2)]
    for k in _thinned(beside, ROUTES).tolist():
        way = router.route(returns.points.xy_m[k], returns.target_m[k])
        tried.append(np.empty((0, 2)) if way is None else way[1:-1])
    lat, lon = (np.round(v, 5) for v in corridor.frame.to_degrees(np.concatenate(tried)))
    places = corridor.frame.to_plane(lat, lon)
    room = shapely.buffer(shapely.points(places), subject.return_rules.circle_m + ROOM_M)
    free = shapely.covers(corridor.free, room)
    return lat[free], lon[free], places[free]
