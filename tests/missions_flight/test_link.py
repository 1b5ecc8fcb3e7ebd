"""Links: frames out of garbage, records that replay, echoes, a second station, and URLs a person types."""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.errors import InputError
from missions.links.frames import FrameSplitter
from missions.links.link import Link, LinkError, Station, open_link
from missions.links.link_transport import (
    NOTHING,
    Received,
    SerialTransport,
    TcpTransport,
    Transport,
    open_transport,
)
from missions.links.tlog_file import TlogRecorder


class Wire(Transport):
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.coming: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self, timeout_s: float) -> Received:
        return Received(self.coming.pop(0)) if self.coming else NOTHING

    def close(self) -> None:
        pass


SILENT = Station(heartbeat=False)


def ticking_link(wire: Wire, **options) -> Link:
    clock = iter(range(10**9))
    return Link(wire, clock=lambda: next(clock) * 1e-3, **{"station": SILENT, **options})


def hear(link: Link) -> list:
    heard = []
    while (message := link.receive(0.01)) is not None:
        heard.append(message)
    return heard


def sender(system: int = 1, component: int = 1) -> mavlink.MAVLink:
    return mavlink.MAVLink(None, srcSystem=system, srcComponent=component)


def frames_of(mav: mavlink.MAVLink, count: int, *, v1: bool = False) -> list[bytes]:
    packed = []
    for i in range(count):
        packed.append(bytes(mavlink.MAVLink_mission_current_message(i).pack(mav, force_mavlink1=v1)))
        mav.seq = (mav.seq + 1) % 256
    return packed


@settings(deadline=None, max_examples=60)
@given(
    garbage=st.lists(st.binary(max_size=40), min_size=4, max_size=4),
    cuts=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    v1=st.booleans(),
)
def test_every_frame_is_found_between_garbage_however_it_is_cut(garbage, cuts, v1) -> None:
    """The garbage may hold the start bytes; only garbage that swallows a frame by its own length may cost one."""
    frames = frames_of(sender(), 3, v1=v1)
    clean = [g.replace(b"\xfd", b"").replace(b"\xfe", b"") for g in garbage]
    stream = b"".join(g + f for g, f in zip(clean, [*frames, b""], strict=True))
    wire = Wire()
    while stream:
        size = cuts[len(wire.coming) % len(cuts)]
        wire.coming.append(stream[:size])
        stream = stream[size:]
    assert [m.seq for m in hear(ticking_link(wire))] == [0, 1, 2]


def test_false_starts_cost_nothing_once_more_bytes_come() -> None:
    wire = Wire()
    frames = frames_of(sender(), 30)
    wire.coming = [b"\xfd\x05\x00" + b"".join(frames)]
    assert [m.seq for m in hear(ticking_link(wire))] == list(range(30))


def test_a_broken_checksum_is_dropped_and_counted() -> None:
    wire = Wire()
    first, second = frames_of(sender(), 2)
    wire.coming = [first[:-1] + bytes([first[-1] ^ 1]) + second]
    link = ticking_link(wire)
    assert [m.seq for m in hear(link)] == [1]
    assert link.counts.broken >= 1


def test_gaps_in_the_numbering_are_lost_frames_and_reordering_is_none() -> None:
    wire = Wire()
    frames = frames_of(sender(), 12)
    wire.coming = [frames[0], frames[1], frames[5], frames[4], frames[11]]
    link = ticking_link(wire)
    hear(link)
    assert link.counts.lost == 3 + 5


def test_splitter_never_returns_more_than_it_was_given() -> None:
    splitter = FrameSplitter()
    splitter.feed(b"\xfd\xff\x00")
    assert splitter.next_frame() is None


def test_the_record_replays_in_pymavlink_with_its_times(tmp_path) -> None:
    wire, path = Wire(), tmp_path / "flight.tlog"
    times = iter(1_700_000_000_000_000_000 + 250_000_000 * i for i in range(100))
    link = ticking_link(wire, recorder=TlogRecorder(path, wall_ns=lambda: next(times)))
    wire.coming = frames_of(sender(), 4)
    hear(link)
    link.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
    link.close()
    log = mavutil.mavlink_connection(str(path))
    replayed = []
    while (message := log.recv_msg()) is not None:
        replayed.append((message.get_type(), message._timestamp))
    log.close()
    assert [t for t, _ in replayed] == ["MISSION_CURRENT"] * 4 + ["HEARTBEAT"]
    assert [s for _, s in replayed] == pytest.approx([1_700_000_000 + 0.25 * i for i in range(5)])
    assert struct.unpack(">Q", path.read_bytes()[:8])[0] == 1_700_000_000_000_000


def test_a_record_is_never_overwritten_and_needs_its_folder(tmp_path) -> None:
    (tmp_path / "a.tlog").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.tlog exists already; name a new file"):
        TlogRecorder(tmp_path / "a.tlog")
    with pytest.raises(InputError, match="does not exist; create it first"):
        TlogRecorder(tmp_path / "none" / "a.tlog")


def test_our_own_echo_is_no_second_station() -> None:
    wire = Wire()
    link = ticking_link(wire)
    link.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
    wire.coming = [wire.sent[0]]
    assert hear(link) == []
    assert not link.commands_held


def test_a_second_station_with_our_id_holds_our_commands_and_not_our_heartbeats(caplog) -> None:
    caplog.set_level(logging.WARNING)
    wire = Wire()
    link = ticking_link(wire)
    link.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
    theirs = sender(255, 190)
    theirs.seq = 77
    wire.coming = [bytes(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3).pack(theirs))]
    hear(link)
    assert link.commands_held
    assert "another station uses system id 255" in caplog.text
    arm = mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0)
    flight_changing = [
        arm,
        mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 1.0, 9),
        mavlink.MAVLink_set_mode_message(1, 1, 4),
        mavlink.MAVLink_mission_count_message(1, 1, 5, 0),
        mavlink.MAVLink_mission_clear_all_message(1, 1, 0),
    ]
    for message in flight_changing:
        link.send(message)
    assert (len(wire.sent), link.counts.withheld) == (1, len(flight_changing))
    link.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
    assert len(wire.sent) == 2
    link.resume_commands()
    wire.coming = [bytes(mavlink.MAVLink_heartbeat_message(6, 8, 0, 1, 4, 3).pack(theirs))]
    hear(link)
    link.send(arm)
    assert len(wire.sent) == 3, "who has decided once is not held again by the next frame"


def test_another_stations_own_id_is_fine() -> None:
    wire = Wire()
    link = ticking_link(wire)
    wire.coming = [bytes(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3).pack(sender(254, 190)))]
    assert len(hear(link)) == 1
    assert not link.commands_held


def test_the_heartbeat_goes_out_each_second() -> None:
    wire = Wire()
    link = ticking_link(wire, station=Station())
    link.receive(3.5)
    assert len(wire.sent) in (4, 5)


@pytest.mark.parametrize(
    "url", ["", "udp", "udp:14550:x", "http:127.0.0.1:80", "tcp:127.0.0.1:99999", "udp:127.0.0.1:-1", "ftp://a:1"]
)
def test_a_url_that_is_none_says_the_forms(url) -> None:
    with pytest.raises(InputError, match=r"is not understood; write one of: udp:HOST:PORT"):
        open_link(url)


def test_nobody_listening_and_a_port_that_is_taken_and_no_device() -> None:
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
    with pytest.raises(
        LinkError, match=f"nobody answers on tcp 127.0.0.1:{port}: Connection refused; start the vehicle"
    ):
        open_link(f"tcp:127.0.0.1:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match="is another station using it"):
            open_link(f"udp:127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(LinkError, match="cannot open the serial port /dev/none at 57600 baud"):
        open_link("/dev/none")
    with pytest.raises(LinkError, match="/dev/none at 9600 baud"):
        open_link("serial:/dev/none:9600")


@pytest.mark.parametrize(
    "forms", [("udp:127.0.0.1:{}", "udpout:127.0.0.1:{}"), ("udpin://127.0.0.1:{}", "udpout://127.0.0.1:{}")]
)
def test_udp_listens_and_calls(forms) -> None:
    listening = open_transport(forms[0].format(0))
    calling = open_transport(forms[1].format(listening.port))
    listening.send(b"to nobody yet")
    calling.send(b"hello")
    data, sender = listening.receive(1.0)
    assert data == b"hello"
    listening.send(b"still to nobody: a datagram decides nothing")
    assert listening.answer(sender)
    listening.send(b"back")
    assert calling.receive(1.0).data == b"back"
    assert calling.receive(0.0) == NOTHING
    for transport in (listening, calling):
        transport.close()


def test_a_serial_port() -> None:
    controller, device = os.openpty()
    transport = open_transport(f"serial:{os.ttyname(device)}:115200")
    transport.send(b"to the radio")
    assert os.read(controller, 100) == b"to the radio"
    os.write(controller, b"from the radio")
    heard = b""
    while len(heard) < 14:
        heard += transport.receive(0.5).data
    assert heard == b"from the radio"
    assert transport.receive(0.01) == NOTHING
    transport.close()
    os.close(device)
    os.close(controller)


def test_a_radio_that_is_unplugged_is_opened_again_when_it_is_back(tmp_path, caplog) -> None:
    """Its name leads to another device then, as that of a USB radio does."""
    name, now = tmp_path / "ttyUSB0", [100.0]
    controller, device = os.openpty()
    name.symlink_to(os.ttyname(device))
    transport = SerialTransport(str(name), 57_600, clock=lambda: now[0])
    name.unlink()
    os.close(device)
    os.close(controller)
    for _ in range(4):
        assert transport.receive(0.02) == NOTHING
    transport.send(b"to nobody")
    controller, device = os.openpty()
    name.symlink_to(os.ttyname(device))
    assert transport.receive(0.02) == NOTHING
    now[0] += 1.1
    assert transport.receive(0.02) == NOTHING
    os.write(controller, b"again")
    heard = b""
    while len(heard) < 5:
        heard += transport.receive(0.5).data
    assert heard == b"again"
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"{name} is gone; it is looked for each second", f"{name} is there again"]
    transport.close()
    os.close(device)
    os.close(controller)


def accepted_by(server) -> socket.socket:
    server.settimeout(10.0)
    return server.accept()[0]


def test_tcp_sends_receives_and_goes_quiet_when_hung_up() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    transport = open_transport(f"tcp:127.0.0.1:{server.getsockname()[1]}")
    accepted = accepted_by(server)
    accepted.sendall(b"hi")
    assert transport.receive(1.0).data == b"hi"
    transport.send(b"there")
    assert accepted.recv(10) == b"there"
    accepted.close()
    server.close()
    assert transport.receive(0.5) == NOTHING
    assert transport.receive(0.01) == NOTHING
    transport.send(b"nobody")
    transport.send(b"nobody")
    assert transport.receive(0.0) == NOTHING
    transport.close()


def test_tcp_calls_again_who_hung_up_until_somebody_answers(caplog) -> None:
    """The clock is ours: refused calls come a second apart, and each ends within the time it was given."""
    now = [100.0]
    server = socket.create_server(("127.0.0.1", 0))
    host, port = server.getsockname()
    transport = TcpTransport(host, port, clock=lambda: now[0])
    accepted_by(server).close()
    server.close()

    def listened(times: int) -> None:
        for _ in range(times):
            assert transport.receive(0.05) == NOTHING

    listened(5)
    now[0] += 1.1
    listened(5)  # called and refused
    server = socket.create_server((host, port))
    listened(5)  # not due yet
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.accept()
    now[0] += 1.1
    listened(3)
    accepted = accepted_by(server)
    accepted.sendall(b"here again")
    assert transport.receive(5.0).data == b"here again"
    transport.send(b"and I")
    assert accepted.recv(10) == b"and I"
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"tcp {host}:{port} hung up; it is called again each second",
        f"tcp {host}:{port} answers again",
    ]
    for end in (accepted, server, transport):
        end.close()


def test_a_link_over_tcp_goes_on_after_the_connection_was_lost_in_the_middle_of_a_frame() -> None:
    """With the real clock: nothing is lost but the frame that was torn."""
    server = socket.create_server(("127.0.0.1", 0))
    host, port = server.getsockname()
    with open_link(f"tcp:{host}:{port}", station=SILENT) as link:
        frames = frames_of(sender(), 6)
        with accepted_by(server) as first:
            first.sendall(frames[0] + frames[1][:9])
            assert link.receive(5.0).seq == 0
        heard: list[int] = []

        def answer_again() -> None:
            with accepted_by(server) as second:
                second.sendall(b"".join(frames[2:]))

        again = threading.Thread(target=answer_again)
        again.start()
        until_s = time.monotonic() + 20.0
        while len(heard) < 4 and time.monotonic() < until_s:
            message = link.receive(0.2)
            heard += [] if message is None else [message.seq]
        again.join()
    server.close()
    assert heard == [2, 3, 4, 5]


def test_random_bytes_never_raise(rng: np.random.Generator) -> None:
    wire = Wire()
    wire.coming = [rng.integers(0, 256, 4000, dtype=np.uint8).tobytes() for _ in range(5)]
    wire.coming.append(b"\xfd" * 300 + b"".join(frames_of(sender(), 20)) * 30)
    link = ticking_link(wire)
    assert sum(m.get_type() == "MISSION_CURRENT" for m in hear(link)) > 300
