"""Clips through the decoding process: what goes in comes out, and damage is told exactly."""

from __future__ import annotations

import os
import signal
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from geo.children.process import ChildProcess
from geo.errors import RefusedError
from telemetry.errors import MediaError
from telemetry.videos.frame import NO_TIME, VideoLimits
from telemetry.videos.video_file import read_video


def bar_px(image):
    return int(np.count_nonzero(image[60, :, 0] > 128))


def test_frames_come_back_at_their_own_moments_with_their_own_poses(clip):
    with read_video(clip.path) as reader:
        frames = list(reader.frames())
    assert [frame.index for frame in frames] == list(range(24))
    assert reader.klv_packets == 24
    assert reader.klv_bad_checksum == 0
    assert reader.problems == ()
    assert not reader.partial
    for frame, moment, yaw in zip(frames, clip.times_ns, clip.yaws_deg, strict=True):
        assert abs(frame.t_utc_ns - moment) < 20_000  # a tick of the 90 kHz clock is 11 us
        assert isinstance(frame.pts_s, Fraction)
        assert frame.pose is not None
        assert frame.pose_reason == ""
        assert frame.pose.yaw_deg == pytest.approx(yaw, abs=0.01)
        assert abs(bar_px(frame.image) - 4 * (frame.index + 1)) <= 2
        assert not frame.image.flags.writeable


def test_sampling_by_time_keeps_the_clock(clip):
    with read_video(clip.path, every_s=1.0) as reader:
        frames = list(reader.frames())
    stamps = [float(frame.pts_s - frames[0].pts_s) for frame in frames]
    assert [int(stamp) for stamp in stamps] == [0, 1, 2, 3]
    assert all(abs(frame.t_utc_ns - clip.times_ns[frame.index]) < 20_000 for frame in frames)


def test_frames_can_be_read_twice(clip):
    with read_video(clip.path, every_s=1.0) as reader:
        first = [frame.index for frame in reader.frames()]
        assert [frame.index for frame in reader.frames()] == first


def test_a_clip_cut_short_gives_its_readable_part_and_one_exact_sentence(clip, tmp_path):
    data = clip.path.read_bytes()
    half = tmp_path / "half.ts"
    half.write_bytes(data[: 188 * (len(data) // 188 // 2) + 37])
    with read_video(half) as reader:
        frames = list(reader.frames())
    assert 0 < len(frames) < 24
    assert all(frame.pose is not None for frame in frames[:-1])  # the cut may part the last picture from its packet
    assert reader.partial
    message = reader.problems[-1].message
    assert "ends 37 bytes into a transport packet of 188" in message
    assert f"{len(frames)} frames over" in message


def test_an_mp4_cut_short_gives_its_readable_part(mp4, tmp_path):
    data = mp4.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 3 // 4])
    with read_video(cut) as reader:
        frames = list(reader.frames())
    assert 0 < len(frames) < 24
    assert reader.partial
    assert "inside its 'mdat' box" in reader.problems[-1].message


def test_a_clip_without_telemetry_says_so_on_every_frame(mp4):
    with read_video(mp4) as reader:
        frames = list(reader.frames())
    assert len(frames) == 24
    assert {frame.pose_reason for frame in frames} == {"no telemetry in the source"}
    assert {frame.t_utc_ns for frame in frames} == {NO_TIME}


def test_a_log_of_another_source_gives_the_poses(clip, mp4):
    with read_video(clip.path) as reader:
        track = reader.track
    with read_video(mp4, track=track, start_utc_ns=clip.times_ns[0]) as reader:
        frames = list(reader.frames())
    assert [round(frame.pose.yaw_deg) for frame in frames] == list(range(10, 34))


def test_an_mp4_without_its_index_names_the_index(mp4, tmp_path):
    data = mp4.read_bytes()
    at = data.index(b"moov")
    cut = tmp_path / "no-index.mp4"
    cut.write_bytes(data[: at - 4] + data[at - 4 + int.from_bytes(data[at - 4 : at], "big") :])
    with pytest.raises(MediaError, match=r"'moov' box\) is missing"):
        read_video(cut)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("empty.ts", b"", "the file is empty"),
        ("text.mp4", b"no video here " * 50, "cannot be read as video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "cannot be read as video"),
        ("concat.txt", b"ffconcat version 1.0\nfile /etc/passwd\n", "cannot be read as video"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_sentence(tmp_path, name, content, part):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError) as caught:
        read_video(tmp_path / name)
    assert part in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        read_video(tmp_path / "nowhere.ts")
    with pytest.raises(MediaError, match="is not a file"):
        read_video(tmp_path)


def test_pictures_over_the_limit_are_refused_before_they_are_decoded(clip):
    with pytest.raises(MediaError, match="160 x 120 px, over the limit of 10000"):
        read_video(clip.path, limits=VideoLimits(max_pixels=10_000))


def test_decoding_stops_at_the_limit_of_duration(clip):
    with read_video(clip.path, limits=VideoLimits(max_duration_s=1.0)) as reader:
        frames = list(reader.frames())
    assert 6 <= len(frames) <= 8
    assert reader.partial
    assert "limit of 1 s" in reader.problems[0].message


def test_a_silent_decoder_is_ended_and_one_that_has_no_processor_is_waited_for(clip, monkeypatch):
    short = VideoLimits(max_silence_s=0.05)  # less than a process needs to start
    monkeypatch.setattr(ChildProcess, "waited_for_processor_s", lambda _: 0.0)
    with pytest.raises(MediaError, match=r"the decoding process said nothing for 0\.05 s"):
        read_video(clip.path, limits=short)
    monkeypatch.setattr(ChildProcess, "waited_for_processor_s", lambda _: time.monotonic())
    with read_video(clip.path, limits=short) as reader:
        assert len(list(reader.frames())) > 6


def test_how_long_a_process_waits_for_a_processor_is_what_the_kernel_says(clip):
    with read_video(clip.path) as reader:
        child = reader._process._child
        first = child.waited_for_processor_s()
        assert first > 0.0
        assert child.waited_for_processor_s() >= first


def test_the_death_of_the_decoder_is_a_result_not_an_exception(clip):
    with read_video(clip.path) as reader:
        frames = reader.frames()
        next(frames)
        os.kill(reader.process_id, signal.SIGSEGV)
        rest = list(frames)
    assert len(rest) < 23
    assert reader.partial
    assert "ended by signal 11" in reader.problems[-1].message


def test_no_process_is_left_behind(clip):
    with read_video(clip.path) as reader:
        number = reader.process_id
        next(reader.frames())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_time_step_that_is_none_is_refused(clip, bad):
    with pytest.raises(MediaError, match="0 s or more"):
        read_video(clip.path, every_s=bad)


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "concat:a.ts|b.ts",
        "http://127.0.0.1/x.m3u8",
        "https://example.org/x",
        "subfile,,start,0,end,0,,:/etc/passwd",
        "data:video/mp4;base64,AAAA",
        "pipe:0",
        "tcp://127.0.0.1:1",
        "gopher://127.0.0.1/",
        "crypto:/etc/passwd",
        "rtsp://169.254.169.254/latest",
        "rtsp://user:secret@169.254.169.254/latest?token=secret",
        "udp://[::ffff:169.254.169.254]:5000",
        "udp://[fe80::1]:5000",
        "srt://8.8.8.8:9000",
        "rtsp://2852039166/",
    ],
)
def test_sources_off_the_allow_list_are_refused(source):
    with pytest.raises((RefusedError, MediaError)) as caught:
        read_video(source)
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.fields)


def test_the_generated_stream_is_read_whole(shared_data):
    with read_video(shared_data / "klv/jmisb/generator_output.mpeg", every_s=5.0) as reader:
        frames = list(reader.frames())
    assert reader.klv_packets == 1350
    assert reader.klv_bad_checksum == 0
    assert len(reader.track) == 1350
    assert len(frames) == 18
    assert all(frame.pose is not None for frame in frames)
    assert [round((frame.t_utc_ns - frames[0].t_utc_ns) / 1e9) for frame in frames] == [5 * k for k in range(18)]


@pytest.mark.parametrize("name", ["h264_klv.ts", "h265_klv.ts", "mpeg2_klv.ts"])
def test_every_codec_gives_its_thirty_frames_and_packets(shared_data, name):
    with read_video(shared_data / "klv/kwiver/videos" / name) as reader:
        frames = list(reader.frames())
    assert len(frames) == reader.klv_packets == 30


def test_a_container_that_announces_a_giant_picture_is_refused(tmp_path):
    path = tmp_path / "giant.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for packet in stream.encode(av.VideoFrame(64, 48, "yuvj420p")):
            container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8
    data[header + 4 : header + 12] = (7_000).to_bytes(4, "little") * 2
    frame = data.index(b"\xff\xc0") + 5  # the JPEG's own header: SOF0, height and width
    data[frame : frame + 4] = (7_000).to_bytes(2, "big") * 2
    path.write_bytes(data)
    with pytest.raises(MediaError, match="7000 x 7000 px, over the limit"):
        read_video(path)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_clips_end_in_frames_and_problems_or_in_one_sentence(clip, mp4, tmp_path, seed):
    rng = np.random.default_rng(seed)
    source = (clip.path, mp4)[seed % 2]
    data = np.frombuffer(source.read_bytes(), dtype=np.uint8).copy()
    places = rng.integers(0, len(data), 1 + len(data) // 400)
    data[places] = rng.integers(0, 256, len(places))
    path = tmp_path / f"damaged{source.suffix}"
    path.write_bytes(data.tobytes())
    try:
        with read_video(path) as reader:
            frames = list(reader.frames())
            assert len(frames) <= 60
    except MediaError as error:
        assert "\n" not in str(error)  # noqa: PT017
