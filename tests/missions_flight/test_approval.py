"""A plan is flown only as a named person approved it."""

from __future__ import annotations

import dataclasses
import datetime
import json

import pytest

from geo.errors import InputError, RefusedError
from missions.flight.approval_file import approve, read_approval, require_approval, write_approval
from missions.plan import Finding, Severity

NOW = datetime.datetime(2026, 3, 1, 20, 30, tzinfo=datetime.UTC)


def test_an_approved_plan_passes_and_says_by_whom(square_plan, tmp_path) -> None:
    made = approve(square_plan, name=" A. Name ", reason="night patrol", now=NOW, overrides=("battery",))
    write_approval(made, tmp_path)
    back = require_approval(square_plan, tmp_path, NOW)
    assert back == made
    assert (back.name, back.t_utc) == ("A. Name", "2026-03-01T20:30:00+00:00")
    assert back.overrides[0].rule == "battery"


def test_a_plan_changed_after_approval_is_refused_and_logged(square_plan, tmp_path) -> None:
    write_approval(approve(square_plan, name="A", reason="r", now=NOW), tmp_path)
    sortie = square_plan.sorties[0]
    moved = dataclasses.replace(sortie.items[2], lat_deg=sortie.items[2].lat_deg + 1e-6)
    items = (*sortie.items[:2], moved, *sortie.items[3:])
    changed = dataclasses.replace(square_plan, sorties=(dataclasses.replace(sortie, items=items),))
    with pytest.raises(RefusedError, match="is not the plan that A approved") as refused:
        require_approval(changed, tmp_path, NOW)
    assert refused.value.exit_status == 3
    line = json.loads((tmp_path / "flight-log.jsonl").read_text().splitlines()[-1])
    assert line["event"] == "refused"
    assert line["why"] == "changed after approval"
    assert (line["plan_sha256"], line["approved_sha256"]) == (changed.sha256, square_plan.sha256)


def test_nobody_approved(square_plan, tmp_path) -> None:
    with pytest.raises(RefusedError, match="is approved by nobody; approve it with: vedette fly PLAN --approve"):
        require_approval(square_plan, tmp_path, NOW)
    assert "not approved" in (tmp_path / "flight-log.jsonl").read_text()


@pytest.mark.parametrize(("name", "reason"), [("", "r"), ("A", " "), ("", "")])
def test_a_name_and_a_reason_are_needed(square_plan, name, reason) -> None:
    with pytest.raises(InputError, match="needs a person's name and a reason"):
        approve(square_plan, name=name, reason=reason, now=NOW)


def test_a_plan_with_errors_cannot_be_approved(square_plan) -> None:
    bad = Finding(rule="standoff", severity=Severity.ERROR, message="leg 3 comes within 20 m of the line")
    with pytest.raises(RefusedError, match="cannot be approved: leg 3 comes within 20 m"):
        approve(dataclasses.replace(square_plan, findings=(bad,)), name="A", reason="r", now=NOW)


def test_a_shortfall_of_sight_is_approved_by_its_name_and_a_broken_rule_of_place_never(square_plan) -> None:
    unflown = Finding(rule="unflown", severity=Severity.ERROR, message="0.6 km of border cannot be flown")
    zone = Finding(rule="zones", severity=Severity.ERROR, message="leg 3 crosses zone 'mast'")
    short, both = (dataclasses.replace(square_plan, findings=found) for found in ((unflown,), (unflown, zone)))
    with pytest.raises(
        RefusedError, match=r"0\.6 km of border cannot be flown; let it pass by name \(--override 'unflown'\)"
    ):
        approve(short, name="A", reason="r", now=NOW)
    made = approve(short, name="A", reason="the marsh is watched from the tower", now=NOW, overrides=("unflown",))
    assert [(o.rule, o.name) for o in made.overrides] == [("unflown", "A")]
    with pytest.raises(RefusedError, match="leg 3 crosses zone 'mast'; plan again"):
        approve(both, name="A", reason="r", now=NOW, overrides=("unflown", "zones"))


HELD = '{"format":"vedette-approval","version":1,"plan_sha256":"x","name":"A","reason":"r","t_utc":"t"'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        *((text, "it is not of format vedette-approval, version 1") for text in ("{}", "[]", "null", '{"version": 1}')),
        ('{"format": "other", "version": 1}', "it is not of format"),
        ('{"format": "vedette-approval", "version": 1}', "plan_sha256 is missing"),
        (HELD.replace('"x"', '""') + "}", "plan_sha256 is missing, or no text"),
        (HELD.replace('"x"', "5") + "}", "plan_sha256 is missing, or no text"),
        (HELD + ',"note":5}', "the signature, is no text"),
        (HELD + ',"overrides":"battery"}', "overrides is no list"),
        (HELD + ',"overrides":["battery"]}', "an override does not hold name, reason, rule as texts"),
        (HELD + ',"overrides":[{}]}', "an override does not hold"),
        (HELD + ',"overrides":[["name","reason","rule"]]}', "an override does not hold"),
        (HELD + ',"overrides":[{"rule":"battery","name":5,"reason":"r"}]}', "an override does not hold"),
    ],
)
def test_a_file_that_is_no_approval(tmp_path, text, why) -> None:
    (tmp_path / "approval.json").write_text(text)
    with pytest.raises(InputError, match=rf"approval\.json is no approval \(.*{why}.*; approve the plan again"):
        read_approval(tmp_path)
