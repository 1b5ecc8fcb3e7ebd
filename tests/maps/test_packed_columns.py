"""Columns in a page, read back by a second reader that knows only what the module says of them."""

from __future__ import annotations

import base64
import gzip

import numpy as np
import pytest

from maps.packed_columns import Column, packed, packed_ids


def unpack(told):
    """Return the columns of a packed table as arrays of floats."""
    raw, at, n = gzip.decompress(base64.b64decode(told["bytes"])), 0, told["count"]
    columns = {}
    for field in told["fields"]:
        planes = np.frombuffer(raw, np.uint8, field["width"] * n, offset=at).reshape(field["width"], n).astype(np.int64)
        at += field["width"] * n
        codes = (planes << (8 * np.arange(field["width"]))[:, None]).sum(axis=0)
        values = codes + field["low"] - field["gaps"]
        unknown = (codes == 0) & field["gaps"]
        if "from" in field:
            values = field["from"] + np.cumsum(np.where(unknown, 0, values))
        columns[field["name"]] = np.where(unknown, np.nan, values * field["step"])
    assert at == len(raw)
    return columns


@pytest.mark.parametrize("gaps", [False, True])
def test_places_times_and_codes_come_back_to_half_a_step(rng, gaps):
    n = 3000
    lat = 50.0 + np.cumsum(rng.normal(size=n)) * 1e-5
    t = np.cumsum(rng.integers(0, 300, n)).astype(float)
    loose = rng.uniform(-170, 170, n)
    if gaps:
        lost = rng.random(n) < 0.2
        lost[0] = True
        lat, loose = np.where(lost, np.nan, lat), np.where(lost, np.nan, loose)
    codes = rng.integers(0, 300, n)
    told = packed(
        {
            "lat": Column(values=lat, step=1e-6),
            "t": Column(values=t),
            "loose": Column(values=loose, step=1e-6),
            "codes": Column(values=codes),
            "minus": Column(values=codes - 5),
        },
        n,
    )
    read = unpack(told)
    for name, values, step in (("lat", lat, 1e-6), ("t", t, 1), ("loose", loose, 1e-6), ("codes", codes, 1)):
        assert np.allclose(read[name], values, atol=step * 0.501, rtol=0, equal_nan=True)
    assert np.array_equal(read["minus"], codes - 5)
    widths = {field["name"]: field["width"] for field in told["fields"]}
    assert widths["codes"] == 2
    assert widths["lat"] < widths["loose"]


def test_no_rows_and_nothing_known_are_columns_too():
    assert unpack(packed({"a": Column(values=np.zeros(0))}, 0))["a"].tolist() == []
    assert np.isnan(unpack(packed({"a": Column(values=np.full(20, np.nan))}, 20))["a"]).all()


def test_a_number_of_more_than_six_bytes_is_refused():
    with pytest.raises(ValueError, match="2\\^48"):
        packed({"a": Column(values=np.array([0, 1 << 50]))}, 2)


def test_planes_of_every_kind_come_back_from_one_stream(rng):
    """Random bytes are stored, skewed ones coded, repeating ones deflated: another reader takes all for one file."""
    n = 100_000
    columns = {
        "random": rng.integers(0, 1 << 24, n),
        "skewed": np.minimum(rng.exponential(6.0, n).astype(int), 255),
        "ramp": np.arange(n) * 40,
        "same": np.full(n, 7),
    }
    told = packed({name: Column(values=values) for name, values in columns.items()}, n)
    read = unpack(told)
    for name, values in columns.items():
        assert np.array_equal(read[name], values)
    raw = gzip.decompress(base64.b64decode(told["bytes"]))
    assert len(base64.b64decode(told["bytes"])) < 1.02 * len(gzip.compress(raw, 6))


def ids_read(told, count):
    raw = base64.b64decode(told["bytes"]).hex()
    return [raw[at * told["hex"] : (at + 1) * told["hex"]] for at in range(count)]


def test_ids_are_kept_whole_or_by_as_many_digits_as_tell_them_apart(rng):
    ids = np.frombuffer(rng.bytes(10 * 150_000).hex().encode(), "S20")
    assert packed_ids(ids[:500]).split() == [one.decode() for one in ids[:500]]
    many = packed_ids(ids)
    assert many["hex"] == 14
    assert ids_read(many, len(ids)) == [one.decode()[:14] for one in ids]
    alike = ids.copy()
    alike[1] = alike[0][:14] + b"ff" + alike[0][16:]
    alike[0] = alike[0][:14] + b"00" + alike[0][16:]
    assert packed_ids(alike)["hex"] == 16
    assert packed_ids(np.array([b"h1", b"h20"], "S20")) == "h1 h20"
    assert packed_ids(np.zeros(0, "S20")) == ""
