"""A card becomes recordings; every file belongs to one, or is left out by name with a reason."""

from __future__ import annotations

import os

import pytest

from telemetry.errors import MediaError
from telemetry.recordings import card_file
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.recording import Pairing, RecordingKind, SourceKind


@pytest.fixture(scope="module")
def card(cards, tmp_path_factory):
    """Return a card as it comes out of an aircraft: clip, subtitles, small copy, stills, a log, and worse."""
    root = tmp_path_factory.mktemp("card")
    media = root / "DCIM" / "100MEDIA"
    cards.write_mp4(media / "DJI_0001.MP4", 12)
    cards.write_srt(media / "DJI_0001.SRT", 12)
    (media / "DJI_0001.LRF").write_bytes((media / "DJI_0001.MP4").read_bytes())
    cards.write_jpeg(media / "DJI_0002.JPG", cards.GOOD)
    cards.write_jpeg(media / "DJI_0003.JPG", cards.GOOD)
    (root / "notes.txt").write_text("battery 3 is weak\n")
    (root / "empty.bin").write_bytes(b"")
    (root / "segments.jsonl").write_text('{"name": "0001.ts"}\n')
    (root / "spare.gpx").write_text("<gpx><trk><trkseg/></trk></gpx>")
    (root / "._DJI_0001.MP4").write_bytes(b"\x00\x05\x16\x07")
    os.mkfifo(root / "pipe.ts")
    (root / "link.mp4").symlink_to("/etc/hostname")
    (root / "elsewhere").symlink_to("/etc")
    return root


def test_every_file_is_in_a_recording_or_left_out_with_a_reason(card):
    found = open_recordings(card)
    taken = {path for recording in found.recordings for path in recording.paths}
    taken |= {source.path for recording in found.recordings for source in recording.sources}
    named = {str(path.relative_to(card)) for path in taken if path.is_file()} | {one.name for one in found.left_out}
    there = {str(path.relative_to(card)) for path in card.rglob("*") if path.is_symlink() or not path.is_dir()}
    assert named == there
    why = {one.name: one.why for one in found.left_out}
    assert "symbolic link" in why["link.mp4"]
    assert "symbolic link" in why["elsewhere"]
    assert "pipe" in why["pipe.ts"]
    assert "small copy" in why["DCIM/100MEDIA/DJI_0001.LRF"]
    assert "--track" in why["spare.gpx"]
    assert why["empty.bin"] == "the file is empty"
    assert "hashes and times of the segments" in why["segments.jsonl"]
    assert "computer" in why["._DJI_0001.MP4"]


def test_a_clip_is_paired_with_the_subtitles_of_its_name(card):
    clip, stills = open_recordings(card).recordings
    assert (clip.name, clip.kind) == ("DCIM/100MEDIA/DJI_0001.MP4", RecordingKind.CLIP)
    assert [(s.kind, s.pairing, s.path.name) for s in clip.sources] == [
        (SourceKind.SUBTITLE_FILE, Pairing.NAME, "DJI_0001.SRT")
    ]
    assert (stills.name, stills.kind) == ("DCIM/100MEDIA/", RecordingKind.PICTURES)
    assert [path.name for path in stills.paths] == ["DJI_0002.JPG", "DJI_0003.JPG"]


@pytest.mark.parametrize("name", ["link.mp4", "pipe.ts"])
def test_a_link_or_a_pipe_named_by_itself_is_refused(card, name):
    with pytest.raises(MediaError, match=r"symbolic link|pipe"):
        open_recordings(card / name)


def test_a_folder_without_media_says_what_is_in_it(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(MediaError, match=r"no clip and no picture .*notes\.txt"):
        open_recordings(tmp_path)
    with pytest.raises(MediaError, match="not there"):
        open_recordings(tmp_path / "absent")


def test_limits_on_count_and_depth(tmp_path, cards, monkeypatch):
    deep = tmp_path
    for _ in range(card_file.MAX_DEPTH + 2):
        deep /= "d"
    cards.write_jpeg(deep / "deep.jpg", cards.GOOD)
    cards.write_jpeg(tmp_path / "top.jpg", cards.GOOD)
    found = open_recordings(tmp_path)
    assert [path.name for one in found.recordings for path in one.paths] == ["top.jpg"]
    assert "folders deep" in found.left_out[0].why
    monkeypatch.setattr(card_file, "MAX_FILES", 1)
    with pytest.raises(MediaError, match="more than 1 files"):
        open_recordings(tmp_path)


def test_views_of_one_recording_share_the_subtitles(tmp_path, cards):
    for view in ("W", "T"):
        cards.write_mp4(tmp_path / f"DJI_0007_{view}.MP4", 4)
    cards.write_srt(tmp_path / "DJI_0007_W.SRT", 4)
    found = open_recordings(tmp_path)
    assert [[source.path.name for source in one.sources] for one in found.recordings] == [["DJI_0007_W.SRT"]] * 2


def test_a_log_is_paired_by_the_time_it_covers(tmp_path, cards):
    cards.write_mp4(tmp_path / "a.mp4", 4, created="2024-05-01T10:00:05.000000Z")
    points = "".join(
        f'<trkpt lat="48.0" lon="11.0"><ele>600</ele><time>2024-05-01T{h}:00:{s:02d}Z</time></trkpt>'
        for h in ("10",)
        for s in range(20)
    )
    (tmp_path / "right.gpx").write_text(f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>")
    (tmp_path / "other.gpx").write_text(f"<gpx><trk><trkseg>{points.replace('T10', 'T17')}</trkseg></trk></gpx>")
    found = open_recordings(tmp_path)
    assert [(s.path.name, s.pairing) for s in found.recordings[0].sources] == [("right.gpx", Pairing.TIME)]
    assert [one.name for one in found.left_out] == ["other.gpx"]


def poses(recording_frames):
    return [round(frame.pose.lat_deg, 6) if frame.pose else None for frame in recording_frames]


@pytest.mark.parametrize("name", ["dji_0001.Srt", "DJI_0001.MP4.SRT", "DJI_0001.en.srt", "../TEXTS/DJI_0001.SRT"])
def test_subtitles_are_found_by_any_spelling_of_the_name(tmp_path, cards, name):
    for number in (1, 2):
        cards.write_mp4(tmp_path / f"card/DCIM/DJI_000{number}.MP4", 5)
    cards.write_srt(tmp_path / "card/DCIM" / name, 5)
    ((first, frames, _), (second, none, _)), left_out = cards.read_all(tmp_path / "card")
    assert left_out == ()
    assert first.used == (f"{name.rpartition('/')[2]} (same name)",)
    assert poses(frames) == [round(48 + i * 1e-6, 6) for i in range(5)]
    assert (second.used, poses(none)) == ((), [None] * 5)


def test_a_name_that_two_folders_have_pairs_nothing_across_them(tmp_path, cards):
    for folder in ("100MEDIA", "101MEDIA"):
        cards.write_mp4(tmp_path / folder / "DJI_0001.MP4", 5)
    cards.write_srt(tmp_path / "TEXTS/DJI_0001.SRT", 5)
    found, left_out = cards.read_all(tmp_path)
    assert [recording.used for recording, _, _ in found] == [(), ()]
    assert [one.name for one in left_out] == ["TEXTS/DJI_0001.SRT"]


def test_subtitles_of_a_clip_that_the_camera_split_pose_all_its_parts(tmp_path, cards):
    for number, count in ((1, 30), (2, 40), (3, 30)):
        cards.write_mp4(tmp_path / f"DJI_000{number}.MP4", count)
    cards.write_srt(tmp_path / "DJI_0001.SRT", 100)
    found, left_out = cards.read_all(tmp_path)
    assert left_out == ()
    whole = [round(48 + i * 1e-6, 6) for i in range(100)]
    for (recording, frames, problems), (begin, end) in zip(found, ((0, 30), (30, 70), (70, 100)), strict=True):
        assert poses(frames) == whole[begin:end]
        assert [frame.t_utc_ns for frame in frames] == [cards.START_NS + i * 10**8 for i in range(begin, end)]
        assert "lengths_differ" not in problems
        assert recording.used[0].startswith("DJI_0001.SRT")


@pytest.mark.parametrize("second", [80, 10])
def test_subtitles_of_another_length_than_the_clips_together_pose_their_own_alone(tmp_path, cards, second):
    cards.write_mp4(tmp_path / "A1.MP4", 10)
    cards.write_mp4(tmp_path / "A2.MP4", second)
    cards.write_srt(tmp_path / "A1.SRT", 130)
    ((_, first, problems), (rest, none, _)), _ = cards.read_all(tmp_path)
    assert "lengths_differ" in problems
    assert None not in poses(first)
    assert (rest.used, set(poses(none))) == ((), {None})


def test_subtitles_that_only_cover_a_clips_date_count_another_clips_time(tmp_path, cards):
    """The first part of a split clip is gone: what is left begins six seconds into its subtitles."""
    cards.write_mp4(tmp_path / "DJI_0002.MP4", 60, created="2024-05-01T10:00:06Z")
    cards.write_srt(tmp_path / "DJI_0001.SRT", 120)
    ((_, frames, problems),), _ = cards.read_all(tmp_path)
    assert frames[0].t_utc_ns == cards.START_NS + 6 * 10**9
    assert frames[0].pose.lat_deg == pytest.approx(48 + 60e-6, abs=1e-7)
    assert "clock_not_checked" in problems


def flight_log(path, *, gimbal=True, lat=48.0, late_s=0):
    """Write an Airdata table (or a GPX, which knows no camera) of 40 seconds, with ten rows a second."""
    moments = [(i, f"2024-05-01T10:{late_s // 60:02d}:{i // 10:02d}.{i % 10}00Z") for i in range(400)]
    if gimbal:
        head = "time(millisecond),datetime(utc),latitude,longitude,altitude_above_seaLevel(meters),"
        head += "compass_heading(degrees),pitch(degrees),roll(degrees),gimbal_heading(degrees),gimbal_pitch(degrees)"
        rows = [f"{i * 100},{t[:-5]},{lat + i * 1e-6:.6f},11,600,90,0,0,{90 + i % 7},-45" for i, t in moments]
        path.write_text("\n".join([head, *rows]))
    else:
        rows = [
            f'<trkpt lat="{lat + i * 1e-6:.6f}" lon="11"><ele>600</ele><time>{t}</time></trkpt>' for i, t in moments
        ]
        path.write_text(f"<gpx><trk><trkseg>{''.join(rows)}</trkseg></trk></gpx>")
    return path


def test_of_two_logs_of_a_clips_time_the_one_that_knows_the_camera_poses_it(tmp_path, cards):
    cards.write_mp4(tmp_path / "A.MP4", 5, created="2024-05-01T10:00:05Z")
    flight_log(tmp_path / "flight.csv")
    flight_log(tmp_path / "phone.gpx", gimbal=False, lat=48.5)
    ((recording, frames, _),), (spare,) = cards.read_all(tmp_path)
    assert recording.used == ("flight.csv (its time covers the clip's date)",)
    assert poses(frames)[0] == pytest.approx(48.00005)
    assert spare.name == "phone.gpx"
    assert "time covers a clip here" in spare.why
    flight_log(tmp_path / "other.csv", lat=49.0)
    ((recording, frames, _),), left_out = cards.read_all(tmp_path)
    assert (recording.used, len(left_out)) == ((), 3), "two aircraft flew then, and nothing tells whose clip it is"


def test_a_log_of_its_time_poses_a_clip_whose_subtitles_know_no_camera_and_is_held_against_them(tmp_path, cards):
    cards.write_mp4(tmp_path / "A.MP4", 5, created="2024-05-01T10:00:05Z")
    cards.write_srt(tmp_path / "A.SRT", 5, gimbal=False)
    flight_log(tmp_path / "flight.csv")
    ((recording, frames, _),), left_out = cards.read_all(tmp_path)
    assert left_out == ()
    assert recording.used == ("flight.csv (its time covers the clip's date)",)
    assert recording.unused[0].name == "A.SRT (same name)"
    assert None not in poses(frames)
    cards.write_srt(tmp_path / "B.SRT", 5)
    cards.write_mp4(tmp_path / "B.MP4", 5, created="2024-05-01T10:00:05Z")
    (_, (other, _, _)), _ = cards.read_all(tmp_path)
    assert other.used == ("B.SRT (same name)",)
    assert len(other.sources) == 1, "one that knows its camera is sealed without logs of others"


def test_a_raw_picture_beside_the_one_made_of_it_is_the_same_exposure(tmp_path, cards):
    from PIL import Image

    for name in ("DCIM/DJI_0001.JPG", "DCIM/DJI_0002.JPG"):
        cards.write_jpeg(tmp_path / name, cards.GOOD)
    for name in ("DJI_0001.DNG", "DJI_0003.DNG"):
        Image.new("RGB", (40, 30)).save(tmp_path / "DCIM" / name, format="TIFF")
    found = open_recordings(tmp_path)
    (recording,) = found.recordings
    assert [path.name for path in recording.paths] == ["DJI_0001.JPG", "DJI_0002.JPG", "DJI_0003.DNG"]
    assert [(one.name, one.why) for one in found.left_out] == [("DCIM/DJI_0001.DNG", "the raw picture of DJI_0001.JPG")]


def test_a_stated_file_that_poses_nothing_is_refused_and_nothing_takes_its_place(tmp_path, cards):
    clip = cards.write_mp4(tmp_path / "A.MP4", 3)
    cards.write_srt(tmp_path / "A.SRT", 3)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(MediaError, match=r"notes\.txt poses nothing: no format of positions"):
        open_recordings(clip, track=tmp_path / "notes.txt")
