"""Real streams against two other libraries, value by value."""

from __future__ import annotations

import datetime as dt
import io

import klvdata
import numpy as np
import pytest
from stanag4609 import decode_uas_local_set
from stanag4609.st0601 import FieldDecodingMode

from telemetry.klv import TAGS, decode
from telemetry.klv.klv_check import check_centre
from telemetry.klv.klv_file import read_klv
from telemetry.klv.tags import NUMERIC, Coding

SAMPLED = 40


@pytest.fixture(scope="module")
def cheyenne(shared_data):
    return decode((shared_data / "klv/klvdata/Cheyenne.bin").read_bytes())


def row(stream, index):
    found = {}
    for tag, column in stream.columns.items():
        at = int(np.searchsorted(column.packet, index))
        if at < len(column.packet) and column.packet[at] == index:
            found[tag] = column.values[at]
    return found


def test_klvdata_reads_the_same_values(cheyenne):
    theirs = list(klvdata.StreamParser(io.BytesIO(cheyenne.data)))
    assert len(theirs) == len(cheyenne) == 407
    compared = 0
    for index in range(0, 407, 407 // SAMPLED):
        ours = row(cheyenne, index)
        for key, element in theirs[index].items.items():
            tag = key[0]
            value = getattr(getattr(element, "value", None), "value", None)
            if isinstance(value, float) and TAGS[tag].coding in {Coding.UNSIGNED, Coding.SIGNED}:
                # klvdata maps onto [-2^(L-1), 2^(L-1)]; the standard's symmetric range differs by its last step.
                step = (TAGS[tag].hi - TAGS[tag].lo) / 2 ** (8 * TAGS[tag].length - 1)
                assert ours[tag] == pytest.approx(value, abs=step), tag
                compared += 1
            elif isinstance(value, dt.datetime):
                assert abs(int(ours[tag]) - value.timestamp() * 1e6) < 2, tag
                compared += 1
    assert compared > 20 * SAMPLED


@pytest.mark.parametrize("name", ["klvdata/Cheyenne.bin", "jmisb/generator_output.mpeg"])
def test_stanag4609_reads_the_same_values(shared_data, name):
    stream = read_klv(shared_data / "klv" / name)
    compared = set()
    for index in range(0, len(stream), len(stream) // SAMPLED):
        ours = row(stream, index)
        theirs = decode_uas_local_set(stream.packet_bytes(index), field_decoding=FieldDecodingMode.PRESERVE)
        for field in theirs.fields:
            tag = field.definition.tag
            spec = TAGS.get(tag)
            if spec is None or isinstance(field.value, dt.datetime | bytes) or tag == 1:
                continue
            if spec.coding in NUMERIC and isinstance(field.value, int | float):
                assert float(ours[tag]) == pytest.approx(float(field.value), rel=1e-9, abs=1e-9), field.definition.tag
                compared.add(tag)
            elif spec.coding is Coding.TEXT and isinstance(field.value, str):
                assert ours[tag] == field.value
                compared.add(tag)
    assert len(compared) > 15


def test_the_centre_ray_of_the_cheyenne_clip_meets_its_frame_centre(cheyenne):
    centre = check_centre(cheyenne)
    assert centre.n == 407
    assert centre.unplaced == 0
    assert centre.median_m <= 15.0
    assert centre.median_deg < 0.2
