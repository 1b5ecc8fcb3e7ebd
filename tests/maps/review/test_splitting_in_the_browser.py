"""A track split by keys where it jumped, each piece judged for itself, and made whole again."""

from __future__ import annotations

import pytest

from operations.log.leaves import LeafKind
from operations.regrouping import SPLIT
from tests.maps.review.test_in_the_browser import opened, ready, until, with_case

pytestmark = pytest.mark.browser


def test_a_track_is_split_by_keys_and_made_whole_again(browser, served):
    with_case(served, "ana")
    page = ready(opened(browser, served))
    things = page.evaluate("review.desk.items.length")
    page.evaluate("review.desk.select(review.desk.items.map(review.desk.keyOf).find((name) => name.endsWith('/T0-3')))")
    until(page, "document.getElementById('card').dataset.key.endsWith('/T0-3')")
    page.keyboard.press("s")
    until(page, "document.getElementById('verdict').textContent.includes('of 6')")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('verdict').textContent.includes('point 3 of 6')")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('card').dataset.key.endsWith('/T0-3~2')")
    assert page.evaluate("review.desk.items.length") == things + 1
    page.keyboard.press("c")
    page.keyboard.press("1")
    until(page, "review.desk.undo.length === 2")
    (verdict,) = (leaf.body for leaf in served.leaves(LeafKind.VERDICT))
    assert (verdict["track_id"], len(verdict["hit_ids"])) == ("T0-3~2", 4)
    page.keyboard.press("z")
    until(page, "document.getElementById('said').textContent.startsWith('Taken back')")
    page.keyboard.press("z")
    until(page, f"review.desk.items.length === {things}")
    until(page, "document.getElementById('card').dataset.key.endsWith('/T0-3')")
    cuts = [len(leaf.body["at_t_utc_ns"]) for leaf in served.leaves(LeafKind.NOTE) if leaf.subject.startswith(SPLIT)]
    assert cuts == [1, 0]
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    assert "Split" not in page.inner_text("#verdict")
    assert page.problems == []
    page.context.close()
