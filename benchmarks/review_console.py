"""The review console in Chromium: how long the next thing takes, and until one analyst sees another's verdict.

500 tracks and 10⁶ hits (`VEDETTE_BENCH_HITS` for other numbers). *Next* is from the key until the card with its picture
is in the page, which the log has by then; *seen* from the key that gives a verdict until the other's queue shows it.
The numbers stand beside the limits that were set, for there is no other program that does the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import Row
from benchmarks._made_reviews import POINTS, operation_with
from maps.review.access.accounts import Account, Passwords
from maps.review.access.accounts_file import AccountsFile
from maps.review.access.roles import Role
from maps.review.app import Settings, build_app
from maps.review.desk import Desk, Folder
from maps.review.serving import Place, server_for
from operations.consultation import Purpose, open_case
from operations.finding.selection import ThingSelection

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACKS = 500
ASKED = 60
PASSWORD = "four words in a row"
PEOPLE = ("ana", "ben")
NEXT = """async () => {
    const was = document.getElementById("card").dataset.key, start = performance.now();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
    for (;;) {
        const key = document.getElementById("card").dataset.key, img = document.querySelector("#card img");
        if (key && key !== was && (!img || img.complete)) break;
        await new Promise(requestAnimationFrame);
    }
    return performance.now() - start;
}"""
SEEN = "review.desk.items.filter((item) => item.standing.by.includes('ana')).length"


def run() -> list[Row]:
    hits = int(os.environ.get("VEDETTE_BENCH_HITS", "1000000"))
    with tempfile.TemporaryDirectory() as name:
        operation = operation_with(Path(name) / "op", tracks=TRACKS, singles=hits - TRACKS * POINTS)
        with _served(operation, Path(name) / "accounts.json") as address, _browser() as chromium:
            ana, ben = (_opened(chromium, address, who) for who in PEOPLE)
            opening_s = [_clocked(ana) for _ in range(2)]
            next_ms = [ana.evaluate(NEXT) for _ in range(ASKED)]
            seen_s = [_until_seen(ana, ben) for _ in range(10)]
    said = f"{TRACKS} tracks, {hits:.0e} hits"
    rows = [
        (f"next thing on the screen, median; {said}", statistics.median(next_ms), 150.0, "ms"),
        (f"next thing on the screen, 95 %; {said}", sorted(next_ms)[int(0.95 * len(next_ms))], 150.0, "ms"),
        ("a verdict until the other analyst sees it, longest of ten", max(seen_s), 1.0, "s"),
        (f"the whole queue, page included; {said}", min(opening_s), 2.0, "s"),
    ]
    return [Row(what=what, ours=ours, rival=limit, rival_name="limit", unit=unit) for what, ours, limit, unit in rows]


@contextlib.contextmanager
def _served(operation: Path, accounts: Path) -> Iterator[str]:
    passwords = Passwords()
    for who in PEOPLE:
        AccountsFile(accounts).put(Account(name=who, role=Role.ANALYST, password=passwords.hashed(PASSWORD)))
    place = Place(host="127.0.0.1", port=0)
    with place.listen() as link, Desk([Folder(path=operation)], clock=time.time_ns) as desk:
        for who in PEOPLE:
            open_case(desk.store_of(0, who), Purpose(case="1", reason="measured"), hours=1)
        port = link.getsockname()[1]
        app = build_app(desk, Settings(accounts=accounts, origins=place.origins(port)))
        app.state.console.looking.queue(ThingSelection())  # as the command does before it answers
        server = server_for(app, None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [link]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


@contextlib.contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def _opened(chromium: Any, address: str, who: str) -> Any:
    page = chromium.new_context().new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.fill("#name", who)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    _ready(page)
    return page


def _ready(page: Any) -> None:
    page.wait_for_selector("body[data-ready]", state="attached")
    page.wait_for_selector("#card[data-key]:not([data-key=''])", state="attached")


def _clocked(page: Any) -> float:
    start = time.perf_counter()
    page.reload()
    _ready(page)
    return time.perf_counter() - start


def _until_seen(ana: Any, ben: Any) -> float:
    before = ben.evaluate(SEEN)
    ana.keyboard.press("c")
    start = time.perf_counter()
    ana.keyboard.press("1")
    while ben.evaluate(SEEN) == before:
        time.sleep(0.01)
    return time.perf_counter() - start
