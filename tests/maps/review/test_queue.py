"""The queue: what comes first, each look in the log, decisions of several people, and taking them back."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from benchmarks._made_reviews import operation_with
from detection.events import CROSSING, STANDING, Event
from maps.review.judging.ordering import USUAL, Band, Weights, rank, time_left_s
from maps.review.judging.reading import agreement, in_sample
from maps.review.judging.verdict_book import Key
from operations.finding.things import Thing
from operations.log.leaves import LeafKind
from operations.values import Decision
from tests.maps.review.conftest import PASSWORD, people_file, serving

NOW_NS = 1_767_225_600_000_000_000
THING = Thing(
    thing_id="T1", run_id="r", source=0, single=False, class_name="person", hits=9, first_utc_ns=NOW_NS - 60 * 10**9,
    last_utc_ns=NOW_NS, existence=0.8, score=0.9, calibrated=True, speed_mps=1.0, heading_deg=90.0, best_hit_id="h",
    media_id="m", stream=0, frame_index=1, media_t_ns=0, shown_utc_ns=NOW_NS, t_utc_ns=NOW_NS, lat_deg=50.0,
    lon_deg=8.0, alt_hae_m=100.0, ce90_m=5.0, reason="", border_m=300.0, border_bearing_deg=90.0,
)  # fmt: skip


def event(kind, probability=0.9):
    return Event(
        event_id="E", kind=kind, t_utc_ns=NOW_NS, t_to_utc_ns=NOW_NS, track_ids=("T1",), probability=probability,
        lat_deg=50.0, lon_deg=8.0, ce90_m=5.0, details={},
    )  # fmt: skip


def test_a_crossing_comes_before_a_standing_and_that_before_nothing():
    ranks = [rank(THING, events, USUAL, now_utc_ns=NOW_NS) for events in ([event(CROSSING)], [event(STANDING)], [])]
    assert [one.order for one in ranks] == sorted((one.order for one in ranks), reverse=True)
    assert [one.band for one in ranks] == [Band.ALERT, Band.DETECTION, Band.DETECTION]


def test_what_nobody_weighs_highly_is_no_alert():
    light = Weights(kinds={CROSSING: 0.1}, alert_from=1.5, detection_from=0.5)
    assert rank(THING, [event(CROSSING)], light, now_utc_ns=NOW_NS).band is Band.DETECTION
    unsure = dataclasses.replace(THING, existence=0.3)
    assert rank(unsure, [], USUAL, now_utc_ns=NOW_NS).band is Band.REST


@pytest.mark.parametrize(
    ("heading_deg", "later_s", "left_s"),
    [(90.0, 0, 300.0), (150.0, 0, 600.0), (90.0, 100, 200.0), (270.0, 0, None), (90.0, 400, None)],
)
def test_time_left_is_distance_over_the_speed_towards_the_border(heading_deg, later_s, left_s):
    left = time_left_s(dataclasses.replace(THING, heading_deg=heading_deg), NOW_NS + later_s * 1_000_000_000)
    assert math.isnan(left) if left_s is None else left == pytest.approx(left_s)


def test_less_time_left_comes_first():
    near, far = (dataclasses.replace(THING, border_m=far) for far in (100.0, 800.0))
    assert rank(near, [], USUAL, now_utc_ns=NOW_NS).order > rank(far, [], USUAL, now_utc_ns=NOW_NS).order


def test_kappa_is_that_of_another_library(rng):
    from sklearn.metrics import cohen_kappa_score

    decisions = list(Decision)
    first = rng.integers(0, 3, 300)
    second = np.where(rng.random(300) < 0.7, first, rng.integers(0, 3, 300))
    pairs = [(decisions[a], decisions[b]) for a, b in zip(first, second, strict=True)]
    assert agreement(pairs) == pytest.approx(cohen_kappa_score(first, second))
    assert agreement([]) is None
    assert agreement([(Decision.CONFIRMED, Decision.CONFIRMED)] * 9) is None


def test_a_tenth_is_read_twice():
    keys = [Key(source=0, run_id="r", thing_id=f"T{k}") for k in range(5_000)]
    assert 0.08 < sum(map(in_sample, keys)) / len(keys) < 0.12


def test_nobody_looks_without_a_case(served):
    client = served.client("ana")
    answer = client.get("/api/queue")
    assert (answer.status_code, answer.json()["why"]) == (403, "WithoutPurposeError")
    assert served.leaves(LeafKind.ATTEMPT)[-1].actor == "ana"
    assert client.post("/api/case", json={"case": "7", "reason": "group at km 31"}).status_code == 200
    told = client.get("/api/queue").json()
    assert len(told["items"]) == told["total"] == 24
    view = served.leaves(LeafKind.VIEW)[-1]
    assert (view.actor, view.subject, view.body["case"], len(view.body["things"])) == ("ana", "queue", "7", 24)


def name(item):
    return {"source": item["source"], "run": item["run"], "id": item["id"]}


def first(client, **question):
    return client.get("/api/queue", params=question).json()["items"][0]


def test_a_thing_is_logged_before_it_is_shown_and_comes_with_its_picture(served):
    client = served.with_case("ana")
    item = first(client)
    card = client.get("/api/thing", params=name(item)).json()
    assert card["chip"]
    assert len(card["path"]) == 6
    assert served.leaves(LeafKind.VIEW)[-1].body["things"] == [item["id"]]


def test_a_verdict_is_in_the_log_with_who_when_why_and_on_which_run(served):
    client = served.with_case("ana")
    item = first(client)
    body = {"items": [name(item)], "decision": "dismissed", "reason": "animal", "note": "a roe deer"}
    told = client.post("/api/verdicts", json=body).json()
    assert told["things"][0]["standing"]["decision"] == "dismissed"
    leaf = served.leaves(LeafKind.VERDICT)[-1]
    assert (leaf.actor, leaf.body["run_id"], leaf.body["track_id"]) == ("ana", item["run"], item["id"])
    assert (leaf.body["reason"], leaf.body["note"]) == ("animal", "a roe deer")
    assert first(client, verdict="dismissed")["id"] == item["id"]


def test_two_people_who_differ_are_a_conflict_and_both_stay(served):
    ana, ben, sue = (served.with_case(who) for who in ("ana", "ben", "sue"))
    item = name(first(ana))
    cursor = ben.get("/api/queue").json()["cursor"]
    ana.post("/api/verdicts", json={"items": [item], "decision": "confirmed", "reason": "clear"})
    seen = ben.get("/api/changes", params={"after": cursor}).json()
    assert [thing["standing"]["by"] for thing in seen["things"]] == [["ana"]]
    told = ben.post("/api/verdicts", json={"items": [item], "decision": "dismissed", "reason": "animal"}).json()
    standing = told["things"][0]["standing"]
    assert standing["decision"] == "conflict"
    assert {one["by"]: one["decision"] for one in standing["given"]} == {"ana": "confirmed", "ben": "dismissed"}
    assert ben.post("/api/verdicts", json={"items": [item], "decision": "dismissed", "settle": True}).status_code == 403
    told = sue.post("/api/verdicts", json={"items": [item], "decision": "confirmed", "settle": True}).json()
    assert told["things"][0]["standing"]["decision"] == "confirmed"
    assert len(told["things"][0]["standing"]["given"]) == 3


def test_joined_tracks_are_one_line_decided_together_and_come_apart_again(served):
    client = served.with_case("ana")
    items = [name(item) for item in client.get("/api/queue").json()["items"][:3]]
    assert client.post("/api/join", json={"items": items[:1]}).status_code == 400
    assert client.post("/api/join", json={"items": items}).json() == {"joined": 3}
    told = client.get("/api/queue").json()["items"]
    (line,) = [item for item in told if item["joined"]]
    assert len(told) == 22
    assert line["joined"] == [item["id"] for item in items]
    assert len(client.get("/api/thing", params=name(line)).json()["path"]) == 18
    client.post("/api/verdicts", json={"items": [name(line)], "decision": "confirmed"})
    assert {leaf.body["track_id"] for leaf in served.leaves(LeafKind.VERDICT)} == {item["id"] for item in items}
    assert client.post("/api/part", json={"items": [name(line)]}).json() == {"parted": 1}
    assert len(client.get("/api/queue").json()["items"]) == 24


def test_what_the_patrol_found_comes_back_into_the_record(served):
    client = served.with_case("ana")
    item = name(first(client))
    body = {"items": [item], "found": "animal", "note": "a roe deer", "at": "2026-01-01T05:00:00+01:00"}
    assert client.post("/api/outcomes", json=body).json() == {"recorded": 1}
    (told,) = client.get("/api/thing", params=item).json()["outcomes"]
    assert told == {"found": "animal", "note": "a roe deer", "by": "ana", "utc": "2026-01-01T04:00:00.000Z"}
    leaf = served.leaves(LeafKind.OUTCOME)[-1]
    assert (leaf.actor, leaf.body["track_id"]) == ("ana", item["id"])
    assert client.post("/api/outcomes", json=body | {"found": "nobody"}).status_code == 422


def test_a_second_reader_of_an_alert_learns_the_first_word_only_after_their_own(tmp_path):
    night = operation_with(tmp_path / "op", tracks=8)
    with serving([night], people_file(tmp_path / "people" / "accounts.json")) as served:
        ana, ben, sue = (served.with_case(who) for who in ("ana", "ben", "sue"))
        cursor = ben.get("/api/queue").json()["cursor"]
        alert = next(item for item in ana.get("/api/queue").json()["items"] if item["rank"]["band"] == "alert")
        ana.post("/api/verdicts", json={"items": [name(alert)], "decision": "confirmed", "note": "two of them"})
        for told in (
            ben.get("/api/thing", params=name(alert)).json(),
            next(item for item in ben.get("/api/queue").json()["items"] if item["id"] == alert["id"]),
            ben.get("/api/changes", params={"after": cursor}).json()["things"][0],
        ):
            assert told["second"]
            assert "confirmed" not in str(told["standing"])
            assert "two of them" not in str(told)
        told = ben.post("/api/verdicts", json={"items": [name(alert)], "decision": "confirmed"}).json()["things"][0]
        assert [one["by"] for one in told["standing"]["given"]] == ["ana", "ben"]
        assert served.leaves(LeafKind.VERDICT)[-1].body["reading"] == "second"
        assert sue.get("/api/agreement").json()["read_twice"] == 1


def test_unsure_contradicts_nobody(served):
    ana, ben = served.with_case("ana"), served.with_case("ben")
    item = name(first(ana))
    ana.post("/api/verdicts", json={"items": [item], "decision": "undecided", "reason": "small"})
    told = ben.post("/api/verdicts", json={"items": [item], "decision": "confirmed"}).json()
    assert told["things"][0]["standing"]["decision"] == "confirmed"


def test_taking_back_brings_the_earlier_verdict_again_and_the_log_keeps_all(served):
    client = served.with_case("ana")
    item = name(first(client))
    for decision in ("confirmed", "dismissed"):
        client.post("/api/verdicts", json={"items": [item], "decision": decision})
    told = client.post("/api/verdicts/undo", json={"items": [item]}).json()
    assert (told["undone"], told["things"][0]["standing"]["decision"]) == (1, "confirmed")
    assert len(served.leaves(LeafKind.VERDICT)) == 3
    other = name(client.get("/api/queue").json()["items"][1])
    client.post("/api/verdicts", json={"items": [other], "decision": "confirmed"})
    told = client.post("/api/verdicts/undo", json={"items": [other]}).json()
    assert told["things"][0]["standing"] == {"decision": "", "by": [], "given": []}
    assert first(client, verdict="none")["id"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"reason": "because"}, 400),
        ({"decision": "sure"}, 422),
        ({"items": []}, 422),
        ({"extra": 1}, 422),
        ({"note": "x" * 3_000}, 400),
    ],
)
def test_a_verdict_that_cannot_be_is_said(served, change, status):
    client = served.with_case("ana")
    before = len(served.leaves(LeafKind.VERDICT))
    body = {"items": [name(first(client))], "decision": "dismissed", **change}
    answer = client.post("/api/verdicts", json=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert len(served.leaves(LeafKind.VERDICT)) == before


def test_what_is_not_there_is_said(served):
    client = served.with_case("ana")
    answer = client.get("/api/thing", params={"source": 0, "run": "0" * 16, "id": "<img src=x onerror=alert(1)>"})
    assert answer.status_code == 404
    assert "no operation on the table" in answer.json()["error"]
    assert PASSWORD


def test_weights_are_the_owners_and_in_the_log(served):
    sue = served.with_case("sue")
    kinds = {CROSSING: 9.0}
    assert sue.post("/api/weights", json={"kinds": kinds, "alert_from": 2.0, "detection_from": 0.4}).status_code == 200
    assert sue.get("/api/table").json()["weights"]["kinds"] == kinds
    assert served.leaves(LeafKind.NOTE)[-1].actor == "sue"
    answer = sue.post("/api/weights", json={"kinds": {"colour": 1.0}, "alert_from": 2.0, "detection_from": 0.4})
    assert "no kind of event" in answer.json()["error"]


def test_a_session_that_is_only_asked_by_its_page_ends(served):
    client = served.with_case("ana")
    for _ in range(3):
        served.steps.forward(1_000.0)
        answer = client.get("/api/changes", params={"after": "0"})
    assert answer.status_code == 401
