"""Every route of the console, asked by those who may not: refused, and in the log."""

from __future__ import annotations

import dataclasses

import pytest
from fastapi import APIRouter

from maps.review.access.roles import Role
from maps.review.access.sessions import IDLE_S, WHOLE_S
from maps.review.app import register
from operations.log.leaves import LeafKind
from tests.maps.review.conftest import PASSWORD, PEOPLE

BELOW = {Role.VIEWER: None, Role.ANALYST: "vera", Role.SUPERVISOR: "ben", Role.ADMIN: "sue"}
"""Who has just one role too few."""


def doors(served):
    """Return every route of the running application, with its door, its methods and a path that fits it."""
    listed = []
    for route, door in served.console.gate.doors:
        path = route.path.replace("{", "").replace("}", "").replace(":path", "").replace(":int", "")
        listed += [(route.path, method, path, door) for method in sorted(route.methods - {"HEAD"})]
    return listed


def ask(client, method, path, **headers):
    json = {} if method not in {"GET", "HEAD"} else None
    return client.request(method, path, json=json, headers=headers, follow_redirects=False)


def refusals(served):
    return {
        (leaf.subject.removeprefix("console: "), leaf.body["route"], leaf.body["method"])
        for leaf in served.leaves(LeafKind.ATTEMPT)
        if leaf.subject.startswith("console: ")
    }


def refused(answer, door):
    if door.page and answer.status_code == 303:
        return answer.headers["location"].startswith("/login")
    return answer.status_code in {401, 403} and "error" in answer.json()


def test_every_route_has_a_door(served):
    assert served.app.routes == [route for route, _ in served.console.gate.doors]
    assert len(served.app.routes) >= 8


def test_without_login_nothing_answers(served):
    client = served.client()
    for route, method, path, door in doors(served):
        if door.role is not None:
            assert refused(ask(client, method, path), door), (method, route)
            assert ("without login", route, method) in refusals(served)


def test_a_role_too_few_is_refused(served):
    for route, method, path, door in doors(served):
        who = BELOW.get(door.role)
        if who is not None:
            answer = ask(served.client(who), method, path)
            assert answer.status_code == 403, (method, route)
            assert answer.json()["why"] == "wrong role"
            assert ("wrong role", route, method) in refusals(served)


@pytest.mark.parametrize("after_s", [IDLE_S + 1.0, WHOLE_S + 1.0])
def test_a_stale_session_is_refused(served, after_s):
    for route, method, path, door in doors(served):
        if door.role is not None:
            client = served.client("ada")
            served.steps.forward(after_s)
            assert refused(ask(client, method, path), door), (method, route)
            assert ("stale session", route, method) in refusals(served)


def test_a_session_that_is_used_lasts_until_the_end_of_a_shift(served):
    client = served.client("vera")
    for _ in range(int(WHOLE_S // IDLE_S) - 1):
        served.steps.forward(IDLE_S)
        assert client.get("/api/me").status_code == 200
    served.steps.forward(2 * IDLE_S)
    assert client.get("/api/me").status_code == 401


def test_a_foreign_origin_is_refused_whatever_it_asks(served):
    client = served.client("ada")
    for route, method, path, door in doors(served):
        answer = ask(client, method, path, origin="https://evil.example")
        assert answer.status_code == 403, (method, route)
        assert answer.json()["why"] == "foreign origin"
        assert ("foreign origin", route, method) in refusals(served), door


def test_a_page_of_another_host_is_refused(served):
    """A name that an attacker points at this machine (DNS rebinding) is none of ours."""
    client = served.client("ada")
    for route, method, path, _ in doors(served):
        answer = ask(client, method, path, host="evil.example:80")
        assert answer.status_code == 400, (method, route)


def test_what_changes_something_needs_the_token(served):
    client = served.client("ada")
    for token in ("", "x" * 43):
        client.headers["x-vedette-token"] = token
        for route, method, path, door in doors(served):
            if method != "GET" and door.role is not None:
                answer = ask(client, method, path)
                assert (answer.status_code, answer.json()["why"]) == (403, "missing token"), (method, route)
                assert ("missing token", route, method) in refusals(served)


def test_forms_of_other_sites_are_no_json(served):
    client = served.client("ada")
    for _, method, path, _door in doors(served):
        if method != "GET":
            answer = client.request(method, path, content=b"{}", headers={"content-type": "text/plain"})
            assert answer.status_code == 415


def test_no_answer_is_without_its_headers(served):
    client = served.client("ada")
    for path in ("/", "/login", "/api/me", "/assets/review_api.js", "/nothing", "/assets/../app.py"):
        answer = client.get(path)
        assert "'unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    assert client.get("/api/me").headers["cache-control"] == "no-store"


def test_a_changed_password_role_or_a_closed_account_ends_the_session(served):
    for change in (
        {"password": served.console.passwords.hashed("another four words")},
        {"role": Role.VIEWER},
        {"closed": True},
    ):
        client = served.client("ben")
        accounts = served.console.gate.accounts
        was = accounts.accounts()["ben"]
        accounts.put(dataclasses.replace(was, **change))
        assert client.get("/api/me").status_code == 401
        accounts.put(was)


def test_wrong_passwords_wait_longer_and_longer_and_are_logged(served):
    client = served.client()
    wrong = {"name": "ana", "password": "not these four words"}
    statuses = [client.post("/api/login", json=wrong).json()["error"] for _ in range(7)]
    assert "name or password are wrong" in statuses[0]
    assert "wait" in statuses[-1]
    assert "wait" in client.post("/api/login", json={"name": "ana", "password": PASSWORD}).json()["error"]
    served.steps.forward(1_000.0)
    assert client.post("/api/login", json={"name": "ana", "password": PASSWORD}).status_code == 200
    assert {"wrong name or password", "too many tries to log in"} <= {why for why, _, _ in refusals(served)}


def test_the_same_is_said_whether_there_is_such_an_account(served):
    said = {
        served.client().post("/api/login", json={"name": name, "password": "wrong"}).json()["error"]
        for name in ("ana", "nobody")
    }
    assert len(said) == 1


def test_like_refusals_fill_no_log(served):
    client = served.client()
    before = len(served.leaves())
    for _ in range(50):
        client.get("/api/me")
    assert len(served.leaves()) == before + 1
    served.steps.forward(61.0)
    client.get("/api/me")
    assert served.leaves()[-1].body["times"] == 50


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(served):
    answer = served.client().post("/api/login", json={"name": "ana", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert set(PEOPLE) >= {"ana"}


def test_more_than_a_megabyte_is_not_taken(served):
    answer = served.client().post("/api/login", json={"name": "a" * 1_100_000, "password": "x"})
    assert answer.status_code == 413


def test_a_method_that_a_route_has_not_is_refused(served):
    assert served.client("ada").delete("/api/me").status_code in {403, 404, 405, 415}


def test_a_route_that_says_not_who_may_call_it_is_no_route(served):
    router = APIRouter()
    router.add_api_route("/api/forgotten", lambda: {})
    with pytest.raises(TypeError, match="says not who may call it"):
        register(served.app, router)
    assert served.client("ada").get("/api/forgotten").status_code == 404
