"""The reference page names every rule and every stored command, so that it cannot fall behind the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from missions.checks.check import AUTOPILOT_RULES, PLAN_RULES
from missions.transfer.storage_tables import ARDUPILOT, PX4_PLACED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "plan-files.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text()


def test_every_rule_is_described(page):
    rules = [*PLAN_RULES, *(rule for rules in AUTOPILOT_RULES.values() for rule in rules)]
    assert [rule for rule in rules if f"`{rule}`" not in page] == []


def test_every_stored_command_has_its_row(page):
    ardupilot, _, px4 = page.partition("## What PX4 stores")
    assert [c for c in ARDUPILOT if f"\n| {c} | " not in ardupilot] == []
    assert [c for c in PX4_PLACED if f"\n| {c} | " not in px4] == []
