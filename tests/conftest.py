"""What every test may use: the shared real data, and a seeded random generator."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from tests.provision import browser_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
"""A slow example on a busy machine is no failure; whole tests have their own limit."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

LONG = (
    "missions_flight/test_flight.py",
    "maps/review/test_in_the_browser.py",
    "vedette/test_foreign_text.py",
    "vedette/test_demo.py",
    "maps/test_workbench.py",
    "docs/test_site.py",
    "sitl/test_break_offs.py",
    "missions_files/test_area.py",
    "missions/test_real_borders.py",
    "operations/test_ingest.py",
)
"""Files that take over half a minute, longest first: begun first, none of them is waited for alone at the end."""


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are processors, four at most: tests wait for vehicles, pages and disks."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order within a file, and of the others, stays."""
    tests = Path(__file__).parent
    place = {tests / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real logs, clips, photos and borders, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data folder ../shared/data is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with a printed seed, so that a failure can be run again."""
    seed = 20260101
    print(f"seed {seed}")
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def _no_running_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide the loop that an open browser keeps running in this thread from a test that uses none.

    Playwright's synchronous interface leaves its loop set as the running one between calls, for the whole
    session; a later test that calls ``asyncio.run`` would fail by the order of the suite alone.
    """
    of_the_browser = asyncio._get_running_loop()
    if of_the_browser is None or "playwright" in request.fixturenames:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(of_the_browser)


@pytest.fixture(autouse=True)
def _no_page_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close what a test opened in the browser and left: each page that follows an operation keeps a core busy."""
    if "browser" not in request.fixturenames:
        yield
        return
    of_all: Browser = request.getfixturevalue("browser")
    before = list(of_all.contexts)
    yield
    for context in of_all.contexts:
        if context not in before:
            context.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Return the one driver of browsers, or skip where there is none to drive."""
    if browser_path() is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


def launched(playwright: Playwright, executable: str) -> Browser:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return playwright.chromium.launch(executable_path=executable, args=arguments)


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return headless Chromium."""
    path = browser_path()
    assert path is not None
    chromium = launched(playwright, path)
    yield chromium
    chromium.close()


@pytest.fixture
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """Return Chromium with all a window has, notifications too, which its shell leaves out."""
    path = browser_path(whole=True)
    if path is None:
        pytest.skip("only Chromium's shell is installed (apt-get install chromium)")
    chromium = launched(playwright, path)
    yield chromium
    chromium.close()
