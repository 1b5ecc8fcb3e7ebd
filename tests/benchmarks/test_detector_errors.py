"""Which worlds are looked at, and what is printed of an interval."""

from __future__ import annotations

import argparse

import pytest

from benchmarks._error_counts import Count
from benchmarks.detector_errors import between, worlds


def test_worlds_are_numbers_and_ranges():
    assert worlds("1-3,5000") == [1, 2, 3, 5000]
    assert worlds("") == []


@pytest.mark.parametrize("text", ["1-", "x", "1..3"])
def test_what_is_no_world_is_named(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no world; give numbers and ranges"):
        worlds(text)


def test_an_interval_is_that_of_most_draws():
    one = Count(value=0.5, number=9, of="boxes")
    draws = [{"recall": Count(value=value / 100.0, number=9, of="boxes")} for value in range(101)]
    assert between(one, draws, "recall") == " [0.025 to 0.975]"


def test_no_interval_where_few_draws_have_the_number():
    one = Count(value=0.5, number=9, of="boxes")
    assert between(one, [{"recall": one}, {}, {}], "recall") == ""
