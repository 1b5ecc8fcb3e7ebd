"""From any format to any other: what is kept, and a sentence for everything that is not."""

from __future__ import annotations

import pytest

from geo.errors import InputError
from missions.plan_files.plan_document import PlanDocument
from missions.plan_files.plan_file import write_plan_file


def test_a_plan_without_mission_is_not_written_as_a_route(tmp_path, make_item):
    document = PlanDocument(
        source_format="test", dialect=None, home=None, items=(), rally=(make_item(0, 5100, lat=50.0, lon=8.0),)
    )
    with pytest.raises(InputError, match=r"x\.gpx: the plan has no mission"):
        write_plan_file(document, tmp_path / "x.gpx")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_a_plan_file_must_have_is_not_made_up_silently(tmp_path, make_item):
    document = PlanDocument(
        source_format="test", dialect=None, home=None, items=(make_item(0, 16, lat=50.0, lon=8.0, alt=50.0),)
    )
    (said,) = write_plan_file(document, tmp_path / "x.plan")
    assert "has no home" in said
