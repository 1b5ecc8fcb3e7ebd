"""The queue and the things in it; each look is in the log before it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from maps.review.access.guard import Visitor
from maps.review.access.roles import Role, needs
from maps.review.console import Console
from maps.review.handing import WAYS, Way
from maps.review.judging.ordering import USUAL, Band, Weights
from maps.review.judging.reading import seen_by
from maps.review.judging.reasons import REASONS
from maps.review.looking import WEIGHTS, Queued, rank_body, standing_body
from maps.review.planting import alert_waits
from maps.review.routes.bodies import ThingName, Weighing, nanoseconds
from maps.review.visits import Caller, Here
from operations.consultation import Access, require_logged
from operations.finding.selection import NOBODY, ThingSelection
from operations.finding.verdict_marks import DECISIONS
from operations.log.leaves import LeafKind
from operations.values import Outcome

router = APIRouter(tags=["things"])
_LEFT_OUT = frozenset({"decision", "decided_by", "operation_id", "log_head", "assessment", "id", "run"})
"""What of a thing's row the pages have elsewhere, or that says more than a second reader may know."""


class Question(BaseModel):
    """What the queue is narrowed to; what is left open does not choose."""

    model_config = ConfigDict(extra="forbid")
    assessed: list[str] = Field(default_factory=list, max_length=50, description="What it was taken for.")
    since: AwareDatetime | None = Field(default=None, description="From this moment on.")
    until: AwareDatetime | None = Field(default=None, description="Up to this moment.")
    min_score: float | None = Field(default=None, ge=0.0, le=1.0)
    near_border_m: float | None = Field(default=None, ge=0.0)
    verdict: list[str] = Field(default_factory=list, max_length=5, description="A decision, 'conflict', or 'none'.")
    singles: bool = Field(default=False, description="Also hits that belong to no track.")

    def selection(self, here: Console) -> ThingSelection:
        """Return it as a question to operations."""
        known = {*DECISIONS, NOBODY}
        return ThingSelection(
            classes=tuple(self.assessed),
            from_utc_ns=nanoseconds(self.since),
            to_utc_ns=nanoseconds(self.until),
            score_min=self.min_score,
            verdicts=tuple(name for name in self.verdict if name in known),
            border=here.looking.sight.border,
            near_border_m=self.near_border_m,
            singles=self.singles,
        )


@router.get("/api/table")
@needs(Role.VIEWER)
def table(here: Here) -> dict[str, Any]:
    """Say which operations are open, what could not be opened, and by which words and weights things are judged."""
    return {
        "operations": [{"source": source, "name": store.name} for source, store in enumerate(here.desk.stores)],
        "problems": here.desk.problems,
        "border": [
            list(zip(line.lon_deg.tolist(), line.lat_deg.tolist(), strict=True)) for line in here.looking.sight.lines
        ],
        "reasons": {str(decision): dict(listed) for decision, listed in REASONS.items()},
        "bands": [str(band) for band in Band],
        "outcomes": [str(outcome) for outcome in Outcome],
        "ways": [_way_body(way, here.handing.why_not(way.form)) for way in WAYS],
        "weights": here.looking.weights().body(),
        "usual_weights": USUAL.body(),
    }


@router.get("/api/queue")
@needs(Role.VIEWER)
def queue(question: Annotated[Question, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return the things of a question in the order in which they are to be looked at.

    What each is, ``/api/found`` says; of a single hit the line itself does.
    """
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="queue")
    answer = here.looking.queue(question.selection(here))
    here.looking.book.refresh()
    asked = question.model_dump(mode="json", exclude_defaults=True)
    for source, consultation in enumerate(consultations):
        shown = [one.key.thing_id for one in answer.items if one.key.source == source]
        require_logged(consultation.viewed("queue", {"asked": asked, "things": shown}))
    items = _with_planted(answer.items, caller, here)
    return {
        "items": [_line(one, caller, here) for one in items],
        "total": answer.total,
        "single_hits_left": answer.singles_left,
        "cursor": here.looking.book.cursor,
    }


@router.get("/api/thing")
@needs(Role.VIEWER)
def thing(name: Annotated[ThingName, Query()], caller: Caller, here: Here) -> dict[str, Any]:
    """Return one thing closely: its picture, where it was when, what it did, who decided what."""
    consultations = here.desk.consult(caller.account.name, access=Access.VIEW, what="thing")
    if here.planting.holds(name.key()):
        one, path, chip = here.planting.one(name.key())
        return _card(one, caller, here) | {"path": path, "chip": chip}
    one = here.looking.one(name.key())
    here.looking.book.refresh()
    require_logged(consultations[one.key.source].viewed("thing", {"things": [one.key.thing_id]}))
    return _card(one, caller, here) | {
        "path": here.looking.path(one.key),
        "chip": here.looking.chips([one]).get(one.key),
        "outcomes": here.looking.outcomes(one.key),
    }


@router.post("/api/weights")
@needs(Role.SUPERVISOR)
def weigh(body: Weighing, caller: Caller, here: Here) -> dict[str, Any]:
    """Set how kinds of event count in the queue, for everybody; the log keeps who did."""
    weights = Weights(kinds=body.kinds, alert_from=body.alert_from, detection_from=body.detection_from)
    for source in range(len(here.desk.stores)):
        here.desk.store_of(source, caller.account.name).append(LeafKind.NOTE, WEIGHTS, weights.body())
    return {"weights": here.looking.weights().body()}


def standing_line(one: Queued, caller: Visitor, here: Console) -> dict[str, Any]:
    """Return how a thing stands in the queue, as far as this reader may know."""
    seen = seen_by(caller.account.name, one.key, one.rank.band, here.looking.book.standing(one.key))
    return {
        "source": one.key.source,
        "run": one.key.run_id,
        "id": one.key.thing_id,
        "rank": rank_body(one.rank),
        "standing": standing_body(seen.standing),
        "second": seen.asked,
    }


def _line(one: Queued, caller: Visitor, here: Console) -> dict[str, Any]:
    joined = {"joined": [key.thing_id for key in one.joined], "joined_probability": one.joined_probability}
    line = standing_line(one, caller, here) | joined
    on_the_map = not one.thing.single and not here.planting.holds(one.key)
    return line if on_the_map else _described(one, here) | line


def _card(one: Queued, caller: Visitor, here: Console) -> dict[str, Any]:
    return {
        **_described(one, here),
        **standing_line(one, caller, here),
        "events": sorted({event.kind for event in one.events}),
        "recording_id": one.thing.media_id,
        "media_t_ns": one.thing.media_t_ns,
    }


def _described(one: Queued, here: Console) -> dict[str, Any]:
    if here.planting.holds(one.key):
        row = here.planting.row(one) | {"operation": here.desk.stores[0].name}
    else:
        row = here.looking.row(one)
    return {name: value for name, value in row.items() if name not in _LEFT_OUT}


def _with_planted(items: Sequence[Queued], caller: Visitor, here: Console) -> list[Queued]:
    """Return the queue of somebody who decides, with known items among the unknown where a supervisor wants that."""
    if caller.account.role is not Role.ANALYST:
        return list(items)
    decided = [bool(here.looking.book.standing(one.key).decision) for one in items]
    return here.planting.within(caller.account.name, items, alert_waits(items, decided))


def _way_body(way: Way, why: str) -> dict[str, Any]:
    return {"form": way.form, "key": way.key, "text": way.text, "can": not why, "why": why}
