"""Handing on: the ways out, two people where the operation says so, and the files that leave."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from maps.review.access.roles import Role, needs
from maps.review.handing import Asked
from maps.review.routes.bodies import Body, Things
from maps.review.visits import Caller, Here
from operations.finding.described import utc_text

router = APIRouter(tags=["handing on"])


class Handed(Things):
    """Things, and how they leave."""

    form: Literal["cot", "kml", "kmz", "gpkg", "geojson", "csv", "gpx", "pdf", "evidence"]


class Number(Body):
    """Number of a request."""

    number: str = Field(pattern=r"^[0-9a-f]{8}$")


class Rules(Body):
    """What needs two people."""

    two_people_export: bool


@router.post("/api/hand")
@needs(Role.ANALYST)
def hand(body: Handed, caller: Caller, here: Here) -> dict[str, Any]:
    """Hand things on; where the operation asks for two people, the request waits for a supervisor."""
    here.looking.joins.refresh()
    keys = here.looking.joins.whole(name.key() for name in body.items)
    if here.handing.needs_two():
        return {"waiting": here.handing.ask(caller.account.name, keys, body.form).number}
    return here.handing.hand(caller.account.name, keys, body.form)


@router.get("/api/requests")
@needs(Role.ANALYST)
def requests(caller: Caller, here: Here) -> dict[str, Any]:
    """List what waits for a second person: all of it for supervisors, otherwise the caller's own."""
    everything = caller.account.role.may(Role.SUPERVISOR)
    listed = [one for one in here.handing.requests() if everything or one.by == caller.account.name]
    return {"requests": [_body(one) for one in listed], "two_people_export": here.handing.needs_two()}


@router.post("/api/requests/agree")
@needs(Role.SUPERVISOR)
def agree(body: Number, caller: Caller, here: Here) -> dict[str, Any]:
    """Agree to somebody else's request: they can then hand on exactly that, once."""
    return _body(here.handing.agree(caller.account.name, body.number))


@router.post("/api/requests/redeem")
@needs(Role.ANALYST)
def redeem(body: Number, caller: Caller, here: Here) -> dict[str, Any]:
    """Hand on what a second person agreed to."""
    return here.handing.redeem(caller.account.name, body.number)


@router.post("/api/rules")
@needs(Role.SUPERVISOR)
def rule(body: Rules, caller: Caller, here: Here) -> dict[str, Any]:
    """Set whether two people are needed before anything leaves; the log keeps who did."""
    here.handing.rule(caller.account.name, two_people_export=body.two_people_export)
    return {"two_people_export": here.handing.needs_two()}


def _body(one: Asked) -> dict[str, Any]:
    return {
        "number": one.number,
        "by": one.by,
        "form": one.form,
        "things": [key.thing_id for key in one.keys],
        "utc": utc_text(one.t_utc_ns),
        "agreed_by": one.agreed_by,
    }
