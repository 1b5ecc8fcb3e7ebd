"""Whether the lanes see the ground at the border, and the smallest change with which they would."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from missions.plan import Finding, Severity
from missions.sight.optics import edges_deg, near_far_m
from missions.sight.views import CLOSED_M, allowed_deg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.briefs.brief import Brief
    from missions.sight.pointing import LaneView


def border_finding(brief: Brief, views: Sequence[LaneView], nearest_m: float) -> list[Finding]:
    """Warn when every lane's strip begins behind the outer edge of the corridor.

    Parameters
    ----------
    nearest_m
        How near to the border a lane may lie, in the plane.
    """
    if not views:
        return []
    held = np.array([v.pointing.depression_deg for v in views])
    far = near_far_m(brief.camera, held, brief.flight.alt_agl_m)[1]
    missed = float(np.min([v.offset_m for v in views] - far)) - brief.corridor.from_m
    if missed <= CLOSED_M:
        return []
    widest = int(np.argmax(far))
    below = float(edges_deg(brief.camera, held)[1][widest])
    where = f"at {brief.corridor.from_m:g} m from the border" if brief.corridor.from_m > 0.0 else "at the border"
    return [
        Finding(
            rule="border in view", severity=Severity.WARNING, unit="m",
            measured=round(float(far[widest]), 1), limit=round(float(far[widest]) + missed, 1),
            message=f"the ground {where} is never seen: standoff and margin keep every lane {nearest_m:.0f} m away, "
            f"and from {brief.flight.alt_agl_m:g} m up the camera, held {held[widest]:g} degrees below the horizon "
            f"(upper edge of the picture {below:.0f}), sees {far[widest]:.0f} m far; "
            f"the first {missed:.0f} m are missed",
            advice=_changes(brief, nearest_m),
        )
    ]  # fmt: skip


def _changes(brief: Brief, nearest_m: float) -> str:
    """Return the smallest change of each thing that alone brings the border into view."""
    wanted = nearest_m - brief.corridor.from_m
    seen = _farthest_m(brief, brief.flight.alt_agl_m, wanted)
    if seen >= wanted:
        return "leave out camera.depression_deg (the planner chooses one that sees it)"
    height = _height(brief, wanted)
    free = "" if brief.camera.depression_deg is None else "leave out camera.depression_deg and "
    found = [f"flight.alt_agl_m = {height:g}"] if height is not None else []
    standoff = math.floor(brief.standoff.asked_m - (wanted - seen))
    if standoff > 0:
        found.append(f"standoff.asked_m = {standoff}")
    outer = math.ceil(nearest_m - seen)
    if outer < brief.corridor.depth_m:
        found.append(f"corridor.from_m = {outer} (a corridor that begins there)")
    return ", or ".join(free + change for change in found) or "a camera with a narrower field of view"


def _farthest_m(brief: Brief, alt_agl_m: float, wanted_m: float) -> float:
    """Return how far a camera the planner holds as it likes sees from a height."""
    able = allowed_deg(brief, alt_agl_m, wanted_m)
    return float(near_far_m(brief.camera, able[:1], alt_agl_m)[1][0])


def _height(brief: Brief, wanted_m: float) -> float | None:
    """Return the whole height nearest to the one asked, within the rules, from which the border is seen."""
    rules = brief.flight
    whole = np.arange(math.ceil(rules.min_agl_m), math.floor(rules.max_agl_m) + 1, dtype=np.float64)
    nearest_first = whole[np.argsort(np.abs(whole - rules.alt_agl_m), kind="stable")]
    return next((float(h) for h in nearest_first if _farthest_m(brief, float(h), wanted_m) >= wanted_m), None)
