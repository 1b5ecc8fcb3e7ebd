"""EG 0104 streams: a real one agrees with itself, and any bytes are survived."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.rotation import yaw_pitch_roll_matrix
from telemetry.klv import decode
from telemetry.klv.ber import encode_length
from telemetry.klv.klv_check import check_centre
from telemetry.klv.klv_file import read_klv
from telemetry.klv.klv_track import track_from_klv
from telemetry.klv.universal import UNIVERSAL_KEY, elevation_deg, universal_columns
from telemetry.videos.video_file import read_video


def item(half, value):
    packed = struct.pack(">d", value) if isinstance(value, float) else value.to_bytes(8, "big")
    return bytes.fromhex("060e2b3401010107" + half) + encode_length(len(packed)) + packed


def a_set(*items):
    body = b"".join(items)
    return UNIVERSAL_KEY + encode_length(len(body)) + body


def test_a_real_stream_gives_a_track_whose_rays_meet_its_frame_centres(shared_data):
    path = shared_data / "klv/kwiver/videos/aphill_klv_10s.ts"
    stream = read_klv(path)
    assert len(stream) == 300
    track = track_from_klv(stream)
    assert len(track) == 300
    assert track.lat_deg[0] == pytest.approx(38.15993)
    assert track.lon_deg[0] == pytest.approx(-77.356214)
    assert track.alt_amsl_m[0] == pytest.approx(1984.6, abs=0.01)
    # The stream states no height of its frame centre; slant range and elevation give one.
    height = 1984.6 - stream.numbers(21)[0] * np.sin(np.radians(35.3477))
    assert abs(height) < 30.0
    with read_video(path) as reader:
        frames = list(reader.frames())
    assert len(frames) == 10
    assert all(frame.pose is not None for frame in frames)


def rows_of(sets):
    """Return what each set says, by tag."""
    rows = [{} for _ in sets]
    for tag, column in universal_columns(sets).items():
        for packet, value in zip(column.packet.tolist(), column.values.tolist(), strict=True):
            rows[packet][tag] = value
    return rows


def test_the_relative_angles_point_where_the_absolute_ones_do():
    data = b"".join(
        (
            item("0701100106000000", 97.96),
            item("0701100105000000", 5.0),
            item("0701100104000000", -12.0),
            item("0701100102000000", -1.96),
            item("0701100103000000", -35.3),
        )
    )
    (values,) = rows_of([data])
    turned = yaw_pitch_roll_matrix(values[5], values[90], values[91]) @ yaw_pitch_roll_matrix(
        values[18], values[19], values[20]
    )
    np.testing.assert_allclose(turned, yaw_pitch_roll_matrix(-1.96, -35.3, 0.0), atol=1e-9)


@pytest.mark.parametrize(
    ("obliquity", "elevation"), [(180.0, 0.0), (270.0, -90.0), (215.0, -35.0), (-35.0, -35.0), (35.0, -35.0)]
)
def test_obliquity_is_read_as_each_producer_means_it(obliquity, elevation):
    assert elevation_deg(obliquity) == elevation


def test_without_the_airframe_no_sensor_angle_is_invented():
    """Of three sets only the middle one, which states the airframe's angles, too, has those against it."""
    absolute = item("0701100102000000", 10.0) + item("0701100103000000", -35.0)
    airframe = item("0701100106000000", 10.0) + item("0701100105000000", 0.0) + item("0701100104000000", 0.0)
    before, between, after = rows_of([absolute, airframe + absolute, absolute])
    assert before == after == {}
    assert [between[tag] for tag in (18, 19, 20)] == pytest.approx([0.0, -35.0, 0.0], abs=1e-9)


def test_time_is_whole_microseconds():
    stream = decode(a_set(item("0702010101050000", 1_221_234_567_890_123)))
    assert stream.times_us().tolist() == [1_221_234_567_890_123]
    assert stream.problems == ()


def test_a_stream_without_heights_has_no_centres_to_check():
    assert check_centre(decode(a_set(item("0702010101050000", 5)))).n == 0


@given(st.binary(max_size=300))
def test_any_bytes(data):
    universal_columns([data, b"", data])
    decode(a_set(data))
