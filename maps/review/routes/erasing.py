"""Erasing recordings: a supervisor asks, another agrees; what is under a hold stays."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from maps.review.access.roles import Role, needs
from maps.review.erasing import ErasureAsked
from maps.review.routes.bodies import Body
from maps.review.routes.handing import Number
from maps.review.routes.pages import answer_with
from maps.review.visits import Caller, Here
from operations.law.holds import hold_on

router = APIRouter(tags=["erasing"])
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Recordings(Body):
    """Recordings of one operation."""

    source: int = Field(ge=0, le=999)
    media: list[_Id] = Field(min_length=1, max_length=100)


@router.get("/erasing", include_in_schema=False)
@needs(Role.SUPERVISOR, page=True)
def erasing_page(request: Request) -> Response:
    """Return the page on which recordings are erased."""
    return answer_with("erasing.html", request)


@router.get("/api/erasing")
@needs(Role.SUPERVISOR)
def erasing(here: Here) -> dict[str, Any]:
    """List the recordings with what holds them, and the requests that wait for a second person."""
    recordings = []
    for source, store in enumerate(here.desk.stores):
        for media in store.media():
            hold = hold_on(store, media.id)
            why = "" if hold is None else f"case {hold.body['case']}: {hold.body['reason']}"
            recordings.append({"source": source, "media": media.id, "name": media.name, "held": why})
    return {"recordings": recordings, "requests": [_body(one) for one in here.erasing.requests()]}


@router.post("/api/erasing")
@needs(Role.SUPERVISOR)
def ask(body: Recordings, caller: Caller, here: Here) -> dict[str, Any]:
    """Ask for recordings to be erased with all that was derived from them, for the case the caller has open."""
    return _body(here.erasing.ask(caller.account.name, body.source, body.media))


@router.post("/api/erasing/agree")
@needs(Role.SUPERVISOR)
def agree(body: Number, caller: Caller, here: Here) -> dict[str, Any]:
    """Agree to somebody else's request: both people's keys sign the tombstones, and the recordings are gone."""
    return {"files_gone": here.erasing.agree(caller.account.name, body.number)}


@router.post("/api/erasing/drop")
@needs(Role.SUPERVISOR)
def drop(body: Number, caller: Caller, here: Here) -> dict[str, Any]:
    """Say no to a request; the log keeps who did."""
    here.erasing.drop(caller.account.name, body.number)
    return {}


def _body(one: ErasureAsked) -> dict[str, Any]:
    return {
        "number": one.number,
        "by": one.by,
        "source": one.source,
        "recordings": [media.name for media in one.media],
        **one.purpose.body(),
    }
