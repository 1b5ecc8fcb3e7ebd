"""Cuts read back: by our decoder, by a public KLV library and by FFmpeg's own prober."""

from __future__ import annotations

import io
import json
import shutil
import subprocess

import numpy as np
import pytest

from telemetry.errors import MediaError
from telemetry.klv.klv_file import read_klv
from telemetry.klv.klv_track import utc_ns
from telemetry.videos.clip_file import cut_clip
from telemetry.videos.video_file import read_video


def frames_of(path):
    with read_video(path) as reader:
        return {float(frame.pts_s): frame for frame in reader.frames()}


def check_cut(source, out, first_s, last_s):
    """Every picture of the cut is the picture of the whole at that time, with the same moment and pose."""
    report = cut_clip(source, out, first_s=first_s, last_s=last_s)
    whole, cut = frames_of(source), frames_of(out)
    assert report.first_pts_s <= first_s
    wanted = [at for at in whole if first_s <= at <= last_s]
    assert wanted
    assert set(wanted) <= set(cut) <= set(whole)
    for at in wanted:
        assert cut[at].t_utc_ns == pytest.approx(whole[at].t_utc_ns, abs=2_000)
        assert (cut[at].pose is None) == (whole[at].pose is None)
        if cut[at].pose is not None:
            assert cut[at].pose.yaw_deg == pytest.approx(whole[at].pose.yaw_deg, abs=1e-4)
            assert cut[at].pose.lat_deg == pytest.approx(whole[at].pose.lat_deg, abs=1e-8)
        assert np.array_equal(cut[at].image, whole[at].image)
    return report


def test_a_cut_keeps_pictures_times_and_poses(clip, tmp_path):
    report = check_cut(clip.path, tmp_path / "cut.ts", 2.0, 3.2)
    assert report.klv_packets >= report.pictures
    inside = set(utc_ns(read_klv(tmp_path / "cut.ts")).tolist())
    assert inside < set(utc_ns(read_klv(clip.path)).tolist())


@pytest.mark.parametrize(
    ("name", "first_s", "last_s"),
    [("aphill_klv_10s.ts", 3.0, 5.0), ("h265_klv.ts", 0.3, 0.8), ("mpeg2_klv.ts", 0.3, 0.8)],
)
def test_real_clips_are_cut_with_their_klv(shared_data, tmp_path, name, first_s, last_s):
    source = shared_data / "klv/kwiver/videos" / name
    begin = min(frames_of(source))
    check_cut(source, tmp_path / "cut.ts", begin + first_s, begin + last_s)


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def streams_of(path):
    command = [tool("ffprobe"), "-v", "error", "-show_streams", "-of", "json", str(path)]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stream["codec_type"]: stream["codec_name"] for stream in shown["streams"]}


def test_other_readers_find_the_klv_of_a_cut(clip, tmp_path):
    klvdata = pytest.importorskip("klvdata")
    pytest.importorskip("klvdata.klvparser")
    out = tmp_path / "cut.ts"
    report = cut_clip(clip.path, out, first_s=2.0, last_s=3.2)
    assert streams_of(out) == {"video": "h264", "data": "klv"}
    command = [tool("ffmpeg"), "-v", "error", "-i", str(out), "-map", "0:d:0", "-c", "copy", "-f", "data", "-"]
    payload = subprocess.run(command, check=True, capture_output=True).stdout
    theirs = list(klvdata.klvparser.KLVParser(io.BytesIO(payload), key_length=16))
    ours = read_klv(out)
    assert len(theirs) == report.klv_packets == len(ours)
    assert all(ours.packet_bytes(k).endswith(value) for k, (_, value) in enumerate(theirs))


def test_ffprobe_names_the_klv_of_a_real_cut(shared_data, tmp_path):
    source = shared_data / "klv/kwiver/videos/aphill_klv_10s.ts"
    begin = min(frames_of(source))
    cut_clip(source, tmp_path / "cut.ts", first_s=begin + 3.0, last_s=begin + 5.0)
    assert streams_of(tmp_path / "cut.ts") == {"video": "mpeg2video", "data": "klv"}


def test_a_clip_without_pictures_there_leaves_nothing(clip, tmp_path):
    with pytest.raises(MediaError, match=r"no picture from 500 s"):
        cut_clip(clip.path, tmp_path / "cut.ts", first_s=500.0, last_s=501.0)
    with pytest.raises(MediaError, match="earlier to a later"):
        cut_clip(clip.path, tmp_path / "cut.ts", first_s=3.0, last_s=2.0)
    (tmp_path / "no.ts").write_bytes(b"no video at all" * 100)
    with pytest.raises(MediaError):
        cut_clip(tmp_path / "no.ts", tmp_path / "cut.ts", first_s=0.0, last_s=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["no.ts"]


def test_pictures_of_an_mp4_are_cut_too(mp4, tmp_path):
    whole = sorted(frames_of(mp4))
    report = cut_clip(mp4, tmp_path / "cut.ts", first_s=whole[8], last_s=whole[14])
    assert (report.pictures >= 7, report.klv_packets) == (True, 0)
    assert {round(at, 3) for at in whole[8:15]} <= {round(at, 3) for at in frames_of(tmp_path / "cut.ts")}
