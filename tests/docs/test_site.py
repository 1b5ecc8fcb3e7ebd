"""The built documentation: every page two clicks from home, nothing fetched from elsewhere, search included."""

from __future__ import annotations

import html
import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from vedette.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r'<a\b[^>]*\bhref="([^"]+)"')
LOADED = re.compile(
    r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"'
    r'|<link\b[^>]*\brel="(?:stylesheet|icon|preload)"[^>]*\bhref="([^"]+)"'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = tmp_path_factory.mktemp("docs") / "site"
    assert module.build(out) == 0  # warnings are errors: broken links, lost pages
    return out


def links(page: Path, site: Path) -> set[Path]:
    found = set()
    for href in LINK.findall(page.read_text(encoding="utf-8")):
        parts = urlsplit(href)
        if parts.scheme or not parts.path.endswith(".html"):
            continue
        target = (page.parent / unquote(parts.path)).resolve()
        assert target.is_file(), f"{page.relative_to(site)} leads to {href}, which is not there"
        found.add(target)
    return found


def test_every_page_is_two_clicks_from_home(site):
    reached, edge = {site / "index.html"}, {site / "index.html"}
    for _ in range(2):
        edge = {target for page in edge for target in links(page, site)} - reached
        reached |= edge
    pages = set(site.rglob("*.html")) - {site / "genindex.html", site / "search.html", site / "py-modindex.html"}
    assert {page.relative_to(site).as_posix() for page in pages - reached} == set()
    assert len(pages) > 120


def test_every_command_and_source_page_has_a_page(site):
    assert all((site / "reference" / "commands" / f"{name}.html").is_file() for name in COMMANDS)
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file()


def test_nothing_is_fetched_from_elsewhere_and_search_works_offline(site):
    for page in site.rglob("*.html"):
        for groups in LOADED.findall(page.read_text(encoding="utf-8")):
            assert not urlsplit("".join(groups)).netloc, f"{page.relative_to(site)} loads {groups}"
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "standoff" in index


@pytest.mark.browser
@pytest.mark.parametrize(("word", "stem"), [("standoff", "standoff"), ("calibrate", "calibr")])
def test_results_of_the_search_show_where_they_say_it_from_a_folder(site, browser, word, stem):
    """Opened from the disk, a page may not read another; Sphinx alone shows titles only there."""
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{site}/search.html?q={word}")
    page.wait_for_function("document.querySelector('.search-summary').innerText.includes('found')")
    rows = page.locator("ul.search > li.kind-text")
    page.wait_for_function("[...document.querySelectorAll('li.kind-text')].every(row => row.querySelector('.context'))")
    said = [row.locator(".context").inner_text() for row in rows.all()]
    assert len(said) > 5
    assert sum(stem in text.lower() for text in said) > 0.9 * len(said)
    for row, text in zip(rows.all()[:5], said, strict=False):
        source = html.unescape(re.sub(r"<[^>]+>", " ", (site / row.locator("a").get_attribute("href")).read_text()))
        words = [part for part in re.findall(r"\w+", text) if len(part) > 3][1:-1]
        assert set(words) <= set(re.findall(r"\w+", source))
    assert [url for url in asked if not url.startswith(f"file://{site}/")] == []
