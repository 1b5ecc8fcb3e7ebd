"""What patrols found on the spot, brought back into the record."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from maps.review.access.roles import Role, needs
from maps.review.routes.bodies import Things, nanoseconds
from maps.review.visits import Caller, Here
from operations.consultation import Access
from operations.outcomes import LONGEST_NOTE, FromTheSpot, record_outcome
from operations.values import Outcome

router = APIRouter(tags=["outcomes"])


class FoundThere(Things):
    """What a patrol tells of things it was sent to."""

    found: Outcome
    note: str = Field(default="", max_length=LONGEST_NOTE)
    at: AwareDatetime | None = Field(default=None, description="When it was there.")


@router.post("/api/outcomes")
@needs(Role.ANALYST)
def bring_back(body: FoundThere, caller: Caller, here: Here) -> dict[str, Any]:
    """Put what a patrol found into the record; it stands beside the verdicts and changes none."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="outcome")
    here.looking.joins.refresh()
    told = FromTheSpot(found=body.found, at_t_utc_ns=nanoseconds(body.at) or 0, note=body.note)
    things = [here.looking.one(key) for key in here.looking.joins.whole(name.key() for name in body.items)]
    for one in things:
        hits = (one.key.thing_id,) if one.thing.single else here.looking.hits_of_piece(one.key)
        named = {"hit_ids": hits} if hits else {"track_id": one.key.thing_id}
        record_outcome(here.desk.store_of(one.key.source, caller.account.name), told, **named)
    return {"recorded": len(things)}
