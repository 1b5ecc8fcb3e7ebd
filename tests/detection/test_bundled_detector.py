"""The bundled detector on a film no training set holds, through the whole chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.evaluation import Labels, evaluate
from detection.model_file import load_detector
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose
from sitl.films.render import render
from sitl.films.render_look import DAY, THERMAL, Look
from sitl.films.world import Crowd, make_world

if TYPE_CHECKING:
    from detection.values import Detections

T0 = 1_750_000_000_000_000_000


@pytest.mark.parametrize("look", [THERMAL, DAY], ids=["thermal", "day"])
def test_it_finds_most_people_in_demo_like_frames(look: Look) -> None:
    """Stay above floors well below what was measured; an untrained or swapped model does not."""
    world = make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.52]]),
        terrain=FlatTerrain(height_m=180.0),
        seed=4242,
        epoch_utc_ns=T0,
        crowd=Crowd(groups_per_km=14.0),
    )
    camera = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
    detector, _ = load_detector("vedette-small")  # daylight as it is drawn is what this one learned
    movers = world.at(T0)
    found: list[Detections] = []
    labels: list[Labels] = []
    for row in np.flatnonzero(movers.kind == 0)[::4]:
        pose = Pose(
            t_utc_ns=T0,
            lat_deg=float(movers.lat_deg[row]) - 100.0 / np.tan(np.radians(45.0)) / 111_260.0,
            lon_deg=float(movers.lon_deg[row]),
            alt_hae_m=280.0,
            yaw_deg=0.0,
            pitch_deg=0.0,
            roll_deg=0.0,
            gimbal_pitch_deg=-45.0,
            gimbal_frame=GimbalFrame.EARTH,
        )
        image, truth = render(world, pose, camera, T0 + int(row), look)
        found += detector.detect([image])
        labels.append(Labels(boxes_px=truth.boxes_px, classes=truth.kind, counts=truth.visible >= 0.5))
    result = evaluate(found, labels, 0, score_min=0.4, overlap_min=0.3)
    assert result.truths >= 15
    assert result.recall > 0.45
    assert result.precision > 0.45
