"""A shift at the console in minutes: thousands of keys in one page, whose memory stays flat."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter

import pytest

from benchmarks._made_reviews import operation_with
from tests.maps.review.conftest import people_file, serving
from tests.maps.review.test_in_the_browser import opened, ready, with_case

pytestmark = [pytest.mark.browser, pytest.mark.soak]
LASTS_S = float(os.environ.get("VEDETTE_SOAK_S", "600"))
KEYS = (
    "n",
    "n",
    "n",
    "k",
    "g",
    "l",
    "b",
    "x",
    "Escape",
    "y",
    "l",
    "c 1",
    "d 1",
    "u 1",
    "c Escape",
    "z",
    "s Escape",
    "t Escape",
)
A_MOMENT_MS = 40
PLAYED_MS = 500
SAMPLES = 24


def press(page, chance):
    """Press one of the keys a reader uses most: next, a verdict with its reason, list, pictures, pick, undo, split."""
    for key in chance.choice(KEYS).split():
        page.keyboard.press(key)


def pan(page, chance):
    """Drag the map somewhere and go nearer or back, by keys."""
    page.focus("#map")
    for key in (chance.choice(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]), chance.choice("+-")):
        page.keyboard.press(key)


def play(page, chance):
    """Let the time run a little, and stop it."""
    page.keyboard.press("p")
    page.wait_for_timeout(chance.randrange(PLAYED_MS))
    page.keyboard.press("p")
    page.evaluate("vedette.desk_.set({ from: null, to: null })")


def sift(page, chance):
    """Move a filter and take it back."""
    page.keyboard.press("f")
    slider = page.locator(".vedette-filters input[type=range]").nth(chance.randrange(2))
    slider.focus()
    for _ in range(chance.randrange(1, 6)):
        page.keyboard.press("ArrowRight")
    page.click(".vedette-filters .reset")
    page.keyboard.press("l")


WAYS = (press, press, press, press, press, pan, pan, play, sift)


def held(session):
    """Return what the page holds after everything that can go is gone: heap in bytes, nodes, listeners."""
    session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return told["JSHeapUsedSize"], told["Nodes"], told["JSEventListeners"]


def test_a_shift_leaves_the_browsers_memory_flat(browser, tmp_path):
    operation = operation_with(tmp_path / "op", tracks=200, singles=2_000)
    with serving([operation], people_file(tmp_path / "a.json")) as served:
        with_case(served, "ana")
        page = ready(opened(browser, served))
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        chance, done, samples = random.Random(7), Counter(), []
        begin = time.monotonic()
        while (gone := time.monotonic() - begin) < LASTS_S:
            way = chance.choice(WAYS)
            way(page, chance)
            done[way.__name__] += 1
            page.wait_for_timeout(A_MOMENT_MS)
            if gone >= LASTS_S * len(samples) / SAMPLES:
                samples.append(held(session))
        samples.append(held(session))
        print(f"{dict(done)} in {LASTS_S:.0f} s; heap, nodes, listeners: {samples}")
        assert page.problems == []
        third = len(samples) // 3
        early, late = ([statistics.median(column) for column in zip(*part, strict=True)] for part in (
            samples[third : 2 * third], samples[2 * third :]))  # fmt: skip
        assert all(after < 1.15 * before for before, after in zip(early, late, strict=True))
        page.context.close()
