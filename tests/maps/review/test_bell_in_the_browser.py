"""An operation that grows: a sound and a notification where they were chosen, and ground that grows older."""

from __future__ import annotations

import pytest

from benchmarks._made_reviews import add_walks, operation_with
from operations.cues.alarm import Alarm
from operations.cues.cards import open_card
from tests.maps.review.conftest import people_file, serving
from tests.maps.review.test_in_the_browser import opened, ready, until, with_case

pytestmark = pytest.mark.browser
LISTEN = """() => {
    window.told = [];
    window.Notification = class extends Notification {
        constructor(title, options) { super(title, options); told.push(title); }
    };
}"""


def alarm(number):
    return Alarm(
        source="fence-3", alarm_id=str(number), t_utc_ns=1_767_225_600_000_000_000, lat_deg=50.05, lon_deg=8.05,
        ce90_m=20.0, kind="seismic", text="",
    )  # fmt: skip


def test_new_alerts_and_alarms_ring_where_the_reader_chose_it(whole_browser, tmp_path):
    operation = operation_with(tmp_path / "op", tracks=6)
    with serving([operation], people_file(tmp_path / "a.json")) as served:
        store = served.desk.store_of(0, "station")
        open_card(store, alarm(1))
        with_case(served, "ana")
        page = ready(opened(whole_browser, served, permissions=["notifications"]))
        page.evaluate(LISTEN)
        until(page, "document.querySelectorAll('#cues .cue').length === 1")
        open_card(store, alarm(2))
        until(page, "document.querySelectorAll('#cues .cue').length === 2")
        assert page.evaluate("[told.length, review.beeps || 0]") == [0, 0]  # nothing was chosen
        page.click("#settings")
        page.check("text=A sound for new alerts")
        page.check("text=A desktop notification for new alerts")
        page.keyboard.press("Escape")
        until(page, "review.beeps === 1")  # one hears what one chose
        open_card(store, alarm(3))
        until(page, "told.length === 1 && review.beeps === 2")
        add_walks(store, tracks=9)
        until(page, "told.length === 2 && review.beeps === 3")
        assert page.evaluate("told") == ["Alarm from outside: fence-3", "New alerts: 1"]
        assert page.problems == []
        page.context.close()


def test_the_ground_of_an_operation_that_grows_grows_older(browser, served):
    with_case(served, "ana")
    page = ready(opened(browser, served))
    assert page.evaluate("review.desk.ground().since") == 0
    assert "before the end" in page.evaluate("document.querySelector('.vedette-ages').textContent")
    add_walks(served.desk.store_of(0, "station"), tracks=9)
    until(page, "review.desk.ground().since > 0")
    was = page.evaluate("review.desk.ground().since")
    until(page, "(was) => review.desk.ground().since > was", was + 3.0)
    assert "ago" in page.evaluate("document.querySelector('.vedette-ages').textContent")
    assert page.problems == []
    page.context.close()
