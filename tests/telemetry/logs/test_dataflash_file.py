"""DataFlash logs against the dumps that came with them, pymavlink, and damage made on purpose."""

from __future__ import annotations

import json
import re
import struct

import numpy as np
import pytest
from pymavlink import DFReader

from telemetry.logs.dataflash_file import read_dataflash, read_records
from telemetry.logs.dataflash_records import parse_format


@pytest.fixture(scope="session")
def logs(shared_data):
    return shared_data / "logs"


LINE = re.compile(r"^\S+ \S+: (\w+) \{(.*)\}$")


def test_every_value_of_the_dump_is_what_is_read(logs):
    """`test.BIN.py3.dumped` is pymavlink's own golden dump of `test.BIN`, made on another machine."""
    records = read_records(logs / "pymavlink/test.BIN", None)
    seen: dict[str, int] = {}
    compared = 0
    for line in (logs / "pymavlink/test.BIN.py3.dumped").read_text().splitlines():
        name, body = LINE.match(line).groups()
        row = seen.get(name, 0)
        seen[name] = row + 1
        if name in ("FMT", "MSG", "MODE", "PARM"):
            continue
        for item in body.split(", "):
            column, value = item.split(" : ")
            assert records.tables[name].column(column)[row] == pytest.approx(float(value), abs=1e-9, nan_ok=True), line
            compared += 1
    assert compared > 5000
    assert seen == {name: len(table) for name, table in records.tables.items()}
    assert records.record_count == sum(seen.values()) == 1731


def test_expected_analysis_of_log171_agrees(logs):
    expected = json.loads((logs / "dronekit-la/log171.bin-expected-json").read_text())
    records = read_records(logs / "dronekit-la/log171.bin", None)
    assert records.record_count == expected["packet-count"]
    assert records.problems == ()
    assert expected["bytes-dropped"] == 0
    highest = records.tables["AHR2"].column("Alt").max()
    assert highest == pytest.approx(expected["maximum-altitude-absolute"], abs=1e-9)


def test_track_of_log171_holds_each_fix_at_its_gps_time(logs):
    path = str(logs / "dronekit-la/log171.bin")
    reader = DFReader.DFReader_binary(path)
    fixes = []
    while (message := reader.recv_match(type=["GPS"])) is not None:
        if message.Status >= 3:
            fixes.append(message)
    reader.data_map.close()
    reader.filehandle.close()
    track = read_dataflash(path)
    assert track.alt_amsl_m.max() < 610, "the 1892 m of the fixless GPS rows is no position"
    utc_s = np.array([315964800 + m.Week * 604800 + m.TimeMS / 1e3 - 17 for m in fixes])  # 17 leap seconds in 2015
    for message, t_s in list(zip(fixes, utc_s, strict=True))[::40]:
        near = np.abs(track.t_utc_ns - t_s * 1e9) < 0.3e9
        # the times of the rows follow the boot clock, so the fix lies within its latency of its GPS time
        assert np.any(np.abs(track.lat_deg[near] - message.Lat) < 1e-12), message
    assert any(problem.kind == "dropout" for problem in track.problems)


def test_track_of_test_bin_follows_fused_positions_and_attitude(logs):
    records = read_records(logs / "pymavlink/test.BIN")
    track = read_dataflash(logs / "pymavlink/test.BIN")
    position, attitude = records.tables["POS"], records.tables["ATT"]
    boot_ns = track.t_utc_ns - track.t_utc_ns[0] + position.whole("TimeUS")[0] * 1000
    pick = np.searchsorted(boot_ns, position.whole("TimeUS") * 1000)
    np.testing.assert_allclose(track.lat_deg[pick], position.column("Lat"), atol=1e-12)
    np.testing.assert_allclose(track.alt_amsl_m[pick], position.column("Alt"), atol=1e-9)
    rows = np.flatnonzero(np.isin(attitude.whole("TimeUS") * 1000, boot_ns))
    pick = np.searchsorted(boot_ns, attitude.whole("TimeUS")[rows] * 1000)
    turned = np.mod(track.yaw_deg[pick] - attitude.column("Yaw")[rows] + 180, 360) - 180
    np.testing.assert_allclose(turned, 0.0, atol=1e-9)
    assert len(rows) > 20


HEAD = b"\xa3\x95"


def fmt(type_id: int, name: bytes, letters: bytes, labels: bytes, length: int) -> bytes:
    return HEAD + struct.pack("<BBB4s16s64s", 128, type_id, length, name, letters, labels)


GPS = struct.Struct("<QBIHii i")


def gps(i: int, *, lat=470000000, week=2300) -> bytes:
    return HEAD + b"\x82" + GPS.pack(1_000_000 + 200_000 * i, 3, 1000 + 200 * i, week, lat + 10 * i, 80000000, 50000)


def small_log(n=20, **kwargs) -> list[bytes]:
    head = fmt(128, b"FMT", b"BBnNZ", b"Type,Length,Name,Format,Columns", 89)
    own = fmt(130, b"GPS", b"QBIHLLe", b"TimeUS,Status,GMS,GWk,Lat,Lng,Alt", 3 + GPS.size)
    return [head, own, *(gps(i, **kwargs) for i in range(n))]


def write(tmp_path, parts):
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    return path


def test_gps_week_becomes_utc_with_leap_seconds(tmp_path):
    track = read_dataflash(write(tmp_path, small_log()))
    # week 2300 began 2024-02-04 00:00:00 GPS, which is 2024-02-03 23:59:42 UTC
    assert track.t_utc_ns[0] == 1_707_004_782_000_000_000 + 1_000_000_000
    np.testing.assert_array_equal(np.diff(track.t_utc_ns), 200_000_000)
    np.testing.assert_allclose(track.lat_deg, 47.0 + 1e-6 * np.arange(20), atol=1e-12)


def test_damage_between_records_is_skipped_and_named(tmp_path):
    parts = small_log()
    parts.insert(5, b"\x00garbage")
    records = read_records(write(tmp_path, parts))
    # the record before the damage has no record at its end, so it is not believed either
    assert [problem.kind for problem in records.problems] == ["damaged_bytes"]
    assert len(records.tables["GPS"]) == 19


def test_reading_in_chunks_changes_nothing(logs, monkeypatch):
    path = logs / "dronekit-la/log171.bin"
    whole = read_records(path, None)
    monkeypatch.setattr("telemetry.logs.dataflash_file.CHUNK_BYTES", 100_003)
    pieces = read_records(path, None)
    assert pieces.record_count == whole.record_count
    assert pieces.problems == ()
    for name, table in whole.tables.items():
        assert pieces.tables[name].fields.tobytes() == table.fields.tobytes(), name
        np.testing.assert_array_equal(pieces.tables[name].offset, table.offset)


def test_only_the_first_receiver_is_followed(tmp_path):
    own = struct.Struct("<QBBIHiii")
    head = fmt(130, b"GPS", b"QBBIHLLe", b"TimeUS,I,Status,GMS,GWk,Lat,Lng,Alt", 3 + own.size)
    parts = [small_log(0)[0], head]
    for i in range(10):
        for receiver, lat in ((0, 470000000), (1, 480000000)):
            body = own.pack(1_000_000 + 200_000 * i, receiver, 3, 1000 + 200 * i, 2300, lat, 80000000, 50000)
            parts.append(HEAD + b"\x82" + body)
    track = read_dataflash(write(tmp_path, parts))
    np.testing.assert_array_equal(track.lat_deg, 47.0)
    assert track.problems[0].kind == "raw_gps_only"


def two_receivers(tmp_path, statuses):
    """Write a log whose fused position lies at 47 N, the receivers' fixes at 47.001 and 47.002."""
    own, fused = struct.Struct("<QBBIHiii"), struct.Struct("<Qiii")
    parts = [
        small_log(0)[0],
        fmt(130, b"GPS", b"QBBIHLLe", b"TimeUS,I,Status,GMS,GWk,Lat,Lng,Alt", 3 + own.size),
        fmt(131, b"POS", b"QLLe", b"TimeUS,Lat,Lng,Alt", 3 + fused.size),
    ]
    for i in range(10):
        at = 1_000_000 + 200_000 * i
        for receiver, status in enumerate(statuses):
            lat = 470010000 + 10000 * receiver if status >= 3 else 0
            body = own.pack(at, receiver, status, 1000 + 200 * i, 2300 if status >= 3 else 0, lat, 80000000, 50000)
            parts.append(HEAD + b"\x82" + body)
        parts.append(HEAD + b"\x83" + fused.pack(at, 470000000, 80000000, 50000))
    return read_dataflash(write(tmp_path, parts))


@pytest.mark.parametrize(("statuses", "beside"), [((3, 3), 47.002), ((1, 3), 47.002), ((3, 0), 47.001), ((3,), 47.001)])
def test_the_other_receiver_is_what_the_position_is_held_against_and_any_with_a_fix_dates(tmp_path, statuses, beside):
    track = two_receivers(tmp_path, statuses)
    np.testing.assert_allclose(track.beside["gps_lat_deg"], beside, atol=1e-9)
    assert track.t_utc_ns[0] == 1_707_004_782_000_000_000 + 1_000_000_000
    assert track.problems == ()


def test_mount_record_gives_gimbal_in_the_earth_frame(tmp_path):
    mount = struct.Struct("<Qffff")
    head = fmt(131, b"MNT", b"Qffff", b"TimeUS,Roll,Pitch,YawB,YawE", 3 + mount.size)
    parts = small_log()
    parts.insert(2, head)
    for i in range(20):
        parts.append(HEAD + b"\x83" + mount.pack(1_000_000 + 200_000 * i, 0.0, -45.0, 10.0, 100.0))
    track = read_dataflash(write(tmp_path, parts))
    assert track.gimbal_frame == "earth"
    np.testing.assert_allclose(track.gimbal_pitch_deg, -45.0)
    np.testing.assert_allclose(track.gimbal_yaw_deg, 100.0)


def test_a_log_without_gps_time_says_so(tmp_path):
    track = read_dataflash(write(tmp_path, small_log(week=0)))
    assert track.t_utc_ns[0] == 1_000_000_000
    assert "no_vehicle_clock" in {problem.kind for problem in track.problems}


@pytest.mark.parametrize(
    ("name", "letters", "labels", "length"),
    [
        (b"GPS", b"QB", b"TimeUS,Status", 99),
        (b"G\xff", b"QB", b"TimeUS,Status", 12),
        (b"GPS", b"Q?", b"TimeUS,Status", 12),
        (b"GPS", b"QB", b"TimeUS", 12),
        (b"GPS", b"QB", b"Same,Same", 12),
    ],
)
def test_a_format_record_that_does_not_add_up_is_none(name, letters, labels, length):
    assert parse_format(fmt(130, name, letters, labels, length)) is None


def test_any_damage_ends_in_our_own_error_or_a_track(tmp_path, fuzz):
    fuzz.begin(24)
    whole = b"".join(small_log(12))
    path = tmp_path / "log"

    def use(data):
        path.write_bytes(data)
        assert (np.diff(read_dataflash(path).t_utc_ns) > 0).all()

    fuzz.each([whole], use)
