"""Pictures in which nothing was flagged, looked at by people: what a detector misses is in no hit it made.

A few pictures of each run are taken by their names' hash: nobody chooses them, and the same ones come again. What
people say of them stands beside the verdicts, and tells how often there was something all the same.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from scipy.special import betaincinv

from geo.errors import InputError
from operations.findings import printable
from operations.log.leaves import LeafKind
from operations.outcomes import LONGEST_NOTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations.finding.archive import Archive
    from operations.store import OperationStore

PER_RUN: Final = 20
"""Pictures of one run: a quarter of an hour's reading for a night of ten flights."""
_SUBJECT: Final = "unflagged picture "
_SAMPLE: Final = """
SELECT run_id, media_id, stream, frame_index, media_t_ns, t_utc_ns FROM (
    SELECT f.*, row_number() OVER (
        PARTITION BY run_id ORDER BY md5(concat_ws(' ', run_id, media_id, stream, frame_index))) AS place
    FROM {frames} f WHERE media_t_ns IS NOT NULL {without_hits})
WHERE place <= $most ORDER BY run_id, place"""
_WITHOUT_HITS: Final = """AND NOT EXISTS (SELECT 1 FROM {hits} h WHERE h.run_id = f.run_id AND h.media_id = f.media_id
        AND h.stream = f.stream AND h.frame_index = f.frame_index)"""
_SURE: Final = 0.95


class InPicture(StrEnum):
    """What somebody saw in a picture in which nothing was flagged."""

    NOTHING = "nothing"
    SOMETHING = "something"
    UNSURE = "unsure"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One analysed picture without any hit."""

    run_id: str
    media_id: str
    stream: int
    frame_index: int
    media_t_ns: int
    t_utc_ns: int

    @property
    def name(self) -> str:
        """Return what tells it from every other of its operation."""
        return f"{self.run_id} {self.media_id} {self.stream} {self.frame_index}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What people saw in the pictures of one operation that were sampled."""

    sampled: int
    looked_at: int
    with_something: int
    """At least one person saw something that was not flagged."""
    in_conflict: int
    """Of these, the ones in which another person saw nothing."""

    def body(self) -> dict[str, Any]:
        """Return it as JSON values, with the share that something was missed in and its 95 % interval.

        C. J. Clopper, E. S. Pearson, Biometrika 26 (1934): exact, whatever the share.
        """
        told: dict[str, Any] = dataclasses.asdict(self)
        k, n = self.with_something, self.looked_at
        low = float(betaincinv(k, n - k + 1, (1.0 - _SURE) / 2.0)) if k else 0.0
        high = float(betaincinv(k + 1, n - k, (1.0 + _SURE) / 2.0)) if k < n else 1.0
        return told | {"share": round(k / n, 4) if n else None, "share_95": [round(low, 4), round(high, 4)]}


def sample(archive: Archive, source: int) -> list[Picture]:
    """Return the pictures of an operation that people look at: up to `PER_RUN` of each run that counts.

    Raises
    ------
    DamagedError
        When a part with its pictures is missing or cannot be read.
    """
    parts = {table: [one.part for one in archive.parts(table) if one.source == source] for table in ("frames", "hits")}
    if not parts["frames"]:
        return []
    query = _SAMPLE.replace("{without_hits}", _WITHOUT_HITS if parts["hits"] else "")
    return [Picture(**row) for row in archive.read(source, query, parts, most=PER_RUN).to_pylist()]


def say(store: OperationStore, picture: Picture, said: InPicture, note: str) -> None:
    """Put into the log what the store's actor saw in a picture; saying it again replaces their own word alone.

    Raises
    ------
    InputError
        When the note is too long.
    """
    if len(note) > LONGEST_NOTE:
        raise InputError(f"the note has {len(note)} characters: {LONGEST_NOTE} are enough")
    body = {"picture": picture.name, "said": str(said), "note": printable(note.strip())}
    store.append(LeafKind.NOTE, f"{_SUBJECT}{picture.name} {store.actor}", body)


def words(store: OperationStore) -> dict[str, dict[str, str]]:
    """Return what was said of each picture, by its name and then by person."""
    found: dict[str, dict[str, str]] = {}
    for leaf in store.newest(LeafKind.NOTE):
        if leaf.subject.startswith(_SUBJECT):
            found.setdefault(str(leaf.body["picture"]), {})[leaf.actor] = str(leaf.body["said"])
    return found


def looked(pictures: Iterable[Picture], said: dict[str, dict[str, str]]) -> Looked:
    """Count what was said of the pictures that are sampled now; who was unsure says nothing."""
    names = {picture.name for picture in pictures}
    firm = [{*of.values()} - {str(InPicture.UNSURE)} for name, of in said.items() if name in names]
    told = [one for one in firm if one]
    missed = [one for one in told if InPicture.SOMETHING in one]
    return Looked(
        sampled=len(names), looked_at=len(told), with_something=len(missed),
        in_conflict=sum(len(one) > 1 for one in missed),
    )  # fmt: skip
