"""Looking at things: the queue with what each did and what was decided, and one thing closely."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.events import Event
from maps.review.errors import NotThereError
from maps.review.judging.joining import Joins
from maps.review.judging.ordering import USUAL, Band, Rank, Weights, rank
from maps.review.judging.verdict_book import Key, VerdictBook
from maps.review.pictures import pictures_of
from operations.finding.described import described, utc_text
from operations.finding.hits_of_things import hit_ids_of
from operations.finding.selection import ThingSelection, find
from operations.log.leaves import LeafKind
from operations.regrouping import whole_of
from operations.values import PatrolOutcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

    from maps.review.desk import Desk
    from missions.briefs.places import GeoLine
    from operations.finding.border import BorderLine
    from operations.finding.things import Thing, Things
    from operations.standing import Given, Standing

WEIGHTS: Final = "review weights"
"""Subject of the record of how the operation's owner weighs kinds of event."""
MOST: Final = 5_000
"""Things in the queue at once, the newest: what more there is, is said and found by narrower questions."""
_EVENTS: Final = """
SELECT event_id, run_id, kind, t_utc_ns, coalesce(t_to_utc_ns, t_utc_ns) AS t_to_utc_ns, track_ids,
    coalesce(probability, 'nan'::FLOAT) AS probability, coalesce(lat_deg, 'nan'::DOUBLE) AS lat_deg,
    coalesce(lon_deg, 'nan'::DOUBLE) AS lon_deg, coalesce(ce90_m, 'nan'::FLOAT) AS ce90_m, details FROM {events}"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How things are looked at: what distances are measured from, and where local times count."""

    lines: tuple[GeoLine, ...] = ()
    border: BorderLine | None = None
    zone: dt.tzinfo | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One thing in the queue."""

    key: Key
    thing: Thing
    rank: Rank
    events: tuple[Event, ...]
    joined: tuple[Key, ...] = ()
    """The tracks that are taken for this one thing, itself among them; empty where it stands alone."""
    joined_probability: float | None = None
    """Where the program joined them: of the least likely link."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue as it stands: alerts, detections, the rest, each in its order."""

    items: tuple[Queued, ...]
    total: int
    singles_left: int


class Looking:
    """Reads things for the console.

    Parameters
    ----------
    desk
        The operations on the table.
    sight
        Border and zone.
    """

    def __init__(self, desk: Desk, sight: Sight) -> None:
        self.desk = desk
        self.sight = sight
        self.book = VerdictBook(desk.stores)
        self.joins = Joins(desk.stores)
        self._events: tuple[int, dict[Key, tuple[Event, ...]]] = (-1, {})
        self._places: tuple[int, dict[Key, tuple[Things, int]]] = (-1, {})

    def weights(self) -> Weights:
        """Return how the operation's owner weighs events: the newest word in any of the operations."""
        told = [leaf for store in self.desk.stores if (leaf := store.record(LeafKind.NOTE, WEIGHTS)) is not None]
        if not told:
            return USUAL
        body = max(told, key=lambda leaf: leaf.t_utc_ns).body
        alert, detection = float(body["alert_from"]), float(body["detection_from"])
        return Weights(kinds=dict(body["kinds"]), alert_from=alert, detection_from=detection)

    def queue(self, selection: ThingSelection) -> Queue:
        """Return the things of a question in the order in which they are to be looked at."""
        with self.desk.turn:
            found = find(self.desk.archive, self.desk.index, selection, limit=MOST)
            weights, now = self.weights(), self.desk.clock()
            items = [self._queued(found.things[row], weights, now_utc_ns=now) for row in range(len(found.things))]
            self._remember(found.things)
        order = list(Band)
        items.sort(key=lambda one: (order.index(one.rank.band), -one.rank.order, -one.thing.t_utc_ns))
        return Queue(items=tuple(self._first_of_each(items)), total=found.total, singles_left=found.singles_left)

    def _first_of_each(self, items: list[Queued]) -> Iterator[Queued]:
        """Yield what stands alone, and of what was joined what comes first."""
        self.joins.refresh()
        told = set[str]()
        for one in items:
            joined = self.joins.of(one.key)
            if joined is None:
                yield one
            elif (name := f"{one.key.source} {joined.subject}") not in told:
                told.add(name)
                yield dataclasses.replace(one, joined=joined.keys, joined_probability=joined.probability)

    def one(self, key: Key) -> Queued:
        """Return one thing.

        Raises
        ------
        NotThereError
            When no operation on the table has it any more.
        """
        with self.desk.turn:
            things, row = self._place(key)
            return self._queued(things[row], self.weights(), now_utc_ns=self.desk.clock())

    def known(self, keys: Iterable[Key]) -> list[Queued]:
        """Return those of some things that an operation still has."""
        found = []
        for key in keys:
            with contextlib.suppress(NotThereError):
                found.append(self.one(key))
        return found

    def row(self, one: Queued) -> dict[str, Any]:
        """Return a thing as it is told to programs; see `described`."""
        with self.desk.turn:
            return described(one.thing, self.desk.archive, self.sight.zone)

    def generation(self) -> int:
        """Return a number that grows whenever there are other runs or parts than before."""
        with self.desk.turn:
            self.desk.archive.refresh()
            return self.desk.archive.generation

    def path(self, key: Key) -> list[dict[str, Any]]:
        """Return the points of a thing and of all that is joined with it: when it was where, as far as is known."""
        self.joins.refresh()
        return sorted((point for one in self.joins.whole([key]) for point in self._path(one)), key=_moment)

    def _path(self, key: Key) -> list[dict[str, Any]]:
        with self.desk.turn:
            things, row = self._place(key)
            points = slice(int(things.offsets[row]), int(things.offsets[row + 1]))
            columns = (things.point_t_utc_ns, things.point_lat_deg, things.point_lon_deg, things.point_ce90_m)
            rows = zip(*(column[points].tolist() for column in columns), strict=True)
        return [
            {"utc": utc_text(t_ns), "lat_deg": lat, "lon_deg": lon, "ce90_m": ce90 if math.isfinite(ce90) else None}
            for t_ns, lat, lon, ce90 in rows
            if math.isfinite(lat)
        ]

    def chips(self, wanted: Iterable[Queued]) -> dict[Key, str]:
        """Return the pictures of things as base64, those that were kept."""
        with self.desk.turn:
            return pictures_of(self.desk.archive, {one.key: one.thing.best_hit_id for one in wanted})

    def hits_of_piece(self, key: Key) -> tuple[str, ...]:
        """Return the hits of a piece of a split track; none for what is whole."""
        if whole_of(key.thing_id) == key.thing_id:
            return ()
        with self.desk.turn:
            things, row = self._place(key)
            return tuple(hit_ids_of(self.desk.archive, things.take(np.array([row])))[0])

    def outcomes(self, key: Key) -> list[dict[str, Any]]:
        """Return what patrols found where a thing was, and who brought it in."""
        told = []
        for leaf in self.desk.stores[key.source].newest(LeafKind.OUTCOME):
            found = PatrolOutcome.of(leaf.body)
            if found.run_id == key.run_id and key.thing_id in {found.track_id, *found.hit_ids}:
                when = utc_text(found.at_t_utc_ns or leaf.t_utc_ns)
                told.append({"found": str(found.found), "note": found.note, "by": leaf.actor, "utc": when})
        return told

    def _queued(self, thing: Thing, weights: Weights, *, now_utc_ns: int) -> Queued:
        key = Key(source=thing.source, run_id=thing.run_id, thing_id=thing.thing_id)
        events = self._events_now().get(key, ())
        return Queued(
            key=key,
            thing=thing,
            rank=rank(thing, events, weights, now_utc_ns=now_utc_ns),
            events=events,
        )

    def _remember(self, things: Things) -> None:
        """Keep where things of the last answers stand, so that one of them is found again at once."""
        generation, known = self._places
        if generation != self.desk.archive.generation or len(known) > 4 * MOST:
            known = {}
        names, runs = things.ids["thing_id"].texts().tolist(), things.text["run_id"].texts().tolist()
        sources = things.number["source"].tolist()
        for row, (source, run_id, name) in enumerate(zip(sources, runs, names, strict=True)):
            known[Key(source=source, run_id=run_id, thing_id=name)] = (things, row)
        self._places = (self.desk.archive.generation, known)

    def _place(self, key: Key) -> tuple[Things, int]:
        self.desk.archive.refresh()
        generation, known = self._places
        if generation != self.desk.archive.generation or key not in known:
            asked = ThingSelection(thing_ids=(key.thing_id,), singles=True, border=self.sight.border)
            self._remember(find(self.desk.archive, self.desk.index, asked).things)
            known = self._places[1]
        if key not in known:
            raise NotThereError(
                f"{key.thing_id[:40]!a} is in no operation on the table any more: it was erased, or a newer run "
                "replaced it; load the queue again"
            )
        return known[key]

    def _known_as(self, source: int, run_id: str, track_id: str, event: Event) -> str:
        """Return the thing that did something: of a split track, the piece of that moment."""
        return self.desk.archive.regrouping(source).name_at((run_id, track_id), event.t_utc_ns)

    def _events_now(self) -> Mapping[Key, tuple[Event, ...]]:
        """Return what things did, by thing; read again when there are other runs or parts than before."""
        generation, known = self._events
        if generation == self.desk.archive.generation:
            return known
        gathered: dict[Key, list[Event]] = {}
        for source in range(len(self.desk.stores)):
            parts = [one.part for one in self.desk.archive.parts("events") if one.source == source]
            for row in self.desk.archive.read(source, _EVENTS, {"events": parts}).to_pylist() if parts else ():
                run_id = str(row.pop("run_id"))
                row |= {"track_ids": tuple(row["track_ids"]), "details": _details(row["details"])}
                event = Event(**row)
                for name in (self._known_as(source, run_id, track_id, event) for track_id in event.track_ids):
                    gathered.setdefault(Key(source=source, run_id=run_id, thing_id=name), []).append(event)
        known = {key: tuple(events) for key, events in gathered.items()}
        self._events = (self.desk.archive.generation, known)
        return known


def _moment(point: Mapping[str, Any]) -> str:
    return str(point["utc"] or "")


def _details(text: object) -> dict[str, str | float]:
    """Return what an event's row says beside; nothing where it is no JSON object."""
    try:
        value = json.loads(str(text))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def rank_body(told: Rank) -> dict[str, Any]:
    """Return a rank as the console's pages read it."""
    return {
        "band": str(told.band),
        "order": round(told.order, 4),
        "probability": round(told.probability, 4),
        "kind": told.kind,
        "weight": told.weight,
        "time_left_s": _number(told.time_left_s),
    }


def given_body(given: Given) -> dict[str, Any]:
    """Return a verdict as the console's pages read it."""
    verdict = given.verdict
    return {
        "by": given.by,
        "utc": utc_text(given.t_utc_ns),
        "decision": str(verdict.decision),
        "reason": verdict.reason,
        "note": verdict.note,
        "run": verdict.run_id,
        "proposal": not given.counts,
        "settles": len(given.settles),
    }


def standing_body(standing: Standing) -> dict[str, Any]:
    """Return what was decided about a thing as the console's pages read it."""
    return {
        "decision": standing.decision,
        "by": sorted({one.by for one in standing.given if one.counts}),
        "given": [given_body(one) for one in standing.given],
    }


def _number(value: float) -> float | None:
    return round(value, 7) if math.isfinite(value) else None
