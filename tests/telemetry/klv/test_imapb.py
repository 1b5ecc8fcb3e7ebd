from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.klv.imapb import (
    imapb_decode,
    imapb_encode,
    signed_decode,
    signed_encode,
    unsigned_decode,
    unsigned_encode,
)


@pytest.mark.parametrize(
    ("value", "lo", "hi", "length", "coded"),
    [
        (13898.5, 0.0, 1.5e6, 3, 0x00D92A),
        (23456.234375, -900.0, 40000.0, 3, 0x2F921E),  # printed as 23456.234, which floors to 0x2F921D
        (2150.0, -900.0, 40000.0, 3, 0x05F500),
        (125.0, 0.0, 360.0, 2, 0x1F40),
    ],
)
def test_examples_of_the_standard(value, lo, hi, length, coded):
    assert int(imapb_encode(value, lo, hi, length)) == coded
    assert imapb_decode(np.array([coded], np.uint64), lo, hi, length)[0] == pytest.approx(value, abs=0.3)


def test_every_vector_of_the_jmisb_table(shared_data):
    named = {"Infinity": math.inf, "-Infinity": -math.inf, "+QNaN": math.nan, "-QNaN": math.nan}
    rows = json.loads((shared_data / "klv/jmisb/st1201tests.json").read_text())
    assert len(rows) > 2000
    for row in rows:
        lo, hi, length = row["a"], row["b"], row["L"]
        value = named.get(row["x"], row["x"])
        coded = int(row["forwardResultHex"], 16)
        if row["x"] != "-QNaN":  # one spelling of "no value" is written, both are read
            assert int(imapb_encode(value, lo, hi, length)) == coded, row
        back = imapb_decode(np.array([coded], np.uint64), lo, hi, length)[0]
        expected = named.get(row["reverseResult"], row["reverseResult"])
        assert back == pytest.approx(expected, rel=1e-12, abs=1e-9, nan_ok=True), row


@given(st.floats(-900, 40000), st.integers(2, 8))
def test_imapb_comes_back_within_its_step(value, length):
    coded = imapb_encode(np.array([value]), -900.0, 40000.0, length)
    step = 2.0 ** (16 - (8 * length - 1))
    assert imapb_decode(coded, -900.0, 40000.0, length)[0] == pytest.approx(value, abs=step + 1e-8)


@given(st.floats(-180, 180), st.sampled_from([2, 4]))
def test_signed_map_comes_back_within_half_a_step(value, length):
    coded = signed_encode(np.array([value]), -180.0, 180.0, length)
    assert signed_decode(coded, -180.0, 180.0, length)[0] == pytest.approx(value, abs=180.0 / (2 ** (8 * length) - 2))


@given(st.floats(0, 360), st.sampled_from([1, 2, 4]))
def test_unsigned_map_comes_back_within_half_a_step(value, length):
    coded = unsigned_encode(np.array([value]), 0.0, 360.0, length)
    assert unsigned_decode(coded, 0.0, 360.0, length)[0] == pytest.approx(value, abs=180.01 / (2 ** (8 * length) - 1))


def test_the_most_negative_integer_is_no_value():
    assert np.isnan(signed_decode(np.array([0x8000], np.uint64), -20.0, 20.0, 2)[0])
    assert int(signed_encode(np.array([np.nan]), -20.0, 20.0, 2)[0]) == 0x8000


def test_a_value_outside_the_range_is_written_as_no_value():
    assert np.isnan(imapb_decode(imapb_encode(np.array([41000.0]), -900.0, 40000.0, 3), -900.0, 40000.0, 3)[0])
