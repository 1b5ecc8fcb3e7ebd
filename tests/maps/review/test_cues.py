"""Alarms from outside before analysts: shown to who has a case open, answered by name, and nothing released by it."""

from __future__ import annotations

import pytest

from operations.cues.alarm import Alarm
from operations.cues.cards import add_response, open_card
from operations.log.leaves import LeafKind

NOW_NS = 1_767_225_600_000_000_000
RESPONSE = {"folder": "alarms/fence-3-1", "aircraft": "a 1", "airborne": True, "arrives_in_s": 240.0, "first_item": 3}


@pytest.fixture
def alarmed(served):
    """Return the console with one alarm that has a sortie."""
    store = served.desk.store_of(0, "station")
    alarm = Alarm(
        source="fence-3", alarm_id="1", t_utc_ns=NOW_NS, lat_deg=50.05, lon_deg=8.05, ce90_m=float("nan"),
        kind="<b>seismic", text="${x}",
    )  # fmt: skip
    open_card(store, alarm)
    add_response(store, alarm, RESPONSE)
    return served


def test_a_card_is_shown_once_a_look_and_each_look_is_in_the_log(alarmed):
    client = alarmed.with_case("ana")
    first = client.get("/api/cues").json()
    (card,) = first["cards"]
    assert (card["from"], card["kind"], card["text"], card["ce90_m"]) == ("fence-3", "<b>seismic", "${x}", None)
    assert card["response"] == {"refused": None, **{k: v for k, v in RESPONSE.items() if k != "first_item"}}
    again = client.get("/api/cues", params={"known": first["stamp"]}).json()
    assert again == {"stamp": first["stamp"], "cards": None}
    (view,) = (leaf for leaf in alarmed.leaves(LeafKind.VIEW) if leaf.subject == "cues")
    assert (view.actor, view.body["cues"], view.body["case"]) == ("ana", ["fence-3 1"], "2026-0412")


def test_who_has_no_case_open_sees_no_place(alarmed):
    answer = alarmed.client("ana").get("/api/cues")
    assert answer.status_code == 403
    assert "50.05" not in answer.text


def test_an_answer_is_in_its_name_and_closes_the_card_for_all(alarmed):
    ana, vera = alarmed.with_case("ana"), alarmed.with_case("vera")
    said = {"source": 0, "name": "fence-3 1", "said": "acted on", "note": "patrol 2 goes"}
    assert vera.post("/api/cues/answer", json=said).status_code == 403
    assert ana.post("/api/cues/answer", json=said).json() == {"answered": "fence-3 1"}
    assert vera.get("/api/cues").json()["cards"] == []
    (told,) = (leaf for leaf in alarmed.leaves(LeafKind.NOTE) if leaf.subject.startswith("cue answer "))
    assert (told.actor, told.body) == ("ana", {"said": "acted on", "note": "patrol 2 goes"})
    for wrong, status in (({"name": "fence-3 2"}, 400), ({"said": "release"}, 422), ({"source": 9}, 404)):
        assert ana.post("/api/cues/answer", json=said | wrong).status_code == status, wrong
