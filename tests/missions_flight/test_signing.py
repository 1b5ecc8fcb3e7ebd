"""MAVLink 2 signing: forged, replayed, unsigned and unknown frames; pymavlink at the other end; no key anywhere."""

from __future__ import annotations

import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.errors import InputError
from missions.links.link import Link, Station
from missions.links.link_transport import NOTHING, Received, Transport
from missions.links.signing import Signer
from missions.links.signing_key import SigningKey
from missions.links.signing_key_file import open_signer, read_key
from missions.links.signing_marks_file import MarksFile
from missions.links.tlog_file import TlogRecorder

KEY = bytes(range(100, 132))
OTHER = bytes(32)
NOW_S = 1_800_000_000.0
TICKS = int((NOW_S - 1_420_070_400) * 100_000)


class Wire(Transport):
    """A transport whose far end is the test."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.coming: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self, timeout_s: float) -> Received:
        return Received(self.coming.pop(0)) if self.coming else NOTHING

    def close(self) -> None:
        pass


class Vehicle:
    """pymavlink as the signing peer."""

    def __init__(self, key: bytes = KEY, *, ticks: int = TICKS, system: int = 1) -> None:
        self.mav = mavlink.MAVLink(None, srcSystem=system, srcComponent=1)
        self.mav.signing.secret_key = key
        self.mav.signing.sign_outgoing = True
        self.mav.signing.timestamp = ticks
        self.mav.signing.link_id = 3

    def frame(self, message=None) -> bytes:
        packed = bytes((message or heartbeat()).pack(self.mav))
        self.mav.seq = (self.mav.seq + 1) % 256
        return packed


def heartbeat():
    return mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def make_link(wire: Wire, signer: Signer | None = None, **options) -> Link:
    clock = iter(range(10**9))
    return Link(wire, signer=signer, station=Station(heartbeat=False), clock=lambda: next(clock) * 1e-3, **options)


def make_signer(**options) -> Signer:
    return Signer(SigningKey(KEY), unix_s=lambda: NOW_S, **options)


def hear(link: Link, wire: Wire, *frames: bytes) -> list[str]:
    wire.coming += frames
    heard = []
    while (message := link.receive(0.01)) is not None:
        heard.append(message.get_type())
    return heard


def test_a_forged_far_future_frame_is_dropped_and_the_next_true_one_accepted(wire) -> None:
    signer = make_signer()
    link, vehicle = make_link(wire, signer), Vehicle()
    assert hear(link, wire, vehicle.frame()) == ["HEARTBEAT"]
    forger = Vehicle(OTHER, ticks=TICKS + 10**12)
    assert hear(link, wire, forger.frame(), vehicle.frame()) == ["HEARTBEAT"]
    assert (signer.counts.forged, signer.counts.accepted) == (1, 2)


def unsigned(payload: bytes, seq: int) -> bytes:
    """An unsigned PARAM_VALUE with bytes of one's choice for a name."""
    mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    mav.seq = seq
    return bytes(mavlink.MAVLink_param_value_message(payload, 1.0, 9, 100, 1).pack(mav))


@pytest.mark.parametrize("unknown_id", [b"\xff\xff\xff", (0).to_bytes(3, "little")], ids=["unknown", "heartbeat"])
def test_what_looks_like_a_signed_frame_inside_an_unsigned_one_is_counted_as_nothing(wire, unknown_id) -> None:
    """Two bytes of a payload suffice to look like the header of a frame that is signed with another key."""
    signer = make_signer()
    link, vehicle = make_link(wire, signer), Vehicle()
    look_alike = b"\xfd\x00\x01\x00\x07\x01\x01" + unknown_id  # no payload: its checksum and trailer are what follows
    told = hear(link, wire, vehicle.frame(), *(unsigned(look_alike, seq) + vehicle.frame() for seq in range(20)))
    assert told == ["HEARTBEAT"] * 21
    counts = signer.counts
    assert (counts.accepted, counts.unsigned, counts.forged, counts.unknown) == (21, 20, 0, 0)
    assert (link.counts.rejected, link.counts.broken) == (20, 0)


@given(payloads=st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=20))
def test_unsigned_frames_are_counted_one_by_one_whatever_they_hold(payloads) -> None:
    wire, signer = Wire(), make_signer()
    link = make_link(wire, signer)
    frames = b"".join(unsigned(payload, seq) for seq, payload in enumerate(payloads))
    assert hear(link, wire, frames + bytes(300)) == []  # what looks like a header waits for as much as it claims
    assert (signer.counts.unsigned, signer.counts.forged, link.counts.rejected) == (len(payloads), 0, len(payloads))


def test_a_true_frame_wrapped_in_an_unsigned_one_is_still_found(wire) -> None:
    """Whoever can put bytes before ours on a serial line must not make them unread by a header that covers them."""
    signer = make_signer()
    link, true = make_link(wire, signer), Vehicle().frame()
    mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    wrapped = bytes(mavlink.MAVLink_data64_message(0, 64, true.ljust(64, b"\x01")).pack(mav))
    assert hear(link, wire, wrapped) == ["HEARTBEAT"]
    assert (signer.counts.accepted, signer.counts.unsigned) == (1, 1)


def test_a_frame_of_an_unknown_kind_is_not_said_to_be_of_another_key(wire) -> None:
    """Its checksum is not known, so nobody can tell whether it is a frame at all."""
    signer = make_signer()
    link = make_link(wire, signer)
    header = b"\xfd\x00\x01\x00\x07\x01\x01\xff\xff\xff"
    assert hear(link, wire, header + bytes(15)) == []
    assert (signer.counts.unknown, signer.counts.forged) == (1, 0)


def test_pymavlink_itself_falls_for_that_frame() -> None:
    """The reason for checking in front of it; when this fails, pymavlink has been mended."""
    receiver, vehicle = mavlink.MAVLink(None), Vehicle()
    receiver.signing.secret_key = KEY
    receiver.decode(bytearray(vehicle.frame()))
    with pytest.raises(mavlink.MAVError):
        receiver.decode(bytearray(Vehicle(OTHER, ticks=TICKS + 10**12).frame()))
    with pytest.raises(mavlink.MAVError):
        receiver.decode(bytearray(vehicle.frame()))


def test_a_frame_replayed_after_a_restart_is_dropped(wire, tmp_path) -> None:
    key = SigningKey(KEY)
    vehicle = Vehicle()
    frame = vehicle.frame()
    first = make_link(wire, make_signer(marks=MarksFile(tmp_path / "marks", key)))
    assert hear(first, wire, frame) == ["HEARTBEAT"]
    first.close()
    signer = make_signer(marks=MarksFile(tmp_path / "marks", key))
    second = make_link(wire, signer)
    assert hear(second, wire, frame) == []
    assert signer.counts.replayed == 1
    assert hear(second, wire, vehicle.frame()) == ["HEARTBEAT"]
    second.close()


def test_marks_survive_a_crash_without_close(wire, tmp_path) -> None:
    key = SigningKey(KEY)
    frame = Vehicle().frame()
    crashed = MarksFile(tmp_path / "marks", key)
    hear(make_link(wire, make_signer(marks=crashed)), wire, frame)
    with MarksFile(tmp_path / "marks", key) as marks:
        assert hear(make_link(wire, make_signer(marks=marks)), wire, frame) == []
    crashed.close()


def test_the_same_frame_twice_and_an_old_new_stream_are_dropped(wire) -> None:
    signer = make_signer()
    link, vehicle = make_link(wire, signer), Vehicle()
    frame = vehicle.frame()
    late = Vehicle(ticks=TICKS - 61 * 100_000, system=9)
    young = Vehicle(ticks=TICKS - 59 * 100_000, system=8)
    assert hear(link, wire, frame, frame, late.frame(), young.frame()) == ["HEARTBEAT", "HEARTBEAT"]
    assert signer.counts.replayed == 2


def test_unsigned_and_unknown_are_dropped_and_counted_but_not_the_radio(wire) -> None:
    signer = make_signer()
    link, vehicle = make_link(wire, signer), Vehicle()
    plain = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    unsigned = bytes(heartbeat().pack(plain))
    radio = bytes(mavlink.MAVLink_radio_status_message(100, 90, 50, 10, 10, 0, 0).pack(plain))
    strange = bytearray(vehicle.frame())
    strange[7:10] = (60_000).to_bytes(3, "little")
    strange = bytes(strange[:-6]) + SigningKey(KEY).signature(bytes(strange[:-6]))
    assert hear(link, wire, unsigned, strange, radio) == ["RADIO_STATUS"]
    assert (signer.counts.unsigned, signer.counts.unknown, signer.counts.let_through) == (1, 1, 1)
    assert link.counts.rejected == 2


def test_pymavlink_accepts_what_we_sign(wire) -> None:
    link = make_link(wire, make_signer())
    receiver = mavlink.MAVLink(None)
    receiver.signing.secret_key = KEY
    receiver.signing.timestamp = TICKS
    for _ in range(3):
        link.send(heartbeat())
    decoded = [receiver.decode(bytearray(frame)) for frame in wire.sent]
    assert [m.get_signed() for m in decoded] == [True, True, True]
    assert receiver.signing.goodsig_count == 3


def test_a_signed_frame_changed_on_the_way_is_dropped(wire) -> None:
    signer = make_signer()
    link, frame = make_link(wire, signer), bytearray(Vehicle().frame())
    frame[-3] ^= 1
    assert hear(link, wire, bytes(frame)) == []
    assert signer.counts.forged == 1


def test_setup_signing_is_in_no_record_and_the_key_in_no_text(wire, tmp_path, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    key = SigningKey(KEY)
    signer = make_signer(marks=MarksFile(tmp_path / "marks", key))
    recorder = TlogRecorder(tmp_path / "flight.tlog")
    link = make_link(wire, signer, recorder=recorder)
    link.send(mavlink.MAVLink_setup_signing_message(1, 1, list(KEY), TICKS))
    link.send(heartbeat())
    assert any(KEY in frame for frame in wire.sent), "the vehicle must get it"
    link.close()
    assert recorder.frames == 1
    for path in tmp_path.iterdir():
        assert KEY not in path.read_bytes(), path.name
    shown = repr(key) + str(key) + repr(signer) + caplog.text
    with pytest.raises(TypeError) as failed:
        pickle.dumps(key)
    shown += "".join(traceback.format_exception(failed.value))
    for text in (KEY.hex(), repr(KEY), repr(list(KEY)), KEY.decode("latin-1")):
        assert text not in shown


def test_a_key_inside_a_frame_of_an_unknown_kind_is_not_recorded(wire, tmp_path) -> None:
    """A false start of an unknown id may swallow a whole SETUP_SIGNING frame; the record must not keep it."""
    setup = bytes(mavlink.MAVLink_setup_signing_message(1, 1, list(KEY), TICKS).pack(mavlink.MAVLink(None, 255, 190)))
    false_start = bytes([0xFD, len(setup) - 2, 0, 0, 0, 1, 1]) + (60_000).to_bytes(3, "little")
    recorder = TlogRecorder(tmp_path / "flight.tlog")
    link = make_link(wire, recorder=recorder)
    plain = bytes(heartbeat().pack(mavlink.MAVLink(None, 1, 1)))
    assert hear(link, wire, false_start + setup + plain) == ["HEARTBEAT"]
    link.close()
    assert KEY not in (tmp_path / "flight.tlog").read_bytes()


def test_marks_of_another_key_or_damaged_are_refused(tmp_path) -> None:
    MarksFile(tmp_path / "marks", SigningKey(KEY)).close()
    with pytest.raises(InputError, match="another key"):
        MarksFile(tmp_path / "marks", SigningKey(OTHER))
    (tmp_path / "marks").write_bytes(b"VDTMARK1")
    with pytest.raises(InputError, match="damaged file of signing marks"):
        MarksFile(tmp_path / "marks", SigningKey(KEY))


def test_key_files(tmp_path) -> None:
    path = tmp_path / "key"
    with pytest.raises(InputError, match="does not exist"):
        read_key(path)
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        read_key(path)
    path.chmod(0o600)
    assert read_key(path).fingerprint == SigningKey(KEY).fingerprint
    path.write_bytes(KEY)
    assert read_key(path).fingerprint == SigningKey(KEY).fingerprint
    path.write_text("too short")
    with pytest.raises(InputError, match="neither 64 hexadecimal digits nor 32 bytes") as failed:
        read_key(path)
    assert "too short" not in str(failed.value)
    path.write_text(KEY.hex())
    signer = open_signer(path, "S01")
    signer.save()
    assert (tmp_path / "key.S01.marks").stat().st_mode & 0o77 == 0
