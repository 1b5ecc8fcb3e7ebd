"""What patrols found on the spot, brought back into the record: a track of a run, or single hits of one."""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import InputError
from operations.log.leaves import LeafKind
from operations.parts_file import read_part
from operations.values import PatrolOutcome

if TYPE_CHECKING:
    from operations.store import OperationStore
    from operations.values import Outcome

LONGEST_NOTE: Final = 2_000
"""Characters of what somebody writes beside an outcome or a verdict: a few sentences; a report is a document."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FromTheSpot:
    """What a patrol tells.

    Raises
    ------
    InputError
        When the note is too long, or the moment lies before 1970.
    """

    found: Outcome
    at_t_utc_ns: int = 0
    """When it was there; 0 where nobody said."""
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.note) > LONGEST_NOTE:
            raise InputError(f"the note has {len(self.note)} characters: {LONGEST_NOTE} are enough")
        if self.at_t_utc_ns < 0:
            raise InputError("the patrol was there before 1970: correct the moment")


def record_outcome(
    store: OperationStore, told: FromTheSpot, *, track_id: str = "", hit_ids: tuple[str, ...] = ()
) -> PatrolOutcome:
    """Add what a patrol found to the log; the store's actor is who brings it in.

    Nothing is replaced: who corrects an outcome adds a later one about the same track, and both are kept.

    Parameters
    ----------
    store
        The operation.
    told
        What was found, and when.
    track_id, hit_ids
        The track the patrol was sent to, or the single hits where there was no track; of a hit's id its beginning is
        enough where no other begins so.

    Raises
    ------
    InputError
        When the operation shows no such track or hits, or they are of several runs.
    """
    if bool(track_id) == bool(hit_ids):
        raise InputError("an outcome is about one track or about single hits: name one of the two")
    if hit_ids:
        hit_ids = _whole_ids(store, hit_ids)
    table, ids = ("tracks", (track_id,)) if track_id else ("hits", hit_ids)
    runs = _runs_with(store, table, ids)
    about = f"track {track_id}" if track_id else f"hits {', '.join(hit_ids)}"
    if len(runs) != 1:
        which = f"{len(runs)} runs" if runs else "no run"
        raise InputError(f"{about}: {which} of {store.path} that counts has it: take the id from 'vedette find'")
    outcome = PatrolOutcome(
        outcome_id=secrets.token_hex(8),
        run_id=runs[0],
        found=told.found,
        track_id=track_id,
        hit_ids=hit_ids,
        at_t_utc_ns=told.at_t_utc_ns,
        note=told.note,
    )
    store.append(LeafKind.OUTCOME, outcome.outcome_id, outcome.body())
    return outcome


def _whole_ids(store: OperationStore, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return whole ids of hits by their beginnings; what no id begins with stays as it was said."""
    found: dict[str, set[str]] = {name: set() for name in named}
    for part in store.parts("hits"):
        known = read_part(store.path, part, vault=store.vault, columns=["hit_id"])["hit_id"]
        for name, ids in found.items():
            ids.update(known.filter(pc.starts_with(known, name)).to_pylist())
    for name, ids in found.items():
        if len(ids) > 1 and name not in ids:
            raise InputError(f"the ids of {len(ids)} hits begin with {name}: take the whole one from 'vedette find'")
    return tuple(name if name in ids or not ids else next(iter(ids)) for name, ids in found.items())


def _runs_with(store: OperationStore, table: str, ids: tuple[str, ...]) -> list[str]:
    """Return the runs that count of which a table has all of some rows."""
    column, wanted = table[:-1] + "_id", pa.array(sorted(set(ids)), pa.string())
    met: dict[str, set[str]] = {}
    for part in store.parts(table):
        known = read_part(store.path, part, vault=store.vault, columns=[column])[column]
        met.setdefault(part.run_id, set()).update(known.filter(pc.is_in(known, value_set=wanted)).to_pylist())
    return [run_id for run_id, found in met.items() if len(found) == len(wanted)]
