"""Cues of one shape are read by one layout: what is found has to be what each cue says itself."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.logs.cue_layout import NAMED, SHAPES_KEPT, CueLayouts, read_layout
from telemetry.logs.subtitle_cues import cue_columns, split_cues

TIMING = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{1,2}[,.]\d{1,3}")
"""A cue's two times in one expression, as the SubRip format has it."""


def split_by_one_expression(text: str) -> list[tuple[int, str]]:
    found = list(TIMING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)] * bool(found)
    cues = []
    for match, end in zip(found, ends, strict=True):
        hours, minutes, seconds = (int(match.group(group) or 0) for group in (1, 2, 3))
        ms = (hours * 3600 + minutes * 60 + seconds) * 1000 + int(match.group(4).ljust(3, "0"))
        cues.append((ms * 1_000_000, text[match.end() : end]))
    return cues


PIECES = st.sampled_from(
    [
        "00:00:01,000",
        "1:02.5",
        "123:04:05.67",
        "2345:06,7",
        " --> ",
        "-->",
        "--->",
        " ",
        "\n",
        "\u2003",
        "7",
        ":",
        ",",
        "-",
        "x",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_cues_are_parted_as_by_one_expression(text):
    assert list(split_cues(text)) == split_by_one_expression(text)


@pytest.mark.parametrize("space", [" " * 200, "\n" * 40, "\t \u00a0 "])
def test_any_space_may_stand_before_the_arrow(space):
    text = f"00:00:01,000{space}--> 00:00:02,000 one 00:00:03,000{space}-->{space}00:00:04,000 two"
    assert list(split_cues(text)) == split_by_one_expression(text) == [(10**9, " one "), (3 * 10**9, " two")]


def test_the_time_behind_one_arrow_is_not_the_time_before_the_next():
    text = "00:00:01,000 --> 00:00:02,000 --> 00:00:03,000 --> 00:00:04,000"
    assert list(split_cues(text)) == split_by_one_expression(text)


def test_an_arrow_without_a_time_before_it_is_text():
    text = "00:00:01,000 --> 00:00:02,000 a --> 00:00:05,000 b\n00:00:07,000 --> 00:00:08,000 c"
    assert [start_ns for start_ns, _ in split_cues(text)] == [10**9, 7 * 10**9]


NUMBERS = st.one_of(
    st.floats(-89.0, 89.0).map(lambda value: f"{value:.6f}"),
    st.floats(0.0, 89.0).map(lambda value: f"+{value:.1f}"),
    st.integers(-9, 89).map(str),
)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_each_cue_says_its_own_numbers(rows):
    """What was written is what is read, whatever cues of the same or of another shape came before."""
    cues = [
        (k, f"[latitude: 1.5] [rel_alt: {rel} abs_alt: {alt}] GPS(2.5,{lat},7) G.PRY({alt}, 0, 9°)")
        for k, (lat, rel, alt) in enumerate(rows)
    ]
    columns = cue_columns(cues).columns
    lat, rel, alt = np.array([[float(written) for written in row] for row in rows]).T
    expected = {"lat_deg": lat, "lon_deg": 2.5, "alt_rel_home_m": rel, "alt_amsl_m": alt, "gimbal_pitch_deg": alt}
    for name, values in (expected | {"gimbal_roll_deg": 0.0, "gimbal_yaw_deg": 9.0}).items():
        np.testing.assert_array_equal(columns[name], np.broadcast_to(values, len(rows)), err_msg=name)


@pytest.mark.parametrize(
    ("place", "lat", "lon"),
    [
        ("GPS(W: -100.5, N: 31.5, 9)", 31.5, -100.5),
        ("GPS(31.5S, 100.5E)", -31.5, 100.5),
        ("GPS(-31.5S, 100.5W)", -31.5, -100.5),
        ("GPS (36,6146; -6,1120; 0,0M)", 36.6146, -6.112),
        ("GPS(-6,1120, 36,6146, 17)", 36.6146, -6.112),
        ("GPS(6,1120,36,6146)", 36.6146, 6.112),
        ("GPS(6,36,17)", 36.0, 6.0),
        ("RTK ( 6.112 , 36.6146 , 50.2M)", 6.112, 36.6146),
        ("GPS(31.5N, 32.5S)", math.nan, math.nan),
        ("GPS(north, 32.5)", math.nan, math.nan),
    ],
)
def test_places_in_parentheses(place, lat, lon):
    for cue in (place, place.translate(str.maketrans("123456789", "000000000"))):
        row = dict(zip(NAMED, read_layout(cue).row(place), strict=True))
        np.testing.assert_array_equal([row["lat_deg"], row["lon_deg"]], [lat, lon])


@pytest.mark.parametrize(
    ("written", "lat", "lon"),
    [
        ("latitude: 48.5 S longitude: 11.25 W", -48.5, -11.25),
        ("latitude: 48.5N longitude: 11.25E", 48.5, 11.25),
        ("lat: 48.5° S lon: -11.25° W", -48.5, -11.25),
        ("latitude: -48.5 longitude: 11.25", -48.5, 11.25),
        ("latitude: 48.5 W longitude: 11.25 N", math.nan, math.nan),
        ("LAT: 48°30'00\"N LON: 11°15'00\"E", math.nan, math.nan),
        ("LAT: 48 ° 30.5 LON: 11 ° 15.5", math.nan, math.nan),
        ("LAT: 48.5°30 LON: 11.25", math.nan, 11.25),
        ("lat: 48.5 S: 3 lon: 11.25 W: 9", 48.5, 11.25),
    ],
)
def test_letters_and_degrees_behind_a_number_count(written, lat, lon):
    """The southern and the western half have letters, too; of degrees and minutes the degrees alone are no place."""
    columns = cue_columns([(0, f"2024-05-01 10:00:00\n{written} altitude: 5")]).columns
    np.testing.assert_array_equal([columns["lat_deg"][0], columns["lon_deg"][0]], [lat, lon])
    assert columns["alt_unstated_m"][0] == 5.0


def test_letters_behind_other_numbers_are_no_halves():
    columns = cue_columns([(0, "Hb: 1.5 S drone_yaw: 100 W lat: 1.5 lon: 2.5")]).columns
    assert (columns["alt_rel_home_m"][0], columns["yaw_deg"][0]) == (1.5, 100.0)


@pytest.mark.parametrize(
    ("dates", "days", "unsure"),
    [
        (["01/05/2024", "01/05/2024"], ["2024-01-05", "2024-01-05"], True),
        (["12/05/2024", "13/05/2024"], ["2024-05-12", "2024-05-13"], False),
        (["05/12/2024", "05/13/2024"], ["2024-05-12", "2024-05-13"], False),
        (["05/05/2024"], ["2024-05-05"], False),
        (["2024-01-05"], ["2024-01-05"], False),
        (["01.05.2024"], ["2024-05-01"], False),
    ],
)
def test_day_and_month_are_those_that_any_cue_shows(dates, days, unsure):
    cues = cue_columns([(k, f"{date} 10:00:00\nlatitude: 1.5 longitude: 2.5") for k, date in enumerate(dates)])
    expected = [np.datetime64(f"{day}T10:00:00", "ns").astype(np.int64) for day in days]
    assert (cues.stamp_ns.tolist(), cues.either_order) == (expected, unsure)


def test_a_number_without_end_is_none():
    columns = cue_columns([(0, "latitude: 1e999 longitude: 2 altitude: -9e400")]).columns
    assert np.isnan([columns["lat_deg"][0], columns["alt_unstated_m"][0]]).all()
    assert columns["lon_deg"][0] == 2.0


def test_a_file_whose_every_cue_has_another_shape_keeps_few_of_them():
    layouts = CueLayouts()
    for k in range(3 * SHAPES_KEPT):
        word = f"{k:b}".translate(str.maketrans("01", "xy"))
        cue = f"{word} latitude: {k % 90}.5"
        assert layouts.of(cue).row(cue)[0] == k % 90 + 0.5
        assert layouts.kept <= SHAPES_KEPT


@pytest.mark.parametrize("odd", ["\ud800", "\u0663", "°", "\U0001f681"])
def test_other_characters_are_part_of_a_shape(odd):
    cues = [(0, f"{odd} latitude: 12.5 longitude: 7"), (1, f"{odd} latitude: 34.5 longitude: 8"), (2, "latitude: 9.5")]
    np.testing.assert_array_equal(cue_columns(cues).columns["lat_deg"], [12.5, 34.5, 9.5])


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["x", "May ", "G.PRY (1", "GPS(1", "1 x", "latitude", "2024-01-01 ", "H 1", "::", "-->"]
)
def test_a_cue_without_end_is_looked_through_once(piece):
    """A million characters of one kind: an expression that begins anew at each of them would take hours."""
    columns = cue_columns([(0, piece * (1_000_000 // len(piece)) + " longitude: 3.5")]).columns
    assert columns["lon_deg"][0] == 3.5
    assert list(split_cues(piece * 100_000)) == []
