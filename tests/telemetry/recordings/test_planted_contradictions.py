"""Recorded flights with one contradiction planted in each: every one is named by its own name, and nothing else is.

A flight is files, as a card brings them: a clip with KLV, a clip with subtitles or a log beside it, or a folder of
pictures. The same files without what was planted name nothing; nor do the real ones.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.errors import VedetteError
from geo.march import first_hits
from geo.rays import cast
from geo.terrain import FlatTerrain
from geo.values import PoseSigmas
from telemetry.klv import decode
from telemetry.klv.klv_file import read_klv
from telemetry.klv.klv_track import track_from_klv
from telemetry.pictures.picture_file import read_picture
from telemetry.recordings.checks import CHECKS, held_against
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.tracks.datums import egm96
from telemetry.tracks.sources import SourceOptions, read_track

NAMES = {check.name for check in CHECKS} | {"clock_rate"}
SECONDS, FPS = 12, 10
GROUND_HAE_M = 500.0
GEOID = float(egm96(np.array([48.0]), np.array([11.0]))[0])
GROUND_AMSL_M = GROUND_HAE_M - GEOID
LAT_M = 111_200.0


def klv_of(cards, k, **more):
    """Return a packet of a flight north at 10 m/s, 100 m over the ground, turning, the camera 30 degrees down."""
    values = {5: float(k % 360), 13: 48.0 + k / FPS * 10.0 / LAT_M, 14: 11.0, 19: -30.0, 104: GROUND_HAE_M + 100.0}
    values |= {15: GROUND_AMSL_M + 100.0, 113: 100.0} | {int(name[1:]): value for name, value in more.items()}
    return cards.klv(k, cards.START_US + k * 100_000, more={number: v for number, v in values.items() if v is not None})


def with_klv(cards, folder, **more):
    """Write a clip; `more` are items (``_113``) as values, or as functions of the picture's number."""
    told = [
        {name: value(k) if callable(value) else value for name, value in more.items()} for k in range(SECONDS * FPS)
    ]
    cards.write_ts(folder / "flight.ts", [klv_of(cards, k, **items) for k, items in enumerate(told)])
    return folder


def centres(cards, turned=0.0):
    """Return what a sender says is in the middle of each picture, by our rays from angles that are `turned` off."""
    stream = decode(b"".join(klv_of(cards, k, _18=turned) for k in range(SECONDS * FPS)))
    poses, _ = track_from_klv(stream).at(track_from_klv(stream).t_utc_ns)
    ground = FlatTerrain(height_m=GROUND_HAE_M)
    hits = first_hits(cast(poses, np.tile([[1.0], [0.0], [0.0]], (1, len(poses)))), ground, 20_000.0)
    return {
        "_23": lambda k: float(hits.lat_deg[k]),
        "_24": lambda k: float(hits.lon_deg[k]),
        "_78": lambda _: GROUND_HAE_M,
    }


def with_subtitles(cards, folder, **changes):
    """Write a clip with the subtitles of a DJI beside it; `changes` are functions of the cue's number."""
    plain = {"abs": lambda _: GROUND_AMSL_M + 100.0, "rel": lambda _: 100.0, "yaw": lambda k: 90.0 + k * 0.1}
    said = plain | {"pitch": lambda _: -45.0} | changes
    count = SECONDS * FPS
    cards.write_mp4(folder / "DJI_0001.MP4", count)
    cues = []
    for k in range(count):
        begin, end = (f"00:00:{ms // 1000:02d},{ms % 1000:03d}" for ms in (k * 100, k * 100 + 100))
        cues.append(
            f"{k + 1}\n{begin} --> {end}\n2024-05-01 10:00:{k // 10:02d}.{k % 10}00\n[focal_len: 24.00] "
            f"[latitude: {48 + k / FPS * 10.0 / LAT_M:.7f}] [longitude: 11.0] "
            f"[rel_alt: {said['rel'](k):.3f} abs_alt: {said['abs'](k):.3f}] "
            f"[gb_yaw: {said['yaw'](k):.1f} gb_pitch: {said['pitch'](k):.1f} gb_roll: 0.0]\n\n"
        )
    (folder / "DJI_0001.SRT").write_text("".join(cues))
    return folder


def quaternion(yaw_deg, pitch_deg):
    cy, sy, cp, sp = (f(np.radians(a) / 2) for a in (yaw_deg, pitch_deg) for f in (np.cos, np.sin))
    return [float(cy * cp), float(-sy * sp), float(cy * sp), float(sy * cp)]


def write_log(cards, path, *, second_m=0.0, gimbal_sense=1.0, away_m=0.0):
    """Write what a ground station logs of the flight: position, attitude, gimbal, a second receiver."""
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    earth = dialect.GIMBAL_DEVICE_FLAGS_YAW_LOCK | dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
    with path.open("wb") as log:
        for k in range(-20, SECONDS * FPS + 20):
            boot, moment_us = 10_000 + k * 100, cards.START_US + k * 100_000
            lat = round((48.0 + (k / FPS * 10.0 + away_m) / LAT_M) * 1e7)
            alt_mm = round((GROUND_AMSL_M + 100.0) * 1e3)
            yaw = (k * 1.0) % 360.0
            second = lat + round(second_m / LAT_M * 1e7)
            for message in (
                dialect.MAVLink_system_time_message(moment_us, boot),
                dialect.MAVLink_gimbal_device_attitude_status_message(
                    0, 0, boot, earth, quaternion(gimbal_sense * yaw, -40.0), 0, 0, 0, 0
                ),
                dialect.MAVLink_attitude_message(boot, 0.0, 0.0, np.radians(yaw), 0, 0, 0),
                dialect.MAVLink_gps2_raw_message(moment_us, 3, second, 110_000_000, alt_mm, 0, 0, 0, 0, 10, 0, 0),
                dialect.MAVLink_global_position_int_message(boot, lat, 110_000_000, alt_mm, 100_000, 0, 0, 0, 0),
            ):
                log.write(struct.pack(">Q", moment_us + 40_000) + message.pack(link))


def with_log(cards, folder, **changes):
    """Write a clip without telemetry, and the log of its flight under its name."""
    cards.write_mp4(folder / "flight.mp4", SECONDS * FPS)
    write_log(cards, folder / "flight.tlog", **changes)
    return folder


def with_klv_and_log(cards, folder, **changes):
    """Write a clip with KLV, and a log of the same flight under its name."""
    with_klv(cards, folder)
    write_log(cards, folder / "flight.tlog", **changes)
    return folder


def with_pictures(cards, folder, changes=None, without=(), **how):
    """Write a folder of three pictures."""
    good = cards.GOOD | {"drone-dji:AbsoluteAltitude": f"{GROUND_AMSL_M + 100.0:.2f}"}
    tags = {name: value for name, value in good.items() if name not in without} | (changes or {})
    for number in range(3):
        where = {"exif_altitude": GROUND_AMSL_M + 100.0} | how
        cards.write_jpeg(folder / f"DJI_000{number}.JPG", tags, **where)
    return folder


LASER = {
    "drone-dji:LRFStatus": "Normal",
    "drone-dji:LRFTargetLat": "48.0",
    "drone-dji:LRFTargetLon": f"{11.0 + 100.0 / 74_470.0:.8f}",
    "drone-dji:LRFTargetAbsAlt": f"{GROUND_AMSL_M:.2f}",
    "drone-dji:LRFTargetDistance": "141.4",
}
RTK = {"drone-dji:RtkFlag": "50", "drone-dji:AltitudeType": "GpsFusionAlt"}

CLEAN = {
    "a stream": lambda cards, folder: with_klv(cards, folder, **centres(cards)),
    "a clip with subtitles": with_subtitles,
    "a clip with a log": with_log,
    "a stream with a log": with_klv_and_log,
    "pictures": lambda cards, folder: with_pictures(cards, folder, LASER),
}
PLANTED = {
    "heights_disagree": lambda c, f: with_subtitles(c, f, rel=lambda k: 80.0 + 40.0 * k / (SECONDS * FPS)),
    "height_off_ground": lambda c, f: with_subtitles(c, f, abs=lambda _: GROUND_AMSL_M + 126.0),
    "zero_angles": lambda c, f: with_subtitles(c, f, yaw=lambda _: 0.0, pitch=lambda _: 0.0),
    "altitude_impossible": lambda c, f: with_klv(c, f, _104=30_000.0, _15=None, _113=None),
    "below_ground": lambda c, f: with_klv(c, f, _104=GROUND_HAE_M - 60.0, _15=GROUND_AMSL_M - 60.0, _113=None),
    "agl_disagrees": lambda c, f: with_klv(c, f, _113=160.0),
    "centre_disagrees": lambda c, f: with_klv(c, f, **centres(c, turned=8.0)),
    "sources_disagree": lambda c, f: with_klv_and_log(c, f, away_m=80.0),
    "gps_disagree": lambda c, f: with_log(c, f, second_m=60.0),
    "yaw_sense": lambda c, f: with_log(c, f, gimbal_sense=-1.0),
    "altitude_zero": lambda c, f: with_pictures(c, f, without=("drone-dji:AbsoluteAltitude",), exif_altitude=0.0),
    "places_disagree": lambda c, f: with_pictures(
        c, f, {"drone-dji:GpsLatitude": "48.001", "drone-dji:GpsLongitude": "11.0"}
    ),
    "altitudes_disagree": lambda c, f: with_pictures(c, f, exif_altitude=GROUND_AMSL_M + 130.0),
    "rtk_datum": lambda c, f: with_pictures(
        c, f, {"drone-dji:RtkFlag": "50", "drone-dji:AltitudeType": "GpsFusionAlt"}
    ),
    "yaws_disagree": lambda c, f: with_pictures(c, f, {"drone-dji:FlightYawDegree": "-90.0"}),
    "laser_range": lambda c, f: with_pictures(c, f, LASER | {"drone-dji:LRFTargetDistance": "190.0"}),
    "laser_ray": lambda c, f: with_pictures(c, f, LASER | {"drone-dji:GimbalYawDegree": "+110.0"}),
}


def named(cards, folder):
    """Read a folder as a person would, and return what of it is named as a contradiction, and its frames."""
    start_ns = cards.START_NS if (folder / "flight.mp4").exists() else None
    ground = FlatTerrain(height_m=GROUND_HAE_M)
    options = ReadingOptions(terrain=ground, offset_s=0.0, every_s=1.0, start_utc_ns=start_ns)
    ((_, frames, kinds),) = cards.read_all(folder, options)[0]
    return kinds & NAMES, frames


@pytest.mark.parametrize("what", CLEAN)
def test_a_clean_recording_names_nothing(cards, tmp_path, what):
    found, frames = named(cards, CLEAN[what](cards, tmp_path))
    assert not found
    assert frames
    assert all(frame.pose is not None for frame in frames)


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_is_named_and_nothing_else(cards, tmp_path, kind):
    found, frames = named(cards, PLANTED[kind](cards, tmp_path))
    assert found == {kind}
    assert all(frame.pose is None or frame.sigmas is not None for frame in frames), "named, and no error grew"


REAL = ("srt/*", "logs/*/*", "klv/**/*", "photos/**/*.JPG", "photos/**/*.jpg")
NAMED = {
    "generator_output.mpeg": "a generator's angles, 18.7 degrees from its own frame centres",
    "DynamicOnlyMISMMSPacketData.bin": "one packet, each item an example of its own: sensor and centre 11 500 km apart",
    "day.klv": "states its sensor's bearing from north (46 degrees) where the angle against the airframe belongs",
}


@pytest.mark.slow
def test_real_recordings_name_nothing_but_what_is_wrong_in_them(shared_data):
    read_ones, named_ones = [], {}
    for path in sorted(path for pattern in REAL for path in shared_data.glob(pattern) if path.is_file()):
        kinds = kinds_of(path)
        if kinds is not None:
            read_ones.append(path.name)
            if kinds & NAMES:
                named_ones[path.name] = kinds & NAMES
    assert len(read_ones) >= 30
    assert named_ones == dict.fromkeys(NAMED, {"centre_disagrees"})


def kinds_of(path):
    """Return the kinds of problems of one real file, read as what it is; None where it holds no positions."""
    try:
        if path.suffix.lower() == ".jpg":
            return {problem.kind for problem in read_picture(path).problems}
        if path.suffix in (".ts", ".mpeg"):
            with read(open_recordings(path).recordings[0], ReadingOptions(every_s=5.0)) as reader:
                return {problem.kind for problem in reader.problems}
        track = read_track(path, SourceOptions(start_utc_ns=10**18))
        stream = read_klv(path) if "klv" in path.parts and path.suffix in (".bin", ".klv") else None
    except VedetteError:
        return None
    verdict = held_against([track], [], stream, None, PoseSigmas())
    return {problem.kind for problem in (*verdict.problems, *track.problems)}
