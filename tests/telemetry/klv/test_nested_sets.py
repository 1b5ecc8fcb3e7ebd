"""Security, targets, covariance and picture time: golden bytes, and a second library as oracle."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stanag4609.st0102 import decode_security_local_set
from stanag4609.st0903 import decode_vmti_local_set
from stanag4609.st1010 import decode_sdcc_flp

from telemetry.errors import KlvValueError
from telemetry.klv import TAGS, decode, encode
from telemetry.klv.ber import encode_length
from telemetry.klv.covariance import Uncertainty, decode_uncertainty, encode_uncertainty
from telemetry.klv.klv_file import read_klv
from telemetry.klv.security import SECURITY_KEY, Security, decode_security, encode_security
from telemetry.klv.time_stamp import PictureTime, decode_picture_time, encode_picture_time
from telemetry.klv.vmti import (
    Target,
    TargetLocation,
    Vmti,
    decode_location,
    decode_vmti,
    encode_location,
    encode_vmti,
    encode_vmti_packet,
    pixel_number,
)

MIIS = bytes.fromhex("0102e05349984440481e9c16d05db5c24976")


@pytest.fixture(scope="module")
def kwiver(shared_data):
    return read_klv(shared_data / "klv/kwiver/videos/h264_klv.ts")


def test_the_golden_targets_come_back_byte_for_byte(shared_data):
    data = (shared_data / "klv/jmisb/0903.bin").read_bytes()
    sets = decode(data).others
    assert len(sets) == 5
    for number, found in enumerate(sets):
        vmti = decode_vmti(found.value)
        assert [target.number for target in vmti.targets] == [2 * number, 2 * number + 1]
        assert vmti.items[3] == "Example Targeting System"
        assert (vmti.items[8], vmti.items[9]) == (1000, 600)
        assert encode_vmti_packet(vmti) == data[found.offset : found.offset + 17 + len(found.value)]
    first = decode_vmti(sets[0].value).targets
    assert [(target.centroid, target.confidence_pct) for target in first] == [(387602, 15), (352205, 84)]
    assert [(target.top_left, target.bottom_right) for target in first] == [(0x08127A, 0x063FD6), (0x06F3D4, 0x0606CB)]


def test_written_targets_are_read_by_the_second_library():
    target = Target(
        number=7, centroid=pixel_number(99, 49, 640), top_left=pixel_number(90, 40, 640),
        bottom_right=pixel_number(110, 60, 640), confidence_pct=81,
        location=TargetLocation(
            lat_deg=50.1, lon_deg=8.1, alt_hae_m=120.0, sigma_east_m=3.0, sigma_north_m=4.0, sigma_up_m=5.0
        ),
    )  # fmt: skip
    items = {
        2: 1_700_000_000_000_000,
        3: "vedette",
        4: 6,
        5: 1,
        6: 1,
        7: 1,
        8: 640,
        9: 480,
        10: "EO",
        11: 40.0,
        12: 30.0,
        13: MIIS,
    }
    read = decode_vmti_local_set(encode_vmti_packet(Vmti(targets=(target,), items=items)))
    theirs = read.targets[0]
    fields = {field.tag: field.value for field in theirs.fields}
    assert theirs.target_id == 7
    assert (fields[1], fields[2], fields[3], fields[5]) == (31460, 25691, 38511, 81)
    ours = decode_vmti(encode_vmti(Vmti(targets=(target,), items=items))).targets[0]
    assert ours.location.lat_deg == pytest.approx(50.1, abs=1e-6)
    assert ours.location.sigma_north_m == pytest.approx(4.0, abs=0.05)
    assert math.isnan(ours.location.rho_east_up)


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(-900, 19000),
    st.lists(st.floats(0, 650), min_size=3, max_size=3),
)
def test_locations_come_back_within_their_steps(lat, lon, alt, sigmas):
    location = TargetLocation(
        lat_deg=lat, lon_deg=lon, alt_hae_m=alt, sigma_east_m=sigmas[0], sigma_north_m=sigmas[1], sigma_up_m=sigmas[2]
    )
    back = decode_location(encode_location(location))
    assert back.lat_deg == pytest.approx(lat, abs=1.3e-7)
    assert back.lon_deg == pytest.approx(lon, abs=2.5e-7)
    assert back.alt_hae_m == pytest.approx(alt, abs=1.01)
    assert back.sigma_up_m == pytest.approx(sigmas[2], abs=0.04)


def test_a_location_without_a_place_cannot_be_written():
    with pytest.raises(KlvValueError, match="needs latitude"):
        encode_location(TargetLocation(lat_deg=math.nan, lon_deg=8.0, alt_hae_m=0.0))
    with pytest.raises(KlvValueError, match="lat_deg"):
        encode_location(TargetLocation(lat_deg=91.0, lon_deg=8.0, alt_hae_m=0.0))


def test_sigmas_beyond_the_range_are_written_as_the_largest():
    location = TargetLocation(
        lat_deg=1.0, lon_deg=2.0, alt_hae_m=3.0, sigma_east_m=9000.0, sigma_north_m=1.0, sigma_up_m=1.0
    )
    assert decode_location(encode_location(location)).sigma_east_m == pytest.approx(650.0, abs=0.04)


def test_the_security_set_of_a_real_stream_agrees_with_the_second_library(shared_data):
    blob = read_klv(shared_data / "klv/jmisb/generator_output.mpeg").blobs(48)[0]
    ours = decode_security(blob)
    read = decode_security_local_set(SECURITY_KEY + encode_length(len(blob)) + blob)
    theirs = {field.tag: field.value for field in read.fields}
    assert ours.classification == "UNCLASSIFIED"
    assert ours.items[3] == theirs[3] == "//AU"
    assert ours.items[22] == theirs[22] == 12
    assert ours.items[13] == "US"
    assert encode_security(ours) == blob


def test_every_item_of_a_full_security_set_is_written_as_read(kwiver):
    blob = kwiver.blobs(48)[0]
    assert decode_security(blob).items[5] == "TEST-CAVEAT"
    assert encode_security(decode_security(blob)) == blob


def test_an_unknown_level_is_no_level():
    assert Security(items={}).classification == "unknown"
    assert Security(items={1: 9}).classification == "unknown"


def test_the_covariance_agrees_with_the_second_library(kwiver):
    blob = kwiver.blobs(102)[0]
    ours, theirs = decode_uncertainty(blob), decode_sdcc_flp(blob)
    assert ours.sigma.tolist() == [float(value) for value in theirs.standard_deviations]
    for row, column in ((0, 1), (0, 2), (1, 2)):
        expected = theirs.correlation(row, column)
        assert ours.correlation[row, column] == pytest.approx(0.0 if expected is None else float(expected), abs=1e-6)


@given(st.integers(1, 8), st.integers(0, 2**31))
def test_covariances_come_back(size, seed):
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0, 100, size)
    rho = np.corrcoef(rng.normal(size=(size, 20))) if size > 1 else np.eye(1)
    rho = np.clip((rho + rho.T) / 2, -1, 1)
    back = decode_uncertainty(encode_uncertainty(Uncertainty(sigma=sigma, correlation=rho)))
    np.testing.assert_allclose(back.sigma, sigma, rtol=1e-6)
    np.testing.assert_allclose(back.correlation, rho, atol=3e-7)
    np.testing.assert_allclose(back.covariance, rho * np.outer(sigma, sigma), atol=1e-2)


def test_a_covariance_that_cannot_be_is_refused():
    with pytest.raises(KlvValueError, match=r"\[-1, 1\]"):
        encode_uncertainty(Uncertainty(sigma=np.array([-1.0]), correlation=np.eye(1)))


@given(st.binary(max_size=60))
def test_any_bytes_make_a_covariance_or_none(data):
    decode_uncertainty(data)


@given(st.binary(max_size=200))
def test_any_bytes_make_targets_and_markings(data):
    decode_vmti(data)
    decode_security(data)
    decode_picture_time(b"MISPmicrosectime" + data)


def test_picture_time_of_a_real_stream_is_its_own_time_stamp():
    message = bytes.fromhex("4d4953506d6963726f73656374696d659f0004ff59f4ffa6aaff4aa8")
    time = decode_picture_time(message)
    assert time == PictureTime(t_us=1_224_807_209_913_000)
    assert encode_picture_time(time) == message
    assert decode_picture_time(encode_picture_time(time, h265=True)) == time


@given(st.integers(0, 2**63), st.booleans(), st.booleans())
def test_picture_times_come_back(t_us, locked, jump):
    time = PictureTime(t_us=t_us, locked=locked, discontinuity=jump)
    assert decode_picture_time(encode_picture_time(time)) == time


def test_every_tag_of_the_kwiver_clip_is_known(kwiver):
    assert kwiver.bad_checksum == 0
    assert len(kwiver) == 30
    assert set(kwiver.columns) <= set(TAGS)
    assert len(kwiver.columns) > 130
    assert kwiver.columns[3].values[0] == "MISSION01"
    assert kwiver.numbers(136).tolist() == [30.0] * 16 + [29.0] * 14


def test_the_gold_values_of_kwiver_are_written_and_read(shared_data):
    gold = json.loads((shared_data / "klv/kwiver/klv_gold.json").read_text())
    items = {entry["key"]["integer"]: entry["value"] for entry in gold[2]["value"]}
    stream = decode(encode({2: items[2], 34: items[34]["integer"], 77: items[77]["integer"], 103: 1000.0}))
    assert stream.times_us()[0] == 1234
    assert stream.numbers(34)[0] == 1
    assert stream.numbers(77)[0] == 5
    assert stream.numbers(103)[0] == pytest.approx(items[103]["value"], abs=0.01)
