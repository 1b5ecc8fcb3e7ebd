"""Film and ground both ways, and what comes in live: stretches to play, what they show, who saw a place, news."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maps.footage.live_feed import LiveFeed
from maps.footage.stretch import Stretch, shown_in
from maps.review.access.roles import Role, needs
from maps.review.console import Console
from maps.review.errors import NotThereError
from maps.review.routes.bodies import Body
from maps.review.routes.pages import answer_with
from maps.review.visits import Caller, Here
from operations.case_access import HEAD_FILE
from operations.consultation import Access, require_logged
from operations.finding.described import utc_text
from operations.finding.ground import Ground
from operations.finding.seen import seen
from operations.law.errors import ErasedError
from operations.originals import stored_path
from operations.values import MediaKind
from telemetry.videos.browser_file import LONGEST_S, playable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from operations.consultation import Consultation
    from operations.store import OperationStore
    from operations.values import MediaRecord, Member

router = APIRouter(tags=["footage"])
LOOK_S: Final = 0.25
"""How often it is looked whether something was recorded."""
TELL_S: Final = 2.0
"""How often the age of each link is told anyway: silence on a page must mean that the console is gone."""


class Where(Body):
    """A stretch of one stream of one recording."""

    source: int = Field(ge=0, le=999)
    media: str = Field(pattern=r"^[0-9a-f]{64}$")
    stream: int = Field(default=0, ge=0, le=99)
    from_s: float = Field(ge=0.0, le=1e7, allow_inf_nan=False)
    to_s: float = Field(ge=0.0, le=1e7, allow_inf_nan=False)

    def stretch(self) -> Stretch:
        """Return it as a value."""
        return Stretch(source=self.source, media_id=self.media, stream=self.stream, from_s=self.from_s, to_s=self.to_s)


class Place(Body):
    """A place on the ground."""

    lat: float = Field(ge=-90.0, le=90.0)
    lon: float = Field(ge=-180.0, le=180.0)


@router.get("/footage", include_in_schema=False)
@needs(Role.VIEWER, page=True)
def footage_page(request: Request) -> Response:
    """Return the page on which films are played beside the map."""
    return answer_with("footage.html", request)


@router.get("/api/films")
@needs(Role.VIEWER)
def films(here: Here) -> dict[str, Any]:
    """List the recordings that can be played, by name; what each holds is not said here."""
    listed = []
    for source, store in enumerate(here.desk.stores):
        for record in store.media():
            if record.kind is MediaKind.VIDEO:
                span = _span(here, source, record.id)
                listed.append({"source": source, "media": record.id, "name": record.name, **span})
    return {"films": listed, "longest_s": LONGEST_S}


@router.get("/api/film")
@needs(Role.VIEWER)
def film(where: Annotated[Where, Query()], caller: Caller, here: Here) -> Response:
    """Return a stretch of a recording as MP4; its time zero is told by ``X-Vedette-Start-S``."""
    record = _recording(here, where)
    looked = _consulted(here, caller.account.name, where.source)
    told = {"media": record.id, "stream": where.stream, "from_s": where.from_s, "to_s": where.to_s}
    require_logged(looked.viewed("film", told))
    store, member = here.desk.stores[where.source], _film_of(record)
    kept = stored_path(store.path, member, store.vault)
    if not kept.exists():
        raise ErasedError(f"the original of {record.name} is not there any more: only what was found in it is kept")
    with store.vault.lend(kept) as lent:
        made = playable(lent, where.from_s, where.to_s, stream=where.stream, shown=record.name)
    headers = {
        "x-vedette-start-s": f"{float(made.start_s):.6f}",
        "x-vedette-rate": f"{made.rate_hz:.4f}",
        "x-vedette-pictures": "as recorded" if made.copied else f"encoded anew from {made.codec}",
        "x-vedette-name": urllib.parse.quote(record.name[:200]),
    }
    return Response(made.data, media_type="video/mp4", headers=headers)


@router.get("/api/shown")
@needs(Role.VIEWER)
def shown(where: Annotated[Where, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return where the camera was in each analysed picture of a stretch, what ground it showed, and the boxes in it."""
    record = _recording(here, where)
    looked = _consulted(here, caller.account.name, where.source)
    with here.desk.turn:
        here.desk.archive.refresh()
        found = shown_in(here.desk.archive, where.stretch())
    things = sorted({box["thing"] for box in found["boxes"]})
    told = {"media": record.id, "from_s": where.from_s, "to_s": where.to_s, "things": things}
    require_logged(looked.viewed("shown", told))
    return {"name": record.name, **found}


@router.get("/api/seen")
@needs(Role.VIEWER)
def seen_there(place: Annotated[Place, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return every stretch of time in which any recording showed a place, newest first."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="seen")
    with here.desk.turn:
        answer = seen(here.desk.archive, here.desk.footprints, Ground.point(place.lat, place.lon))
    for source, looked in enumerate(consultations):
        own = [one.media_id for one in answer.passes if one.source == source]
        told = {"lat": place.lat, "lon": place.lon, "media": sorted(set(own)), "passes": len(own)}
        require_logged(looked.viewed("seen", told))
    return {
        "passes": [
            {
                "source": one.source,
                "media": one.media_id,
                "name": here.desk.archive.media_name(one.source, one.media_id),
                "stream": one.stream,
                "from_utc": utc_text(one.from_utc_ns),
                "to_utc": utc_text(one.to_utc_ns),
                "from_s": one.media_from_ns / 1e9,
                "to_s": one.media_to_ns / 1e9,
                "looks": one.looks,
            }
            for one in answer.passes
        ],
        "footprints": answer.footprints,
        "recordings": answer.recordings,
        "not_known": len(answer.without_footprints),
    }


@router.get("/api/live")
@needs(Role.VIEWER, keeps_awake=False)
async def live(request: Request, caller: Caller, here: Here) -> Response:
    """Tell what is recorded as it is: server-sent events (HTML, 9.2), until the page is left or the session ends."""
    person = caller.account.name
    consultations = await run_in_threadpool(here.desk.consult, person, access=Access.VIEW, what="live")
    for looked in consultations:
        require_logged(await run_in_threadpool(looked.viewed, "live", {}))
    cookie = request.cookies.get(here.gate.cookie, "")
    events = _events(request, here, consultations, cookie)
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _events(
    request: Request, here: Console, consultations: list[Consultation], cookie: str
) -> AsyncIterator[str]:
    stores = here.desk.stores
    feeds = [await run_in_threadpool(_fed, here, store) for store in stores]
    heads: list[bytes] = [b""] * len(stores)
    waited = TELL_S
    while not await request.is_disconnected():
        if here.gate.sessions.find(cookie, keeps_awake=False) is None:
            yield _event({"what": "over"})
            return
        for source, store in enumerate(stores):
            head = _head(store)
            if head != heads[source]:
                heads[source] = head
                for one in await run_in_threadpool(_news, here, feeds[source], consultations[source]):
                    yield _event({"source": source, **one})
        if waited >= TELL_S:
            waited = 0.0
            links = [{"source": source, **one} for source, feed in enumerate(feeds) for one in feed.links()]
            yield _event({"what": "links", "links": links})
        await asyncio.sleep(LOOK_S)
        waited += LOOK_S


def _fed(here: Console, store: OperationStore) -> LiveFeed:
    with here.desk.turn:
        return LiveFeed(store)


def _news(here: Console, feed: LiveFeed, looked: Consultation) -> list[dict[str, Any]]:
    """Return the news, once the log says who is told of which things."""
    with here.desk.turn:
        told = feed.news()
    things = sorted({one["id"] for one in told if one["what"] == "track"})
    if things:
        require_logged(looked.viewed("live", {"things": things}))
    return told


def _event(told: dict[str, Any]) -> str:
    return f"data: {json.dumps(told, allow_nan=False, default=str)}\n\n"


def _head(store: OperationStore) -> bytes:
    with contextlib.suppress(OSError):
        return (store.path / HEAD_FILE).read_bytes()
    return b""


def _consulted(here: Console, person: str, source: int) -> Consultation:
    return here.desk.consult(person, access=Access.VIEW, what="film")[source]


def _recording(here: Console, where: Where) -> MediaRecord:
    stores = here.desk.stores
    known = stores[where.source].media() if where.source < len(stores) else []
    found = next((one for one in known if one.id == where.media and one.kind is MediaKind.VIDEO), None)
    if found is None:
        raise NotThereError("no operation on the table has that recording any more: it was erased, or is another's")
    return found


def _film_of(record: MediaRecord) -> Member:
    """Return the file of a recording that holds its pictures."""
    film = next((one for one in record.members if one.path.rpartition("/")[2] == record.name), None)
    return film or max(record.members, key=lambda one: one.size_bytes)


def _span(here: Console, source: int, media_id: str) -> dict[str, Any]:
    """Return from when to when a recording was analysed, in its own time; nothing where it was not."""
    query = "SELECT min(media_t_ns), max(media_t_ns), max(stream) FROM {frames} WHERE media_id = $media"
    with here.desk.turn:
        here.desk.archive.refresh()
        runs = {run.run_id for run in here.desk.archive.runs(source).values() if media_id in run.media_ids}
        listed = [one.part for one in here.desk.archive.parts("frames") if one.source == source]
        parts = [part for part in listed if part.run_id in runs]
        if not parts:
            return {"from_s": 0.0, "to_s": None, "streams": 1}
        rows = here.desk.archive.read(source, query, {"frames": parts}, media=media_id)
    first, last, stream = (column[0].as_py() for column in rows.columns)
    if first is None or not math.isfinite(first):
        return {"from_s": 0.0, "to_s": None, "streams": 1}
    return {"from_s": first / 1e9, "to_s": last / 1e9, "streams": int(stream) + 1}
