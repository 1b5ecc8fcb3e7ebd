from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.klv.ber import decode_length, decode_oid, encode_length, encode_oid, join_items, split_items


@pytest.mark.parametrize(
    ("length", "coded"), [(0, "00"), (127, "7f"), (128, "8180"), (201, "81c9"), (265, "820109"), (65536, "83010000")]
)
def test_lengths_have_their_published_form(length, coded):
    assert encode_length(length).hex() == coded
    assert decode_length(bytes.fromhex(coded), 0) == (length, len(coded) // 2)


@pytest.mark.parametrize(("number", "coded"), [(1, "01"), (127, "7f"), (128, "8100"), (134, "8106"), (143, "810f")])
def test_tags_have_their_published_form(number, coded):
    assert encode_oid(number).hex() == coded
    assert decode_oid(bytes.fromhex(coded), 0) == (number, len(coded) // 2)


@pytest.mark.parametrize("broken", ["", "80", "8201", "ff00", "89010101010101010101"])
def test_a_length_that_cannot_be_is_none(broken):
    assert decode_length(bytes.fromhex(broken), 0) is None


@pytest.mark.parametrize("broken", ["", "81", "8181818181818101"])
def test_a_tag_that_does_not_end_is_none(broken):
    assert decode_oid(bytes.fromhex(broken), 0) is None


@given(st.lists(st.tuples(st.integers(0, 2**28), st.binary(max_size=300)), max_size=8))
def test_items_survive_joining_and_splitting(items):
    data = join_items(items)
    assert split_items(data) == (items, len(data))


@given(st.binary(max_size=200))
def test_splitting_anything_stops_inside_it(data):
    items, end = split_items(data)
    assert 0 <= end <= len(data)
    assert sum(len(value) for _, value in items) <= len(data)
