"""One self-contained page: a constant frame with our scripts, and the data in it as JSON that nothing runs.

The frame is rendered once, from strings of ours alone, and its scripts and styles are the only ones the
page's policy lets run. Data are put in afterwards by joining texts: no template engine sees them.

What is long stands in blocks of base64 behind the JSON, of which those that the first picture needs come first: the
page opens behind them, while a browser still reads the rest.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import re
import string
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

from geo.foreign_text import visible
from maps.leaflet_file import leaflet_script, leaflet_style, own_asset
from missions.documents.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATA_ID: Final = "vedette-data"
OURS: Final = b"<title>Vedette</title>"
"""What a page of ours has among its first bytes."""
_HEAD_MARK: Final = "<!--vedette: head-->"
_DATA_MARK: Final = "<!--vedette: data-->"
_LATER_MARK: Final = "<!--vedette: later-->"
_OPENING: Final = "<script>vedette.openPage();</script>"
SCRIPTS: Final = (
    "words", "map", "legs", "columns", "places", "quiet_style", "vector_tile", "disk_map", "operation", "filters",
    "hits_layer", "things_layer", "tools", "list", "card", "time", "filter_panel", "address", "keys", "workbench",
    "found", "page",
)  # fmt: skip
"""Our scripts in the order in which they run; each adds to `window.vedette`, the last opens the page."""
_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
"""A string of JSON text (RFC 8259, 7)."""
_SPECIAL: Final = re.compile(
    "[{}%<>&`$'\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]" + r"|\\(?:u00([0-9a-f]{2})|.)"
)
"""What HTML, a template or a script reads as more than a character, what nobody sees, and escapes of JSON, whole."""
_SHORT: Final = {r"\b": "08", r"\f": "0c"}
_BASE64: Final = string.ascii_letters.encode() + string.digits.encode() + b"+/= "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A page without its data, which stand between its three parts."""

    before: str
    opening: str
    """Between what the first picture needs and what comes later."""
    after: str


class Blocks:
    """Long base64 texts of a page, taken out of its JSON; a block may hold several, with spaces between."""

    def __init__(self) -> None:
        self._held: dict[str, list[bytes]] = {"first": [], "later": []}

    def put(self, text: str, *, later: bool = False) -> dict[str, str]:
        """Take a text in, and return what stands for it in the JSON.

        Raises
        ------
        ValueError
            When the text is not base64: it stands in the page as it is.
        """
        block, when = text.encode("ascii"), "later" if later else "first"
        if block.translate(None, _BASE64):
            raise ValueError("a block of a page holds base64 and spaces alone")
        self._held[when].append(block)
        return {"block": f"{when}-{len(self._held[when])}"}

    def elements(self, when: str) -> list[bytes]:
        """Return the blocks that come ``first`` or ``later`` as elements that nothing runs."""
        parts = []
        for number, block in enumerate(self._held[when], start=1):
            parts += [f'<script type="text/plain" id="vedette-{when}-{number}">'.encode(), block, b"</script>\n"]
        return parts


def inert_json(value: Mapping[str, Any]) -> str:
    r"""Return JSON whose strings hold nothing that HTML, a template engine or a script could take for its own.

    Braces, percent and dollar signs, angle brackets, ampersands, backticks and apostrophes in strings are
    written ``\uXXXX``; controls and what reorders text arrive as `geo.foreign_text.visible` shows them.

    Raises
    ------
    ValueError
        For a number that is not finite: JSON has none.
    """
    return _STRING.sub(_inert, json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def _inert(string: re.Match[str]) -> str:
    return _SPECIAL.sub(_spelt, string[0])


def _spelt(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] == "\\":
        control = found[1] or _SHORT.get(text)
        return text if control is None else rf"\\x{control}"
    shown = visible(text)
    return rf"\u{ord(text):04x}" if shown == text else "\\" + shown


def page_bytes(data: Mapping[str, Any], blocks: Blocks | None = None) -> bytes:
    """Return the page that shows `data`, in the form `vedette_page.js` opens.

    They are the bytes whose hashes the policy names: no line ending is translated.
    """
    frame, blocks = page_frame(), blocks or Blocks()
    start = f'{frame.before}<script type="application/json" id="{DATA_ID}">{inert_json(data)}</script>'
    first, later = blocks.elements("first"), blocks.elements("later")
    return b"".join([start.encode(), *first, frame.opening.encode(), *later, frame.after.encode()])


def write_page(data: Mapping[str, Any], path: Path, blocks: Blocks | None = None) -> int:
    """Write the page, whole or not at all, and return its size in bytes."""
    page = page_bytes(data, blocks)
    write_whole(path, page)
    return len(page)


@functools.cache
def page_frame() -> Frame:
    """Return the frame of every page: folium's map, Leaflet and our scripts, and the policy that lets only them run."""
    assets = [OURS.decode()]
    sheets = [leaflet_style(), *(own_asset(f"vedette_{name}.css") for name in ("map", "work"))]
    assets += [f"<style>{sheet}</style>" for sheet in sheets]
    own = [own_asset(f"vedette_{name}.js") for name in SCRIPTS]
    assets += [f"<script>{script}</script>" for script in (leaflet_script(), *own)]
    skeleton = _folium_page().replace("\r\n", "\n")
    head, body = skeleton.split(_HEAD_MARK)
    inline = head + "\n".join(assets).replace("\r\n", "\n") + body
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content_policy(inline)}">\n'
    before, opening, after = re.split(f"{_DATA_MARK}|{_LATER_MARK}", head + policy + inline[len(head) :])
    return Frame(before=before, opening=opening, after=after)


def _folium_page() -> str:
    """Return an empty map as folium renders it: it is given constants of ours, the marks and nothing else."""
    import folium  # takes over a second, and a console or a check writes no page
    from branca.element import Element

    page = folium.Map(tiles=None, prefer_canvas=True, zoom_control="topright", control_scale=False, zoom_snap=0.25)
    page.default_js, page.default_css = [], []
    page._id = "vedette"
    figure: Any = page.get_root()
    figure.header.add_child(Element(_HEAD_MARK), name="vedette_head")
    behind_the_map = f"{_DATA_MARK}{_OPENING}{_LATER_MARK}\n</html>"
    rendered = str(figure.render()).replace("<html>", '<html lang="en">').replace("</html>", behind_the_map)
    return re.sub(r",\s*maximum-scale=1.0,\s*user-scalable=no", "", rendered)


def content_policy(page: str) -> str:
    """Return the content security policy under which a page runs its own inline scripts and styles and nothing else.

    Each is named by its SHA-256 (Content Security Policy Level 3, 8.3); inline handlers, ``eval``, requests of any
    kind, forms and a base address are refused. Pictures come as data alone.
    """
    inline = _Inline()
    inline.feed(page)
    inline.close()
    hashes = {kind: " ".join(dict.fromkeys(map(_hash_source, inline.found[kind]))) for kind in ("script", "style")}
    return (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Inline(HTMLParser):
    """Collects the text of a page's script and style elements, as a browser hashes it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {"script": [], "style": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.found:
            self.found[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag in self.found and self.cdata_elem:
            self.found[self.lasttag][-1] += data
