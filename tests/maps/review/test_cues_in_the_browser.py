"""Cards of alarms in a real browser: foreign text stays text, and an answer closes a card."""

from __future__ import annotations

import pytest

from operations.cues.alarm import Alarm
from operations.cues.cards import add_response, cards, open_card
from tests.maps.review.test_in_the_browser import EVIL, opened, until

pytestmark = pytest.mark.browser


def test_foreign_text_on_cards_is_text_and_an_answer_closes_one(browser, served):
    store = served.desk.store_of(0, "station")
    for number, text in enumerate(EVIL):
        alarm = Alarm(
            source="fence-3", alarm_id=str(number), t_utc_ns=1_767_225_600_000_000_000, lat_deg=50.05, lon_deg=8.05,
            ce90_m=20.0, kind=text[:40], text=text,
        )  # fmt: skip
        open_card(store, alarm)
        add_response(store, alarm, {"refused": text} if number % 2 else {
            "folder": text, "aircraft": text, "airborne": True, "arrives_in_s": 60.0})  # fmt: skip
    served.with_case("ana")
    page = opened(browser, served)
    page.wait_for_selector("#cues .cue")
    until(page, f"document.querySelectorAll('#cues .cue').length === {len(EVIL)}")
    shown = page.evaluate("document.getElementById('cues').textContent")
    assert all(text in shown for text in EVIL if text.isprintable())
    page.click("#cues [data-name='fence-3 0'] button >> nth=0")
    until(page, f"document.querySelectorAll('#cues .cue').length === {len(EVIL) - 1}")
    assert page.evaluate("window.pwned") is None
    assert page.problems == []
    answered = {card.name: (card.answered_by, card.said) for card in cards(store) if card.answered_by}
    assert answered == {"fence-3 0": ("ana", "acted on")}
    page.context.close()
