"""Subtitles and logs put into clips as ST 0601, read back as any clip with KLV."""

from __future__ import annotations

import av
import numpy as np
import pytest

from geo.rotation import camera_to_ned
from geo.terrain import FlatTerrain
from geo.values import GimbalFrame, Pose, Poses
from telemetry.errors import MediaError
from telemetry.klv import decode, encode
from telemetry.klv.klv_track import track_from_klv
from telemetry.recordings.klv_clip_file import klv_of, write_klv_clip
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read
from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera
from vedette.main import main

START_NS = 1_714_557_600_000_000_000


@pytest.fixture
def subtitled(tmp_path, cards):
    cards.write_mp4(tmp_path / "DJI_0007.MP4", 30)
    cards.write_srt(tmp_path / "DJI_0007.SRT", 30)
    return open_recordings(tmp_path / "DJI_0007.MP4").recordings[0]


def test_subtitles_become_klv_that_poses_the_same(subtitled, tmp_path):
    options = ReadingOptions(camera=parse_stated_camera("62"))
    done = write_klv_clip(subtitled, options, tmp_path / "out.ts")
    assert (done.pictures, done.packets) == (30, 30)
    inside = open_recordings(tmp_path / "out.ts").recordings[0]
    with read(subtitled, options) as before, read(inside) as after:
        assert "KLV" in after.recording.used[0]
        pairs = list(zip(before.frames(), after.frames(), strict=True))
    assert len(pairs) == 30
    for theirs, ours in pairs:
        assert np.array_equal(theirs.image, ours.image)
        assert ours.t_utc_ns == pytest.approx(theirs.t_utc_ns, abs=2_000_000)
        assert ours.pose.lat_deg == pytest.approx(theirs.pose.lat_deg, abs=1e-6)
        assert ours.pose.alt_hae_m == pytest.approx(theirs.pose.alt_hae_m, abs=0.1)
        assert ours.pose.hfov_deg == pytest.approx(62.0, abs=0.01)
        turned = camera_to_ned(Poses.of(theirs.pose))[0].T @ camera_to_ned(Poses.of(ours.pose))[0]
        assert np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))) < 0.05


def test_each_packet_is_shown_with_its_picture(subtitled, tmp_path):
    """Pictures that come out of order as they are decoded (B pictures) take none of their poses to another moment."""
    write_klv_clip(subtitled, ReadingOptions(camera=parse_stated_camera("62")), tmp_path / "out.ts")
    with av.open(str(tmp_path / "out.ts")) as clip:
        packets = [
            (packet.stream.type, float(packet.pts * packet.time_base), bytes(packet))
            for packet in clip.demux()
            if packet.size
        ]
    shown = [at_s for kind, at_s, _ in packets if kind == "video"]
    carried = [at_s for kind, at_s, _ in packets if kind == "data"]
    stamps = decode(b"".join(payload for kind, _, payload in packets if kind == "data")).times_us()
    assert shown != sorted(shown)
    assert carried == pytest.approx(sorted(shown), abs=2e-5)
    np.testing.assert_allclose((stamps - stamps[0]) * 1e-6, np.array(carried) - carried[0], atol=2e-3)


@pytest.mark.parametrize(
    ("name", "words"), [("out.mp4", "let its name end in .ts"), ("none/out.ts", "there is no folder")]
)
def test_a_name_that_cannot_be_written_to_is_refused_before_anything_is_read(subtitled, tmp_path, capsys, name, words):
    assert main(["klv", "mux", str(subtitled.paths[0]), "--out", str(tmp_path / name)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("frame", list(GimbalFrame))
def test_the_camera_looks_the_same_whatever_its_angles_are_measured_against(frame):
    angles = {"yaw_deg": 200.0, "pitch_deg": 6.0, "roll_deg": -9.0}
    gimbal = {"gimbal_yaw_deg": -30.0, "gimbal_pitch_deg": -50.0, "gimbal_roll_deg": 2.0, "gimbal_frame": frame}
    pose = Pose(t_utc_ns=START_NS, lat_deg=50.0, lon_deg=8.0, alt_hae_m=300.0, **angles, **gimbal)
    later = klv_of(pose) | {2: START_NS // 1000 + 100_000}
    track = track_from_klv(decode(encode(klv_of(pose)) + encode(later)))
    read_back = track.pose_at(START_NS)
    turned = camera_to_ned(Poses.of(pose))[0].T @ camera_to_ned(Poses.of(read_back))[0]
    assert np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))) < 0.05


def test_a_clip_with_klv_or_without_any_pose_is_left_alone(tmp_path, cards):
    cards.write_ts(tmp_path / "has.ts", [cards.klv(i, cards.START_US + i * 100_000) for i in range(10)])
    cards.write_mp4(tmp_path / "bare.mp4", 10)
    for name, word in (("has.ts", "already"), ("bare.mp4", "has a pose")):
        recording = open_recordings(tmp_path / name).recordings[0]
        with pytest.raises(MediaError, match=word):
            write_klv_clip(recording, ReadingOptions(), tmp_path / "out.ts")
    assert not (tmp_path / "out.ts").exists()


def test_a_share_of_common_ground_thins_a_clip_out(subtitled):
    ground, lens = FlatTerrain(height_m=500.0), parse_stated_camera("62")
    with read(subtitled, ReadingOptions(camera=lens)) as everything:
        whole = len(list(everything.frames()))
    from geo.errors import InputError

    with pytest.raises(InputError, match="terrain"):
        read(subtitled, ReadingOptions(max_overlap=0.5, camera=lens))
    with read(subtitled, ReadingOptions(max_overlap=0.5, terrain=ground, camera=lens)) as some:
        assert 1 <= len(list(some.frames())) <= whole
