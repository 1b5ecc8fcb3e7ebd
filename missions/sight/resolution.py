"""Whether the camera resolves what it is to find, at the far edge of what it sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.briefs.camera import Resolution
from missions.plan import Finding, Severity
from missions.sight.optics import pixels_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.briefs.brief import Brief
    from missions.sight.pointing import LaneView

PIXELS_PER_CYCLE: Final = 2.0
"""A line pair takes two pixels (sampling theorem)."""
CYCLES: Final = {"detect": 1.0, "recognise": 4.0, "identify": 6.4}
"""Line pairs across the critical dimension for 50 % probability (Johnson 1958, table 1)."""
CRITICAL_M: Final = {"person": 0.75, "vehicle": 2.3}
"""Critical dimension: a standing person (0.75 m, as thermal camera makers' range tables use) and the
NATO standard vehicle target (2.3 m, STANAG 4347)."""


def pixels_needed(asked: Resolution) -> float:
    """Return how many pixels the task asked takes across the target."""
    return CYCLES[asked.task] * PIXELS_PER_CYCLE


def pixel_asked_m(asked: Resolution | None) -> float:
    """Return the largest pixel on the ground that still shows what is asked: a person detectable where nothing is."""
    asked = asked or Resolution()
    return asked.gsd_m if asked.gsd_m is not None else CRITICAL_M[asked.target] / pixels_needed(asked)


def resolution_findings(brief: Brief, views: Sequence[LaneView]) -> list[Finding]:
    """Compare the far edge of the coarsest lane with what the brief asks.

    What it asks and does not get is an error. Where it asks nothing and leaves the camera to the
    planner, a person too small to detect is a warning.
    """
    asked = brief.resolution
    if not views or (asked is None and brief.camera.depression_deg is not None):
        return []
    held = np.array([v.pointing.depression_deg for v in views])
    size = float(pixels_m(brief.camera, held, brief.flight.alt_agl_m)[1].max())
    if size <= pixel_asked_m(asked) * (1.0 + 1e-9):
        return []
    what, measured, limit, unit = _shortfall(asked or Resolution(), size)
    return [
        Finding(
            rule="resolution", severity=Severity.ERROR if asked else Severity.WARNING, message=what,
            measured=round(measured, 3), limit=limit, unit=unit, advice=_relaxation(brief, size),
        )
    ]  # fmt: skip


def _shortfall(asked: Resolution, size_m: float) -> tuple[str, float, float, str]:
    if asked.gsd_m is not None:
        what = f"a pixel covers {size_m:.2f} m at the far edge of the swath; {asked.gsd_m:g} m are asked"
        return what, size_m, asked.gsd_m, "m"
    shown, needed = CRITICAL_M[asked.target] / size_m, pixels_needed(asked)
    what = (
        f"a {asked.target} shows {shown:.1f} pixels at the far edge of the swath; to {asked.task} it "
        f"takes {needed:g} (Johnson 1958)"
    )
    return what, shown, needed, "px"


def _relaxation(brief: Brief, size_m: float) -> str:
    """Return the greatest height that does: a pixel grows with height, at the depression given or the steepest."""
    wanted = pixel_asked_m(brief.resolution)
    if brief.camera.depression_deg is not None:
        lower = math.floor(brief.flight.alt_agl_m * wanted / size_m)
        return f"flight.alt_agl_m = {lower}, or a narrower field of view, or a larger camera.depression_deg"
    if brief.resolution is None:
        return "a smaller standoff, or a camera with a narrower field of view; or say in [resolution] what is enough"
    steepest = min(90.0, -brief.camera.gimbal_pitch_min_deg)
    _, finest = pixels_m(brief.camera, steepest, brief.flight.alt_agl_m)
    lower = math.floor(brief.flight.alt_agl_m * wanted / float(finest))
    return f"flight.alt_agl_m = {lower}, or a camera with a narrower field of view"


def person_pixels(gsd_m: float) -> float:
    """Return how many pixels a person shows across the critical dimension at a size of pixel on the ground."""
    return CRITICAL_M["person"] / gsd_m
