"""Home, numbering and jump targets, as each autopilot wants them."""

from __future__ import annotations

import dataclasses
import math

import pytest

from geo.errors import InputError
from missions.plan_files.dialect import as_dialect, from_wire_xy, has_position, items_from_wire, wire_items, wire_xy


def test_ardupilot_gets_home_first_and_everything_after_it_moves_up(sortie):
    wire = wire_items(sortie, "ardupilot")
    assert len(wire) == len(sortie.items) + 1
    assert (wire[0].lat_deg, wire[0].lon_deg, wire[0].alt_m, wire[0].frame) == (50.0, 8.0, 212.0, 0)
    assert [i.seq for i in wire] == list(range(7))
    jump = next(i for i in wire if i.command == 177)
    assert jump.p1 == 3.0
    assert wire[int(jump.p1)].command == 16


def test_px4_gets_the_items_as_they_are_and_the_jump_unmoved(sortie):
    wire = wire_items(sortie, "px4")
    assert [i.seq for i in wire] == list(range(6))
    assert next(i for i in wire if i.command == 177).p1 == 2.0


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_exactly_the_first_item_is_current(sortie, dialect):
    assert [i.current for i in wire_items(sortie, dialect)].index(True) == 0
    assert sum(i.current for i in wire_items(sortie, dialect)) == 1


def test_commands_without_a_place_leave_global_frames(make_sortie, make_item):
    flight = make_sortie(items=(make_item(0, 178, frame=3, p2=12.0),))
    assert wire_items(flight, "px4")[0].frame == 2


@pytest.mark.parametrize("dialect", ["ardupilot", "px4"])
def test_what_goes_out_comes_back(sortie, dialect):
    home, items = items_from_wire(wire_items(sortie, dialect), dialect)
    assert (home is None) == (dialect == "px4")
    heading = 0.0 if dialect == "ardupilot" else math.nan
    wanted = [dataclasses.replace(i, p4=heading) if math.isnan(i.p4) else i for i in sortie.items]
    assert repr([dataclasses.replace(i, current=False) for i in items]) == repr(wanted)


def test_unset_places_are_int32_max_and_missing_places_are_zero(make_item):
    assert wire_xy(make_item(0, 20)) == (0, 0)
    assert wire_xy(make_item(0, 22)) == (2**31 - 1, 2**31 - 1)
    assert wire_xy(make_item(0, 16, lat=-33.1234567, lon=151.7654321)) == (-331234567, 1517654321)
    assert from_wire_xy(16, -331234567, 1517654321) == (-33.1234567, 151.7654321)
    assert math.isnan(from_wire_xy(22, 2**31 - 1, 2**31 - 1)[0])
    assert math.isnan(from_wire_xy(178, 0, 0)[0])


def test_parameter_5_of_a_camera_shot_travels_unscaled(make_item):
    shot = make_item(0, 203, lat=1.0, lon=math.nan, frame=2)
    assert wire_xy(shot) == (1, 0)
    assert from_wire_xy(203, 1, 0)[0] == 1.0


def test_the_origin_is_a_place_for_a_waypoint_but_not_for_a_landing(make_item):
    assert has_position(make_item(0, 16, lat=0.0, lon=0.0))
    assert not has_position(make_item(0, 21, lat=0.0, lon=0.0))
    assert not has_position(make_item(0, 178, lat=1.0, lon=1.0))


def test_an_unknown_dialect_is_refused_by_name():
    with pytest.raises(InputError, match="'inav' is not known; use one of: ardupilot, px4"):
        as_dialect("inav")


def test_ardupilot_never_sees_an_unset_value(make_sortie, make_item):
    flight = make_sortie(
        items=(make_item(0, 22, alt=30.0, p4=math.nan), make_item(1, 19, lat=1.0, lon=2.0, p4=math.nan))
    )
    wire = wire_items(flight, "ardupilot")
    assert [(i.p4, i.lat_deg) for i in wire[1:]] == [(0.0, 0.0), (0.0, 1.0)]
    back = items_from_wire(wire, "ardupilot")[1]
    assert math.isnan(back[0].lat_deg)


def test_a_land_start_without_a_place_goes_out_as_zero(make_item):
    """PX4 reads INT32_MAX back as INT32_MIN there, and the upload is then not equal; other unset places stay unset."""
    assert wire_xy(make_item(0, 189, frame=2)) == (0, 0)
    assert wire_xy(make_item(0, 21)) == (2**31 - 1, 2**31 - 1)
    assert wire_xy(make_item(0, 189, lat=50.0, lon=8.0)) == (500_000_000, 80_000_000)
