"""Limits of published airspace: what is written, and the layer it can mean at most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo.geoid import undulation_m
from missions.zone_files.limits import Limit, Reference, layer_of, limit_or_open, parse_limit
from missions.zone_files.properties import limits_of

HERE = np.array([[23.55, 52.09]])


@pytest.mark.parametrize(
    ("text", "value_m", "reference"),
    [
        ("GND", 0.0, Reference.AGL),
        ("SFC", 0.0, Reference.AGL),
        ("500 ft AGL", 152.4, Reference.AGL),
        ("1500MSL", 457.2, Reference.AMSL),
        ("300MAGL", 300.0, Reference.AGL),
        ("500FTAGL", 152.4, Reference.AGL),
        ("300M", 300.0, Reference.UNKNOWN),
        ("2500 FT AMSL", 762.0, Reference.AMSL),
        ("300 m AGL", 300.0, Reference.AGL),
        ("FL95", 2895.6, Reference.FL),
        ("FL 195", 5943.6, Reference.FL),
        ("120 m HAE", 120.0, Reference.HAE),
        ("1000 ft STD", 304.8, Reference.FL),
        ("1000", 304.8, Reference.UNKNOWN),
        ("1000 ft XYZ", 304.8, Reference.UNKNOWN),
    ],
)
def test_limits_as_charts_write_them(text, value_m, reference):
    limit = parse_limit(text)
    assert limit.value_m == pytest.approx(value_m)
    assert limit.reference is reference


@pytest.mark.parametrize("text", ["UNL", "unltd", "UNLIMITED"])
def test_no_limit_is_none(text):
    assert parse_limit(text) is None


@pytest.mark.parametrize("text", ["", "ask the tower", "5 bananas high", "1e9", "nan", "FL", "--5"])
def test_what_is_no_height_is_open_and_said(text):
    limit, said = limit_or_open(text)
    assert limit is None
    assert "none is taken" in said


def test_heights_above_the_ellipsoid_are_brought_to_the_sea_by_the_geoid():
    limit = Limit(value_m=300.0, reference=Reference.HAE)
    layer = layer_of(limit, limit, HERE)  # floor at the ceiling: taken at every height
    assert layer.floor_amsl_m is None
    assert "not below" in layer.remarks[-1]
    floor = layer_of(limit, None, HERE).floor_amsl_m
    assert floor == pytest.approx(300.0 - float(undulation_m(52.09, 23.55)), abs=0.01)
    assert 260.0 < floor < 280.0  # the ellipsoid lies some 30 m below the sea in Poland


def isa_m(hpa):
    """Pressure altitude by the definition of the standard atmosphere (ICAO Doc 7488), in full."""
    return 288.15 / 0.0065 * (1.0 - (hpa / 1013.25) ** (287.05287 * 0.0065 / 9.80665))


@given(level=st.integers(0, 600), qnh=st.floats(870.0, 1083.8), ground_c=st.floats(-60.0, 50.0))
@example(level=0, qnh=1083.75, ground_c=16.0)
@example(level=500, qnh=1083.8, ground_c=50.0)
@example(level=195, qnh=870.0, ground_c=-60.0)
def test_a_flight_level_lies_between_the_heights_taken_for_it_on_any_day(level, qnh, ground_c):
    layer = (
        layer_of(Limit(value_m=level * 30.48, reference=Reference.FL), None, HERE),
        layer_of(None, Limit(value_m=level * 30.48, reference=Reference.FL), HERE),
    )
    column = (ground_c + 273.15) / 288.15
    true_m = (level * 30.48 - isa_m(qnh)) * column
    floor, ceiling = layer[0].floor_amsl_m, layer[1].ceiling_amsl_m
    assert floor is None or true_m <= 0.0 or floor <= true_m + 1.0
    assert ceiling is None or true_m <= 0.0 or ceiling >= true_m - 1.0
    assert floor is None or "pressure of the day" in layer[0].remarks[0]


def test_a_reference_that_is_not_named_is_either():
    layer = layer_of(
        Limit(value_m=3000.0, reference=Reference.UNKNOWN), Limit(value_m=9000.0, reference=Reference.UNKNOWN), HERE
    )
    assert (layer.floor_amsl_m, layer.floor_agl_m) == (3000.0, 3000.0)
    assert (layer.ceiling_amsl_m, layer.ceiling_agl_m) == (9000.0, 9000.0)
    assert "no reference" in layer.remarks[0]


@pytest.mark.parametrize("reference", [Reference.AMSL, Reference.AGL, Reference.UNKNOWN])
@pytest.mark.parametrize("value_m", [0.0, -30.0])
def test_a_floor_of_nought_is_the_ground_also_where_that_lies_below_the_sea(reference, value_m):
    layer = layer_of(Limit(value_m=value_m, reference=reference), None, np.array([[35.5, 31.5]]))  # -420 m AMSL
    assert (layer.floor_amsl_m, layer.floor_agl_m) == (None, None)


@pytest.mark.parametrize(
    ("value_m", "reference"),
    [(0.0, Reference.AGL), (-9998.0, Reference.UNKNOWN), (-9998.0, Reference.AMSL), (0.0, Reference.UNKNOWN)],
)
def test_a_ceiling_in_the_ground_is_none_and_said(value_m, reference):
    layer = layer_of(None, Limit(value_m=value_m, reference=reference), HERE)
    assert (layer.ceiling_amsl_m, layer.ceiling_agl_m) == (None, None)
    assert "lies in the ground; none is taken" in layer.remarks[0]


@pytest.mark.parametrize(
    ("told", "value_m", "reference"),
    [
        ({"upper_val": 2500, "upper_uom": "FT", "upper_code": "MSL"}, 762.0, Reference.AMSL),
        ({"upper_val": 180, "upper_uom": "FL", "upper_code": "STD"}, 5486.4, Reference.FL),
        ({"upper_val": 180, "upper_uom": "fl"}, 5486.4, Reference.FL),
        ({"upper_limit_altitude": "100", "upper_limit_unit": "m", "upper_limit_alt_ref": "AGL"}, 100.0, Reference.AGL),
        ({"maxaltitude": 120}, 120.0, Reference.UNKNOWN),
        ({"upper": 400, "uom": "ft", "upperreference": "AGL"}, 121.92, Reference.AGL),
        ({"uppermeters": 9000, "upper": "FL295"}, 8991.6, Reference.FL),
        ({"upper": "500 ft AGL", "uppermeters": 152}, 152.4, Reference.AGL),
    ],
)
def test_limits_as_authorities_spread_them_over_columns(told, value_m, reference):
    _, upper, stated = limits_of(told)
    assert stated
    assert (upper.value_m, upper.reference) == (pytest.approx(value_m), reference)


def test_a_unit_nobody_knows_is_no_metre():
    with pytest.raises(ValueError, match="upper: the unit 'km' is not understood"):
        limits_of({"upper": 3, "uom": "km"})
