from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.errors import KlvValueError
from telemetry.klv import TAGS, Coding, decode, encode
from telemetry.klv.tags import EXACT_INTEGERS

SCALED = [tag for tag in TAGS.values() if tag.coding in {Coding.UNSIGNED, Coding.SIGNED, Coding.IMAPB}]


def test_the_table_is_whole():
    assert sorted(TAGS) == list(range(1, 144))


@given(st.dictionaries(st.sampled_from(SCALED), st.floats(0, 1), max_size=20))
def test_scaled_values_come_back_within_their_step(shares):
    values = {tag.number: tag.lo + share * (tag.hi - tag.lo) for tag, share in shares.items()}
    stream = decode(encode({2: 1_700_000_000_000_000, **values}))
    assert stream.bad_checksum == 0
    for tag in shares:
        span = tag.hi - tag.lo
        step = 2.0 * span / 2 ** (8 * tag.length - 1)
        assert stream.numbers(tag.number)[0] == pytest.approx(values[tag.number], abs=step), tag


@pytest.mark.parametrize("number", sorted(EXACT_INTEGERS))
def test_microseconds_keep_every_digit(number):
    moment = 1_763_771_234_567_891
    stream = decode(encode({2: 5, number: moment}))
    assert int(stream.columns[number].values[0]) == moment


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({5: 361.0}, "tag 5 (Platform Heading Angle) holds 0 to 360 deg, not 361"),
        ({13: -91.0}, "tag 13"),
        ({5: "north"}, "takes a number"),
        ({3: 7}, "takes text"),
        ({48: 1.0}, "takes bytes"),
        ({300: 1.0}, "takes bytes"),
        ({1: 0}, "computed"),
        ({65: 300}, "integer of 1 bytes"),
        ({136: math.nan}, "tag 136"),
    ],
)
def test_a_value_that_does_not_fit_names_its_tag(values, part):
    with pytest.raises(KlvValueError, match=r"tag") as caught:
        encode(values)
    assert part in str(caught.value)


@pytest.mark.parametrize("number", [5, 6, 104, 13])
def test_no_value_is_written_as_no_value(number):
    for nothing in (math.nan, None):
        stream = decode(encode({2: 1, number: nothing}))
        assert np.isnan(stream.numbers(number)[0])


def test_numpy_scalars_are_numbers():
    assert encode({2: np.int64(7), 5: np.float32(90)}) == encode({2: 7, 5: 90.0})


def test_time_comes_first_and_the_checksum_last():
    packet = encode({65: 19, 3: "M", 2: 1})
    assert packet[17:19] == b"\x02\x08"
    assert packet[-4:-2] == b"\x01\x02"
