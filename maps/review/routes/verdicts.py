"""Decisions: given, taken back, settled; and what others decided meanwhile."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from geo.errors import InputError, RefusedError
from maps.review.access.guard import Visitor
from maps.review.access.roles import Role, needs
from maps.review.console import Console
from maps.review.judging.deciding import Judgement, Subject, decide, take_back
from maps.review.judging.joining import join, part
from maps.review.judging.reading import agreement, wants_second
from maps.review.judging.verdict_book import Key
from maps.review.looking import Queued
from maps.review.planting import missed
from maps.review.routes.bodies import Planting, Split, ThingName, Things, Verdicts, nanoseconds
from maps.review.routes.things import standing_line
from maps.review.visits import Caller, Here
from operations.consultation import Access
from operations.regrouping import split, whole_of
from operations.standing import SECOND_READING, Given
from operations.store import OperationStore
from operations.values import Decision

router = APIRouter(tags=["verdicts"])


@router.post("/api/verdicts")
@needs(Role.ANALYST)
def give(body: Verdicts, caller: Caller, here: Here) -> dict[str, Any]:
    """Decide about things: each gets a verdict of the caller's own; where others decided differently, that is said."""
    if body.settle and not caller.account.role.may(Role.SUPERVISOR):
        raise RefusedError("a conflict is settled by a supervisor: yours stands beside the others' until then")
    here.desk.consult(caller.account.name, access=Access.VIEW, what="verdict")
    revealed = [_reveal(name, body.decision, caller, here) for name in body.items if here.planting.holds(name.key())]
    things = _things(body, here)
    here.looking.book.refresh()
    stores = _stores(caller, here, [one.key for one in things])
    for second in (False, True):
        subjects = [
            Subject(key=one.key, single=one.thing.single, hit_ids=here.looking.hits_of_piece(one.key))
            for one in things
            if _is_second(one, caller, here) == second
        ]
        judgement = Judgement(
            decision=body.decision, reason=body.reason, note=body.note, settle=body.settle,
            reading=SECOND_READING if second else "",
        )  # fmt: skip
        decide(stores, here.looking.book, subjects, judgement)
    return {"planted": revealed, **_after(things, caller, here)}


@router.post("/api/verdicts/undo")
@needs(Role.ANALYST)
def undo(body: Things, caller: Caller, here: Here) -> dict[str, Any]:
    """Take the caller's newest verdicts on things back: what they decided before holds again."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="verdict")
    things = _things(body, here)
    keys = [one.key for one in things]
    undone = take_back(_stores(caller, here, keys), here.looking.book, keys)
    return {"undone": undone, **_after(things, caller, here)}


@router.post("/api/join")
@needs(Role.ANALYST)
def join_tracks(body: Things, caller: Caller, here: Here) -> dict[str, Any]:
    """Take several tracks for one thing: one line in the queue, decided and handed on together."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="join")
    keys = [one.key for one in _things(body, here)]
    join(here.desk.store_of(keys[0].source, caller.account.name), keys)
    return {"joined": len(keys)}


@router.post("/api/part")
@needs(Role.ANALYST)
def part_tracks(body: Things, caller: Caller, here: Here) -> dict[str, Any]:
    """Set what was joined apart again."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="join")
    here.looking.joins.refresh()
    found = {joined.subject: joined for name in body.items if (joined := here.looking.joins.of(name.key())) is not None}
    for joined in found.values():
        part(here.desk.store_of(joined.keys[0].source, caller.account.name), joined)
    return {"parted": len(found)}


@router.post("/api/split")
@needs(Role.ANALYST)
def split_track(body: Split, caller: Caller, here: Here) -> dict[str, Any]:
    """Split a track at moments, each piece a thing of its own from then on; by no moment, make it whole again."""
    here.desk.consult(caller.account.name, access=Access.VIEW, what="split")
    key = body.thing.key()
    track = (key.run_id, whole_of(key.thing_id))
    moments = [moment for at in body.at if (moment := nanoseconds(at)) is not None]
    split(here.desk.store_of(key.source, caller.account.name), track, moments)
    return {"pieces": len(moments) + 1, "generation": here.looking.generation()}


@router.get("/api/changes")
@needs(Role.VIEWER, keeps_awake=False)
def changes(after: str, caller: Caller, here: Here) -> dict[str, Any]:
    """Return what was decided since a cursor, by anybody; pages ask for it by themselves."""
    book = here.looking.book
    book.refresh()
    cursor = book.cursor
    keys = {_key(given, name): None for given in book.since(after) for name in given.ids}
    changed = here.looking.known(keys) if len(keys) < 1_000 else []
    return {
        "cursor": cursor,
        "things": [standing_line(one, caller, here) for one in changed],
        "many": len(keys) >= 1_000,
        "generation": here.looking.generation(),
    }


@router.post("/api/planting")
@needs(Role.SUPERVISOR)
def plant(body: Planting, here: Here) -> dict[str, Any]:
    """Plant known items among what analysts read, two in a hundred, or stop it."""
    if body.on and not here.planting.there:
        raise InputError("no operation with known items was named when the console was started (--planted)")
    here.planting.on = body.on
    return {"on": here.planting.on}


@router.get("/api/agreement")
@needs(Role.SUPERVISOR)
def agree(here: Here) -> dict[str, Any]:
    """Return how far second readings agree with first ones, and what still waits for one."""
    pairs = here.looking.book.read_twice()
    kappa = agreement(pairs)
    return {
        "read_twice": len(pairs),
        "planted": missed(here.planting.readings()),
        "planting": {"on": here.planting.on, "there": here.planting.there},
        "kappa": None if kappa is None else round(kappa, 3),
        "table": {
            f"{first} / {second}": sum(pair == (first, second) for pair in pairs)
            for first in Decision
            for second in Decision
        },
    }


def _things(body: Things, here: Console) -> list[Queued]:
    """Return the things named, with all that they are joined with."""
    here.looking.joins.refresh()
    keys = [name.key() for name in body.items if not here.planting.holds(name.key())]
    return [here.looking.one(key) for key in here.looking.joins.whole(keys)]


def _reveal(name: ThingName, said: Decision, caller: Visitor, here: Console) -> dict[str, Any]:
    """Take a reading of a planted item in, and say what it was: to the reader, and to no case."""
    truth = here.planting.read(caller.account.name, name.key(), said, here.clock())
    return {"source": name.source, "run": name.run, "id": name.id, "truth": str(truth), "said": str(said)}


def _is_second(one: Queued, caller: Visitor, here: Console) -> bool:
    standing = here.looking.book.standing(one.key)
    read = any(given.by == caller.account.name and given.counts for given in standing.given)
    return not read and wants_second(one.key, one.rank.band, standing)


def _stores(caller: Visitor, here: Console, keys: list[Key]) -> dict[int, OperationStore]:
    return {source: here.desk.store_of(source, caller.account.name) for source in sorted({key.source for key in keys})}


def _after(things: list[Queued], caller: Visitor, here: Console) -> dict[str, Any]:
    return {"things": [standing_line(one, caller, here) for one in things], "cursor": here.looking.book.cursor}


def _key(given: Given, name: str) -> Key:
    return Key(source=given.source, run_id=given.verdict.run_id, thing_id=name)
