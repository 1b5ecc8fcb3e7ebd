"""Each autopilot's manners in a mission transfer, from its own timers to what is left of an item."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan import MissionItem
from missions.plan_files.dialect import POSITION_COMMANDS, Dialect, MissionType
from missions.transfer.storage import differences
from missions.transfer.values import Peer
from sitl.vehicle.mission_server import MissionServer
from sitl.vehicle.storage import ARDUPILOT_KEEPS, Storage, px4_verdict
from sitl.vehicle.wire import WireItem, to_message

GCS, OTHER = (255, 190), (254, 190)


class Talk:
    """A server and what it has said, on a clock that the test holds."""

    def __init__(self, dialect: Dialect, kind: MissionType = MissionType.MISSION, **options) -> None:
        self.said: list = []
        self.changes = 0
        self.kind = kind
        self.server = MissionServer(
            dialect, kind, send=lambda m, to: self.said.append((m, to)), on_change=self._changed, **options
        )

    def _changed(self) -> None:
        self.changes += 1

    def hear(self, message, now_s: float = 0.0, peer: tuple[int, int] = GCS) -> list:
        packer = mavlink.MAVLink(None, srcSystem=peer[0], srcComponent=peer[1])
        before = len(self.said)
        self.server.handle(mavlink.MAVLink(None).decode(bytearray(message.pack(packer))), now_s)
        return [m for m, _ in self.said[before:]]

    def tick(self, now_s: float) -> list:
        before = len(self.said)
        self.server.tick(now_s)
        return [m for m, _ in self.said[before:]]

    def count(self, n: int, now_s: float = 0.0, peer: tuple[int, int] = GCS) -> list:
        return self.hear(mavlink.MAVLink_mission_count_message(1, 1, n, int(self.kind)), now_s, peer)

    def item(self, seq: int, now_s: float = 0.0, peer: tuple[int, int] = GCS, **fields) -> list:
        one = WireItem(
            **{"seq": seq, "command": 16, "frame": 3, "x": 540_000_000 + seq, "y": 230_000_000, "z": 30.0, **fields}
        )
        message = to_message(one, mission_type=int(self.kind), current=False, to_sysid=1, to_compid=1, as_int=True)
        return self.hear(message, now_s, peer)


def kinds(messages: list) -> list[str]:
    return [m.get_type() for m in messages]


def test_ardupilot_asks_with_mission_request_and_px4_with_int():
    assert kinds(Talk(Dialect.ARDUPILOT).count(2)) == ["MISSION_REQUEST"]
    assert kinds(Talk(Dialect.PX4).count(2)) == ["MISSION_REQUEST_INT"]


@pytest.mark.parametrize(("dialect", "re_ask", "give_up"), [(Dialect.ARDUPILOT, 1.0, 8.0), (Dialect.PX4, 0.5, 5.0)])
def test_an_overdue_item_is_asked_for_again_and_then_given_up(dialect, re_ask, give_up):
    peer = Talk(dialect)
    peer.count(3, 10.0)
    assert peer.tick(10.0 + re_ask - 0.01) == []
    again = peer.tick(10.0 + re_ask + 0.01)
    assert [m.seq for m in again] == [0]
    peer.item(0, 11.5)
    assert [m.seq for m in peer.tick(11.5 + re_ask + 0.01)] == [1]
    assert peer.server.receiving
    ended = peer.tick(11.5 + give_up + 0.01)
    assert [(m.get_type(), m.type) for m in ended] == [("MISSION_ACK", mavlink.MAV_MISSION_OPERATION_CANCELLED)]
    assert not peer.server.receiving


def test_an_item_out_of_sequence_draws_an_answer_from_ardupilot_and_silence_from_px4():
    ardupilot, px4 = Talk(Dialect.ARDUPILOT), Talk(Dialect.PX4)
    for peer in (ardupilot, px4):
        peer.count(3)
    assert [m.type for m in ardupilot.item(2)] == [mavlink.MAV_MISSION_INVALID_SEQUENCE]
    assert px4.item(2) == []
    for peer in (ardupilot, px4):
        assert [m.seq for m in peer.item(0)] == [1]  # and the transfer goes on


def test_px4_acknowledges_a_repeated_last_item_and_ardupilot_calls_it_an_error():
    for dialect, result in (
        (Dialect.PX4, mavlink.MAV_MISSION_ACCEPTED),
        (Dialect.ARDUPILOT, mavlink.MAV_MISSION_ERROR),
    ):
        peer = Talk(dialect)
        peer.count(1)
        assert [m.type for m in peer.item(0)] == [mavlink.MAV_MISSION_ACCEPTED]
        assert [m.type for m in peer.item(0)] == [result]


def test_a_second_uploader_is_denied_and_the_first_goes_on():
    peer = Talk(Dialect.ARDUPILOT)
    peer.count(2)
    assert [m.type for m in peer.count(5, peer=OTHER)] == [mavlink.MAV_MISSION_DENIED]
    assert [m.type for m in peer.item(0, peer=OTHER)] == [mavlink.MAV_MISSION_DENIED]
    peer.item(0)
    assert [m.type for m in peer.item(1)] == [mavlink.MAV_MISSION_ACCEPTED]
    assert len(peer.server.items) == 2


def test_a_broken_upload_leaves_a_mixture_on_ardupilot_and_the_old_plan_on_px4():
    for dialect, latitudes in ((Dialect.ARDUPILOT, [9, 1, 2]), (Dialect.PX4, [0, 1, 2, 3])):
        peer = Talk(dialect)
        peer.count(4)
        for seq in range(4):
            peer.item(seq)
        peer.count(3, 100.0)
        peer.item(0, 100.0, x=540_000_009)
        peer.tick(200.0)
        assert [one.x - 540_000_000 for one in peer.server.items] == latitudes


def test_too_many_items_and_a_mission_before_ready_get_no_space():
    peer = Talk(Dialect.ARDUPILOT)
    assert [m.type for m in peer.count(10_000)] == [mavlink.MAV_MISSION_NO_SPACE]
    peer.server.ready = False
    assert [m.type for m in peer.count(2)] == [mavlink.MAV_MISSION_NO_SPACE]


def test_a_running_mission_is_not_cleared():
    peer = Talk(Dialect.ARDUPILOT, busy=lambda: True)
    peer.count(1)
    peer.item(0)
    assert [m.type for m in peer.hear(mavlink.MAVLink_mission_clear_all_message(1, 1, 0))] == [
        mavlink.MAV_MISSION_ERROR
    ]
    assert len(peer.server.items) == 1


def test_px4_lets_any_station_wipe_the_mission_that_it_flies():
    peer = Talk(Dialect.PX4, busy=lambda: True)
    peer.count(1)
    peer.item(0)
    assert [m.type for m in peer.hear(mavlink.MAVLink_mission_clear_all_message(1, 1, 0))] == [
        mavlink.MAV_MISSION_ACCEPTED
    ]
    assert len(peer.server.items) == 0


def test_downloads_answer_either_request_and_name_a_missing_item():
    peer = Talk(Dialect.ARDUPILOT)
    peer.count(1)
    peer.item(0)
    assert peer.hear(mavlink.MAVLink_mission_request_list_message(1, 1, 0))[0].count == 1
    (as_int,) = peer.hear(mavlink.MAVLink_mission_request_int_message(1, 1, 0, 0))
    (as_float,) = peer.hear(mavlink.MAVLink_mission_request_message(1, 1, 0, 0))
    assert as_int.x == 540_000_000
    assert as_float.x == pytest.approx(54.0, abs=1e-5)
    assert [m.type for m in peer.hear(mavlink.MAVLink_mission_request_int_message(1, 1, 7, 0))] == [
        mavlink.MAV_MISSION_INVALID_SEQUENCE
    ]


@pytest.mark.parametrize(("sent", "kept"), [
    ({"command": 16, "p1": 3.7, "p2": 5.0, "z": 30.129}, {"p1": 3.0, "p2": 0.0, "z": 30.12}),
    ({"command": 1000, "p1": -45.6, "p2": 170.9, "x": 16}, {"p1": -45.0, "p2": 170.0, "x": 16, "frame": 0}),
    ({"command": 18, "p1": 3.0, "p3": -50.0, "p4": 0.5}, {"p1": 3.0, "p3": -50.0, "p4": 1.0}),
    ({"command": 17, "p3": -120.4}, {"p3": -120.0}),
    ({"command": 21, "p4": 0.0}, {"p4": 1.0}),
    ({"command": 20, "x": 5, "y": 6, "z": 7.0}, {"x": 0, "y": 0, "z": 0.0, "frame": 0}),
    ({"command": 178, "p1": 1.0, "p2": 14.25, "p3": -1.0}, {"p2": 14.25, "p3": -1.0, "frame": 0}),
    ({"command": 16, "frame": 6}, {"frame": 3}),
    ({"command": 16, "frame": 5}, {"frame": 0}),
    ({"command": 16, "frame": 11}, {"frame": 10}),
    ({"command": 177, "p1": 3.0, "p2": -1.0}, {"p1": 3.0, "p2": -1.0}),
])  # fmt: skip
def test_what_ardupilot_keeps_of_an_item(sent, kept):
    base = {"seq": 1, "frame": 3, "x": 540_000_000, "y": 230_000_000, "z": 30.0}
    stored = Storage(Dialect.ARDUPILOT, MissionType.MISSION).keep(WireItem(**{**base, **sent}))
    for name, value in kept.items():
        assert getattr(stored, name) == pytest.approx(value, abs=1e-9), name


@settings(max_examples=200, deadline=None)
@given(
    command=st.sampled_from(sorted(ARDUPILOT_KEEPS)),
    p=st.tuples(*[st.floats(width=32)] * 4),
    z=st.floats(-8000, 8000, width=32),
    frame=st.sampled_from([0, 2, 3, 5, 6, 10, 11]),
)
def test_storing_twice_changes_nothing_more(command, p, z, frame):
    storage = Storage(Dialect.ARDUPILOT, MissionType.MISSION)
    once = storage.keep(
        WireItem(seq=1, command=command, frame=frame, p1=p[0], p2=p[1], p3=p[2], p4=p[3], x=5, y=6, z=z)
    )
    twice = storage.keep(once)
    assert repr(once).replace("-0.0", "0.0") == repr(twice).replace("-0.0", "0.0") or abs(once.z - twice.z) < 0.0101


@pytest.mark.parametrize(("items", "said"), [
    ([], ""),
    ([(22, 6, 20.0), (16, 6, 20.0)], ""),
    ([(21, 6, 0.0)], "Starts with landing"),
    ([(16, 6, 20.0), (22, 6, 20.0)], "not the first"),
    ([(22, 5, 100.0)], "too low"),
    ([(22, 6, 0.0)], "too low"),
])  # fmt: skip
def test_what_px4_says_of_a_mission_after_the_transfer(items, said):
    rows = tuple(
        WireItem(seq=i, command=c, frame=f, x=540_000_000, y=230_000_000, z=z) for i, (c, f, z) in enumerate(items)
    )
    verdict = px4_verdict(rows, home_alt_amsl_m=140.0)
    assert said in verdict
    assert bool(verdict) is bool(said)


@pytest.mark.parametrize(("dialect", "fields", "result"), [
    (Dialect.ARDUPILOT, {"command": 16, "p4": math.nan}, mavlink.MAV_MISSION_ACCEPTED),
    (Dialect.ARDUPILOT, {"command": 16, "p2": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM2),
    (Dialect.ARDUPILOT, {"command": 178, "p3": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM3),
    (Dialect.ARDUPILOT, {"command": 530}, mavlink.MAV_MISSION_UNSUPPORTED),
    (Dialect.ARDUPILOT, {"command": 16, "frame": 11}, mavlink.MAV_MISSION_ACCEPTED),
    (Dialect.ARDUPILOT, {"command": 16, "x": 910_000_000}, mavlink.MAV_MISSION_INVALID_PARAM5_X),
    (Dialect.ARDUPILOT, {"command": 16, "frame": 2}, mavlink.MAV_MISSION_ACCEPTED),
    (Dialect.ARDUPILOT, {"command": 16, "z": math.nan}, mavlink.MAV_MISSION_INVALID_PARAM7),
    (Dialect.PX4, {"command": 16, "p2": math.nan}, mavlink.MAV_MISSION_ACCEPTED),
    (Dialect.PX4, {"command": 16, "frame": 11}, mavlink.MAV_MISSION_UNSUPPORTED_FRAME),
    (Dialect.PX4, {"command": 178, "frame": 3}, mavlink.MAV_MISSION_UNSUPPORTED),
    (Dialect.PX4, {"command": 178, "frame": 2}, mavlink.MAV_MISSION_ACCEPTED),
    (Dialect.PX4, {"command": 189, "frame": 2}, mavlink.MAV_MISSION_ACCEPTED),
])  # fmt: skip
def test_which_items_are_taken(dialect, fields, result):
    usual = {"command": 16, "frame": 3, "x": 540_000_000, "y": 230_000_000, "z": 30.0}
    assert Storage(dialect, MissionType.MISSION).judge(WireItem(seq=0, **{**usual, **fields})) == result


@settings(max_examples=400, deadline=None)
@given(
    command=st.sampled_from(sorted(ARDUPILOT_KEEPS)),
    p=st.tuples(*[st.floats(-100.0, 100.0, width=32)] * 4),
    height=st.floats(-500.0, 5000.0, width=32),
    frame=st.sampled_from([0, 3, 10]),
)
def test_the_uploader_and_the_vehicle_agree_on_what_is_kept(command, p, height, frame):
    """Two tables made apart from each other: `missions.transfer` must take this storage's read-back for its own."""
    x, y = (540_000_000, 230_000_000) if command in POSITION_COMMANDS else (0, 0)
    numbers = dict(zip(("p1", "p2", "p3", "p4"), p, strict=True))
    kept = Storage(Dialect.ARDUPILOT, MissionType.MISSION).keep(
        WireItem(seq=1, command=command, frame=frame, x=x, y=y, z=height, **numbers)
    )

    def item(wire: WireItem | None = None) -> MissionItem:
        one = wire or WireItem(seq=1, command=command, frame=frame, x=x, y=y, z=height, **numbers)
        place = {"lat_deg": one.x / 1e7, "lon_deg": one.y / 1e7} if one.has_place else {}
        values = {name: getattr(one, name) for name in ("seq", "command", "frame", "p1", "p2", "p3", "p4")}
        return MissionItem(**values, alt_m=one.z, **place)

    home = MissionItem(seq=0, command=16, frame=0)
    peer = Peer(system=1, component=1)
    assert differences((home, item()), (home, item(kept)), peer, MissionType.MISSION) == ()
