"""What was found, delivered to the console: the offline page's data, without decisions, each look in the log."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from maps import gathering
from maps.basemap_file import BasemapOnDisk
from maps.review import found
from operations.log.leaves import LeafKind
from tests.maps.review.conftest import people_file, serving
from tests.maps.review.test_queue import first, name
from tests.maps.test_basemap_file import cells, picture, write_mbtiles
from tests.maps.test_packed_columns import unpack


def test_the_page_holds_every_hit_and_track_and_the_log_who_saw_them(served):
    client = served.with_case("ana")
    data = client.get("/api/found").json()
    hits = served.desk.stores[0].hits()
    assert data["found"]["whole"]
    assert data["found"]["hits"]["count"] == len(hits)
    assert len(data["found"]["ids"]) == 24
    view = served.leaves(LeafKind.VIEW)[-1]
    assert (view.actor, view.subject, len(view.body["things"])) == ("ana", "map", 24)


def test_nobody_gets_it_without_a_case(served):
    for path in ("/api/found", "/api/chips?thing=0/a/b", "/api/hits?source=0&run=a&id=b"):
        answer = served.client("ben").get(path)
        assert (answer.status_code, answer.json()["why"]) == (403, "WithoutPurposeError"), path


def test_no_decision_is_delivered_with_it(served):
    client = served.with_case("ana")
    client.post("/api/verdicts", json={"items": [name(first(client))], "decision": "confirmed"})
    data = client.get("/api/found").json()["found"]
    assert not unpack(data["things"])["decision"].any()
    assert not unpack(data["hits"])["decision"].any()


def test_of_very_many_hits_those_of_a_track_come_when_it_is_looked_at(served, monkeypatch):
    monkeypatch.setattr(found, "MOST_HITS", 10)
    client = served.with_case("ana")
    data = client.get("/api/found").json()["found"]
    assert (data["whole"], data["hits"]["count"]) == (False, 0)
    item = first(client)
    rows = unpack(client.get("/api/hits", params=name(item)).json()["hits"])
    wanted = [one for one in served.desk.stores[0].hits() if one.track_id == item["id"]]
    assert sorted(rows["lat"].tolist()) == pytest.approx(sorted(one.lat_deg for one in wanted), abs=1e-6)
    assert set(rows["thing"].tolist()) == {data["ids"].index(item["id"])}
    assert [data["classes"][int(code)]["name"] for code in rows["class"]] == [one.class_name for one in wanted]
    moments = data["epoch_ms"] + rows["t"]
    assert np.allclose(np.sort(moments), sorted(one.t_utc_ns // 1_000_000 for one in wanted))


def test_a_hit_far_from_its_track_is_delivered_with_it(served, monkeypatch):
    monkeypatch.setattr(found, "MOST_HITS", 10)
    monkeypatch.setattr(gathering, "_AROUND_DEG", -1e-4)  # a box that no track's outermost hits lie in
    client = served.with_case("ana")
    item = first(client)
    wanted = [one for one in served.desk.stores[0].hits() if one.track_id == item["id"]]
    assert client.get("/api/hits", params=name(item)).json()["hits"]["count"] == len(wanted) == 6


def test_a_thing_whose_best_hit_has_no_picture_shows_another_of_its_own(served):
    client = served.with_case("ana")
    store = served.desk.stores[0]
    chips, tracks = store.chips(), store.tracks()
    items = client.get("/api/queue").json()["items"]
    names = {item["id"]: f"{item['source']}/{item['run']}/{item['id']}" for item in items}
    told = client.get("/api/chips", params={"thing": list(names.values())}).json()["chips"]
    lacking = 0
    for row, track in enumerate(tracks.track_id):
        ids = [one.decode() for one in tracks.hit_id[tracks.offsets[row] : tracks.offsets[row + 1]].tolist()]
        lacking += client.get("/api/thing", params=name(items[[*names].index(track)])).json()["best_hit"] not in chips
        assert base64.b64decode(told[names[track]]) in [chips[one] for one in ids if one in chips]
    assert lacking


def test_pictures_come_several_at_once_and_are_logged(served):
    client = served.with_case("ana")
    items = client.get("/api/queue").json()["items"][:3]
    names = [f"{item['source']}/{item['run']}/{item['id']}" for item in items]
    told = client.get("/api/chips", params={"thing": [*names, "0/none/none"]}).json()["chips"]
    assert [bool(told[one]) for one in names] == [True] * 3
    assert told["0/none/none"] is None
    assert served.leaves(LeafKind.VIEW)[-1].body["things"] == [item["id"] for item in items]
    assert client.get("/api/chips", params={"thing": ["nonsense"]}).status_code == 422


def test_tiles_of_the_base_map_come_from_its_file(tmp_path, operation, served):
    write_mbtiles(tmp_path / "base", range(9, 12))
    x, y = min(cells(11))
    assert served.client("vera").get(f"/api/tiles/11/{x}/{y}").status_code == 404
    people = people_file(tmp_path / "people.json")
    with serving([operation], people, basemap=BasemapOnDisk(tmp_path / "base")) as other:
        client = other.with_case("vera")
        answer = client.get(f"/api/tiles/11/{x}/{y}")
        assert (answer.content, answer.headers["content-type"]) == (picture(11, x, y), "image/png")
        elsewhere = Image.open(io.BytesIO(client.get("/api/tiles/11/0/0").content))
        assert (elsewhere.size, elsewhere.convert("RGBA").getpixel((0, 0))[3]) == ((1, 1), 0)
        assert client.get("/api/tiles/-1/0/0").status_code == 422
        assert client.get("/api/found").json()["basemap"]["address"] == "/api/tiles"
