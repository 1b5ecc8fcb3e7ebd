"""Every real file gives a track, or an error that names what is wrong; formats are told by content."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import VedetteError
from telemetry.tracks.sources import SourceFormat, SourceOptions, read_track, sniff
from telemetry.tracks.track_errors import SourceError

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = sorted(
    str(path.relative_to(ROOT)) for folder in ("srt", "logs", "klv", "photos") for path in (ROOT / folder).rglob("*.*")
)

UNUSABLE = {
    "srt/broken_empty.SRT": "the file is empty",
    "srt/broken_empty2.SRT": "cut short",
    "srt/mavic_air.SRT": "none of its 2 cues states a position",
    "klv/klvdata/DynamicConstantMISMMSPacketData.bin": "checksum",
    "klv/kwiver/videos/h264_audio.ts": "no KLV packet",
    "klv/kwiver/videos/h264_no_klv.ts": "no KLV packet",
    "klv/jmisb/0903.bin": "KLV",
    "photos/openathena/S1008521.tiff": "no GPS position",
    "photos/openathena/cobb.tiff": "no GPS position",
    "photos/openathena/skydio-catilina-dem.tiff": "no GPS position",
    "photos/openathena/oa-calculate.png": "no GPS position",
}
NO_SOURCE = (".md", ".json", ".dumped", "-json", "LICENSE")
"""Texts that lie beside the data: no source of positions at all."""


@pytest.mark.skipif(not FILES, reason="the real data folder ../shared/data is not beside this checkout")
@pytest.mark.parametrize("name", FILES or ["none"])
def test_every_real_file_gives_a_track_or_says_what_is_wrong(shared_data, name):
    if name in UNUSABLE or name.endswith(NO_SOURCE):
        with pytest.raises(VedetteError) as caught:
            read_track(shared_data / name)
        assert UNUSABLE.get(name, "known are: MAVLink") in str(caught.value)
        assert Path(name).name in str(caught.value)
        return
    track = read_track(shared_data / name)
    assert len(track) >= 1
    assert (np.diff(track.t_utc_ns) > 0).all()
    assert (np.abs(track.lat_deg) <= 90).all()
    assert (np.abs(track.lon_deg) <= 180).all()
    assert not ((track.lat_deg == 0) & (track.lon_deg == 0)).any()
    assert not track.lat_deg.flags.writeable


CONTENT = {
    "logs/ardupilot/vtol.tlog": SourceFormat.TLOG,
    "logs/pymavlink/test.BIN": SourceFormat.DATAFLASH,
    "logs/px4/sample_log_small.ulg": SourceFormat.ULOG,
    "photos/openathena/S1008521.JPG": SourceFormat.PICTURE,
    "klv/klvdata/Cheyenne.bin": SourceFormat.KLV,
    "klv/jmisb/generator_output.mpeg": SourceFormat.KLV,
    "klv/sitrec/misb/misb2.csv": SourceFormat.MISB_CSV,
    "klv/sitrec/misb/day.klv": SourceFormat.KLV,
    "srt/p4_rtk.SRT": SourceFormat.SUBTITLES,
    "srt/broken_incomplete2.SRT": SourceFormat.SUBTITLES,
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_format_is_known_under_any_name(shared_data, tmp_path, name):
    copy = tmp_path / "no ending"
    shutil.copyfile(shared_data / name, copy)
    assert sniff(copy.read_bytes()[:65536]) is CONTENT[name]
    assert len(read_track(copy)) == len(read_track(shared_data / name))


@pytest.mark.parametrize("name", CONTENT)
def test_a_time_over_a_day_after_now_is_said_of_every_format_and_kept(shared_data, name):
    """Local time taken for UTC is at most 14 hours ahead; whose clock is wrong nobody knows, so nothing is lost."""
    plain = read_track(shared_data / name)
    last_ns, day_ns = int(plain.t_utc_ns[-1]), 86_400_000_000_000
    for now_ns, said in ((last_ns - day_ns, False), (last_ns - day_ns - 1, True)):
        track = read_track(shared_data / name, SourceOptions(clock=lambda now_ns=now_ns: now_ns))
        assert [problem.kind for problem in track.problems].count("clock_ahead") == said
        np.testing.assert_array_equal(track.t_utc_ns, plain.t_utc_ns)
    assert "clock_ahead" not in {problem.kind for problem in plain.problems}


@pytest.mark.parametrize("name", ["logs/ardupilot/vtol.tlog", "logs/dronekit-la/log171.bin"])
def test_a_log_whose_first_bytes_are_lost_is_still_read(shared_data, tmp_path, name):
    copy = tmp_path / "log"
    lost = bytes(range(1, 200)) if "tlog" in name else b"lost"
    copy.write_bytes(lost + (shared_data / name).read_bytes())
    track = read_track(copy)
    assert len(track) == len(read_track(shared_data / name))
    damaged = [problem for problem in track.problems if problem.kind == "damaged_bytes"]
    assert [problem.offset for problem in damaged] == [0]


def test_a_table_of_st0601_items(shared_data):
    track = read_track(shared_data / "klv/sitrec/misb/misb2-agua.csv")
    assert len(track) == 7028
    assert track.t_utc_ns[0] == 1_678_451_340_000_000_000
    assert (track.lat_deg[0], track.lon_deg[0], track.alt_amsl_m[0]) == (18.5025, -67.09666667, 571.5)
    assert (track.lat_deg[-1], track.alt_amsl_m[-1]) == (18.385, 1382.5728)
    assert (track.gimbal_yaw_deg[0], track.gimbal_pitch_deg[0]) == (123.1234567, -1.123456789)
    assert np.isnan(track.gimbal_yaw_deg[100]), "angles that are stated once are not carried on for minutes"
    assert track.gimbal_frame == "body"


AIRDATA = (
    "time(millisecond),datetime(utc),latitude,longitude,height_above_takeoff({0}),altitude_above_seaLevel({0}),"
    "compass_heading(degrees), pitch(degrees), roll(degrees),gimbal_heading(degrees),gimbal_pitch(degrees),"
    "gimbal_roll(degrees),message\n"
)


@pytest.mark.parametrize(("unit", "factor"), [("feet", 0.3048), ("meters", 1.0)])
def test_airdata_export_in_feet_and_metres(tmp_path, unit, factor):
    lines = [
        f"{100 * i},2024-05-01 18:00:{(i * 100 + 250) // 1000:02d},{47 + 1e-6 * i:.7f},8.0,{10 + i},{1000 + i},"
        f'{350 + i},1.0,-2.0,{355 + i},-45.0,0.0,"=HYPERLINK(1)"'
        for i in range(40)
    ]
    path = tmp_path / "log.csv"
    path.write_text(AIRDATA.format(unit) + "\n".join(lines))
    track = read_track(path)
    assert len(track) == 40
    np.testing.assert_array_equal(np.diff(track.t_utc_ns), 100_000_000)
    # the clock turns over 250 ms early, so row 8 (800 ms) is the first of second 1: 18:00:01 - 0.8 s
    assert abs(track.t_utc_ns[0] - 1_714_586_400_250_000_000) <= 100_000_000
    np.testing.assert_allclose(track.alt_amsl_m, (1000 + np.arange(40)) * factor)
    np.testing.assert_allclose(np.mod(track.gimbal_yaw_deg, 360), np.mod(355 + np.arange(40), 360))
    assert track.gimbal_frame == "earth"
    high = read_track(path, SourceOptions(home_alt_amsl_m=500.0))
    np.testing.assert_allclose(high.alt_amsl_m, 500 + (10 + np.arange(40)) * factor)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"ULogEnc" + bytes(100), "encrypted PX4 log"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip archive; unpack it first"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "HEIC picture; convert it"),
    ],
)
def test_what_people_try_gets_advice(tmp_path, head, words):
    path = tmp_path / "x.bin"
    path.write_bytes(head)
    with pytest.raises(SourceError, match=words):
        read_track(path)


def test_a_year_that_cannot_be_is_no_clock(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("time(millisecond),datetime(utc),latitude,longitude\n0,9999-05-01 18:00:00,47.0,8.0\n")
    track = read_track(path)
    assert track.t_utc_ns[0] == 0
    assert "no_date" in {problem.kind for problem in track.problems}


def test_a_missing_file_and_a_folder_are_said_plainly(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_track(tmp_path / "none.tlog")
    with pytest.raises(SourceError, match="directory"):
        read_track(tmp_path)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_a_format_or_none(tmp_path_factory, head):
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_bytes(head)
    if sniff(head) is SourceFormat.KLV:
        return  # container reading starts a process; its own tests feed it damage
    with pytest.raises(VedetteError):
        read_track(path)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from(["time(millisecond)", "latitude", "longitude", "datetime(utc)", "x"]), max_size=6),
    cells=st.lists(st.lists(st.sampled_from(["0", "1e999", "nan", "-1", "47.1", '"', "=1+1", "", "\x01"]), max_size=6)),
)
def test_any_table_ends_in_our_own_error_or_a_track(tmp_path_factory, names, cells):
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    header = ["time(millisecond)", "latitude", "longitude", *names]
    path.write_text("\n".join(",".join(row) for row in [header, *cells]))
    try:
        track = read_track(path)
    except VedetteError:
        return
    assert (np.diff(track.t_utc_ns) > 0).all()
