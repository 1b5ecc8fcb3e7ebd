"""WPL 110: what Mission Planner, MAVProxy and pymavlink write, and what they read of ours."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import mavwp

from geo.errors import InputError
from missions.plan_files.dialect import Dialect, wire_items
from missions.plan_files.plan_file import read_plan_file
from missions.plan_files.waypoints_file import parse_waypoints, write_waypoints


def real_files(root):
    return sorted(
        p
        for folder in ("ardupilot", "mavsdk", "pymavlink", "qgc")
        for p in (root / folder).glob("**/*")
        if p.is_file() and p.suffix in (".txt", ".waypoints") and p.read_bytes().startswith(b"QGC WPL")
    )


def test_every_real_file_is_read_as_pymavlink_reads_it(shared_data):
    files = real_files(shared_data / "missions")
    assert len(files) >= 35
    for path in files:
        loader = mavwp.MAVWPLoader()
        count = loader.load(str(path))
        document = read_plan_file(path)
        rows = [*document.items, *document.fence, *document.rally]
        assert len(rows) + (document.dialect is Dialect.ARDUPILOT) == count, path.name
        shift = int(document.dialect is Dialect.ARDUPILOT)
        for item in document.items:
            theirs = loader.wp(item.seq + shift)
            ours = (item.command, item.frame, item.alt_m)
            assert ours == (theirs.command, theirs.frame, pytest.approx(theirs.z, abs=1e-4))
            if not math.isnan(item.lat_deg):
                assert item.lat_deg == pytest.approx(theirs.x, abs=1e-7)


def test_pymavlink_loads_what_we_write(sortie, tmp_path):
    path = tmp_path / "s.waypoints"
    write_waypoints(sortie, "ardupilot", path)
    loader = mavwp.MAVWPLoader()
    assert loader.load(str(path)) == len(sortie.items) + 1
    for row in wire_items(sortie, "ardupilot"):
        theirs = loader.wp(row.seq)
        assert (theirs.command, theirs.frame, theirs.param1, theirs.param4) == (row.command, row.frame, row.p1, row.p4)
        if not math.isnan(row.lat_deg):
            assert (theirs.x, theirs.y) == (pytest.approx(row.lat_deg, abs=1e-8), pytest.approx(row.lon_deg, abs=1e-8))


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_a_sortie_survives_writing_and_reading(sortie, tmp_path, dialect):
    path = tmp_path / "s.waypoints"
    write_waypoints(sortie, dialect, path)
    document = read_plan_file(path, dialect)
    unset = 0.0 if dialect == "ardupilot" else math.nan
    wanted = [dataclasses.replace(i, p4=unset if math.isnan(i.p4) else i.p4, current=False) for i in sortie.items]
    assert repr([dataclasses.replace(i, current=False) for i in document.items]) == repr(wanted)
    assert (document.home is None) == (dialect == "px4")


HOME = "0\t1\t0\t16\t0\t0\t0\t0\t50\t8\t212\t1"


def test_mission_planners_command_0_home_is_home():
    document = parse_waypoints(
        f"QGC WPL 110\n{HOME.replace('16', '0', 1)}\n1 0 3 16 0 0 0 0 50.1 8.1 30 1\n", where="x"
    )
    assert document.home is not None
    assert [i.seq for i in document.items] == [0]


def test_a_first_row_that_is_no_home_is_flown(shared_data):
    document = read_plan_file(shared_data / "missions/mavsdk/mission_planner_sample.txt")
    assert document.home is None
    assert [i.command for i in document.items] == [22, 16, 16, 20]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x: the first line must be 'QGC WPL 110', found 'nothing'"),
        ("QGC WPL 120\n", "the first line must be"),
        (f"QGC WPL 110\n{HOME}\n1 2 3\n", "line 3 has 3 fields; 12 are needed"),
        ("QGC WPL 110\n" + HOME.replace("212", "high"), "line 2, field 11: 'high' is not a number"),
        ("QGC WPL 110\n" + HOME.replace("212", "inf"), "line 2, field 11: 'inf' is not a number"),
        ("QGC WPL 110\n" + HOME.replace("\t50\t", "\t91\t"), "not at a place on Earth: latitude 91,"),
        ("QGC WPL 110\n" + HOME.replace("\t50\t", "\tnan\t"), "not at a place on Earth"),
        ("QGC WPL 110\n-1" + HOME[1:], "field 1: '-1' must be a whole number"),
    ],
)
def test_broken_text_is_refused_with_its_line(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_waypoints(text, where="x")


def test_a_jump_into_nothing_is_reported():
    text = f"QGC WPL 110\n{HOME}\n1 0 3 16 0 0 0 0 50.1 8.1 30 1\n2 0 2 177 9 1 0 0 0 0 0 1\n"
    assert parse_waypoints(text, where="x").problems == ("item 2 jumps to item 9, which does not exist",)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.-+eEnaif \t\n#", max_size=200))
def test_any_rows_are_read_or_refused(body):
    with contextlib.suppress(InputError):
        assert parse_waypoints("QGC WPL 110\n" + body, where="x").source_format == "QGC WPL 110"
