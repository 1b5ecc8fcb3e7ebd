"""The footage page in a real browser: film and map go together, and a new track is on the page at once."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

from detection.values import Detections
from operations.consultation import Purpose, open_case
from operations.ingest import IngestJob, ingest
from operations.store import OperationStore
from operations.watching import WatchJob, watch
from tests.maps.review.conftest import PASSWORD, people_file, serving
from tests.maps.review.test_footage import SETTINGS
from tests.operations.conftest import write_clip
from tests.operations.test_watching import walker

pytestmark = pytest.mark.browser
WAIT_MS = 120_000
DRAWN = """() => {
    const c = document.getElementById('boxes'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    let n = 0;
    for (let i = 3; i < d.length; i += 4) n += d[i] > 0;
    return n;
}"""
"""How many points of the drawing over the film are not clear."""


class Marked:
    """A detector that finds what is marked in the middle of a picture, every second picture."""

    class_names = ("person",)

    def __init__(self):
        self.seen = 0

    def detect(self, images):
        self.seen += 1
        box = np.array([[150.0, 110.0, 170.0, 146.0]], np.float32)[: self.seen % 2]
        count = len(box)
        return [
            Detections(boxes_px=box, classes=np.zeros(count, np.int64), scores=np.full(count, 0.9, np.float32))
        ] * len(images)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return an operation with a flight of 20 s, somebody in every second picture."""
    folder = tmp_path_factory.mktemp("page")
    clip = write_clip(folder / "flight.ts", np.random.default_rng(2), 40)
    with OperationStore.create(folder / "night", name="Night", actor="analyst", clock=time.time_ns) as store:
        ingest(clip, IngestJob(store=store, detector=Marked(), model="marked", settings=SETTINGS))
    return folder / "night"


@pytest.fixture
def opened(browser, night, tmp_path):
    """Return the console, and the footage page of somebody who has a case open."""
    with serving([night], people_file(tmp_path / "people" / "accounts.json")) as console:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        open_case(console.desk.store_of(0, "ana"), Purpose(case="2026-0412", reason="group at km 31"), hours=12)
        page.goto(f"{console.address}/login?next=/footage")
        page.fill("input[name=name]", "ana")
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("body.footage[data-ready='1']", state="attached")
        yield console, page
        context.close()


def at(page, moment, tolerance=0.26):
    """Wait until the picture on the screen is that of a moment of the recording."""
    page.wait_for_function(f"() => Math.abs(review.film.at - {moment}) < {tolerance}")


def test_film_and_map_go_together(opened):
    console, page = opened
    page.wait_for_function("() => review.film.picture() !== null")
    page.evaluate("review.film.goto(review.film.chosen.from_s + 6, false)")
    first = page.evaluate("review.film.chosen.from_s")
    at(page, first + 6)
    before = page.evaluate("review.film.picture()")
    page.keyboard.press(".")
    at(page, first + 6.5, 0.2)
    after = page.evaluate("review.film.picture()")
    assert after["camera"][1] > before["camera"][1]
    assert np.mean(after["footprint"], axis=0)[1] > np.mean(before["footprint"], axis=0)[1]
    page.keyboard.press(",")
    at(page, first + 6, 0.2)
    page.keyboard.press("]")
    page.wait_for_function("() => review.film.boxesOf(review.film.picture()).length === 1")
    assert page.evaluate(DRAWN) > 100
    assert page.locator("#things button").count() >= 1
    place = page.evaluate("review.film.shown.pictures.filter((p) => p.measured)[1].footprint")
    place = np.mean(place, axis=0).tolist()
    page.evaluate("(place) => review.footageMap.setView(place, 17, { animate: false })", place)
    spot = page.evaluate("(place) => review.footageMap.latLngToContainerPoint(place)", place)
    corner = page.locator("#map").bounding_box()
    page.mouse.click(corner["x"] + spot["x"], corner["y"] + spot["y"])
    page.wait_for_function("() => review.seenText !== undefined || document.getElementById('said').textContent")
    assert page.locator("#passes button").count() >= 1, page.locator("#said, #seen-title").all_inner_texts()
    page.locator("#passes button").first.click()
    page.wait_for_function("() => review.film.picture() && !review.film.loading")
    page.keyboard.press("k")
    page.wait_for_function(f"() => review.film.at > {page.evaluate('review.film.at')} + 0.4")
    assert page.complaints == []


def test_a_new_track_is_on_the_page_within_two_seconds_of_its_record(opened, night):
    console, page = opened
    page.wait_for_selector("body[data-live='1']", state="attached")
    page.check("#sound")
    source, detector = walker(SETTINGS, frames=10)
    done = {}

    def committed(run):
        if run.counts["tracks"]:
            done.setdefault("at", time.time())

    page.evaluate("""() => new MutationObserver(() => { window.cameAt = window.cameAt || Date.now() / 1000; })
        .observe(document.getElementById('news'), { childList: true })""")

    def watched():
        with OperationStore.open(night, actor="watcher", clock=time.time_ns) as store:
            job = WatchJob(store=store, detector=detector, model="walker", settings=SETTINGS, commit_s=0.0)
            watch(source(night.parent / "flight.ts", SETTINGS), job, on_commit=committed)

    watching = threading.Thread(target=watched)
    watching.start()
    page.wait_for_selector("#news li[data-track]")
    watching.join(timeout=120)
    assert page.evaluate("window.cameAt") - done["at"] < 2.0
    assert page.evaluate("review.beeps") >= 2, "once when it was chosen, once for the track"
    assert json.loads(page.evaluate("JSON.stringify(review.film.chosen)"))["name"] == "flight.ts"
    page.wait_for_function("() => document.getElementById('links').textContent === ''", timeout=WAIT_MS)
    assert page.complaints == []
