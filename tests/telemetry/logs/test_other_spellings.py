"""One flight as other programs, countries and cameras write it: every spelling gives the same place and time."""

from __future__ import annotations

import datetime as dt
import functools
import operator

import numpy as np
import pytest

from telemetry.logs.wall_clock import find_wall_clock, read_column, read_wall_clock
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.sources import SourceOptions, read_track
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

EVENING = int(dt.datetime(2024, 5, 1, 22, 0, 0, tzinfo=dt.UTC).timestamp()) * 10**9
"""No date in it can be read with the day for the month unseen (January the fifth), no hour with its half."""


def spelt(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def cues(body, start="00:00:0{i}.000 --> 00:00:0{j}.000"):
    lines = [f"{start.format(i=i, j=i + 1)}\n{body.format(i=i)}\n\n" for i in range(3)]
    return "".join(f"{i + 1}\n{line}" for i, line in enumerate(lines))


NAMED = "[latitude: 48.5] [longitude: 11.25] [rel_alt: 100.0 abs_alt: 600.0]"


@pytest.mark.parametrize(
    "body",
    [
        "2024-05-01 22:00:0{i}.000\n" + NAMED,
        "2024/05/01 22:00:0{i}\n" + NAMED,
        "2024-05-01T22:00:0{i}.000Z\n" + NAMED,
        "2024-05-01 10:00:0{i} PM\n" + NAMED,
        "05/01/2024 10:00:0{i} p.m.\n" + NAMED,
        "1.5.2024 22:0:{i}\n" + NAMED,
        "2024-05-01 22:00:0{i},000\n[latitude: 48,5] [longitude: 11,25] [rel_alt: 100,0 abs_alt: 600,0]",
        "2024-05-01 22:00:0{i}.000\n[latitude: 4.85e1] [longitude: 1.125e+01] [rel_alt: 100.0 abs_alt: 600.0]",
        "2024-05-01 22:00:0{i}.000\nlatitude=48.5, longitude=11.25, rel_alt=100, abs_alt=600",
        "2024-05-01 22:00:0{i}.000\nLat: 48.5, Lon: 11.25, Alt: 600.0m, RelAlt: 100.0m",
        "2024-05-01 22:00:0{i}.000\nlat: 48.5, lon: 11.25, alt: 1968.504 ft, RelAlt: 328.084 ft",
        "2024-05-01 22:00:0{i}.000\nGPS(11,250000,48,500000,19) BAROMETER:100.0 abs_alt: 600",
        "2024-05-01 22:00:0{i}.000\nGPS (11,25, 48,5, 19) BAROMETER:100.0 abs_alt: 600",
        "2024-05-01 22:00:0{i}.000\nGPS(48.5N,11.25E,19) BAROMETER:100.0 abs_alt: 600",
        "2024-05-01 22:00:0{i}.000\nGPS(11.25° E; 48.5° N) BAROMETER:100.0 abs_alt: 600",
        "2024-05-01 22:00:0{i}.000\nGPS(E: 11.25, N: 48.5, 600.0m) ReH:100 abs_alt: 600",
        "2024-05-01 22:00:0{i}.000\nF/2.8, GPS (11.25, 48.5, 15), D 10.0ft, H 328.084ft, abs_alt: 600",
    ],
)
def test_cues(tmp_path, body):
    track = read_track(spelt(tmp_path / "a.srt", cues(body)), SourceOptions(utc_offset_s=0.0))
    assert len(track) == 3
    assert track.t_utc_ns[0] == EVENING
    assert (track.lat_deg[0], track.lon_deg[0]) == pytest.approx((48.5, 11.25))
    assert track.alt_amsl_m[0] == pytest.approx(600.0)
    assert track.beside["alt_rel_home_m"][0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("place", "lat_deg", "lon_deg"),
    [
        ("W: -100.5, N: 31.5, -37", 31.5, -100.5),
        ("N: 31.5, W: -100.5, -37", 31.5, -100.5),
        ("S: 33.5, W: 70.5, 37", -33.5, -70.5),
        ("E: 149.5, N: -20.25, 37", -20.25, 149.5),
        ("70.5 W, 33.5 S", -33.5, -70.5),
    ],
)
def test_letters_tell_the_axis_and_the_side(tmp_path, place, lat_deg, lon_deg):
    track = read_track(spelt(tmp_path / "a.srt", cues(f"2024-05-01 22:00:0{{i}}\nGPS({place}) ReH:5")))
    assert (track.lat_deg[0], track.lon_deg[0]) == (lat_deg, lon_deg)


@pytest.mark.parametrize("place", ["48.5 N, 11.25", "N 48.5, S 11.25", "48.5"])
def test_a_place_that_cannot_be_told_is_none(tmp_path, place):
    with pytest.raises(SourceError, match="none of its 3 cues states a position"):
        read_track(spelt(tmp_path / "a.srt", cues(f"GPS({place}) ReH:5")))


@pytest.mark.parametrize("twice", ["latitude: 48.5 lat: 1.0", "lat: 1.0 latitude: 48.5"])
def test_of_several_names_in_one_cue_the_first_known_counts(tmp_path, twice):
    body = f"2024-05-01 22:00:0{{i}}.000\n{twice} longitude: 11.25 abs_alt: 600"
    track = read_track(spelt(tmp_path / "a.srt", cues(body)), SourceOptions(utc_offset_s=0.0))
    assert track.lat_deg[0] == pytest.approx(48.5)


def test_a_zone_that_cues_state_is_taken_and_nothing_is_named(tmp_path):
    body = "2024-05-02T00:00:0{i}.000+02:00\n" + NAMED
    track = read_track(spelt(tmp_path / "a.srt", cues(body)), SourceOptions(utc_offset_s=-3600.0))
    assert track.t_utc_ns[0] == EVENING
    assert track.problems == ()


def test_web_video_text_leaves_out_the_hours(tmp_path):
    text = "WEBVTT\n\n" + cues("2024-05-01 22:00:0{i}.000\n" + NAMED, "00:0{i}.000 --> 00:0{j}.000 align:start")
    assert read_track(spelt(tmp_path / "a.vtt", text)).t_utc_ns[0] == EVENING


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        *((kind, encoding) for kind in ("srt", "csv", "gpx") for encoding in ("utf-8-sig", "utf-16")),
        ("srt", "utf-32"),
        ("csv", "utf-32"),
    ],
)
def test_any_encoding_that_states_itself(tmp_path, kind, encoding):
    point = '<trkpt lat="48.5" lon="11.25"><ele>600</ele><time>2024-05-01T22:00:00Z</time></trkpt>'
    gpx = f'<?xml version="1.0"?><gpx><trk><trkseg>{point}</trkseg></trk></gpx>'
    text = {"srt": cues("2024-05-01 22:00:0{i}\n" + NAMED), "csv": airdata(), "gpx": gpx}[kind]
    track = read_track(spelt(tmp_path / f"a.{kind}", text, encoding))
    assert (track.t_utc_ns[0], track.lat_deg[0], track.alt_amsl_m[0]) == (EVENING, 48.5, 600.0)


def airdata(clock="2024-05-01 22:00:00", *, separator=",", comma=".", unit="meters", column="datetime(utc)", quote=""):
    unit_m = 0.3048 if unit in ("feet", "ft") else 1.0
    heads = ["time(millisecond)", column, "latitude", "longitude", f"altitude_above_seaLevel({unit})"]
    lines = [separator.join(f"{quote}{head}{quote}" for head in heads)]
    for i in range(3):
        numbers = (f"{number:.6f}".replace(".", comma) for number in (48.5, 11.25, 600 / unit_m))
        cells = [str(100 * i), clock, *numbers]
        lines.append(separator.join(f"{quote}{cell}{quote}" for cell in cells))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        airdata(),
        "sep=,\n" + airdata(),
        "\ufeffsep=;\r\n" + airdata(separator=";", comma=",").replace("\n", "\r\n"),
        "\n\n" + airdata(),
        airdata(separator=";"),
        airdata(separator="\t", comma=","),
        airdata("5/1/2024 10:00:00 PM", separator=";", comma=",", unit="feet"),
        airdata("01.05.2024 22:00:00", separator=";", comma=","),
        airdata("01/05/2024 22:00:00", separator=";", comma=","),
        airdata("May 1, 2024 10:00 PM", separator=";", comma=",", unit="ft"),
        airdata("5/1/24 10:00:00 p.m.", unit="m"),
        airdata("2024-05-01 10:00:00 PM", quote='"', comma=","),
        airdata("2024-05-01 22:00:00 UTC", unit="metres"),
        airdata("2024-05-02 03:30:00+05:30", column="datetime(local)"),
        airdata("2024-05-02 00:00:00", column="datetime(local)"),
    ],
)
def test_tables(tmp_path, text):
    track = read_track(spelt(tmp_path / "a.csv", text), SourceOptions(utc_offset_s=7200.0))
    assert track.t_utc_ns[0] == EVENING
    assert (track.lat_deg[0], track.lon_deg[0]) == (48.5, 11.25)
    assert track.alt_amsl_m[0] == pytest.approx(600.0, abs=1e-3)


@pytest.mark.parametrize(
    ("cell", "height_m"), [('"1,600.5"', 1600.5), ("1600.5", 1600.5), ('"1600,50"', 1600.5), ('"1,600"', None)]
)
def test_a_comma_in_a_number_groups_or_is_the_point_or_is_not_guessed(tmp_path, cell, height_m):
    track = read_track(spelt(tmp_path / "a.csv", airdata().replace("600.000000", cell)))
    if height_m is None:
        assert "altitude_relative_only" in {problem.kind for problem in track.problems}
    else:
        assert track.alt_amsl_m[0] == height_m


def test_flight_reader_of_a_country_with_decimal_commas(tmp_path):
    heads = "CUSTOM.date [local];CUSTOM.updateTime [local];OSD.latitude;OSD.longitude;OSD.altitude [m]"
    rows = "".join(f"01.05.2024;22:00:0{i},25;48,5;11,25;600,0\n" for i in range(3))
    track = read_track(spelt(tmp_path / "a.csv", f"sep=;\n{heads}\n{rows}"), SourceOptions(utc_offset_s=0.0))
    assert track.t_utc_ns[0] == EVENING + 250_000_000
    assert (track.lat_deg[0], track.lon_deg[0], track.alt_amsl_m[0]) == (48.5, 11.25, 600.0)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0, 1e3])
def test_stamps_of_klv_tables_count_in_any_unit(tmp_path, unit):
    stamps = [round((EVENING / 1000 + i * 1e6) * unit) for i in range(3)]
    rows = "".join(f"{stamp},48.5,11.25,600\n" for stamp in stamps)
    head = "Precision Time Stamp,Sensor Latitude,Sensor Longitude,Sensor True Altitude\n"
    assert read_track(spelt(tmp_path / "a.csv", head + rows)).t_utc_ns.tolist() == [
        EVENING + i * 10**9 for i in range(3)
    ]
    dated = "".join(f"2024-05-01T22:00:0{i}Z,48.5,11.25,600\n" for i in range(3))
    assert read_track(spelt(tmp_path / "b.csv", head + dated)).t_utc_ns[2] == EVENING + 2 * 10**9


@pytest.mark.parametrize("kind", ["gpx", "csv"])
def test_latitudes_over_90_stand_in_the_wrong_place_and_that_is_said(tmp_path, kind):
    points = "".join(
        f'<trkpt lat="116.391305" lon="39.906217"><ele>60</ele><time>2024-05-01T22:00:0{i}Z</time></trkpt>'
        for i in range(3)
    )
    gpx = f'<?xml version="1.0"?><gpx><trk><trkseg>{points}</trkseg></trk></gpx>'
    table = airdata().replace("48.500000,11.250000", "116.391305,39.906217")
    track = read_track(spelt(tmp_path / f"a.{kind}", {"gpx": gpx, "csv": table}[kind]))
    assert (track.lat_deg[0], track.lon_deg[0]) == (39.906217, 116.391305)
    assert [problem.kind for problem in track.problems] == ["exchanged"]


def test_a_few_damaged_latitudes_exchange_nothing(tmp_path):
    lines = airdata().splitlines()
    lines[2] = lines[2].replace("48.500000", "148.500000")
    track = read_track(spelt(tmp_path / "a.csv", "\n".join(lines)))
    assert track.lat_deg.tolist() == [48.5, 48.5]
    assert [problem.kind for problem in track.problems] == ["no_fix"]


def nmea(*bodies, checked=True):
    sums = (functools.reduce(operator.xor, body.encode()) for body in bodies)
    return "".join(f"${body}" + f"*{total:02X}" * checked + "\r\n" for body, total in zip(bodies, sums, strict=True))


GGA = "GPGGA,{clock},4830.000,N,01115.000,E,1,08,0.9,600.0,M,46.9,M,,"
RMC = "GPRMC,{clock},A,4830.000,N,01115.000,E,0.0,0.0,{date},,"


@pytest.mark.parametrize("checked", [True, False])
def test_a_log_that_begins_with_fixes_is_dated_by_the_date_after_them(tmp_path, checked):
    text = nmea(
        GGA.format(clock="235958"),
        GGA.format(clock="235959"),
        GGA.format(clock="000000"),
        RMC.format(clock="000000", date="020524"),
        GGA.format(clock="000001"),
        checked=checked,
    )
    track = read_track(spelt(tmp_path / "a.nmea", text))
    assert track.t_utc_ns.tolist() == [EVENING + (7198 + i) * 10**9 for i in range(4)]
    assert track.problems == ()


def test_a_log_whose_date_comes_after_midnight_dates_the_evening_before(tmp_path):
    fixes = [GGA.format(clock=clock) for clock in ("235958", "235959")]
    text = nmea(*fixes, RMC.format(clock="000000", date="020524"), GGA.format(clock="000001"))
    track = read_track(spelt(tmp_path / "a.nmea", text))
    assert (track.t_utc_ns - EVENING).tolist() == [7198 * 10**9, 7199 * 10**9, 7201 * 10**9]


PLACED = {
    "GGA": GGA[2:],
    "GNS": "GNS,{clock},4830.000,N,01115.000,E,ANN,08,0.9,600.0,46.9,,",
    "RMC": RMC[2:],
    "GLL": "GLL,4830.000,N,01115.000,E,{clock},A,A",
}


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "GB", "GQ"])
@pytest.mark.parametrize("kind", PLACED)
def test_any_talker_and_any_sentence_with_a_place(tmp_path, talker, kind):
    rows = [talker + PLACED[kind].format(clock=f"22000{i}.50", date="010524") for i in range(3)]
    text = nmea(talker + "ZDA,220000.50,01,05,2024,00,00", *rows)
    track = read_track(spelt(tmp_path / "a.nmea", text))
    assert (track.t_utc_ns - EVENING).tolist() == [i * 10**9 + 500_000_000 for i in range(3)]
    assert (track.lat_deg[0], track.lon_deg[0]) == (48.5, 11.25)
    heights = kind in ("GGA", "GNS")
    assert track.alt_amsl_m[0] == pytest.approx(600.0 if heights else float("nan"), nan_ok=True)
    assert [problem.kind for problem in track.problems] == ([] if heights else ["no_height"])


@pytest.mark.parametrize(("kind", "fix", "none"), [("GGA", ",1,", ",0,"), ("GNS", "ANN", "NNN"), ("GLL", ",A,", ",V,")])
def test_a_sentence_without_a_fix_is_no_place(tmp_path, kind, fix, none):
    rows = ["GN" + PLACED[kind].format(clock=f"22000{i}") for i in range(3)]
    rows[1] = rows[1].replace(fix, none)
    track = read_track(spelt(tmp_path / "a.nmea", nmea("GPZDA,220000,01,05,2024,00,00", *rows)))
    assert (track.t_utc_ns - EVENING).tolist() == [0, 2 * 10**9]


@pytest.mark.parametrize("hours", [-11, 0, 11])
def test_a_stated_start_dates_a_log_without_a_date(tmp_path, hours):
    path = spelt(tmp_path / "a.nmea", nmea(*(GGA.format(clock=f"22000{i}") for i in range(3))))
    track = read_track(path, SourceOptions(start_utc_ns=EVENING + hours * 3600 * 10**9))
    assert (track.t_utc_ns[0], track.problems) == (EVENING, ())
    assert [problem.kind for problem in read_track(path).problems] == ["no_date"]


def test_heading_and_attitude_of_a_receiver(tmp_path):
    def log(sentence):
        rows = [[GGA.format(clock=f"22000{i}"), sentence.format(i=i)] for i in range(3)]
        return nmea(RMC.format(clock="220000", date="010524"), *sum(rows, []))

    whole = read_track(spelt(tmp_path / "a.nmea", log("PASHR,22000{i}.00,9{i}.0,T,-1.50,2.50,0.10,0.1,0.1,0.2,1,0")))
    assert whole.yaw_deg.tolist() == [90.0, 91.0, 92.0]
    assert (whole.roll_deg[0], whole.pitch_deg[0]) == (-1.5, 2.5)
    compass = read_track(spelt(tmp_path / "b.nmea", log("GPHDT,9{i}.0,T")))
    assert compass.yaw_deg.tolist() == [90.0, 91.0, 92.0]
    assert not np.isfinite(compass.pitch_deg).any()


def test_a_compass_alone_is_bridged_as_such():
    at = np.arange(5, dtype=np.int64) * 200_000_000
    still = dict.fromkeys(("lat_deg", "lon_deg", "alt_hae_m", "alt_amsl_m"), np.full(5, 10.0))
    nan = np.full(3, np.nan)
    compass = Samples(t_ns=at[::2], columns={"yaw_deg": np.array([170, -170, 0.0]), "pitch_deg": nan, "roll_deg": nan})
    sampled = Sampled(position=Samples(t_ns=at, columns=still), attitude=compass)
    track = assemble(sampled, undulation=egm96, source="a", problems=[])
    np.testing.assert_allclose(np.abs(track.yaw_deg), [170.0, 180.0, 170.0, 85.0, 0.0])
    assert not np.isfinite([track.pitch_deg, track.roll_deg]).any()


def gpx(*tracks):
    point = '<trkpt lat="{lat}" lon="11.25"><ele>600</ele><time>2024-05-01T22:00:{s:02d}Z</time></trkpt>'
    rows = ["".join(point.format(lat=lat, s=s) for s in seconds) for lat, seconds in tracks]
    body = "".join(f"<trk><trkseg>{row}</trkseg></trk>" for row in rows)
    return f'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1">{body}</gpx>'


def test_of_two_receivers_in_one_gpx_the_fuller_one_is_followed_and_the_other_named(tmp_path):
    path = spelt(tmp_path / "a.gpx", gpx((49.0, range(1, 20, 2)), (48.5, range(20)), (48.5, range(30, 35))))
    track = read_track(path)
    assert set(track.lat_deg) == {48.5}
    assert len(track) == 25
    assert {problem.kind for problem in track.problems} == {"other_tracks", "dropout"}


def test_a_receiver_that_sends_the_minimum_gives_places_and_says_that_no_height_is_known(tmp_path):
    text = nmea(*(RMC.format(clock=f"22000{i}", date="010524") for i in range(3)))
    track = read_track(spelt(tmp_path / "a.nmea", text))
    assert (track.t_utc_ns[0], track.lat_deg[0], track.lon_deg[0]) == (EVENING, 48.5, 11.25)
    assert [problem.kind for problem in track.problems] == ["no_height"]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("5/1/2024 12:30 AM", (2024, 5, 1, 0, 30, 0, 0)),
        ("1 May 2024 12:30:15.25 PM", (2024, 5, 1, 12, 30, 15, 250_000)),
        ("01-Sep-24 07:05:09", (2024, 9, 1, 7, 5, 9, 0)),
        ("31.12.2024, 23:59:59,5", (2024, 12, 31, 23, 59, 59, 500_000)),
        ("2020-04-02 15:19:58,720,764", (2020, 4, 2, 15, 19, 58, 720_764)),
        ("4/5/2024 10:00:00\u202fPM", (2024, 4, 5, 22, 0, 0, 0)),
    ],
)
def test_dates(written, moment):
    found = read_wall_clock(written)
    assert (*found.timetuple()[:6], found.microsecond) == moment


@pytest.mark.parametrize(
    "written", ["13:00 PM", "5/1/2024 13:00 PM", "1 Foo 2024 10:00", "0001-01-01 00:00:00", "1/60/24 9:0"]
)
def test_no_dates(written):
    assert find_wall_clock(written) is None


@pytest.mark.parametrize(
    ("cells", "day_first", "begins", "named"),
    [
        (["01/05/2024 22:00:00"], False, (1, 5), True),
        (["01/05/2024 22:00:00"], True, (5, 1), True),
        (["01/05/2024 22:00:00", "13/05/2024 22:00:00"], False, (5, 1), False),
        (["01/05/2024 22:00:00", "05/13/2024 22:00:00"], True, (1, 5), False),
        (["01/05/2024 10:00:00 PM"], True, (1, 5), False),
        (["05/05/2024 22:00:00"], False, (5, 5), False),
        (["2024-01-05 22:00:00"], True, (1, 5), False),
    ],
)
def test_which_number_is_the_day_is_told_by_the_column_or_said(cells, day_first, begins, named):
    column = read_column(cells, day_first=day_first, utc_offset_s=0.0)
    month, day = begins
    assert column.t_utc_ns[0] == int(dt.datetime(2024, month, day, 22, tzinfo=dt.UTC).timestamp()) * 10**9
    assert [problem.kind for problem in column.problems] == ["date_order"] * named


def test_a_gpx_without_heights_says_so(tmp_path):
    point = '<trkpt lat="48,5" lon="11,25"><time>2024-05-01T22:00:00Z</time></trkpt>'
    track = read_track(spelt(tmp_path / "a.gpx", f"<gpx><trk><trkseg>{point}</trkseg></trk></gpx>"))
    assert (track.lat_deg[0], track.lon_deg[0]) == (48.5, 11.25)
    assert [problem.kind for problem in track.problems] == ["no_height"]
