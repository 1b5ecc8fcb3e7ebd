"""A track split by an analyst: two things in the queue, each with its own verdict, and one again."""

from __future__ import annotations

from operations.log.leaves import LeafKind


def test_a_split_in_the_console_makes_two_things_and_one_again(served):
    ana = served.with_case("ana")
    things = {one["id"]: one for one in ana.get("/api/queue").json()["items"]}
    one = things["T0-3"]
    name = {key: one[key] for key in ("source", "run", "id")}
    path = ana.get("/api/thing", params=name).json()["path"]
    answer = ana.post("/api/split", json={"thing": name, "at": [path[2]["utc"]]})
    assert answer.json()["pieces"] == 2
    after = {one["id"]: one for one in ana.get("/api/queue").json()["items"]}
    assert set(after) == set(things) - {"T0-3"} | {"T0-3~1", "T0-3~2"}
    piece = {"source": one["source"], "run": one["run"], "id": "T0-3~1"}
    given = ana.post("/api/verdicts", json={"items": [piece], "decision": "confirmed", "reason": "clear"}).json()
    assert given["things"][0]["standing"]["decision"] == "confirmed"
    (verdict,) = (leaf.body for leaf in served.leaves(LeafKind.VERDICT))
    assert (verdict["track_id"], len(verdict["hit_ids"])) == ("T0-3~1", 2)
    assert ana.post("/api/outcomes", json={"items": [piece], "found": "found"}).json() == {"recorded": 1}
    assert ana.post("/api/split", json={"thing": piece, "at": []}).json()["pieces"] == 1
    whole = {one["id"]: one for one in ana.get("/api/queue").json()["items"]}
    assert set(whole) == set(things)
    assert whole["T0-3"]["standing"]["decision"] == "confirmed"
    assert ana.post("/api/split", json={"thing": name, "at": ["2020-01-01T00:00:00Z"]}).status_code == 400
