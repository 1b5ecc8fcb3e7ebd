"""Rotations against scipy and by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from geo import rotation
from geo.values import GimbalFrame, Poses

ANGLE = st.floats(-179.0, 179.0)


@given(yaw=ANGLE, pitch=st.floats(-89.0, 89.0), roll=ANGLE)
def test_yaw_pitch_roll_agrees_with_scipy_and_back(yaw, pitch, roll):
    ours = rotation.yaw_pitch_roll_matrix(yaw, pitch, roll)
    theirs = Rotation.from_euler("ZYX", [yaw, pitch, roll], degrees=True).as_matrix()
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    np.testing.assert_allclose(rotation.matrix_to_yaw_pitch_roll(ours), (yaw, pitch, roll), atol=1e-7)


@pytest.mark.parametrize("pitch", [90.0, -90.0])
def test_straight_down_keeps_the_turn_as_yaw(pitch):
    matrix = rotation.yaw_pitch_roll_matrix(30.0, pitch, 20.0)
    angles = rotation.matrix_to_yaw_pitch_roll(matrix)
    assert angles[2] == 0.0
    np.testing.assert_allclose(rotation.yaw_pitch_roll_matrix(*angles), matrix, atol=1e-9)


def test_positive_angles_turn_the_right_way():
    nose = rotation.yaw_pitch_roll_matrix([90.0, 0.0], [0.0, 45.0], 0.0) @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(nose, [[0, 1, 0], [np.sqrt(0.5), 0, -np.sqrt(0.5)]], atol=1e-12)
    right_wing = rotation.yaw_pitch_roll_matrix(0.0, 0.0, 90.0) @ [0.0, 1.0, 0.0]
    np.testing.assert_allclose(right_wing, [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("frame", "heading"), [(GimbalFrame.EARTH, 10.0), (GimbalFrame.VEHICLE_YAW, 110.0), (GimbalFrame.BODY, 110.0)]
)
def test_gimbal_frames_of_a_level_platform(pose, frame, heading):
    table = Poses.of(pose(yaw_deg=100.0, gimbal_yaw_deg=10.0, gimbal_frame=frame))
    forward = rotation.camera_to_ned(table)[0] @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(forward, [np.cos(np.radians(heading)), np.sin(np.radians(heading)), 0.0], atol=1e-12)


def test_only_a_body_gimbal_tilts_with_the_platform(pose):
    tilted = pose(pitch_deg=-10.0, roll_deg=5.0)
    for frame in GimbalFrame:
        down = rotation.camera_to_ned(Poses.of(dataclasses.replace(tilted, gimbal_frame=frame)))[0][2, 0]
        assert (abs(down) > 0.1) == (frame is GimbalFrame.BODY)


def test_euler_axes_are_the_derivative_of_the_rotation():
    yaw, pitch, roll, step = 33.0, -40.0, 12.0, 1e-6
    base = rotation.yaw_pitch_roll_matrix(yaw, pitch, roll)
    vector = base @ [0.6, 0.5, -0.4]
    changed = np.array([[yaw + step, pitch, roll], [yaw, pitch + step, roll], [yaw, pitch, roll + step]])
    for axis, angles in zip(rotation.euler_axes(yaw, pitch), changed, strict=True):
        moved = (rotation.yaw_pitch_roll_matrix(*angles) @ [0.6, 0.5, -0.4] - vector) / np.radians(step)
        np.testing.assert_allclose(np.cross(axis, vector), moved, atol=1e-6)


def test_poses_come_back_row_by_row(pose):
    rows = [pose(lat_deg=1.0, hfov_deg=40.0), pose(lat_deg=2.0)]
    table = Poses.of(*rows)
    assert [table[0], table[1]] == rows
    assert len(table) == 2
    with pytest.raises(ValueError, match="read-only"):
        table.lat_deg[0] = 3.0


def test_poses_of_two_gimbal_frames_do_not_mix(pose):
    with pytest.raises(ValueError, match="one gimbal frame"):
        Poses.of(pose(), pose(gimbal_frame=GimbalFrame.BODY))


@pytest.mark.parametrize("frame", list(GimbalFrame))
def test_poses_in_a_table_turn_as_each_alone(pose, frame):
    some = [
        pose(yaw_deg=yaw, roll_deg=roll, gimbal_pitch_deg=down, gimbal_frame=frame)
        for yaw, roll, down in ((10, 1, -40), (10, 1, -40), (10, 2, -40), (10, 2, -41), (10, 1, -40), (11, 1, -40))
    ]
    for turn in (rotation.camera_to_ned, rotation.platform_to_ned):
        alone = np.concatenate([turn(Poses.of(one)) for one in some])
        np.testing.assert_array_equal(turn(Poses.of(*some)), alone)
