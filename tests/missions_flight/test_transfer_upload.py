"""Uploads that go wrong in every way the protocol has, and what is then said of the vehicle."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.plan import MissionItem
from missions.plan_files.dialect import Dialect, MissionType, wire_items
from missions.transfer.download import Download
from missions.transfer.upload import Upload
from missions.transfer.values import SOFT_ACKS, Ack, Peer, Timers, TransferState

DIALECTS = list(Dialect)


@pytest.fixture
def quiet(model, rng):
    """A channel that loses nothing."""
    return model.Channel(rng)


def server_of(model, dialect: Dialect):
    return model.ArduPilot() if dialect is Dialect.ARDUPILOT else model.Px4()


def peer_of(dialect: Dialect) -> Peer:
    return Peer(system=1, component=1, dialect=dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("mission_type", list(MissionType))
def test_each_list_is_uploaded_and_read_back(model, quiet, square_sortie, dialect, mission_type) -> None:
    items = {0: wire_items(square_sortie, dialect), 1: square_sortie.fence, 2: square_sortie.rally}[mission_type]
    server = server_of(model, dialect)
    machine = Upload(items, peer_of(dialect), mission_type)
    model.simulate(machine, server, quiet)
    report = machine.report()
    assert report.uploaded, report.message
    assert report.message == f"{mission_type.name.lower()}: {len(items)} items uploaded and read back equal"
    assert len(server.lists[mission_type]) == len(items)
    assert [i.command for i in report.held] == [i.command for i in items]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_list_clears_what_was_there(model, quiet, square_sortie, dialect) -> None:
    server = server_of(model, dialect)
    model.simulate(Upload(square_sortie.fence, peer_of(dialect), MissionType.FENCE), server, quiet)
    machine = Upload((), peer_of(dialect), MissionType.FENCE)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded
    assert server.lists[1] == []


@pytest.mark.parametrize("code", [c for c in Ack if c not in SOFT_ACKS and c not in (Ack.ACCEPTED, Ack.DENIED)])
@pytest.mark.parametrize(("dialect", "at"), [*((d, 3) for d in DIALECTS), (Dialect.PX4, 0)])
def test_every_refusal_is_named_with_its_item_and_what_is_held(model, quiet, square_sortie, dialect, at, code) -> None:
    items = wire_items(square_sortie, dialect)
    server = server_of(model, dialect)
    server.refuse = {at: code}
    machine = Upload(items, peer_of(dialect), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    report = machine.report()
    assert report.state is TransferState.REFUSED
    assert report.ack == code.name
    assert code.name in report.message
    assert "do not arm" in report.message
    assert report.held is not None
    assert len(report.held) == len(server.lists[0])
    if code is not Ack.NO_SPACE:
        assert f"at item {at} (command {items[at].command})" in report.message


def test_more_items_than_the_vehicle_has_room_for(model, quiet, square_sortie) -> None:
    server = model.ArduPilot()
    server.most_items = 3
    machine = Upload(wire_items(square_sortie, "ardupilot"), peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().message.startswith("mission not uploaded: the vehicle answers NO_SPACE to 7 items")


def test_another_station_that_is_uploading_is_waited_for(model, quiet, square_sortie) -> None:
    server = model.ArduPilot()
    theirs = model.stamped(mavlink.MAVLink_mission_count_message(1, 1, 5, 0), 250, 190)
    machine = Upload(wire_items(square_sortie, "ardupilot"), peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    elapsed = model.simulate(machine, server, quiet, start_s=5001.0, other_traffic=[(5000.0, theirs)])
    report = machine.report()
    assert report.uploaded, report.message
    assert 250 in report.other_stations
    assert 8.0 < elapsed < 40.0


def test_another_station_that_never_ends_is_named(model, quiet, square_sortie) -> None:
    server = model.ArduPilot()
    theirs = [(t, model.stamped(mavlink.MAVLink_mission_count_message(1, 1, 5, 0), 250, 190)) for t in range(0, 120, 3)]
    machine = Upload(wire_items(square_sortie, "ardupilot"), peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    model.simulate(machine, server, quiet, start_s=1.0, other_traffic=theirs)
    report = machine.report()
    assert report.state is TransferState.REFUSED
    assert "DENIED: another ground station is writing to it" in report.message


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_link_that_drops_in_mid_upload_is_never_uploaded(model, quiet, square_sortie, dialect) -> None:
    server = server_of(model, dialect)
    quiet.drop = lambda message: message.get_type().startswith("MISSION_ITEM") and message.seq >= 3
    machine = Upload(wire_items(square_sortie, dialect), peer_of(dialect), MissionType.MISSION)
    quiet_until = {"t": None}

    def cut(machine_, server_, now) -> bool:
        if server_.next == 3 and quiet_until["t"] is None:
            quiet_until["t"] = now
            quiet.drop = lambda _: True
        return False

    elapsed = model.simulate(machine, server, quiet, until=cut)
    report = machine.report()
    assert report.state is TransferState.LINK_LOST
    assert report.held is None
    how_far = f"(asked how many items it holds), after 3 of {len(machine.items)} items"
    assert f"stopped answering {how_far}; what the vehicle holds now is not known; do not arm" in report.message
    assert elapsed < 120.0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_how_far_a_cut_upload_came_is_said_after_new_offers_too(model, quiet, dialect) -> None:
    items = tuple(
        MissionItem(seq=i, command=16, frame=3, lat_deg=51.0, lon_deg=4.0 + i / 1000, alt_m=50.0) for i in range(60)
    )
    machine = Upload(items, peer_of(dialect), MissionType.MISSION)

    def cut(_machine, server, _now) -> bool:
        if server.next == 20:
            quiet.drop = lambda _: True
        return False

    model.simulate(machine, server_of(model, dialect), quiet, until=cut)
    report = machine.report()
    assert report.state is TransferState.LINK_LOST
    assert report.attempts > 1
    assert "stopped answering (after 20 of 60 items, and again when they were offered anew)" in report.message


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("gap_s", [3.0, 7.0, 15.0])
def test_a_link_that_comes_back_goes_on(model, quiet, square_sortie, dialect, gap_s) -> None:
    server = server_of(model, dialect)

    def cut(_machine, server_, now) -> bool:
        if server_.next == 3 and quiet.down_until < 0:
            quiet.down_until = now + gap_s
        return False

    machine = Upload(wire_items(square_sortie, dialect), peer_of(dialect), MissionType.MISSION)
    model.simulate(machine, server, quiet, until=cut)
    assert machine.report().uploaded, machine.report().message
    assert server.stored_uploads == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_lost_ack_is_settled_by_the_read_back(model, quiet, square_sortie, dialect) -> None:
    server = server_of(model, dialect)
    quiet.drop = lambda message: message.get_type() == "MISSION_ACK" and message.get_srcSystem() == 1
    machine = Upload(wire_items(square_sortie, dialect), peer_of(dialect), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded, machine.report().message
    assert server.stored_uploads == 1, "stored once, not twice"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("field", "spoil"),
    [("x", lambda v: v + 1), ("z", lambda v: v + 0.5), ("command", lambda _: 17), ("frame", lambda _: 10)],
)
def test_a_vehicle_that_holds_something_else_is_found_out(model, quiet, square_sortie, dialect, field, spoil) -> None:
    server = server_of(model, dialect)
    server.corrupt = lambda row: {**row, field: spoil(row[field])} if row["seq"] == 2 else row
    machine = Upload(wire_items(square_sortie, dialect), peer_of(dialect), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    report = machine.report()
    assert report.state is TransferState.DIFFERENT
    assert [d.seq for d in report.differences] == [2]
    (first,) = report.differences
    assert f"item 2 reads back {float(first.held):.10g}, sent {float(first.sent):.10g};" in report.message
    assert f"{float(first.held):.10g}" != f"{float(first.sent):.10g}", "a ten-millionth of a degree shows"
    assert report.attempts == server.stored_uploads == Timers().attempts


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_reads_back_otherwise_once_is_offered_again(model, quiet, square_sortie, dialect) -> None:
    server, spoilt = server_of(model, dialect), []

    def corrupt(row):
        if row["seq"] == 2 and not spoilt:
            spoilt.append(row)
            return {**row, "x": row["x"] + 1}
        return row

    server.corrupt = corrupt
    machine = Upload(wire_items(square_sortie, dialect), peer_of(dialect), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    report = machine.report()
    assert (report.uploaded, report.attempts, report.differences) == (True, 2, ()), report.message


def test_ardupilots_fifteen_bytes_are_no_difference(model, quiet) -> None:
    items = (
        MissionItem(seq=0, command=16, frame=0, lat_deg=51.0, lon_deg=4.0, alt_m=3.0),
        MissionItem(seq=1, command=1000, frame=2, p1=-47.6, p2=123.9, p3=float("nan"), p4=float("nan"), alt_m=0),
        MissionItem(seq=2, command=16, frame=6, p1=2.7, p2=5.0, p4=90.0, lat_deg=51.1, lon_deg=4.1, alt_m=60.123456),
        MissionItem(seq=3, command=206, frame=2, p1=25.5, p2=7.0, p3=1.0),
        MissionItem(seq=4, command=177, frame=2, p1=2, p2=-1),
        MissionItem(seq=5, command=21, frame=3, lat_deg=51.1, lon_deg=4.1, alt_m=0.0, p4=float("nan")),
    )
    server = model.ArduPilot()
    machine = Upload(items, peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded, machine.report().message
    assert machine.report().held[1].p1 == -47.0
    assert machine.report().held[5].p4 == 1.0


def test_a_gimbal_angle_beyond_int8_does_not_survive_and_is_said(model, quiet) -> None:
    items = (
        MissionItem(seq=0, command=16, frame=0, lat_deg=51.0, lon_deg=4.0),
        MissionItem(seq=1, command=16, frame=3, lat_deg=51.0, lon_deg=4.0, alt_m=30.0),
    )
    server = model.ArduPilot()
    server.corrupt = lambda row: {**row, "param1": 3.0} if row["seq"] == 1 else row
    machine = Upload(items, peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().message.startswith("mission not uploaded: p1 of item 1 reads back 3, sent 0")


@pytest.mark.parametrize("said_by", ["text", "mission_state"])
def test_px4s_verdict_after_the_ack_is_waited_for(model, quiet, square_sortie, said_by) -> None:
    server = model.Px4()
    server.infeasible = "Mission rejected: first waypoint too far away"
    if said_by == "mission_state":
        quiet.drop = lambda message: message.get_type() == "STATUSTEXT"
        original = server.poll

        def poll(now):
            state = mavlink.MAVLink_mission_current_message(0, 0, server.mission_state)
            return [*original(now), model.stamped(state, 1, 1)]

        server.poll = poll
    machine = Upload(wire_items(square_sortie, "px4"), peer_of(Dialect.PX4), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    report = machine.report()
    assert report.state is TransferState.REFUSED
    assert report.ack == "ACCEPTED"
    assert report.message.startswith("mission not uploaded: the vehicle took the items and then found them unfit")
    assert "the vehicle holds these 6 items" in report.message


@pytest.mark.parametrize("after_s", [3.0, 8.0])
def test_a_px4_that_loads_a_mission_slowly_is_asked_again(model, quiet, square_sortie, after_s) -> None:
    """It says it has none until it has loaded what it took, which may be after the whole list was read back."""
    server = model.Px4()
    original = server.poll
    heard = []

    def poll(now):
        if server.stored_uploads:
            heard.append(now)
        loaded = bool(heard) and now - heard[0] > after_s
        state = mavlink.MAVLink_mission_current_message(0, 0, 3 if loaded else 1)
        return [*original(now), model.stamped(state, 1, 1)]

    server.poll = poll
    machine = Upload(wire_items(square_sortie, "px4"), peer_of(Dialect.PX4), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded, machine.report().message


@pytest.mark.parametrize(
    "said", [b"IGN MISSION_ITEM: No transfer\t", b"Descent speed has been constrained by max speed\t"]
)
def test_what_px4_says_of_the_transfer_and_of_its_controllers_is_no_verdict(model, quiet, square_sortie, said) -> None:
    """An item that comes once more draws a critical text from it after it has taken them all; so do its speeds."""
    server = model.Px4()
    original = server.poll

    def poll(now):
        text = mavlink.MAVLink_statustext_message(2, said)
        return [*original(now), *([model.stamped(text, 1, 1)] if server.stored_uploads else [])]

    server.poll = poll
    machine = Upload(wire_items(square_sortie, "px4"), peer_of(Dialect.PX4), MissionType.MISSION)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded, machine.report().message
    assert machine.report().statustexts


def test_that_px4_had_no_mission_before_is_no_verdict(model, quiet, square_sortie) -> None:
    server = model.Px4()
    machine = Upload(wire_items(square_sortie, "px4"), peer_of(Dialect.PX4), MissionType.MISSION)
    machine.feed(model.stamped(mavlink.MAVLink_mission_current_message(0, 0, 1), 1, 1), 0.0)
    model.simulate(machine, server, quiet)
    assert machine.report().uploaded, machine.report().message


def test_cancelling_tells_the_vehicle_and_says_what_it_holds(model, quiet, square_sortie) -> None:
    server = model.Px4()
    model.simulate(Upload(square_sortie.items[:3], peer_of(Dialect.PX4), MissionType.MISSION), server, quiet)
    machine = Upload(wire_items(square_sortie, "px4"), peer_of(Dialect.PX4), MissionType.MISSION)
    model.simulate(machine, server, quiet, until=lambda _m, s, _t: s.receiving and s.next >= 2)
    report = machine.report()
    assert report.state is TransferState.CANCELLED
    assert server.receiving is None
    assert len(report.held) == 3, "PX4 keeps its former mission"
    assert "the vehicle holds 3 items, the first 3 as sent, not this list" in report.message


def test_a_vehicle_that_never_answers_ends_in_link_lost(model, quiet, square_sortie) -> None:
    quiet.drop = lambda _: True
    machine = Upload(square_sortie.items, peer_of(Dialect.PX4), MissionType.MISSION)
    elapsed = model.simulate(machine, model.Px4(), quiet)
    assert machine.report().state is TransferState.LINK_LOST
    assert "stopped answering (never asked for the first item)" in machine.report().message
    assert elapsed < Timers().patience_s + 5.0


def test_a_download_resumes_with_what_it_has(model, quiet, rng) -> None:
    server = model.ArduPilot()
    items = tuple(
        MissionItem(seq=i, command=16, frame=3, lat_deg=51.0, lon_deg=4.0 + i / 1000, alt_m=50.0) for i in range(60)
    )
    model.simulate(Upload(items, peer_of(Dialect.ARDUPILOT), MissionType.MISSION), server, quiet)
    machine = Download(peer_of(Dialect.ARDUPILOT), MissionType.MISSION)

    def cut(machine_, _server, _now) -> bool:
        quiet.drop = (lambda _: True) if len(machine_.items) >= 30 else None
        return False

    model.simulate(machine, server, quiet, until=cut)
    assert machine.state is TransferState.LINK_LOST
    assert "(asked how many items it holds, 30 of 60 read)" in machine.report().message
    assert len(machine.items) == 30
    quiet.drop = None
    before = machine.frames_sent
    model.simulate(machine, server, quiet, start_s=100.0)
    assert machine.report().complete
    assert machine.frames_sent - before < 40


def test_a_vehicle_that_never_answers_was_asked_how_many_items_it_holds(model, quiet) -> None:
    quiet.drop = lambda _: True
    machine = Download(peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    model.simulate(machine, server_of(model, Dialect.ARDUPILOT), quiet)
    assert machine.state is TransferState.LINK_LOST
    assert "(asked how many items it holds)" in machine.report().message


def _refused(model, code, at_s: float) -> Download:
    """Return a reading that begins at 0 s and whose first question is answered with one code."""
    machine = Download(peer_of(Dialect.ARDUPILOT), MissionType.MISSION)
    machine.start(0.0)
    machine.feed(model.stamped(mavlink.MAVLink_mission_ack_message(255, 190, code, 0), 1, 1), at_s)
    return machine


def test_a_vehicle_busy_with_another_station_is_asked_again_for_a_while(model) -> None:
    timers = Timers()
    early, late = (_refused(model, Ack.DENIED, timers.denied_patience_s + s) for s in (-0.1, 0.1))
    assert early.state is TransferState.OFFERING
    assert early.wake_s == pytest.approx(timers.denied_patience_s - 0.1 + timers.denied_wait_s)
    assert late.state is TransferState.REFUSED
    assert "refuses to give its items: DENIED" in late.report().message


@pytest.mark.parametrize("code", [c for c in Ack if c not in (Ack.ACCEPTED, Ack.DENIED)])
def test_what_refuses_to_be_read_is_told_from_what_asks_for_patience(model, code) -> None:
    machine = _refused(model, code, 0.1)
    assert machine.state is (TransferState.OFFERING if code in SOFT_ACKS else TransferState.REFUSED)
    assert machine.ack == code.name


@pytest.mark.parametrize(("dialect", "window", "at_once"), [
    (Dialect.ARDUPILOT, 4, 4), (Dialect.ARDUPILOT, 1, 1), (Dialect.ARDUPILOT, 0, 1), (Dialect.PX4, 4, 1),
])  # fmt: skip
def test_px4_is_asked_for_one_item_at_a_time_and_ardupilot_for_as_many_as_told(model, dialect, window, at_once) -> None:
    machine = Download(peer_of(dialect), MissionType.MISSION, window=window)
    machine.start(0.0)
    asked = machine.feed(model.stamped(mavlink.MAVLink_mission_count_message(255, 190, 9, 0), 1, 1), 0.1)
    assert [message.seq for message in asked] == list(range(at_once))


def test_results_have_the_numbers_of_the_protocol() -> None:
    theirs = {entry.name: number for number, entry in mavlink.enums["MAV_MISSION_RESULT"].items()}
    theirs.pop("MAV_MISSION_RESULT_ENUM_END")
    assert {f"MAV_MISSION_{code.name}": int(code) for code in Ack} == theirs


def test_requests_out_of_range_and_strangers_change_nothing(model, square_sortie) -> None:
    peer = peer_of(Dialect.PX4)
    machine = Upload(square_sortie.items, peer, MissionType.MISSION)
    machine.start(0.0)
    request = mavlink.MAVLink_mission_request_int_message
    strangers = [
        model.stamped(request(255, 190, 99, 0), 1, 1),
        model.stamped(request(255, 190, 0, 0), 7, 1),
        model.stamped(request(255, 190, 0, 1), 1, 1),
        model.stamped(request(254, 190, 0, 0), 1, 1),
        model.stamped(mavlink.MAVLink_mission_ack_message(255, 190, 0, 0), 1, 1),
    ]
    for message in strangers:
        assert machine.feed(message, 0.1) == []
    assert machine.state is TransferState.OFFERING
    assert len(machine.feed(model.stamped(request(255, 190, 0, 0), 1, 1), 0.2)) == 4


def test_reports_are_values(model, quiet, square_sortie) -> None:
    machine = Upload(square_sortie.rally, peer_of(Dialect.PX4), MissionType.RALLY)
    model.simulate(machine, model.Px4(), quiet)
    with pytest.raises(dataclasses.FrozenInstanceError):
        machine.report().state = TransferState.FAILED


@pytest.mark.parametrize("seed", range(6))
def test_a_wrong_store_is_never_called_uploaded_on_a_bad_link(model, square_sortie, seed) -> None:
    rng = np.random.default_rng(seed)
    server = server_of(model, DIALECTS[seed % 2])
    server.corrupt = lambda row: {**row, "y": row["y"] + 1} if row["seq"] == 3 else row
    machine = Upload(wire_items(square_sortie, DIALECTS[seed % 2]), peer_of(DIALECTS[seed % 2]), MissionType.MISSION)
    model.simulate(machine, server, model.Channel(rng, loss=0.3, repeat=0.2, spread_s=0.3))
    assert machine.report().state in (TransferState.DIFFERENT, TransferState.LINK_LOST, TransferState.FAILED)
