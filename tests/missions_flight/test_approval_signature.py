"""Only what a known key signed is approved: whoever rewrites plan, hash and approval together flies nothing."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time

import pytest

from geo.errors import RefusedError
from missions.flight.approval_file import approve, read_approval, require_approval, write_approval
from operations.signing.signer import new_key
from vedette.approval_keys import APPROVAL_KEYS_VARIABLE, approval_check, known_keys, signed_by

NOW = datetime.datetime(2026, 3, 1, 20, 30, tzinfo=datetime.UTC)


@pytest.fixture
def keys(tmp_path):
    """Keys of the unit's commander and of an attacker."""
    made = {}
    for name in ("ana", "eve"):
        made[name] = tmp_path / "keys" / f"{name}.key"
        new_key(made[name], f"{name}@unit", passphrase=None, clock=time.time_ns)
    return made


@pytest.fixture
def check(keys):
    return approval_check([keys["ana"].with_suffix(".pub")])


def moved(plan):
    sortie = plan.sorties[0]
    item = dataclasses.replace(sortie.items[2], lat_deg=sortie.items[2].lat_deg + 1e-6)
    items = (*sortie.items[:2], item, *sortie.items[3:])
    return dataclasses.replace(plan, sorties=(dataclasses.replace(sortie, items=items),))


def with_parameter(plan):
    """The same plan asking for another value of a parameter."""
    sortie = plan.sorties[0]
    asked = sortie.vehicle_parameters[0]
    other = (dataclasses.replace(asked, value=asked.value + 1.0), *sortie.vehicle_parameters[1:])
    return dataclasses.replace(plan, sorties=(dataclasses.replace(sortie, vehicle_parameters=other),))


def test_a_signed_approval_passes_and_comes_back_as_it_was(square_plan, tmp_path, keys, check) -> None:
    made = signed_by(approve(square_plan, name="Ána Ñ.", reason="night", now=NOW, overrides=("battery",)), keys["ana"])
    write_approval(made, tmp_path)
    assert require_approval(square_plan, tmp_path, NOW, check) == made == read_approval(tmp_path)


def test_an_approval_without_a_signature_counts_only_where_no_key_is_named(square_plan, tmp_path, check) -> None:
    write_approval(approve(square_plan, name="A", reason="r", now=NOW), tmp_path)
    assert require_approval(square_plan, tmp_path, NOW, approval_check([])).name == "A"
    with pytest.raises(RefusedError, match="the approval of A is not signed, and here only signed ones count"):
        require_approval(square_plan, tmp_path, NOW, check)
    assert json.loads((tmp_path / "flight-log.jsonl").read_text().splitlines()[-1])["event"] == "refused"


def test_a_foreign_key_approves_nothing(square_plan, tmp_path, keys, check) -> None:
    write_approval(signed_by(approve(square_plan, name="A", reason="r", now=NOW), keys["eve"]), tmp_path)
    with pytest.raises(RefusedError, match=r"not signed by a key known here: .*signed by eve@unit"):
        require_approval(square_plan, tmp_path, NOW, check)


@pytest.mark.parametrize("change", [moved, with_parameter])
def test_plan_hash_and_approval_rewritten_together_are_refused(square_plan, tmp_path, keys, check, change) -> None:
    """The attacker has the folder, and everything in it but a key."""
    good = signed_by(approve(square_plan, name="A", reason="r", now=NOW), keys["ana"])
    other = change(square_plan)
    assert other.sha256 != square_plan.sha256
    write_approval(dataclasses.replace(good, plan_sha256=other.sha256), tmp_path)
    with pytest.raises(RefusedError, match="was changed after ana@unit signed it"):
        require_approval(other, tmp_path, NOW, check)
    note = good.note.replace(square_plan.sha256, other.sha256)
    write_approval(dataclasses.replace(good, plan_sha256=other.sha256, note=note), tmp_path)
    with pytest.raises(RefusedError, match="not signed by a key known here"):
        require_approval(other, tmp_path, NOW, check)


@pytest.mark.parametrize("field", ["name", "reason", "t_utc", "overrides"])
def test_nothing_an_approval_says_can_be_changed(square_plan, tmp_path, keys, check, field) -> None:
    good = signed_by(approve(square_plan, name="A", reason="r", now=NOW, overrides=("battery",)), keys["ana"])
    other = () if field == "overrides" else "2026-03-01T20:31:00+00:00"
    write_approval(dataclasses.replace(good, **{field: other}), tmp_path)
    with pytest.raises(RefusedError, match="was changed after ana@unit signed it"):
        require_approval(square_plan, tmp_path, NOW, check)


@pytest.mark.parametrize("note", ["x", "vedette/approval\n{}\n\nno signature\n", "\u2014 ana@unit AAAA\n"])
def test_a_note_that_is_none_is_refused_in_a_sentence(square_plan, tmp_path, check, note) -> None:
    write_approval(dataclasses.replace(approve(square_plan, name="A", reason="r", now=NOW), note=note), tmp_path)
    with pytest.raises(RefusedError, match="is not signed by a key known here"):
        require_approval(square_plan, tmp_path, NOW, check)


def test_the_environment_names_the_known_keys(monkeypatch, keys) -> None:
    publics = [key.with_suffix(".pub") for key in keys.values()]
    monkeypatch.setenv(APPROVAL_KEYS_VARIABLE, ":".join(map(str, publics)))
    assert known_keys() == publics
    monkeypatch.delenv(APPROVAL_KEYS_VARIABLE)
    assert known_keys() == []
