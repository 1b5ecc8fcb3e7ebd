"""Decoding whole streams: the golden packet, and damage constructed byte by byte."""

from __future__ import annotations

import numpy as np
import pytest

from telemetry.klv import ChecksumMode, decode, encode
from telemetry.klv.ber import encode_length
from telemetry.klv.encode import checksum
from telemetry.klv.packets import UAS_KEY

GOLDEN_VALUES = {
    5: 159.97436484, 6: -0.43153172, 7: 3.40586566, 13: 60.17682297, 14: 128.42675904, 15: 14190.71946,
    16: 144.57129778, 18: 160.71921144, 19: -168.79232483, 21: 68590.98329874, 23: -10.54238863, 24: 29.15789012,
    65: 6.0,
}  # fmt: skip


def test_golden_packet_has_the_published_values(golden):
    stream = decode(golden)
    assert len(golden) == 114
    assert len(stream) == 1
    assert stream.bad_checksum == 0
    assert stream.problems == ()
    for tag, value in GOLDEN_VALUES.items():
        assert stream.numbers(tag)[0] == pytest.approx(value, abs=6e-9 if abs(value) < 1000 else 1e-5), tag
    assert stream.times_us()[0] == int.from_bytes(golden[19:27], "big")


def test_encoding_the_golden_values_gives_the_golden_bytes(golden):
    stream = decode(golden)
    values = {tag: column.values[0] for tag, column in stream.columns.items() if tag != 1}
    values[2] = int(values[2])
    assert encode(values) == golden


def test_columns_hold_all_packets_of_a_stream(flight):
    stream = decode(b"".join(flight(50)))
    assert len(stream) == 50
    np.testing.assert_allclose(stream.numbers(13), 50.0 + np.arange(50) * 1e-5, atol=5e-8)
    assert np.diff(stream.times_us()).tolist() == [100_000] * 49


def test_an_item_some_packets_lack_is_nan_there(flight):
    stream = decode(flight(1)[0] + flight(1, t21=1234.0)[0])
    np.testing.assert_allclose(stream.numbers(21), [np.nan, 1234.0], atol=0.01)


@pytest.mark.parametrize(
    ("mode", "kept", "told"),
    [(ChecksumMode.STRICT, 2, 1), (ChecksumMode.WARN, 3, 1), (ChecksumMode.ACCEPT, 3, 0)],
)
def test_a_wrong_checksum_is_treated_as_the_mode_says(flight, mode, kept, told):
    packets = flight(3)
    broken = bytearray(packets[1])
    broken[30] ^= 0x10  # the low byte of the heading
    stream = decode(packets[0] + bytes(broken) + packets[2], checksum=mode)
    assert len(stream) == 3
    assert stream.bad_checksum == 1
    assert stream.checksum_good.tolist() == [True, False, True]
    assert int(np.isfinite(stream.numbers(5)).sum()) == kept
    assert len(stream.problems) == told
    assert all(problem.offset == len(packets[0]) for problem in stream.problems)
    assert stream.packet_bytes(1) == bytes(broken)


def test_a_packet_without_checksum_counts_as_bad(golden):
    items = golden[17:-4]
    stream = decode(UAS_KEY + encode_length(len(items)) + items)
    assert stream.bad_checksum == 1
    assert "no checksum item" in stream.problems[0].message


def test_reading_goes_on_after_garbage(flight):
    packets = flight(2)
    stream = decode(b"\x00" * 7 + packets[0] + b"noise, 13 byt" + packets[1] + b"\xff" * 5)
    assert len(stream) == 2
    assert stream.bad_checksum == 0
    assert [(problem.kind, problem.offset) for problem in stream.problems] == [
        ("resync", 0),
        ("resync", 7 + len(packets[0])),
        ("resync", 7 + 13 + len(packets[0]) + len(packets[1])),
    ]


@pytest.mark.parametrize("lie", ["8480000000", "84ffffffff", "888000000000000000", "80", "ff"])
def test_a_lying_length_costs_one_packet_and_no_memory(flight, lie):
    packets = flight(3)
    head, tail = packets[1][:16], packets[1][17:]
    stream = decode(packets[0] + head + bytes.fromhex(lie) + tail + packets[2])
    assert len(stream) == 2
    assert stream.problems[0].kind == "length"
    assert stream.problems[0].offset == len(packets[0])


def test_a_length_that_swallows_the_next_key_is_not_believed(flight):
    packets = flight(3)
    swallowing = UAS_KEY + encode_length(len(packets[1]) - 17 + len(packets[2])) + packets[1][17:]
    stream = decode(packets[0] + swallowing + packets[2])
    assert len(stream) == 2
    assert "swallows" in stream.problems[0].message


def test_a_key_inside_a_packet_is_payload_when_the_checksum_holds(flight):
    inner = flight(1)[0]
    stream = decode(flight(1, t200=inner)[0] + inner)
    assert len(stream) == 2
    assert stream.problems == ()
    assert stream.blobs(200)[0] == inner


def test_a_cut_packet_at_the_end_is_a_problem(golden):
    stream = decode(golden + golden[:60])
    assert len(stream) == 1
    assert stream.problems[0].kind == "length"
    assert stream.problems[0].offset == 114


def test_unknown_tags_are_kept_as_bytes(flight):
    stream = decode(b"".join(flight(2, t300=b"\x01\x02\x03")))
    assert stream.columns[300].values == (b"\x01\x02\x03", b"\x01\x02\x03")


def test_an_item_that_overruns_its_packet_keeps_those_before_it(flight):
    items = b"\x02\x08" + (1_700_000_000_000_000).to_bytes(8, "big") + b"\x41\x01\x13" + b"\x0d\x70"
    body = UAS_KEY + encode_length(len(items) + 4) + items + b"\x01\x02"
    packet = body + checksum(body).to_bytes(2, "big")
    stream = decode(packet + flight(1)[0])
    assert stream.numbers(65).tolist() == [19.0, 19.0]
    assert stream.problems[0].kind == "item"


@pytest.mark.parametrize("size", [0, 9, 12])
def test_a_number_of_impossible_length_has_no_value(flight, size):
    stream = decode(flight(1, t5=b"\x11" * size)[0])
    assert np.isnan(stream.numbers(5)[0])
    assert len(stream.problems) == (size > 0)


def test_numbers_of_unusual_length_use_the_same_formula(flight):
    stream = decode(flight(1, t5=b"\x40\x00\x00")[0])
    assert stream.numbers(5)[0] == pytest.approx(360.0 * 0x400000 / (2**24 - 1))


def test_long_and_two_byte_lengths_inside_a_packet_are_read(flight):
    stream = decode(flight(1, t3="x" * 300, t135="link")[0])
    assert stream.columns[3].values == ("x" * 300,)
    assert stream.columns[135].values == ("link",)


def test_keys_that_lost_their_first_bytes_are_told_and_read(golden):
    stream = decode(golden[5:] + golden[5:])
    assert len(stream) == 2
    assert stream.bad_checksum == 0
    assert stream.problems[0].kind == "key"


def test_the_file_with_cut_keys_is_a_problem_not_a_crash(shared_data):
    stream = decode((shared_data / "klv/sitrec/misb/day.klv").read_bytes())
    assert len(stream) == 6
    assert stream.bad_checksum == 0
    assert [problem.kind for problem in stream.problems] == ["key"]
    np.testing.assert_allclose(stream.numbers(13), 54.68, atol=0.05)


def test_an_empty_stream_is_empty():
    stream = decode(b"")
    assert len(stream) == 0
    assert stream.columns == {}
    assert stream.times_us().shape == (0,)
