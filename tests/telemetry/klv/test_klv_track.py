from __future__ import annotations

import numpy as np
import pytest

from geo.values import GimbalFrame
from telemetry.klv import decode, encode
from telemetry.klv.klv_track import track_from_klv


def flat_geoid(lat_deg, lon_deg, /):
    return np.full(np.shape(lat_deg), 47.0)


def packet(**items):
    values = {2: 1_700_000_000_000_000, 5: 200.0, 13: 50.0, 14: 8.0, 18: 350.0, 19: -30.0, 20: 359.0}
    return encode({**values, **{int(name[1:]): value for name, value in items.items()}})


def track_of(*packets, **options):
    return track_from_klv(decode(b"".join(packets)), undulation=flat_geoid, **options)


@pytest.mark.parametrize(
    ("items", "hae", "amsl"),
    [
        ({"t15": 500.0}, 547.0, 500.0),
        ({"t75": 547.0}, 547.0, 500.0),
        ({"t75": 600.0, "t104": 547.0}, 547.0, 500.0),
        ({"t15": 400.0, "t104": 547.0}, 547.0, 400.0),
    ],
)
def test_each_height_has_its_datum(items, hae, amsl):
    track = track_of(packet(**items))
    assert track.alt_hae_m[0] == pytest.approx(hae, abs=0.2)
    assert track.alt_amsl_m[0] == pytest.approx(amsl, abs=0.2)


def test_no_height_is_nan_not_zero():
    assert np.isnan(track_of(packet()).alt_hae_m[0])


def test_angles_are_signed_and_in_the_airframe():
    track = track_of(packet(t15=1.0))
    assert track.gimbal_frame is GimbalFrame.BODY
    assert track.yaw_deg[0] == pytest.approx(-160.0, abs=0.01)
    assert track.gimbal_yaw_deg[0] == pytest.approx(-10.0, abs=1e-6)
    assert track.gimbal_roll_deg[0] == pytest.approx(-1.0, abs=1e-6)


def test_full_range_attitude_wins_over_the_narrow_one():
    track = track_of(packet(t6=float("nan"), t90=-45.0, t7=10.0, t91=80.0))
    assert track.pitch_deg[0] == pytest.approx(-45.0, abs=1e-6)
    assert track.roll_deg[0] == pytest.approx(80.0, abs=1e-6)


def test_leap_seconds_of_the_stream_are_added():
    plain, told = track_of(packet()), track_of(packet(t136=-29))
    assert plain.t_utc_ns[0] == 1_700_000_000_000_000_000
    assert told.t_utc_ns[0] - plain.t_utc_ns[0] == -29_000_000_000
    assert track_of(packet(), leap_seconds=-29).t_utc_ns[0] == told.t_utc_ns[0]


def test_a_dropped_packet_leaves_a_hole_not_a_value():
    first, second = packet(), packet(t2=1_700_000_000_100_000)
    broken = bytearray(second)
    broken[30] ^= 1
    track = track_of(first, bytes(broken))
    assert len(track) == 1
    assert [problem.kind for problem in track.problems] == ["checksum"]


@pytest.mark.parametrize("nowhere", [{"t13": 0.0, "t14": 0.0}, {"t13": float("nan")}])
def test_a_packet_without_a_place_is_left_out_and_told(nowhere):
    track = track_of(packet(), packet(t2=1_700_000_000_100_000, **nowhere))
    assert len(track) == 1
    assert [problem.kind for problem in track.problems] == ["no_fix"]


def test_times_rise_and_repeats_are_told():
    moments = (1_700_000_000_200_000, 1_700_000_000_100_000, 1_700_000_000_100_000, 1_700_000_000_300_000)
    track = track_of(*(packet(t2=moment) for moment in moments))
    assert np.diff(track.t_utc_ns).tolist() == [100_000_000, 100_000_000]
    assert sorted(problem.kind for problem in track.problems) == ["duplicate_time", "time_backwards"]


def test_absurd_times_are_left_out():
    track = track_of(packet(), packet(t2=2**63), packet(t2=0))
    assert len(track) == 1
    assert [problem.kind for problem in track.problems] == ["time"]


def test_a_field_of_view_holds_for_half_a_minute():
    start = 1_700_000_000_000_000
    track = track_of(packet(t16=40.0), packet(t2=start + 29_000_000), packet(t2=start + 31_000_000))
    np.testing.assert_allclose(track.hfov_deg, [40.0, 40.0, np.nan], atol=0.01)
    assert [problem.kind for problem in track.problems] == ["dropout", "dropout"]


def test_a_jump_of_three_kilometres_is_flagged_and_gives_no_pose():
    start = 1_700_000_000_000_000
    packets = [packet(t2=start + k * 100_000, t13=50.03 if k == 10 else 50.0) for k in range(20)]
    track = track_of(*packets)
    assert len(track) == 19
    assert [problem.kind for problem in track.problems] == ["position_jump"]


def test_the_cheyenne_flight_is_where_it_was_flown(shared_data):
    track = track_from_klv(decode((shared_data / "klv/klvdata/Cheyenne.bin").read_bytes()))
    assert len(track) == 407
    assert track.problems == ()
    assert np.all(np.abs(track.lat_deg - 41.1) < 0.2)
    assert np.all(np.abs(track.lon_deg + 104.8) < 0.2)
    np.testing.assert_allclose(track.alt_hae_m - track.alt_amsl_m, -16.0, atol=2.0)
    assert np.diff(track.t_utc_ns).max() < 0.3e9
