"""What each page says, in one script beside the search: its excerpts need no request, also where the site is a folder.

Sphinx's search asks for every page it has found, which a browser refuses to pages that were opened from a disk.
"""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SCRIPT: Final = "search_texts.js"
_SILENT: Final = ("script", "style", "svg")
_ANSWER: Final = """const pageTexts = %s;
const overTheNetwork = window.fetch;
window.fetch = (page, ...more) =>
  Object.hasOwn(pageTexts, page) ? Promise.resolve(new Response(pageTexts[page])) : overTheNetwork(page, ...more);
"""
"""`fetch` as Sphinx's `searchtools.js` calls it, answered from the texts."""


class _Text(HTMLParser):
    """Text of a page with its sections, which results name; marks to link to a heading are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if not self._silent and (tag in _SILENT or given.get("class") == "headerlink"):
            self._silent = tag
        elif tag == "section":
            self.parts.append(f'<section id="{html.escape(given.get("id") or "")}">')

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        elif tag == "section":
            self.parts.append("</section>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(html.escape(data, quote=False))


def text_of(body: str) -> str:
    """Return a page's text as the search looks for excerpts in it: `body` is what Sphinx has made of the page."""
    reader = _Text()
    reader.feed(body)
    reader.close()
    text = re.sub(r"\s+", " ", "".join(reader.parts))
    return f'<div role="main">{text}</div>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Gather the text of each page as it is written, and put all of them beside the search."""
    texts: dict[str, str] = {}

    def gather(site: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
        if page == "search":
            site.add_js_file(SCRIPT)
        elif context.get("body"):
            texts[f"./{page}.html"] = text_of(context["body"])

    def write(site: Sphinx, error: Exception | None) -> None:
        if error is None:
            held = json.dumps(texts, ensure_ascii=False).replace("</", "<\\/")
            (Path(site.outdir) / "_static" / SCRIPT).write_text(_ANSWER % held, encoding="utf-8")

    app.connect("html-page-context", gather)
    app.connect("build-finished", write)
    return {"parallel_write_safe": False}
