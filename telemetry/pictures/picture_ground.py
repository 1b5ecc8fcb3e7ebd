"""A picture's heights held against the ground under and around it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.values import PoseSigmas
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_checks import ground_near, off_ground

if TYPE_CHECKING:
    from geo.values import Terrain
    from telemetry.pictures.picture_metadata import PictureMetadata

HOME_TOLERANCE_M: Final = 15.0
"""As for whole tracks (see `telemetry.tracks.track_checks`)."""


def held_against_ground(found: PictureMetadata, terrain: Terrain) -> PictureMetadata:
    """Name and widen a picture whose heights put its take-off point off all ground near by."""
    pose = found.pose
    if pose is None or not math.isfinite(found.alt_rel_home_m):
        return found
    ground = ground_near(terrain, pose.lat_deg, pose.lon_deg)
    wrong = off_ground(pose.alt_hae_m - found.alt_rel_home_m, ground, HOME_TOLERANCE_M)
    if wrong is None:
        return found
    sigmas = found.sigmas or PoseSigmas()
    vertical = max(sigmas.position_v_m, wrong.at_least["position_v_m"])
    return dataclasses.replace(
        found,
        sigmas=dataclasses.replace(sigmas, position_v_m=vertical),
        problems=(*found.problems, Problem(kind=wrong.kind, message=wrong.message)),
    )
