"""Files of a vehicle over a link that loses frames, and ArduPilot's file of parameters against pymavlink's reader."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from pymavlink.mavftp import MAVFTP

from geo.errors import InputError
from missions.flight import file_link
from missions.flight.file_link import FileLink
from missions.flight.packed_parameters import KINDS, MAGIC, PATH, unpacked
from missions.flight.parameter_link import ParameterLink
from missions.flight.state import VehicleState
from missions.links.link import open_link
from sitl.ardupilot import find_ardupilot, said_version, start_ardupilot
from sitl.backend import Launch
from sitl.errors import SitlError
from sitl.vehicle import Airframe, VehicleConfig, start_vehicle

SHARED_NAMES = ["ACRO_BAL_PITCH", "ACRO_BAL_ROLL", "ACRO_OPTIONS", "A", "ACRO_RP_EXPO", "RTL_ALT_M", "WP_SPD"]


def packed(parameters) -> bytes:
    """Pack (name, code, value) as ArduPilot does, a fill byte between two."""
    out, before = b"", b""
    for name, code, value in parameters:
        raw = name.encode()
        shared = next((k for k in range(min(len(raw) - 1, len(before), 15), -1, -1) if raw[:k] == before[:k]), 0)
        rest = raw[shared:]
        out += struct.pack("<BB", code, (len(rest) - 1) << 4 | shared) + rest + struct.pack(KINDS[code][0], value)
        out, before = out + b"\0", raw
    return struct.pack("<HHH", MAGIC, len(parameters), len(parameters)) + out


def many(count=1300):
    rng = random.Random(5)
    names = [f"{rng.choice(SHARED_NAMES)[:9]}_{k:04d}" for k in range(count)]
    codes = [rng.choice([1, 2, 3, 4]) for _ in names]
    return [(n, c, rng.randint(-100, 100) + (0.5 if c == 4 else 0)) for n, c in zip(names, codes, strict=True)]


def test_the_file_of_parameters_is_read_as_pymavlink_reads_it():
    told = packed(many())
    theirs = {name.decode(): value for name, value, _ in MAVFTP.ftp_param_decode(told).params}
    ours = unpacked(told)
    assert {name: value for name, (value, _) in ours.items()} == theirs
    assert len(theirs) == 1300
    assert unpacked(packed([("RTL_ALT_M", 4, 15.0)])) == {"RTL_ALT_M": (15.0, mavlink.MAV_PARAM_TYPE_REAL32)}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not even its head"),
        (b"PK\x03\x04" + bytes(40), "begins with 0x4b50"),
        (packed(many(5))[:-8], "breaks off"),
        (packed(many(5)).replace(struct.pack("<HHH", MAGIC, 5, 5), struct.pack("<HHH", MAGIC, 4, 4)), "says 4 of 4"),
        (struct.pack("<HHH", MAGIC, 1, 1) + b"\x0f\x00AB", "no parameter at byte 6"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(data, sentence):
    with pytest.raises(InputError, match=sentence):
        unpacked(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tail):
    with contextlib.suppress(InputError):
        unpacked(struct.pack("<HHH", MAGIC, 3, 3) + tail)


class Server:
    """A vehicle that gives one file as the protocol's description has it, over a link that loses frames both ways."""

    own_system, own_component = 255, 190

    def __init__(self, data, *, loss=0.0, burst=20, path=PATH):
        self.data, self.loss, self.burst, self.path = data, loss, burst, path
        self.rng = random.Random(7)
        self.waiting = []
        self.sent = 0
        self.now_s = 0.0

    def clock(self):
        self.now_s += 0.001
        return self.now_s

    def receive(self, timeout_s):
        if not self.waiting:
            self.now_s += timeout_s
            return None
        return self.waiting.pop(0)

    def send(self, message):
        self.sent += 1
        if self.rng.random() < self.loss:
            return
        raw = bytes(message.payload)
        number, _, operation, size, _, _, offset = file_link.HEAD.unpack_from(raw)
        body = raw[file_link.HEAD.size :][:size]
        if operation == file_link.OPEN:
            good = body == self.path.encode()
            self._answer(number, operation, struct.pack("<I", len(self.data)) if good else b"\x0a", good=good)
        elif operation == file_link.READ:
            piece = self.data[offset : offset + size]
            self._answer(number, operation, piece or b"\x06", good=bool(piece), offset=offset)
        elif operation == file_link.BURST:
            for k in range(self.burst):
                at = offset + k * size
                piece = self.data[at : at + size]
                last = k == self.burst - 1
                self._answer(number + k, operation, piece or b"\x06", good=bool(piece), offset=at, last=last)
                if not piece:
                    break

    def _answer(self, number, to, data, *, good, offset=0, last=False):
        if self.rng.random() < self.loss:
            return
        head = file_link.HEAD.pack((number + 1) % 65536, 3, 128 if good else 129, len(data), to, last, offset)
        told = mavlink.MAVLink_file_transfer_protocol_message(0, 255, 190, (head + data).ljust(251, b"\0"))
        told._header.srcSystem = 1
        self.waiting.append(told)


def vehicle():
    state = VehicleState()
    state.system, state.component, state.autopilot = 1, 1, 3
    state.capabilities = mavlink.MAV_PROTOCOL_CAPABILITY_FTP
    return state


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("length", [0, 1, 238, 239, 240, 478, 15_000])
def test_a_file_comes_over_whole_whatever_is_lost(loss, length):
    data = random.Random(length).randbytes(length)
    for seed in range(5):
        server = Server(data, loss=loss)
        server.rng = random.Random(seed)
        assert FileLink(server, vehicle(), lambda _: None).read(PATH) == data


def test_all_parameters_come_in_one_file_and_else_as_a_list():
    server = Server(packed(many()))
    held = ParameterLink(server, vehicle(), lambda _: None).read_all()
    assert {name: (one.value, one.kind) for name, one in held.items()} == unpacked(server.data)
    assert server.sent < 12, "a list asked for by number takes hundreds"


@pytest.mark.parametrize("path", ["@PARAM/other.pck", PATH])
def test_a_vehicle_without_the_file_or_with_a_broken_one_is_asked_for_its_list(path):
    """The stand-in answers for the file; the list comes from a vehicle of its own."""
    server = Server(packed(many())[:-3], path=path)
    config = VehicleConfig(home_lat_deg=51.44, home_lon_deg=4.92)
    with start_vehicle(config) as own, open_link(own.link_url) as link:

        class Both:
            own_system, own_component, clock = link.own_system, link.own_component, link.clock

            def send(self, message):
                (server if message.get_type() == "FILE_TRANSFER_PROTOCOL" else link).send(message)

            def receive(self, timeout_s):
                return server.waiting.pop(0) if server.waiting else link.receive(timeout_s)

        held = ParameterLink(Both(), vehicle(), lambda _: None).read_all()
    assert held["WPNAV_SPEED"].value == 1000.0
    assert server.sent > 0


def test_a_file_without_an_end_is_given_up():
    server = Server(b"", burst=20)
    server.data = type("Endless", (), {"__getitem__": lambda _, k: b"x" * (k.stop - k.start), "__len__": lambda _: 9})()
    assert FileLink(server, vehicle(), lambda _: None).read(PATH) is None


@pytest.mark.ardupilot
def test_a_real_ardupilot_gives_the_same_by_file_and_by_list(tmp_path):
    try:
        binary = find_ardupilot()
    except SitlError as error:
        pytest.skip(error.message)
    launch = Launch(lat_deg=54.05, lon_deg=23.1, alt_amsl_m=140.0, instance=8)
    with start_ardupilot(launch, tmp_path, airframe=Airframe.COPTER, binary=binary) as simulator:
        said_version(simulator)
        with open_link(simulator.link_url) as link:
            state = vehicle()
            state.system = 9
            parameters = ParameterLink(link, state, state.feed)
            listed = _listed(parameters, state)
            state.capabilities = mavlink.MAV_PROTOCOL_CAPABILITY_FTP
            began = link.clock()
            filed = parameters.read_all()
            print(f"{len(filed)} parameters by file in {link.clock() - began:.1f} s")
    assert len(filed) > 1000
    differing = {name for name in filed if name in listed and not filed[name].equals(listed[name].value)}
    assert len(differing) < 10, "what the firmware itself changes meanwhile"
    assert {name: one.kind for name, one in filed.items()} == {name: listed[name].kind for name in filed}


def _listed(parameters, state):
    state.capabilities = 0
    return parameters.read_all()
