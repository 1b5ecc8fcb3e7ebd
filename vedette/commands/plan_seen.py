"""What share of the people in each lane's view a model would find: a plan's geometry and a model's recall by height.

The planner knows no detector and the detector no plan; the two meet here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.georeference import SIZES_M

if TYPE_CHECKING:
    from detection.calibration import Calibration
    from missions.plan import LaneSight, SightReport

SAMPLES: Final = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneSeen:
    """One lane: heights of a person in the picture, and the share of persons in the swath that one look finds."""

    lane: int
    person_near_px: float
    person_far_px: float
    share: float
    """People evenly over the swath; where the model was not measured at their height, they count as missed."""
    unmeasured: float
    """Share of the swath where it was not."""


def bundled_calibration() -> Calibration | None:
    """Return what is known of the bundled model, or None where nothing is."""
    from detection.calibration_file import calibration_path, read_calibration
    from detection.model_manifest_file import default_model, sha256_of

    model = default_model()
    held = calibration_path(model)
    return read_calibration(held, sha256_of(model)) if held.is_file() and model.is_file() else None


def lanes_seen(sight: SightReport, alt_agl_m: float, known: Calibration) -> list[LaneSeen]:
    """Work out each lane's share; empty where the model's recall by height was never measured."""
    if "person" not in known.recall:
        return []
    return [_lane(lane, alt_agl_m, known) for lane in sight.lanes]


def _lane(lane: LaneSight, alt_agl_m: float, known: Calibration) -> LaneSeen:
    """Sample the swath: what a pixel covers grows evenly with the distance from the track (depth along the axis)."""
    near = max(lane.near_m, 0.0)
    away = np.linspace(near, max(lane.far_m, near), SAMPLES)
    pixel = np.interp(away, [lane.near_m, lane.far_m], [lane.gsd_near_m, lane.gsd_far_m])
    slant = np.hypot(away, alt_agl_m)
    tall, deep = SIZES_M["person"]
    height = (tall * away / slant + deep * alt_agl_m / slant) / pixel
    share = known.recall_at("person", height)
    return LaneSeen(
        lane=lane.lane,
        person_near_px=round(float(height[0]), 1),
        person_far_px=round(float(height[-1]), 1),
        share=round(float(np.nan_to_num(share).mean()), 3),
        unmeasured=round(float(np.isnan(share).mean()), 3),
    )
