"""Sources beside the usual ones: other tables, other subtitles, GPX and NMEA."""

from __future__ import annotations

import numpy as np
import pytest

from telemetry.logs.wall_clock import read_wall_clock
from telemetry.tracks.sources import SourceFormat, SourceOptions, read_track, sniff
from telemetry.tracks.track_errors import SourceError

T0 = 1_714_557_600_000_000_000  # 2024-05-01T10:00:00Z


def test_autel_subtitles_letter_their_numbers(tmp_path):
    path = tmp_path / "MAX_0001.ASS"
    lines = [
        f"Dialogue: 0,0:00:{i:02d}.00,0:00:{i + 1:02d}.00,Default,,0,0,0,,"
        f"HOME(-100.5001, 31.5002) 2021.5.4 16:49:{24 + i}"
        rf"\NGPS(W: -100.5000, N: 31.500{i}, -37) ReH:{5 * i} \NISO:100 SHUTTER:1000 EV:0 F-NUM:2.8"
        for i in range(3)
    ]
    path.write_text(
        "[Script Info]\nTitle: Autel\n\n[Events]\nFormat: Layer, Start, End, Text\n" + "\n".join(lines) + "\n"
    )
    assert sniff(path.read_bytes()) is SourceFormat.SUBTITLES
    track = read_track(path, SourceOptions(home_alt_amsl_m=600.0, utc_offset_s=0.0))
    np.testing.assert_allclose(track.lat_deg, [31.5, 31.5001, 31.5002])
    np.testing.assert_allclose(track.lon_deg, -100.5)
    np.testing.assert_allclose(track.alt_amsl_m, [600, 605, 610])
    assert track.t_utc_ns[0] == 1_620_146_964_000_000_000
    np.testing.assert_array_equal(np.diff(track.t_utc_ns), 10**9)


CUE = "1\n00:00:01,000 --> 00:00:02,000\n{0}\n\n"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("GPS(39.906217,116.391305,69.8) BAROMETER(91.2)", (39.906217, 116.391305)),
        ("GPS(116.391305,39.906217,16) BAROMETER(91.2)", (39.906217, 116.391305)),
        ("ISO 100, RTK (101.083799, 33.213635, 28), D 75.36m, H 91.2m, V.S 0.0m/s", (33.213635, 101.083799)),
        ("GPS(8.5,47.4,16) BAROMETER(91.2)", (47.4, 8.5)),
        ("GPS(36.6146,-6.1120,0.0M) BAROMETER:91.2M", (36.6146, -6.112)),
    ],
)
def test_a_number_over_ninety_settles_the_order(tmp_path, body, place):
    path = tmp_path / "a.srt"
    path.write_text(CUE.format(body))
    track = read_track(path, SourceOptions(home_alt_amsl_m=50.0))
    assert (track.lat_deg[0], track.lon_deg[0]) == place
    assert track.alt_amsl_m[0] == pytest.approx(141.2)


def test_flight_reader_in_feet_with_a_clock_of_twelve_hours(tmp_path):
    head = (
        "CUSTOM.date [local],CUSTOM.updateTime [local],OSD.flyTime [s],OSD.latitude,OSD.longitude,OSD.height [ft],"
        "OSD.altitude [ft],OSD.yaw,OSD.pitch,OSD.roll,GIMBAL.pitch,GIMBAL.yaw,GIMBAL.roll\n"
    )
    rows = "".join(
        f"5/1/2024,12:00:0{i // 5}.{i % 5 * 20:02d} PM,{i * 0.2:.1f},48.0,11.0,328.1,1968.5,90,1,2,-45,95,0\n"
        for i in range(10)
    )
    path = tmp_path / "fr.csv"
    path.write_text(head + rows)
    track = read_track(path, SourceOptions(utc_offset_s=7200.0))
    assert track.t_utc_ns[0] == T0, "noon at +02:00"
    assert track.t_utc_ns[-1] - track.t_utc_ns[0] == 1_800_000_000
    assert track.alt_amsl_m[0] == pytest.approx(1968.5 * 0.3048)
    assert track.beside["alt_rel_home_m"][0] == pytest.approx(328.1 * 0.3048)
    assert (track.yaw_deg[0], track.gimbal_yaw_deg[0], track.gimbal_pitch_deg[0]) == (90, 95, -45)


@pytest.mark.parametrize(
    ("separator", "comma", "stamp"),
    [(";", ",", "2024-05-01 10:00:00"), (",", ".", "5/1/2024 10:00:00 AM"), (";", ",", "1.5.2024 10:00:00")],
)
def test_airdata_with_semicolons_and_with_a_twelve_hour_clock(tmp_path, separator, comma, stamp):
    if stamp.startswith("1.5"):
        stamp = "13.5.2024 10:00:00"
    names = ["time(millisecond)", "datetime(utc)", "latitude", "longitude", "altitude_above_seaLevel(meters)"]
    lines = [separator.join(names)]
    for i in range(5):
        cells = [str(100 * i), stamp, f"{48 + i * 1e-6:.6f}", "11.5", "600.25"]
        lines.append(separator.join(cell if i == 1 else cell.replace(".", comma) for i, cell in enumerate(cells)))
    path = tmp_path / "ad.csv"
    path.write_text("\n".join(lines))
    track = read_track(path)
    np.testing.assert_allclose(track.lat_deg, 48 + np.arange(5) * 1e-6)
    assert (track.lon_deg[0], track.alt_amsl_m[0]) == (11.5, 600.25)
    assert track.t_utc_ns[0] == T0 + (12 * 86_400 * 10**9 if stamp.startswith("13") else 0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("5/1/2024 12:00:00 AM", (2024, 5, 1, 0, 0, 0)),
        ("5/1/2024 12:00:00.5 PM", (2024, 5, 1, 12, 0, 0)),
        ("31/1/2024 23:59:59", (2024, 1, 31, 23, 59, 59)),
        ("2024-05-01T10:00:00", (2024, 5, 1, 10, 0, 0)),
    ],
)
def test_dates_as_people_write_them(text, moment):
    found = read_wall_clock(text)
    assert (found.year, found.month, found.day, found.hour, found.minute, found.second) == moment


@pytest.mark.parametrize("text", ["", "5/1/2024", "13/13/2024 10:00:00", "99/99/9999 99:99:99 PM", "10:00:00"])
def test_what_is_no_date(text):
    assert read_wall_clock(text) is None


GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"  # the example every NMEA reference prints
RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"


def test_nmea_of_the_textbook(tmp_path):
    path = tmp_path / "log.nmea"
    path.write_text(f"{RMC}\r\n{GGA}\r\n{GGA.replace('*47', '*48')}\r\n")
    assert sniff(path.read_bytes()) is SourceFormat.NMEA
    track = read_track(path)
    assert len(track) == 1, "a sentence with a wrong checksum is left out"
    assert track.lat_deg[0] == pytest.approx(48 + 7.038 / 60)
    assert track.lon_deg[0] == pytest.approx(11 + 31 / 60)
    assert track.alt_amsl_m[0] == 545.4
    assert track.t_utc_ns[0] == 764_426_119_000_000_000, "1994-03-23T12:35:19Z"
    assert [problem.kind for problem in track.problems] == ["damaged_bytes"]


def nmea(body):
    total = 0
    for character in body.encode():
        total ^= character
    return f"${body}*{total:02X}\n"


def test_nmea_over_midnight(tmp_path):
    path = tmp_path / "log.txt"
    text = nmea("GNRMC,235958,A,4800.0,N,01100.0,E,0,0,010524,,") + "".join(
        nmea(f"GNGGA,{clock},4800.0,S,01100.0,W,4,12,0.6,500.0,M,46.0,M,,") for clock in ("235958", "235959", "000000")
    )
    path.write_text(text + nmea("GNRMC,000001,A,4800.0,N,01100.0,E,0,0,020524,,"))
    track = read_track(path)
    np.testing.assert_array_equal(np.diff(track.t_utc_ns), 10**9)
    assert (track.lat_deg[0], track.lon_deg[0]) == (-48.0, -11.0)


def test_gpx_with_routes_extensions_and_an_end_cut_off(tmp_path):
    point = '<trkpt lat="48.000{0}" lon="11.0"><ele>600.5</ele><time>2024-05-01T10:00:0{0}Z</time></trkpt>'
    path = tmp_path / "a.gpx"
    head = '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">'
    body = '<rte><rtept lat="1" lon="1"/></rte><trk><trkseg>' + "".join(point.format(i) for i in range(4))
    path.write_text(f"{head}{body}")
    track = read_track(path)
    np.testing.assert_allclose(track.lat_deg, [48.0, 48.0001, 48.0002, 48.0003])
    assert track.t_utc_ns[0] == T0
    assert {problem.kind for problem in track.problems} >= {"cut_short", "time"}


@pytest.mark.parametrize("time", ["", "<time>1970-01-15T18:00:00Z</time>"])
def test_gpx_without_a_single_time_of_a_flight_says_so(tmp_path, time):
    """Said before: that it holds no positions, which it does."""
    point = f'<trkpt lat="48.0" lon="11.0"><ele>600.5</ele>{time}</trkpt>'
    head = '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">'
    path = tmp_path / "t.gpx"
    path.write_text(f"{head}<trk><trkseg>{point * 3}</trkseg></trk></gpx>")
    with pytest.raises(SourceError, match="3 points state no time of a flight .*unset clocks 1970"):
        read_track(path)


def test_gpx_of_the_future_is_read_and_said(tmp_path):
    points = "".join(
        f'<trkpt lat="48.000{i}" lon="11.0"><ele>600.5</ele><time>2094-05-01T10:00:0{i}Z</time></trkpt>'
        for i in range(3)
    )
    (tmp_path / "a.gpx").write_text(f'<gpx version="1.1"><trk><trkseg>{points}</trkseg></trk></gpx>')
    (found,) = [one for one in read_track(tmp_path / "a.gpx").problems if one.kind == "clock_ahead"]
    assert "its times reach to 2094-05-01T10:00:02 UTC, and this computer's clock says 20" in found.message


def test_gpx_with_entities_is_refused(tmp_path):
    path = tmp_path / "a.gpx"
    path.write_text('<!DOCTYPE gpx [<!ENTITY a "b">]><gpx><trk/></gpx>')
    with pytest.raises(SourceError, match="entities"):
        read_track(path)
