"""Gimbals, fields of view, geoids and the live builder, from messages made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect
from scipy.spatial.transform import Rotation

from geo.values import GimbalFrame
from telemetry.mavlink.frames import MessageTable
from telemetry.mavlink.gimbal import quaternion_angles
from telemetry.mavlink.pose import PoseTrackBuilder
from telemetry.tracks.track_errors import SourceError

YAW_LOCK = dialect.GIMBAL_DEVICE_FLAGS_YAW_LOCK
YAW_IN_VEHICLE_FRAME = dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME
YAW_IN_EARTH_FRAME = dialect.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME
T0_US = 1_700_000_000_000_000


def sent(message, i: float, system: int = 1):
    """Pack and decode a message, so that it carries its sender as one off the wire does."""
    link = dialect.MAVLink(None, srcSystem=system, srcComponent=1)
    reader = dialect.MAVLink(None)
    reader.robust_parsing = True
    return reader.parse_buffer(message.pack(link))[0], T0_US + round(100_000 * i)


def positions(n=20):
    for i in range(n):
        yield (
            dialect.MAVLink_global_position_int_message(1000 + 100 * i, 470000000 + i, 80000000, 500000, 0, 0, 0, 0, 0),
            i,
        )


def attitudes(n=20, yaw_deg=90.0):
    for i in range(n):
        yield dialect.MAVLink_attitude_message(1000 + 100 * i, 0.0, 0.0, np.radians(yaw_deg), 0, 0, 0), i


def device(i, *, yaw, pitch, flags):
    x, y, z, w = Rotation.from_euler("ZYX", [yaw, pitch, 0.0], degrees=True).as_quat()
    return dialect.MAVLink_gimbal_device_attitude_status_message(
        0, 0, 1000 + 100 * i, flags, [w, x, y, z], 0, 0, 0, 0
    ), i


def built(*streams, **kwargs):
    """Feed all streams in the order in which they would arrive."""
    builder = PoseTrackBuilder(source="live", **kwargs)
    for message, i in sorted((item for stream in streams for item in stream), key=lambda item: item[1]):
        decoded, received_us = sent(message, i)
        assert builder.feed(decoded, received_us=received_us)
    return builder.track()


FLAGS = [
    (YAW_IN_VEHICLE_FRAME, GimbalFrame.VEHICLE_YAW),
    (YAW_IN_EARTH_FRAME, GimbalFrame.EARTH),
    (YAW_LOCK, GimbalFrame.EARTH),
    (0, GimbalFrame.VEHICLE_YAW),
    (YAW_IN_VEHICLE_FRAME | YAW_LOCK, GimbalFrame.VEHICLE_YAW),
]


@pytest.mark.parametrize(("flags", "frame"), FLAGS)
def test_gimbal_flags_name_the_frame(flags, frame):
    track = built(positions(), attitudes(), (device(i, yaw=30.0, pitch=-40.0, flags=flags) for i in range(20)))
    assert track.gimbal_frame is frame
    np.testing.assert_allclose(track.gimbal_yaw_deg, 30.0, atol=1e-4)
    np.testing.assert_allclose(track.gimbal_pitch_deg, -40.0, atol=1e-4)


def test_a_frame_that_changes_in_flight_is_turned_into_the_earth_frame():
    gimbal = (
        device(i, yaw=30.0, pitch=-40.0, flags=YAW_IN_VEHICLE_FRAME if i < 10 else YAW_IN_EARTH_FRAME)
        for i in range(20)
    )
    track = built(positions(), attitudes(yaw_deg=90.0), gimbal)
    assert track.gimbal_frame is GimbalFrame.EARTH
    np.testing.assert_allclose(track.gimbal_yaw_deg[:10], 120.0, atol=1e-4)
    np.testing.assert_allclose(track.gimbal_yaw_deg[10:], 30.0, atol=1e-4)


def test_a_nan_that_signals_is_a_nan():
    fields = np.frombuffer((0x7F800001).to_bytes(4, "little"), dtype=[("yaw", "<f4")])
    one, none = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.uint8)
    table = MessageTable(received_us=one, sequence=one, system=none, component=none, fields=fields)
    assert np.isnan(table.column("yaw")).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_yaw_that_is_no_number_spoils_no_yaw_after_it(broken):
    turning = [dialect.MAVLink_attitude_message(1000 + 100 * i, 0.0, 0.0, 1.5, 0, 0, 0) for i in range(20)]
    turning[4] = dialect.MAVLink_attitude_message(1400, 0.0, 0.0, broken, 0, 0, 0)
    frames = [YAW_IN_VEHICLE_FRAME if i < 10 else YAW_IN_EARTH_FRAME for i in range(20)]
    looks = [device(i, yaw=10.0, pitch=-30.0, flags=flag) for i, flag in enumerate(frames)]
    track = built(positions(), [(message, i) for i, message in enumerate(turning)], looks)
    expected = np.where(np.arange(20) < 10, 10.0 + np.degrees(1.5), 10.0)
    assert np.isfinite(track.gimbal_yaw_deg).all()
    np.testing.assert_allclose(track.gimbal_yaw_deg[[0, 3, 7, 15]], expected[[0, 3, 7, 15]], atol=0.01)


def mount(i, absolute):
    return dialect.MAVLink_mount_orientation_message(1000 + 100 * i, 0.0, -30.0, 15.0, absolute), i


@pytest.mark.parametrize(
    ("absolute", "frame", "yaw"), [(np.nan, GimbalFrame.VEHICLE_YAW, 15), (105.0, GimbalFrame.EARTH, 105)]
)
def test_mount_orientation_with_and_without_absolute_yaw(absolute, frame, yaw):
    track = built(positions(), attitudes(), (mount(i, absolute) for i in range(20)))
    assert track.gimbal_frame is frame
    np.testing.assert_allclose(track.gimbal_yaw_deg, yaw)
    np.testing.assert_allclose(track.gimbal_pitch_deg, -30.0)


def test_mount_status_is_in_centidegrees():
    track = built(
        positions(), ((dialect.MAVLink_mount_status_message(0, 0, -4500, 100, 2000, 0), i) for i in range(20))
    )
    assert track.gimbal_frame is GimbalFrame.VEHICLE_YAW
    angles = (track.gimbal_pitch_deg[3], track.gimbal_roll_deg[3], track.gimbal_yaw_deg[3])
    assert angles == pytest.approx((-45.0, 1.0, 20.0))


def view(i, hfov):
    q = [1.0, 0.0, 0.0, 0.0]
    return dialect.MAVLink_camera_fov_status_message(1000 + 100 * i, 0, 0, 0, 0, 0, 0, q, hfov, 45.0), i


def test_field_of_view_holds_until_the_next_one():
    track = built(positions(), [view(0, 60.0), view(10, 20.0)])
    np.testing.assert_allclose(track.hfov_deg[:10], 60.0)
    np.testing.assert_allclose(track.hfov_deg[10:], 20.0)


def raw(i, ellipsoid_mm, h_acc=1500):
    return dialect.MAVLink_gps_raw_int_message(
        100_000 * i, 3, 470000000, 80000000, 500000, 100, 100, 0, 0, 12, ellipsoid_mm, h_acc, 2500, 0, 0
    ), i


def test_accuracy_is_held_and_the_receivers_geoid_is_checked():
    good = built(positions(), (raw(i, 548_000) for i in range(20)))  # EGM96 at 47 N 8 E: some 48 m
    assert "geoid_disagrees" not in {problem.kind for problem in good.problems}
    # the first position came before the first raw fix, so nothing is known of its accuracy
    np.testing.assert_allclose(good.sigma_h_m[1:], 1.5)
    np.testing.assert_allclose(good.sigma_v_m[1:], 2.5)
    wrong = built(positions(), (raw(i, 500_100) for i in range(20)))
    assert "geoid_disagrees" in {problem.kind for problem in wrong.problems}
    np.testing.assert_allclose(wrong.alt_hae_m, good.alt_hae_m)
    unknown = built(positions(), (raw(i, 0, h_acc=0) for i in range(20)))
    assert np.isnan(unknown.sigma_h_m).all()


def test_a_gimbal_with_its_own_boot_time_is_moved_to_the_autopilots():
    """Component 154 booted 40 s after the autopilot; its angles still lie at the moments they were sent."""
    builder = PoseTrackBuilder(source="live")
    for i in range(40):
        ((position, _),) = [item for item in positions(40) if item[1] == i]
        gimbal = device(i, yaw=0.0, pitch=-1.0 * i, flags=YAW_IN_EARTH_FRAME)[0]
        gimbal.time_boot_ms = 100 + 100 * i
        position.time_boot_ms = 40_100 + 100 * i
        for message, component in ((position, 1), (gimbal, 154)):
            link = dialect.MAVLink(None, srcSystem=1, srcComponent=component)
            decoded = dialect.MAVLink(None).parse_buffer(message.pack(link))[0]
            builder.feed(decoded, received_us=T0_US + 100_000 * i)
    track = builder.track()
    np.testing.assert_allclose(track.gimbal_pitch_deg[1:-1], -np.arange(40.0)[1:-1], atol=1.0)
    (problem,) = [problem for problem in track.problems if problem.kind == "other_clock"]
    assert "component 154" in problem.message
    assert "-40.0 s" in problem.message


def test_a_gimbals_own_attitude_message_is_not_the_aircrafts():
    builder = PoseTrackBuilder(source="live")
    for i in range(20):
        for message, component in (
            (next(m for m, k in positions() if k == i), 1),
            (next(m for m, k in attitudes(yaw_deg=90.0) if k == i), 1),
            (next(m for m, k in attitudes(yaw_deg=-30.0) if k == i), 154),
            (next(m for m, k in attitudes(yaw_deg=-30.0) if k == i), 154),
        ):
            link = dialect.MAVLink(None, srcSystem=1, srcComponent=component)
            decoded = dialect.MAVLink(None).parse_buffer(message.pack(link))[0]
            builder.feed(decoded, received_us=T0_US + 100_000 * i)
    np.testing.assert_allclose(builder.track().yaw_deg, 90.0, atol=1e-4)


def other(count=15, *, later_ms=1_000_000):
    """Return positions and attitudes of a second vehicle with the same numbers, which booted at another time."""
    for i in range(count):
        at = 1000 + 100 * i + later_ms
        yield dialect.MAVLink_global_position_int_message(at, 480000000 + i, 80000000, 500000, 0, 0, 0, 0, 0), i + 0.5
        yield dialect.MAVLink_attitude_message(at, 0.0, 0.0, 0.0, 0, 0, 0), i + 0.5


@pytest.mark.parametrize("later_ms", [1_000_000, -900])
def test_two_vehicles_under_one_number_are_told_apart_by_their_boot_clocks(later_ms):
    shift = 1_000_000 if later_ms < 0 else 0

    def own(message, i):
        message.time_boot_ms += shift
        return message, i

    ours = [own(*item) for item in (*positions(), *attitudes())]
    track = built(ours, other(later_ms=later_ms), [raw(3, 0)])
    assert {round(lat, 4) for lat in track.lat_deg} == {47.0}
    assert len(track) == 20
    np.testing.assert_allclose(track.yaw_deg, 90.0, atol=1e-4)
    (told,) = [problem for problem in track.problems if problem.kind == "other_vehicles"]
    assert "a number of its own" in told.message


def test_a_restart_and_a_receiving_clock_that_steps_are_no_second_vehicle():
    runs = [[(message, i + late) for message, i in positions(100)] for late in (0, 200, 400, 600)]
    kinds = [problem.kind for problem in built(*runs, keep_s=600.0).problems]
    assert kinds.count("vehicle_restart") == 3
    assert "other_vehicles" not in kinds
    stepping = [(message, i + 100 * (i // 3 % 2)) for message, i in positions()]
    builder = PoseTrackBuilder(source="live")
    for message, i in stepping:
        decoded, received_us = sent(message, i)
        builder.feed(decoded, received_us=received_us)
    track = builder.track()
    assert "other_vehicles" not in {problem.kind for problem in track.problems}
    assert len(track) == 20


def test_without_fused_positions_raw_gps_is_used_and_named():
    track = built(raw(i, 0) for i in range(20))
    assert {problem.kind for problem in track.problems} == {"raw_gps_only", "no_vehicle_clock"}
    np.testing.assert_array_equal(track.t_utc_ns, (T0_US + 100_000 * np.arange(20)) * 1000)


def test_attitude_quaternion_stands_in_for_attitude():
    def quaternions():
        for i in range(20):
            w, x, y, z = np.roll(Rotation.from_euler("ZYX", [80.0, 5.0, -3.0], degrees=True).as_quat(), 1)
            yield dialect.MAVLink_attitude_quaternion_message(1000 + 100 * i, w, x, y, z, 0, 0, 0), i

    track = built(positions(), quaternions())
    np.testing.assert_allclose(track.yaw_deg, 80.0, atol=1e-4)
    np.testing.assert_allclose(track.pitch_deg, 5.0, atol=1e-4)
    np.testing.assert_allclose(track.roll_deg, -3.0, atol=1e-4)


def test_quaternion_angles_agree_with_scipy(rng):
    rotation = Rotation.random(500, random_state=7)
    wxyz = np.roll(rotation.as_quat(), 1, axis=1)
    ours = quaternion_angles(wxyz)
    yaw, pitch, roll = rotation.as_euler("ZYX", degrees=True).T
    np.testing.assert_allclose(ours["yaw_deg"], yaw, atol=1e-9)
    np.testing.assert_allclose(ours["pitch_deg"], pitch, atol=1e-9)
    np.testing.assert_allclose(ours["roll_deg"], roll, atol=1e-9)
    assert np.isnan(quaternion_angles(np.zeros((1, 4)))["yaw_deg"]).all()


def test_the_live_builder_forgets_what_is_old_and_ignores_the_rest():
    builder = PoseTrackBuilder(source="live", keep_s=2.0)
    with pytest.raises(SourceError, match="live: no GLOBAL_POSITION_INT"):
        builder.track()
    for message, i in positions(200):
        decoded, received_us = sent(message, i)
        builder.feed(decoded, received_us=received_us)
    track = builder.track()
    assert len(track) < 50
    assert track.t_utc_ns[-1] == (T0_US + 100_000 * 199) * 1000
    beat, received_us = sent(dialect.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3), 0)
    assert not builder.feed(beat, received_us=received_us)


def test_the_live_builder_stays_small_when_the_clock_steps_back(monkeypatch):
    monkeypatch.setattr(PoseTrackBuilder, "MOST_ROWS", 100)
    builder = PoseTrackBuilder(source="live", keep_s=1.0)
    for message, i in positions(500):
        decoded, received_us = sent(message, i)
        builder.feed(decoded, received_us=received_us - 86_400_000_000 * (i > 10))
    assert len(builder.track()) <= 100


def test_live_and_recorded_give_the_same_track(shared_data, tmp_path):
    """The builder, fed with a log's own messages by pymavlink, builds the track that the log reader builds."""
    from pymavlink import mavutil

    from telemetry.tracks.sources import read_track

    path = shared_data / "logs/ardupilot/vtol.tlog"
    log = mavutil.mavlink_connection(str(path), dialect="ardupilotmega")
    builder = PoseTrackBuilder(source="vtol.tlog", keep_s=600.0)
    while (message := log.recv_match()) is not None:
        builder.feed(message, received_us=round(message._timestamp * 1e6))
    log.close()
    live, recorded = builder.track(), read_track(path)
    np.testing.assert_array_equal(live.t_utc_ns, recorded.t_utc_ns)
    np.testing.assert_array_equal(live.lat_deg, recorded.lat_deg)
    np.testing.assert_allclose(live.yaw_deg, recorded.yaw_deg, atol=1e-5)
