"""Two hundred hostile texts through the console's newest fields: what others wrote stays text, and asks for nothing."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from detection.events import Event
from detection.labels import Labels
from maps.basemap_file import BasemapOnDisk
from operations.case_file import Draft
from operations.columns import events_table
from operations.cues.alarm import Alarm
from operations.cues.cards import add_response, open_card
from operations.log.leaves import LeafKind
from operations.outcomes import FromTheSpot, record_outcome
from operations.store import OperationStore
from operations.values import Decision, Outcome, Verdict
from tests.maps.review.conftest import people_file, serving
from tests.maps.review.test_in_the_browser import EVIL, opened, ready, until
from tests.maps.test_basemap_file import write_mbtiles
from tests.operations.finding.conftest import T0_NS, add_run, made_night

pytestmark = pytest.mark.browser
TEXTS = [f"{evil}{k}" for k, evil in zip(range(200), itertools.cycle(EVIL), strict=False)]
WALKS = 25
RUN = f"{0:016x}"
IDS, KINDS, ZONES, READERS, REASONS, NOTES, THERE, SENSORS = (TEXTS[WALKS * k : WALKS * (k + 1)] for k in range(8))
"""Names of tracks, kinds of events, zones they were in, who decided and why, what patrols told, who told it, alarms."""
EVERY_CARD = """async (keys) => {
    const told = [];
    for (const key of keys) {
        review.desk.select(key);
        for (let k = 0; k < 3000 && document.getElementById("card").dataset.key !== key; k++)
            await new Promise((done) => setTimeout(done, 10));
        told.push(document.getElementById("card").textContent);
    }
    return told;
}"""


def hostile_operation(path):
    """Write a night whose tracks, events and zones have such names."""
    hits, tracks = made_night(np.random.default_rng(5), 0, WALKS, 0)
    hits = dataclasses.replace(hits, track=Labels(names=tuple(IDS), codes=hits.track.codes))
    tracks = dataclasses.replace(tracks, track_id=tuple(IDS), existence=np.full(WALKS, 0.9, np.float32))
    events = [
        Event(
            event_id=f"E-{k}", kind=KINDS[k], t_utc_ns=T0_NS, t_to_utc_ns=T0_NS, track_ids=(IDS[k],), probability=0.9,
            lat_deg=50.05, lon_deg=8.05, ce90_m=12.0, details={"zone": ZONES[k]},
        )
        for k in range(WALKS)
    ]  # fmt: skip
    with OperationStore.create(path, name="Night", actor="ana", clock=lambda: T0_NS) as store:
        add_run(store, 0, hits, tracks, events=events_table(events, run_id=RUN))
    return path


def judge_and_tell(path):
    """Bring in words of other laptops: who decided, with what code of a reason, and what patrols wrote."""
    for k in range(WALKS):
        said = Verdict(verdict_id=f"v{k}", run_id=RUN, decision=Decision.CONFIRMED, track_id=IDS[k], reason=REASONS[k])
        with OperationStore.open(path, actor=READERS[k], clock=lambda: T0_NS) as store:
            store.append_all(lambda v=said: [Draft(kind=LeafKind.VERDICT, subject=v.verdict_id, body=v.body())])
        with OperationStore.open(path, actor=THERE[k], clock=lambda: T0_NS) as store:
            record_outcome(store, FromTheSpot(found=Outcome.ANIMAL, note=NOTES[k]), track_id=IDS[k])
            alarm = Alarm(
                source=f"fence-{k}", alarm_id=str(k), t_utc_ns=T0_NS, lat_deg=50.05, lon_deg=8.05, ce90_m=20.0,
                kind="movement", text=SENSORS[k],
            )  # fmt: skip
            open_card(store, alarm)
            add_response(store, alarm, {"refused": SENSORS[k]})


def test_no_payload_runs_from_the_newest_fields(browser, tmp_path):
    operation = hostile_operation(tmp_path / "op")
    judge_and_tell(operation)
    write_mbtiles(tmp_path / "base", (9, 10, 11))  # its attribution is markup
    people = people_file(tmp_path / "a.json")
    with serving([operation], people, basemap=BasemapOnDisk(tmp_path / "base")) as served:
        served.with_case("sue")
        page = ready(opened(browser, served, "sue"))
        until(page, f"document.querySelectorAll('#cues .cue').length === {WALKS}")
        page.evaluate("vedette.desk_.set({ existence: 0 })")
        keys = page.evaluate("review.desk.items.map(review.desk.keyOf)")
        assert len(keys) == WALKS
        cards = "\n".join(page.evaluate(EVERY_CARD, keys))
        cues = page.evaluate("document.getElementById('cues').textContent")
        plain = [text for text in TEXTS if text.isprintable()]
        missing = [text for text in plain if text not in cards and text not in cues]
        assert missing == []
        page.evaluate("(name) => review.desk.select(name)", f"0/{RUN}/{IDS[0]}")
        until(page, "(name) => document.getElementById('card').dataset.key === name", f"0/{RUN}/{IDS[0]}")
        for key in ("s", "Enter"):
            page.keyboard.press(key)
        until(page, "(name) => review.desk.keys.has(name)", f"0/{RUN}/{IDS[0]}~2")
        for panel in "lgfy":
            page.keyboard.press(panel)
            page.wait_for_timeout(50)
        page.click("#settings")
        page.wait_for_selector("dialog[open] .weights")
        assert "<b>someone</b>" in page.inner_text(".leaflet-control-attribution")
        assert page.evaluate("window.pwned") is None
        inserted = (
            "script:not([src]), iframe, dialog svg, #card svg, #cues img, #card img:not([src^='data:image/jpeg'])"
        )
        assert page.evaluate("(what) => document.querySelectorAll(what).length", inserted) == 0
        assert page.problems == []
        page.context.close()
