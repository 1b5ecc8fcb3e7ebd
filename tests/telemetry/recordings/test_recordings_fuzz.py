"""Damaged bytes into every reader of cards: only our own errors come out, and memory stays bounded."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from telemetry.live.stream_restart import RestartWatch
from telemetry.metadata_tracks.reading import read_metadata_track
from telemetry.pictures.picture_file import read_picture
from telemetry.recordings.candidates import cue_text
from telemetry.recordings.container_file import read_layout
from telemetry.tracks.datums import egm96
from telemetry.tracks.sources import read_track
from telemetry.tracks.track_file import COLUMNS
from telemetry.videos.clip_clock import clip_clock

ASS = rb"""[Script Info]
[Events]
Dialogue: 0,0:00:00.00,0:00:01.00,D,,0,0,0,,HOME(-100.5, 31.5) 2021.5.4 16:49:24\NGPS(W: -100.5, N: 31.5, -37) ReH:0
Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,HOME(-100.5, 31.5) 2021.5.4 16:49:25\NGPS(W: -100.5, N: 31.6, -37) ReH:5
"""
SRT = (
    b"1\n00:00:35,000 --> 00:00:36,000\nRTK (101.083799, 33.213635, 28), D 75.36m, H 76.19m, "
    b"F.PRY (-5.3, 2.1, 28.3), G.PRY (-40.0, 0.0, 28.2)\n\n2\n00:00:36,000 --> 00:00:37,000\n2024-05-01 10:00:00.100\n"
    b"GPS(39.906217,116.391305,69.8) BAROMETER(91.2) [focal_len: 24.00]\n"
)
CUES = (
    "GPS(36.6146,-6.1120,0.0M) BAROMETER:0.3M",
    "HOME(149.0251,-20.2532) 2017.8.5 14:11:51\nGPS(149.0251,-20.2533,16) Hb:1.9 Hs:1.9\nISO:100 TV:60 EV: 0 IR:F2.8",
    "F/3.2, SS 160, ISO 100, EV 0, GPS (8.2090, 47.4692, 18), D 49.21m, H 45.60m, H.S 0.00m/s, V.S 0.00m/s",
    '<font size="28">FrameCnt: 1, DiffTime: 20ms\n2021-12-25 12:27:52.373\n[fnum: 3.2] [focal_len: 24.00] '
    "[latitude: 3.41531] [longitude: -3.37440] [rel_alt: -2.400 abs_alt: 0.401] "
    "[gb_yaw: 90.0 gb_pitch: -45.0 gb_roll: 0.0] </font>",
    '<font size="36">FrameCnt : 1, DiffTime : 16ms\n2020-04-02 15:19:58,720,764\n[fnum : 280] [focal_len : 240] '
    "[dzoom_ratio: 10000, delta:0] [latitude : 31.452012] [longtitude : 74.398751] [altitude: 213.983002] </font>",
)
"""One cue of each way that DJI writes them."""
SUBTITLES = tuple(
    "".join(f"{i}\n00:00:0{i},000 --> 00:00:0{i + 1},000\n{cue}\n\n" for i in range(3)).encode() for cue in CUES
)
GPX = (
    b'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
    b'<trkpt lat="48.0" lon="11.0"><ele>600</ele><time>2024-05-01T10:00:00Z</time></trkpt>'
    b'<trkpt lat="48.1" lon="11.0"><ele>600</ele><time>2024-05-01T10:00:01Z</time></trkpt></trkseg></trk></gpx>'
)
NMEA = (
    b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
    b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n$GPHDT,84.4,T*0E\r\n"
)
READER = (
    b"CUSTOM.date [local],CUSTOM.updateTime [local],OSD.flyTime [s],OSD.latitude,OSD.longitude,OSD.height [ft],"
    b"OSD.altitude [ft],OSD.yaw,OSD.pitch,OSD.roll,GIMBAL.pitch,GIMBAL.yaw,GIMBAL.roll\n"
    b"5/1/2024,10:00:00.00 AM,0,48.0,11.0,328.1,1968.5,90,0,0,-45,90,0\n"
    b"5/1/2024,10:00:00.20 AM,0.2,48.000001,11.0,328.1,1968.5,90,0,0,-45,90,0\n"
)
FEET = (
    b"time(millisecond),datetime(utc),satellites,latitude,longitude,height_above_takeoff(feet),"
    b"altitude_above_seaLevel(feet),compass_heading(degrees),pitch(degrees),roll(degrees),gimbal_heading(degrees),"
    b"gimbal_pitch(degrees),isVideo\n0,2024-05-01 10:00:00,18,48.0,11.0,328.1,1968.5,90,0,0,90,-45,1\n"
    b"100,2024-05-01 10:00:00,18,48.000001,11.0,328.1,1968.5,90,0,0,90,-45,1\n"
)
AIRDATA = (
    b"time(millisecond);datetime(utc);latitude;longitude;altitude_above_seaLevel(meters);gimbal_pitch(degrees)\n"
    b"0;5/1/2024 10:00:00 AM;48,0;11,0;600;-45\n100;2024-05-01 10:00:00;48,000001;11,0;600;-45\n"
)


OTHER_CUES = (
    "[Script Info]\n[Events]\nDialogue: Marked=0,0:00:00.00,0:00:01.00,D,,0,0,0,,GPS(S: 33.5, W: 70.5, 37) ReH:5\\n"
    "1.5.2024 10:0:1\n",
    "WEBVTT\n\n00:01.000 --> 00:02.000\n05/01/2024 10:00:01 p.m.\nlat=48,5 lon=11,25 alt: 1968.5 ft\n\n"
    "00:02.000 --> 00:03.000\n1 May 2024 10:00 PM\nGPS(48.5 N; 11.25\u00b0 E) H 328.1ft\n\n"
    "00:03.000 --> 00:04.000\n2024-05-01T10:00:03.5+02:00\nGPS(11,250000,48,500000,19)\n",
)
"""Cues of other programs, makers and countries."""


MISB = (
    b"UNIX Time Stamp,Sensor Latitude,Sensor Longitude,Sensor True Altitude,Platform Heading Angle,Sensor Relative "
    b"Azimuth Angle,Sensor Relative Elevation Angle,Sensor Horizontal Field of View\n"
    b"1714557600000000,48.0,11.0,600,90,0,-45,40\n1714557600100000,48.000001,11.0,600,90,0,-45,40\n"
)
TRACK = (
    ",".join(COLUMNS).encode()
    + b"\n1714557600000000000"
    + b",1" * (len(COLUMNS) - 2)
    + b",body\n1714557600100000000"
    + b",2" * (len(COLUMNS) - 2)
    + b",earth\n"
)


TEXTS = {
    "ass": [ASS, OTHER_CUES[0].encode()],
    "srt": [SRT, *SUBTITLES, *(text.encode() for text in OTHER_CUES), SRT.decode().encode("utf-16")],
    "gpx": [GPX],
    "nmea": [NMEA, b"\r\n".join(reversed(NMEA.split())).replace(b"*", b"\r\n")],
    "reader.csv": [READER, b"sep=,\n" + READER.replace(b"5/1/2024", b"01.05.2024")],
    "airdata.csv": [AIRDATA, FEET, b"sep=\t\n" + FEET.replace(b",", b"\t")],
    "misb.csv": [MISB],
    "track.csv": [TRACK],
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path, fuzz, name):
    fuzz.begin(11)
    path = tmp_path / f"fuzz.{name}"

    def use(data):
        path.write_bytes(data)
        track = read_track(path)
        assert (np.diff(track.t_utc_ns) > 0).all()
        assert (np.abs(track.lat_deg) <= 90).all()

    fuzz.each(TEXTS[name], use)


def tracks():
    place = b"\x08\x01\x11" + struct.pack("<d", 48.0) + b"\x19" + struct.pack("<d", 11.0)
    inner = b"\x22" + bytes([len(place) + 6]) + b"\x0a" + bytes([len(place)]) + place + b"\x10\xc0\xcf\x24"
    sample = (
        b"\x0a\x13dvtm_wm265e.proto\x00\x00" + b"\x1a" + bytes([len(inner) + 2]) + b"\x1a" + bytes([len(inner)]) + inner
    )
    scale = b"SCALl\x04\x00\x05" + struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100)
    fixes = b"GPS5l\x14\x00\x01" + struct.pack(">5i", 480_000_000, 110_000_000, 650_000, 0, 0)
    stream = b"GPSFL\x04\x00\x01" + struct.pack(">I", 3) + b"GPSUU\x10\x00\x01240501100000.000" + scale + fixes
    nest = b"STRM\x00\x01" + struct.pack(">H", len(stream)) + stream
    nine = b"GPS9?\x20\x00\x01" + struct.pack(
        ">7i2H", 480_000_000, 110_000_000, 650_000, 0, 0, 8887, 36_000_000, 100, 3
    )
    return {
        "djmd": sample,
        "gpmd": b"DEVC\x00\x01" + struct.pack(">H", len(nest)) + nest,
        "gpmd of nine": b"SCALl\x04\x00\x01" + struct.pack(">i", 1) + nine,
        "camm": struct.pack("<HHdIddfffffff", 0, 6, 1.4e9, 3, 48.0, 11.0, 650.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.1),
        "mett com.parrot.videometadata3": struct.pack(">HH", 0x5033, 20)
        + struct.pack(">iii", 0, 201326592, 46137344) * 8,
        "mett com.parrot.videometadataproto": b"\x0a\x14\x12\x12" + place + b"\x12\x0a\x1a\x05\x0d\x00\x00\x80\x3f",
    }


@pytest.mark.parametrize("name", tracks())
def test_metadata_tracks(fuzz, name):
    fuzz.begin(12)
    noise = fuzz.rng(12)
    seed = tracks()[name]

    def use(data):
        payloads = [data, seed, fuzz.damaged(seed)]
        pts = np.array([0.0, 0.1, np.nan if noise.integers(0, 9) == 0 else 0.2])
        found = read_metadata_track(name.split(" of")[0], pts, payloads, start_utc_ns=10**18, undulation=egm96)
        assert len(found.track) >= 1

    fuzz.each([seed], use)


def test_containers(tmp_path, fuzz, cards):
    fuzz.begin(13)
    mp4 = cards.write_mp4(tmp_path / "a.mp4", 3).read_bytes()
    moov = mp4[mp4.index(b"moov") - 4 :]
    ts = cards.write_ts(tmp_path / "a.ts", [cards.klv(0, cards.START_US)]).read_bytes()[: 188 * 12]
    nested = b"".join(struct.pack(">I4s", 8 * (2000 - i), b"moov") for i in range(2000))
    path = tmp_path / "fuzz"
    path.write_bytes(nested)
    read_layout(path)

    def use(data):
        path.write_bytes(data)
        read_layout(path)

    fuzz.each([moov, ts], use)


def test_a_box_whose_long_length_lies_beyond_its_parent_is_none(tmp_path):
    """Found at the 86 804th damaged container: eight bytes are left in the parent, and sixteen are its head."""
    long = struct.pack(">I4sQ", 1, b"free", 4096)
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I4s", 16, b"moov") + long + bytes(4096))
    assert read_layout(path).tracks == ()


def test_pictures(tmp_path, fuzz, cards):
    fuzz.begin(14)
    tags = cards.GOOD | {
        "drone-dji:RtkFlag": "50",
        "drone-dji:LRFTargetLat": "48.0",
        "drone-dji:LRFTargetLon": "11.001",
        "drone-dji:LRFTargetAbsAlt": "500",
        "drone-dji:LRFTargetDistance": "141",
        "exif:CameraHorizontalFOV": "60/1",
        "camera:Pitch": "30",
    }
    seed = cards.write_jpeg(tmp_path / "a.jpg", tags).read_bytes()
    path = tmp_path / "fuzz.jpg"

    def use(data):
        path.write_bytes(data + seed[2200:])
        found = read_picture(path)
        assert found.pose is None or -91.0 <= found.pose.gimbal_pitch_deg <= 36.0

    fuzz.each([seed[:2200]], use)


def test_cues_of_any_bytes_and_restarts_in_any_bytes(cards, fuzz, tmp_path):
    fuzz.begin(15)
    watch = RestartWatch()
    ts = cards.write_ts(tmp_path / "a.ts", [cards.klv(i, cards.START_US) for i in range(3)]).read_bytes()
    fuzz.each([b"\x00\x20GPS(11.0,48.0,16) BAROMETER:0.3M"], cue_text)
    fuzz.each([ts[: 188 * 7]], watch.restarted)


def test_clocks_of_any_stamps(fuzz):
    noise = fuzz.rng(16)
    for _ in range(fuzz.inputs):
        count = int(noise.integers(0, 40))
        segment = np.sort(noise.integers(0, 3, count)).astype(np.int64)
        pts = np.where(noise.random(count) < 0.1, np.nan, noise.normal(0, 1e3, count))
        odd = noise.integers(-1, 2**62, count)
        stamps = np.where(noise.random(count) < 0.3, odd, 10**18 + (np.nan_to_num(pts) * 1e9).astype(np.int64))
        pictures = noise.normal(0, 1e3, 20)
        of = np.sort(noise.integers(0, 3, 20)).astype(np.int64)
        clock, times, _ = clip_clock(pts, segment, stamps, pictures, of, stamped=bool(noise.integers(0, 2)))
        assert len(clock.segments) == int(of.max()) + 1
        assert len(times) == count
        assert clock.utc_ns(pictures, of).shape == (20,)
