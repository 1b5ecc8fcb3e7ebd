"""Film and ground both ways over a console that really listens: stretches, footprints, who saw a place, live news."""

from __future__ import annotations

import dataclasses
import io
import json
import threading
import time

import av
import numpy as np
import pytest

from geo.terrain import FlatTerrain
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import RunState
from operations.vault.key_ring import Secret
from operations.watching import WatchJob, watch
from tests.maps.review.conftest import people_file, serving
from tests.operations.conftest import CentreBox, write_clip
from tests.operations.test_watching import walker

FRAMES = 24
SETTINGS = IngestSettings(terrain=FlatTerrain(height_m=100.0), terrain_identity="flat at 100 m")


def filmed(folder, secret=None):
    """Make an operation with one flight of 12 s, two pictures a second."""
    clip = write_clip(folder / "flight.ts", np.random.default_rng(2), FRAMES)
    with OperationStore.create(
        folder / "night", name="Night", actor="analyst", clock=time.time_ns, secret=secret
    ) as store:
        ingest(clip, IngestJob(store=store, detector=CentreBox(), model="centre box", settings=SETTINGS))
    return folder / "night"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return an operation with one flight."""
    return filmed(tmp_path_factory.mktemp("filmed"))


@pytest.fixture
def console(night, tmp_path):
    """Return a console over it."""
    with serving([night], people_file(tmp_path / "people" / "accounts.json")) as running:
        yield running


def stretch(client, what="shown", **asked):
    (film,) = client.get("/api/films").json()["films"]
    where = {"source": 0, "media": film["media"], "from_s": film["from_s"], "to_s": film["to_s"]}
    return client.get(f"/api/{what}", params=where | asked)


def test_a_stretch_plays_and_its_time_is_the_recordings(console):
    client = console.with_case("vera")
    answer = stretch(client, "film")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.headers["x-vedette-pictures"] == "as recorded"
    start = float(answer.headers["x-vedette-start-s"])
    with av.open(io.BytesIO(answer.content)) as film:
        times = [start + float(one.pts * one.time_base) for one in film.decode(video=0)]
    known = [one["t_s"] for one in stretch(client).json()["pictures"]]
    assert len(times) == len(known) == FRAMES
    assert np.allclose(times, known, atol=2e-3)
    views = [leaf.subject for leaf in console.leaves(LeafKind.VIEW)]
    assert {"film", "shown"} <= set(views)


def test_every_picture_has_its_footprint_and_its_boxes(console):
    told = stretch(console.with_case("vera")).json()
    pictures, boxes = told["pictures"], told["boxes"]
    assert all(one["footprint"] and one["camera"] for one in pictures)
    measured = [one["measured"] for one in pictures]
    assert 0 < sum(measured) < len(measured)
    middles = np.array([np.mean(one["footprint"], axis=0) for one in pictures])
    assert (np.diff(middles[:, 1]) > 0.5e-4).all(), "it moves east with the camera, between the measured ones too"
    assert [box["t_s"] for box in boxes] == [one["t_s"] for one in pictures]
    assert boxes[3]["box_px"] == [156.0, 118.0, 164.0, 138.0]
    assert boxes[3]["place"]


def test_who_saw_a_place_can_be_played(console):
    client = console.with_case("vera")
    place = stretch(client).json()["boxes"][8]["place"]
    answer = client.get("/api/seen", params={"lat": place[0], "lon": place[1]}).json()
    (found,) = answer["passes"]
    assert found["from_s"] <= stretch(client).json()["boxes"][8]["t_s"] <= found["to_s"] + 4.0
    played = stretch(client, "film", from_s=found["from_s"], to_s=found["from_s"] + 2.0)
    assert played.status_code == 200
    assert client.get("/api/seen", params={"lat": 1.0, "lon": 1.0}).json()["passes"] == []


def test_an_encrypted_original_is_played_out_of_memory(tmp_path):
    secret = Secret(value=b"k" * 40)
    folder = filmed(tmp_path, secret)
    with serving([folder], people_file(tmp_path / "people" / "accounts.json"), secret=secret) as running:
        answer = stretch(running.with_case("vera"), "film")
        assert answer.status_code == 200
        with av.open(io.BytesIO(answer.content)) as film:
            assert sum(1 for _ in film.decode(video=0)) == FRAMES


def test_without_a_case_nothing_is_shown_and_nonsense_is_named(console):
    client = console.client("ana")
    for what in ("film", "shown"):
        assert stretch(client, what).json()["why"] == "WithoutPurposeError"
    assert client.get("/api/live").json()["why"] == "WithoutPurposeError"
    client = console.with_case("vera")
    assert stretch(client, "film", media="0" * 64).status_code == 404
    assert "up to 60 s" in stretch(client, "film", to_s=100.0).json()["error"]
    assert stretch(client, "film", from_s="nan").status_code == 422
    assert stretch(client, "film", media="../../etc/passwd").status_code == 422
    assert console.client().get("/api/live").status_code == 401


def events(client, until, told):
    """Read server-sent events until one is wanted no more; each with the moment it came."""
    with client.stream("GET", "/api/live", timeout=60.0) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                told.append((time.monotonic(), json.loads(line.removeprefix("data: "))))
                if until(told[-1][1]):
                    return


def test_a_new_track_is_told_at_once_and_each_only_once(console, night):
    client, told, begun, done = console.with_case("vera"), [], threading.Event(), {}
    source, detector = walker(SETTINGS, frames=12)

    def wanted(one):
        begun.set()
        return one["what"] == "run" and one["state"] == str(RunState.FINISHED)

    reader = threading.Thread(target=events, args=(client, wanted, told), daemon=True)
    reader.start()
    assert begun.wait(60)
    with OperationStore.open(night, actor="watcher", clock=time.time_ns) as store:
        job = WatchJob(store=store, detector=detector, model="walker", settings=SETTINGS, commit_s=0.0)

        def committed(run):
            if run.counts["tracks"]:
                done.setdefault("track", time.monotonic())

        watch(source(night.parent / "flight.ts", SETTINGS), job, on_commit=committed)
    reader.join(timeout=60)
    assert not reader.is_alive()
    (track,) = [one for one in told if one[1]["what"] == "track"]
    assert track[0] - done["track"] < 2.0
    assert track[1]["assessed"] == "person"
    assert any(one["what"] == "track goes on" and one["id"] == track[1]["id"] for _, one in told)
    views = [leaf.body for leaf in console.leaves(LeafKind.VIEW) if leaf.subject == "live"]
    assert track[1]["id"] in {name for body in views for name in body.get("things", ())}


def test_a_link_that_goes_silent_is_said_to_be_stale(night, tmp_path):
    from maps.footage.live_feed import STALE_S, LiveFeed

    now = [1_900_000_000_000_000_000]
    with OperationStore.open(night, actor="console", clock=lambda: now[0]) as store:
        record = store.runs()[0]
        feed = LiveFeed(store)
        live = dataclasses.replace(
            record, run_id="1" * 16, kind="live", state=RunState.RUNNING, settings={"live": {"source": "udp://x"}}
        )
        store.append(LeafKind.RUN, live.run_id, live.body())
        assert [one["state"] for one in feed.news()] == ["running"]
        (link,) = feed.links()
        assert (link["stale"], link["source"]) == (False, "udp://x")
        now[0] += round((STALE_S + 1.0) * 1e9)
        assert feed.links()[0]["stale"]
        ended = dataclasses.replace(live, state=RunState.FINISHED)
        store.append(LeafKind.RUN, live.run_id, ended.body())
        feed.news()
        assert feed.links() == []


def test_sessions_that_end_end_the_news(console):
    client, told = console.with_case("ben"), []
    reader = threading.Thread(target=events, args=(client, lambda one: one["what"] == "over", told), daemon=True)
    reader.start()
    for _ in range(600):
        if told:
            break
        time.sleep(0.05)
    console.steps.forward(100 * 3600.0)
    reader.join(timeout=30)
    assert told[-1][1] == {"what": "over"}
