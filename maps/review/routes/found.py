"""What was found, for the map and the list; hits and pictures of what is looked at; tiles of the base map."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from maps.review.access.roles import Role, needs
from maps.review.errors import NotThereError
from maps.review.found import TILES
from maps.review.judging.verdict_book import Key
from maps.review.routes.bodies import Body, ThingName
from maps.review.visits import Caller, Here
from operations.consultation import Access, require_logged

router = APIRouter(tags=["things"])
_NOTHING: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)
"""A clear pixel, for where a base map has no tile: a page takes what is no picture for a fault, and says so."""


class Pictured(Body):
    """Things whose pictures are wanted, each as number of its operation, run and id with slashes between."""

    thing: list[Annotated[str, Field(max_length=200, pattern=r"^\d{1,3}/[^/]{1,64}/.+$")]] = Field(max_length=60)

    def keys(self) -> dict[str, Key]:
        """Return their keys by name."""
        parts = {name: name.split("/", 2) for name in self.thing}
        return {name: Key(source=int(one[0]), run_id=one[1], thing_id=one[2]) for name, one in parts.items()}


@router.get("/api/found")
@needs(Role.VIEWER)
def found(caller: Caller, here: Here) -> Response:
    """Return what was found as the offline page holds it (`docs/reference/map-page.md`), without decisions."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="map")
    body, keys = here.found.page()
    for source, looked in enumerate(consultations):
        require_logged(looked.viewed("map", {"things": [key.thing_id for key in keys if key.source == source]}))
    return Response(body, media_type="application/json")


@router.get("/api/hits")
@needs(Role.VIEWER)
def hits(name: Annotated[ThingName, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return the hits of one track, as columns like those of ``/api/found``."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="hits")
    told = here.found.hits(name.key())
    require_logged(consultations[name.source].viewed("hits", {"things": [name.id]}))
    return {"hits": told}


@router.get("/api/chips")
@needs(Role.VIEWER)
def chips(wanted: Annotated[Pictured, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return the small pictures of some things; null where none is kept or the thing is there no more."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="chips")
    keys = wanted.keys()
    planted = {key: here.planting.one(key)[2] for key in keys.values() if here.planting.holds(key)}
    told = here.looking.chips(here.looking.known(key for key in keys.values() if key not in planted))
    for source, looked in enumerate(consultations):
        shown = [key.thing_id for key in told if key.source == source]
        if shown:
            require_logged(looked.viewed("chips", {"things": shown}))
    return {"chips": {name: told.get(key) or planted.get(key) for name, key in keys.items()}}


@router.get(TILES + "/{zoom}/{x}/{y}", response_class=Response)
@needs(Role.VIEWER)
def tile(
    zoom: Annotated[int, Path(ge=0, le=30)], x: Annotated[int, Path(ge=0)], y: Annotated[int, Path(ge=0)], here: Here
) -> Response:
    """Return a tile of the base map; it says nothing of the operation, and no look at it is logged."""
    if here.found.basemap is None:
        raise NotThereError("no base map was given when the console was started (--basemap)")
    found = here.found.basemap.tile(zoom, x, y)
    data, kind = found or (_NOTHING, "png")
    return Response(data, media_type=f"image/{kind}", headers={"cache-control": "private, max-age=3600"})
