"""Pages and what they are made of: files of ours, each by its name in a table, nothing put into them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from importlib import resources
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from maps.leaflet_file import leaflet_script, leaflet_style, own_asset
from maps.page_file import SCRIPTS
from maps.review.access.roles import Role, needs
from maps.review.errors import NotThereError
from maps.review.visits import Here

router = APIRouter()
_KINDS: Final = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
_LEAFLET: Final = {"leaflet.js": leaflet_script, "leaflet.css": leaflet_style}
_SHARED: Final = tuple(f"vedette_{name}.js" for name in SCRIPTS if name != "page")
"""The scripts of the offline page, but the one that opens it from data in the page itself."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: what stands in its head, all of it files of ours."""

    title: str
    sheets: tuple[str, ...]
    scripts: tuple[str, ...]


def _ours(*names: str) -> tuple[str, ...]:
    return ("review_api.js", *(f"{name}.js" for name in names))


_SHEETS: Final = ("leaflet.css", "vedette_map.css", "vedette_work.css", "review_page.css")
PAGES: Final = {
    "console.html": Page(
        title="Vedette review",
        sheets=(*_SHEETS, "review_console.css", "review_cues.css"),
        scripts=("leaflet.js", *_SHARED, *_ours(
            "review_words", "review_bell", "review_desk", "review_card", "review_split", "review_verdict",
            "review_hand", "review_dialogs", "review_people", "review_cues", "review_main",
        )),
    ),
    "footage.html": Page(
        title="Vedette footage",
        sheets=(*_SHEETS, "review_console.css", "footage.css"),
        scripts=("leaflet.js", *_SHARED, *_ours(
            "review_words", "review_bell", "footage_film", "footage_map", "footage_live", "footage_page",
        )),
    ),
    "erasing.html": Page(
        title="Vedette: erasing recordings", sheets=("vedette_map.css", "review_page.css", "footage.css"),
        scripts=("vedette_words.js", *_ours("review_words", "erasing_page")),
    ),
    "unflagged.html": Page(
        title="Vedette: pictures without hits", sheets=("vedette_map.css", "review_page.css", "footage.css"),
        scripts=("vedette_words.js", *_ours("review_words", "unflagged_page")),
    ),
    "login.html": Page(
        title="Log in · Vedette review", sheets=("vedette_map.css", "review_page.css"), scripts=_ours("review_login")
    ),
    "first.html": Page(
        title="First account · Vedette review", sheets=("vedette_map.css", "review_page.css"),
        scripts=_ours("review_login"),
    ),
}  # fmt: skip
"""Every page of the console, by the file that holds its body; `frame.html` is around them all."""


@functools.cache
def _asset(name: str) -> tuple[bytes, str, str]:
    """Return bytes, kind and tag of one of our own files."""
    if name in PAGES:
        text = _framed(name)
    elif name in _LEAFLET:
        text = _LEAFLET[name]()
    elif name in _names("maps.review"):
        text = resources.files("maps.review").joinpath("assets", name).read_text(encoding="utf-8")
    elif name in _names("maps"):
        text = own_asset(name)
    else:
        raise NotThereError("there is no such file")
    data = text.encode()
    return data, _KINDS[name.rpartition(".")[2]], f'"{hashlib.sha256(data).hexdigest()[:24]}"'


def _framed(name: str) -> str:
    """Return a page in the frame that all share; what stands in it are constants of ours."""
    folder, page = resources.files("maps.review").joinpath("assets"), PAGES[name]
    head = [f"<title>{page.title}</title>"]
    head += [f'<link rel="stylesheet" href="/assets/{sheet}">' for sheet in page.sheets]
    head += [f'<script src="/assets/{script}" defer></script>' for script in page.scripts]
    frame = folder.joinpath("frame.html").read_text(encoding="utf-8")
    body = folder.joinpath(name).read_text(encoding="utf-8")
    return frame.replace("<!--head-->", "\n".join(head)).replace("<!--body-->", body.strip())


@functools.cache
def _names(package: str) -> frozenset[str]:
    listed = resources.files(package).joinpath("assets").iterdir()
    return frozenset(entry.name for entry in listed if entry.name.rpartition(".")[2] in _KINDS)


def answer_with(name: str, request: Request) -> Response:
    """Return one of our own files, or say that the browser has it already."""
    data, kind, tag = _asset(name)
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=f"{kind}; charset=utf-8", headers=headers)


@router.get("/assets/{name}", include_in_schema=False)
@needs(None)
def asset(name: str, request: Request) -> Response:
    """Return a script or a style sheet of ours."""
    if name.endswith(".html"):
        raise NotThereError("there is no such file")
    return answer_with(name, request)


@router.get("/login", include_in_schema=False)
@needs(None)
def login_page(request: Request, here: Here) -> Response:
    """Return the page to log in at; before there is any account, the one where the first is made."""
    return answer_with("first.html" if here.first.code else "login.html", request)


@router.get("/", include_in_schema=False)
@needs(Role.VIEWER, page=True)
def console_page(request: Request) -> Response:
    """Return the console itself."""
    return answer_with("console.html", request)


@router.get("/favicon.ico", include_in_schema=False)
@needs(None)
def favicon() -> Any:
    """Return where the picture in the browser's tab is."""
    return RedirectResponse("/assets/vedette_mark.svg")
