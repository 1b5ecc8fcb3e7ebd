"""DJI subtitles: every variant and every real file, with the traps of each by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import VedetteError
from telemetry.logs.subtitle_cues import read_cues
from telemetry.logs.subtitle_file import read_subtitles
from telemetry.tracks.track_errors import SourceError

LOCAL_2022_08_07_13_40_40 = 1_659_879_640


@pytest.fixture(scope="session")
def srt(shared_data):
    return shared_data / "srt"


# name -> samples, first latitude, longitude, height over sea level (NaN: only over take-off), horizontal view
REAL = {
    "MAVIC3.srt": (12318, 3.41531, -3.3744, 0.401, 71.59),
    "air2s.srt": (17, 41.424724, 2.234156, 117.0, 71.59),
    "broken_incomplete.SRT": (19, -34.7383, -58.4563, np.nan, np.nan),
    "broken_incomplete2.SRT": (4, -34.86995, -57.823395, 74.725998, 63.44),
    "m2zoom.SRT": (7113, 31.452012, 74.398751, 213.983002, 71.59),
    "matrice_300.srt": (381, 36.6146, -6.1120, np.nan, np.nan),
    "mavic_air2.srt": (25, 41.420684, 2.162162, 27.3, 71.59),
    "mavic_mini.SRT": (117, 48.0771, -121.7458, np.nan, np.nan),
    "mavic_pro.SRT": (468, -20.2533, 149.0251, np.nan, np.nan),
    "old_format.SRT": (468, -20.2533, 149.0251, np.nan, np.nan),
    "p4_rtk.SRT": (55, -34.237922, -58.851745, np.nan, np.nan),
    "p4p_sample.SRT": (5, 47.4692, 8.2090, np.nan, np.nan),
}


@pytest.mark.parametrize("name", REAL)
def test_every_real_file_gives_what_its_first_cue_says(srt, name):
    samples, lat, lon, alt_amsl_m, hfov = REAL[name]
    track = read_subtitles(srt / name)
    assert len(track) == samples
    assert (track.lat_deg[0], track.lon_deg[0]) == (lat, lon)
    np.testing.assert_equal(track.alt_amsl_m[0], alt_amsl_m)
    np.testing.assert_allclose(track.hfov_deg[0], hfov, atol=0.01)
    assert (np.diff(track.t_utc_ns) > 0).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken_empty.SRT", "no subtitle cue"),
        ("broken_empty2.SRT", "no subtitle cue"),
        ("mavic_air.SRT", "none of its 2 cues states a position"),
    ],
)
def test_files_without_any_position_say_why(srt, name, words):
    with pytest.raises(SourceError, match=words):
        read_subtitles(srt / name)


def test_phantom_4_rtk_gives_platform_and_gimbal_angles(srt):
    track = read_subtitles(srt / "p4_rtk.SRT")
    assert track.gimbal_frame == "earth"
    assert (track.pitch_deg[1], track.roll_deg[1], track.yaw_deg[1]) == (3.0, -19.9, 110.3)
    assert (track.gimbal_pitch_deg[1], track.gimbal_roll_deg[1], track.gimbal_yaw_deg[1]) == (-24.4, 0.0, 110.5)


def test_local_time_becomes_utc_only_with_a_zone(srt):
    kinds = {problem.kind for problem in read_subtitles(srt / "air2s.srt").problems}
    assert "time_zone_unknown" in kinds
    track = read_subtitles(srt / "air2s.srt", utc_offset_s=7200.0)
    assert "time_zone_unknown" not in {problem.kind for problem in track.problems}
    assert track.t_utc_ns[0] == LOCAL_2022_08_07_13_40_40 * 1_000_000_000 + 774_808_000 - 7200 * 1_000_000_000


def test_height_over_take_off_needs_the_take_off_height(srt):
    assert "altitude_relative_only" in {p.kind for p in read_subtitles(srt / "p4_rtk.SRT").problems}
    track = read_subtitles(srt / "p4_rtk.SRT", home_alt_amsl_m=30.0)
    assert track.alt_amsl_m[0] == pytest.approx(115.8)
    assert np.isfinite(track.alt_hae_m).all()


def test_a_recording_without_date_starts_when_it_is_said_to(srt):
    assert read_subtitles(srt / "mavic_mini.SRT").t_utc_ns[0] == 0
    track = read_subtitles(srt / "mavic_mini.SRT", start_utc_ns=1_600_000_000_000_000_000)
    assert track.t_utc_ns[0] == 1_600_000_000_000_000_000
    assert track.t_utc_ns[-1] - track.t_utc_ns[0] == 116_000_000_000


def cue(i: int, body: str, *, start: str = "") -> str:
    return f"{i}\n{start or f'00:00:{i:02d},000'} --> 00:00:{i + 1:02d},000\n{body}\n\n"


VARIANTS = {
    "A, Air 2S": (
        "2022-08-07 13:40:40,774,808\n[iso : 100] [fnum : 280] [focal_len : 240] [latitude: 41.424801] "
        "[longitude: 2.233717] [altitude: 117.000000]",
        (41.424801, 2.233717, 117.0),
    ),
    "B, Mini 5 Pro": (
        "2025-09-30 10:00:00.000\n[fnum: 1.8] [focal_len: 24.00] [latitude: 53.365108] [longitude: 6.460719] "
        "[rel_alt: 6.000 abs_alt: -122.769] [ct: 5263]",
        (53.365108, 6.460719, -122.769),
    ),
    "C, P4 RTK": (
        "F/5.6, SS 400, ISO 100, EV 0, GPS (-58.851745, -34.237922, 15), HOME (-58.847509, -34.232707, -57.98m), "
        "D 698.70m, H 85.80m, H.S 0.00m/s, F.PRY (2.7°, -7.0°, 110.1°), G.PRY (-24.4°, 0.0°, 110.4°)",
        (-34.237922, -58.851745, np.nan),
    ),
    "D, M300": ("2022.06.21 16:06:17\nGPS(36.6146,-6.1120,0.0M) BAROMETER:0.3M", (36.6146, -6.1120, np.nan)),
    "E, Mini 3": (
        "2024-01-01 10:00:00.000\n[latitude: 59.302335] [longitude: 18.203059] [rel_alt: 1.300 abs_alt: 132.860]",
        (59.302335, 18.203059, 132.860),
    ),
    "enterprise, with angles": (
        "2024-01-01 10:00:00.000\n[latitude: 47.1] [longitude: 8.1] [rel_alt: 1.0 abs_alt: 500.0] "
        "[gb_yaw: 12.5 gb_pitch: -45.0 gb_roll: 0.0]",
        (47.1, 8.1, 500.0),
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant(tmp_path, name):
    body, (lat, lon, alt) = VARIANTS[name]
    path = tmp_path / "x.srt"
    path.write_text(cue(1, body), encoding="utf-8")
    track = read_subtitles(path)
    assert (track.lat_deg[0], track.lon_deg[0]) == (lat, lon)
    np.testing.assert_equal(track.alt_amsl_m[0], alt)


def test_enterprise_gimbal_angles_are_read(tmp_path):
    path = tmp_path / "x.srt"
    path.write_text(cue(1, VARIANTS["enterprise, with angles"][0]))
    track = read_subtitles(path)
    assert (track.gimbal_yaw_deg[0], track.gimbal_pitch_deg[0], track.gimbal_roll_deg[0]) == (12.5, -45.0, 0.0)


@pytest.mark.parametrize(
    ("text", "focal_mm"),
    [
        ("[fnum : 280] [focal_len : 240]", 24.0),
        ("[fnum: 1.8] [focal_len: 24.00]", 24.0),
        ("[fnum : 280] [focal_len : 280]", 28.0),
        ("[fnum: 2.8] [focal_len: 48.00] [dzoom_ratio: 10000, delta:0]", 48.0),
        ("[fnum: 2.8] [focal_len: 24.00] [dzoom_ratio: 20000, delta:0]", 48.0),
    ],
)
def test_focal_length_is_scaled_or_literal(text, focal_mm):
    cues = read_cues(cue(1, f"[latitude: 1.0] [longitude: 2.0] {text}"))
    # a 4:3 frame as long across as 36 x 24 mm: diagonal 43.27, width 0.8 of it
    expected = 2 * np.degrees(np.arctan(0.8 * np.hypot(36, 24) / 2 / focal_mm))
    assert cues.columns["hfov_deg"][0] == pytest.approx(expected, abs=0.02)


def test_the_misspelt_longitude(tmp_path):
    cues = read_cues(cue(1, "[latitude : -34.869950] [longtitude : -57.823395]"))
    assert cues.columns["lon_deg"][0] == -57.823395


def test_a_cue_at_sixty_seconds():
    cues = read_cues("60\n00:00:60,000 --> 00:00:61,000\n[latitude: 1.0] [longitude: 2.0]\n")
    assert cues.start_ns.tolist() == [60_000_000_000]


def test_zero_zero_before_lock_is_no_position(tmp_path):
    body = "2024-01-01 10:00:{:02d}.000\n[latitude: {}] [longitude: {}] [rel_alt: 1.0 abs_alt: 500.0]"
    path = tmp_path / "x.srt"
    cues = [cue(i, body.format(i, *(("0.000000", "0.000000") if i < 3 else ("47.1", "8.1")))) for i in range(1, 8)]
    path.write_text("".join(cues))
    track = read_subtitles(path)
    assert len(track) == 5
    assert track.lat_deg.min() == 47.1
    assert "no_fix" in {problem.kind for problem in track.problems}


def test_whole_second_stamps_follow_the_cue_times(tmp_path):
    """Two cues of one second are not duplicates: the video's own times tell them apart."""
    cues = []
    for i in range(10):
        stamp = f"2022.06.21 16:06:{17 + (i * 500 + 300) // 1000:02d}"
        body = f"{stamp}\nGPS(36.6146,-6.1120,0.0M)"
        start = f"00:00:{i // 2:02d},{500 * (i % 2):03d}"
        cues.append(cue(i + 1, body, start=start))
    path = tmp_path / "x.srt"
    path.write_text("".join(cues))
    track = read_subtitles(path)
    assert len(track) == 10
    np.testing.assert_array_equal(np.diff(track.t_utc_ns), 500_000_000)


@pytest.mark.parametrize("year", ["8017", "0001", "9999"])
def test_a_year_that_cannot_be_is_no_stamp(year):
    cues = read_cues(cue(1, f"HOME(149.0251,-20.2532) {year}.08.05 14:11:51\nGPS(149.0251,-20.2533,16)"))
    assert cues.stamp_ns.tolist() == [-1]


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(alphabet=st.sampled_from("0123456789:,.-> \n[]()latitudeongGPSHF.PRYMm°/\x00"), max_size=400),
    body=st.sampled_from([body for body, _ in VARIANTS.values()]),
    cut=st.integers(0, 500),
)
def test_any_text_ends_in_our_own_error_or_a_track(tmp_path_factory, text, body, cut):
    path = tmp_path_factory.mktemp("fuzz") / "x.srt"
    path.write_text((cue(1, body) + text + cue(2, body))[:cut] + text, encoding="utf-8")
    try:
        track = read_subtitles(path)
    except VedetteError:
        return
    assert (np.abs(track.lat_deg) <= 90).all()


def test_an_order_of_day_and_month_that_nothing_tells_is_said(tmp_path):
    for name, date in (("unsure", "01/05/2024"), ("sure", "01.05.2024")):
        body = f"{date} 10:00:01\n[latitude: 48.5] [longitude: 11.5] [rel_alt: 1.0 abs_alt: 500.0]"
        (tmp_path / f"{name}.srt").write_text(cue(1, body))
    said = {name: read_subtitles(tmp_path / f"{name}.srt").problems for name in ("unsure", "sure")}
    assert [problem.kind for problem in said["unsure"]].count("date_order") == 1
    assert "date_order" not in [problem.kind for problem in said["sure"]]
