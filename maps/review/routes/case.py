"""For which case somebody looks, and why: set once, carried by every look and decision until it ends."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from maps.review.access.roles import Role, needs
from maps.review.routes.bodies import Body, Purpose
from maps.review.visits import Caller, Here
from operations import consultation
from operations.finding.described import utc_text

router = APIRouter(tags=["case"])


@router.get("/api/case")
@needs(Role.VIEWER, keeps_awake=False)
def open_case(caller: Caller, here: Here) -> dict[str, Any]:
    """Say which case the caller has open in each operation."""
    listed = []
    for source, store in enumerate(here.desk.stores):
        known = consultation.OpenCase.of(here.desk.store_of(source, caller.account.name))
        told = None if known is None else {**known.purpose.body(), "until_utc": utc_text(known.until_t_utc_ns)}
        listed.append({"operation": store.name, "open": told})
    return {"operations": listed}


@router.post("/api/case")
@needs(Role.VIEWER)
def set_case(body: Purpose, caller: Caller, here: Here) -> dict[str, Any]:
    """Open a case in every operation on the table: looks and decisions carry it for so many hours."""
    purpose = consultation.Purpose(case=body.case, reason=body.reason)
    for source in range(len(here.desk.stores)):
        consultation.open_case(here.desk.store_of(source, caller.account.name), purpose, hours=body.hours)
    return open_case(caller, here)


@router.post("/api/case/close")
@needs(Role.VIEWER)
def close_case(body: Body, caller: Caller, here: Here) -> dict[str, Any]:  # noqa: ARG001 - nothing may be in it
    """Close the caller's case everywhere."""
    for source in range(len(here.desk.stores)):
        consultation.close_case(here.desk.store_of(source, caller.account.name))
    return open_case(caller, here)
