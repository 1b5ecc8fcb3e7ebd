from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from telemetry.errors import MediaError
from telemetry.videos.frame import NO_TIME, VideoLimits
from telemetry.videos.video_file import read_pictures


@pytest.fixture
def folder(tmp_path):
    for name, value in (("b.png", 90), ("a.jpg", 30), ("deep/c.png", 200)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), (value, value, value)).save(path)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_pictures_come_in_order_and_broken_ones_are_told(folder):
    with read_pictures(folder) as reader:
        frames = list(reader.frames())
    assert [int(np.median(frame.image)) for frame in frames] == [30, 90, 200]
    assert frames[0].image.shape == (30, 40, 3)
    assert {frame.t_utc_ns for frame in frames} == {NO_TIME}
    assert {frame.pose_reason for frame in frames} == {
        "no camera yaw and pitch in the XMP of any known maker; the picture states no GPS position (or 0, 0)"
    }
    assert reader.klv_packets == 0
    assert reader.partial
    assert any(problem.message.startswith("broken.jpg cannot be read") for problem in reader.problems)


def test_a_picture_over_the_limit_is_passed_over(folder):
    with read_pictures(folder, limits=VideoLimits(max_pixels=100)) as reader:
        assert list(reader.frames()) == []
    assert any("40 x 30 px is over the limit of 100" in problem.message for problem in reader.problems)


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(MediaError, match="holds no picture"):
        read_pictures(tmp_path)
    with pytest.raises(MediaError, match="is not a folder"):
        read_pictures(tmp_path / "nowhere")


def test_real_thermal_pictures_are_read(shared_data):
    with read_pictures(shared_data / "hit-uav") as reader:
        frames = list(itertools.islice(reader.frames(), 3))
    assert all(frame.image.shape[2] == 3 and frame.image.std() > 0 for frame in frames)


def test_real_drone_photos_have_poses_and_cameras(shared_data):
    with read_pictures(shared_data / "photos") as reader:
        posed = [frame for frame in itertools.islice(reader.frames(), 12) if frame.pose is not None]
    assert posed
    assert all(frame.pose.hfov_deg is not None for frame in posed if frame.camera is not None)
