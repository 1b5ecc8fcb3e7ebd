"""Pages and what they are made of: files of ours, each by its name in a table, nothing put into them."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from maps.leaflet_file import leaflet_script, leaflet_style, own_asset
from maps.review.access.roles import Role, needs
from maps.review.errors import NotThereError
from maps.review.visits import Here

router = APIRouter()
_KINDS: Final = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
_LEAFLET: Final = {"leaflet.js": leaflet_script, "leaflet.css": leaflet_style}


@functools.cache
def _asset(name: str) -> tuple[bytes, str, str]:
    """Return bytes, kind and tag of one of our own files."""
    if name in _LEAFLET:
        text = _LEAFLET[name]()
    elif name in _names("maps.review"):
        text = resources.files("maps.review").joinpath("assets", name).read_text(encoding="utf-8")
    elif name in _names("maps"):
        text = own_asset(name)
    else:
        raise NotThereError("there is no such file")
    data = text.encode()
    return data, _KINDS[name.rpartition(".")[2]], f'"{hashlib.sha256(data).hexdigest()[:24]}"'


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
