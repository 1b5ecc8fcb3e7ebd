"""What the console's map, list and card show: the data of the offline page, delivered instead of embedded.

No decision is among them: who may see which, the queue says. Of very many hits none is delivered at first; those of
a track come when somebody looks at it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.labels import Labels
from maps.errors import NothingToShowError
from maps.gathering import gather, gather_hits, gather_tracks
from maps.offline_map import map_data
from maps.operation_data import hits_data
from maps.operation_map import Surroundings, content_of
from maps.review.errors import NotThereError
from maps.review.judging.verdict_book import Key
from operations.finding.selection import ThingSelection, find

if TYPE_CHECKING:
    from maps.basemap_file import BasemapOnDisk
    from maps.gathering import Gathered
    from maps.offline_map import MapContent
    from maps.review.desk import Desk
    from maps.review.looking import Sight

MOST_HITS: Final = 50_000
"""Hits that are delivered with the rest: about a megabyte."""
TILES: Final = "/api/tiles"
_SOMEWHERE: Final = ((-120.0, -50.0), (150.0, 65.0))
"""What a map shows before anything was found."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is delivered, and what it was made of."""

    generation: int
    gathered: Gathered
    row: dict[Key, int]
    found: dict[str, Any]
    body: bytes


class Found:
    """Delivers what was found, as the pages' scripts read it.

    Parameters
    ----------
    desk
        The operations on the table.
    sight
        Border and zone.
    basemap
        The map beneath, whose tiles are asked for one by one at `TILES`.
    """

    def __init__(self, desk: Desk, sight: Sight, basemap: BasemapOnDisk | None = None) -> None:
        self._desk = desk
        self._sight = sight
        self.basemap = basemap
        self._answer: _Answer | None = None

    def page(self) -> tuple[bytes, list[Key]]:
        """Return the page's data as JSON, and which things are in them.

        Raises
        ------
        DamagedError
            When a part is missing or cannot be read.
        """
        answer = self._now()
        return answer.body, list(answer.row)

    def hits(self, key: Key) -> dict[str, Any]:
        """Return the hits of a track as packed columns.

        Raises
        ------
        NotThereError
            When no operation on the table has it.
        """
        answer = self._now()
        if key not in answer.row:
            raise NotThereError("that track is in no operation on the table any more: load the page again")
        with self._desk.turn:
            gathered = gather_hits(self._desk.archive, answer.gathered, answer.row[key])
        return hits_data(gathered, answer.found, self._sight.border)

    def _now(self) -> _Answer:
        with self._desk.turn:
            self._desk.archive.refresh()
            if self._answer is None or self._answer.generation != self._desk.archive.generation:
                self._answer = self._made()
            return self._answer

    def _made(self) -> _Answer:
        archive = self._desk.archive
        things = find(archive, self._desk.index, ThingSelection(border=self._sight.border)).things
        whole = sum(one.part.rows for one in archive.parts("hits")) <= MOST_HITS
        gathered = _undecided(gather(archive, things, whole=True) if whole else gather_tracks(archive, things))
        around = Surroundings(border=self._sight.lines, zone=self._sight.zone)
        content = content_of(archive, gathered, around, ", ".join(store.name for store in archive.stores))
        data = _placed(content)
        found = data["found"] | {"existence_shown": 0.0, "whole": whole}
        if self.basemap is not None:
            data["basemap"] = self.basemap.data(TILES)
        body = json.dumps(data | {"found": found}, separators=(",", ":"), allow_nan=False).encode()
        row = {key: at for at, key in enumerate(_keys(gathered))}
        return _Answer(generation=archive.generation, gathered=gathered, row=row, found=found, body=body)


def _undecided(gathered: Gathered) -> Gathered:
    """Return the same without what people decided: a second reader learns of none before their own."""
    things = gathered.things
    blank = dataclasses.replace(things, text=things.text | {"decision": Labels.repeated("", len(things))})
    return dataclasses.replace(gathered, things=blank, decision=np.zeros_like(gathered.decision))


def _placed(content: MapContent) -> dict[str, Any]:
    try:
        return map_data(content)
    except NothingToShowError:
        return map_data(dataclasses.replace(content, extent=_SOMEWHERE))


def _keys(gathered: Gathered) -> list[Key]:
    things = gathered.things
    names = (things.text["run_id"].texts().tolist(), things.ids["thing_id"].texts().tolist())
    rows = zip(things.number["source"].tolist(), *names, strict=True)
    return [Key(source=source, run_id=run, thing_id=name) for source, run, name in rows]
