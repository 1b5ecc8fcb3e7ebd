"""The suite begins with the files that take longest."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import LONG


def test_the_long_files_are_there_and_come_first(request):
    tests = Path(__file__).parent
    assert [name for name in LONG if not (tests / name).is_file()] == []
    paths = [item.path for item in request.session.items]
    long = [path in {tests / name for name in LONG} for path in paths]
    assert long == sorted(long, reverse=True)
