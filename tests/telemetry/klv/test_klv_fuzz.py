"""Any bytes at all: no exception of another kind than ours, bounded memory, and nothing invented."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.klv import ChecksumMode, decode
from telemetry.klv.ber import encode_length, encode_oid
from telemetry.klv.covariance import Uncertainty, encode_uncertainty
from telemetry.klv.klv_check import check_centre
from telemetry.klv.klv_report import opened, rows, stats
from telemetry.klv.klv_track import track_from_klv
from telemetry.klv.packets import UAS_KEY
from telemetry.klv.security import Security, encode_security
from telemetry.klv.vmti import Target, TargetLocation, Vmti, encode_vmti

MIB = 1024 * 1024


SECURITY = encode_security(Security(items={1: 1, 2: 1, 3: "//US", 12: 1, 13: "US", 22: 12}))
VMTI = encode_vmti(
    Vmti(
        targets=(
            Target(
                number=7,
                centroid=31460,
                confidence_pct=81,
                location=TargetLocation(
                    lat_deg=50.1, lon_deg=8.1, alt_hae_m=120.0, sigma_east_m=3.0, sigma_north_m=4.0, sigma_up_m=5.0
                ),
            ),
        ),
        items={2: 1_700_000_000_000_000, 3: "vedette", 8: 640, 9: 480},
    )
)
COVARIANCE = encode_uncertainty(Uncertainty(sigma=np.array([1.0, 2.0, 3.0]), correlation=np.eye(3)))


def no_geoid(lat_deg, lon_deg, /):
    return np.zeros(np.shape(lat_deg))


def use(data, mode=ChecksumMode.ACCEPT):
    """Do with a stream whatever a user may do with it."""
    stream = decode(data, checksum=mode)
    stats(stream)
    for row in rows(stream):
        for tag, value in row.items():
            opened(tag, value)
    track = track_from_klv(stream, undulation=no_geoid)
    track.at(track.t_utc_ns)
    return stream


@given(st.binary(max_size=400))
def test_any_bytes(data):
    use(data)


items = st.builds(
    lambda tag, value: encode_oid(tag) + encode_length(len(value)) + value,
    st.integers(0, 300),
    st.binary(max_size=12),
)


@given(st.lists(items, max_size=30), st.binary(max_size=8))
@settings(max_examples=200)
def test_any_items(parts, tail):
    body = b"".join(parts) + tail
    use(UAS_KEY + encode_length(len(body)) + body)


def test_any_damage_to_a_stream(flight, fuzz):
    fuzz.begin(27)
    nested = {"_48": SECURITY, "_74": VMTI, "_102": COVARIANCE}
    for number in range(fuzz.inputs):
        if number % 2:  # what lies inside a packet whose checksum is right
            stream = b"".join(flight(2, **{tag: fuzz.damaged(value) for tag, value in nested.items()}))
        else:
            stream = fuzz.damaged(b"".join(flight(4, **nested)))
        mode = ChecksumMode.STRICT if number % 4 else ChecksumMode.ACCEPT
        found = use(stream, mode)
        assert found.bad_checksum <= len(found)
    fuzz.judge_memory()


@given(packet=st.integers(0, 3), place=st.integers(0, 400))
@settings(max_examples=100)
def test_a_single_flipped_byte_never_yields_a_wrong_value(flight, packet, place):
    packets = flight(4)
    true = decode(b"".join(packets))
    damaged = bytearray(packets[packet])
    damaged[place % len(damaged)] ^= 0x40
    stream = decode(b"".join([*packets[:packet], bytes(damaged), *packets[packet + 1 :]]))
    lat = stream.numbers(13)
    assert set(lat[np.isfinite(lat)].tolist()) <= set(true.numbers(13).tolist())


@pytest.mark.parametrize(
    "hostile",
    [
        (UAS_KEY + bytes.fromhex("8400ffffff")) * 10_000,
        b"\x06\x0e\x2b\x34\x02" * 50_000,
        b"".join(UAS_KEY + b"\x05" + encode_oid(k + 200) + b"\x01\x00\x00" for k in range(16_000, 20_000)),
        UAS_KEY + encode_length(1_000_000) + b"\x03\x00" * 500_000,
        UAS_KEY + encode_length(1_000_000) + b"\x0d\x04\x01\x02\x03\x04" * 166_666 + b"\x00" * 4,
        bytes(1_000_000),
    ],
    ids=["lying lengths", "half keys", "a tag each", "empty items", "repeated items", "zeros"],
)
def test_a_hostile_megabyte_stays_within_memory(hostile):
    tracemalloc.start()
    use(hostile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 * MIB


def test_checking_a_stream_without_centres_is_no_crash(flight):
    centre = check_centre(decode(b"".join(flight(3))), undulation=no_geoid)
    assert (centre.n, centre.unplaced) == (0, 0)
    assert check_centre(decode(b""), undulation=no_geoid).n == 0
