"""Telemetry logs against pymavlink, and damage that is made on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as dialect

from geo.errors import VedetteError
from telemetry.logs.tlog_file import read_messages, read_tlog
from telemetry.mavlink.frames import find_frames, message_ids, unpack

NAMES = ("GLOBAL_POSITION_INT", "ATTITUDE", "GPS_RAW_INT", "SYSTEM_TIME")


@pytest.fixture(scope="session")
def vtol(shared_data):
    return shared_data / "logs/ardupilot/vtol.tlog"


@pytest.fixture(scope="session")
def by_pymavlink(vtol):
    log = mavutil.mavlink_connection(str(vtol))
    rows: dict[str, list] = {name: [] for name in NAMES}
    count = 0
    while (message := log.recv_match()) is not None:
        count += 1
        if message.get_type() in rows:
            rows[message.get_type()].append(message)
    log.close()
    return count, rows


def test_every_field_of_every_message_is_what_pymavlink_reads(vtol, by_pymavlink):
    count, rows = by_pymavlink
    messages = read_messages(vtol, NAMES)
    assert messages.frame_count == count == 23894
    assert messages.problems == ()
    for name in NAMES:
        table = messages.tables[name]
        assert len(table) == len(rows[name])
        assert table.received_us.tolist() == [round(message._timestamp * 1e6) for message in rows[name]]
        for field in table.fields.dtype.names:
            # MAVLink 1 frames leave extension fields out: zero here, no attribute there
            expected = np.array([getattr(message, field, 0) for message in rows[name]])
            np.testing.assert_array_equal(
                table.fields[field], expected.astype(table.fields[field].dtype), err_msg=field
            )


def test_track_holds_each_fused_position_at_its_boot_time(vtol, by_pymavlink):
    track = read_tlog(vtol)
    _, rows = by_pymavlink
    clock = np.median([m.time_unix_usec * 1000 - m.time_boot_ms * 1_000_000 for m in rows["SYSTEM_TIME"]])
    for message in rows["GLOBAL_POSITION_INT"][::50]:
        t_ns = message.time_boot_ms * 1_000_000 + clock
        row = int(np.argmin(np.abs(track.t_utc_ns - t_ns)))
        assert abs(track.t_utc_ns[row] - t_ns) < 1_000_000
        assert track.lat_deg[row] == pytest.approx(message.lat * 1e-7, abs=1e-10)
        assert track.lon_deg[row] == pytest.approx(message.lon * 1e-7, abs=1e-10)
        assert track.alt_amsl_m[row] == pytest.approx(message.alt * 1e-3, abs=1e-6)
    assert (np.diff(track.t_utc_ns) > 0).all()
    kinds = {problem.kind for problem in track.problems}
    assert {"clocks_differ", "time_backwards", "dropout"} <= kinds


def packed(message, *, stamp_us: int, system: int = 1, version: int = 2) -> bytes:
    link = dialect.MAVLink(None, srcSystem=system, srcComponent=1)
    frame = message.pack(link, force_mavlink1=version == 1)
    return stamp_us.to_bytes(8, "big") + frame


def position(i: int, *, lat=47_0000000, lon=8_0000000, boot_ms=None):
    boot = 1000 + 200 * i if boot_ms is None else boot_ms
    return dialect.MAVLink_global_position_int_message(boot, lat + 100 * i, lon, 500_000, 80_000, 0, 0, 0, 0)


T0_US = 1_700_000_000_000_000


def small_log(n=20, **kwargs) -> list[bytes]:
    return [packed(position(i, **kwargs), stamp_us=T0_US + 200_000 * i) for i in range(n)]


@pytest.mark.parametrize("version", [1, 2])
def test_both_protocol_versions_are_read(tmp_path, version):
    path = tmp_path / "log"
    path.write_bytes(b"".join(packed(position(i), stamp_us=T0_US + 200_000 * i, version=version) for i in range(5)))
    track = read_tlog(path)
    np.testing.assert_allclose(track.lat_deg, 47.0 + 1e-5 * np.arange(5), atol=1e-12)
    np.testing.assert_array_equal(track.t_utc_ns, (T0_US + 200_000 * np.arange(5)) * 1000)


def test_a_signed_frame_is_stepped_over_whole(tmp_path):
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    link.signing.secret_key, link.signing.sign_outgoing = bytes(32), True
    link.signing.timestamp = 1
    frames = [(T0_US + 200_000 * i).to_bytes(8, "big") + position(i).pack(link) for i in range(4)]
    path = tmp_path / "log"
    path.write_bytes(b"".join(frames))
    assert len(frames[0]) > len(small_log(1)[0])
    messages = read_messages(path)
    assert messages.frame_count == 4
    assert messages.problems == ()


def test_a_flipped_byte_costs_one_frame_and_is_named(tmp_path):
    parts = small_log()
    broken = bytearray(parts[7])
    broken[8 + 12] ^= 0x40
    parts[7] = bytes(broken)
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    messages = read_messages(path)
    assert messages.frame_count == 19
    (problem,) = messages.problems
    assert problem.kind == "damaged_bytes"
    assert problem.offset == sum(map(len, parts[:7]))
    assert str(len(parts[7])) in problem.message


def test_a_lying_length_does_not_swallow_the_next_frames(tmp_path):
    parts = small_log()
    broken = bytearray(parts[3])
    broken[8 + 1] = 255
    parts[3] = bytes(broken)
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    assert read_messages(path).frame_count == 19


def test_a_log_cut_in_mid_frame_says_where(tmp_path):
    parts = small_log()
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts)[:-5])
    messages = read_messages(path)
    assert messages.frame_count == 19
    assert [problem.kind for problem in messages.problems] == ["cut_short"]


def test_reading_in_chunks_changes_nothing(tmp_path, monkeypatch, vtol):
    whole = read_messages(vtol)
    monkeypatch.setattr("telemetry.logs.tlog_file.CHUNK_BYTES", 10_007)
    pieces = read_messages(vtol)
    assert pieces.frame_count == whole.frame_count
    assert pieces.problems == ()
    for name, table in whole.tables.items():
        np.testing.assert_array_equal(pieces.tables[name].fields, table.fields)


def test_a_restart_gets_its_own_clock(tmp_path):
    first = [packed(position(i, boot_ms=100_000 + 200 * i), stamp_us=T0_US + 200_000 * i) for i in range(10)]
    second = [packed(position(i, boot_ms=500 + 200 * i), stamp_us=T0_US + 60_000_000 + 200_000 * i) for i in range(10)]
    path = tmp_path / "log"
    path.write_bytes(b"".join(first + second))
    track = read_tlog(path)
    assert "vehicle_restart" in {problem.kind for problem in track.problems}
    assert track.t_utc_ns[9] == (T0_US + 200_000 * 9) * 1000
    assert track.t_utc_ns[-1] == (T0_US + 60_000_000 + 200_000 * 9) * 1000


def test_week_rollover_is_undone_and_the_vehicles_own_time_is_kept(tmp_path):
    """The receiving computer is 3 s ahead: it tells the weeks, the vehicle still tells the seconds."""
    rolled_us, ahead_us = T0_US - 1024 * 7 * 86_400 * 1_000_000, 3_000_000
    parts = []
    for i in range(20):
        clock = dialect.MAVLink_system_time_message(rolled_us + 200_000 * i, 1000 + 200 * i)
        parts += [packed(m, stamp_us=T0_US + ahead_us + 200_000 * i) for m in (clock, position(i))]
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    track = read_tlog(path)
    assert track.t_utc_ns[0] == T0_US * 1000
    assert {"gps_week_rollover", "clocks_differ"} <= {problem.kind for problem in track.problems}


def test_a_vehicle_clock_that_steps_back_bends_no_duration(tmp_path):
    clock = [
        packed(
            dialect.MAVLink_system_time_message(T0_US + 200_000 * i - (60_000_000 if i >= 15 else 0), 1000 + 200 * i),
            stamp_us=T0_US + 200_000 * i,
        )
        for i in range(20)
    ]
    path = tmp_path / "log"
    path.write_bytes(b"".join(a + b for a, b in zip(clock, small_log(), strict=True)))
    track = read_tlog(path)
    assert set(np.diff(track.t_utc_ns)) == {200_000_000}
    assert "clock_jump" in {problem.kind for problem in track.problems}


def test_a_receiving_clock_that_steps_back_moves_nothing(tmp_path):
    """FAULTS 10: a ground computer set back a minute in mid-flight; the order of arrival and boot time hold."""
    parts = []
    for i in range(40):
        stamp_us = T0_US + 200_000 * i - (60_000_000 if i >= 30 else 0)
        clock = dialect.MAVLink_system_time_message(T0_US + 200_000 * i, 1000 + 200 * i)
        mount = dialect.MAVLink_mount_status_message(0, 0, -100 * i, 0, 0, 0)
        parts += [packed(message, stamp_us=stamp_us) for message in (clock, mount, position(i))]
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    track = read_tlog(path)
    np.testing.assert_array_equal(track.t_utc_ns, (T0_US + 200_000 * np.arange(40)) * 1000)
    np.testing.assert_allclose(track.gimbal_pitch_deg[1:], -np.arange(40.0)[1:], atol=0.7)
    assert {problem.kind for problem in track.problems} == {"clocks_differ"}


def test_jump_and_null_island_give_no_position(tmp_path):
    parts = small_log(30)
    for i in (10, 11):
        parts[i] = packed(position(i, lat=47_0270000), stamp_us=T0_US + 200_000 * i)
    parts[20] = packed(
        dialect.MAVLink_global_position_int_message(1000 + 200 * 20, 0, 0, 0, 0, 0, 0, 0, 0), stamp_us=T0_US + 4_000_000
    )
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    track = read_tlog(path)
    assert len(track) == 27
    assert track.lat_deg.max() < 47.001
    kinds = [problem.kind for problem in track.problems]
    assert "position_jump" in kinds
    assert "no_fix" in kinds


def test_the_vehicle_with_most_positions_is_followed(tmp_path):
    parts = small_log(10) + [
        packed(position(i, lat=10_0000000), stamp_us=T0_US + 200_000 * i, system=7) for i in range(3)
    ]
    path = tmp_path / "log"
    path.write_bytes(b"".join(parts))
    track = read_tlog(path)
    assert (track.lat_deg > 46).all()
    assert any("7 (3 positions)" in problem.message for problem in track.problems)


def test_a_log_without_positions_is_refused_by_name(tmp_path):
    path = tmp_path / "heartbeats.tlog"
    beat = dialect.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3)
    path.write_bytes(packed(beat, stamp_us=T0_US) * 3)
    with pytest.raises(VedetteError, match=r"heartbeats\.tlog: no GLOBAL_POSITION_INT"):
        read_tlog(path)


@pytest.mark.parametrize("checked", [False, True], ids=["any bytes", "whole frames of any numbers"])
def test_any_damage_ends_in_our_own_error_or_a_track(tmp_path, fuzz, checked):
    fuzz.begin(25 + checked)
    whole = b"".join(small_log(12))
    path = tmp_path / "log"

    def use(data):
        stamped = [T0_US.to_bytes(8, "big") + frame for frame in fuzz.messages(8 * checked)]
        path.write_bytes(whole[: len(whole) // 2] + b"".join(stamped) if checked else data)
        track = read_tlog(path)
        assert (np.diff(track.t_utc_ns) > 0).all()
        assert np.isfinite(track.lat_deg).all()

    fuzz.each([whole], use)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_noise_holds_no_checked_frame(noise):
    data = np.frombuffer(noise, dtype=np.uint8)
    frames, scan = find_frames(data, stamped=False)
    assert 0 <= scan.consumed <= len(data)
    tables = unpack(data, frames, message_ids(NAMES))
    for name, table in tables.items():
        assert len(table) <= len(frames.start), name
