"""The page of pictures without hits: what the caller has not seen, in the log, with a share for supervisors."""

from __future__ import annotations

from operations.log.leaves import LeafKind
from tests.operations.learning.test_unflagged import add_pictures


def test_a_picture_goes_from_the_list_once_it_was_looked_at(served, operation):
    add_pictures(operation)
    ana, ben, sue = (served.with_case(name) for name in ("ana", "ben", "sue"))
    first = ana.get("/api/unflagged").json()
    assert first["seen"] is None
    picture = first["waiting"][0]
    said = {"source": 0, "picture": picture["picture"], "said": "something", "note": "x"}
    assert ana.post("/api/unflagged", json=said).json() == {"said": "something"}
    assert ben.post("/api/unflagged", json=said | {"said": "nothing"}).status_code == 200
    left = [one["picture"] for one in ana.get("/api/unflagged").json()["waiting"]]
    assert left == [one["picture"] for one in first["waiting"][1:]]
    (seen,) = sue.get("/api/unflagged").json()["seen"]
    assert (seen["looked_at"], seen["with_something"], seen["in_conflict"]) == (1, 1, 1)
    notes = {leaf.actor: leaf.body["said"] for leaf in served.leaves(LeafKind.NOTE) if "unflagged" in leaf.subject}
    assert notes == {"ana": "something", "ben": "nothing"}
    assert [leaf.actor for leaf in served.leaves(LeafKind.VIEW) if leaf.subject == "unflagged"] == ["ana", "ana", "sue"]
    for wrong, status in (({"picture": "x"}, 404), ({"said": "guilty"}, 422), ({"source": 7}, 404)):
        assert ana.post("/api/unflagged", json=said | wrong).status_code == status, wrong


def test_without_a_case_nothing_is_listed(served):
    assert served.client("ana").get("/api/unflagged").status_code == 403
