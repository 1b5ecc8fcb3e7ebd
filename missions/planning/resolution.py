"""Whether the camera resolves what it is to find, at the far edge of what it sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.plan import Finding, Severity
from missions.planning.lanes import sight

if TYPE_CHECKING:
    from missions.briefs.brief import Brief, Camera

PIXELS_PER_CYCLE: Final = 2.0
"""A line pair takes two pixels (sampling theorem)."""
CYCLES: Final = {"detect": 1.0, "recognise": 4.0, "identify": 6.4}
"""Line pairs across the critical dimension for 50 % probability (Johnson 1958, table 1)."""
CRITICAL_M: Final = {"person": 0.75, "vehicle": 2.3}
"""Critical dimension: a standing person (0.75 m, as thermal camera makers' range tables use) and the
NATO standard vehicle target (2.3 m, STANAG 4347)."""


def pixel_m(camera: Camera, alt_agl_m: float) -> float:
    """Return the width of ground across the line of sight one pixel covers at the far edge of the swath."""
    slant = float(np.hypot(sight(camera, alt_agl_m).far_m, alt_agl_m))
    fx = camera.width_px / 2.0 / math.tan(math.radians(camera.hfov_deg / 2.0))
    return slant * math.cos(math.radians(camera.full_vfov_deg / 2.0)) / fx


def resolution_findings(brief: Brief) -> list[Finding]:
    """Compare pixels on the target, or the ground sampling distance, with what the brief asks."""
    asked = brief.resolution
    if asked is None:
        return []
    size = pixel_m(brief.camera, brief.flight.alt_agl_m)
    if asked.gsd_m is not None:
        limit, measured, unit = asked.gsd_m, size, "m"
        enough, scale = size <= asked.gsd_m, asked.gsd_m / size
        what = f"a pixel covers {size:.2f} m at the far edge of the swath; {asked.gsd_m:g} m are asked"
    else:
        limit, unit = CYCLES[asked.task] * PIXELS_PER_CYCLE, "px"
        measured = CRITICAL_M[asked.target] / size
        enough, scale = measured >= limit, measured / limit
        what = (
            f"a {asked.target} shows {measured:.1f} pixels at the far edge of the swath; to {asked.task} it "
            f"takes {limit:g} (Johnson 1958)"
        )
    if enough:
        return []
    lower = math.floor(brief.flight.alt_agl_m * scale)
    return [
        Finding(
            rule="resolution", severity=Severity.ERROR, message=what,
            measured=round(measured, 3), limit=limit, unit=unit,
            relaxation=f"flight.alt_agl_m = {lower}, a narrower field of view, or a larger camera.depression_deg",
        )
    ]  # fmt: skip
