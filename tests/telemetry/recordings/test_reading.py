"""Frames of a recording come out posed, or say why not; its clock is told by what it says of itself."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from telemetry.recordings.mounts import Mount
from telemetry.recordings.reading import time_known
from telemetry.recordings.reading_options import ReadingOptions, StatedCamera


@pytest.mark.parametrize("inside", [False, True])
def test_a_clip_with_its_subtitles_beside_or_inside_is_posed(cards, tmp_path, inside):
    texts = cards.write_srt(tmp_path / "texts" / "DJI_0001.SRT" if inside else tmp_path / "DJI_0001.SRT", 30)
    cards.write_mp4(
        tmp_path / "clip" / "DJI_0001.MP4" if inside else tmp_path / "DJI_0001.MP4", 30, texts=texts if inside else None
    )
    ((recording, frames, problems),), left_out = cards.read_all(tmp_path / "clip" if inside else tmp_path)
    assert len(frames) == 30
    for frame in frames:
        assert frame.pose is not None, frame.pose_reason
        assert frame.pose.lat_deg == pytest.approx(48 + frame.index * 1e-6, abs=2e-7)
        assert frame.pose.gimbal_yaw_deg == pytest.approx(90 + frame.index * 0.1, abs=0.02)
        assert frame.t_utc_ns == pytest.approx(cards.START_NS + frame.index * 10**8, abs=2_000_000)
        assert frame.sigmas.focal_rel == 0.02, "a view from the equivalent focal length is good to 2 %"
    assert ("subtitle track" in recording.used[0]) is inside
    assert "subtitles" in time_known(recording)
    assert "time_zone_unknown" in problems
    assert not left_out


def test_the_zone_and_the_start_that_are_stated_count(cards, tmp_path):
    cards.write_srt(tmp_path / "a.srt", 5)
    cards.write_mp4(tmp_path / "a.mp4", 5)
    ((_, frames, problems),), _ = cards.read_all(tmp_path, ReadingOptions(utc_offset_s=7200.0))
    assert frames[0].t_utc_ns == cards.START_NS - 7200 * 10**9
    assert "time_zone_unknown" not in problems
    cards.write_srt(tmp_path / "a.srt", 5, dated=False)
    ((_, frames, problems),), _ = cards.read_all(tmp_path, ReadingOptions(start_utc_ns=5 * 10**17))
    assert frames[0].t_utc_ns == 5 * 10**17
    ((recording, frames, problems),), _ = cards.read_all(tmp_path)
    assert "no_date" in problems
    assert all(frame.pose is not None for frame in frames), "subtitles join by the clip's own time, dated or not"
    assert not recording.clock.segments[0].dated


def test_undated_subtitles_are_dated_by_the_container(cards, tmp_path):
    cards.write_srt(tmp_path / "a.srt", 5, dated=False)
    cards.write_mp4(tmp_path / "a.mp4", 5, created="2024-05-01T10:00:00.000000Z")
    ((_, frames, problems),), _ = cards.read_all(tmp_path)
    assert frames[0].t_utc_ns == cards.START_NS
    assert "dated_by_container" in problems


def test_positions_without_angles_need_a_mount_and_say_so(cards, tmp_path):
    cards.write_srt(tmp_path / "a.srt", 20, gimbal=False)
    cards.write_mp4(tmp_path / "a.mp4", 20)
    ((_, frames, problems),), _ = cards.read_all(tmp_path)
    assert all(frame.pose is None for frame in frames)
    assert "positions only" in frames[0].pose_reason
    assert "no_camera_angles" in problems


def test_a_stated_mount_places_and_widens(cards, tmp_path):
    points = "".join(
        f'<trkpt lat="{48 + s * 1e-4:.6f}" lon="11.0"><ele>600</ele><time>2024-05-01T10:00:{s:02d}Z</time></trkpt>'
        for s in range(10)
    )
    (tmp_path / "a.gpx").write_text(f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>")
    cards.write_mp4(tmp_path / "a.mp4", 30, created="2024-05-01T10:00:03.000000Z")
    options = ReadingOptions(mount=Mount(yaw_deg=0.0, pitch_deg=-60.0, roll_deg=0.0), offset_s=0.0)
    ((recording, frames, problems),), _ = cards.read_all(tmp_path, options)
    assert "mount_stated" in problems
    assert "no_field_of_view" in problems, "a GPX file knows no lens, and without one nothing is placed"
    assert recording.mount is options.mount
    assert all(frame.pose is not None for frame in frames), frames[0].pose_reason
    pose, sigmas = frames[10].pose, frames[10].sigmas
    assert pose.gimbal_pitch_deg == -60.0
    assert pose.yaw_deg == pytest.approx(0.0, abs=0.5), "it flies north"
    assert sigmas.yaw_deg == 20.0, "the heading is the course over ground"
    assert sigmas.gimbal_pitch_deg > 5.0, "nothing is known of the airframe's tilt"
    assert sigmas.along_n_m == pytest.approx(1.1, abs=0.05), "a stated offset is good to 0.1 s, at 11 m/s to the north"
    assert sigmas.along_e_m == pytest.approx(0.0, abs=0.01)


def test_a_stated_lens_is_every_frames(cards, tmp_path):
    cards.write_srt(tmp_path / "a.srt", 3)
    cards.write_mp4(tmp_path / "a.mp4", 3)
    ((_, frames, _),), _ = cards.read_all(tmp_path, ReadingOptions(camera=StatedCamera(text="60", hfov_deg=60.0)))
    assert frames[0].camera.fx_px == pytest.approx(80 / np.tan(np.radians(30)))


def test_a_clip_with_nothing_says_what_to_do(cards, tmp_path):
    cards.write_mp4(tmp_path / "a.mp4", 3)
    ((recording, frames, problems),), _ = cards.read_all(tmp_path / "a.mp4")
    assert "nothing in or beside this clip" in frames[0].pose_reason
    assert problems == {"no_pose_source"}
    assert not recording.used


def test_a_stated_log_of_another_day_is_refused_with_the_gap(cards, tmp_path):
    cards.write_mp4(tmp_path / "a.mp4", 3, created="2024-05-03T10:00:00.000000Z")
    (tmp_path / "log").mkdir()
    cards.write_srt(tmp_path / "log" / "flight.srt", 5)
    table = tmp_path / "log" / "flight.csv"
    from telemetry.tracks.sources import read_track
    from telemetry.tracks.track_file import write_track

    write_track(read_track(tmp_path / "log" / "flight.srt"), table)
    ((recording, frames, _),), _ = cards.read_all(tmp_path / "a.mp4", ReadingOptions(offset_s=0.0), track=table)
    assert "do not overlap" in recording.unused[0].why
    assert frames[0].pose is None


STAMPS = {
    "good": (lambda us, i: us + i * 100_000, set()),
    "one a second": (lambda us, i: us + i // 10 * 1_000_000, {"clock_frozen"}),
    "milliseconds": (lambda us, i: us // 1000 + i * 100, {"clock_unit"}),
    "seconds": (lambda us, i: us // 10**6 + i // 10, {"clock_unit", "clock_frozen"}),
    "a wild one": (lambda us, i: us + i * 100_000 + (10**12 if i in (17, 18) else 0), {"clock_absurd"}),
    "unset at first": (lambda us, i: us + i * 100_000 if i > 20 else 10**6 + i * 100_000, {"clock_absurd"}),
}


@pytest.mark.parametrize("name", STAMPS)
def test_presentation_times_carry_the_clock_where_tag_2_does_not(cards, tmp_path, name):
    stamp, expected = STAMPS[name]
    cards.write_ts(tmp_path / "a.ts", [cards.klv(i, stamp(cards.START_US, i)) for i in range(40)])
    ((_, frames, problems),), _ = cards.read_all(tmp_path / "a.ts")
    assert problems == expected
    assert len(frames) == 40
    for frame in frames:
        assert frame.pose is not None, (frame.index, frame.pose_reason)
        assert frame.pose.lat_deg == pytest.approx(50 + frame.index * 1e-5, abs=2e-6)
        assert frame.t_utc_ns == pytest.approx(cards.START_NS + frame.index * 10**8, abs=2 * 10**6)


def test_a_sender_without_a_clock_is_posed_and_not_dated(cards, tmp_path):
    cards.write_ts(tmp_path / "a.ts", [cards.klv(i, 0) for i in range(20)])
    ((recording, frames, problems),), _ = cards.read_all(tmp_path / "a.ts")
    assert problems == {"clock_zero", "no_date"}
    assert all(frame.pose.lat_deg == pytest.approx(50 + frame.index * 1e-5, abs=2e-6) for frame in frames)
    assert not recording.clock.segments[0].dated
    ((recording, frames, _),), _ = cards.read_all(tmp_path / "a.ts", ReadingOptions(start_utc_ns=cards.START_NS))
    assert frames[-1].t_utc_ns == pytest.approx(cards.START_NS + 19 * 10**8, abs=10**6)


UNSET = {"since boot": 5_000_000, "1980": 315_964_800_000_000, "2124": 4_867_898_400_000_000}


@pytest.mark.parametrize("name", UNSET)
@pytest.mark.parametrize("stated", [False, True])
def test_a_clock_that_was_never_set_is_named_and_moved_to_a_stated_start(cards, tmp_path, name, stated):
    cards.write_ts(tmp_path / "a.ts", [cards.klv(i, UNSET[name] + i * 100_000) for i in range(20)])
    start = cards.START_NS if stated else None
    ((recording, frames, kinds),), _ = cards.read_all(tmp_path, ReadingOptions(start_utc_ns=start))
    assert "clock_absurd" in kinds
    assert "clock_ahead" not in kinds, "what is no date is in nobody's future"
    assert recording.clock.segments[0].dated == stated
    begun = cards.START_NS if stated else UNSET[name] * 1000
    for index, frame in enumerate(frames):
        assert frame.t_utc_ns == pytest.approx(begun + index * 10**8, abs=1000)
        assert frame.pose.lat_deg == pytest.approx(50.0 + index * 1e-5, abs=2e-8)


@pytest.mark.parametrize("source", ["KLV", "subtitles"])
def test_a_clock_ahead_of_this_computers_is_said_and_kept(cards, tmp_path, source):
    if source == "KLV":
        cards.write_ts(tmp_path / "a.ts", [cards.klv(i, cards.START_US + i * 100_000) for i in range(20)])
    else:
        cards.write_mp4(tmp_path / "a.mp4", 20)
        cards.write_srt(tmp_path / "a.srt", 20)
    read = []
    for days, said in ((0, False), (2, True)):
        now_ns = cards.START_NS - days * 86_400_000_000_000
        ((recording, frames, kinds),), _ = cards.read_all(tmp_path, ReadingOptions(clock=lambda now_ns=now_ns: now_ns))
        assert ("clock_ahead" in kinds) == said
        assert recording.clock.segments[0].dated
        read.append([(frame.t_utc_ns, frame.pose.lat_deg) for frame in frames])
    assert read[0] == read[1]
    assert len(read[0]) == 20


def test_stamps_in_nanoseconds_are_read_and_named(cards, tmp_path):
    cards.write_ts(tmp_path / "a.ts", [cards.klv(i, (cards.START_US + i * 100_000) * 1000) for i in range(12)])
    ((_, frames, kinds),), _ = cards.read_all(tmp_path)
    assert kinds == {"clock_unit"}
    assert frames[7].t_utc_ns == pytest.approx(cards.START_NS + 7 * 10**8, abs=1000)
    assert frames[7].pose.lat_deg == pytest.approx(50.0 + 7e-5, abs=2e-8)


@pytest.mark.parametrize(("rate", "named"), [(1.0, False), (1.02, False), (2.0, True), (0.5, True)])
def test_a_clock_at_another_rate_than_the_pictures_is_named(cards, tmp_path, rate, named):
    cards.write_ts(tmp_path / "a.ts", [cards.klv(i, cards.START_US + round(i * 1e5 * rate)) for i in range(40)])
    ((_, frames, kinds),), _ = cards.read_all(tmp_path)
    assert ("clock_rate" in kinds) == named
    assert all(frame.pose is not None for frame in frames)


@pytest.mark.parametrize("apart_s", [60, 0], ids=["a minute later", "the same clock again"])
def test_two_senders_in_one_file_are_two_segments_and_lose_nothing(cards, tmp_path, apart_s):
    first = [cards.klv(i, cards.START_US + i * 100_000) for i in range(30)]
    second = [cards.klv(i, cards.START_US + apart_s * 10**6 + i * 100_000, lat=51.0) for i in range(30)]
    joined = (
        cards.write_ts(tmp_path / "x.ts", first).read_bytes() + cards.write_ts(tmp_path / "y.ts", second).read_bytes()
    )
    path = tmp_path / "joined" / "both.ts"
    path.parent.mkdir()
    path.write_bytes(joined)
    ((recording, frames, problems),), _ = cards.read_all(path)
    assert problems == {"time_restart"}
    assert len(recording.clock.segments) == 2
    assert [frame.segment for frame in frames] == [0] * 30 + [1] * 30
    for frame in frames:
        own = frame.index % 30
        assert frame.pose.lat_deg == pytest.approx(50 + frame.segment + own * 1e-5, abs=2e-6)
        told = cards.START_NS + frame.segment * apart_s * 10**9 + own * 10**8
        assert frame.t_utc_ns == pytest.approx(told, abs=10**6)


def test_sampling_goes_on_over_a_restart(cards, tmp_path):
    part = cards.write_ts(
        tmp_path / "x.ts", [cards.klv(i, cards.START_US + i * 100_000) for i in range(30)]
    ).read_bytes()
    path = tmp_path / "joined" / "three.ts"
    path.parent.mkdir()
    path.write_bytes(part * 3)
    ((_, frames, _),), _ = cards.read_all(path, ReadingOptions(every_s=1.0))
    assert [frame.segment for frame in frames].count(0) == 3
    assert [frame.segment for frame in frames].count(2) in (2, 3)


def test_two_klv_streams_and_two_programs_state_their_choice(cards, tmp_path):
    import av

    one = cards.write_ts(tmp_path / "x.ts", [cards.klv(i, cards.START_US + i * 100_000) for i in range(20)])
    path = tmp_path / "two" / "two.ts"
    path.parent.mkdir()
    with av.open(str(one)) as source, av.open(str(path), "w", format="mpegts") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        twin = target.add_stream_from_template(source.streams.video[0])
        data = [target.add_data_stream("klv") for _ in range(2)]
        for packet in source.demux():
            if packet.dts is None:
                continue
            stamps, payload = (packet.pts, packet.dts, packet.time_base), bytes(packet)
            streams = (video, twin) if packet.stream.type == "video" else data
            for number, stream in enumerate(streams):
                if number and stream is data[1] and packet.pts // 9000 % 2:
                    continue
                copy = av.Packet(payload)
                copy.stream = stream
                copy.pts, copy.dts, copy.time_base = stamps
                copy.is_keyframe = packet.is_keyframe
                target.mux(copy)
    ((recording, frames, _),), _ = cards.read_all(path)
    assert len(frames) == 20
    assert all(frame.pose is not None for frame in frames)
    names = {one.name: one.why for one in recording.unused}
    assert any(name.startswith("video stream 1") for name in names)
    assert any(name.startswith("KLV stream") and "10 packets" in name for name in names)
    ((other, frames, _),), _ = cards.read_all(path, ReadingOptions(stream=1))
    assert len(frames) == 20
    assert any(one.name.startswith("video stream 0") for one in other.unused)


@pytest.mark.parametrize(
    ("late_s", "offset_s", "kind"), [(35.0, None, "subtitles_moved"), (35.0, 35.0, None), (1.0, 1.0, None)]
)
def test_subtitles_cut_out_of_a_longer_film_are_moved_to_the_clip_by_its_length_or_as_stated(
    cards, tmp_path, late_s, offset_s, kind
):
    cards.write_mp4(tmp_path / "a.mp4", 60)
    cards.write_srt(tmp_path / "a.srt", 60, late_s=late_s)
    ((_, frames, kinds),), _ = cards.read_all(tmp_path, ReadingOptions(offset_s=offset_s))
    assert all(frame.pose is not None for frame in frames)
    for index, frame in enumerate(frames):
        assert frame.t_utc_ns == pytest.approx(cards.START_NS + index * 10**8, abs=2_000_000)
        assert frame.pose.lat_deg == pytest.approx(48 + index * 1e-6, abs=2e-8)
    assert ("subtitles_moved" in kinds) == (kind is not None)


def test_subtitles_that_lost_their_first_cues_stay_where_they_are(cards, tmp_path):
    cards.write_mp4(tmp_path / "a.mp4", 60)
    whole = cards.write_srt(tmp_path / "a.srt", 60).read_text()
    (tmp_path / "a.srt").write_text(whole[whole.index("31\n00:00:03,000") :])
    ((_, frames, kinds),), _ = cards.read_all(tmp_path)
    assert all(frame.pose is None for frame in frames[:28])
    assert all(frame.pose is not None for frame in frames[30:])
    assert frames[40].pose.lat_deg == pytest.approx(48 + 40e-6, abs=2e-8)
    assert "subtitles_moved" not in kinds


def turned(path, right_angles):
    """Turn a clip as a telephone does: by the matrix in its track header (rows a b u, c d v, x y w)."""
    a, b = ((1, 0), (0, 1), (-1, 0), (0, -1))[right_angles]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, at, a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("right_angles", [1, 2, 3])
def test_a_clip_that_players_turn_is_not_placed_by_angles_that_may_be_those_of_the_turned_picture(
    cards, tmp_path, right_angles
):
    turned(cards.write_mp4(tmp_path / "a.mp4", 12), right_angles)
    cards.write_srt(tmp_path / "a.srt", 12)
    ((recording, frames, kinds),), _ = cards.read_all(tmp_path)
    assert recording.streams[0].turned_deg == 90 * right_angles
    assert all(frame.pose is None for frame in frames)
    assert "as it is stored or as it is shown is not known" in frames[0].pose_reason
    assert "orientation" in kinds


@pytest.mark.parametrize(("right_angles", "roll"), [(0, "0.0"), (1, "90.0"), (3, "-88.0"), (2, "180.0")])
def test_a_gimbal_that_says_it_is_turned_as_much_is_believed(cards, tmp_path, right_angles, roll):
    turned(cards.write_mp4(tmp_path / "a.mp4", 12), right_angles)
    path = cards.write_srt(tmp_path / "a.srt", 12)
    path.write_text(path.read_text().replace("gb_roll: 0.0", f"gb_roll: {roll}"))
    ((_, frames, _),), _ = cards.read_all(tmp_path)
    assert all(frame.pose is not None for frame in frames)


def test_a_stated_mount_is_that_of_the_stored_picture(cards, tmp_path):
    turned(cards.write_mp4(tmp_path / "a.mp4", 12), 1)
    text = cards.write_srt(tmp_path / "a.srt", 12, gimbal=False).read_text()
    for index in range(12):  # it flies, so that its course is known
        text = text.replace(f"{48 + index * 1e-6:.6f}", f"{48 + index * 1e-5:.7f}")
    (tmp_path / "a.srt").write_text(text)
    mount = Mount(yaw_deg=0.0, pitch_deg=-45.0, roll_deg=90.0)
    ((_, frames, kinds),), _ = cards.read_all(tmp_path, ReadingOptions(mount=mount))
    assert frames[6].pose.gimbal_roll_deg == 90.0
    assert "orientation" in kinds
