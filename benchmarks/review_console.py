"""The review console in Chromium: how long the next thing takes, and until one analyst sees another's verdict.

500 tracks and 10⁶ hits (`VEDETTE_BENCH_HITS` for other numbers). *Next* is from the key until the card with its picture
is in the page, and until all is there that `/api/thing` knows of it; *seen* from the key that gives a verdict until the
other's queue shows it.
Processor time is that of the server, the browser and this program together, the pages' own asking for news included.
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TRACKS = 500
ASKED = 60
PASSWORD = "four words in a row"
PEOPLE = ("ana", "ben")
WAIT_S = 15.0
"""Nothing here takes longer on any machine that the console is meant for: what does has gone wrong, and is named."""
NEXT = """async (limit_ms) => {
    const card = document.getElementById("card"), was = card.dataset.key, start = performance.now();
    const named = () => { const name = card.querySelector(".mono"); return name && name.textContent; }, before = named();
    let shown = 0;
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
    for (;;) {
        const key = card.dataset.key, img = card.querySelector("figure img, figure .vedette-nochip");
        const pictured = img && (img.tagName === "IMG" ? img.complete : img.textContent !== "loading");
        if (!shown && named() !== before && pictured) shown = performance.now() - start;
        if (shown && key && key !== was) return [shown, performance.now() - start];
        if (performance.now() - start > limit_ms) throw new Error("after N the card shows " + (key || "nothing") + ", before it " + was + "; said: " + document.getElementById("said").textContent);
        await new Promise(requestAnimationFrame);
    }
}"""  # noqa: E501
SEEN = "review.desk.items.filter((item) => item.second || item.standing.by.includes('ana')).length"
"""Things of which another's page knows that ana decided; of what is read blind it learns that, and not how."""


def run() -> list[Row]:
    hits = int(os.environ.get("VEDETTE_BENCH_HITS", "1000000"))
    with tempfile.TemporaryDirectory() as name:
        operation = operation_with(Path(name) / "op", tracks=TRACKS, singles=hits - TRACKS * POINTS)
        with _served(operation, Path(name) / "accounts.json") as address, _browser() as chromium:
            ana, ben = (_opened(chromium, address, who) for who in PEOPLE)
            opening_s = [_clocked(ana) for _ in range(2)]
            shown_ms, whole_ms, cpu_ms = zip(*(_next(ana) for _ in range(ASKED)), strict=True)
            seen_s = [_until_seen(ana, ben) for _ in range(10)]
    said = f"{TRACKS} tracks, {hits:.0e} hits"
    rows = [
        (f"next thing on the screen, median; {said}", statistics.median(shown_ms), 150.0, "ms"),
        (f"next thing on the screen, 95 %; {said}", _most(shown_ms), 150.0, "ms"),
        (f"… and all that is known of it, median; {said}", statistics.median(whole_ms), 150.0, "ms"),
        (f"… and all that is known of it, 95 %; {said}", _most(whole_ms), 150.0, "ms"),
        (f"… processor time of all of it, median; {said}", statistics.median(cpu_ms), 150.0, "ms"),
        (f"… processor time of all of it, 95 %; {said}", _most(cpu_ms), 150.0, "ms"),
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
        app.state.console.read_ahead()
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
    page.set_default_timeout(WAIT_S * 1_000)
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


def _next(page: Any) -> tuple[float, float, float]:
    """Return milliseconds until the next thing is on the screen and until all is there, and of processor time."""
    before = _cpu_s()
    shown_ms, whole_ms = page.evaluate(NEXT, WAIT_S * 1_000)
    return shown_ms, whole_ms, (_cpu_s() - before) * 1_000.0


def _most(values: Sequence[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def _cpu_s() -> float:
    """Return the processor time of this process and of all that descend from it, as Linux counts it (proc(5))."""
    parents, used = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            pid = int(entry.parent.name)
            parents[pid], used[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    own, known = os.getpid(), 0
    ours = {own}
    while len(ours) > known:
        known = len(ours)
        ours |= {pid for pid, parent in parents.items() if parent in ours}
    return sum(used.get(pid, 0.0) for pid in ours)


def _until_seen(ana: Any, ben: Any) -> float:
    before = ben.evaluate(SEEN)
    ana.keyboard.press("c")
    start = time.perf_counter()
    ana.keyboard.press("1")
    while ben.evaluate(SEEN) == before:
        if time.perf_counter() - start > WAIT_S:
            raise TimeoutError(
                f"ana gave a verdict and ben's page does not know of it; it says {ben.inner_text('#said')!r}"
            )
        time.sleep(0.01)
    return time.perf_counter() - start
