"""PX4 logs against pyulog, and damage made on purpose."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pyulog import ULog

from telemetry.logs.ulog_file import read_topics, read_ulog
from telemetry.logs.ulog_messages import SYNC, Definitions
from telemetry.tracks.track_errors import SourceError


@pytest.fixture(scope="session")
def px4(shared_data):
    return shared_data / "logs/px4"


@pytest.mark.parametrize("name", ["sample_log_small.ulg", "sample_px4_events.ulg"])
def test_every_column_of_every_topic_is_what_pyulog_reads(px4, name):
    theirs = ULog(str(px4 / name))
    ours = read_topics(px4 / name, None)
    assert set(ours.tables) == {(topic.name, topic.multi_id) for topic in theirs.data_list}
    compared = 0
    for topic in theirs.data_list:
        fields = ours.tables[topic.name, topic.multi_id].fields
        for column, values in topic.data.items():
            base, _, index = column.partition("[")
            if base not in fields.dtype.names or fields.dtype[base].base.names or fields.dtype[base].base.kind == "S":
                continue  # nested topics and texts
            mine = fields[base][:, int(index[:-1])] if index else fields[base]
            np.testing.assert_array_equal(mine, values.astype(mine.dtype), err_msg=f"{topic.name}.{column}")
            compared += len(values)
    assert compared > 100_000
    assert sum(ours.dropouts_ms) == sum(drop.duration for drop in theirs.dropouts)


def test_track_of_a_log_with_fused_positions(px4):
    theirs = {topic.name: topic.data for topic in ULog(str(px4 / "sample_px4_events.ulg")).data_list}
    position = theirs["vehicle_global_position"]
    track = read_ulog(px4 / "sample_px4_events.ulg")
    gps = theirs["vehicle_gps_position"]
    offset_us = np.median(gps["time_utc_usec"].astype(np.int64) - gps["timestamp"].astype(np.int64))
    rows = np.searchsorted(track.t_utc_ns, (position["timestamp"].astype(np.int64) + int(offset_us)) * 1000)
    np.testing.assert_array_equal(track.lat_deg[rows], position["lat"])
    np.testing.assert_allclose(track.alt_amsl_m[rows], position["alt"], atol=1e-9)
    assert track.problems == ()


def test_track_without_fused_position_uses_raw_gps_and_says_so(px4):
    gps = {topic.name: topic.data for topic in ULog(str(px4 / "sample_log_small.ulg")).data_list}[
        "vehicle_gps_position"
    ]
    track = read_ulog(px4 / "sample_log_small.ulg")
    assert [problem.kind for problem in track.problems] == ["logger_dropout", "raw_gps_only"]
    assert "30 ms" in track.problems[0].message
    boot_us = gps["timestamp"].astype(np.int64)
    offset_us = np.sort(gps["time_utc_usec"].astype(np.int64) - boot_us)[len(boot_us) // 2]
    rows = np.searchsorted(track.t_utc_ns, (boot_us + offset_us) * 1000)
    np.testing.assert_allclose(track.lat_deg[rows], gps["lat"] * 1e-7, atol=1e-12)
    # this receiver's own geoid (alt_ellipsoid - alt, 39.95 m near Trondheim) and EGM96 agree to a metre
    stated_m = np.median(gps["alt_ellipsoid"] - gps["alt"]) / 1000
    np.testing.assert_allclose(track.alt_hae_m - track.alt_amsl_m, stated_m, atol=1.0)


def test_attitude_is_the_quaternion_as_angles(px4):
    attitude = {t.name: t.data for t in ULog(str(px4 / "sample_px4_events.ulg")).data_list}["vehicle_attitude"]
    track = read_ulog(px4 / "sample_px4_events.ulg")
    from scipy.spatial.transform import Rotation

    wxyz = np.stack([attitude[f"q[{i}]"] for i in range(4)], axis=1).astype(float)
    yaw, pitch, roll = Rotation.from_quat(wxyz[:, [1, 2, 3, 0]]).as_euler("ZYX", degrees=True).T
    own = attitude["timestamp"].astype(np.int64) * 1000
    inside = np.isin(own, track.t_utc_ns)
    assert inside.sum() > 400
    rows = np.searchsorted(track.t_utc_ns, own[inside])
    np.testing.assert_allclose(track.yaw_deg[rows], yaw[inside], atol=1e-5)
    np.testing.assert_allclose(track.pitch_deg[rows], pitch[inside], atol=1e-5)
    np.testing.assert_allclose(track.roll_deg[rows], roll[inside], atol=1e-5)


def message(kind: bytes, payload: bytes) -> bytes:
    return struct.pack("<Hc", len(payload), kind) + payload


LAYOUT = (
    b"vehicle_global_position:uint64_t timestamp;double lat;double lon;"
    b"float alt;float eph;float epv;uint8_t[4] _padding0;"
)


def position(i: int) -> bytes:
    return message(b"D", struct.pack("<HQddfff", 3, 1_000_000 + 200_000 * i, 47.0 + 1e-5 * i, 8.0, 500.0, 1.0, 2.0))


def small_log(n=20) -> list[bytes]:
    head = b"ULog\x01\x12\x35\x01" + struct.pack("<Q", 1_000_000)
    return [
        head,
        message(b"B", bytes(40)),
        message(b"F", LAYOUT),
        message(b"A", struct.pack("<BH", 0, 3) + b"vehicle_global_position"),
        *(position(i) for i in range(n)),
    ]


def write(tmp_path, parts):
    path = tmp_path / "log.ulg"
    path.write_bytes(b"".join(parts))
    return path


def test_padding_that_is_not_written_is_zero(tmp_path):
    track = read_ulog(write(tmp_path, small_log()))
    np.testing.assert_allclose(track.lat_deg, 47.0 + 1e-5 * np.arange(20))
    np.testing.assert_array_equal(track.sigma_v_m, 2.0)
    assert {problem.kind for problem in track.problems} == {"no_vehicle_clock"}


def test_damage_ends_at_the_next_synchronisation_mark(tmp_path):
    parts = small_log()
    parts[10] = b"\x00" * 50
    parts.insert(11, SYNC)
    topics = read_topics(write(tmp_path, parts))
    assert [problem.kind for problem in topics.problems] == ["damaged_bytes"]
    assert len(topics.tables["vehicle_global_position", 0]) == 19


def test_a_length_that_lies_costs_the_messages_it_covers_and_no_more(tmp_path):
    parts = small_log()
    parts[10] = b"\xff\xff" + parts[10][2:]
    topics = read_topics(write(tmp_path, parts))
    assert len(topics.tables["vehicle_global_position", 0]) == 19
    assert topics.problems[0].kind == "damaged_bytes"


def test_data_appended_after_a_crash_is_read(tmp_path):
    parts = small_log()
    crash = len(b"".join(parts)) + 10
    parts[1] = message(b"B", bytes(8) + b"\x01" + bytes(7) + struct.pack("<QQQ", crash, 0, 0))
    cut = position(20)[:10]
    topics = read_topics(write(tmp_path, [*parts, cut, position(21), position(22)]))
    assert len(topics.tables["vehicle_global_position", 0]) == 22
    assert topics.problems == ()


def test_a_log_cut_short_says_where(tmp_path):
    path = write(tmp_path, small_log())
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    topics = read_topics(path)
    (problem,) = topics.problems
    assert problem.kind == "cut_short"
    assert problem.offset == len(whole) - len(position(0))


def test_reading_in_blocks_changes_nothing(px4, monkeypatch):
    whole = read_topics(px4 / "sample_log_small.ulg", None)
    monkeypatch.setattr("telemetry.logs.ulog_file.CHUNK_BYTES", 100_003)
    pieces = read_topics(px4 / "sample_log_small.ulg", None)
    assert pieces.message_count == whole.message_count
    assert pieces.problems == whole.problems
    for key, table in whole.tables.items():
        assert pieces.tables[key].fields.tobytes() == table.fields.tobytes(), key


@pytest.mark.parametrize(
    "text",
    [
        "t:uint64_t timestamp;nonsense x;",
        "t:t self;",
        "t:uint64_t timestamp;uint64_t timestamp;",
        "t:uint64_t[9999] a;uint64_t[9999] b;",
        "t:",
        "t:uint64_t",
    ],
)
def test_a_layout_that_makes_no_sense_is_none(text):
    definitions = Definitions()
    definitions.learn(ord("F"), text.encode())
    assert definitions.layout("t") is None


def test_no_ulog(tmp_path):
    path = tmp_path / "x.ulg"
    path.write_bytes(b"ULog")
    with pytest.raises(SourceError, match="not a ULog"):
        read_topics(path)
    with pytest.raises(SourceError, match="No such file"):
        read_topics(tmp_path / "none.ulg")


def test_any_damage_ends_in_our_own_error_or_a_track(tmp_path, fuzz):
    fuzz.begin(23)
    whole = b"".join(small_log(12))
    path = tmp_path / "log.ulg"

    def use(data):
        path.write_bytes(whole[:8] + data)
        track = read_ulog(path)
        assert (np.diff(track.t_utc_ns) > 0).all()
        assert np.isfinite(track.lat_deg).all()

    fuzz.each([whole[8:]], use)
