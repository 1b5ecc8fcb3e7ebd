"""Every page of the console against WCAG 2.2 AA (axe-core), by day and by night, and on real phones' screens."""

from __future__ import annotations

import pytest

from tests.maps.review.conftest import PASSWORD
from tests.maps.review.test_in_the_browser import ready, with_case
from tests.maps.test_workbench import AXE, OFF_SCREEN, VIOLATIONS

pytestmark = pytest.mark.browser
TOUCHED = {"is_mobile": True, "has_touch": True}
PIXEL_7 = {"viewport": {"width": 412, "height": 839}, "device_scale_factor": 2.625, **TOUCHED}
IPHONE_13 = {"viewport": {"width": 390, "height": 664}, "device_scale_factor": 3, **TOUCHED}
"""As Playwright's own list of devices has them."""


def faults(page):
    """Return what axe finds, where it is there to ask, and what stands outside the screen."""
    outside = page.evaluate(OFF_SCREEN)
    if AXE is None:
        return outside
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(VIOLATIONS) + outside


@pytest.mark.parametrize(
    "form",
    [
        {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
        {**PIXEL_7, "color_scheme": "dark"},
        {**IPHONE_13, "color_scheme": "light"},
    ],
    ids=["screen by day", "Pixel 7 by night", "iPhone 13 by day"],
)
def test_axe_finds_nothing_and_all_is_on_the_screen(browser, served, form):
    with_case(served, "sue")
    context = browser.new_context(**form)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(served.address)
    assert faults(page) == []
    page.fill("#name", "sue")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    ready(page)
    page.wait_for_selector("#rows img[src], .vedette-tabs", state="attached")
    assert faults(page) == []
    page.keyboard.press("d")
    page.wait_for_selector("#verdict .reason")
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.evaluate("document.getElementById('settings').click()")
    page.wait_for_selector("dialog[open] .weights")
    assert faults(page) == []
    page.goto(f"{served.address}/footage")
    page.wait_for_selector("body[data-ready]", state="attached")
    assert faults(page) == []
    context.close()
