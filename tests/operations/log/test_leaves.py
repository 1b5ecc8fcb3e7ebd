from __future__ import annotations

import contextlib
import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.log.errors import LeafError
from operations.log.leaves import Leaf, LeafKind, decode, encode

LEAF = Leaf(
    seq=7,
    t_utc_ns=1_767_225_600_000_000_000,
    actor="Ana Lyst",
    kind=LeafKind.VERDICT,
    subject="T1",
    body={"decision": "confirmed", "ce90_m": 9.5, "hits": ["a", "b"], "note": None},
    salt="00112233445566778899aabbccddeeff",
)
# Written down once by hand: the bytes are what hashes rest on, they never change for version 1.
BYTES = (
    b'{"actor":"Ana Lyst","body":{"ce90_m":9.5,"decision":"confirmed","hits":["a","b"],"note":null},'
    b'"kind":"verdict","salt":"00112233445566778899aabbccddeeff","seq":7,"subject":"T1","t_utc_ns":1767225600000000000,"v":1}'
)

text = st.text(st.characters(), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


def test_the_bytes_of_a_leaf_are_those_written_down():
    assert encode(LEAF) == BYTES
    assert decode(BYTES) == LEAF


@given(st.builds(Leaf, seq=st.integers(0), t_utc_ns=st.integers(), actor=text, kind=st.sampled_from(LeafKind),
                 subject=text, salt=text, body=st.dictionaries(text, json_values, max_size=4)))  # fmt: skip
def test_a_leaf_comes_back_as_it_was(leaf):
    assert decode(encode(leaf)) == leaf


def test_names_that_are_no_utf8_and_escape_codes_survive_as_plain_ascii():
    leaf = dataclasses.replace(LEAF, body={"name": "\udce9t\u00e9\x1b[31m\u2028.ts"})
    data = encode(leaf)
    assert data.isascii()
    assert all(byte >= 0x20 for byte in data)
    assert decode(data) == leaf


def test_equal_records_have_unequal_hashes():
    again = [Leaf(seq=0, t_utc_ns=1, actor="a", kind=LeafKind.NOTE, subject="s", body={}) for _ in range(2)]
    assert encode(again[0]) != encode(again[1])


@pytest.mark.parametrize(
    "body",
    [{"x": math.nan}, {"x": math.inf}, {"x": b"bytes"}, {1: "x"}, {"x": [{2: "x"}]}, {"x": {1, 2}}],
    ids=["nan", "infinity", "bytes", "number as key", "number as inner key", "set"],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(LeafError, match="record 7"):
        encode(dataclasses.replace(LEAF, body=body))


@pytest.mark.parametrize("field", ["seq", "t_utc_ns", "actor", "kind", "subject"])
def test_a_field_of_a_wrong_type_is_named(field):
    with pytest.raises(LeafError, match=field):
        encode(dataclasses.replace(LEAF, **{field: True}))


def changed(**fields):
    return json.dumps({**json.loads(BYTES), **fields}, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        BYTES + b" ",
        BYTES.replace(b",", b", ", 1),
        BYTES.replace(b"9.5", b"9.50"),
        BYTES.replace(b'"T1"', b'"\\u0054\\u0031"'),
        BYTES.replace(b'"note":null', b'"note":null,"note":null'),
        BYTES.replace(b"9.5", b"NaN"),
        BYTES.replace(b"9.5", b"1e999"),
        changed(v=2),
        changed(v=True),
        changed(seq=-1),
        changed(seq="7"),
        changed(kind="rumour"),
        changed(body=[]),
        changed(extra=1),
    ],
    ids=str,
)
def test_bytes_we_do_not_write_are_named(data):
    with pytest.raises(LeafError, match="record"):
        decode(data)


@given(st.integers(0, len(BYTES) - 1), st.integers(1, 255))
def test_every_flipped_byte_is_another_leaf_or_none(place, mask):
    data = bytearray(BYTES)
    data[place] ^= mask
    with contextlib.suppress(LeafError):
        assert decode(bytes(data)) != LEAF
