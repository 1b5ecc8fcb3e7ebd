"""The small pages in a real browser: pictures without hits judged by keys, recordings erased by two people."""

from __future__ import annotations

import pytest

from operations.log.leaves import LeafKind
from operations.signing.signer import new_key
from tests.maps.review.conftest import people_file, serving
from tests.maps.review.test_in_the_browser import opened, until
from tests.operations.finding.conftest import made_operation
from tests.operations.learning.test_unflagged import add_pictures

pytestmark = pytest.mark.browser


def test_pictures_are_judged_by_keys_and_recordings_erased_by_two(browser, tmp_path):
    operation = made_operation(tmp_path / "op", nights=1)
    add_pictures(operation)
    sue, ada = (new_key(tmp_path / name, name, passphrase=None, clock=lambda: 1) for name in ("sue", "ada"))
    people = people_file(tmp_path / "people" / "accounts.json")
    with serving([operation], people, signer=sue, second_signer=ada) as served:
        for name in ("sue", "ada"):
            served.with_case(name)
        pages = {name: opened(browser, served, name) for name in ("sue", "ada")}
        for page in pages.values():
            page.wait_for_selector("body.console", state="attached")
        first = pages["sue"]
        first.goto(served.address + "/unflagged")
        first.wait_for_selector("body[data-picture]", state="attached")
        was = first.evaluate("document.body.dataset.picture")
        first.keyboard.press("s")
        until(first, "(was) => document.body.dataset.picture !== was", was)
        (note,) = (leaf for leaf in served.leaves(LeafKind.NOTE) if leaf.subject.startswith("unflagged"))
        assert (note.actor, note.body["picture"], note.body["said"]) == ("sue", was, "something")
        until(first, "document.getElementById('said').textContent.includes('the original of')")  # nobody has the film
        first.goto(served.address + "/erasing")
        first.wait_for_selector("body[data-ready]", state="attached")
        assert first.locator("#recordings input").count() == 2
        first.check("#recordings input >> nth=0")
        first.click("#ask button")
        until(first, "document.querySelectorAll('#requests li').length === 1")
        assert first.locator("#requests button").count() == 1  # one's own request can be dropped, not agreed to
        second = pages["ada"]
        second.goto(served.address + "/erasing")
        second.wait_for_selector("body[data-ready]", state="attached")
        until(second, "document.querySelectorAll('#requests button').length === 2")
        second.click("#requests button >> nth=0")
        until(second, "document.querySelectorAll('#recordings input').length === 1")
        (tombstone,) = served.leaves(LeafKind.ERASURE)
        assert (tombstone.actor, len(tombstone.body["note"].splitlines()) > 2) == ("ada", True)
        for page in pages.values():
            page.context.close()
