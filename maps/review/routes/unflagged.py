"""Pictures in which nothing was flagged, for people to look at: calibration is not learned from hits alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from maps.review.access.roles import Role, needs
from maps.review.errors import NotThereError
from maps.review.routes.bodies import Noted
from maps.review.routes.pages import answer_with
from maps.review.visits import Caller, Here
from operations.consultation import Access, require_logged
from operations.finding.described import utc_text
from operations.learning.unflagged import InPicture, Picture, looked, sample, say, words

if TYPE_CHECKING:
    from maps.review.console import Console

router = APIRouter(tags=["unflagged pictures"])


class Saw(Noted):
    """What somebody saw in a picture."""

    picture: str = Field(max_length=200)
    said: InPicture


@router.get("/unflagged", include_in_schema=False)
@needs(Role.ANALYST, page=True)
def unflagged_page(request: Request) -> Response:
    """Return the page on which such pictures are looked at."""
    return answer_with("unflagged.html", request)


@router.get("/api/unflagged")
@needs(Role.ANALYST)
def unflagged(caller: Caller, here: Here) -> dict[str, Any]:
    """Return the pictures that the caller has not looked at, and for supervisors what was seen in all of them."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="unflagged")
    waiting: list[dict[str, Any]] = []
    seen = []
    for source, consultation in enumerate(consultations):
        pictures, said = _sampled(here, source), words(here.desk.stores[source])
        own = [one for one in pictures if caller.account.name not in said.get(one.name, {})]
        require_logged(consultation.viewed("unflagged", {"pictures": len(own)}))
        waiting += [_body(here, source, one) for one in own]
        seen.append(looked(pictures, said).body())
    return {"waiting": waiting, "seen": seen if caller.account.role.may(Role.SUPERVISOR) else None}


@router.post("/api/unflagged")
@needs(Role.ANALYST)
def saw(body: Saw, caller: Caller, here: Here) -> dict[str, Any]:
    """Say what is in a picture in which nothing was flagged; it stands beside the verdicts and changes none."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="unflagged")
    store = here.desk.store_of(body.source, caller.account.name)
    picture = next((one for one in _sampled(here, body.source) if one.name == body.picture), None)
    if picture is None:
        raise NotThereError("that picture is none of the sampled ones any more: load the page again")
    say(store, picture, body.said, body.note)
    return {"said": str(body.said)}


def _sampled(here: Console, source: int) -> list[Picture]:
    with here.desk.turn:
        here.desk.archive.refresh()
        return sample(here.desk.archive, source)


def _body(here: Console, source: int, picture: Picture) -> dict[str, Any]:
    return {
        "source": source,
        "picture": picture.name,
        "recording": here.desk.archive.media_name(source, picture.media_id),
        "media": picture.media_id,
        "stream": picture.stream,
        "at_s": picture.media_t_ns / 1e9,
        "utc": utc_text(picture.t_utc_ns),
    }
