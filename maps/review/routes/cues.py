"""Alarms from outside as cards: what came in, the sortie that waits for a named person, and who answered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field

from maps.review.access.roles import Role, needs
from maps.review.routes.bodies import Noted
from maps.review.visits import Caller, Here
from operations.consultation import Access, require_logged
from operations.cues.cards import Card, Said, answer, cards
from operations.finding.described import utc_text

if TYPE_CHECKING:
    from maps.review.console import Console

router = APIRouter(tags=["cues"])


class Answer(Noted):
    """What a person made of an alarm."""

    name: str = Field(max_length=200)
    said: Said


@router.get("/api/cues")
@needs(Role.VIEWER, keeps_awake=False)
def open_cues(caller: Caller, here: Here, known: Annotated[str, Query(max_length=40)] = "") -> dict[str, Any]:
    """Return the cards that nobody has answered; pages ask by themselves: only what is new is logged."""
    waiting = _waiting(here)
    stamp = _stamp(waiting)
    if stamp == known or not any(waiting):
        return {"stamp": stamp, "cards": None if stamp == known else []}
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="cues")
    for consultation, listed in zip(consultations, waiting, strict=True):
        if listed:
            require_logged(consultation.viewed("cues", {"cues": [one.name for one in listed]}))
    return {"stamp": stamp, "cards": [_body(source, one) for source, listed in enumerate(waiting) for one in listed]}


@router.post("/api/cues/answer")
@needs(Role.ANALYST)
def answer_cue(body: Answer, caller: Caller, here: Here) -> dict[str, Any]:
    """Close a card, in the caller's name; it releases nothing: that a named person does at the station."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="cue")
    answer(here.desk.store_of(body.source, caller.account.name), body.name, body.said, body.note)
    return {"answered": body.name}


def _waiting(here: Console) -> list[list[Card]]:
    """Return by operation the cards that nobody has answered."""
    with here.desk.turn:
        return [[one for one in cards(store) if not one.answered_by] for store in here.desk.stores]


def _stamp(waiting: list[list[Card]]) -> str:
    """Return what differs whenever there are other cards, or other sorties on them."""
    text = "\n".join(
        f"{source} {one.name} {bool(one.response)}" for source, listed in enumerate(waiting) for one in listed
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _body(source: int, card: Card) -> dict[str, Any]:
    told = card.alarm
    return {
        "source": source,
        "name": card.name,
        "came_utc": utc_text(card.came_t_utc_ns),
        "utc": utc_text(int(told["t_utc_ns"])),
        "from": told["source"],
        "kind": told["kind"],
        "text": told["text"],
        "lat_deg": told["lat_deg"],
        "lon_deg": told["lon_deg"],
        "ce90_m": told["ce90_m"],
        "response": {name: card.response.get(name) for name in _RESPONSE} if card.response else None,
    }


_RESPONSE: Final = ("refused", "folder", "aircraft", "airborne", "arrives_in_s")
