"""A plan on the screen: everything said, nothing cut, many findings of a rule counted."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pytest

from missions.briefs.brief_file import read_brief
from missions.plan import Finding, Severity
from missions.tasks.plan_door import plan_brief
from vedette.commands.findings_view import print_findings
from vedette.commands.plan_view import SHOWN_SORTIES, show_plan
from vedette.commands.screen import Screen

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "demo" / "brief.toml"
LONG = "S01 leg 3 comes within 12.5 m of the border between the two farms and the river, which is far too near"


@pytest.fixture(scope="module")
def planned():
    brief = read_brief(EXAMPLE)
    made = plan_brief(brief)
    site = "a very long name of a launch site up in the northern hills"
    long = tuple(dataclasses.replace(s, site=site) for s in made.plan.sorties)
    plan = dataclasses.replace(made.plan, sorties=long, findings=tuple(many()))
    return dataclasses.replace(made, plan=plan)


def many():
    for k in range(7):
        yield Finding(
            rule="standoff",
            severity=Severity.ERROR,
            message=LONG,
            lat_deg=47.5 + k,
            lon_deg=112.5,
            relaxation="standoff.asked_m = 12",
        )
    yield Finding(
        rule="[bold]odd",
        severity=Severity.WARNING,
        message="near 47.12345, 112.54321 [red]x",
        lat_deg=47.12345,
        lon_deg=112.0,
    )


def said(planned, *, width, terminal=True, every=False):
    text = io.StringIO()
    console = Screen(file=text, width=width, force_terminal=terminal, soft_wrap=True, color_system=None)
    show_plan(console, planned, Path("plan"), every=every)
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_and_nothing_is_wider_than_the_screen(planned, width):
    text = said(planned, width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    joined = " ".join(text.split())
    assert LONG in joined
    for words in ("a very long", "northern", "hills", "standoff", "in view", "flights", "written to plan"):
        assert words in joined


def test_the_numbers_are_the_plans(planned):
    plan = planned.plan
    text = said(planned, width=100)
    for sortie in plan.sorties:
        row = next(line for line in text.splitlines() if line.split()[:1] == [sortie.name])
        assert f"{sortie.legs[-1].battery_end_pct:.0f} %" in row
        assert f" {len(sortie.legs)} " in row
    assert f"{plan.min_standoff_m:.0f} m kept, {plan.required_standoff_m:g} m asked" in text
    assert f"{plan.worst_revisit_s / 60:.1f} min at worst" in text
    for option in plan.fleet_options:
        assert f"{option.aircraft} aircraft: everything flown every {option.period_s / 60:.1f} min" in text


def test_findings_are_grouped_by_rule_and_counted(planned):
    text = said(planned, width=200)
    assert re.search(r"error +standoff \(7\)", text)
    assert text.count(LONG) == 4
    assert "and 3 more of standoff (--all shows them)" in text
    assert "would do: standoff.asked_m = 12" in text
    assert "[bold]odd" in text
    assert "[red]x" in text
    assert "7 errors, 1 warning" in text
    assert said(planned, width=200, every=True).count(LONG) == 7


def test_a_place_is_said_once_and_a_pipe_gets_whole_lines(planned):
    text = said(planned, width=60, terminal=False)
    assert f"{LONG} at 47.500000, 112.500000" in text
    assert "112.54321 [red]x at" not in text


def test_of_very_many_sorties_the_first_are_shown(planned):
    plan = planned.plan
    sorties = tuple(dataclasses.replace(plan.sorties[0], name=f"S{k:03d}", site="x") for k in range(SHOWN_SORTIES + 5))
    text = said(dataclasses.replace(planned, plan=dataclasses.replace(plan, sorties=sorties)), width=80)
    assert "and 5 more (--all shows them)" in text
    assert f"S{SHOWN_SORTIES:03d}" not in text


def test_findings_of_nothing_print_nothing():
    text = io.StringIO()
    print_findings(Screen(file=text), (), every=False)
    assert text.getvalue() == ""
