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
