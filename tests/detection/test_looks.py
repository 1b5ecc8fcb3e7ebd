"""Looks as columns: each as it is by itself, whatever its gimbal is measured against, and in order of time."""

from __future__ import annotations

import numpy as np

from detection.looks import Look, Looks
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import CameraModel, GimbalFrame, Pose, Poses

CAMERA = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)


def test_looks_of_several_gimbal_frames_are_each_their_own() -> None:
    frames = [GimbalFrame.EARTH, GimbalFrame.BODY, GimbalFrame.EARTH, GimbalFrame.VEHICLE_YAW, GimbalFrame.BODY]
    poses = [
        Pose(
            t_utc_ns=10 - k, lat_deg=52.0, lon_deg=23.5, alt_hae_m=280.0,
            yaw_deg=40.0 + k, pitch_deg=5.0, roll_deg=-7.0,
            gimbal_yaw_deg=3.0 * k, gimbal_pitch_deg=-45.0 - k, gimbal_roll_deg=1.0, gimbal_frame=frame,
        )
        for k, frame in enumerate(frames)
    ]  # fmt: skip
    looks = Looks.of([Look(pose, CAMERA) for pose in poses])
    assert looks.t_utc_ns.tolist() == [6, 7, 8, 9, 10]
    axis = pixel_directions(CAMERA, np.array([[CAMERA.cx_px, CAMERA.cy_px]]))[:, 0]
    for row, pose in enumerate(reversed(poses)):
        north, east, down = camera_to_ned(Poses.of(pose))[0] @ axis
        assert np.allclose(looks.to_camera[row] @ (east, north, -down), (1.0, 0.0, 0.0), atol=1e-12)
    assert len(Looks.of([])) == 0
