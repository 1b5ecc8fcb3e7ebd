"""Which raster some bytes are, just inside and just outside of what each format allows; headers packed by hand."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from geo.children.seal import _DENIED
from geo.gis.errors import RefusalError
from geo.gis.formats import raster_driver

EARTH = {"south": 40.0, "west": 8.0, "lat_step": 0.25, "lon_step": 0.25, "rows": 5, "columns": 7}
HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h"))


def told(head, name="x.bin", size=None):
    try:
        return raster_driver(head, name, len(head) if size is None else size)
    except RefusalError:
        return None


def gtx(cut=0, **changes):
    """Return a geoid grid as VDatum writes it: south, west, steps, counts, then big-endian heights."""
    place = EARTH | changes
    head = struct.pack(">4d2i", *place.values())
    return (head + bytes(4 * max(place["rows"] * place["columns"], 0)))[: -cut or None]


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_geoid_grid_lies_on_earth(side):
    assert told(gtx()) == "GTX"
    for name, most in (("south", 90.5), ("west", 360.5)):
        assert told(gtx(**{name: side * most})) == "GTX"
        assert told(gtx(**{name: side * (most + 0.1)})) is None


@pytest.mark.parametrize("step", ["lat_step", "lon_step"])
def test_a_geoid_grid_has_steps_of_less_than_ten_degrees(step):
    assert [told(gtx(**{step: value})) for value in (1e-6, 9.99)] == ["GTX", "GTX"]
    assert [told(gtx(**{step: value})) for value in (0.0, -0.25, 10.0, float("nan"))] == [None] * 4


@pytest.mark.parametrize("count", ["rows", "columns"])
def test_a_geoid_grid_is_as_long_as_its_counts_say(count):
    assert [told(gtx(**{count: value})) for value in (1, 9)] == ["GTX", "GTX"]
    assert [told(gtx(**{count: value})) for value in (0, -3)] == [None, None]
    assert told(gtx(cut=1)) is None
    assert told(gtx() + b"\0") is None
    assert told(gtx(rows=-5, columns=-7), size=40 + 4 * 35) is None
    assert told(gtx()[:39], size=40 + 4 * 35) is None


@pytest.mark.parametrize("posts", [1201, 3601])
def test_an_srtm_tile_is_told_by_name_and_size(posts):
    data, size = bytes(64), 2 * posts * posts
    assert [told(data, name, size) for name in ("N45E008.hgt", "s01w071.HGT")] == ["SRTMHGT", "SRTMHGT"]
    for name, bytes_ in (
        ("N45E008.hgt", size + 2),
        ("N45E008.hgt", size - 2),
        ("x45E008.hgt", size),
        ("N45.hgt", size),
    ):
        assert told(data, name, bytes_) is None


@pytest.mark.parametrize(("before", "driver"), [(0, "DTED"), (80, "DTED"), (160, "DTED"), (79, None), (240, None)])
def test_a_dted_cell_begins_with_its_header_or_with_records_of_a_tape(before, driver):
    assert told(b"X" * before + b"UHL1" + bytes(400)) == driver


@pytest.mark.parametrize("word", ["ncols 4", "NROWS 4", "  xllcorner 8.5", "\nxllcenter\t8"])
def test_an_ascii_grid_begins_with_one_of_its_words(word):
    assert told(word.encode()) == "AAIGrid"
    assert told(word.split()[0].encode()) is None
    assert told(b"# " + word.encode()) is None


@pytest.mark.parametrize(("machine", "header"), [("x86_64", HEADERS[0]), ("aarch64", HEADERS[1])])
def test_numbers_of_refused_calls_are_the_kernels(machine, header):
    if not header.is_file():
        pytest.skip(f"{header.name} of the kernel's headers is not installed")
    kernel = {
        name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    }
    known = {name: number for name, number in _DENIED[machine].items() if name in kernel}
    assert known == {name: kernel[name] for name in known}
    assert len(known) > 0.9 * len(_DENIED[machine])
