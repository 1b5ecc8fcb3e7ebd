"""Nobody looks without a purpose, and whoever tries is in the log."""

from __future__ import annotations

import pytest

from geo.errors import InputError
from operations.consultation import (
    NS_PER_H,
    Access,
    Consultation,
    OpenCase,
    Purpose,
    close_case,
    consult,
    open_case,
)
from operations.errors import UnloggedError, WithoutPurposeError
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.verify import verify

WHY = Purpose(case="2026-0412", reason="group reported at km 31")


def ask(store, case=None, reason=None, access=Access.VIEW):
    return consult(store, access=access, what="map", case=case, reason=reason)


@pytest.mark.parametrize("given", [{}, {"case": "1"}, {"reason": "because"}])
@pytest.mark.parametrize("access", Access)
def test_without_case_and_reason_it_is_refused_and_the_attempt_is_logged(store, given, access):
    with pytest.raises(WithoutPurposeError, match="the attempt is in the log") as refused:
        ask(store, access=access, **given)
    assert refused.value.exit_status == 3
    (attempt,) = store.newest(LeafKind.ATTEMPT)
    assert attempt.subject == f"{access} without a purpose"
    assert attempt.body == {"what": "map", "lacking": [f"--{n}" for n in ("case", "reason") if n not in given]}


def test_half_a_purpose_is_not_filled_up_from_an_open_case(store):
    open_case(store, WHY, hours=12)
    with pytest.raises(WithoutPurposeError, match="add --reason"):
        ask(store, case="another")


@pytest.mark.parametrize(("case", "reason"), [("", "x"), ("1", " \t"), ("1", "x" * 501)])
def test_an_empty_or_endless_purpose_is_none(case, reason):
    with pytest.raises(InputError):
        Purpose(case=case, reason=reason)


def test_control_characters_of_a_purpose_are_shown_as_what_they_are():
    assert Purpose(case="1\x1b[2J", reason="a\u202eb").body() == {"case": "1\\x1b[2J", "reason": "a\\u202eb"}


def test_views_and_exports_carry_their_purpose(store):
    consultation = ask(store, "7", "a reason")
    assert consultation.viewed("map", {"hits": 3}) == ""
    assert consultation.exported("geojson", {"hits": 2, "to": "patrol 3"}) == ""
    (view,), (export,) = store.newest(LeafKind.VIEW), store.newest(LeafKind.EXPORT)
    assert view.body == {"case": "7", "reason": "a reason", "hits": 3}
    assert export.body == {"case": "7", "reason": "a reason", "hits": 2, "to": "patrol 3"}
    assert (view.actor, view.subject, export.subject) == ("analyst", "map", "geojson")
    assert verify(store.path).findings == ()


def test_a_case_is_opened_for_one_person_and_ends(tmp_path, store):
    now = [store.clock()]
    store.clock = lambda: now[0]
    opened = open_case(store, WHY, hours=2)
    assert ask(store).purpose == WHY
    with OperationStore.open(store.path, actor="somebody else", clock=store.clock) as other:
        assert OpenCase.of(other) is None
        with pytest.raises(WithoutPurposeError):
            ask(other)
    now[0] = opened.until_t_utc_ns - 1
    assert OpenCase.of(store) == opened
    now[0] += 1
    assert OpenCase.of(store) is None
    assert opened.until_t_utc_ns - 2 * NS_PER_H == store.record(LeafKind.CASE, "analyst").t_utc_ns


def test_a_closed_case_opens_nothing_and_is_in_the_log(store):
    assert close_case(store) is None
    open_case(store, WHY, hours=12)
    assert close_case(store).purpose == WHY
    with pytest.raises(WithoutPurposeError):
        ask(store)
    assert [leaf.body["state"] for leaf in store.leaves() if leaf.kind is LeafKind.CASE] == ["open", "closed"]


@pytest.mark.parametrize("hours", [0, -1, float("nan"), 24 * 7 + 1])
def test_a_case_has_an_end(store, hours):
    with pytest.raises(InputError, match="up to"):
        open_case(store, WHY, hours=hours)


def test_a_read_only_copy_is_shown_unlogged_with_a_word_and_exports_nothing(store):
    open_case(store, WHY, hours=12)
    size = store.head().size
    with OperationStore.open(store.path, actor="analyst", clock=store.clock, read_only=True) as copy:
        consultation = ask(copy)
        assert "this view is in no log" in consultation.viewed("map", {"hits": 1})
        with pytest.raises(UnloggedError, match="nothing is exported"):
            consultation.exported("kml", {"hits": 1})
        copy.actor = "somebody else"
        with pytest.raises(WithoutPurposeError, match="could not be logged"):
            ask(copy)
    assert store.head().size == size


def test_an_export_that_the_disk_does_not_log_does_not_happen(store, monkeypatch):
    from operations.errors import DiskError

    def full(*_):
        raise DiskError("no space left")

    monkeypatch.setattr(store, "append", full)
    with pytest.raises(DiskError):
        Consultation(store=store, purpose=WHY).exported("kml", {})
