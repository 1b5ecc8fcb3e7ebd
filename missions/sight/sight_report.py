"""What a plan tells of its sight: each lane's view, the ground nobody sees and why, how long a person stays in view."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.plan import Finding, LaneSight, Severity, SightReport, UnseenGround
from missions.sight.coverage import Unseen
from missions.sight.optics import near_far_m, pixels_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.corridor_frame import LocalFrame
    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.sight.coverage import Coverage
    from missions.sight.pointing import LaneView
    from missions.sight.revisit import Proof

ENOUGH_PCT: Final = 98.0
"""A plan that sees this much of the corridor is not warned about: strips end square where borders bend."""
ENOUGH_AREA_PCT: Final = 99.5
"""The same of a searched area: its lanes are laid for it alone."""
LITTLE_AREA_PCT: Final = 0.1
LITTLE_PCT: Final = 0.5
"""Reasons for less of the corridor than this are not findings of their own."""


def sight_report(situation: Situation, views: Sequence[LaneView], covered: Coverage, proof: Proof) -> SightReport:
    """Gather the numbers a unit and an analyst ask for."""
    return SightReport(
        lanes=tuple(_lane(situation.brief, k, view) for k, view in enumerate(views)),
        resolution_m=round(covered.resolution_m, 2),
        unseen=unseen_ground(covered, situation.frame),
        dwell_s=round(proof.least_dwell_s, 2),
        stations=len(proof.station_m),
        stations_partly_unseen=int(np.count_nonzero(proof.seen_share < 1.0)),
    )


def _lane(brief: Brief, index: int, view: LaneView) -> LaneSight:
    held, height = view.pointing.depression_deg, brief.flight.alt_agl_m
    near, far = near_far_m(brief.camera, held, height)
    fine, coarse = pixels_m(brief.camera, held, height)
    return LaneSight(
        lane=index + 1, offset_m=round(view.offset_m, 1), facing=view.pointing.facing.value, depression_deg=held,
        near_m=round(float(near), 1), far_m=round(float(far), 1),
        gsd_near_m=round(float(fine), 4), gsd_far_m=round(float(coarse), 4),
    )  # fmt: skip


def unseen_ground(covered: Coverage, frame: LocalFrame) -> tuple[UnseenGround, ...]:
    """Return how much ground is not seen for each reason, largest first, and a place in the largest gap of it."""
    found = []
    for reason in Unseen:
        gaps = [g for g in covered.gaps if g.reason is reason]
        if not gaps:
            continue
        inside = gaps[0].polygon.representative_point()
        lat, lon = frame.to_degrees(np.array([[inside.x, inside.y]]))
        found.append(
            UnseenGround(
                reason=reason.value, area_m2=round(sum(g.area_m2 for g in gaps), 1), gaps=len(gaps),
                largest_m2=round(gaps[0].area_m2, 1), lat_deg=float(lat[0]), lon_deg=float(lon[0]),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda u: -u.area_m2))


def coverage_findings(situation: Situation, lanes: int, covered: Coverage) -> list[Finding]:
    """Warn when part of the corridor is never seen: one finding for each reason that matters, largest first.

    Parameters
    ----------
    lanes
        How many lanes were laid.
    """
    if covered.covered_pct >= ENOUGH_PCT:
        return []
    unseen = unseen_ground(covered, situation.frame)
    shares = [100.0 * u.area_m2 / covered.watched_m2 for u in unseen]
    return [
        Finding(
            rule="coverage", severity=Severity.WARNING, measured=round(share, 2), limit=100.0 - ENOUGH_PCT, unit="%",
            lat_deg=ground.lat_deg, lon_deg=ground.lon_deg,
            message=f"{share:.1f} % of the corridor ({ground.area_m2 / 1e6:.2f} km²) is never seen: {ground.reason}; "
            f"{_largest(ground)}",
            advice=_may_help(situation, lanes, ground, covered),
        )
        for k, (ground, share) in enumerate(zip(unseen, shares, strict=True))
        if k == 0 or share >= LITTLE_PCT
    ]  # fmt: skip


MOST_LANES: Final = 50
"""The most lanes a brief may ask for."""
MORE_OVERLAP_PCT: Final = 25.0
MOST_OVERLAP_PCT: Final = 80.0
"""The greatest overlap of strips a brief may ask for."""
NO_AIR: Final = "behind the standoff, a zone or the keep-in area's edge, where nobody may fly"


def area_findings(situation: Situation, covered: Coverage, swath_m: float) -> list[Finding]:
    """Warn when part of a searched area is never seen: why, how much, and where most of it lies."""
    if covered.watched_m2 == 0.0 or covered.covered_pct >= ENOUGH_AREA_PCT:
        return []
    no_air = covered.watched.difference(shapely.buffer(situation.corridor.free, swath_m / 2.0))
    gaps = [(gap.reason.value, gap.polygon) for gap in covered.gaps]
    parts = [(NO_AIR, polygon.intersection(no_air)) for _, polygon in gaps]
    parts += [(reason, polygon.difference(no_air)) for reason, polygon in gaps]
    whole = sum(float(part.area) for _, part in parts) or 1.0
    missed = 100.0 - covered.covered_pct  # cells tell gaps apart; the share of all is known better
    shares = {
        reason: missed * sum(float(part.area) for why, part in parts if why == reason) / whole
        for reason in dict.fromkeys(reason for reason, _ in parts)
    }
    told = "; ".join(f"{share:.1f} % {reason}" for reason, share in shares.items() if share >= LITTLE_AREA_PCT)
    largest = max((part for _, part in parts), key=lambda part: float(part.area), default=covered.watched)
    lat, lon = situation.frame.to_degrees(shapely.get_coordinates(largest.representative_point()))
    return [
        Finding(
            rule="coverage", severity=Severity.WARNING, measured=round(covered.covered_pct, 2), limit=ENOUGH_AREA_PCT,
            unit="%", lat_deg=float(lat[0]), lon_deg=float(lon[0]),
            message=f"{missed:.1f} % of the area is not seen: {told or 'along the edges of its lanes'}; the largest "
            f"gap is about {lat[0]:.5f}, {lon[0]:.5f}",
            advice="a smaller --swath-m, or an oblique camera, or a smaller standoff, or a smaller area",
        )
    ]  # fmt: skip


def _largest(ground: UnseenGround) -> str:
    which = "the one such gap" if ground.gaps == 1 else f"the largest of {ground.gaps} such gaps"
    return f"{which}, {ground.largest_m2 / 1e4:.1f} ha, is about {ground.lat_deg:.5f}, {ground.lon_deg:.5f}"


def _may_help(situation: Situation, lanes: int, unseen: UnseenGround, covered: Coverage) -> str:
    """Return what may bring ground into view that is unseen for one reason: changes first, they can be tried."""
    brief = situation.brief
    enough = math.ceil(100.0 * lanes / max(covered.covered_pct, 1.0))
    free = [f"leave out {key}" for key in ("corridor.lanes", "camera.depression_deg") if _said(brief, key)]
    more = [f"corridor.lanes = {count}" for count in sorted({lanes + 1, enough}) if lanes < count <= MOST_LANES]
    higher = (
        [f"flight.alt_agl_m = {brief.flight.max_agl_m:g}"] if brief.flight.alt_agl_m < brief.flight.max_agl_m else []
    )
    nearer = f"standoff.asked_m = {brief.standoff.asked_m / 2.0:.0f}"
    match Unseen(unseen.reason):
        case Unseen.HIDDEN:
            told = [*more, *higher, "other lanes or heights, so that the camera looks more steeply"]
        case Unseen.STANDOFF:
            begins = math.ceil(_farthest_m(situation, covered, Unseen.STANDOFF))
            later = (
                [f"corridor.from_m = {begins} (a corridor that begins there)"]
                if begins < brief.corridor.depth_m
                else []
            )
            told = [*higher, nearer, *later, "a smaller standoff.asked_m"]
        case Unseen.SWATH:
            lap = min(brief.corridor.overlap_pct + MORE_OVERLAP_PCT, MOST_OVERLAP_PCT)
            told = [*free, *more, f"corridor.overlap_pct = {lap:g}", "a shallower corridor"]
        case Unseen.NOT_FLOWN:
            told = [*free, *more, nearer, "what other findings ask for so that the whole border is flown"]
        case Unseen.NO_TERRAIN:
            told = ["a terrain file that reaches over the whole corridor"]
    return ", or ".join(told)


def _said(brief: Brief, key: str) -> bool:
    table, _, name = key.partition(".")
    return getattr(getattr(brief, table), name) is not None


def _farthest_m(situation: Situation, covered: Coverage, reason: Unseen) -> float:
    """Return how far from the border the gaps of one reason reach, true metres."""
    gaps = np.array([gap.polygon for gap in covered.gaps if gap.reason is reason], dtype=object)
    corners = np.asarray(shapely.points(shapely.get_coordinates(gaps)))
    return float(situation.corridor.standoff_m(corners).max(initial=0.0))
