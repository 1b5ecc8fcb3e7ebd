"""A radio without the key against a signed link: a million frames mute nothing, move nothing and command nothing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.links.link import Link
from missions.links.link_transport import NOTHING, Received, UdpTransport
from missions.links.signing import Signer
from missions.links.signing_key import SigningKey
from missions.links.signing_marks_file import MarksFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

KEY: Final = bytes(range(7, 39))
NOW_S: Final = 1_800_000_000.0
TICKS: Final = int((NOW_S - 1_420_070_400) * 100_000)
VEHICLE: Final = ("10.0.0.1", 14550)
ENEMY: Final = ("10.6.6.6", 6666)
RADIO: Final = 109


class Net(UdpTransport):
    """The listening port's own decisions over datagrams that the test makes; what is sent is kept with its address."""

    def __init__(self, clock) -> None:
        super().__init__("127.0.0.1", 0, listen=True, clock=clock)
        self.coming: list[Received] = []
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def send(self, data: bytes) -> None:
        if self.peer is not None:
            self.sent.append((data, self.peer))

    def receive(self, timeout_s: float) -> Received:
        return self.coming.pop(0) if self.coming else NOTHING


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        self.s += 1e-5
        return self.s


def packer(system: int = 1, component: int = 1, *, key: bytes = b"", ticks: int = TICKS, link_id: int = 3):
    mav = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
    if key:
        mav.signing.secret_key, mav.signing.sign_outgoing = key, True
        mav.signing.timestamp, mav.signing.link_id = ticks, link_id
    return mav


def pack(mav, message, **options) -> bytes:
    frame = bytes(message.pack(mav, **options))
    mav.seq = (mav.seq + 1) % 256
    return frame


def beat(mode: int = 0):
    return mavlink.MAVLink_heartbeat_message(2, 3, 0, mode, 4, 3)


def resealed(frame: bytearray) -> bytes:
    """Give a changed frame its right checksum again, as an attacker would."""
    body = bytes(frame[1:-2])
    known = mavlink.mavlink_map.get(int.from_bytes(frame[7:10], "little"))
    crc = mavlink.x25crc(body + bytes([known.crc_extra if known else 0])).crc
    return bytes(frame[:-2]) + struct.pack("<H", crc)


class Enemy:
    """Everything that can be sent without the key, from its own address or in the vehicle's."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.heard: list[bytes] = []
        self._plain = {system: packer(system) for system in (0, 1, 2, 51, 250, 255)}
        self._wrong = {system: packer(system, key=bytes(32), ticks=TICKS + 10**12) for system in (1, 255)}
        self._messages = [
            beat(7),
            mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3),
            mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0),
            mavlink.MAVLink_command_ack_message(400, 0),
            mavlink.MAVLink_global_position_int_message(1, 510000000, 49000000, 1, 1, 0, 0, 0, 0),
            mavlink.MAVLink_mission_ack_message(255, 190, 0),
            mavlink.MAVLink_setup_signing_message(255, 190, [1] * 32, TICKS + 10**12),
            mavlink.MAVLink_system_time_message(1, 1),
            mavlink.MAVLink_radio_status_message(1, 1, 1, 1, 1, 1, 1),
            mavlink.MAVLink_param_value_message(b"FENCE_ENABLE", 0.0, 9, 1, 0),
        ]
        self._kinds = (
            self._unsigned, self._unsigned, self._v1, self._wrong_key, self._replay, self._replay, self._changed,
            self._unknown, self._cut, self._noise, self._header,
        )  # fmt: skip

    def frame(self) -> bytes:
        return self._kinds[int(self.rng.integers(len(self._kinds)))]()

    def address(self) -> tuple[str, int]:
        chance = self.rng.random()
        if chance < 0.3:
            return VEHICLE
        return ENEMY if chance < 0.8 else (f"10.7.{self.rng.integers(256)}.{self.rng.integers(256)}", 1)

    def _any(self, values):
        return values[int(self.rng.integers(len(values)))]

    def _unsigned(self) -> bytes:
        return pack(self._any(list(self._plain.values())), self._any(self._messages))

    def _v1(self) -> bytes:
        mav, message = self._any(list(self._plain.values())), self._any(self._messages)
        return pack(mav, message if message.get_msgId() < 256 else beat(), force_mavlink1=True)

    def _wrong_key(self) -> bytes:
        return pack(self._any(list(self._wrong.values())), self._any(self._messages))

    def _replay(self) -> bytes:
        return self._any(self.heard) if self.heard else self._noise()

    def _changed(self) -> bytes:
        frame = bytearray(self._replay())
        frame[int(self.rng.integers(len(frame)))] ^= 1 << int(self.rng.integers(8))
        return bytes(frame)

    def _unknown(self) -> bytes:
        frame = bytearray(self._unsigned())
        if frame[0] == 0xFD:
            frame[7:10] = int(self.rng.integers(50_000, 60_000)).to_bytes(3, "little")
            return resealed(frame)
        return bytes(frame)

    def _cut(self) -> bytes:
        frame = self._replay()
        return frame[: int(self.rng.integers(1, len(frame) + 1))]

    def _noise(self) -> bytes:
        return self.rng.bytes(int(self.rng.integers(1, 60)))

    def _header(self) -> bytes:
        """A header that claims what comes next, of a known or an unknown kind, signed or not."""
        kind = self._any([0, 33, 109, 256, 55_555])
        return bytes([0xFD, int(self.rng.integers(256)), int(self.rng.integers(2)), 0, 0, 1, 1]) + kind.to_bytes(
            3, "little"
        )


def batches(total: int, size: int = 40) -> Iterator[int]:
    for start in range(0, total, size):
        yield min(size, total - start)


def besiege(total: int, rng: np.random.Generator, tmp_path) -> None:
    """Send `total` hostile frames between a vehicle's true ones and our commands."""
    clock = Clock()
    net = Net(clock)
    marks = MarksFile(tmp_path / "marks", SigningKey(KEY), clock=clock)
    signer = Signer(SigningKey(KEY), marks=marks, unix_s=lambda: NOW_S + clock.s)
    link = Link(net, signer=signer, clock=clock)
    vehicle, enemy = packer(key=KEY), Enemy(rng)
    heard, said, commands = [], [], 0

    def listen(until: int) -> None:
        while net.coming or len(heard) < until:
            message = link.receive(0.0)
            if message is None and not net.coming:
                break
            if message is not None and message.get_msgId() != RADIO:
                heard.append(message.custom_mode)

    for at, count in enumerate(batches(total)):
        net.coming += [Received(enemy.frame(), enemy.address()) for _ in range(count)]
        true = pack(vehicle, beat(at))
        said.append(at)
        net.coming.insert(int(rng.integers(len(net.coming) + 1)), Received(true, VEHICLE))
        listen(at + 1)
        link.send(mavlink.MAVLink_command_long_message(1, 1, 512, 0, at % 1000, 0, 0, 0, 0, 0, 0))
        commands += 1
        enemy.heard = [*enemy.heard[-400:], true, *(frame for frame, _ in net.sent[-3:])]
    assert not link.commands_held, f"muted by {link.second_station}"
    assert heard == said, "every true frame is heard, once, in order, and nothing else"
    assert {address for _, address in net.sent} == {VEHICLE}
    sent = [mavlink.MAVLink(None).decode(bytearray(frame)) for frame, _ in net.sent]
    assert sum(m.get_type() == "COMMAND_LONG" for m in sent) == commands
    assert sum(m.get_type() == "HEARTBEAT" for m in sent) >= int(clock.s) - 1
    assert link.counts.withheld == 0
    counts = signer.counts
    assert min(counts.unsigned, counts.forged, counts.replayed, counts.unknown, counts.let_through) > total / 100
    assert set(marks.heard) == {(0, 0, 0), (3, 1, 1)}, "no mark of anyone without the key"
    assert max(marks.heard.values()) < TICKS + 10**9
    link.close()
    net._socket.close()


def test_twenty_thousand_hostile_frames_mute_move_and_command_nothing(rng, tmp_path) -> None:
    besiege(20_000, rng, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_million_hostile_frames_mute_move_and_command_nothing(rng, tmp_path) -> None:
    besiege(1_000_000, rng, tmp_path)


def make_link(net: Net, clock: Clock, **options) -> Link:
    signer = Signer(SigningKey(KEY), unix_s=lambda: NOW_S + clock.s, **options)
    return Link(net, signer=signer, clock=clock)


def hear(link: Link, net: Net, *received: Received) -> list[str]:
    net.coming += received
    heard = []
    while (message := link.receive(0.0)) is not None or net.coming:
        if message is not None:
            heard.append(message.get_type())
    return heard


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def net(clock) -> Iterator[Net]:
    made = Net(clock)
    yield made
    made._socket.close()


def test_one_unsigned_frame_in_our_name_mutes_nobody(net, clock) -> None:
    link = make_link(net, clock)
    hear(link, net, Received(pack(packer(key=KEY), beat()), VEHICLE))
    for system, message in ((255, beat()), (255, mavlink.MAVLink_radio_status_message(1, 1, 1, 1, 1, 1, 1))):
        assert hear(link, net, Received(pack(packer(system, 190), message), VEHICLE)) == []
    assert link.second_station is None
    assert link.counts.rejected == 2
    link.send(mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0))
    assert mavlink.MAVLink(None).decode(bytearray(net.sent[-1][0])).get_type() == "COMMAND_LONG"


def test_a_garbage_datagram_first_does_not_take_the_peer(net, clock) -> None:
    link = make_link(net, clock)
    hear(link, net, Received(b"\xfd\xff\x00", ENEMY), Received(pack(packer(), beat()), ENEMY))
    assert net.peer is None
    hear(link, net, Received(pack(packer(key=KEY), beat()), VEHICLE))
    assert net.peer == VEHICLE
    clock.s += 60.0
    replay = pack(packer(key=KEY), beat())
    hear(
        link,
        net,
        Received(replay, ENEMY),
        Received(pack(packer(51, 68), mavlink.MAVLink_radio_status_message(*[1] * 7)), ENEMY),
    )
    assert net.peer == VEHICLE, "neither a replay nor a radio moves it, however long the vehicle is silent"


def test_garbage_in_the_vehicles_own_address_delays_no_frame(net, clock) -> None:
    link, vehicle = make_link(net, clock), packer(key=KEY)
    for header in (b"\xfd\xff\x00", b"\xfe\xff", b"\xfd\xff\x01\x00\x00\x01\x01\x03\xd9\x00"):
        assert hear(link, net, Received(header, VEHICLE), Received(pack(vehicle, beat()), VEHICLE)) == ["HEARTBEAT"]


def test_a_forged_length_on_a_serial_line_swallows_no_frame(net, clock) -> None:
    link, true = make_link(net, clock), pack(packer(key=KEY), beat())
    header = bytes([0xFD, len(true) - 2, 0, 0, 0, 1, 1]) + (55_555).to_bytes(3, "little")
    assert hear(link, net, Received(header + true)) == ["HEARTBEAT"]


def test_a_frame_over_two_datagrams_is_whole_between_others(net, clock) -> None:
    """Bridges that do not know MAVLink cut anywhere."""
    link, frame = make_link(net, clock), pack(packer(key=KEY), beat())
    parts = (Received(frame[:9], VEHICLE), Received(b"\xfd\xff\x00", ENEMY), Received(frame[9:], VEHICLE))
    assert hear(link, net, *parts) == ["HEARTBEAT"]


def test_our_own_frames_played_back_late_are_replays(net, clock, tmp_path) -> None:
    key = SigningKey(KEY)
    link = make_link(net, clock, marks=MarksFile(tmp_path / "marks", key))
    hear(link, net, Received(pack(packer(key=KEY), beat()), VEHICLE))
    for i in range(700):
        link.send(mavlink.MAVLink_command_long_message(1, 1, 512, 0, i, 0, 0, 0, 0, 0, 0))
    recorded = [frame for frame, _ in net.sent]
    assert hear(link, net, *(Received(frame, VEHICLE) for frame in recorded)) == []
    assert link.second_station is None
    link.close()
    again = make_link(net, clock, marks=MarksFile(tmp_path / "marks", key))
    assert hear(again, net, *(Received(frame, ENEMY) for frame in recorded)) == []
    assert again.second_station is None
    assert again.counts.rejected == len(recorded)
    again.close()


def test_frames_of_our_other_link_are_no_second_station_here(net, clock, tmp_path) -> None:
    """One key, two aircraft: what we send to one, an attacker plays to the other's port."""
    key = SigningKey(KEY)
    files = [tmp_path / "key.S1.marks", tmp_path / "key.S2.marks"]
    one, two = (
        make_link(at, clock, marks=MarksFile(path, key, siblings=lambda: files))
        for path, at in zip(files, (Net(clock), net), strict=True)
    )
    vehicles = [pack(packer(system, key=KEY), beat()) for system in (1, 2)]
    hear(one, one._transport, Received(vehicles[0], VEHICLE))
    hear(two, net, Received(vehicles[1], ("10.0.0.2", 14550)))
    hear(two, net)
    clock.s += 0.5
    one.send(mavlink.MAVLink_command_long_message(1, 1, 20, 0, 0, 0, 0, 0, 0, 0, 0))
    stolen = one._transport.sent[-1][0]
    assert hear(two, net, Received(stolen, ENEMY)) == []
    assert two.second_station is None
    one._transport._socket.close()


def test_a_second_station_that_has_the_key_holds_our_commands(net, clock) -> None:
    link = make_link(net, clock)
    hear(link, net, Received(pack(packer(key=KEY), beat()), VEHICLE))
    clock.s += 1.0
    station = packer(255, 190, key=KEY, ticks=TICKS + 200_000, link_id=0)
    hear(link, net, Received(pack(station, mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)), VEHICLE))
    assert link.commands_held
    assert link.second_station.signed
    link.send(mavlink.MAVLink_set_mode_message(1, 1, 4))
    before = len(net.sent)
    link.receive(3.2)
    types = [mavlink.MAVLink(None).decode(bytearray(frame)).get_type() for frame, _ in net.sent[before:]]
    assert types == ["HEARTBEAT"] * len(types)
    assert len(types) in (3, 4)


def test_a_second_station_over_a_slow_radio_is_heard_though_we_have_sent_meanwhile(net, clock) -> None:
    """Three seconds late, behind our own marks; the same frame an hour later is a replay."""
    late = pack(packer(255, 190, key=KEY, ticks=TICKS + 50_000, link_id=0), beat())
    for waited_s, held in ((3.0, True), (3600.0, False)):
        at = Net(Clock())
        at._clock.s = clock.s
        link = make_link(at, at._clock)
        for _ in range(5):
            link.send(beat())
            at._clock.s += waited_s / 5
        hear(link, at, Received(late, VEHICLE))
        assert link.commands_held is held
        at._socket.close()


def test_a_flood_cannot_hold_the_receiver(net, clock) -> None:
    link = make_link(net, clock)
    frame = Received(pack(packer(), beat()), ENEMY)

    class Endless(list):
        def pop(self, _index):
            return frame

        def __bool__(self) -> bool:
            return True

    net.coming = Endless()
    begun_s = clock.s
    assert link.receive(0.5) is None
    assert clock.s - begun_s < 1.6
